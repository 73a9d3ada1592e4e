//! Encryption.

use super::{Key, check_context, unsupported};
use crate::algorithm::{AeadKey, Material, OaepHash, TAG_LEN};
use crate::cell::Live;
use crate::error::UseError;
use crate::nonce;
use crate::policy::{KeyKind, Policy};
use crate::text::{self, Base64, VERSION_LEN};
use crate::version::{Version, VersionKey, VersionSecret};

/// What goes with a plaintext.
#[derive(Clone, Copy, Debug)]
pub struct EncryptOptions<'a> {
    /// What a derived key is derived for; nothing for another.
    pub context: &'a [u8],
    /// What is authenticated with the plaintext and not stored in the ciphertext: symmetric keys alone.
    pub associated_data: &'a [u8],
    /// The version; `None`: the newest active one.
    pub version: Option<u32>,
    /// A nonce of the caller's. Refused unless the key is convergent, and then it has no say, as in Vault: its API has the
    /// parameter for the convergent keys of version 0.6.1. Convergent keys here compute their nonces, all others draw them.
    pub nonce: &'a [u8],
    /// RSA's hash and mask generation.
    pub oaep_hash: OaepHash,
}

impl Default for EncryptOptions<'_> {
    fn default() -> Self {
        Self { context: &[], associated_data: &[], version: None, nonce: &[], oaep_hash: OaepHash::Sha256 }
    }
}

/// Encryption.
impl Key {
    /// Encrypts: version `u32` ‖ nonce ‖ ciphertext ‖ tag, in one buffer of the right size.
    ///
    /// Symmetric keys use SP 800-38D or RFC 8439 with a nonce drawn here, or computed where the key is convergent
    /// ([`Convergent`](crate::algorithm::Convergent)); RSA keys RSAES-OAEP (RFC 8017). A key that is held elsewhere wraps a fresh
    /// AES-256 key there, which encrypts.
    ///
    /// # Errors
    ///
    /// [`UseError`]. Nothing was encrypted then. What was asked for wrongly is not counted; an operation that failed otherwise may be.
    #[inline]
    pub fn encrypt(&self, plaintext: &[u8], options: &EncryptOptions<'_>) -> Result<Vec<u8>, UseError> {
        let mut out = Vec::with_capacity(most(plaintext));
        self.encrypt_into(plaintext, options, &mut out)?;
        Ok(out)
    }

    /// Encrypts, and appends what [`encrypt`](Self::encrypt) gives to a buffer of the caller's.
    ///
    /// # Errors
    ///
    /// As [`encrypt`](Self::encrypt). The buffer is then what it was.
    #[inline]
    pub fn encrypt_into(
        &self,
        plaintext: &[u8],
        options: &EncryptOptions<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), UseError> {
        self.protect(
            options.version,
            plaintext.len(),
            |live, key| self.check_encryption(live.policy(), key, plaintext, options),
            |live, version, key| self.encrypt_with(live, version, key, plaintext, options, out),
        )
    }

    /// What can be said before it is done.
    #[inline]
    pub(super) fn check_encryption(
        &self,
        policy: &Policy,
        key: &VersionKey,
        plaintext: &[u8],
        options: &EncryptOptions<'_>,
    ) -> Result<(), UseError> {
        check_context(policy, options.context)?;
        if !(options.nonce.is_empty() || policy.convergent) {
            return Err(UseError::NonceGiven);
        }
        check_associated(policy, options.associated_data)?;
        match &key.secret {
            VersionSecret::Local(material) if material.key_type().is_aead() => Ok(()),
            VersionSecret::Local(material) => {
                let public = material.public_key().ok_or_else(|| unsupported(policy.kind))?;
                Ok(public.check_length(options.oaep_hash, plaintext.len())?)
            }
            VersionSecret::Held(_) => self.held(policy.kind, KeyKind::HeldWrapping).map(drop),
        }
    }

