//! Signatures, MACs and encapsulation of each type, by a named key and by the bare library: the same key size, hash and padding.
//!
//! The bare library has its key parsed and its public key too, once for all turns, where it can be kept so.

use std::hint::black_box;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1,
    ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P521_SHA512_ASN1, ECDSA_P521_SHA512_ASN1_SIGNING, ED25519,
    EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _, ML_DSA_44, ML_DSA_44_SIGNING,
    ML_DSA_65, ML_DSA_65_SIGNING, ML_DSA_87, ML_DSA_87_SIGNING, ParsedPublicKey, PqdsaKeyPair,
    PqdsaSigningAlgorithm, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RSA_PSS_2048_8192_SHA256,
    RSA_PSS_SHA256, RsaParameters, RsaSignatureEncoding, VerificationAlgorithm,
};
use aws_lc_rs::{hmac, kem};
use strongroom_transit::algorithm::{HashAlgorithm, KeyType, RsaPadding, SaltLength, SignOptions};
use strongroom_transit::{Key, MacOptions, SignRequest};

use super::Failure;
use crate::turns::{Turn, processor_time};

/// One row: a type, and for RSA one of its paddings.
#[derive(Clone, Copy)]
pub struct Scheme {
    /// What the row is called.
    pub name: &'static str,
    /// The type.
    pub key_type: KeyType,
    options: SignOptions,
}

/// Every type that signs.
pub fn schemes() -> Vec<Scheme> {
    let plain = |name, key_type| Scheme { name, key_type, options: options(key_type, RsaPadding::Pkcs1v15) };
    let padded =
        |name, key_type, rsa_padding| Scheme { name, key_type, options: options(key_type, rsa_padding) };
    let pss = RsaPadding::Pss(SaltLength::Hash);
    vec![
        plain("ed25519", KeyType::Ed25519),
        plain("ecdsa-p256", KeyType::EcdsaP256),
        plain("ecdsa-p384", KeyType::EcdsaP384),
        plain("ecdsa-p521", KeyType::EcdsaP521),
        padded("rsa-2048-pss", KeyType::Rsa2048, pss),
        padded("rsa-3072-pss", KeyType::Rsa3072, pss),
        padded("rsa-4096-pss", KeyType::Rsa4096, pss),
        plain("rsa-2048-pkcs1", KeyType::Rsa2048),
        plain("rsa-3072-pkcs1", KeyType::Rsa3072),
        plain("rsa-4096-pkcs1", KeyType::Rsa4096),
        plain("ml-dsa-44", KeyType::MlDsa44),
        plain("ml-dsa-65", KeyType::MlDsa65),
        plain("ml-dsa-87", KeyType::MlDsa87),
    ]
}

/// The hash that the bare library has with the curve.
fn options(key_type: KeyType, rsa_padding: RsaPadding) -> SignOptions {
    let hash = match key_type {
        KeyType::EcdsaP384 => HashAlgorithm::Sha2_384,
        KeyType::EcdsaP521 => HashAlgorithm::Sha2_512,
        _ => HashAlgorithm::Sha2_256,
    };
    SignOptions { hash: Some(hash), rsa_padding, ..SignOptions::default() }
}

/// A bare key pair.
pub struct Bare {
    pair: Pair,
    public: ParsedPublicKey,
    signature: Vec<u8>,
}

