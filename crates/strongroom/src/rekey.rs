//! Rekey: new holders in place of old ones.

use strongroom_keyring::KeyringError;
use strongroom_seal::slot::{SlotId, SlotState};
use strongroom_seal::unseal::Proved;

use crate::error::SlotError;
use crate::slots::{Dealt, SlotOptions, activate, without};
use crate::store::Store;

/// What a rekey did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rekeyed {
    /// The slot whose shares open nothing new any more.
    pub old: SlotId,
    /// The slot that took its place.
    pub new: SlotId,
    /// The term under which everything is sealed from now on.
    pub term: u32,
}

impl Store {
    /// Adds the slot that is to take an old one's place, pending and under the same label.
    ///
    /// Unlike [`Store::add_slot`], which takes no label twice: until [`Store::replace_slot`] the two are told apart by
    /// their states.
    ///
    /// # Errors
    ///
    /// [`SlotError::WrongState`] unless the old slot is active, [`SlotError::LabelTaken`] when a pending slot waits to take
    /// its place already, and as [`Store::add_slot`].
    pub async fn add_replacement(&self, old: SlotId, options: SlotOptions) -> Result<Dealt, SlotError> {
        let slots = self.slots()?;
        let old = slots.find(old).ok_or(SlotError::Unknown)?;
        if old.state() != SlotState::Active {
            return Err(SlotError::WrongState);
        }
        if slots.slots().iter().any(|slot| slot.state() == SlotState::Pending && slot.label() == old.label())
        {
            return Err(SlotError::LabelTaken);
        }
        self.deal(old.label(), options).await
    }

    /// Puts a proved slot in the place of an old one.
    ///
    /// One commit activates the new slot, removes the old one, and brings a new root key, a new term, a new generation of
    /// names and a new purpose key: whoever holds old shares opens nothing that is written from now on. What was written before
    /// stays under the old term until a [rewrap](Store::rewrap) has ended; old images and backups stay readable to those who
    /// hold them together with old shares.
    ///
    /// # Errors
    ///
    /// As [`Store::activate_slot`] and [`Store::remove_slot`]; until the commit the old shares open the store.
    pub async fn replace_slot(&self, old: SlotId, proved: Proved) -> Result<Rekeyed, SlotError> {
        let now = self.now();
        let new = proved.slot();
        if old == new {
            return Err(SlotError::WrongState);
        }
        self.change_slots(move |slots, keyring| {
            slots.find(old).ok_or(SlotError::Unknown)?;
            let activated = activate(slots, &proved, now)?;
            let kept = without(slots, old);
            let slots = activated.into_iter().filter(|slot| kept.iter().any(|other| other.id() == slot.id()));
            keyring.install_term(now)?;
            keyring.install_names()?;
            keyring.renew_purpose()?;
            keyring.remove_psk(*old.as_bytes());
            Ok(slots.collect())
        })
        .await?;
        let term = self
            .barrier()
            .with_keyring(|keyring| keyring.active_term().map(|(info, _)| info.term.get()))?
            .map_err(|error: KeyringError| SlotError::Keyring(error))?;
        Ok(Rekeyed { old, new, term })
    }
}
