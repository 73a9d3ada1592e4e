//! Keys per context, as Vault derives them, and convergent encryption.

use strongroom_crypto::kdf;
use strongroom_crypto::mac::MacKey;
use strongroom_crypto::secret::{Secret, SecretBytes};

use super::{AeadError, AeadKey, DeriveError, KeyType};

/// A derived key that chooses the nonce by what it seals, so that under one context the same plaintext with the same
/// associated data always gives the same ciphertext: Vault's convergent encryption, version 3.
///
/// Who sees two ciphertexts sees whether what was sealed is equal: that is its purpose and its price. Nonces of 96
/// bits are the first bits of an HMAC, as good as random: a key seals at most 2^32 different messages (SP 800-38D,
/// section 8.3).
pub struct Convergent {
    aead: AeadKey,
    nonce_key: MacKey,
    associated_nonce_key: MacKey,
}

impl Convergent {
    /// Seals under a nonce that is the beginning of an HMAC-SHA-256.
    ///
    /// Without associated data that is Vault's, over the plaintext, and so is the ciphertext. With associated data
    /// Vault leaves them out: then one plaintext under two associated data has one nonce, and the two tags give the
    /// key of the tags away. Here they are part of it, under a key of their own. Vault opens these ciphertexts too.
    ///
    /// # Errors
    ///
    /// As [`AeadKey::seal`].
    pub fn seal(&self, aad: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, AeadError> {
        let mac = if aad.is_empty() {
            self.nonce_key.mac(&[plaintext])
        } else {
            let len = u64::try_from(aad.len()).map_err(|_| AeadError::Cipher)?;
            self.associated_nonce_key.mac(&[&len.to_be_bytes(), aad, plaintext])
        };
        let nonce = mac.get(..self.aead.nonce_len()).ok_or(AeadError::NonceLength)?;
        self.aead.seal(nonce, aad, plaintext)
    }

    /// The key that opens.
    pub fn aead(&self) -> &AeadKey {
        &self.aead
    }
}

pub(super) fn aead(key_type: KeyType, key: &[u8], context: &[u8]) -> Result<AeadKey, DeriveError> {
    let len = key_type.symmetric_key_len().ok_or(DeriveError::KeyType(key_type))?;
    // HKDF's output for fewer bytes is a prefix of that for more: this is the convergent key too.
    let derived: Secret<32> = derive(key, context)?;
    schedule(key_type, derived.expose().get(..len).ok_or(DeriveError::Library)?)
}

pub(super) fn convergent(key_type: KeyType, key: &[u8], context: &[u8]) -> Result<Convergent, DeriveError> {
    let len = key_type.symmetric_key_len().ok_or(DeriveError::KeyType(key_type))?;
    let derived: Secret<96> = derive(key, context)?;
    let (key, rest) = derived.expose().split_at_checked(len).ok_or(DeriveError::Library)?;
    let (nonce_key, rest) = rest.split_first_chunk::<32>().ok_or(DeriveError::Library)?;
    let (associated_nonce_key, _) = rest.split_first_chunk::<32>().ok_or(DeriveError::Library)?;
    let aead = schedule(key_type, key)?;
    Ok(Convergent {
        aead,
        nonce_key: MacKey::new(&Secret::copy_from_slice(nonce_key)?),
        associated_nonce_key: MacKey::new(&Secret::copy_from_slice(associated_nonce_key)?),
    })
}

fn schedule(key_type: KeyType, key: &[u8]) -> Result<AeadKey, DeriveError> {
    AeadKey::new(key_type, key).map_err(|error| match error {
        AeadError::Secret(error) => DeriveError::Secret(error),
        _ => DeriveError::Library,
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn associated_data_change_the_nonce_and_without_them_it_is_vaults() {
        for kind in KeyType::ALL.into_iter().filter(|kind| kind.is_aead()) {
            let key = vec![7; kind.symmetric_key_len().unwrap()];
            let convergent = convergent(kind, &key, b"context").unwrap();
            let sealed = [&b""[..], b"a", b"b", b"ab"].map(|aad| {
                let sealed = convergent.seal(aad, b"bc").unwrap();
                assert_eq!(convergent.seal(aad, b"bc").unwrap(), sealed);
                assert_eq!(convergent.aead().open(aad, &sealed).unwrap().as_slice(), b"bc");
                sealed
            });
            let mut nonces: Vec<&[u8]> =
                sealed.iter().map(|sealed| &sealed[..kind.nonce_len().unwrap()]).collect();
            // Moved from the plaintext to the associated data, a byte changes it too.
            let moved = convergent.seal(b"ab", b"c").unwrap();
            nonces.push(&moved[..kind.nonce_len().unwrap()]);
            let vaults = kdf::hkdf::<64>(&[], &key, &[b"context"]).unwrap();
            let nonce_key = Secret::copy_from_slice(&vaults.expose()[key.len()..][..32]).unwrap();
            assert!(MacKey::new(&nonce_key).mac(&[b"bc"]).starts_with(nonces[0]), "{kind}");
            nonces.sort_unstable();
            nonces.dedup();
            assert_eq!(nonces.len(), 5, "{kind}");
        }
    }
}
