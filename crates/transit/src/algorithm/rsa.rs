//! RSA signatures (RFC 8017, section 8): PSS and PKCS #1 v1.5 with SHA-256, SHA-384 and SHA-512.
//!
//! Those are the hashes that aws-lc-rs signs with. SHA-224, SHA-3, and PKCS #1 v1.5 without a `DigestInfo` (Vault's
//! hash `none`) are not offered: they would need the bare private operation, which no maintained library gives
//! without an open advisory.

mod salt;

use std::sync::LazyLock;

use aws_lc_rs::digest::{Algorithm, Digest, SHA256, SHA384, SHA512};
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::{
    KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512,
    RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384,
    RSA_PSS_2048_8192_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512, RsaParameters,
    RsaPssSaltLength, RsaSignatureEncoding, UnparsedPublicKey,
};
use pkcs8::der::asn1::UintRef;
use pkcs8::der::{Decode as _, Error, Reader as _, SliceReader};

use super::{
    HashAlgorithm, KeyType, ParameterError, RsaPadding, SaltLength, SignError, SignOptions, VerifyError,
};

/// How many bytes the modulus has.
pub(crate) fn modulus_len(key_type: KeyType) -> Option<usize> {
    match key_type {
        KeyType::Rsa2048 => Some(256),
        KeyType::Rsa3072 => Some(384),
        KeyType::Rsa4096 => Some(512),
        _ => None,
    }
}

/// Whether the modulus of an `RSAPublicKey` has as many bits as the kind says, no fewer.
pub(crate) fn has_size(key_type: KeyType, public_key: &[u8]) -> bool {
    public_numbers(public_key).is_some_and(|(modulus, _)| {
        modulus_len(key_type) == Some(modulus.len()) && modulus.first().is_some_and(|byte| *byte >= 0x80)
    })
}

/// Whether an `RSAPrivateKey` (RFC 8017, appendix A.1.2) has the sizes of FIPS 186-5, appendix A.1.1: 2^16 < e < 2^256 and odd, primes of half
/// the length, which differ by more than 2^(half − 100).
pub(crate) fn is_strong(key_type: KeyType, private_key: &[u8]) -> bool {
    let (Some([_, _, exponent, _, p, q, ..]), Some(len)) =
        (private_numbers(private_key), modulus_len(key_type))
    else {
        return false;
    };
    // The leading 128 bits, of numbers that have half the bits exactly. Those after them can make up for one unit of difference.
    let leading = |prime: &[u8]| {
        let (&leading, _) = prime.split_first_chunk()?;
        (2 * prime.len() == len && prime.first()? >= &0x80).then(|| u128::from_be_bytes(leading))
    };
    let (Some(p), Some(q)) = (leading(p), leading(q)) else { return false };
    // The least odd number of three bytes is 65537.
    let exponent_fits =
        (3..=32).contains(&exponent.len()) && exponent.last().is_some_and(|last| last & 1 == 1);
    exponent_fits && p.abs_diff(q) > 1 << 28
}

/// Whether the key's signature verifies.
pub(crate) fn signs(key_type: KeyType, key: &KeyPair) -> bool {
    let options = SignOptions { rsa_padding: RsaPadding::Pkcs1v15, ..SignOptions::default() };
    let signature = sign(key, &[], options);
    signature
        .is_ok_and(|signature| verify(key_type, key.public_key().as_ref(), &[], &signature, options).is_ok())
}

/// Version, n, e, d, p, q, d mod (p − 1), d mod (q − 1) and the inverse of q, without leading zeros.
fn private_numbers(private_key: &[u8]) -> Option<[&[u8]; 9]> {
    let mut reader = SliceReader::new(private_key).ok()?;
    let numbers = reader
        .sequence(|reader| {
            let mut numbers = [&[][..]; 9];
            for number in &mut numbers {
                *number = UintRef::decode(reader)?.as_bytes();
            }
            Ok::<_, Error>(numbers)
        })
        .ok()?;
    reader.finish().ok()?;
    Some(numbers)
}

/// Modulus and exponent of an `RSAPublicKey` (RFC 8017, appendix A.1.1), without leading zeros.
fn public_numbers(public_key: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut reader = SliceReader::new(public_key).ok()?;
    let numbers = reader
        .sequence(|reader| {
            Ok::<_, Error>((UintRef::decode(reader)?.as_bytes(), UintRef::decode(reader)?.as_bytes()))
        })
        .ok()?;
    reader.finish().ok()?;
    Some(numbers)
}

pub(super) fn check(key: &KeyPair, input_len: usize, options: SignOptions) -> Result<(), ParameterError> {
    let hash = hash(options)?;
    scheme(hash, key.public_modulus_len(), options.rsa_padding)?;
    let fits = !options.prehashed || input_len == hash.name.output_len();
    if fits { Ok(()) } else { Err(ParameterError::DigestLength) }
}

pub(super) fn sign(key: &KeyPair, input: &[u8], options: SignOptions) -> Result<Vec<u8>, SignError> {
    let hash = hash(options)?;
    let scheme = scheme(hash, key.public_modulus_len(), options.rsa_padding)?;
    let digest = digest(hash, input, options.prehashed)?;
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign_digest(&scheme.signing, &digest, &mut signature).map_err(|_| SignError::Library)?;
    Ok(signature)
}

