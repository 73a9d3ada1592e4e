//! Checking one share by itself.

use std::fmt;

use strongroom_crypto::record::StoreId;
use strongroom_crypto::secret::{SecretBytes, SecretError};
use strongroom_shamir::Share;
use strongroom_shamir::text::ShareText;

use crate::binding::{self, KeyError, SlotKeys};
use crate::policy::Leaf;
use crate::slot::{Slot, SlotId, SlotSet, SlotState, hex};

/// Checks that a share is one of this store's, undamaged, without any other share: what each holder should do once a year.
///
/// The share of a pending slot is good too; [`ShareIdentity::state`] says which it is.
///
/// # Errors
///
/// [`ShareError`] names the share and says what is wrong with it.
pub fn verify_share(slots: &SlotSet, share: &ShareText) -> Result<ShareIdentity, ShareError> {
    let slot = slots
        .slots()
        .iter()
        .find(|slot| slot.set_id() == share.set)
        .ok_or_else(|| ShareError::UnknownSet { set: short(share.set), known: known_sets(slots) })?;
    check(slots.store(), slot, share)
}

/// Which share a share turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShareIdentity {
    /// The slot that it opens together with others.
    pub slot: SlotId,
    /// What people call that slot.
    pub label: String,
    /// The name of its group, where there are groups.
    pub group: Option<String>,
    /// The number of its group; 0 where there are no groups.
    pub group_number: u8,
    /// Its index, as printed on it.
    pub index: u8,
    /// How many shares its slot, or its group, needs.
    pub threshold: u8,
    /// Whether its slot opens the store.
    pub state: SlotState,
}

impl ShareIdentity {
    /// What to call the share when speaking of it.
    pub fn name(&self) -> ShareName {
        ShareName { slot: self.slot, label: self.label.clone(), group: self.group.clone(), index: self.index }
    }
}

/// What to call a share when speaking of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShareName {
    /// Its slot.
    pub slot: SlotId,
    /// What people call that slot.
    pub label: String,
    /// The name of its group, where there are groups.
    pub group: Option<String>,
    /// Its index, as printed on it.
    pub index: u8,
}

impl ShareName {
    pub(super) fn new(slot: &Slot, leaf: Leaf<'_>, index: u8) -> Self {
        Self { slot: slot.id(), label: slot.label().to_owned(), group: leaf.name.map(str::to_owned), index }
    }
}

impl fmt::Display for ShareName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "share {}", self.index)?;
        if let Some(group) = &self.group {
            write!(f, " of group \"{group}\"")?;
        }
        write!(f, " of slot \"{}\"", self.label)
    }
}

/// A set of shares that this store knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownSet {
    /// What people call its slot.
    pub label: String,
    /// How its set id begins, in hexadecimal.
    pub set: String,
}

/// Why a share is not taken. Nothing that was taken before is lost, and no message tells a share's contents.
#[derive(Debug)]
pub enum ShareError {
    /// The share belongs to no slot of this store: to another store's, or to one that was removed.
    UnknownSet {
        /// How its set id begins, in hexadecimal.
        set: String,
        /// The sets that there are.
        known: Vec<KnownSet>,
    },
    /// The share's contents are not what they were when it was made.
    Damaged(ShareName),
    /// The share is here already.
    Repeated(ShareName),
    /// The share is good, but its slot does not open the store yet.
    Pending(ShareName),
    /// The share names a group that its slot does not have.
    WrongGroup {
        /// What people call its slot.
        label: String,
        /// The group that it names.
        group: u8,
        /// How many groups there are.
        groups: usize,
    },
    /// The share has an index that its slot or group does not have.
    BadIndex {
        /// The share, as it names itself.
        share: ShareName,
        /// How many shares there are.
        shares: u8,
    },
    /// The share names a threshold that its slot or group does not have.
    WrongThreshold {
        /// The share.
        share: ShareName,
        /// The threshold that it names.
        said: u8,
        /// The threshold that there is.
        threshold: u8,
    },
    /// The share has not 32 bytes, as all of Strongroom's have.
    BadLength {
        /// How many it has.
        length: usize,
    },
    /// A raw share fits no slot. It carries no mark, so that nothing more can be said.
    Unrecognised {
        /// Its index.
        index: u8,
    },
    /// There is no such slot.
    NoSuchSlot(SlotId),
    /// The share could not be checked: nothing is known to be wrong with it.
    Keys(KeyError),
}

