//! The parameters of a message.

use super::error::FloeError;
use super::message::SEGMENT_OVERHEAD;

/// AES-256-GCM, HKDF-Expand-SHA-384, an IV of 32 bytes, and segments of this length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Parameters {
    segment: u32,
    /// 2^this segments share a key: the specification's `AEAD_ROTATION_MASK`.
    rotation: u32,
}

impl Parameters {
    /// Segments of 64 KiB.
    pub(crate) const DEFAULT: Self = Self { segment: 1 << 16, rotation: ROTATION };

    /// Segments of so many bytes, sealed. `None` outside [`MIN_SEGMENT`] to [`MAX_SEGMENT`].
    pub(crate) fn new(segment: u32) -> Option<Self> {
        (MIN_SEGMENT..=MAX_SEGMENT).contains(&segment).then_some(Self { segment, rotation: ROTATION })
    }

    #[cfg(test)]
    pub(super) fn for_tests(segment: u32, rotation: u32) -> Self {
        Self { segment, rotation }
    }

    /// `PARAM_ENCODE`.
    pub(super) fn encode(self) -> [u8; ENCODED_LEN] {
        let [a, b, c, d] = self.segment.to_be_bytes();
        [AEAD_ID, KDF_ID, a, b, c, d, 0, 0, 0, 32]
    }

    pub(super) fn decode(encoded: &[u8; ENCODED_LEN]) -> Result<Self, FloeError> {
        let [_, _, a, b, c, d, ..] = *encoded;
        let parameters = Self::new(u32::from_be_bytes([a, b, c, d])).ok_or(FloeError::Parameters)?;
        if parameters.encode() == *encoded { Ok(parameters) } else { Err(FloeError::Parameters) }
    }

    /// The length of a sealed segment, of which only the last may be shorter.
    pub(crate) fn segment(self) -> usize {
        // At most 2^20.
        usize::try_from(self.segment).unwrap_or(usize::MAX)
    }

    /// The plaintext in a full segment.
    pub(crate) fn plaintext(self) -> usize {
        self.segment().saturating_sub(SEGMENT_OVERHEAD)
    }

    /// `MASK`: the first position that shares a key with this one.
    pub(super) fn epoch(self, position: u64) -> u64 {
        (position >> self.rotation) << self.rotation
    }
}

pub(super) const ENCODED_LEN: usize = 10;
/// The shortest segment, sealed.
pub const MIN_SEGMENT: u32 = 64;
/// The longest segment, sealed: 1 MiB.
pub const MAX_SEGMENT: u32 = 1 << 20;
const ROTATION: u32 = 20;
const AEAD_ID: u8 = 0;
const KDF_ID: u8 = 0;
