//! The public half of an asymmetric key.

use aws_lc_rs::kem;
use aws_lc_rs::rsa::PublicKey as RsaPublicKey;
use aws_lc_rs::signature::{ED25519, ParsedPublicKey, UnparsedPublicKey};
use data_encoding::BASE64;
use pkcs8::LineEnding;
use pkcs8::der::pem;
use strongroom_crypto::secret::Secret;

use super::{
    EncapsulateError, EncryptError, KeyType, Marshaling, OaepHash, ParameterError, PublicKeyError,
    SignOptions, VerifyError, asn1, ecdsa, ml_dsa, ml_kem, oaep, rsa,
};

/// The public half of an asymmetric key: it verifies, encrypts or encapsulates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    key_type: KeyType,
    raw: Vec<u8>,
    der: Vec<u8>,
    pem: String,
}

impl PublicKey {
    /// A public half that the library has given or taken, so that it is valid.
    pub(super) fn checked(key_type: KeyType, raw: &[u8]) -> Option<Self> {
        let der = asn1::public_document(key_type, raw)?;
        let pem = pem::encode_string(PEM_LABEL, LineEnding::LF, &der).ok()?;
        Some(Self { key_type, raw: raw.to_vec(), der, pem })
    }

    /// Takes a public key in its algorithm's own form: see [`raw`](Self::raw).
    ///
    /// # Errors
    ///
    /// [`PublicKeyError::KeyType`] for a symmetric kind; [`PublicKeyError::OtherAlgorithm`] for an RSA key of another size;
    /// [`PublicKeyError::Invalid`] for what the algorithm rejects, a compressed point among it.
    pub fn from_raw(key_type: KeyType, raw: &[u8]) -> Result<Self, PublicKeyError> {
        let valid = match key_type {
            KeyType::Ed25519 => raw.len() == 32 && ParsedPublicKey::new(&ED25519, raw).is_ok(),
            KeyType::EcdsaP256 | KeyType::EcdsaP384 | KeyType::EcdsaP521 => {
                raw.first() == Some(&ecdsa::UNCOMPRESSED)
                    && ecdsa::scalar_len(key_type).is_some_and(|len| raw.len() == 1 + 2 * len)
                    && ecdsa::verification(key_type, Marshaling::Asn1)
                        .is_some_and(|algorithm| ParsedPublicKey::new(algorithm, raw).is_ok())
            }
            KeyType::Rsa2048 | KeyType::Rsa3072 | KeyType::Rsa4096 => {
                let key = RsaPublicKey::from_der(raw).map_err(|_| PublicKeyError::Invalid)?;
                if !rsa::has_size(key_type, key.as_ref()) {
                    return Err(PublicKeyError::OtherAlgorithm(key_type));
                }
                key.as_ref() == raw
            }
            KeyType::MlDsa44 | KeyType::MlDsa65 | KeyType::MlDsa87 => {
                let signing = ml_dsa::signing(key_type);
                signing.is_some_and(|algorithm| algorithm.public_key_len() == raw.len())
                    && ml_dsa::verification(key_type)
                        .is_some_and(|algorithm| ParsedPublicKey::new(algorithm, raw).is_ok())
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
        let pure: &'static dyn aws_lc_rs::signature::VerificationAlgorithm = match self.key_type {
            KeyType::EcdsaP256 | KeyType::EcdsaP384 | KeyType::EcdsaP521 => {
                return ecdsa::verify(self.key_type, &self.raw, input, signature, *options);
            }
            KeyType::Rsa2048 | KeyType::Rsa3072 | KeyType::Rsa4096 => {
                return rsa::verify(self.key_type, &self.raw, input, signature, *options);
            }
            KeyType::Ed25519 => &ED25519,
            kind => ml_dsa::verification(kind).ok_or(ParameterError::KeyType(kind))?,
        };
        if options.prehashed {
            return Err(ParameterError::Prehashed(self.key_type).into());
        }
        UnparsedPublicKey::new(pure, &self.raw).verify(input, signature).map_err(|_| VerifyError::Wrong)
    }

    /// Encrypts a few bytes: RSAES-OAEP (RFC 8017, section 7.1), no label.
    /// [`Material::decrypt`](super::Material::decrypt) undoes it.
    ///
    /// # Errors
    ///
    /// [`EncryptError::KeyType`] unless the key is RSA; [`EncryptError::TooLong`].
    pub fn encrypt(&self, hash: OaepHash, plaintext: &[u8]) -> Result<Vec<u8>, EncryptError> {
        oaep::encrypt(self.key_type, &self.der, hash, plaintext)
    }

    /// Draws a secret and encapsulates it (FIPS 203, algorithm 20): the ciphertext, and the secret.
    /// [`Material::decapsulate`](super::Material::decapsulate) gives the secret from the ciphertext.
    ///
    /// # Errors
    ///
    /// [`EncapsulateError::KeyType`] unless the key is ML-KEM.
    pub fn encapsulate(&self) -> Result<(Vec<u8>, Secret<32>), EncapsulateError> {
        ml_kem::encapsulate(self.key_type, &self.raw)
    }
}

const PEM_LABEL: &str = "PUBLIC KEY";
