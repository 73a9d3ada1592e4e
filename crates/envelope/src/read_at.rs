//! Bytes that can be read at any place.

use std::fs::File;
use std::io;

/// A source that is read by place, by several threads at once. Its length must not change meanwhile.
pub trait ReadAt: Send + Sync {
    /// How many bytes there are.
    ///
    /// # Errors
    ///
    /// The source's.
    fn size(&self) -> io::Result<u64>;

    /// Reads some bytes from `offset` on, and says how many; 0 means that there are none, as at and beyond
    /// [`size`](Self::size).
    ///
    /// # Errors
    ///
    /// The source's.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// The `len` bytes from `offset` on where they lie, for a source that is in memory already: they need not be copied then.
    /// `None`, unless overridden, and wherever [`read_at`](Self::read_at) is to be asked instead.
    fn lend(&self, offset: u64, len: usize) -> Option<&[u8]> {
        let _ = (offset, len);
        None
    }
}

/// Fills the buffer from `offset` on.
///
/// # Errors
///
/// The source's; [`io::ErrorKind::UnexpectedEof`] when it ends before.
pub(crate) fn read_exact_at(
    source: &(impl ReadAt + ?Sized),
    mut buffer: &mut [u8],
    mut offset: u64,
) -> io::Result<()> {
    while !buffer.is_empty() {
        match source.read_at(buffer, offset) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => {
                buffer = buffer.get_mut(read..).ok_or(io::ErrorKind::InvalidData)?;
                offset = offset.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

impl<S: ReadAt + ?Sized> ReadAt for &S {
    fn size(&self) -> io::Result<u64> {
        (**self).size()
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        (**self).read_at(buffer, offset)
    }

    fn lend(&self, offset: u64, len: usize) -> Option<&[u8]> {
        (**self).lend(offset, len)
    }
}

impl ReadAt for [u8] {
    fn size(&self) -> io::Result<u64> {
        u64::try_from(self.len()).map_err(|_| io::ErrorKind::FileTooLarge.into())
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let rest = usize::try_from(offset).ok().and_then(|at| self.get(at..)).unwrap_or_default();
        let len = rest.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..len), rest.get(..len)) {
            to.copy_from_slice(from);
        }
        Ok(len)
    }

    fn lend(&self, offset: u64, len: usize) -> Option<&[u8]> {
        self.get(usize::try_from(offset).ok()?..)?.get(..len)
    }
}

impl ReadAt for Vec<u8> {
    fn size(&self) -> io::Result<u64> {
        self.as_slice().size()
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.as_slice().read_at(buffer, offset)
    }

    fn lend(&self, offset: u64, len: usize) -> Option<&[u8]> {
        self.as_slice().lend(offset, len)
    }
}

#[cfg(unix)]
impl ReadAt for File {
    fn size(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        std::os::unix::fs::FileExt::read_at(self, buffer, offset)
    }
}
