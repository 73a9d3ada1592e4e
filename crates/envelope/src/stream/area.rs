//! The header area of a stream: a prologue that never changes, and two slots for the wrapped key, of which a rewrap writes
//! one while the other stays good (`docs/FORMATS.md`, section "Envelope").

use strongroom_crypto::hash::sha256;

use crate::data_key::DataKey;
use crate::error::{KeyError, OpenError};
use crate::header::{self, Algorithm, MAX_WRAPPED_LEN, PROLOGUE_LEN, Prologue, TAG_LEN};
use crate::key::{KeyEncryption, WrappedKey};

/// The first sector: what the object is and how long its slots are.
#[derive(Clone, Copy)]
pub(crate) struct Start {
    prologue: Prologue,
    slot_len: u16,
}

impl Start {
    /// With slots that have room for the wrapped key and, mostly, for one under another kind of key.
    pub(crate) fn new(prologue: Prologue, wrapped: &WrappedKey) -> Self {
        let sectors = (fixed_len(wrapped) + SLACK).div_ceil(SECTOR);
        Self { prologue, slot_len: u16::try_from(sectors * SECTOR).unwrap_or(MAX_SLOT) }
    }

    pub(crate) fn decode(sector: &[u8; SECTOR]) -> Result<Self, OpenError> {
        let (prologue, rest) = Prologue::split(sector)?;
        if prologue.algorithm() != Algorithm::Stream {
            return Err(OpenError::IsSmall);
        }
        let (slot_len, padding) = rest.split_first_chunk().ok_or(OpenError::Truncated)?;
        let slot_len = u16::from_be_bytes(*slot_len);
        if slot_len == 0 || slot_len > MAX_SLOT || !usize::from(slot_len).is_multiple_of(SECTOR) {
            return Err(OpenError::Damaged("its slots have an impossible length"));
        }
        if padding.iter().any(|byte| *byte != 0) {
            return Err(OpenError::Damaged("its padding is not zero"));
        }
        Ok(Self { prologue, slot_len })
    }

    /// This sector and two slots that both hold `slot`.
    pub(crate) fn encode(&self, slot: &[u8]) -> Vec<u8> {
        let mut area = Vec::with_capacity(self.area_len());
        area.extend_from_slice(&self.associated());
        area.resize(SECTOR, 0);
        area.extend_from_slice(slot);
        area.extend_from_slice(slot);
        area
    }

    pub(crate) fn prologue(&self) -> &Prologue {
        &self.prologue
    }

    pub(crate) fn slot_len(&self) -> usize {
        usize::from(self.slot_len)
    }

    /// Where a slot begins.
    pub(crate) fn slot_at(&self, slot: usize) -> usize {
        SECTOR + slot * self.slot_len()
    }

    /// The whole area, after which FLOE's header follows.
    pub(crate) fn area_len(&self) -> usize {
        self.slot_at(SLOTS)
    }

    /// A slot for this data key, wrapped: its tag is over the sector's fields as well.
    pub(crate) fn slot(
        &self,
        data_key: &DataKey,
        generation: u64,
        wrapped: &WrappedKey,
    ) -> Result<Vec<u8>, SlotError> {
        if fixed_len(wrapped) > self.slot_len() {
            return Err(SlotError::NoRoom { needed: fixed_len(wrapped), slot: self.slot_len() });
        }
        let mut fields = self.associated().to_vec();
        fields.extend_from_slice(&generation.to_be_bytes());
        header::push_wrapped(wrapped, &mut fields);
        let tag = data_key.header_tag(&fields).map_err(SlotError::Key)?;
        let mut slot = fields.split_off(ASSOCIATED_LEN);
        slot.reserve_exact(self.slot_len() - slot.len());
        slot.extend_from_slice(&tag);
        slot.resize(self.slot_len() - CHECKSUM_LEN, 0);
        let checksum = checksum(&slot);
        slot.extend_from_slice(&checksum);
        Ok(slot)
    }

    /// Those of the two slots that are whole.
    ///
    /// `slots` are the bytes after the sector. A slot that was torn while it was written is passed over as long as the other
    /// one is whole.
    pub(crate) fn slots(&self, slots: &[u8]) -> Result<Slots, OpenError> {
        let (first, second) = slots.split_at_checked(self.slot_len()).ok_or(OpenError::Truncated)?;
        let read = |index, bytes| Slot::decode(index, bytes);
        if first == second {
            // As they mostly are, which saves one checksum.
            return read(0, first).map(Slots::Alike);
        }
        match (read(0, first), read(1, second)) {
            (Ok(first), Ok(second)) if first.generation < second.generation => {
                Ok(Slots::Differ { newer: second, older: first })
            }
            (Ok(first), Ok(second)) => Ok(Slots::Differ { newer: first, older: second }),
            (Ok(slot), Err(_)) | (Err(_), Ok(slot)) => Ok(Slots::One(slot)),
            (Err(error), Err(_)) => Err(error),
        }
    }