enum Pair {
    Ed25519(Ed25519KeyPair),
    Ecdsa(EcdsaKeyPair),
    Rsa(RsaKeyPair, &'static RsaSignatureEncoding),
    MlDsa(PqdsaKeyPair),
}

impl Bare {
    /// Draws one.
    ///
    /// # Errors
    ///
    /// Without memory or randomness.
    pub fn generate(scheme: Scheme) -> Result<Self, Failure> {
        let (pair, public) = match scheme.key_type {
            KeyType::EcdsaP256 => ecdsa(&ECDSA_P256_SHA256_ASN1_SIGNING, &ECDSA_P256_SHA256_ASN1)?,
            KeyType::EcdsaP384 => ecdsa(&ECDSA_P384_SHA384_ASN1_SIGNING, &ECDSA_P384_SHA384_ASN1)?,
            KeyType::EcdsaP521 => ecdsa(&ECDSA_P521_SHA512_ASN1_SIGNING, &ECDSA_P521_SHA512_ASN1)?,
            KeyType::Rsa2048 => rsa(KeySize::Rsa2048, scheme.options.rsa_padding)?,
            KeyType::Rsa3072 => rsa(KeySize::Rsa3072, scheme.options.rsa_padding)?,
            KeyType::Rsa4096 => rsa(KeySize::Rsa4096, scheme.options.rsa_padding)?,
            KeyType::MlDsa44 => ml_dsa(&ML_DSA_44_SIGNING, &ML_DSA_44)?,
            KeyType::MlDsa65 => ml_dsa(&ML_DSA_65_SIGNING, &ML_DSA_65)?,
            KeyType::MlDsa87 => ml_dsa(&ML_DSA_87_SIGNING, &ML_DSA_87)?,
            _ => {
                let pair = Ed25519KeyPair::generate().map_err(|_| UNUSABLE)?;
                let public = parsed(&ED25519, pair.public_key())?;
                (Pair::Ed25519(pair), public)
            }
        };
        let mut signature = vec![0; MOST_SIGNATURE];
        let len = pair.sign(&mut signature).ok_or(UNUSABLE)?;
        signature.truncate(len);
        let bare = Self { pair, public, signature };
        if bare.verify() { Ok(bare) } else { Err(UNUSABLE.into()) }
    }

    fn verify(&self) -> bool {
        self.public.verify_sig(&MESSAGE, &self.signature).is_ok()
    }
}

impl Pair {
    /// Says how long the signature is.
    fn sign(&self, out: &mut [u8]) -> Option<usize> {
        let random = SystemRandom::new();
        Some(match self {
            Pair::Ed25519(pair) => keep(out, pair.sign(&MESSAGE).as_ref()),
            Pair::Ecdsa(pair) => keep(out, pair.sign(&random, &MESSAGE).ok()?.as_ref()),
            Pair::Rsa(pair, padding) => {
                let len = pair.public_modulus_len();
                pair.sign(*padding, &random, &MESSAGE, out.get_mut(..len)?).ok()?;
                len
            }
            Pair::MlDsa(pair) => pair.sign(&MESSAGE, out).ok()?,
        })
    }
}

fn keep(out: &mut [u8], signature: &[u8]) -> usize {
    out.iter_mut().zip(signature).for_each(|(to, from)| *to = *from);
    signature.len()
}

fn parsed(
    algorithm: &'static dyn VerificationAlgorithm,
    public: &impl AsRef<[u8]>,
) -> Result<ParsedPublicKey, Failure> {
    ParsedPublicKey::new(algorithm, public).map_err(|_| UNUSABLE.into())
}

fn ecdsa(
    signing: &'static EcdsaSigningAlgorithm,
    verification: &'static dyn VerificationAlgorithm,
) -> Result<(Pair, ParsedPublicKey), Failure> {
    let pair = EcdsaKeyPair::generate(signing).map_err(|_| UNUSABLE)?;
    let public = parsed(verification, pair.public_key())?;
    Ok((Pair::Ecdsa(pair), public))
}

fn rsa(size: KeySize, padding: RsaPadding) -> Result<(Pair, ParsedPublicKey), Failure> {
    let pair = RsaKeyPair::generate(size).map_err(|_| UNUSABLE)?;
    let (signing, verification): (&'static RsaSignatureEncoding, &'static RsaParameters) =
        if padding == RsaPadding::Pkcs1v15 {
            (&RSA_PKCS1_SHA256, &RSA_PKCS1_2048_8192_SHA256)
        } else {
            (&RSA_PSS_SHA256, &RSA_PSS_2048_8192_SHA256)
        };
    let public = parsed(verification, pair.public_key())?;
    Ok((Pair::Rsa(pair, signing), public))
}

fn ml_dsa(
    signing: &'static PqdsaSigningAlgorithm,
    verification: &'static dyn VerificationAlgorithm,
) -> Result<(Pair, ParsedPublicKey), Failure> {
    let pair = PqdsaKeyPair::generate(signing).map_err(|_| UNUSABLE)?;
    let public = parsed(verification, pair.public_key())?;
    Ok((Pair::MlDsa(pair), public))
}

/// One turn of [`ROUNDS`] signatures and one of as many verifications, of a short message.
///
/// # Errors
///
/// Not with a key that works.
pub fn sign(key: &Key, bare: &Bare, scheme: Scheme) -> Result<(Turn, Turn), Failure> {
    let request = SignRequest { options: scheme.options, ..SignRequest::default() };
    let signature = key.sign(&MESSAGE, &request)?;
    let mut out = vec![0; MOST_SIGNATURE];
    let signing = Turn {
        ours: repeat(|| key.sign(&MESSAGE, &request).is_ok())?,
        limit: repeat(|| bare.pair.sign(&mut out).is_some())?,
    };
    let verifying = Turn {
        ours: repeat(|| matches!(key.verify(&MESSAGE, &signature, &request), Ok(true)))?,
        limit: repeat(|| bare.verify())?,
    };
    Ok((signing, verifying))
}

/// A bare key of HMAC with SHA-256.
pub fn bare_mac() -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, &[3; 32])
}

