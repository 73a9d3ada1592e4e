//! How a data key is wrapped: by a named, versioned key that somebody else holds.

use std::fmt;

use strongroom_crypto::external::ExternalError;
use strongroom_crypto::secret::Secret;

/// A named, versioned key that wraps data keys.
pub trait KeyEncryption: Send + Sync {
    /// Encrypts a data key, so that only the same `context` opens it again.
    ///
    /// # Errors
    ///
    /// [`ExternalError`]; nothing has to be undone.
    fn wrap(&self, data_key: &Secret<32>, context: &[u8]) -> Result<WrappedKey, ExternalError>;

    /// Opens what [`wrap`](Self::wrap) made, under the same context.
    ///
    /// # Errors
    ///
    /// [`ExternalError`]; its fault is `Rejected` where the key was not wrapped by this key for this context.
    fn unwrap(&self, wrapped: &WrappedKey, context: &[u8]) -> Result<Secret<32>, ExternalError>;
}

/// A data key as a named key's version wrapped it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrappedKey {
    key: Box<str>,
    version: u32,
    bytes: Box<[u8]>,
}

impl WrappedKey {
    /// Checks the lengths: a name of 1 to 255 bytes, and 1 to 4,096 wrapped bytes.
    ///
    /// # Errors
    ///
    /// [`WrappedKeyError`] where a length is another.
    pub fn new(key: &str, version: u32, bytes: &[u8]) -> Result<Self, WrappedKeyError> {
        if key.is_empty() || key.len() > MAX_NAME {
            return Err(WrappedKeyError::Name);
        }
        if bytes.is_empty() || bytes.len() > MAX_WRAPPED {
            return Err(WrappedKeyError::Bytes);
        }
        Ok(Self { key: key.into(), version, bytes: bytes.into() })
    }

    /// The name of the key that wrapped it.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The version of that key.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// The wrapped key.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// Why something is no wrapped key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WrappedKeyError {
    /// The name is empty or longer than 255 bytes.
    Name,
    /// The wrapped bytes are none or more than 4,096.
    Bytes,
}

impl fmt::Display for WrappedKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Name => "the name of a wrapping key has 1 to 255 bytes: choose another",
            Self::Bytes => "a wrapped key has 1 to 4,096 bytes: this is none",
        })
    }
}

impl std::error::Error for WrappedKeyError {}

const MAX_NAME: usize = 255;
const MAX_WRAPPED: usize = 4096;
