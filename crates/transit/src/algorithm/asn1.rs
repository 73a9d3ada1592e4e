//! Private and public keys in the standards' encodings: PKCS #8 (RFC 5958) and `SubjectPublicKeyInfo` (RFC 5280,
//! section 4.1).

use pkcs8::der::asn1::{Any, AnyRef, BitStringRef, Null, OctetStringRef};
use pkcs8::der::{Decode as _, Encode as _};
use pkcs8::spki::{AlgorithmIdentifierRef, SubjectPublicKeyInfoRef};
use pkcs8::{ObjectIdentifier, PrivateKeyInfoRef};
use zeroize::Zeroizing;

use super::{KeyType, PublicKeyError};
use crate::import::ImportError;

/// The algorithm's key in a PKCS #8 document, whose algorithm is not looked at: the caller has parsed it.
pub(crate) fn inner_key(document: &[u8]) -> Result<&[u8], &'static str> {
    PrivateKeyInfoRef::from_der(document)
        .map(|info| info.private_key.as_bytes())
        .map_err(|_| "no PKCS #8 document")
}

/// The algorithm's key in a PKCS #8 document, which must be of this kind.
pub(crate) fn inner_key_of(key_type: KeyType, document: &[u8]) -> Result<&[u8], ImportError> {
    let info = PrivateKeyInfoRef::from_der(document).map_err(|_| ImportError::Encoding(key_type))?;
    if !is_of(key_type, info.algorithm) {
        return Err(ImportError::OtherAlgorithm(key_type));
    }
    Ok(info.private_key.as_bytes())
}

/// The PKCS #8 document of an algorithm's key.
pub(crate) fn document(key_type: KeyType, inner: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (oid, parameters) = identifier(key_type)?;
    let algorithm = AlgorithmIdentifierRef { oid, parameters: parameters.as_ref().map(AnyRef::from) };
    let info = PrivateKeyInfoRef::new(algorithm, OctetStringRef::new(inner).ok()?);
    info.to_der().map(Zeroizing::new).ok()
}

/// The `SubjectPublicKeyInfo` of a public key.
pub(super) fn public_document(key_type: KeyType, raw: &[u8]) -> Option<Vec<u8>> {
    let (oid, parameters) = identifier(key_type)?;
    let algorithm = AlgorithmIdentifierRef { oid, parameters: parameters.as_ref().map(AnyRef::from) };
    SubjectPublicKeyInfoRef { algorithm, subject_public_key: BitStringRef::from_bytes(raw).ok()? }
        .to_der()
        .ok()
}

/// The public key in a `SubjectPublicKeyInfo` of this kind.
pub(super) fn public_key(key_type: KeyType, document: &[u8]) -> Result<&[u8], PublicKeyError> {
    let info = SubjectPublicKeyInfoRef::from_der(document).map_err(|_| PublicKeyError::Encoding)?;
    if !is_of(key_type, info.algorithm) {
        return Err(PublicKeyError::OtherAlgorithm(key_type));
    }
    info.subject_public_key.as_bytes().ok_or(PublicKeyError::Encoding)
}

fn is_of(key_type: KeyType, algorithm: AlgorithmIdentifierRef<'_>) -> bool {
    identifier(key_type).is_some_and(|(oid, parameters)| {
        algorithm.oid == oid && algorithm.parameters == parameters.as_ref().map(AnyRef::from)
    })
}

/// The algorithm's identifier and parameters: RFC 8017 for RSA, RFC 5480 for the curves, RFC 8410 for Ed25519, RFC
/// 9881 for ML-DSA, RFC 9935 for ML-KEM. Symmetric keys have none.
fn identifier(key_type: KeyType) -> Option<(ObjectIdentifier, Option<Any>)> {
    let (oid, parameters) = match key_type {
        KeyType::Rsa2048 | KeyType::Rsa3072 | KeyType::Rsa4096 => {
            ("1.2.840.113549.1.1.1", Some(Any::from(AnyRef::from(Null))))
        }
        KeyType::EcdsaP256 => (EC_PUBLIC_KEY, Some(curve("1.2.840.10045.3.1.7")?)),
        KeyType::EcdsaP384 => (EC_PUBLIC_KEY, Some(curve("1.3.132.0.34")?)),
        KeyType::EcdsaP521 => (EC_PUBLIC_KEY, Some(curve("1.3.132.0.35")?)),
        KeyType::Ed25519 => ("1.3.101.112", None),
        KeyType::MlKem768 => ("2.16.840.1.101.3.4.4.2", None),
        KeyType::MlKem1024 => ("2.16.840.1.101.3.4.4.3", None),
        KeyType::MlDsa44 => ("2.16.840.1.101.3.4.3.17", None),
        KeyType::MlDsa65 => ("2.16.840.1.101.3.4.3.18", None),
        KeyType::MlDsa87 => ("2.16.840.1.101.3.4.3.19", None),
        KeyType::Aes128Gcm96
        | KeyType::Aes256Gcm96
        | KeyType::ChaCha20Poly1305
        | KeyType::XChaCha20Poly1305
        | KeyType::Xaes256Gcm
        | KeyType::Hmac => return None,
    };
    Some((ObjectIdentifier::new(oid).ok()?, parameters))
}

fn curve(oid: &str) -> Option<Any> {
    Any::encode_from(&ObjectIdentifier::new(oid).ok()?).ok()
}

const EC_PUBLIC_KEY: &str = "1.2.840.10045.2.1";
