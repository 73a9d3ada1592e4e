//! The proof that the holders of a new slot have their shares.

use std::fmt;

use strongroom_crypto::record::StoreId;
use strongroom_crypto::secret::SecretError;
use strongroom_shamir::text::ShareText;

use super::collector::{Accepted, Progress, hsm_progress};
use super::share::{ShareError, ShareName, check, known_set, short};
use crate::binding::{KeyError, SlotKeys};
use crate::hsm::{HsmPart, HsmSecret};
use crate::policy::HsmKey;
use crate::recombine::{Hand, RecombineError};
use crate::slot::{Slot, SlotId};

/// Takes the share of every holder of one slot, and the part of every HSM, before that slot replaces another.
///
/// Every share is checked against the slot, and in the end every one takes part in a quorum that, together with what the
/// HSMs gave, gives the slot's key. All is wiped on drop.
pub struct Possession {
    store: StoreId,
    slot: Slot,
    hand: Hand,
}

/// The proof that all holders of a slot have shares that open it: what [`Slot::activate`] asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proved {
    slot: SlotId,
    set: [u8; 16],
}

impl Proved {
    /// Whose holders proved it.
    pub fn slot(&self) -> SlotId {
        self.slot
    }

    /// The set of shares that was shown.
    pub fn set_id(&self) -> [u8; 16] {
        self.set
    }
}

impl Possession {
    /// Begins a proof for this slot of this store.
    pub fn new(slot: &Slot, store: StoreId) -> Self {
        Self { store, slot: slot.clone(), hand: Hand::new() }
    }

    /// Takes a share, if it is a good one of this slot and not here yet.
    ///
    /// # Errors
    ///
    /// [`ShareError`] names the share and says what is wrong with it; everything stays as it was.
    pub fn offer(&mut self, share: ShareText) -> Result<Accepted, ShareError> {
        if share.set != self.slot.set_id() {
            return Err(ShareError::UnknownSet { set: short(share.set), known: vec![known_set(&self.slot)] });
        }
        let identity = check(self.store, &self.slot, &share)?;
        if self.hand.holds(identity.group_number, identity.index) {
            return Err(ShareError::Repeated(identity.name()));
        }
        self.hand.take(identity.group_number, share.share);
        let progress = self.progress();
        Ok(Accepted {
            slot: identity.slot,
            label: identity.label,
            group: identity.group,
            index: identity.index,
            progress,
        })
    }

    /// What HSMs are still to give.
    pub fn hsm_parts(&self) -> Vec<HsmPart> {
        let parts = HsmPart::of(self.store, &self.slot).into_iter();
        parts.filter(|part| !part.is_in(self.slot.id(), &self.hand)).collect()
    }

    /// Takes what an HSM gave, checked as it is. What belongs to another slot is left aside.
    pub fn take_hsm(&mut self, secret: HsmSecret) {
        if secret.set == self.slot.set_id() {
            self.hand.take_hsm(secret.number, secret.secret);
        }
    }

    /// How many holders have shown their shares, of all.
    pub fn progress(&self) -> Progress {
        let policy = self.slot.policy();
        let groups = policy
            .leaves()
            .filter_map(|leaf| {
                Some((leaf.name?.to_owned(), self.hand.count(leaf.group), leaf.quorum.shares().into()))
            })
            .collect();
        let (have, need) =
            (policy.leaves().map(|leaf| self.hand.count(leaf.group)).sum(), policy.total_shares());
        let label = self.slot.label().to_owned();
        let hsm_keys = hsm_progress(policy, Some(&self.hand));
        let complete = have == need && hsm_keys.iter().all(|(_, here)| *here);
        Progress { slot: self.slot.id(), label, have, need, groups, hsm_keys, complete }
    }

    /// The shares that are still to come: the group's name, where there are groups, and the index.
    pub fn missing(&self) -> Vec<(Option<String>, u8)> {
        let leaves = self.slot.policy().leaves();
        let seats = leaves.flat_map(|leaf| (1..=leaf.quorum.shares()).map(move |index| (leaf, index)));
        seats
            .filter(|(leaf, index)| !self.hand.holds(leaf.group, *index))
            .map(|(leaf, index)| (leaf.name.map(str::to_owned), index))
            .collect()
    }

