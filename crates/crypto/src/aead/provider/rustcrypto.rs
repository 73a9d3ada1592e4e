//! AES-256-GCM in Rust alone.

use aes_gcm::aead::AeadInOut as _;
use aes_gcm::{Aes256Gcm, KeyInit as _};
use zeroize::Zeroize as _;

use crate::aead::{AeadError, NONCE_LEN, TAG_LEN};
use crate::secret::{Secret, with_wiped_stack};

/// An AES-256-GCM key, scheduled once; the round keys are wiped on drop.
pub struct Key(Box<Aes256Gcm>);

impl Key {
    /// Schedules the key.
    ///
    /// # Errors
    ///
    /// None; the other provider has some.
    pub fn new(key: &Secret<32>) -> Result<Self, AeadError> {
        Ok(with_wiped_stack::<STACK, _>(|| Self(Box::new(Aes256Gcm::new(key.expose().into())))))
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
        let sealed =
            with_wiped_stack::<STACK, _>(|| self.0.encrypt_inout_detached(nonce.into(), aad, in_out.into()));
        Ok(sealed.map_err(|_| AeadError::Cipher)?.into())
    }

    /// Encrypts `plaintext`, and `ending` after it, into a buffer that has just the room for both and the tag at the end.
    /// This provider copies, and encrypts in place.
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
        let outcome = self.copy_and_seal(nonce, aad, plaintext, ending, sealed);
        if outcome.is_err() {
            sealed.zeroize();
        }
        outcome
    }

    fn copy_and_seal(
        &self,
        nonce: &[u8; NONCE_LEN],
        aad: &[u8],
        plaintext: &[u8],
        ending: &[u8],
        sealed: &mut [u8],
    ) -> Result<(), AeadError> {
        let (body, tag) = sealed.split_last_chunk_mut::<TAG_LEN>().ok_or(AeadError::Length)?;
        let (first, second) = body.split_at_mut_checked(plaintext.len()).ok_or(AeadError::Length)?;
        if second.len() != ending.len() {
            return Err(AeadError::Length);
        }
        first.copy_from_slice(plaintext);
        second.copy_from_slice(ending);
        *tag = self.seal_in_place(nonce, aad, body)?;
        Ok(())
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
        let opened = with_wiped_stack::<STACK, _>(|| {
            self.0.decrypt_inout_detached(nonce.into(), aad, (&mut *in_out).into(), tag.into())
        });
        if opened.is_ok() {
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
        if ciphertext.len() != plaintext.len() {
            plaintext.zeroize();
            return Err(AeadError::Length);
        }
        plaintext.copy_from_slice(ciphertext);
        self.open_in_place(nonce, aad, plaintext, tag)
    }
}

/// More than the library's frames take, which hold round keys: when scheduling, and where there are fewer registers than
/// rounds when sealing and opening too.
const STACK: usize = 16 * 1024;
