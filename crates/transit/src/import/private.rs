//! Private keys in the encodings that others write.

use aws_lc_rs::rsa::KeyPair as RsaKeyPair;
use aws_lc_rs::signature::{EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, PqdsaKeyPair};
use data_encoding::BASE64;
use pkcs8::der::asn1::OctetStringRef;
use pkcs8::der::{Decode as _, Error, Reader as _, SecretDocument, SliceReader};
use strongroom_crypto::secret::SecretBytes;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::ImportError;
use crate::algorithm::{HMAC_KEY_LENS, KeyType, Material, asn1, ecdsa, ml_dsa, ml_kem, private, rsa};
use crate::base64::is_padded_once;

impl Material {
    /// Takes a key that was made elsewhere: the bytes of a symmetric or HMAC key, the PKCS #8 document (RFC 5958,
    /// DER, unencrypted) of an asymmetric one. The HMAC key beside it is new, as in Vault.
    ///
    /// # Errors
    ///
    /// [`ImportError`]; bytes after the end are refused too. Of an RSA key the sizes are checked that FIPS 186-5 asks for, and that
    /// it signs; not that its primes are primes, nor whether they were drawn well.
    pub fn import(key_type: KeyType, bytes: &[u8]) -> Result<Self, ImportError> {
        let body = if key_type.is_asymmetric() {
            let inner = asn1::inner_key_of(key_type, bytes)?;
            from_pkcs8(key_type, bytes, inner)?
        } else {
            from_raw(key_type, bytes)?
        };
        Self::with_new_hmac_key(key_type, body).map_err(|error| ImportError::of_body(key_type, error))
    }

    /// Takes a key as [`export`](Self::export) writes it, in any of its formats: base64 of the bytes or of DER; PEM
    /// labelled `PRIVATE KEY`, `RSA PRIVATE KEY` or `EC PRIVATE KEY`. Blank space around the text is left aside.
    ///
    /// # Errors
    ///
    /// As [`import`](Self::import).
    pub fn import_text(key_type: KeyType, text: &str) -> Result<Self, ImportError> {
        let text = text.trim();
        if text.starts_with("-----BEGIN") {
            return Self::import_pem(key_type, text);
        }
        let bytes = Zeroizing::new(BASE64.decode(text.as_bytes()).map_err(|_| ImportError::Text(key_type))?);
        if !is_padded_once(text.as_bytes(), bytes.len()) {
            return Err(ImportError::Text(key_type));
        }
        if key_type != KeyType::Ed25519 {
            return Self::import(key_type, &bytes);
        }
        // Vault's form is the seed and the public key; no PKCS #8 document of Ed25519 has that length.
        let Ok(pair) = <&[u8; 64]>::try_from(bytes.as_slice()) else { return Self::import(key_type, &bytes) };
        let (seed, public) = pair.split_at(32);
        Ed25519KeyPair::from_seed_and_public_key(seed, public).map_err(|_| ImportError::Invalid(key_type))?;
        Self::with_new_hmac_key(key_type, SecretBytes::copy_from_slice(seed)?)
            .map_err(|error| ImportError::of_body(key_type, error))
    }

    fn import_pem(key_type: KeyType, text: &str) -> Result<Self, ImportError> {
        let (label, document) = SecretDocument::from_pem(text).map_err(|_| ImportError::Text(key_type))?;
        let der = document.as_bytes();
        let body = match label {
            "PRIVATE KEY" => return Self::import(key_type, der),
            "RSA PRIVATE KEY" if key_type.is_rsa() => from_rsa(key_type, RsaKeyPair::from_der(der).ok()),
            "EC PRIVATE KEY" if key_type.is_ecdsa() => {
                let algorithm = ecdsa::signing(key_type).ok_or(ImportError::Encoding(key_type))?;
                let key = EcdsaKeyPair::from_private_key_der(algorithm, der)
                    .map_err(|_| ImportError::Invalid(key_type))?;
                private::ecdsa_body(&key).map_err(|error| ImportError::of_body(key_type, error))
            }
            _ => return Err(ImportError::Text(key_type)),
        };
        Self::with_new_hmac_key(key_type, body?).map_err(|error| ImportError::of_body(key_type, error))
    }
}

fn from_raw(key_type: KeyType, bytes: &[u8]) -> Result<SecretBytes, ImportError> {
    // Looked at before it is copied, since secret memory is dear.
    let fits = match key_type.symmetric_key_len() {
        Some(len) => bytes.len() == len,
        None => HMAC_KEY_LENS.contains(&bytes.len()),
    };
    if fits { Ok(SecretBytes::copy_from_slice(bytes)?) } else { Err(ImportError::Length(key_type)) }
}

