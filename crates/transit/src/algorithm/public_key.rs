//! The public half of an asymmetric key.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::kem;
use aws_lc_rs::rsa::{OaepPublicEncryptingKey, PublicKey as RsaPublicKey};
use aws_lc_rs::signature::{ED25519, ParsedPublicKey};
use data_encoding::BASE64;
use pkcs8::LineEnding;
use pkcs8::der::pem;
use strongroom_crypto::secret::Secret;

use super::{
    EncapsulateError, EncryptError, KeyType, OaepHash, ParameterError, PublicKeyError, SignOptions,
    VerifyError, asn1, ecdsa, ml_dsa, ml_kem, oaep, rsa,
};

/// The public half of an asymmetric key: it verifies, encrypts or encapsulates.
#[derive(Clone)]
pub struct PublicKey {
    key_type: KeyType,
    raw: Vec<u8>,
    der: Vec<u8>,
    pem: String,
    prepared: Arc<Prepared>,
}

/// What the library makes of the key, once.
enum Prepared {
    /// Ed25519, ECDSA, ML-DSA.
    Verifying(ParsedPublicKey),
    /// RSA. The library has no key that verifies in more than one way, so for that the key is parsed again.
    Encrypting(OaepPublicEncryptingKey),
    /// ML-KEM.
    Encapsulating(kem::EncapsulationKey),
}

impl PublicKey {
    /// A public half that the library has given or taken, so that it is valid.
    pub(super) fn checked(key_type: KeyType, raw: &[u8]) -> Option<Self> {
        let der = asn1::public_document(key_type, raw)?;
        let pem = pem::encode_string(PEM_LABEL, LineEnding::LF, &der).ok()?;
        let prepared = if key_type.is_rsa() {
            Prepared::Encrypting(oaep::encrypting(&der)?)
        } else if let Some(algorithm) = ml_kem::algorithm(key_type) {
            Prepared::Encapsulating(kem::EncapsulationKey::new(algorithm, raw).ok()?)
        } else if let Some(algorithm) = ecdsa::verification(key_type) {
            Prepared::Verifying(ParsedPublicKey::new(algorithm, raw).ok()?)
        } else if let Some(algorithm) = ml_dsa::verification(key_type) {
            Prepared::Verifying(ParsedPublicKey::new(algorithm, raw).ok()?)
        } else {
            Prepared::Verifying(ParsedPublicKey::new(&ED25519, raw).ok()?)
        };
        Some(Self { key_type, raw: raw.to_vec(), der, pem, prepared: Arc::new(prepared) })
    }

    /// Takes a public key in its algorithm's own form: see [`raw`](Self::raw).
    ///
    /// # Errors
    ///
    /// [`PublicKeyError::KeyType`] for a symmetric kind; [`PublicKeyError::OtherAlgorithm`] for an RSA key of another size;
    /// [`PublicKeyError::Invalid`] for what the algorithm rejects, a compressed point among it.
    pub fn from_raw(key_type: KeyType, raw: &[u8]) -> Result<Self, PublicKeyError> {
        // Beside this, the library looks at the key when it prepares it.
        let valid = match key_type {
            KeyType::Ed25519 => raw.len() == 32,
            KeyType::EcdsaP256 | KeyType::EcdsaP384 | KeyType::EcdsaP521 => {
                raw.first() == Some(&ecdsa::UNCOMPRESSED)
                    && ecdsa::scalar_len(key_type).is_some_and(|len| raw.len() == 1 + 2 * len)
            }
            KeyType::Rsa2048 | KeyType::Rsa3072 | KeyType::Rsa4096 => {
                let key = RsaPublicKey::from_der(raw).map_err(|_| PublicKeyError::Invalid)?;
                if !rsa::has_size(key_type, key.as_ref()) {
                    return Err(PublicKeyError::OtherAlgorithm(key_type));
                }
                key.as_ref() == raw
            }
            KeyType::MlDsa44 | KeyType::MlDsa65 | KeyType::MlDsa87 => {
                ml_dsa::signing(key_type).is_some_and(|algorithm| algorithm.public_key_len() == raw.len())
            }
            KeyType::MlKem768 | KeyType::MlKem1024 => ml_kem::algorithm(key_type).is_some_and(|algorithm| {
                // FIPS 203, section 7.2, checks the coefficients when it encapsulates, so that is what is tried.
                kem::EncapsulationKey::new(algorithm, raw).is_ok_and(|key| key.encapsulate().is_ok())
            }),
            KeyType::Aes128Gcm96
            | KeyType::Aes256Gcm96
            | KeyType::ChaCha20Poly1305
            | KeyType::XChaCha20Poly1305
            | KeyType::Xaes256Gcm
            | KeyType::Hmac => return Err(PublicKeyError::KeyType(key_type)),
        };
        valid.then(|| Self::checked(key_type, raw)).flatten().ok_or(PublicKeyError::Invalid)
    }

