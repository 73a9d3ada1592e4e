//! The set of slots in bytes.

use std::fmt;

use strongroom_crypto::hash::sha256;
use strongroom_crypto::hpke::Suite;
use strongroom_crypto::record::StoreId;

use super::{Header, MAX_COOLING_OFF, MAX_SLOTS, Slot, SlotId, SlotSet, SlotState};
use crate::hsm::MAX_WRAPPED;
use crate::name::{self, NameError};
use crate::policy::{DecodeError, Policy};
use crate::wire::{Reader, length8, length16};

impl SlotSet {
    /// The set as it is stored. It holds no secret.
    pub fn encode(&self) -> Vec<u8> {
        let mut out =
            [MAGIC.as_slice(), &[VERSION], self.store.as_bytes(), &self.generation.to_be_bytes()].concat();
        out.push(length8(self.slots.len()));
        for slot in &self.slots {
            put_slot(&mut out, slot);
        }
        let sum = sha256(&[&out]);
        out.extend_from_slice(&sum);
        out
    }

    /// Reads a set back. The bytes are an attacker's: they decode only when this crate could have written them.
    ///
    /// # Errors
    ///
    /// [`SlotSetError::NotSlots`] is something else, [`SlotSetError::UnknownVersion`] a later version's,
    /// [`SlotSetError::Damaged`] a set that was altered by accident; the others pass their checksum and were never
    /// written by this version.
    pub fn decode(bytes: &[u8]) -> Result<Self, SlotSetError> {
        let mut reader = Reader(bytes);
        if reader.array() != Some(*MAGIC) {
            return Err(SlotSetError::NotSlots);
        }
        match reader.u8() {
            Some(VERSION) => {}
            Some(version) => return Err(SlotSetError::UnknownVersion(version)),
            None => return Err(SlotSetError::Damaged),
        }
        let (summed, sum) = bytes.split_last_chunk::<32>().ok_or(SlotSetError::Damaged)?;
        if sha256(&[summed]) != *sum {
            return Err(SlotSetError::Damaged);
        }
        let body = reader.0.len().checked_sub(sum.len()).ok_or(SlotSetError::Damaged)?;
        let mut reader = Reader(reader.take(body).ok_or(SlotSetError::Damaged)?);
        let set = read_set(&mut reader)?;
        if reader.is_empty() { Ok(set) } else { Err(SlotSetError::Trailing) }
    }

    /// What the keyring keeps of the stored bytes, so that no slot can be planted or taken away.
    pub fn digest(encoded: &[u8]) -> [u8; 32] {
        sha256(&[DIGEST, encoded])
    }
}

/// Why bytes are no set of slots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SlotSetError {
    /// The bytes are something else.
    NotSlots,
    /// A later version wrote them.
    UnknownVersion(u8),
    /// The checksum differs.
    Damaged,
    /// There are more slots than [`MAX_SLOTS`].
    TooMany(u8),
    /// The header ends too early.
    Truncated,
    /// Bytes follow the last slot.
    Trailing,
    /// A slot makes no sense.
    Slot {
        /// Which one, counted from 1.
        number: usize,
        /// Why not.
        fault: SlotFault,
    },
}

/// Why one slot of a set makes no sense.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SlotFault {
    /// It ends too early.
    Truncated,
    /// It has this unknown state.
    State(u8),
    /// It is pending until a moment that no cooling-off time ends at.
    NotBefore,
    /// Its label is no text.
    NotText,
    /// Its label is refused.
    Label(NameError),
    /// It has this unknown suite.
    Suite(u16),
    /// Its policy is refused.
    Policy(DecodeError),
    /// Its public key has a length that its suite's keys do not have.
    PublicKey,
    /// It has more or fewer commitments than its policy has shares.
    Commitments,
    /// A secret that an HSM wrapped is empty or longer than [`MAX_WRAPPED`].
    Hsm,
    /// It is active without a wrapped root key, pending with one, or the wrapped root key has a wrong length.
    Wrapped,
    /// An earlier slot has the same id.
    RepeatedId,
    /// An earlier slot of the same state has the same label.
    RepeatedLabel,
}

