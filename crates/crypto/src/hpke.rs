//! HPKE in `mode_psk` (RFC 9180, section 5.1.2), with HKDF-SHA-256 and AES-256-GCM.
//!
//! A root key is sealed to a slot's public key *and* a shared secret: whoever has the public key alone, the storage for
//! one, cannot plant a root key of its own. The library is pure Rust and not a validated module.

use std::error::Error;
use std::fmt;

use hpke::aead::{AeadTag, AesGcm256};
use hpke::kdf::HkdfSha256;
use hpke::kem::{DhP256HkdfSha256, XWing};
use hpke::{
    Deserializable as _, Kem, OpModeR, OpModeS, PskBundle, Serializable as _,
    single_shot_open_inout_detached, single_shot_seal_inout_detached_with_rng,
};
use zeroize::Zeroizing;

use crate::random::RandomnessError;
use crate::secret::{Secret, SecretError, with_wiped_stack};

mod drawn;

use drawn::Drawn;

/// The key encapsulation of a slot. The numbers are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum Suite {
    /// X-Wing (KEM 0x647A, draft-connolly-cfrg-xwing-kem): ML-KEM-768 with X25519, so that either may fall.
    XWing = 1,
    /// DHKEM(P-256, HKDF-SHA256) (KEM 0x0010, RFC 9180, section 7.1).
    P256 = 2,
}

impl Suite {
    /// The stored number.
    pub fn code(self) -> u16 {
        match self {
            Self::XWing => 1,
            Self::P256 => 2,
        }
    }

    /// The suite with this number.
    pub fn from_code(code: u16) -> Option<Self> {
        match code {
            1 => Some(Self::XWing),
            2 => Some(Self::P256),
            _ => None,
        }
    }

    /// The bytes of a public key.
    pub fn public_key_len(self) -> usize {
        match self {
            Self::XWing => <XWing as Kem>::PublicKey::size(),
            Self::P256 => <DhP256HkdfSha256 as Kem>::PublicKey::size(),
        }
    }

    /// The bytes of a sealed 32-byte key: encapsulated key ‖ ciphertext ‖ tag.
    pub fn sealed_len(self) -> usize {
        let encapsulated = match self {
            Self::XWing => <XWing as Kem>::EncappedKey::size(),
            Self::P256 => <DhP256HkdfSha256 as Kem>::EncappedKey::size(),
        };
        encapsulated + KEY_LEN + TAG_LEN
    }
}

/// A key pair that is derived from a seed. Only the seed is kept, in secret memory: the private key exists during a call.
pub struct KeyPair {
    suite: Suite,
    seed: Secret<32>,
    public_key: Vec<u8>,
}

impl KeyPair {
    /// `DeriveKeyPair` (RFC 9180, section 4; for X-Wing draft-ietf-hpke-pq).
    ///
    /// # Errors
    ///
    /// Only secret memory can fail.
    pub fn derive(suite: Suite, seed: &Secret<32>) -> Result<Self, HpkeError> {
        let public_key = with_wiped_stack::<STACK, _>(|| match suite {
            Suite::XWing => XWing::derive_keypair(seed.expose()).1.to_bytes().to_vec(),
            Suite::P256 => DhP256HkdfSha256::derive_keypair(seed.expose()).1.to_bytes().to_vec(),
        });
        Ok(Self { suite, seed: seed.duplicate()?, public_key })
    }

    /// The public key's bytes.
    pub fn public_key(&self) -> &[u8] {
        &self.public_key
    }

    /// The suite.
    pub fn suite(&self) -> Suite {
        self.suite
    }

    /// `OpenPSK` (RFC 9180, section 6.1) of encapsulated key ‖ ciphertext ‖ tag.
    ///
    /// # Errors
    ///
    /// [`HpkeError::Forged`]: damaged, or sealed to another key, psk, psk id, info or associated data.
    pub fn open_psk(
        &self,
        psk: &Secret<32>,
        psk_id: &[u8],
        info: &[u8],
        aad: &[u8],
        sealed: &[u8],
    ) -> Result<Secret<32>, HpkeError> {
        let psk = bundle(psk, psk_id, info)?;
        with_wiped_stack::<STACK, _>(|| match self.suite {
            Suite::XWing => open::<XWing>(&self.seed, psk, info, aad, sealed),
            Suite::P256 => open::<DhP256HkdfSha256>(&self.seed, psk, info, aad, sealed),
        })
    }
}

