//! A slot and the set of them, as they lie in storage: public data alone.

mod cooling_off;
mod encoding;

use std::fmt;
use std::str::FromStr;

use strongroom_crypto::hpke::Suite;
use strongroom_crypto::record::StoreId;

pub use crate::binding::KeyError;
pub use crate::name::{MAX_NAME, NameError};
pub use cooling_off::{CoolingOff, MAX_COOLING_OFF, PENDING_LIFETIME, ParseCoolingOffError};
pub(crate) use encoding::repeats;
pub use encoding::{SlotFault, SlotSetError};

use crate::binding;
use crate::name;
use crate::policy::Policy;
use crate::unseal::Proved;

/// Which slot: random, drawn when the slot is made. Shown as 32 hexadecimal digits, or as many of them as a format's
/// precision asks for (`{:.8}`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SlotId([u8; 16]);

impl SlotId {
    /// The slot of these bytes.
    pub fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes, as formats hold them.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for SlotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&hex(&self.0))
    }
}

impl FromStr for SlotId {
    type Err = ParseSlotIdError;

    /// Reads all 32 digits.
    fn from_str(text: &str) -> Result<Self, ParseSlotIdError> {
        if text.len() != 32 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(ParseSlotIdError);
        }
        let number = u128::from_str_radix(text, 16).map_err(|_| ParseSlotIdError)?;
        Ok(Self(number.to_be_bytes()))
    }
}

/// A text is no slot id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseSlotIdError;

impl fmt::Display for ParseSlotIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a slot's id is 32 hexadecimal digits")
    }
}

impl std::error::Error for ParseSlotIdError {}

/// What a slot may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlotState {
    /// Its holders have yet to prove that they have their shares. It opens nothing.
    Pending,
    /// It opens the store.
    Active,
}

impl fmt::Display for SlotState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pending => "pending",
            Self::Active => "active",
        })
    }
}

/// One way to open the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    header: Header,
    state: SlotState,
    /// From when on it may be activated; 0 unless pending.
    not_before: u64,
    /// The root key sealed to the public key; empty while pending, and while active but not yet in a set.
    wrapped: Vec<u8>,
    /// Depends on the header and the store, and so is computed once.
    set_id: [u8; 16],
}

/// What a slot is made of and keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) id: SlotId,
    pub(crate) created: u64,
    pub(crate) label: String,
    pub(crate) suite: Suite,
    pub(crate) policy: Policy,
    pub(crate) public_key: Vec<u8>,
    pub(crate) commitments: Vec<[u8; 32]>,
    /// The secret of each key in an HSM, wrapped by it, in the order of the policy.
    pub(crate) hsm: Vec<Vec<u8>>,
}

impl Slot {
    pub(crate) fn pending(store: StoreId, header: Header) -> Self {
        let set_id = header.set_id(store);
        Self { header, state: SlotState::Pending, not_before: 0, wrapped: Vec::new(), set_id }
    }

    /// Which slot this is.
    pub fn id(&self) -> SlotId {
        self.header.id
    }

    /// Whether it opens the store.
    pub fn state(&self) -> SlotState {
        self.state
    }

    /// When it was made, in seconds since 1970.
    pub fn created(&self) -> u64 {
        self.header.created
    }

    /// From when on it may be activated, in seconds since 1970: 0 is at once, and so for every active slot.
    ///
    /// What is read from storage is authentic only once the store is open, like everything that a slot says of itself.
    pub fn not_before(&self) -> u64 {
        self.not_before
    }

    /// The pending slot, with the moment before which it is not to be activated: so long after it was made. An active slot
    /// stays as it is.
    #[must_use]
    pub fn with_cooling_off(self, time: CoolingOff) -> Self {
        let waits = self.state == SlotState::Pending && time > CoolingOff::NONE;
        let not_before = if waits { self.created().saturating_add(time.seconds()) } else { 0 };
        Self { not_before, ..self }
    }

    /// What people call it.
    pub fn label(&self) -> &str {
        &self.header.label
    }

    /// The algorithms that wrap the root key.
    pub fn suite(&self) -> Suite {
        self.header.suite
    }

    /// Who must come together to open it.
    pub fn policy(&self) -> &Policy {
        &self.header.policy
    }

    /// The HPKE key that the root key is sealed to.
    pub fn public_key(&self) -> &[u8] {
        &self.header.public_key
    }

    /// What every share of this slot names.
    pub fn set_id(&self) -> [u8; 16] {
        self.set_id
    }

    /// One hash per share, in the order of the policy's groups and then of the indexes (none for a plain `1 of n`); then one
    /// for each key in an HSM.
    pub fn commitments(&self) -> &[[u8; 32]] {
        &self.header.commitments
    }

    /// The secret of each key in an HSM, wrapped by it, in the order of the policy.
    pub fn hsm_wrapped(&self) -> &[Vec<u8>] {
        &self.header.hsm
    }

