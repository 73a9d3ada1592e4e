//! Keys per context, as Vault derives them, and convergent encryption.

use hmac::digest::KeyInit as _;
use hmac::{Hmac, Mac as _};
use strongroom_crypto::kdf;
use strongroom_crypto::secret::{Secret, SecretBytes};
use zeroize::Zeroizing;

use super::{AeadError, AeadKey, DeriveError, KeyType};

/// A derived key that chooses the nonce by the plaintext, so that under one context the same plaintext always gives the same
/// ciphertext: Vault's convergent encryption, version 3.
///
/// Who sees two ciphertexts sees whether the plaintexts are equal: that is its purpose and its price.
pub struct Convergent {
    aead: AeadKey,
    nonce_key: Secret<32>,
}

impl Convergent {
    /// Seals with the nonce HMAC-SHA-256(nonce key, plaintext), cut to the cipher's length.
    ///
    /// The associated data is not part of the nonce, in Vault and so here: the same plaintext under two associated data has
    /// one nonce, which gives away the keystream's equality and, for GCM, the key of the tags. Use one associated data per
    /// context, or none.
    ///
    /// # Errors
    ///
    /// As [`AeadKey::seal`].
    pub fn seal(&self, aad: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, AeadError> {
        let mut nonce = vec![0; self.aead.nonce_len()];
        for (byte, digest) in nonce.iter_mut().zip(self.nonce(plaintext)) {
            *byte = digest;
        }
        self.aead.seal(&nonce, aad, plaintext)
    }

    /// The key that opens.
    pub fn aead(&self) -> &AeadKey {
        &self.aead
    }

    fn nonce(&self, plaintext: &[u8]) -> [u8; 32] {
        // Padded to the block (FIPS 198-1, section 4, step 3), the key has the length that the library takes without an error.
        let mut block = Zeroizing::new([0; 64]);
        for (byte, secret) in block.iter_mut().zip(self.nonce_key.expose()) {
            *byte = *secret;
        }
        Hmac::<sha2::Sha256>::new((&*block).into()).chain_update(plaintext).finalize().into_bytes().into()
    }
}

pub(super) fn aead(key_type: KeyType, key: &[u8], context: &[u8]) -> Result<AeadKey, DeriveError> {
    // HKDF's output for fewer bytes is a prefix of that for more: a key is the same with and without a nonce key after it.
    Ok(convergent(key_type, key, context)?.aead)
}

pub(super) fn convergent(key_type: KeyType, key: &[u8], context: &[u8]) -> Result<Convergent, DeriveError> {
    let len = key_type.symmetric_key_len().ok_or(DeriveError::KeyType(key_type))?;
    let derived: Secret<64> = derive(key, context)?;
    let (key, rest) = derived.expose().split_at_checked(len).ok_or(DeriveError::Library)?;
    let (nonce_key, _) = rest.split_at_checked(NONCE_KEY_LEN).ok_or(DeriveError::Library)?;
    let aead = AeadKey::new(key_type, key).map_err(|error| match error {
        AeadError::Secret(error) => DeriveError::Secret(error),
        _ => DeriveError::Library,
    })?;
    Ok(Convergent { aead, nonce_key: Secret::copy_from_slice(nonce_key)? })
}

/// The parent is the seed ‖ the public key, which is what Go, and so Vault, calls an Ed25519 private key.
pub(super) fn ed25519_seed(seed: &[u8], public: &[u8], context: &[u8]) -> Result<SecretBytes, DeriveError> {
    let mut parent = SecretBytes::zeroed(seed.len().saturating_add(public.len()))?;
    for (byte, source) in parent.expose_mut().iter_mut().zip([seed, public].into_iter().flatten()) {
        *byte = *source;
    }
    let derived: Secret<32> = derive(parent.expose(), context)?;
    Ok(SecretBytes::copy_from_slice(derived.expose())?)
}

fn derive<const N: usize>(key: &[u8], context: &[u8]) -> Result<Secret<N>, DeriveError> {
    if context.is_empty() {
        return Err(DeriveError::NoContext);
    }
    Ok(kdf::hkdf(&[], key, &[context])?)
}

const NONCE_KEY_LEN: usize = 32;
