//! Secrets of a length known at run time.

use subtle::ConstantTimeEq as _;

use super::arena::Slot;
use super::error::SecretError;

/// A secret of up to 1 MiB in the arena, wiped on drop. See [the module](super).
pub struct SecretBytes(Slot);

impl SecretBytes {
    /// `len` zeros.
    ///
    /// # Errors
    ///
    /// No memory, or more than [`MAX_SECRET`](super::MAX_SECRET) bytes.
    pub fn zeroed(len: usize) -> Result<Self, SecretError> {
        Ok(Self(Slot::zeroed(len)?))
    }

    /// Copies bytes into the arena. The source is the caller's to wipe.
    ///
    /// # Errors
    ///
    /// As [`zeroed`](Self::zeroed).
    pub fn copy_from_slice(source: &[u8]) -> Result<Self, SecretError> {
        let mut secret = Self::zeroed(source.len())?;
        secret.expose_mut().copy_from_slice(source);
        Ok(secret)
    }

    /// A second copy, in the arena.
    ///
    /// # Errors
    ///
    /// No memory.
    pub fn duplicate(&self) -> Result<Self, SecretError> {
        Self::copy_from_slice(self.expose())
    }

    /// The bytes. Do not copy them to ordinary memory.
    pub fn expose(&self) -> &[u8] {
        self.0.bytes()
    }

    /// The bytes, to be changed in place.
    pub fn expose_mut(&mut self) -> &mut [u8] {
        self.0.bytes_mut()
    }

    /// How many bytes there are.
    pub fn len(&self) -> usize {
        self.expose().len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.expose().is_empty()
    }

    /// Whether two secrets are equal, in constant time. Lengths are not secret.
    pub fn ct_eq(&self, other: &Self) -> bool {
        self.expose().ct_eq(other.expose()).into()
    }
}