impl fmt::Display for SlotSetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSlots => f.write_str("these bytes are not the slots of a store"),
            Self::UnknownVersion(version) => {
                write!(
                    f,
                    "the slots have format version {version}, and this version of Strongroom reads {VERSION}: use a newer one"
                )
            }
            Self::Damaged => f.write_str(
                "the slots are damaged: their checksum differs. Restore them from a backup of this store",
            ),
            Self::TooMany(count) => {
                write!(f, "the slots were altered: {count} of them, where a store has at most {MAX_SLOTS}")
            }
            Self::Truncated => f.write_str("the slots were altered: they end too early"),
            Self::Trailing => f.write_str("the slots were altered: bytes follow the last one"),
            Self::Slot { number, fault: SlotFault::Policy(error @ DecodeError::Unsupported(_)) } => {
                write!(f, "slot {number}: {error}")
            }
            Self::Slot { number, fault } => write!(f, "the slots were altered: slot {number} {fault}"),
        }
    }
}

impl std::error::Error for SlotSetError {}

impl fmt::Display for SlotFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated => f.write_str("ends too early"),
            Self::State(state) => write!(f, "has the unknown state {state}"),
            Self::NotBefore => f.write_str("is to wait until before it was made, or for more than 6 days"),
            Self::NotText => f.write_str("has a label that is no text"),
            Self::Label(error) => write!(f, "has a label that is refused: {error}"),
            Self::Suite(suite) => write!(f, "has the unknown suite {suite}"),
            Self::Policy(error) => write!(f, "has a policy that is refused: {error}"),
            Self::PublicKey => f.write_str("has a public key of a wrong length"),
            Self::Commitments => f.write_str("has a wrong number of commitments"),
            Self::Hsm => f.write_str("has a secret wrapped by an HSM that is empty or too long"),
            Self::Wrapped => f.write_str("has a wrapped root key that does not go with its state and suite"),
            Self::RepeatedId => f.write_str("has the id of an earlier one"),
            Self::RepeatedLabel => f.write_str("has the label of an earlier one"),
        }
    }
}

fn put_slot(out: &mut Vec<u8>, slot: &Slot) {
    out.extend_from_slice(slot.id().as_bytes());
    match slot.state() {
        SlotState::Pending => {
            out.push(PENDING);
            out.extend_from_slice(&slot.not_before().to_be_bytes());
        }
        SlotState::Active => out.push(ACTIVE),
    }
    out.extend_from_slice(&slot.created().to_be_bytes());
    out.push(length8(slot.label().len()));
    out.extend_from_slice(slot.label().as_bytes());
    out.extend_from_slice(&slot.suite().code().to_be_bytes());
    put_bytes16(out, &slot.policy().encode());
    put_bytes16(out, slot.public_key());
    out.extend_from_slice(&length16(slot.commitments().len()));
    out.extend_from_slice(slot.commitments().as_flattened());
    for wrapped in slot.hsm_wrapped() {
        put_bytes16(out, wrapped);
    }
    put_bytes16(out, slot.wrapped());
}

fn put_bytes16(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&length16(bytes.len()));
    out.extend_from_slice(bytes);
}

fn read_set(reader: &mut Reader<'_>) -> Result<SlotSet, SlotSetError> {
    let store = StoreId(reader.array().ok_or(SlotSetError::Truncated)?);
    let generation = reader.u64().ok_or(SlotSetError::Truncated)?;
    let count = reader.u8().ok_or(SlotSetError::Truncated)?;
    if usize::from(count) > MAX_SLOTS {
        return Err(SlotSetError::TooMany(count));
    }
    let mut slots: Vec<Slot> = Vec::new();
    for number in 1..=usize::from(count) {
        let slot = read_slot(reader, store)
            .and_then(|slot| repeats(&slots, &slot).map_or(Ok(slot), Err))
            .map_err(|fault| SlotSetError::Slot { number, fault })?;
        slots.push(slot);
    }
    Ok(SlotSet { store, generation, slots })
}

