//! Why sealing or opening did not happen.

use std::error::Error;
use std::fmt;

use strongroom_crypto::secret::SecretError;

/// Sealing or opening did not happen. Carries nothing of the message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AeadError {
    /// The tag is wrong: the ciphertext is damaged, or belongs to another key, version, context or associated data.
    Forged,
    /// Too short to hold a nonce and a tag.
    Truncated,
    /// The nonce has another length than the cipher's.
    NonceLength,
    /// The key has another length than the cipher's.
    KeyLength,
    /// The kind of key does not encrypt symmetrically.
    KeyType,
    /// The cipher library refused: the message is longer than the cipher allows, or there is no memory.
    Cipher,
    /// No secret memory.
    Secret(SecretError),
}

impl From<SecretError> for AeadError {
    fn from(error: SecretError) -> Self {
        Self::Secret(error)
    }
}

impl fmt::Display for AeadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Forged => {
                "the ciphertext does not open: it is damaged, or was made with another key, context or associated data"
            }
            Self::Truncated => "the ciphertext is too short to be whole: check that all of it was sent",
            Self::NonceLength => "the nonce has the wrong length for this type of key",
            Self::KeyLength => "the key has the wrong length for its type",
            Self::KeyType => "this type of key does not encrypt symmetrically: use one that does",
            Self::Cipher => "the cipher library refused: the message is too long, or memory is exhausted",
            Self::Secret(error) => return error.fmt(f),
        })
    }
}

impl Error for AeadError {}
