//! AES-SIV: deterministic authenticated encryption (RFC 5297, `AEAD_AES_SIV_CMAC_512` without a nonce).
//!
//! The same plaintext under the same key and associated data gives the same bytes: that is what lets a name be looked up
//! by its ciphertext, and what an observer can see.

use std::error::Error;
use std::fmt;

use aes_siv::KeyInit as _;
use aes_siv::siv::Aes256Siv;
use zeroize::{Zeroize as _, Zeroizing};

use crate::secret::{Secret, SecretError};

/// The bytes that sealing adds, in front.
pub const IV_LEN: usize = 16;

/// An AES-SIV key: 32 bytes for CMAC, then 32 for CTR (RFC 5297, section 2.2).
///
/// It stays in secret memory; the round keys exist during a call alone, because the library's cipher would keep them on
/// the ordinary heap otherwise.
pub struct SivKey(Secret<64>);

impl SivKey {
    /// Copies the key.
    ///
    /// # Errors
    ///
    /// Only secret memory can fail.
    pub fn new(key: &Secret<64>) -> Result<Self, SecretError> {
        key.duplicate().map(Self)
    }

    /// Seals to synthetic IV ‖ ciphertext.
    ///
    /// # Errors
    ///
    /// [`SivError::Cipher`], should the library refuse.
    pub fn seal(&self, associated: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, SivError> {
        self.seal_with(&[associated], plaintext)
    }

    /// Opens what [`seal`](Self::seal) gave for the same associated data.
    ///
    /// # Errors
    ///
    /// [`SivError::Forged`]: damaged, or sealed under another key or other associated data.
    pub fn open(&self, associated: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SivError> {
        self.open_with(&[associated], sealed)
    }

    fn seal_with(&self, associated: &[&[u8]], plaintext: &[u8]) -> Result<Vec<u8>, SivError> {
        // Reserved first: growing would leave a copy of the plaintext behind.
        let mut sealed = Vec::with_capacity(IV_LEN + plaintext.len());
        sealed.extend_from_slice(&[0; IV_LEN]);
        sealed.extend_from_slice(plaintext);
        let (iv, body) = sealed.split_at_mut(IV_LEN);
        let Ok(tag) = self.cipher().encrypt_inout_detached(associated, body.into()) else {
            sealed.zeroize();
            return Err(SivError::Cipher);
        };
        iv.copy_from_slice(&tag);
        Ok(sealed)
    }

    fn open_with(&self, associated: &[&[u8]], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SivError> {
        let (iv, body) = sealed.split_first_chunk::<IV_LEN>().ok_or(SivError::Forged)?;
        let mut plaintext = Zeroizing::new(body.to_vec());
        self.cipher()
            .decrypt_inout_detached(associated, plaintext.as_mut_slice().into(), &(*iv).into())
            .map_err(|_| SivError::Forged)?;
        Ok(plaintext)
    }

    fn cipher(&self) -> Aes256Siv {
        Aes256Siv::new(self.0.expose().into())
    }
}

/// Why sealing or opening did not happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SivError {
    /// The bytes were not sealed under this key and associated data, or are damaged.
    Forged,
    /// The cipher library refused.
    Cipher,
}

impl fmt::Display for SivError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Forged => "the sealed name is damaged or belongs to another key or directory",
            Self::Cipher => "the cipher library refused to seal a name",
        })
    }
}

impl Error for SivError {}