/// The body of a key whose document is known to be of its kind and whole.
fn from_pkcs8(key_type: KeyType, document: &[u8], inner: &[u8]) -> Result<SecretBytes, ImportError> {
    let invalid = ImportError::Invalid(key_type);
    if key_type == KeyType::Ed25519 {
        Ed25519KeyPair::from_pkcs8(document).map_err(|_| invalid.clone())?;
        // The library's own way to the seed leaves a copy on its heap.
        let seed = inner.strip_prefix(&ED25519_SEED_HEADER).ok_or(invalid)?;
        return Ok(SecretBytes::copy_from_slice(seed)?);
    }
    if let Some(algorithm) = ecdsa::signing(key_type) {
        let key = EcdsaKeyPair::from_pkcs8(algorithm, document).map_err(|_| invalid)?;
        return private::ecdsa_body(&key).map_err(|error| ImportError::of_body(key_type, error));
    }
    if let Some(algorithm) = ml_dsa::signing(key_type) {
        PqdsaKeyPair::from_pkcs8(algorithm, document).map_err(|_| invalid)?;
        let (seed, _) = seed_and_expanded(inner, ML_DSA_SEED_LEN).ok_or(ImportError::NoSeed(key_type))?;
        return Ok(SecretBytes::copy_from_slice(seed)?);
    }
    if key_type.supports_encapsulation() {
        return ml_kem_seed(key_type, inner);
    }
    from_rsa(key_type, RsaKeyPair::from_pkcs8(document).ok())
}

fn from_rsa(key_type: KeyType, key: Option<RsaKeyPair>) -> Result<SecretBytes, ImportError> {
    let key = key.ok_or(ImportError::Invalid(key_type))?;
    if !rsa::has_size(key_type, key.public_key().as_ref()) {
        return Err(ImportError::OtherAlgorithm(key_type));
    }
    let body = private::rsa_body(&key).map_err(|error| ImportError::of_body(key_type, error))?;
    if !rsa::is_strong(key_type, body.expose()) {
        return Err(ImportError::Weak(key_type));
    }
    // Parts that fit each other without being primes give signatures that are none.
    if !rsa::signs(key_type, &key) {
        return Err(ImportError::Invalid(key_type));
    }
    Ok(body)
}

fn ml_kem_seed(key_type: KeyType, inner: &[u8]) -> Result<SecretBytes, ImportError> {
    let no_seed = ImportError::NoSeed(key_type);
    let (seed, claimed) = seed_and_expanded(inner, ML_KEM_SEED_LEN).ok_or(no_seed.clone())?;
    if let Some(claimed) = claimed {
        let seed = seed.try_into().map_err(|_| no_seed.clone())?;
        let expanded = ml_kem::expanded_key(key_type, seed).ok_or(no_seed.clone())?;
        if !bool::from(expanded.ct_eq(claimed)) {
            return Err(no_seed);
        }
    }
    Ok(SecretBytes::copy_from_slice(seed)?)
}

/// The forms of RFC 9881, section 6, and RFC 9935, section 6, that have the seed: `[0] seed`, or a sequence of the
/// seed and the expanded key.
fn seed_and_expanded(inner: &[u8], seed_len: u8) -> Option<(&[u8], Option<&[u8]>)> {
    if let Some(seed) = inner.strip_prefix(&[SEED_TAG, seed_len]) {
        return (seed.len() == usize::from(seed_len)).then_some((seed, None));
    }
    let mut reader = SliceReader::new(inner).ok()?;
    let (seed, expanded) = reader
        .sequence(|reader| {
            let seed = <&OctetStringRef>::decode(reader)?;
            Ok::<_, Error>((seed.as_bytes(), <&OctetStringRef>::decode(reader)?.as_bytes()))
        })
        .ok()?;
    reader.finish().ok()?;
    (seed.len() == usize::from(seed_len)).then_some((seed, Some(expanded)))
}

/// Context-specific, primitive, number 0.
pub(super) const SEED_TAG: u8 = 0x80;
/// RFC 8410, section 7: an octet string of 32 bytes.
const ED25519_SEED_HEADER: [u8; 2] = [4, 32];
const ML_DSA_SEED_LEN: u8 = 32;
pub(super) const ML_KEM_SEED_LEN: u8 = 64;
