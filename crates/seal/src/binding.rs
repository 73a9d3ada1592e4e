//! What ties a slot's keys and its shares to this slot: the labelled hashes and derivations of the format.

use std::fmt;

use strongroom_crypto::hash::sha256;
use strongroom_crypto::hpke::{HpkeError, KeyPair, Suite};
use strongroom_crypto::kdf;
use strongroom_crypto::record::StoreId;
use strongroom_crypto::secret::{Secret, SecretBytes, SecretError};

use crate::policy::Policy;
use crate::slot::{Slot, SlotId};
use crate::wire::length16;

/// What a slot's secret gives: the key pair that the root key is sealed to, and the psk that authenticates the sealer.
pub(crate) struct SlotKeys {
    pub(crate) pair: KeyPair,
    pub(crate) psk: Secret<32>,
}

impl SlotKeys {
    /// The secret is that of every part of the policy, joined in the policy's order. The KEK between it and these keys lives
    /// no longer than this call.
    pub(crate) fn derive(
        store: StoreId,
        slot: SlotId,
        policy: &Policy,
        suite: Suite,
        secret: &SecretBytes,
    ) -> Result<Self, KeyError> {
        let policy = policy.encode();
        let info: [&[u8]; 4] = [KEK, slot.as_bytes(), &length16(policy.len()), &policy];
        let kek: Secret<32> = kdf::hkdf(store.as_bytes(), secret.expose(), &info)?;
        let seed: Secret<32> = kdf::expand(&kek, &[HPKE])?;
        let psk = kdf::expand(&kek, &[PSK])?;
        Ok(Self { pair: KeyPair::derive(suite, &seed)?, psk })
    }

    /// The keys that this secret gives for an existing slot.
    pub(crate) fn of(store: StoreId, slot: &Slot, secret: &SecretBytes) -> Result<Self, KeyError> {
        Self::derive(store, slot.id(), slot.policy(), slot.suite(), secret)
    }

    /// Whether these are the keys that the slot was made with. Public keys are compared, so the time tells nothing.
    pub(crate) fn fit(&self, slot: &Slot) -> bool {
        self.pair.public_key() == slot.public_key()
    }
}

/// What a share is recognised by without any other share.
pub(crate) fn commitment(store: StoreId, slot: SlotId, group: u8, index: u8, y: &[u8]) -> [u8; 32] {
    sha256(&[COMMITMENT, store.as_bytes(), slot.as_bytes(), &[group, index], y])
}

/// What the secret behind a key in an HSM is recognised by.
pub(crate) fn hsm_commitment(store: StoreId, slot: SlotId, number: u8, secret: &[u8]) -> [u8; 32] {
    sha256(&[HSM_COMMITMENT, store.as_bytes(), slot.as_bytes(), &[number], secret])
}

/// What an HSM binds that secret to: hashed, since tokens limit the length of associated data.
pub(crate) fn hsm_context(store: StoreId, slot: SlotId, number: u8, policy: &Policy) -> [u8; 32] {
    let policy = policy.encode();
    let length = length16(policy.len());
    sha256(&[HSM_CONTEXT, store.as_bytes(), slot.as_bytes(), &[number], &length, &policy])
}

/// What every share of a slot names: all that its holder relies on when giving the share away.
pub(crate) fn set_id(
    store: StoreId,
    slot: SlotId,
    suite: Suite,
    public_key: &[u8],
    policy: &Policy,
    commitments: &[[u8; 32]],
) -> [u8; 16] {
    let policy = policy.encode();
    let hash = sha256(&[
        SET,
        store.as_bytes(),
        slot.as_bytes(),
        &suite.code().to_be_bytes(),
        &length16(public_key.len()),
        public_key,
        &length16(policy.len()),
        &policy,
        commitments.as_flattened(),
    ]);
    hash.first_chunk().copied().unwrap_or_default()
}

/// HPKE's `info` for the root key in this slot.
pub(crate) fn info(store: StoreId, slot: &Slot, generation: u64) -> Vec<u8> {
    let policy = slot.policy().encode();
    [
        WRAP,
        store.as_bytes(),
        slot.id().as_bytes(),
        &length16(policy.len()),
        &policy,
        &slot.suite().code().to_be_bytes(),
        &generation.to_be_bytes(),
    ]
    .concat()
}

/// Why keys could not be derived. Nothing was wrong with what was given.
#[derive(Debug)]
pub enum KeyError {
    /// Memory for secrets could not be had.
    Secret(SecretError),
    /// HPKE's key derivation failed.
    Hpke(HpkeError),
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Secret(error) => error.fmt(f),
            Self::Hpke(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for KeyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Secret(error) => Some(error),
            Self::Hpke(error) => Some(error),
        }
    }
}

impl From<SecretError> for KeyError {
    fn from(error: SecretError) -> Self {
        Self::Secret(error)
    }
}

impl From<HpkeError> for KeyError {
    fn from(error: HpkeError) -> Self {
        Self::Hpke(error)
    }
}

const COMMITMENT: &[u8] = b"strongroom share commitment";
const HSM_COMMITMENT: &[u8] = b"strongroom hsm commitment";
const HSM_CONTEXT: &[u8] = b"strongroom slot hsm";
const SET: &[u8] = b"strongroom share set";
const KEK: &[u8] = b"strongroom slot kek";
const HPKE: &[u8] = b"strongroom slot hpke";
const PSK: &[u8] = b"strongroom slot psk";
const WRAP: &[u8] = b"strongroom slot";
