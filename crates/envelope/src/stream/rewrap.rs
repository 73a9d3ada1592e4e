//! Rewrapping a stream where it lies: two slots are written, the body is not read.
//!
//! The order is what makes a crash harmless. First the slot that does *not* count gets the new header and is synced; only
//! then does the other one, which until now held the old header whole. At every instant one slot is whole, and a reader
//! takes the whole one of the higher generation. In the end both hold the same, so that the data key as the old key wrapped
//! it is gone from the object, and one slot may rot.
//!
//! What is read need not be durable. A rewrap that was killed before a sync, or whose sync failed, leaves in the cache what
//! the disk does not hold, and after a failed sync a file system may take it for written. What may be in that state is always
//! the slot that was written last; the other one is durable. So the next rewrap writes that slot first if both are alike, for
//! which the generation tells which it was; if they differ it is the newer one, which is written and synced once more
//! before the older one, the last that is known to be durable, is touched.
//!
//! (A copy-on-write file system, a flash disk and a backup keep old blocks for a while. Whoever has those and the old key has
//! the data key: destroy the old version of the key where that matters.)

use std::error::Error;
use std::{fmt, io};

use super::DecryptError;
use super::area::{SlotError, Slots, second_written};
use super::inspect::read;
use crate::envelope::Envelope;
use crate::error::{KeyError, OpenError};
use crate::key::KeyEncryption;
use crate::read_at::ReadAt;

/// A place whose bytes can be changed.
pub trait Area: ReadAt {
    /// Writes all of the bytes from `offset` on.
    ///
    /// # Errors
    ///
    /// The place's.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Returns once everything written is durable.
    ///
    /// # Errors
    ///
    /// The place's.
    fn sync(&self) -> io::Result<()>;
}

#[cfg(unix)]
impl Area for std::fs::File {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        std::os::unix::fs::FileExt::write_all_at(self, bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }
}

impl<K: KeyEncryption> Envelope<K> {
    /// Wraps a stream's data key anew, in place, under the version of the key that is now in use. The body is neither read
    /// nor written, and the associated data are not needed. One caller at a time may do this to one stream.
    ///
    /// After an error or a crash the stream decrypts as before, under the old key or the new one; repeat it. Repeating is as
    /// safe: whatever was interrupted how often, one slot is whole on the disk, as long as `stream` is durable as it is given.
    ///
    /// # Errors
    ///
    /// [`StreamRewrapError`].
    pub fn rewrap_stream(&self, stream: &(impl Area + ?Sized)) -> Result<(), StreamRewrapError> {
        rewrap_in_place(self.key(), self.key(), stream)
    }
}

/// As [`Envelope::rewrap_stream`], from one key to another.
///
/// # Errors
///
/// [`StreamRewrapError`].
pub fn rewrap_in_place(
    old: &dyn KeyEncryption,
    new: &dyn KeyEncryption,
    stream: &(impl Area + ?Sized),
) -> Result<(), StreamRewrapError> {
    let (start, slots) = read(stream).map_err(StreamRewrapError::Open)?;
    // Verified first: a header that somebody changed must not come out under a fresh tag.
    let (slot, data_key) = slots
        .try_each(|slot| Ok((slot, start.open(old, slot)?)))
        .map_err(|error: OpenError| StreamRewrapError::Open(error.into()))?;
    let wrapped = data_key.wrap(new, start.prologue()).map_err(StreamRewrapError::Wrap)?;
    let second = match &slots {
        Slots::Alike(slot) => 1 - second_written(slot.generation),
        Slots::Differ { .. } | Slots::One(_) => slot.index,
    };
    let generation = next_generation(slot.generation, second).ok_or(StreamRewrapError::Open(
        DecryptError::Open(OpenError::Damaged("it was rewrapped more often than it can be")),
    ))?;
    let bytes = start.slot(&data_key, generation, &wrapped)?;
    let put = |index, bytes: &[u8]| {
        let offset = u64::try_from(start.slot_at(index)).unwrap_or(u64::MAX);
        stream.write_at(bytes, offset).and_then(|()| stream.sync()).map_err(StreamRewrapError::Write)
    };
    if matches!(&slots, Slots::Differ { newer, .. } if newer.index == slot.index) {
        put(slot.index, &start.slot(&data_key, slot.generation, &slot.wrapped)?)?;
    }
    put(1 - second, &bytes)?;
    put(second, &bytes)
}

/// The next generation that writes this slot second.
fn next_generation(generation: u64, second: usize) -> Option<u64> {
    let next = generation.checked_add(1)?;
    if second_written(next) == second { Some(next) } else { next.checked_add(1) }
}

/// A stream was not rewrapped, or not wholly. It decrypts under the old key or the new one.
#[derive(Debug)]
pub enum StreamRewrapError {
    /// Its header does not open under the old key.
    Open(DecryptError),
    /// The new key did not wrap its data key.
    Wrap(KeyError),
    /// The newly wrapped key is longer than this stream has room for.
    NoRoom {
        /// The bytes it takes.
        needed: usize,
        /// The bytes there are.
        slot: usize,
    },
    /// The header could not be written.
    Write(io::Error),
}

impl fmt::Display for StreamRewrapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open(error) => error.fmt(f),
            Self::Wrap(error) => write!(f, "the stream stays under its old key: {error}"),
            Self::NoRoom { needed, slot } => write!(
                f,
                "the header of the stream has room for {slot} bytes, and the new key needs {needed}: decrypt it and encrypt \
                 it again under the new key"
            ),
            Self::Write(error) => write!(
                f,
                "the header of the stream could not be written ({error}); the stream is still good, under the old key or the \
                 new one: keep both and repeat this"
            ),
        }
    }
}

impl Error for StreamRewrapError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Open(error) => Some(error),
            Self::Wrap(error) => Some(error),
            Self::NoRoom { .. } => None,
            Self::Write(error) => Some(error),
        }
    }
}

impl From<SlotError> for StreamRewrapError {
    fn from(error: SlotError) -> Self {
        match error {
            SlotError::NoRoom { needed, slot } => Self::NoRoom { needed, slot },
            SlotError::Key(error) => Self::Wrap(error),
        }
    }
}