    /// Whether every holder's share was seen, and every HSM's part.
    pub fn is_complete(&self) -> bool {
        self.progress().complete
    }

    /// Whether a quorum is here with every HSM's part, and gives the slot's key.
    ///
    /// # Errors
    ///
    /// [`PossessionError::WrongKey`] when a quorum is here and gives another key.
    pub fn quorum_proved(&self) -> Result<bool, PossessionError> {
        let policy = self.slot.policy();
        if !self.hand.opens(policy) {
            return Ok(false);
        }
        let secret = self.hand.secret(policy)?;
        if SlotKeys::of(self.store, &self.slot, &secret)?.fit(&self.slot) {
            Ok(true)
        } else {
            Err(PossessionError::WrongKey)
        }
    }

    /// The proof, once every share was seen: each of them takes part in a quorum that gives the slot's key.
    ///
    /// # Errors
    ///
    /// [`PossessionError::Missing`] names the shares that are still to come, [`PossessionError::MissingHsm`] the keys.
    pub fn finish(&self) -> Result<Proved, PossessionError> {
        let missing = self.missing();
        if !missing.is_empty() {
            let name = |(group, index)| ShareName {
                slot: self.slot.id(),
                label: self.slot.label().to_owned(),
                group,
                index,
            };
            return Err(PossessionError::Missing(missing.into_iter().map(name).collect()));
        }
        let silent: Vec<_> = self.hsm_parts().iter().map(|part| part.key().clone()).collect();
        if !silent.is_empty() {
            return Err(PossessionError::MissingHsm(silent));
        }
        let secret = self.hand.agreed_secret(self.slot.policy())?;
        if !SlotKeys::of(self.store, &self.slot, &secret)?.fit(&self.slot) {
            return Err(PossessionError::WrongKey);
        }
        Ok(Proved { slot: self.slot.id(), set: self.slot.set_id() })
    }
}

/// Why possession is not proved.
#[derive(Debug)]
pub enum PossessionError {
    /// These shares are still to come.
    Missing(Vec<ShareName>),
    /// These keys in HSMs have not given their parts.
    MissingHsm(Vec<HsmKey>),
    /// Good shares do not give the slot's key: the slot was altered, and must not be used.
    WrongKey,
    /// Keys could not be derived. Nothing is known to be wrong with the shares.
    Keys(KeyError),
}

impl fmt::Display for PossessionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(shares) => {
                f.write_str("not every holder has shown a share yet; still missing: ")?;
                for (place, share) in shares.iter().enumerate() {
                    let separator = if place == 0 { "" } else { ", " };
                    write!(f, "{separator}{share}")?;
                }
                Ok(())
            }
            Self::MissingHsm(keys) => {
                f.write_str("not every HSM has opened its part yet; still missing: ")?;
                for (place, key) in keys.iter().enumerate() {
                    let separator = if place == 0 { "" } else { ", " };
                    write!(f, "{separator}{key}")?;
                }
                Ok(())
            }
            Self::WrongKey => f.write_str(
                "what was shown is the slot's, but does not give its key: the slot was altered. Remove it and make another",
            ),
            Self::Keys(error) => write!(f, "possession could not be proved: {error}"),
        }
    }
}

impl std::error::Error for PossessionError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Keys(error) => Some(error),
            _ => None,
        }
    }
}

impl From<RecombineError> for PossessionError {
    fn from(error: RecombineError) -> Self {
        match error {
            RecombineError::Secret(error) => error.into(),
            RecombineError::Inconsistent => Self::WrongKey,
        }
    }
}

impl From<KeyError> for PossessionError {
    fn from(error: KeyError) -> Self {
        Self::Keys(error)
    }
}

impl From<SecretError> for PossessionError {
    fn from(error: SecretError) -> Self {
        Self::Keys(error.into())
    }
}
