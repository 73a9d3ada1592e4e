//! How a data key is wrapped: the trait that named keys implement, and what comes out.

use std::error::Error;
use std::fmt;

use strongroom_crypto::external::ExternalError;
use strongroom_crypto::secret::Secret;

/// A named, versioned key that wraps data keys.
///
/// It is asked once for each object that is sealed or opened, never for parts of one.
///
/// What it makes is authenticated: nobody without the key can make bytes that unwrap, or unwrap under another context. An
/// implementation binds its own name and version too, or has a key of its own for each.
pub trait KeyEncryption: Send + Sync {
    /// Encrypts `data_key` under the version that is now in use, so that only the same `context` opens it again.
    ///
    /// # Errors
    ///
    /// [`ExternalError`]; nothing has to be undone.
    fn wrap(&self, data_key: &Secret<32>, context: &[u8]) -> Result<WrappedKey, ExternalError>;

    /// Opens what [`wrap`](Self::wrap) made, under the version that `wrapped` names and the same context.
    ///
    /// # Errors
    ///
    /// [`ExternalFault::Rejected`](strongroom_crypto::external::ExternalFault::Rejected) where the bytes were not made by
    /// this key for this context, and [`Refused`](strongroom_crypto::external::ExternalFault::Refused) where there is no
    /// such key or version, or it may no longer be used.
    fn unwrap(&self, wrapped: &WrappedKey, context: &[u8]) -> Result<Secret<32>, ExternalError>;
}

impl<K: KeyEncryption + ?Sized> KeyEncryption for &K {
    fn wrap(&self, data_key: &Secret<32>, context: &[u8]) -> Result<WrappedKey, ExternalError> {
        (**self).wrap(data_key, context)
    }

    fn unwrap(&self, wrapped: &WrappedKey, context: &[u8]) -> Result<Secret<32>, ExternalError> {
        (**self).unwrap(wrapped, context)
    }
}

/// A data key, encrypted, with the name and the version of the key that opens it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrappedKey {
    name: String,
    version: u32,
    bytes: Vec<u8>,
}

impl WrappedKey {
    /// Checks the lengths: a name of 1 to [`MAX_NAME`] bytes, and 1 to [`MAX_WRAPPED`] wrapped bytes.
    ///
    /// # Errors
    ///
    /// [`WrappedKeyError`] says which is not so.
    pub fn new(
        name: impl Into<String>,
        version: u32,
        bytes: impl Into<Vec<u8>>,
    ) -> Result<Self, WrappedKeyError> {
        let (name, bytes) = (name.into(), bytes.into());
        if !(1..=MAX_NAME).contains(&name.len()) {
            return Err(WrappedKeyError::Name(name.len()));
        }
        if !(1..=MAX_WRAPPED).contains(&bytes.len()) {
            return Err(WrappedKeyError::Bytes(bytes.len()));
        }
        Ok(Self { name, version, bytes })
    }

    /// The name of the key that wrapped it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The version of that key.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// The encrypted data key, in a form that only the wrapping key understands.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// A wrapped key that no header can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WrappedKeyError {
    /// The key's name has this many bytes.
    Name(usize),
    /// There are this many wrapped bytes.
    Bytes(usize),
}

impl fmt::Display for WrappedKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(len) => {
                write!(f, "the name of a key has {len} bytes; give it a name of 1 to {MAX_NAME} bytes")
            }
            Self::Bytes(len) => write!(
                f,
                "a wrapped data key has {len} bytes, and a header holds 1 to {MAX_WRAPPED}; use a key that wraps more \
                 briefly"
            ),
        }
    }
}

impl Error for WrappedKeyError {}

/// The longest name of a key, in bytes of UTF-8.
pub const MAX_NAME: usize = 255;
/// The longest wrapped data key, in bytes.
pub const MAX_WRAPPED: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_at_the_limits_are_taken_and_beyond_them_refused() {
        let name = |len| WrappedKey::new("n".repeat(len), 1, [1]).map(|key| key.name().len());
        assert_eq!((name(1), name(255)), (Ok(1), Ok(255)));
        assert_eq!((name(0), name(256)), (Err(WrappedKeyError::Name(0)), Err(WrappedKeyError::Name(256))));
        let bytes = |len| WrappedKey::new("n", 1, vec![1; len]).map(|key| key.bytes().len());
        assert_eq!((bytes(1), bytes(4096)), (Ok(1), Ok(4096)));
        assert_eq!(
            (bytes(0), bytes(4097)),
            (Err(WrappedKeyError::Bytes(0)), Err(WrappedKeyError::Bytes(4097)))
        );
    }

    #[test]
    fn length_of_a_name_is_counted_in_bytes() {
        assert_eq!(WrappedKey::new("ü".repeat(128), 1, [1]), Err(WrappedKeyError::Name(256)));
    }
}
