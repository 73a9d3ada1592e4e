//! Collecting shares, and what HSMs give, until one slot opens.

use std::fmt;

use strongroom_crypto::hpke::HpkeError;
use strongroom_crypto::secret::Secret;
use strongroom_shamir::Share;
use strongroom_shamir::text::ShareText;

use super::share::{ShareError, ShareIdentity, recognise, verify_share};
use crate::binding::{self, KeyError, SlotKeys};
use crate::hsm::{HsmPart, HsmSecret};
use crate::policy::{HsmKey, Policy};
use crate::recombine::{Hand, RecombineError, required};
use crate::slot::{Slot, SlotId, SlotSet, SlotState};

/// Takes shares until one active slot's policy is met, in any order and for different slots.
///
/// A share that is wrong, foreign, damaged or repeated changes nothing: what was taken before stays. All shares are wiped on
/// drop, and once the store is open.
pub struct Collector {
    slots: SlotSet,
    hands: Vec<(SlotId, Hand)>,
}

/// A share that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The slot that it opens together with others.
    pub slot: SlotId,
    /// What people call that slot.
    pub label: String,
    /// The name of its group, where there are groups.
    pub group: Option<String>,
    /// Its index, as printed on it.
    pub index: u8,
    /// How far its slot is now.
    pub progress: Progress,
}

/// How far a slot is from opening.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The slot.
    pub slot: SlotId,
    /// What people call it.
    pub label: String,
    /// The shares that are here; with groups, the groups that are complete.
    pub have: usize,
    /// How many of these are needed.
    pub need: usize,
    /// For each group its name, the shares that are here and how many are needed.
    pub groups: Vec<(String, usize, usize)>,
    /// For each key in an HSM, whether it has given its part.
    pub hsm_keys: Vec<(HsmKey, bool)>,
    /// Whether the slot can be opened.
    pub complete: bool,
}

/// What an open slot gives.
pub struct Opened {
    /// The slot that opened.
    pub slot: SlotId,
    /// The root key. It was sealed by somebody who knew this slot's psk, and for this generation of this store's slots.
    pub root: Secret<32>,
    /// The slot's psk.
    pub psk: Secret<32>,
    /// The slots that were read. They are authentic only once their digest agreed with the keyring's.
    pub slots: SlotSet,
}

impl Collector {
    /// A collector for these slots.
    pub fn new(slots: SlotSet) -> Self {
        Self { slots, hands: Vec::new() }
    }

    /// The slots that shares are collected for.
    pub fn slots(&self) -> &SlotSet {
        &self.slots
    }

    /// Takes a share, if it is a good one of an active slot and not here yet.
    ///
    /// # Errors
    ///
    /// [`ShareError`] names the share and says what is wrong with it; everything stays as it was.
    pub fn offer(&mut self, share: ShareText) -> Result<Accepted, ShareError> {
        let identity = verify_share(&self.slots, &share)?;
        self.take(&identity, share.share)
    }

    /// Takes a share in Vault's raw form, which says of itself neither slot nor group: it is recognised by its commitment, or,
    /// for a plain `1 of n`, by the key that it gives. For `1 of 1`, where Vault's form is the bare secret, the index is 1.
    ///
    /// # Errors
    ///
    /// As [`offer`](Self::offer). A damaged raw share cannot be told from a foreign one.
    pub fn offer_vault(&mut self, slot: Option<SlotId>, share: Share) -> Result<Accepted, ShareError> {
        if let Some(missing) = slot.filter(|id| self.slots.find(*id).is_none()) {
            return Err(ShareError::NoSuchSlot(missing));
        }
        let candidates =
            self.slots.slots().iter().filter(|candidate| slot.is_none_or(|id| candidate.id() == id));
        let mut recognised = None;
        for candidate in candidates {
            recognised = recognise(self.slots.store(), candidate, &share)?;
            if recognised.is_some() {
                break;
            }
        }
        let identity = recognised.ok_or(ShareError::Unrecognised { index: share.index().get() })?;
        self.take(&identity, share)
    }

