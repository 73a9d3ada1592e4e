//! Vault's import blob: RSAES-OAEP of an ephemeral AES key ‖ AES-KWP (SP 800-38F, section 6.3; RFC 5649) of the key.
//!
//! The same is PKCS #11's `CKM_RSA_AES_KEY_WRAP`, so that an HSM can wrap for us.

use aws_lc_rs::key_wrap::{AES_128, AES_256, AesKek, KeyWrapPadded as _};
use strongroom_crypto::secret::{Secret, SecretBytes};

use super::{UnwrapError, WrapError};
use crate::algorithm::{
    DecodeError, DecryptError, GenerateError, GenerateOptions, KeyType, MAX_BODY, Material, OaepHash,
    PublicKey,
};

/// The RSA-4096 key for which others wrap the keys that they send.
pub struct WrappingKey {
    material: Material,
    public: PublicKey,
}

impl WrappingKey {
    /// Draws a new key. It takes a second or so.
    ///
    /// # Errors
    ///
    /// No randomness or memory.
    pub fn generate() -> Result<Self, GenerateError> {
        let material = Material::generate(KeyType::Rsa4096, &GenerateOptions::default())?;
        Self::of(material).ok_or(GenerateError::Library)
    }

    /// The bytes to be stored: those of an RSA-4096 [`Material`].
    ///
    /// # Errors
    ///
    /// No secret memory.
    pub fn encode(&self) -> Result<SecretBytes, strongroom_crypto::secret::SecretError> {
        self.material.encode()
    }

    /// Reads what [`encode`](Self::encode) wrote.
    ///
    /// # Errors
    ///
    /// Every departure from the format, and any other type of key.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let other = DecodeError::Malformed("a wrapping key that is not RSA-4096");
        Self::of(Material::decode(bytes)?).ok_or(other)
    }

    fn of(material: Material) -> Option<Self> {
        let public = material.public_key().filter(|public| public.key_type() == KeyType::Rsa4096)?.clone();
        Some(Self { material, public })
    }

    /// The public half in PEM, which Vault gives at `wrapping_key`.
    pub fn public_pem(&self) -> String {
        self.public.pem().to_owned()
    }

    /// Opens a blob. The key is then to be handed to [`Material::import`].
    ///
    /// # Errors
    ///
    /// [`UnwrapError::Wrong`] for whatever is wrong with the blob.
    pub fn unwrap(&self, hash: OaepHash, blob: &[u8]) -> Result<SecretBytes, UnwrapError> {
        let (encrypted, wrapped) = blob.split_at_checked(MODULUS_LEN).ok_or(UnwrapError::Wrong)?;
        if wrapped.len() > LONGEST_WRAPPED {
            return Err(UnwrapError::TooLong);
        }
        let ephemeral = self.material.decrypt(hash, encrypted).map_err(|error| match error {
            DecryptError::KeyType(_) | DecryptError::Wrong => UnwrapError::Wrong,
        })?;
        let cipher = match ephemeral.len() {
            16 => &AES_128,
            32 => &AES_256,
            _ => return Err(UnwrapError::Wrong),
        };
        let kek = AesKek::new(cipher, ephemeral.as_slice()).map_err(|_| UnwrapError::Wrong)?;
        let mut buffer = SecretBytes::zeroed(wrapped.len())?;
        let key = kek.unwrap_with_padding(wrapped, buffer.expose_mut()).map_err(|_| UnwrapError::Wrong)?;
        Ok(SecretBytes::copy_from_slice(key)?)
    }

    /// Wraps a key for the holder of an RSA key: what a client does.
    ///
    /// # Errors
    ///
    /// [`WrapError::KeyType`] unless the key is RSA; [`WrapError::Empty`]; or no randomness.
    pub fn wrap(recipient: &PublicKey, hash: OaepHash, key: &[u8]) -> Result<Vec<u8>, WrapError> {
        if !recipient.key_type().is_rsa() {
            return Err(WrapError::KeyType(recipient.key_type()));
        }
        if key.is_empty() {
            return Err(WrapError::Empty);
        }
        let ephemeral = Secret::<32>::random()?;
        let mut blob = recipient.encrypt(hash, ephemeral.expose()).map_err(|_| WrapError::Library)?;
        let kek = AesKek::new(&AES_256, ephemeral.expose()).map_err(|_| WrapError::Library)?;
        let mut wrapped = vec![0; key.len().saturating_add(KWP_OVERHEAD)];
        blob.extend_from_slice(kek.wrap_with_padding(key, &mut wrapped).map_err(|_| WrapError::Library)?);
        Ok(blob)
    }
}

const MODULUS_LEN: usize = 512;
/// A semiblock in front, and up to seven bytes of padding.
const KWP_OVERHEAD: usize = 15;
/// PKCS #8 documents that have more than the key itself (a certificate's attributes, an ML-DSA key in both forms)
/// included.
const LONGEST_WRAPPED: usize = 4 * MAX_BODY;