    pub(crate) fn hsm_commitments(&self) -> impl Iterator<Item = &[u8; 32]> {
        let shares = self.header.commitments.len().saturating_sub(self.policy().hsm_keys().count());
        self.header.commitments.iter().skip(shares)
    }

    /// The slot with its HSM parts as they are in `rewrapped`, which [`SlotSet::hsm_rewrapped`] made of the same slot.
    #[must_use]
    pub fn with_parts_of(self, rewrapped: &Self) -> Self {
        if self.set_id != rewrapped.set_id {
            return self;
        }
        self.with_hsm_wrapped(rewrapped.header.hsm.clone())
    }

    pub(crate) fn with_hsm_wrapped(mut self, wrapped: Vec<Vec<u8>>) -> Self {
        self.header.hsm = wrapped;
        self
    }

    /// The root key, sealed; empty while pending.
    pub fn wrapped(&self) -> &[u8] {
        &self.wrapped
    }

    /// The slot, active without its holders having proved that they have their shares: for the first slot of a new
    /// store, which holds nothing yet that could be lost. Every later slot takes [`Slot::activate`].
    #[must_use]
    pub fn activated(self) -> Self {
        Self { state: SlotState::Active, not_before: 0, ..self }
    }

    /// The slot, active, since its holders have proved that they have their shares. It opens the store once
    /// [`SlotSet::rewrapped`] has wrapped the root key for it.
    ///
    /// Nothing here knows the time: the caller compares [`Slot::not_before`] and [`PENDING_LIFETIME`] with it.
    ///
    /// # Errors
    ///
    /// [`ActivateError`] when the proof is another slot's.
    pub fn activate(self, proof: &Proved) -> Result<Self, ActivateError> {
        // The set id is a hash over the slot id too.
        if proof.set_id() != self.set_id {
            return Err(ActivateError { label: self.header.label });
        }
        Ok(self.activated())
    }

    /// The slot under another label. Shares do not name the label, so they stay what they are.
    ///
    /// # Errors
    ///
    /// [`NameError`] when the label is empty, too long or has characters that it may not have.
    pub fn relabelled(mut self, label: &str) -> Result<Self, NameError> {
        name::check_label(label)?;
        label.clone_into(&mut self.header.label);
        Ok(self)
    }

    /// Whether the slot was made for this store.
    pub(crate) fn is_of(&self, store: StoreId) -> bool {
        self.set_id == self.header.set_id(store)
    }

    pub(crate) fn with_not_before(self, not_before: u64) -> Self {
        Self { not_before, ..self }
    }

    pub(crate) fn with_wrapped(self, wrapped: Vec<u8>) -> Self {
        Self { wrapped, ..self }
    }
}

impl Header {
    fn set_id(&self, store: StoreId) -> [u8; 16] {
        binding::set_id(store, self.id, self.suite, &self.public_key, &self.policy, &self.commitments)
    }
}

/// A proof of possession belongs to another slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActivateError {
    label: String,
}

impl fmt::Display for ActivateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "slot \"{}\" stays pending: the shares that were shown are another slot's", self.label)
    }
}

impl std::error::Error for ActivateError {}

/// All slots of a store, under one generation, which grows with every change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotSet {
    pub(crate) store: StoreId,
    pub(crate) generation: u64,
    pub(crate) slots: Vec<Slot>,
}

impl SlotSet {
    /// The empty set of a new store, generation 0. [`SlotSet::rewrapped`] fills it.
    pub fn new(store: StoreId) -> Self {
        Self { store, generation: 0, slots: Vec::new() }
    }

    /// Whose slots they are.
    pub fn store(&self) -> StoreId {
        self.store
    }

    /// How often the set has changed.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// The slots, in the order in which they were added.
    pub fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// The slot of this id.
    pub fn find(&self, id: SlotId) -> Option<&Slot> {
        self.slots.iter().find(|slot| slot.id() == id)
    }

    /// The slot that people call this; the active one, where a pending one of the same label is to replace it.
    pub fn find_by_label(&self, label: &str) -> Option<&Slot> {
        let mut named = self.slots.iter().filter(|slot| slot.label() == label);
        named.clone().find(|slot| slot.state() == SlotState::Active).or_else(|| named.next())
    }
}

/// Bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}

/// The most slots that a store has.
pub const MAX_SLOTS: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slot_id_reads_what_it_shows_and_nothing_else() {
        let id = SlotId::new([0xab, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 0xff]);
        assert_eq!(id.to_string(), "ab0102030405060708090a0b0c0d0eff");
        assert_eq!(format!("{id:.8}"), "ab010203");
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(id.to_string().to_uppercase().parse(), Ok(id));
        for text in [
            "",
            "ab010203",
            "+b0102030405060708090a0b0c0d0eff",
            "gb0102030405060708090a0b0c0d0eff",
            "ab0102030405060708090a0b0c0d0eff0",
        ] {
            assert_eq!(text.parse::<SlotId>(), Err(ParseSlotIdError), "{text}");
        }
    }
}