    /// What HSMs could still give for active slots.
    pub fn hsm_parts(&self) -> Vec<HsmPart> {
        let parts = self.active().flat_map(|slot| self.slots.hsm_parts(slot));
        parts.filter(|part| !self.hands.iter().any(|(of, hand)| part.is_in(*of, hand))).collect()
    }

    /// Takes what an HSM gave, checked as it is. One of an earlier set of slots, or of a pending slot, is left aside.
    pub fn take_hsm(&mut self, secret: HsmSecret) {
        let known = self.active().any(|slot| slot.id() == secret.slot && slot.set_id() == secret.set);
        if known && let Some(hand) = self.hand_mut(secret.slot) {
            hand.take_hsm(secret.number, secret.secret);
        }
    }

    /// How far every active slot is.
    pub fn progress(&self) -> Vec<Progress> {
        self.active().map(|slot| self.progress_of(slot)).collect()
    }

    /// The first slot whose policy is met.
    pub fn ready(&self) -> Option<SlotId> {
        self.complete().next().map(|(slot, _)| slot.id())
    }

    /// Opens the store through a slot whose policy is met, and wipes the shares.
    ///
    /// The slot's public key is derived again and compared first; then HPKE opens the root key in `mode_psk`, which proves
    /// that its sealer knew the psk. If several slots are ready, each is tried in turn, so that one that was altered does not
    /// stand in the way of a good one.
    ///
    /// # Errors
    ///
    /// [`OpenError`], of the first slot that failed. The shares stay, so that others may be added.
    pub fn open(&mut self) -> Result<Opened, OpenError> {
        let opened = self.open_first()?;
        self.hands.clear();
        Ok(opened)
    }

