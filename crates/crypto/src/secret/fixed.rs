//! Secrets of a fixed length.
#![allow(unsafe_code)]

use subtle::ConstantTimeEq as _;
use zeroize::Zeroize as _;

use super::arena::Slot;
use super::error::SecretError;
use crate::random;

/// A secret of `N` bytes in the arena, wiped on drop. See [the module](super).
pub struct Secret<const N: usize>(Slot);

impl<const N: usize> Secret<N> {
    /// Draws a secret, in place; from a second source too where one was named ([`random::mix_in`]).
    ///
    /// # Errors
    ///
    /// No memory or no randomness.
    pub fn random() -> Result<Self, SecretError> {
        random::key()
    }

    /// Moves an array into the arena and wipes the source, also when it fails.
    ///
    /// # Errors
    ///
    /// No memory.
    pub fn from_array(source: &mut [u8; N]) -> Result<Self, SecretError> {
        let secret = Self::copy_from_slice(source);
        source.zeroize();
        secret
    }

    /// Copies bytes into the arena. The source is the caller's to wipe.
    ///
    /// # Errors
    ///
    /// [`SecretError::Length`] unless there are exactly `N` bytes; or no memory.
    pub fn copy_from_slice(source: &[u8]) -> Result<Self, SecretError> {
        let source: &[u8; N] = source.try_into().map_err(|_| SecretError::Length)?;
        Self::fill_with(|bytes| {
            bytes.copy_from_slice(source);
            Ok(())
        })
    }

    /// Makes a secret from zeros that the function fills in place. When it fails they are wiped.
    ///
    /// # Errors
    ///
    /// The function's, or no memory.
    pub fn fill_with<E: From<SecretError>>(f: impl FnOnce(&mut [u8; N]) -> Result<(), E>) -> Result<Self, E> {
        let mut slot = Slot::zeroed(N).map_err(SecretError::from)?;
        f(slot.bytes_mut().try_into().map_err(|_| SecretError::Length)?)?;
        Ok(Self(slot))
    }

    /// A second copy, in the arena.
    ///
    /// # Errors
    ///
    /// No memory.
    pub fn duplicate(&self) -> Result<Self, SecretError> {
        Self::copy_from_slice(self.0.bytes())
    }

    /// The bytes. Do not copy them to ordinary memory.
    pub fn expose(&self) -> &[u8; N] {
        // SAFETY: `fill_with`, through which every secret is made, asks for a slot of `N` bytes.
        unsafe { self.0.array_unchecked() }
    }

    /// Whether two secrets are equal, in constant time.
    pub fn ct_eq(&self, other: &Self) -> bool {
        self.0.bytes().ct_eq(other.0.bytes()).into()
    }
}