    /// Encrypts with a version that is chosen and counted, what was checked.
    #[inline]
    pub(super) fn encrypt_with(
        &self,
        live: &Live,
        version: &Version,
        key: &VersionKey,
        plaintext: &[u8],
        options: &EncryptOptions<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), UseError> {
        let before = out.len();
        out.reserve(most(plaintext));
        out.extend_from_slice(&version.number.to_be_bytes());
        let sealed = self.seal(live, version, key, plaintext, options, out);
        if sealed.is_err() {
            out.truncate(before);
        }
        sealed
    }

    /// Encrypts to Vault's text: `vault:vN:` and base64 of nonce ‖ ciphertext ‖ tag.
    ///
    /// # Errors
    ///
    /// As [`encrypt`](Self::encrypt).
    pub fn encrypt_text(&self, plaintext: &[u8], options: &EncryptOptions<'_>) -> Result<String, UseError> {
        let bytes = self.encrypt(plaintext, options)?;
        let (version, sealed) = text::split_bytes(&bytes)?;
        Ok(text::encode(version, sealed, Base64::Standard))
    }

    #[inline]
    fn seal(
        &self,
        live: &Live,
        version: &Version,
        key: &VersionKey,
        plaintext: &[u8],
        options: &EncryptOptions<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), UseError> {
        let policy = live.policy();
        match &key.secret {
            VersionSecret::Local(material) if material.key_type().is_aead() && !policy.derived => {
                seal_with_nonce(key.aead(material)?, options.associated_data, plaintext, out)
            }
            VersionSecret::Local(material) => seal_otherwise(policy, material, plaintext, options, out),
            VersionSecret::Held(reference) => {
                self.seal_held(policy.kind, (version.id, reference), plaintext, options.associated_data, out)
            }
        }
    }
}

/// How long the ciphertext is at most, of the symmetric types. RSA's and held keys' make the buffer grow once more.
#[inline]
pub(super) const fn most(plaintext: &[u8]) -> usize {
    plaintext.len().saturating_add(VERSION_LEN + LONG_NONCE + TAG_LEN)
}

#[inline]
pub(super) fn check_associated(policy: &Policy, associated_data: &[u8]) -> Result<(), UseError> {
    let binds = match policy.kind {
        KeyKind::Local(key_type) => key_type.supports_associated_data(),
        KeyKind::HeldWrapping => true,
        KeyKind::HeldSigning => false,
    };
    if binds || associated_data.is_empty() { Ok(()) } else { Err(UseError::AssociatedDataUnexpected) }
}

#[inline]
pub(super) fn seal_with_nonce(
    cipher: &AeadKey,
    associated_data: &[u8],
    plaintext: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), UseError> {
    if cipher.nonce_len() == SHORT_NONCE {
        let mut nonce = [0; SHORT_NONCE];
        nonce::draw(&mut nonce)?;
        cipher.seal_into(&nonce, associated_data, plaintext, out)?;
    } else {
        let mut nonce = [0; LONG_NONCE];
        nonce::draw(&mut nonce)?;
        cipher.seal_into(&nonce, associated_data, plaintext, out)?;
    }
    Ok(())
}

/// Derived keys and RSA.
fn seal_otherwise(
    policy: &Policy,
    material: &Material,
    plaintext: &[u8],
    options: &EncryptOptions<'_>,
    out: &mut Vec<u8>,
) -> Result<(), UseError> {
    let key_type = material.key_type();
    if key_type.is_aead() && policy.convergent {
        let derived = material.derive_convergent(options.context)?;
        out.extend_from_slice(&derived.seal(options.associated_data, plaintext)?);
        return Ok(());
    }
    if key_type.is_aead() {
        let derived = material.derive_aead(options.context)?;
        return seal_with_nonce(&derived, options.associated_data, plaintext, out);
    }
    let public = material.public_key().filter(|_| key_type.supports_encryption());
    let public = public.ok_or_else(|| unsupported(policy.kind))?;
    out.extend_from_slice(&public.encrypt(options.oaep_hash, plaintext)?);
    Ok(())
}

const SHORT_NONCE: usize = 12;
const LONG_NONCE: usize = 24;
