//! Data keys: drawn here, encrypted under the key, used elsewhere.

use strongroom_crypto::random;
use strongroom_crypto::secret::{SecretBytes, SecretError};

use super::{EncryptOptions, Key};
use crate::error::UseError;
use crate::text::{self, Base64};

/// How long a data key is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DataKeyBits {
    /// 128 bits.
    B128,
    /// 256 bits.
    #[default]
    B256,
    /// 512 bits.
    B512,
}

impl DataKeyBits {
    /// The length that a request names in bits.
    ///
    /// # Errors
    ///
    /// [`UseError::Size`] unless it is 128, 256 or 512.
    pub fn from_bits(bits: u32) -> Result<Self, UseError> {
        match bits {
            128 => Ok(Self::B128),
            256 => Ok(Self::B256),
            512 => Ok(Self::B512),
            _ => Err(UseError::Size),
        }
    }

    const fn bytes(self) -> usize {
        match self {
            Self::B128 => 16,
            Self::B256 => 32,
            Self::B512 => 64,
        }
    }
}

/// A data key, and its ciphertext.
pub struct DataKey {
    /// The key, to be used and forgotten. Whoever stores only the ciphertext drops it at once.
    pub plaintext: SecretBytes,
    /// What [`Key::decrypt`] gives the key from.
    pub ciphertext: Vec<u8>,
}

impl DataKey {
    /// The ciphertext as Vault's text.
    ///
    /// # Errors
    ///
    /// Never of what [`Key::data_key`] gave.
    pub fn text(&self) -> Result<String, UseError> {
        let (version, sealed) = text::split_bytes(&self.ciphertext)?;
        Ok(text::encode(version, sealed, Base64::Standard))
    }
}

/// Data keys.
impl Key {
    /// Draws a data key and encrypts it.
    ///
    /// # Errors
    ///
    /// As [`encrypt`](Self::encrypt).
    pub fn data_key(&self, bits: DataKeyBits, options: &EncryptOptions<'_>) -> Result<DataKey, UseError> {
        let mut plaintext = SecretBytes::zeroed(bits.bytes())?;
        random::fill(plaintext.expose_mut()).map_err(SecretError::from)?;
        let ciphertext = self.encrypt(plaintext.expose(), options)?;
        Ok(DataKey { plaintext, ciphertext })
    }
}
