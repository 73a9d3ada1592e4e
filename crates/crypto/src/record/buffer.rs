//! The buffer in which a record is sealed.

use std::mem;

use zeroize::Zeroize as _;

use super::header::HEADER_LEN;
use super::{OVERHEAD, TAG_LEN};

/// Header ‖ body ‖ tag in one piece of memory, so that sealing copies nothing. Until it is sealed the body is plaintext:
/// it is wiped on drop, and when the buffer grows or is cleared.
pub struct RecordBuf {
    /// Header ‖ body, and the tag once sealed.
    bytes: Vec<u8>,
    sealed: bool,
}

impl RecordBuf {
    /// An empty body.
    pub fn new() -> Self {
        Self::with_capacity(0)
    }

    /// An empty body with room for this many bytes.
    pub fn with_capacity(body: usize) -> Self {
        let mut bytes = Vec::with_capacity(body.saturating_add(OVERHEAD));
        bytes.resize(HEADER_LEN, 0);
        Self { bytes, sealed: false }
    }

    /// Empties the body and keeps the memory, to be used for another record.
    pub fn clear(&mut self) {
        self.wipe();
        self.bytes.truncate(HEADER_LEN);
        self.sealed = false;
    }

    /// Appends to the body. After sealing, it begins a new record.
    pub fn push(&mut self, bytes: &[u8]) {
        self.make_room(bytes.len());
        self.bytes.extend_from_slice(bytes);
    }

    /// Appends zeros to the body: padding, or room to be filled through [`body_mut`](Self::body_mut).
    pub fn push_zeros(&mut self, count: usize) {
        self.make_room(count);
        self.bytes.resize(self.bytes.len() + count, 0);
    }

    /// The body: plaintext before sealing, ciphertext after.
    pub fn body(&self) -> &[u8] {
        self.bytes.get(HEADER_LEN..self.body_end()).unwrap_or_default()
    }

    /// The body, to be changed in place. After sealing it is empty.
    pub fn body_mut(&mut self) -> &mut [u8] {
        if self.sealed {
            return &mut [];
        }
        self.bytes.get_mut(HEADER_LEN..).unwrap_or_default()
    }

    /// The sealed record; `None` before sealing.
    pub fn as_record(&self) -> Option<&[u8]> {
        self.sealed.then_some(&self.bytes)
    }

    /// The sealed record; `None` before sealing.
    pub fn into_vec(mut self) -> Option<Vec<u8>> {
        self.sealed.then(|| mem::take(&mut self.bytes))
    }

    /// Ends a record: `seal` gets the body and gives the header and the tag. When it fails the body is wiped.
    #[inline]
    pub(super) fn seal_with<E>(
        &mut self,
        seal: impl FnOnce(&mut [u8]) -> Result<([u8; HEADER_LEN], [u8; TAG_LEN]), E>,
    ) -> Result<(), E> {
        match seal(self.body_mut()) {
            Ok((header, tag)) => {
                if let Some(place) = self.bytes.first_chunk_mut() {
                    *place = header;
                }
                // The room was kept since the buffer was made, and what moves is ciphertext by now in any case.
                self.bytes.extend_from_slice(&tag);
                self.sealed = true;
                Ok(())
            }
            Err(error) => {
                self.clear();
                Err(error)
            }
        }
    }

    pub(super) fn is_sealed(&self) -> bool {
        self.sealed
    }

    fn body_end(&self) -> usize {
        if self.sealed { self.bytes.len().saturating_sub(TAG_LEN) } else { self.bytes.len() }
    }

    /// `Vec` would grow by moving and leave the old bytes in freed memory: move by hand and wipe.
    fn make_room(&mut self, more: usize) {
        if self.sealed {
            self.clear();
        }
        let wanted = self.bytes.len().saturating_add(more).saturating_add(TAG_LEN);
        if wanted > self.bytes.capacity() {
            let mut larger = Vec::with_capacity(wanted.max(self.bytes.capacity().saturating_mul(2)));
            larger.extend_from_slice(&self.bytes);
            self.wipe();
            self.bytes = larger;
        }
    }

    fn wipe(&mut self) {
        if !self.sealed {
            self.bytes.as_mut_slice().zeroize();
        }
    }
}

impl Default for RecordBuf {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for RecordBuf {
    fn drop(&mut self) {
        self.wipe();
    }
}
