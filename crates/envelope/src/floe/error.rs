//! Why FLOE refused.

use strongroom_crypto::aead::AeadError;
use strongroom_crypto::secret::SecretError;

/// One step of FLOE did not happen. The layer above says it in words.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum FloeError {
    /// The header has another AEAD, KDF or IV length, or a segment length that is not taken.
    Parameters,
    /// The header's tag is wrong: another key, other associated data, or damage.
    HeaderTag,
    /// A segment says that it is the last, and is not.
    NotTheLast,
    /// The last segment says that more follow.
    MoreExpected,
    /// A segment has an impossible length, or another than it says.
    Length,
    /// A segment's tag is wrong.
    Forged,
    /// The message has as many segments as a key may seal.
    Exhausted,
    /// No memory.
    Secret(SecretError),
    /// The cipher library refused.
    Cipher,
}

impl From<SecretError> for FloeError {
    fn from(error: SecretError) -> Self {
        Self::Secret(error)
    }
}

impl From<AeadError> for FloeError {
    fn from(error: AeadError) -> Self {
        match error {
            AeadError::Forged => Self::Forged,
            AeadError::Length => Self::Length,
            AeadError::Cipher => Self::Cipher,
        }
    }
}