pub(super) fn verify(
    key_type: KeyType,
    public_key: &[u8],
    input: &[u8],
    signature: &[u8],
    options: SignOptions,
) -> Result<(), VerifyError> {
    let hash = hash(options)?;
    let modulus_len = modulus_len(key_type).ok_or(ParameterError::KeyType(key_type))?;
    // Of an automatic salt, the longest: that is what Vault makes, and what is made here.
    let told = scheme(hash, modulus_len, options.rsa_padding)?;
    let digest = digest(hash, input, options.prehashed)?;
    let verify = |scheme: &'static Scheme| {
        UnparsedPublicKey::new(&scheme.verification, public_key)
            .verify_digest(&digest, signature)
            .map_err(|_| VerifyError::Wrong)
    };
    match verify(told) {
        Err(VerifyError::Wrong) if options.rsa_padding == RsaPadding::Pss(SaltLength::Auto) => {
            let found = salt::len(public_key, signature, hash.name).ok_or(VerifyError::Wrong)?;
            verify(scheme(hash, modulus_len, RsaPadding::Pss(SaltLength::Bytes(found)))?)
        }
        verified => verified,
    }
}

/// One way to sign, and to verify what was signed so.
struct Scheme {
    signing: RsaSignatureEncoding,
    verification: RsaParameters,
}

/// What the library has for a hash.
struct Hash {
    name: HashAlgorithm,
    algorithm: &'static Algorithm,
    pkcs1: Scheme,
    /// By the salt's length. The library wants each as a `'static` of its own.
    pss: Vec<Scheme>,
}

fn hash(options: SignOptions) -> Result<&'static Hash, ParameterError> {
    match options.hash.ok_or(ParameterError::NoHash)? {
        HashAlgorithm::Sha2_256 => Ok(&WITH_SHA256),
        HashAlgorithm::Sha2_384 => Ok(&WITH_SHA384),
        HashAlgorithm::Sha2_512 => Ok(&WITH_SHA512),
        other => Err(ParameterError::RsaHash(other)),
    }
}

fn digest(hash: &Hash, input: &[u8], prehashed: bool) -> Result<Digest, ParameterError> {
    if prehashed {
        return Digest::import_less_safe(input, hash.algorithm).map_err(|_| ParameterError::DigestLength);
    }
    Ok(aws_lc_rs::digest::digest(hash.algorithm, input))
}

fn scheme(
    hash: &'static Hash,
    modulus_len: usize,
    padding: RsaPadding,
) -> Result<&'static Scheme, ParameterError> {
    let RsaPadding::Pss(salt) = padding else { return Ok(&hash.pkcs1) };
    // RFC 8017, section 9.1.1, step 3: the hash, the salt and two bytes fit into the encoded message.
    let digest_len = hash.name.output_len();
    let longest = modulus_len.saturating_sub(digest_len + 2);
    let len = match salt {
        SaltLength::Auto => longest,
        SaltLength::Hash => digest_len,
        SaltLength::Bytes(len) => usize::from(len),
    };
    let refused = ParameterError::SaltLength { longest: u16::try_from(longest).unwrap_or(u16::MAX) };
    if len > longest {
        return Err(refused);
    }
    hash.pss.get(len).ok_or(refused)
}

fn schemes(signing: fn() -> RsaSignatureEncoding, verification: fn() -> RsaParameters) -> Vec<Scheme> {
    (0..=LONGEST_SALT)
        .map(|len| Scheme {
            signing: signing().with_pss_salt_length(RsaPssSaltLength::Custom(len)),
            verification: verification().with_pss_salt_length(RsaPssSaltLength::Custom(len)),
        })
        .collect()
}

/// With SHA-256 and 4096 bits.
const LONGEST_SALT: u16 = 512 - 32 - 2;

static WITH_SHA256: LazyLock<Hash> = LazyLock::new(|| Hash {
    name: HashAlgorithm::Sha2_256,
    algorithm: &SHA256,
    pkcs1: Scheme { signing: RSA_PKCS1_SHA256, verification: RSA_PKCS1_2048_8192_SHA256 },
    pss: schemes(|| RSA_PSS_SHA256, || RSA_PSS_2048_8192_SHA256),
});
static WITH_SHA384: LazyLock<Hash> = LazyLock::new(|| Hash {
    name: HashAlgorithm::Sha2_384,
    algorithm: &SHA384,
    pkcs1: Scheme { signing: RSA_PKCS1_SHA384, verification: RSA_PKCS1_2048_8192_SHA384 },
    pss: schemes(|| RSA_PSS_SHA384, || RSA_PSS_2048_8192_SHA384),
});
static WITH_SHA512: LazyLock<Hash> = LazyLock::new(|| Hash {
    name: HashAlgorithm::Sha2_512,
    algorithm: &SHA512,
    pkcs1: Scheme { signing: RSA_PKCS1_SHA512, verification: RSA_PKCS1_2048_8192_SHA512 },
    pss: schemes(|| RSA_PSS_SHA512, || RSA_PSS_2048_8192_SHA512),
});