    fn open_first(&self) -> Result<Opened, OpenError> {
        let mut failed = None;
        for (slot, hand) in self.complete() {
            match open(&self.slots, slot, hand) {
                Ok((root, psk)) => {
                    return Ok(Opened { slot: slot.id(), root, psk, slots: self.slots.clone() });
                }
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        Err(failed.unwrap_or(OpenError::NotReady))
    }

    fn take(&mut self, identity: &ShareIdentity, share: Share) -> Result<Accepted, ShareError> {
        let slot = self.slots.find(identity.slot).ok_or(ShareError::NoSuchSlot(identity.slot))?;
        if slot.state() == SlotState::Pending {
            return Err(ShareError::Pending(identity.name()));
        }
        let id = slot.id();
        if let Some(hand) = self.hand_mut(id) {
            if hand.holds(identity.group_number, identity.index) {
                return Err(ShareError::Repeated(identity.name()));
            }
            hand.take(identity.group_number, share);
        }
        let slot = self.slots.find(id).ok_or(ShareError::NoSuchSlot(id))?;
        Ok(Accepted {
            slot: id,
            label: identity.label.clone(),
            group: identity.group.clone(),
            index: identity.index,
            progress: self.progress_of(slot),
        })
    }

    /// The hand of a slot, empty at first.
    fn hand_mut(&mut self, slot: SlotId) -> Option<&mut Hand> {
        let place = self.hands.iter().position(|(of, _)| *of == slot).unwrap_or(self.hands.len());
        if place == self.hands.len() {
            self.hands.push((slot, Hand::new()));
        }
        self.hands.get_mut(place).map(|(_, hand)| hand)
    }

    fn active(&self) -> impl Iterator<Item = &Slot> {
        self.slots.slots().iter().filter(|slot| slot.state() == SlotState::Active)
    }

    fn complete(&self) -> impl Iterator<Item = (&Slot, &Hand)> {
        self.active()
            .filter_map(|slot| Some((slot, self.hand(slot)?)))
            .filter(|(slot, hand)| hand.opens(slot.policy()))
    }

    fn hand(&self, slot: &Slot) -> Option<&Hand> {
        self.hands.iter().find(|(of, _)| *of == slot.id()).map(|(_, hand)| hand)
    }

    fn progress_of(&self, slot: &Slot) -> Progress {
        let hand = self.hand(slot);
        let policy = slot.policy();
        let count = |group| hand.map_or(0, |hand| hand.count(group));
        let groups: Vec<_> = policy
            .leaves()
            .filter_map(|leaf| {
                Some((leaf.name?.to_owned(), count(leaf.group), leaf.quorum.threshold().into()))
            })
            .collect();
        let (have, need) = match policy.leaf(0) {
            Some(leaf) => (count(0), leaf.quorum.threshold().into()),
            None => (groups.iter().filter(|(_, have, need)| have >= need).count(), required(policy)),
        };
        let hsm_keys = hsm_progress(policy, hand);
        let complete = hand.is_some_and(|hand| hand.opens(policy));
        Progress { slot: slot.id(), label: slot.label().to_owned(), have, need, groups, hsm_keys, complete }
    }
}

/// For each key in an HSM, whether its part is here.
pub(super) fn hsm_progress(policy: &Policy, hand: Option<&Hand>) -> Vec<(HsmKey, bool)> {
    let numbered = (1..=u8::MAX).zip(policy.hsm_keys());
    numbered.map(|(number, key)| (key.clone(), hand.is_some_and(|hand| hand.holds_hsm(number)))).collect()
}

fn open(slots: &SlotSet, slot: &Slot, hand: &Hand) -> Result<(Secret<32>, Secret<32>), OpenError> {
    let altered = || OpenError::Altered { slot: slot.id(), label: slot.label().to_owned() };
    let secret = hand.secret(slot.policy()).map_err(|error| match error {
        RecombineError::Secret(error) => OpenError::Keys(error.into()),
        RecombineError::Inconsistent => altered(),
    })?;
    let keys = SlotKeys::of(slots.store(), slot, &secret).map_err(OpenError::Keys)?;
    if !keys.fit(slot) {
        return Err(altered());
    }
    let info = binding::info(slots.store(), slot, slots.generation());
    match keys.pair.open_psk(&keys.psk, slot.id().as_bytes(), &info, &[], slot.wrapped()) {
        Ok(root) => Ok((root, keys.psk)),
        Err(HpkeError::Forged) => Err(OpenError::Refused { slot: slot.id(), label: slot.label().to_owned() }),
        Err(error) => Err(OpenError::Keys(error.into())),
    }
}

/// Why the store does not open.
#[derive(Debug)]
pub enum OpenError {
    /// No slot's policy is met yet.
    NotReady,
    /// What came together is good, but the slot's keys are not those that it was made with.
    Altered {
        /// The slot.
        slot: SlotId,
        /// What people call it.
        label: String,
    },
    /// The wrapped root key was not sealed for this slot in this generation by somebody who knew its psk.
    Refused {
        /// The slot.
        slot: SlotId,
        /// What people call it.
        label: String,
    },
    /// Keys could not be derived. Nothing is known to be wrong with the slot.
    Keys(KeyError),
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotReady => f.write_str("no slot has all that it needs yet"),
            Self::Altered { label, .. } => write!(
                f,
                "what came together is good, but slot \"{label}\" was altered in storage: its key is not the one that comes of \
                 it. Use another slot, or restore the slots from a backup"
            ),
            Self::Refused { label, .. } => write!(
                f,
                "the root key in slot \"{label}\" was damaged, replaced or put back from an earlier time, and is refused. Use \
                 another slot, or restore the slots from a backup"
            ),
            Self::Keys(error) => write!(f, "the store could not be opened: {error}"),
        }
    }
}

impl std::error::Error for OpenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Keys(error) => Some(error),
            _ => None,
        }
    }
}
