//! What a stream's header shows to anybody, before a key proves it.

use super::area::{Slots, Start};
use super::{DecryptError, read_area};
use crate::key::{KeyEncryption, WrappedKey};
use crate::read_at::{ReadAt, read_exact_at};

/// Reads a stream's header. Only opening proves it.
///
/// # Errors
///
/// [`DecryptError`], as far as the header shows.
pub fn inspect(stream: &(impl ReadAt + ?Sized)) -> Result<Header, DecryptError> {
    let (_, slots) = read(stream)?;
    let (slot, other, slots) = match slots {
        Slots::Alike(slot) => (slot, None, HeaderSlots::Alike),
        Slots::Differ { newer, older } => (newer, Some(older.wrapped), HeaderSlots::Differ),
        Slots::One(slot) => (slot, None, HeaderSlots::OneTorn),
    };
    Ok(Header { wrapped: slot.wrapped, other, slots })
}

/// A stream's data key as it is wrapped now: that of the slot which is tried first. Only opening proves it.
///
/// # Errors
///
/// [`DecryptError`], as far as the header shows.
pub fn wrapped_key(stream: &(impl ReadAt + ?Sized)) -> Result<WrappedKey, DecryptError> {
    inspect(stream).map(|header| header.wrapped)
}

/// Proves a stream's header: that this key opens it, and that it was written with the data key in it.
///
/// That is the header in the slot that is tried first. A stream whose slots are not [alike](HeaderSlots::Alike) may open by the
/// other one.
///
/// # Errors
///
/// [`DecryptError`].
pub fn check_header(key: &dyn KeyEncryption, stream: &(impl ReadAt + ?Sized)) -> Result<(), DecryptError> {
    let (start, slots) = read(stream)?;
    let (Slots::Alike(slot) | Slots::One(slot) | Slots::Differ { newer: slot, .. }) = slots;
    start.open(key, &slot)?;
    Ok(())
}

/// A stream's header as it lies there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    wrapped: WrappedKey,
    other: Option<WrappedKey>,
    slots: HeaderSlots,
}

impl Header {
    /// The wrapped data key in the slot that is tried first.
    pub fn wrapped_key(&self) -> &WrappedKey {
        &self.wrapped
    }

    /// That in the other slot, where both are whole and differ: it is tried where the first does not open. A program that
    /// looks for the key by its name has to have both, or the name in a forged slot leads it astray.
    pub fn other_wrapped_key(&self) -> Option<&WrappedKey> {
        self.other.as_ref()
    }

    /// Whether both slots are as they should be.
    pub fn slots(&self) -> HeaderSlots {
        self.slots
    }
}

/// How a stream's two header slots are. It opens as long as one is good; a rewrap makes both good again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderSlots {
    /// They hold the same, as they do unless something happened.
    Alike,
    /// They hold different things: a rewrap was interrupted, or somebody forged one.
    Differ,
    /// One was torn by a crash, rotted or was changed. If the other goes too, so does the stream.
    OneTorn,
}

/// The first sector and the slots.
pub(super) fn read(stream: &(impl ReadAt + ?Sized)) -> Result<(Start, Slots), DecryptError> {
    let mut at = 0;
    read_area(&mut |buffer| {
        read_exact_at(stream, buffer, at).map_err(DecryptError::of_reading)?;
        at = at.saturating_add(u64::try_from(buffer.len()).unwrap_or(u64::MAX));
        Ok(())
    })
}
