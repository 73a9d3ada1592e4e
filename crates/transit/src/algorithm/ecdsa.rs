//! ECDSA (FIPS 186-5, section 6) with any hash.
//!
//! aws-lc-rs ties each curve to one hash. The hash is nothing to the signature but a number, though: the leftmost
//! bits of the digest, as many as the order has (section 6.4.1, step 2). So the digest is brought to the length of
//! the library's hash here, cut on the right or filled with zeros on the left, neither of which changes that number.

use aws_lc_rs::digest::{Digest, SHA256, SHA384, SHA512};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_ASN1,
    ECDSA_P384_SHA384_FIXED_SIGNING, ECDSA_P521_SHA512_ASN1, ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm, EcdsaVerificationAlgorithm, ParsedPublicKey,
};
use pkcs8::der::Encode as _;
use pkcs8::der::asn1::UintRef;

use super::material::BodyError;
use super::{HashAlgorithm, KeyType, Marshaling, ParameterError, SignError, SignOptions, VerifyError};

/// The curve's algorithm in the library, with signatures of fixed length.
pub(crate) fn signing(key_type: KeyType) -> Option<&'static EcdsaSigningAlgorithm> {
    match key_type {
        KeyType::EcdsaP256 => Some(&ECDSA_P256_SHA256_FIXED_SIGNING),
        KeyType::EcdsaP384 => Some(&ECDSA_P384_SHA384_FIXED_SIGNING),
        KeyType::EcdsaP521 => Some(&ECDSA_P521_SHA512_FIXED_SIGNING),
        _ => None,
    }
}

/// How many bytes a scalar has.
pub(super) fn scalar_len(key_type: KeyType) -> Option<usize> {
    match key_type {
        KeyType::EcdsaP256 => Some(32),
        KeyType::EcdsaP384 => Some(48),
        KeyType::EcdsaP521 => Some(66),
        _ => None,
    }
}

pub(super) fn parse_body(key_type: KeyType, body: &[u8]) -> Result<EcdsaKeyPair, BodyError> {
    const LENGTH: BodyError = BodyError::Rejected("a key of another length than its type's");
    let len = scalar_len(key_type).ok_or(LENGTH)?;
    let algorithm = signing(key_type).ok_or(LENGTH)?;
    let (scalar, point) = body.split_at_checked(len).ok_or(LENGTH)?;
    // The library also takes compressed points, which would be a second form of the same key.
    if point.len() != 1 + 2 * len || point.first() != Some(&UNCOMPRESSED) {
        return Err(LENGTH);
    }
    EcdsaKeyPair::from_private_key_and_public_key(algorithm, scalar, point)
        .map_err(|_| BodyError::Rejected("a scalar out of range, or a point that is not the scalar's"))
}

pub(super) fn sign(
    key: &EcdsaKeyPair,
    key_type: KeyType,
    input: &[u8],
    options: SignOptions,
) -> Result<Vec<u8>, SignError> {
    let digest = representative(key_type, &digest(input, options)?).ok_or(SignError::Library)?;
    let signature = key.sign_digest(&digest).map_err(|_| SignError::Library)?;
    match options.marshaling {
        Marshaling::Jws => Ok(signature.as_ref().to_vec()),
        Marshaling::Asn1 => asn1(signature.as_ref()).ok_or(SignError::Library),
    }
}

pub(super) fn verify(
    key_type: KeyType,
    key: &ParsedPublicKey,
    input: &[u8],
    signature: &[u8],
    options: SignOptions,
) -> Result<(), VerifyError> {
    let digest = representative(key_type, &digest(input, options)?).ok_or(VerifyError::Wrong)?;
    let verified = match options.marshaling {
        Marshaling::Asn1 => key.verify_digest_sig(&digest, signature),
        Marshaling::Jws if scalar_len(key_type).is_some_and(|len| signature.len() == 2 * len) => {
            key.verify_digest_sig(&digest, &asn1(signature).ok_or(VerifyError::Wrong)?)
        }
        Marshaling::Jws => return Err(VerifyError::Wrong),
    };
    verified.map_err(|_| VerifyError::Wrong)
}

/// For signatures in DER.
pub(super) fn verification(key_type: KeyType) -> Option<&'static EcdsaVerificationAlgorithm> {
    match key_type {
        KeyType::EcdsaP256 => Some(&ECDSA_P256_SHA256_ASN1),
        KeyType::EcdsaP384 => Some(&ECDSA_P384_SHA384_ASN1),
        KeyType::EcdsaP521 => Some(&ECDSA_P521_SHA512_ASN1),
        _ => None,
    }
}

/// The digest of the input, or the input where it is one. Then it may be of any hash here, whichever is named: only
/// its bits go into the signature, and Vault does not look at the name either. Clients that name none, which is SHA-256, and
/// send digests of the curve's own hash rely on that. [`SignOptions::prehashed`] says what follows.
fn digest(input: &[u8], options: SignOptions) -> Result<Vec<u8>, ParameterError> {
    let hash = check(input.len(), options)?;
    Ok(if options.prehashed { input.to_vec() } else { hash.digest(input) })
}

/// The hash, for an input of so many bytes.
pub(super) fn check(input_len: usize, options: SignOptions) -> Result<HashAlgorithm, ParameterError> {
    let hash = options.hash.ok_or(ParameterError::NoHash)?;
    let taken =
        !options.prehashed || HashAlgorithm::ALL.into_iter().any(|hash| hash.output_len() == input_len);
    if taken { Ok(hash) } else { Err(ParameterError::DigestLength) }
}

fn representative(key_type: KeyType, digest: &[u8]) -> Option<Digest> {
    let algorithm = match key_type {
        KeyType::EcdsaP256 => &SHA256,
        KeyType::EcdsaP384 => &SHA384,
        KeyType::EcdsaP521 => &SHA512,
        _ => return None,
    };
    let len = algorithm.output_len();
    let mut bytes = vec![0; len.saturating_sub(digest.len())];
    bytes.extend(digest.iter().take(len));
    Digest::import_less_safe(&bytes, algorithm).ok()
}

/// r ‖ s as `ECDSA-Sig-Value` (RFC 3279, section 2.2.3).
fn asn1(fixed: &[u8]) -> Option<Vec<u8>> {
    let (r, s) = fixed.split_at_checked(fixed.len() / 2)?;
    [UintRef::new(r).ok()?, UintRef::new(s).ok()?].to_der().ok()
}

/// SEC 1, section 2.3.3.
pub(super) const UNCOMPRESSED: u8 = 4;
