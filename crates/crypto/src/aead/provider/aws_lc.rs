//! AES-256-GCM by aws-lc.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use zeroize::Zeroize as _;

use crate::aead::{AeadError, NONCE_LEN, TAG_LEN};
use crate::secret::Secret;

/// An AES-256-GCM key, scheduled once.
pub struct Key(LessSafeKey);

impl Key {
    /// Schedules the key.
    ///
    /// # Errors
    ///
    /// [`AeadError::Cipher`], should the library find no memory.
    pub fn new(key: &Secret<32>) -> Result<Self, AeadError> {
        let key = UnboundKey::new(&AES_256_GCM, key.expose()).map_err(|_| AeadError::Cipher)?;
        Ok(Self(LessSafeKey::new(key)))
    }

    /// Encrypts in place and gives the tag.
    ///
    /// # Errors
    ///
    /// [`AeadError::Cipher`]; the buffer is then worthless.
    #[inline]
    pub fn seal_in_place(
        &self,
        nonce: &[u8; NONCE_LEN],
        aad: &[u8],
        in_out: &mut [u8],
    ) -> Result<[u8; TAG_LEN], AeadError> {
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let tag = self
            .0
            .seal_in_place_separate_tag(nonce, Aad::from(aad), in_out)
            .map_err(|_| AeadError::Cipher)?;
        tag.as_ref().try_into().map_err(|_| AeadError::Cipher)
    }

    /// Encrypts `plaintext`, and `ending` after it, into a buffer that has just the room for both and the tag at the end:
    /// without a copy, and without plaintext in the buffer at any time.
    ///
    /// # Errors
    ///
    /// [`AeadError::Length`] or [`AeadError::Cipher`]; the buffer is then all zeros.
    #[inline]
    pub fn seal_into(
        &self,
        nonce: &[u8; NONCE_LEN],
        aad: &[u8],
        plaintext: &[u8],
        ending: &[u8],
        sealed: &mut [u8],
    ) -> Result<(), AeadError> {
        let outcome = match sealed.split_at_mut_checked(plaintext.len()) {
            Some((body, rest)) if rest.len().checked_sub(TAG_LEN) == Some(ending.len()) => {
                let nonce = Nonce::assume_unique_for_key(*nonce);
                self.0
                    .seal_out_of_place_scatter(nonce, Aad::from(aad), plaintext, body, ending, rest)
                    .map_err(|_| AeadError::Cipher)
            }
            _ => Err(AeadError::Length),
        };
        if outcome.is_err() {
            sealed.zeroize();
        }
        outcome
    }

    /// Decrypts in place.
    ///
    /// # Errors
    ///
    /// [`AeadError::Forged`]; the buffer is then all zeros.
    #[inline]
    pub fn open_in_place(
        &self,
        nonce: &[u8; NONCE_LEN],
        aad: &[u8],
        in_out: &mut [u8],
        tag: &[u8; TAG_LEN],
    ) -> Result<(), AeadError> {
        let nonce = Nonce::assume_unique_for_key(*nonce);
        if self.0.open_in_place_separate_tag(nonce, Aad::from(aad), tag, in_out).is_ok() {
            return Ok(());
        }
        in_out.zeroize();
        Err(AeadError::Forged)
    }

    /// Decrypts into another buffer of the same length.
    ///
    /// # Errors
    ///
    /// [`AeadError::Length`] or [`AeadError::Forged`]; the output is then all zeros.
    #[inline]
    pub fn open_into(
        &self,
        nonce: &[u8; NONCE_LEN],
        aad: &[u8],
        ciphertext: &[u8],
        tag: &[u8; TAG_LEN],
        plaintext: &mut [u8],
    ) -> Result<(), AeadError> {
        let outcome = if ciphertext.len() == plaintext.len() {
            let nonce = Nonce::assume_unique_for_key(*nonce);
            self.0
                .open_separate_gather(nonce, Aad::from(aad), ciphertext, tag, plaintext)
                .map_err(|_| AeadError::Forged)
        } else {
            Err(AeadError::Length)
        };
        if outcome.is_err() {
            plaintext.zeroize();
        }
        outcome
    }
}