    /// Takes a public key in DER: `SubjectPublicKeyInfo` (RFC 5280, section 4.1).
    ///
    /// # Errors
    ///
    /// [`PublicKeyError::Encoding`], [`PublicKeyError::OtherAlgorithm`], or as [`from_raw`](Self::from_raw).
    pub fn from_der(key_type: KeyType, der: &[u8]) -> Result<Self, PublicKeyError> {
        if !key_type.is_asymmetric() {
            return Err(PublicKeyError::KeyType(key_type));
        }
        Self::from_raw(key_type, asn1::public_key(key_type, der)?)
    }

    /// Takes a public key in PEM, labelled `PUBLIC KEY` (RFC 7468, section 13).
    ///
    /// # Errors
    ///
    /// As [`from_der`](Self::from_der).
    pub fn from_pem(key_type: KeyType, text: &str) -> Result<Self, PublicKeyError> {
        match pem::decode_vec(text.trim().as_bytes()) {
            Ok((PEM_LABEL, der)) => Self::from_der(key_type, &der),
            _ => Err(PublicKeyError::Encoding),
        }
    }

    /// The kind of key.
    pub fn key_type(&self) -> KeyType {
        self.key_type
    }

    /// The algorithm's own form: 32 bytes for Ed25519, the uncompressed point for ECDSA, `RSAPublicKey` in DER for
    /// RSA, FIPS 203's and 204's encodings for ML-KEM and ML-DSA.
    pub fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// `SubjectPublicKeyInfo` in DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// `SubjectPublicKeyInfo` in PEM, with a newline at the end.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// As Vault shows it when a key is read: base64 of the 32 bytes for Ed25519, PEM for the others.
    pub fn display(&self) -> String {
        if self.key_type == KeyType::Ed25519 { BASE64.encode(&self.raw) } else { self.pem.clone() }
    }

    /// Whether the signature is this key's for the input.
    ///
    /// # Errors
    ///
    /// [`VerifyError::Wrong`]; or [`VerifyError::Parameter`] where the options do not go with the key.
    pub fn verify(&self, input: &[u8], signature: &[u8], options: &SignOptions) -> Result<(), VerifyError> {
        match &*self.prepared {
            Prepared::Verifying(key) if self.key_type.is_ecdsa() => {
                ecdsa::verify(self.key_type, key, input, signature, *options)
            }
            Prepared::Verifying(_) if options.prehashed => {
                Err(ParameterError::Prehashed(self.key_type).into())
            }
            Prepared::Verifying(key) => key.verify_sig(input, signature).map_err(|_| VerifyError::Wrong),
            Prepared::Encrypting(_) => rsa::verify(self.key_type, &self.raw, input, signature, *options),
            Prepared::Encapsulating(_) => Err(ParameterError::KeyType(self.key_type).into()),
        }
    }

    /// Encrypts a few bytes: RSAES-OAEP (RFC 8017, section 7.1), no label.
    /// [`Material::decrypt`](super::Material::decrypt) undoes it.
    ///
    /// # Errors
    ///
    /// [`EncryptError::KeyType`] unless the key is RSA; [`EncryptError::TooLong`].
    pub fn encrypt(&self, hash: OaepHash, plaintext: &[u8]) -> Result<Vec<u8>, EncryptError> {
        match &*self.prepared {
            Prepared::Encrypting(key) => oaep::encrypt(key, hash, plaintext),
            _ => Err(EncryptError::KeyType(self.key_type)),
        }
    }

    /// Whether [`encrypt`](Self::encrypt) takes so many bytes.
    pub(crate) fn check_length(&self, hash: OaepHash, len: usize) -> Result<(), EncryptError> {
        match &*self.prepared {
            Prepared::Encrypting(key) => oaep::check_length(key, hash, len),
            _ => Err(EncryptError::KeyType(self.key_type)),
        }
    }

    /// Draws a secret and encapsulates it (FIPS 203, algorithm 20): the ciphertext, and the secret.
    /// [`Material::decapsulate`](super::Material::decapsulate) gives the secret from the ciphertext.
    ///
    /// # Errors
    ///
    /// [`EncapsulateError::KeyType`] unless the key is ML-KEM.
    pub fn encapsulate(&self) -> Result<(Vec<u8>, Secret<32>), EncapsulateError> {
        match &*self.prepared {
            Prepared::Encapsulating(key) => ml_kem::encapsulate(key),
            _ => Err(EncapsulateError::KeyType(self.key_type)),
        }
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        (self.key_type, &self.raw) == (other.key_type, &other.raw)
    }
}

impl Eq for PublicKey {}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublicKey").field("pem", &self.pem).finish_non_exhaustive()
    }
}

const PEM_LABEL: &str = "PUBLIC KEY";