/// One turn of [`ROUNDS`] HMACs of the message with SHA-256 and one of as many verifications.
///
/// # Errors
///
/// Not with a key that works.
pub fn mac(key: &Key, bare: &hmac::Key) -> Result<(Turn, Turn), Failure> {
    let options = MacOptions::default();
    let (tag, bare_tag) = (key.hmac(&MESSAGE, &options)?, hmac::sign(bare, &MESSAGE));
    let making = Turn {
        ours: repeat(|| key.hmac(&MESSAGE, &options).is_ok())?,
        limit: repeat(|| black_box(hmac::sign(bare, &MESSAGE)).as_ref().len() == 32)?,
    };
    let verifying = Turn {
        ours: repeat(|| matches!(key.verify_hmac(&MESSAGE, &tag, &options), Ok(true)))?,
        limit: repeat(|| hmac::verify(bare, &MESSAGE, bare_tag.as_ref()).is_ok())?,
    };
    Ok((making, verifying))
}

/// The types that encapsulate.
pub const ENCAPSULATING: [KeyType; 2] = [KeyType::MlKem768, KeyType::MlKem1024];

/// A bare pair of keys of ML-KEM.
pub struct BareKem {
    private: kem::DecapsulationKey,
    public: kem::EncapsulationKey,
}

impl BareKem {
    /// Draws one.
    ///
    /// # Errors
    ///
    /// Without memory or randomness.
    pub fn generate(key_type: KeyType) -> Result<Self, Failure> {
        let algorithm = if key_type == KeyType::MlKem768 { &kem::ML_KEM_768 } else { &kem::ML_KEM_1024 };
        let private = kem::DecapsulationKey::generate(algorithm).map_err(|_| UNUSABLE)?;
        let public = private.encapsulation_key().map_err(|_| UNUSABLE)?;
        Ok(Self { private, public })
    }
}

/// One turn of [`ROUNDS`] encapsulations and one of as many decapsulations.
///
/// # Errors
///
/// Not with a key that works.
pub fn encapsulate(key: &Key, bare: &BareKem) -> Result<(Turn, Turn), Failure> {
    let ours = key.encapsulate(None)?.ciphertext;
    let (theirs, _) = bare.public.encapsulate().map_err(|_| UNUSABLE)?;
    let encapsulating = Turn {
        ours: repeat(|| key.encapsulate(None).is_ok())?,
        limit: repeat(|| bare.public.encapsulate().is_ok())?,
    };
    let decapsulating = Turn {
        ours: repeat(|| key.decapsulate(&ours).is_ok())?,
        limit: repeat(|| bare.private.decapsulate(theirs.as_ref().into()).is_ok())?,
    };
    Ok((encapsulating, decapsulating))
}

fn repeat(mut work: impl FnMut() -> bool) -> Result<f64, Failure> {
    let mut done = true;
    let seconds = processor_time(|| (0..ROUNDS).for_each(|_| done &= work()));
    if done { Ok(seconds) } else { Err("one of them failed".into()) }
}

/// Of one turn.
pub const ROUNDS: u32 = 20;

const MESSAGE: [u8; 256] = [9; 256];
/// ML-DSA-87's.
const MOST_SIGNATURE: usize = 4627;
const UNUSABLE: &str = "the bare library makes no key, or one that does not work";