fn read_slot(reader: &mut Reader<'_>, store: StoreId) -> Result<Slot, SlotFault> {
    let id = SlotId::new(reader.array().ok_or(SlotFault::Truncated)?);
    let (state, not_before) = match reader.u8().ok_or(SlotFault::Truncated)? {
        PENDING => (SlotState::Pending, reader.u64().ok_or(SlotFault::Truncated)?),
        ACTIVE => (SlotState::Active, 0),
        state => return Err(SlotFault::State(state)),
    };
    let created = reader.u64().ok_or(SlotFault::Truncated)?;
    let fits = not_before.checked_sub(created).is_some_and(|time| time <= MAX_COOLING_OFF);
    if not_before != 0 && !fits {
        return Err(SlotFault::NotBefore);
    }
    let label =
        std::str::from_utf8(reader.bytes8().ok_or(SlotFault::Truncated)?).map_err(|_| SlotFault::NotText)?;
    name::check_label(label).map_err(SlotFault::Label)?;
    let suite = reader.u16().ok_or(SlotFault::Truncated)?;
    let suite = Suite::from_code(suite).ok_or(SlotFault::Suite(suite))?;
    let policy = Policy::decode(reader.bytes16().ok_or(SlotFault::Truncated)?).map_err(SlotFault::Policy)?;
    let public_key = reader.bytes16().ok_or(SlotFault::Truncated)?;
    if public_key.len() != suite.public_key_len() {
        return Err(SlotFault::PublicKey);
    }
    let commitments = read_commitments(reader, &policy)?;
    let hsm = policy.hsm_keys().map(|_| read_hsm(reader)).collect::<Result<_, _>>()?;
    let wrapped = reader.bytes16().ok_or(SlotFault::Truncated)?;
    let expected = match state {
        SlotState::Pending => 0,
        SlotState::Active => suite.sealed_len(),
    };
    if wrapped.len() != expected {
        return Err(SlotFault::Wrapped);
    }
    let header = Header {
        id,
        created,
        label: label.to_owned(),
        suite,
        policy,
        public_key: public_key.to_vec(),
        commitments,
        hsm,
    };
    let slot = Slot::pending(store, header);
    Ok(match state {
        SlotState::Pending => slot.with_not_before(not_before),
        SlotState::Active => slot.activated().with_wrapped(wrapped.to_vec()),
    })
}

fn read_commitments(reader: &mut Reader<'_>, policy: &Policy) -> Result<Vec<[u8; 32]>, SlotFault> {
    let count = usize::from(reader.u16().ok_or(SlotFault::Truncated)?);
    if count != policy.commitments() {
        return Err(SlotFault::Commitments);
    }
    let bytes = reader.take(count * 32).ok_or(SlotFault::Truncated)?;
    let (commitments, _) = bytes.as_chunks::<32>();
    Ok(commitments.to_vec())
}

fn read_hsm(reader: &mut Reader<'_>) -> Result<Vec<u8>, SlotFault> {
    let wrapped = reader.bytes16().ok_or(SlotFault::Truncated)?;
    let fits = !wrapped.is_empty() && wrapped.len() <= MAX_WRAPPED;
    if fits { Ok(wrapped.to_vec()) } else { Err(SlotFault::Hsm) }
}

/// What a slot shares with one before it that no two may share.
pub(crate) fn repeats(before: &[Slot], slot: &Slot) -> Option<SlotFault> {
    if before.iter().any(|other| other.id() == slot.id()) {
        return Some(SlotFault::RepeatedId);
    }
    let same = |other: &Slot| other.label() == slot.label() && other.state() == slot.state();
    before.iter().any(same).then_some(SlotFault::RepeatedLabel)
}

const MAGIC: &[u8; 4] = b"SRSL";
const VERSION: u8 = 1;
const PENDING: u8 = 1;
const ACTIVE: u8 = 2;
const DIGEST: &[u8] = b"strongroom slots digest";