/// `SealPSK` (RFC 9180, section 6.1): encapsulated key ‖ ciphertext ‖ tag.
///
/// The randomness is drawn first, where failing is an error.
///
/// # Errors
///
/// [`HpkeError::PublicKey`], [`HpkeError::Inputs`], or no randomness or memory.
pub fn seal_psk(
    suite: Suite,
    public_key: &[u8],
    psk: &Secret<32>,
    psk_id: &[u8],
    info: &[u8],
    aad: &[u8],
    plaintext: &Secret<32>,
) -> Result<Vec<u8>, HpkeError> {
    let psk = bundle(psk, psk_id, info)?;
    let randomness = Drawn::draw()?;
    with_wiped_stack::<STACK, _>(|| match suite {
        Suite::XWing => seal::<XWing>(public_key, psk, info, aad, plaintext, randomness),
        Suite::P256 => seal::<DhP256HkdfSha256>(public_key, psk, info, aad, plaintext, randomness),
    })
}

/// Why a key was not sealed or opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HpkeError {
    /// The public key is not one of the suite.
    PublicKey,
    /// The psk id is empty, or info and psk id are longer than 65,000 bytes.
    Inputs,
    /// The sealed key has the wrong length, is damaged, or was sealed to something else.
    Forged,
    /// The cipher library refused.
    Cipher,
    /// There was no randomness.
    Randomness(RandomnessError),
    /// There was no secret memory.
    Memory(SecretError),
}

impl fmt::Display for HpkeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PublicKey => f.write_str("the public key is not one of its suite"),
            Self::Inputs => f.write_str("the psk id is empty, or info and psk id are too long"),
            Self::Forged => f.write_str("the sealed key is damaged or was sealed to another slot"),
            Self::Cipher => f.write_str("the HPKE library refused"),
            Self::Randomness(error) => error.fmt(f),
            Self::Memory(error) => error.fmt(f),
        }
    }
}

impl Error for HpkeError {}

impl From<SecretError> for HpkeError {
    fn from(error: SecretError) -> Self {
        match error {
            SecretError::Randomness(error) => Self::Randomness(error),
            error => Self::Memory(error),
        }
    }
}

/// The library panics when info and psk id together reach 65,531 bytes: refuse before.
fn bundle<'a>(psk: &'a Secret<32>, psk_id: &'a [u8], info: &[u8]) -> Result<PskBundle<'a>, HpkeError> {
    if psk_id.is_empty() || psk_id.len() > MAX_INPUT || info.len() > MAX_INPUT - psk_id.len() {
        return Err(HpkeError::Inputs);
    }
    PskBundle::new(psk.expose(), psk_id).map_err(|_| HpkeError::Inputs)
}

fn seal<K: Kem>(
    public_key: &[u8],
    psk: PskBundle<'_>,
    info: &[u8],
    aad: &[u8],
    plaintext: &Secret<32>,
    mut randomness: Drawn,
) -> Result<Vec<u8>, HpkeError> {
    let public_key = K::PublicKey::from_bytes(public_key).map_err(|_| HpkeError::PublicKey)?;
    let mut body = Zeroizing::new(*plaintext.expose());
    let (encapsulated, tag) = single_shot_seal_inout_detached_with_rng::<AesGcm256, HkdfSha256, K>(
        &OpModeS::Psk(psk),
        &public_key,
        info,
        body.as_mut_slice().into(),
        aad,
        &mut randomness,
    )
    .map_err(|_| HpkeError::Cipher)?;
    if randomness.overdrawn() {
        return Err(HpkeError::Cipher);
    }
    Ok([encapsulated.to_bytes().as_slice(), body.as_slice(), tag.to_bytes().as_slice()].concat())
}

fn open<K: Kem>(
    seed: &Secret<32>,
    psk: PskBundle<'_>,
    info: &[u8],
    aad: &[u8],
    sealed: &[u8],
) -> Result<Secret<32>, HpkeError> {
    let (rest, tag) = sealed.split_last_chunk::<TAG_LEN>().ok_or(HpkeError::Forged)?;
    let (encapsulated, ciphertext) = rest.split_last_chunk::<KEY_LEN>().ok_or(HpkeError::Forged)?;
    let encapsulated = K::EncappedKey::from_bytes(encapsulated).map_err(|_| HpkeError::Forged)?;
    let tag = AeadTag::<AesGcm256>::from_bytes(tag).map_err(|_| HpkeError::Forged)?;
    let (private_key, _) = K::derive_keypair(seed.expose());
    Secret::fill_with(|plaintext| {
        plaintext.copy_from_slice(ciphertext);
        single_shot_open_inout_detached::<AesGcm256, HkdfSha256, K>(
            &OpModeR::Psk(psk),
            &private_key,
            &encapsulated,
            info,
            plaintext.as_mut_slice().into(),
            aad,
            &tag,
        )
        .map_err(|_| HpkeError::Forged)
    })
}

const KEY_LEN: usize = 32;
const TAG_LEN: usize = 16;
/// The library keeps expanded ML-KEM keys on the stack. A thread that runs this needs twice as much or more in any case.
const STACK: usize = 64 * 1024;
/// Info and psk id together.
const MAX_INPUT: usize = 65_000;