impl fmt::Display for ShareError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownSet { set, known } => {
                write!(f, "this share belongs to set {set}…, and this store's sets are ")?;
                match known.as_slice() {
                    [] => f.write_str("none")?,
                    known => write_sets(f, known)?,
                }
                f.write_str(
                    ". It is the share of another store, or of a slot that was removed (which of the two, nobody can tell \
                     from here). Look whether you took the right share for this store",
                )
            }
            Self::Damaged(share) => write!(
                f,
                "{share} is damaged: its contents differ from what was made. Enter it again; if it stays so, its holder's \
                 copy is bad, and the slot should be replaced while enough others are good"
            ),
            Self::Repeated(share) => write!(f, "{share} is here already: another one is needed"),
            Self::Pending(share) => write!(
                f,
                "{share} is good, but its slot is pending and does not open the store yet: use shares of an active slot"
            ),
            Self::WrongGroup { label, group, groups: 0 } => {
                write!(
                    f,
                    "the share names group {group}, but slot \"{label}\" has no groups: the share was altered"
                )
            }
            Self::WrongGroup { label, group, groups } => {
                write!(
                    f,
                    "the share names group {group}, but slot \"{label}\" has groups 1 to {groups}: the share was altered"
                )
            }
            Self::BadIndex { share, shares } => {
                write!(f, "there is no {share}: the indexes go from 1 to {shares}, so the share was altered")
            }
            Self::WrongThreshold { share, said, threshold } => {
                write!(f, "{share} names the threshold {said}, but it is {threshold}: the share was altered")
            }
            Self::BadLength { length } => {
                write!(
                    f,
                    "the share holds {length} bytes, and every share of a store holds 32: it is not a store's share"
                )
            }
            Self::Unrecognised { index } => write!(
                f,
                "share {index} fits no slot of this store: it is damaged, or another store's. Enter it again, and look \
                 whether you took the right share"
            ),
            Self::NoSuchSlot(id) => write!(f, "there is no slot {id}"),
            Self::Keys(error) => write!(f, "the share could not be checked: {error}"),
        }
    }
}

impl std::error::Error for ShareError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Keys(error) => Some(error),
            _ => None,
        }
    }
}

impl From<KeyError> for ShareError {
    fn from(error: KeyError) -> Self {
        Self::Keys(error)
    }
}

impl From<SecretError> for ShareError {
    fn from(error: SecretError) -> Self {
        Self::Keys(error.into())
    }
}

/// Checks a share that names this slot's set.
pub(super) fn check(store: StoreId, slot: &Slot, share: &ShareText) -> Result<ShareIdentity, ShareError> {
    let index = share.share.index().get();
    let Some(leaf) = slot.policy().leaf(share.group) else {
        let groups = slot.policy().leaves().filter(|leaf| leaf.group != 0).count();
        return Err(ShareError::WrongGroup { label: slot.label().to_owned(), group: share.group, groups });
    };
    let name = ShareName::new(slot, leaf, index);
    if index > leaf.quorum.shares() {
        return Err(ShareError::BadIndex { share: name, shares: leaf.quorum.shares() });
    }
    if share.threshold != leaf.quorum.threshold() {
        let threshold = leaf.quorum.threshold();
        return Err(ShareError::WrongThreshold { share: name, said: share.threshold, threshold });
    }
    if !is_genuine(store, slot, leaf, &share.share)? {
        return Err(ShareError::Damaged(name));
    }
    Ok(identity(slot, leaf, index))
}

/// Finds the seat of a share that carries no mark: by its commitment, or by the key that it gives.
pub(super) fn recognise(
    store: StoreId,
    slot: &Slot,
    share: &Share,
) -> Result<Option<ShareIdentity>, ShareError> {
    let index = share.index().get();
    for leaf in slot.policy().leaves().filter(|leaf| index <= leaf.quorum.shares()) {
        if is_genuine(store, slot, leaf, share)? {
            return Ok(Some(identity(slot, leaf, index)));
        }
    }
    Ok(None)
}

/// Commitments and public keys are no secrets, so the time of comparing them tells nothing.
fn is_genuine(store: StoreId, slot: &Slot, leaf: Leaf<'_>, share: &Share) -> Result<bool, ShareError> {
    let y = share.y().expose();
    if y.len() != 32 {
        return Err(ShareError::BadLength { length: y.len() });
    }
    if slot.policy().is_committed() {
        let index = share.index().get();
        let seat = slot.policy().seat(leaf.group, index);
        let expected = seat.and_then(|seat| slot.commitments().get(seat));
        return Ok(expected == Some(&binding::commitment(store, slot.id(), leaf.group, index, y)));
    }
    let secret = SecretBytes::copy_from_slice(y)?;
    Ok(SlotKeys::of(store, slot, &secret)?.fit(slot))
}

fn identity(slot: &Slot, leaf: Leaf<'_>, index: u8) -> ShareIdentity {
    ShareIdentity {
        slot: slot.id(),
        label: slot.label().to_owned(),
        group: leaf.name.map(str::to_owned),
        group_number: leaf.group,
        index,
        threshold: leaf.quorum.threshold(),
        state: slot.state(),
    }
}

pub(super) fn known_sets(slots: &SlotSet) -> Vec<KnownSet> {
    slots.slots().iter().map(known_set).collect()
}

pub(super) fn known_set(slot: &Slot) -> KnownSet {
    KnownSet { label: slot.label().to_owned(), set: short(slot.set_id()) }
}

pub(super) fn short(set: [u8; 16]) -> String {
    let [a, b, c, d, ..] = set;
    hex(&[a, b, c, d])
}

fn write_sets(f: &mut fmt::Formatter<'_>, known: &[KnownSet]) -> fmt::Result {
    for (place, set) in known.iter().enumerate() {
        let separator = if place == 0 { "" } else { ", " };
        write!(f, "{separator}{}… (slot \"{}\")", set.set, set.label)?;
    }
    Ok(())
}