    /// Unwraps a slot's data key, and checks that the slot was written with it.
    pub(crate) fn open(&self, key: &dyn KeyEncryption, slot: &Slot) -> Result<DataKey, OpenError> {
        let data_key = DataKey::unwrap(key, &slot.wrapped, &self.prologue)?;
        let mut fields = self.associated().to_vec();
        fields.extend_from_slice(&slot.generation.to_be_bytes());
        header::push_wrapped(&slot.wrapped, &mut fields);
        data_key.check_header(&fields, &slot.tag)?;
        Ok(data_key)
    }

    fn associated(&self) -> [u8; ASSOCIATED_LEN] {
        let mut bytes = [0; ASSOCIATED_LEN];
        let (prologue, len) = bytes.split_at_mut(PROLOGUE_LEN);
        prologue.copy_from_slice(self.prologue.as_bytes());
        len.copy_from_slice(&self.slot_len.to_be_bytes());
        bytes
    }
}

/// Both slots, as far as their checksums tell.
pub(crate) enum Slots {
    /// They hold the same, as they do unless a rewrap was interrupted; this is the first.
    Alike(Slot),
    /// The first is of the higher generation, and counts if it is genuine.
    Differ { newer: Slot, older: Slot },
    /// The other is torn.
    One(Slot),
}

impl Slots {
    /// The slot that counts, unless it turns out to be forged.
    pub(crate) fn newest(&self) -> &Slot {
        match self {
            Self::Alike(slot) | Self::Differ { newer: slot, .. } | Self::One(slot) => slot,
        }
    }

    /// Does with the slot that counts what only a genuine one allows, and where that fails with the other one. Of two errors
    /// the first counts.
    ///
    /// Whoever can write a forged slot can write an old one as well, so nothing is lost by falling back on one.
    pub(crate) fn try_each<'s, T, E>(
        &'s self,
        mut attempt: impl FnMut(&'s Slot) -> Result<T, E>,
    ) -> Result<T, E> {
        let outcome = attempt(self.newest());
        match self {
            Self::Differ { older, .. } => outcome.or_else(|error| attempt(older).map_err(|_| error)),
            Self::Alike(_) | Self::One(_) => outcome,
        }
    }
}

/// Which slot a rewrap to this generation writes second. So the next one, which finds both alike, knows which of them a
/// failed sync may have left to a cache alone.
pub(crate) fn second_written(generation: u64) -> usize {
    usize::from(!generation.is_multiple_of(2))
}

/// One of the two slots, whole but not yet believed.
pub(crate) struct Slot {
    pub(crate) index: usize,
    pub(crate) generation: u64,
    pub(crate) wrapped: WrappedKey,
    tag: [u8; TAG_LEN],
}

impl Slot {
    fn decode(index: usize, bytes: &[u8]) -> Result<Self, OpenError> {
        let (content, sum) = bytes.split_last_chunk().ok_or(OpenError::Truncated)?;
        if checksum(content) != *sum {
            return Err(OpenError::Damaged("both of its slots are torn"));
        }
        let (generation, rest) = content.split_first_chunk().ok_or(OpenError::Truncated)?;
        let (wrapped, rest) = header::split_wrapped(rest)?;
        let (tag, padding) = rest.split_first_chunk().ok_or(OpenError::Truncated)?;
        if padding.iter().any(|byte| *byte != 0) {
            return Err(OpenError::Damaged("its padding is not zero"));
        }
        Ok(Self { index, generation: u64::from_be_bytes(*generation), wrapped, tag: *tag })
    }
}

/// A slot could not be made.
#[derive(Debug)]
pub(crate) enum SlotError {
    /// The wrapped key does not fit into this object's slots.
    NoRoom {
        /// The bytes it takes.
        needed: usize,
        /// The bytes there are.
        slot: usize,
    },
    Key(KeyError),
}

/// Generation, wrapped key, tag and checksum: a slot without its padding.
fn fixed_len(wrapped: &WrappedKey) -> usize {
    GENERATION_LEN + header::wrapped_len(wrapped) + TAG_LEN + CHECKSUM_LEN
}

/// Finds what a crash tore. An attacker can compute it; against him there is the tag.
fn checksum(content: &[u8]) -> [u8; CHECKSUM_LEN] {
    let mut checksum = [0; CHECKSUM_LEN];
    checksum.iter_mut().zip(sha256(&[content])).for_each(|(to, from)| *to = from);
    checksum
}

/// What disks write whole or not at all.
pub(crate) const SECTOR: usize = 512;
/// The generation of a stream that was never rewrapped.
pub(crate) const FIRST_GENERATION: u64 = 1;
pub(super) const SLOTS: usize = 2;
const MAX_SLOT: u16 = 5120;
/// Room for a wrapped key of another kind: that of an RSA key of 2048 bits, say.
const SLACK: usize = 256;
const GENERATION_LEN: usize = 8;
const CHECKSUM_LEN: usize = 8;
const ASSOCIATED_LEN: usize = PROLOGUE_LEN + 2;
const _: () = assert!(
    GENERATION_LEN + MAX_WRAPPED_LEN + TAG_LEN + CHECKSUM_LEN + SLACK <= MAX_SLOT as usize,
    "the largest wrapped key has a slot"
);
