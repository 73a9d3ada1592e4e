//! The few things that the engine asks of a disk, so that tests can put one under it that loses power.
//!
//! A [`Disk`] is one flat directory. What is written, resized or renamed is only certain to be there after a loss of
//! power once it has been synced: a file's bytes and length by [`File::sync_data`], names by [`Disk::sync`].

mod real;

use std::any::Any;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

pub use real::RealDisk;

/// A directory of files. Names have no separators.
pub trait Disk: Send + Sync + 'static {
    /// Where it is, for messages.
    fn directory(&self) -> PathBuf;

    /// Opens a file to read and write.
    ///
    /// # Errors
    ///
    /// `NotFound` if there is none, and what the operating system says.
    fn open(&self, name: &str) -> io::Result<Arc<dyn File>>;

    /// Makes an empty file.
    ///
    /// # Errors
    ///
    /// `AlreadyExists` if there is one, and what the operating system says.
    fn create(&self, name: &str) -> io::Result<Arc<dyn File>>;

    /// Gives a file another name; replaces what has that name.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// The names of all files.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    fn list(&self) -> io::Result<Vec<String>>;

    /// Makes names durable: what was created, renamed and removed.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    fn sync(&self) -> io::Result<()>;

    /// Holds the disk for this process until the guard is dropped or the process ends, however it ends.
    ///
    /// # Errors
    ///
    /// [`LockError`].
    fn lock(&self, name: &str) -> Result<LockGuard, LockError>;
}

/// A file of a [`Disk`].
#[expect(clippy::len_without_is_empty, reason = "nobody asks a file whether it is empty")]
pub trait File: Send + Sync + 'static {
    /// Its length in bytes.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    fn len(&self) -> io::Result<u64>;

    /// Fills `buffer` with the bytes from `offset` on.
    ///
    /// # Errors
    ///
    /// `UnexpectedEof` if the file ends before, and what the operating system says.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()>;

    /// Writes all of `bytes` at `offset`; the file grows if need be.
    ///
    /// # Errors
    ///
    /// What the operating system says. A part may have been written.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Cuts the file or lengthens it with zeros.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    fn set_len(&self, len: u64) -> io::Result<()>;

    /// Makes its bytes and its length durable (fdatasync).
    ///
    /// # Errors
    ///
    /// What the operating system says. After an error nothing is known about what was written since the last success:
    /// the system may have thrown it away, and a second try may succeed without having written it.
    fn sync_data(&self) -> io::Result<()>;
}

/// Holds a lock until it is dropped.
pub type LockGuard = Box<dyn Any + Send + Sync>;

/// Why a disk could not be locked.
#[derive(Debug)]
pub enum LockError {
    /// Another process holds it.
    Held {
        /// Which, if it has noted it.
        pid: Option<u32>,
    },
    /// The lock file could not be used.
    Io(io::Error),
}

/// An error that goes away when there is room again or the disk becomes writable: nothing is lost by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoRoom {
    Full,
    ReadOnly,
}

impl NoRoom {
    pub(crate) fn of(error: &io::Error) -> Option<Self> {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Some(Self::Full),
            io::ErrorKind::ReadOnlyFilesystem => Some(Self::ReadOnly),
            _ => None,
        }
    }
}

/// The same error again, for each of several who wait for one operation.
#[cfg(feature = "redb")]
pub(crate) fn duplicate(error: &io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code),
        None => io::Error::new(error.kind(), error.to_string()),
    }
}
