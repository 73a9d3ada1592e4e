//! Decryption.

use strongroom_crypto::secret::Plaintext;

use super::encrypt::check_associated;
use super::{Key, check_context, unsupported};
use crate::algorithm::{Material, OaepHash};
use crate::error::UseError;
use crate::policy::Policy;
use crate::text::{self, Base64};
use crate::version::VersionSecret;

/// What goes with a ciphertext.
#[derive(Clone, Copy, Debug)]
pub struct DecryptOptions<'a> {
    /// What a derived key is derived for; nothing for another.
    pub context: &'a [u8],
    /// What was authenticated with the plaintext.
    pub associated_data: &'a [u8],
    /// RSA's hash and mask generation.
    pub oaep_hash: OaepHash,
}

impl Default for DecryptOptions<'_> {
    fn default() -> Self {
        Self { context: &[], associated_data: &[], oaep_hash: OaepHash::Sha256 }
    }
}

/// Decryption.
impl Key {
    /// Decrypts what [`encrypt`](Self::encrypt) gave.
    ///
    /// # Errors
    ///
    /// [`UseError::Forged`] for whatever is wrong with the ciphertext, its context or associated data; [`UseError::BelowMinimum`],
    /// [`UseError::State`] or [`UseError::NoVersion`] where its version does not decrypt.
    #[inline]
    pub fn decrypt(&self, ciphertext: &[u8], options: &DecryptOptions<'_>) -> Result<Plaintext, UseError> {
        let (version, sealed) = text::split_bytes(ciphertext)?;
        self.open(version, sealed, options)
    }

    /// Decrypts Vault's text.
    ///
    /// # Errors
    ///
    /// [`UseError::Text`]; or as [`decrypt`](Self::decrypt).
    pub fn decrypt_text(
        &self,
        ciphertext: &str,
        options: &DecryptOptions<'_>,
    ) -> Result<Plaintext, UseError> {
        let (version, sealed) = text::decode(ciphertext, Base64::Standard)?;
        self.open(version, &sealed, options)
    }

    #[inline]
    pub(super) fn open(
        &self,
        version: u32,
        sealed: &[u8],
        options: &DecryptOptions<'_>,
    ) -> Result<Plaintext, UseError> {
        let content = self.cell.load();
        let live = content.usable()?;
        let policy = live.policy();
        check_context(policy, options.context)?;
        check_associated(policy, options.associated_data)?;
        let (version, key) = live.processing(version)?;
        match &key.secret {
            VersionSecret::Local(material) if material.key_type().is_aead() && !policy.derived => {
                Ok(key.aead(material)?.open(options.associated_data, sealed)?)
            }
            VersionSecret::Local(material) => open_otherwise(policy, material, sealed, options),
            VersionSecret::Held(reference) => {
                self.open_held(policy.kind, (version.id, reference), sealed, options.associated_data)
            }
        }
    }
}

/// Derived keys and RSA.
fn open_otherwise(
    policy: &Policy,
    material: &Material,
    sealed: &[u8],
    options: &DecryptOptions<'_>,
) -> Result<Plaintext, UseError> {
    if material.key_type().is_aead() {
        return Ok(material.derive_aead(options.context)?.open(options.associated_data, sealed)?);
    }
    if !material.key_type().supports_encryption() {
        return Err(unsupported(policy.kind));
    }
    Ok(material.decrypt(options.oaep_hash, sealed)?)
}
