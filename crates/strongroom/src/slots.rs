//! Slots while the store runs: add, prove, activate, remove. Each change is one commit and brings a new root key.

use std::io;
use std::sync::Arc;

use strongroom_barrier::{KeyringChange, SLOTS};
use strongroom_crypto::hpke::Suite;
use strongroom_crypto::record::StoreId;
use strongroom_crypto::secret::Secret;
use strongroom_keyring::{Keyring, KeyringKey};
use strongroom_seal::create::{self, CreateError, NewSlot};
use strongroom_seal::hsm::{HsmKeys, NoHsm};
use strongroom_seal::policy::Policy;
use strongroom_seal::slot::{CoolingOff, PENDING_LIFETIME, Slot, SlotId, SlotSet, SlotState};
use strongroom_seal::unseal::{Possession, Proved};
use strongroom_shamir::text::{self, ShareText};
use zeroize::Zeroizing;

use crate::blocking;
use crate::error::SlotError;
use crate::store::Store;

/// What a slot that is added is to be.
#[derive(Clone, Debug)]
pub struct SlotOptions {
    /// Who must come together to open it.
    pub policy: Policy,
    /// The algorithms that wrap the root key for it.
    pub suite: Suite,
    /// How long it stays pending at least, by the barrier's clock. Nothing shortens this: the slot is removed, or it waits.
    pub cooling_off: CoolingOff,
}

impl SlotOptions {
    /// A slot of this policy that wraps with X-Wing and may be activated at once.
    pub fn new(policy: Policy) -> Self {
        Self { policy, suite: Suite::XWing, cooling_off: CoolingOff::NONE }
    }
}

/// A slot that was added, and the shares of its holders. They exist nowhere else.
pub struct Dealt {
    slot: SlotId,
    shares: Vec<ShareText>,
}

impl Dealt {
    /// The slot, pending until its holders have proved possession.
    pub fn slot(&self) -> SlotId {
        self.slot
    }

    /// The shares in text form, one for each holder, in the order of the policy.
    ///
    /// # Errors
    ///
    /// Never with shares that were made here.
    pub fn shares(&self) -> Result<Vec<Zeroizing<String>>, SlotError> {
        self.shares.iter().map(text::encode).collect::<Result<_, _>>().map_err(SlotError::Encode)
    }

    /// The shares themselves, e.g. to be written in Vault's raw form.
    pub fn share_texts(&self) -> &[ShareText] {
        &self.shares
    }
}

impl Store {
    /// Adds a slot. It is pending: it holds no root key and opens nothing until [`Store::activate_slot`].
    ///
    /// # Errors
    ///
    /// [`SlotError::LabelTaken`]; [`SlotError::Create`] when an HSM of the policy does not wrap its part; and when randomness,
    /// secret memory or storage fails.
    pub async fn add_slot(&self, label: &str, options: SlotOptions) -> Result<Dealt, SlotError> {
        if self.slots()?.find_by_label(label).is_some() {
            return Err(SlotError::LabelTaken);
        }
        self.deal(label, options).await
    }

    pub(crate) async fn deal(&self, label: &str, options: SlotOptions) -> Result<Dealt, SlotError> {
        let SlotOptions { policy, suite, cooling_off } = options;
        let new = create_slot(self.id(), label, policy, suite, self.now(), &self.hsm).await;
        let new = new.map_err(SlotError::Blocking)?.map_err(SlotError::Create)?;
        let (id, slot, psk) = (new.slot.id(), new.slot.with_cooling_off(cooling_off), new.psk);
        self.change_slots(move |slots, keyring| {
            keyring.add_psk(*id.as_bytes(), psk);
            let mut slots = slots.slots().to_vec();
            slots.push(slot);
            Ok(slots)
        })
        .await?;
        Ok(Dealt { slot: id, shares: new.shares })
    }

    /// Begins the proof that the holders of a slot have their shares.
    ///
    /// # Errors
    ///
    /// [`SlotError::Unknown`].
    pub fn possession(&self, slot: SlotId) -> Result<Possession, SlotError> {
        let slots = self.slots()?;
        Ok(Possession::new(slots.find(slot).ok_or(SlotError::Unknown)?, self.id()))
    }

    /// Activates a pending slot whose holders have proved possession: from now on it opens the store too.
    ///
    /// # Errors
    ///
    /// [`SlotError::CoolingOff`] before [`Slot::not_before`], [`SlotError::Expired`] when the slot is older than
    /// [`PENDING_LIFETIME`].
    pub async fn activate_slot(&self, proved: Proved) -> Result<(), SlotError> {
        let now = self.now();
        self.change_slots(move |slots, _| activate(slots, &proved, now)).await
    }

    /// Removes a slot.
    ///
    /// An active slot's holders could open what was sealed so far. So its removal brings a new term and new names keys as
    /// well: what is written from now on is out of their reach at once, and the rest after a [rewrap](Store::rewrap).
    ///
    /// # Errors
    ///
    /// [`SlotError::LastActive`], and [`SlotError::Keyring`] while the names of an earlier change are still moving.
    pub async fn remove_slot(&self, slot: SlotId) -> Result<(), SlotError> {
        let now = self.now();
        self.change_slots(move |slots, keyring| {
            let removed = slots.find(slot).ok_or(SlotError::Unknown)?.clone();
            let remaining = without(slots, slot);
            if removed.state() == SlotState::Active {
                if remaining.iter().all(|slot| slot.state() != SlotState::Active) {
                    return Err(SlotError::LastActive);
                }
                keyring.install_term(now)?;
                keyring.install_names()?;
                keyring.renew_purpose()?;
            }
            keyring.remove_psk(*slot.as_bytes());
            Ok(remaining)
        })
        .await
    }

    /// Commits a new list of slots, wrapped around a new root key, together with what `edit` changes in the keyring.
    pub(crate) async fn change_slots(
        &self,
        edit: impl FnOnce(&SlotSet, &mut Keyring) -> Result<Vec<Slot>, SlotError> + Send + 'static,
    ) -> Result<(), SlotError> {
        let _one_at_a_time = self.changing.lock().await;
        let verified = Arc::clone(&self.slots);
        self.barrier()
            .change_keyring(move |keyring, _| {
                let in_use = verified.of(keyring).ok_or(SlotError::OutOfStep)?;
                let mut next = keyring.next()?;
                let slots = edit(&in_use, &mut next)?;
                let root = Secret::random().map_err(SlotError::Secret)?;
                let generation = in_use.generation().checked_add(1).ok_or(SlotError::OutOfStep)?;
                let set = in_use
                    .rewrapped(generation, slots, &root, |slot| next.psk(*slot.as_bytes()))
                    .map_err(SlotError::Wrap)?;
                let encoded = set.encode();
                next.set_slots(generation, SlotSet::digest(&encoded));
                let key = KeyringKey::derive(keyring.store(), &root).map_err(SlotError::Secret)?;
                verified.propose(in_use, set);
                Ok(KeyringChange { keyring: next, key: Some(key), puts: vec![(SLOTS.to_vec(), encoded)] })
            })
            .await?;
        Ok(())
    }

    pub(crate) fn now(&self) -> u64 {
        self.barrier().now()
    }
}

/// Makes a slot; where HSMs take part, on a thread that may wait for them.
pub(crate) async fn create_slot(
    store: StoreId,
    label: &str,
    policy: Policy,
    suite: Suite,
    now: u64,
    hsm: &Arc<dyn HsmKeys>,
) -> io::Result<Result<NewSlot, CreateError>> {
    if policy.hsm_keys().next().is_none() {
        return Ok(create::create(store, label, policy, suite, now, &NoHsm));
    }
    let (label, hsm) = (label.to_owned(), Arc::clone(hsm));
    blocking::run(move || create::create(store, &label, policy, suite, now, hsm.as_ref())).await
}

/// The list in which the proved slot is active. `slots` are those of the open store, so that whoever writes storage has not
/// chosen how long one waits.
pub(crate) fn activate(slots: &SlotSet, proved: &Proved, now: u64) -> Result<Vec<Slot>, SlotError> {
    let pending = slots.find(proved.slot()).ok_or(SlotError::Unknown)?.clone();
    if pending.state() != SlotState::Pending {
        return Err(SlotError::WrongState);
    }
    if now < pending.not_before() {
        return Err(SlotError::CoolingOff { slot: pending.id(), until: pending.not_before() });
    }
    if now.saturating_sub(pending.created()) > PENDING_LIFETIME {
        return Err(SlotError::Expired);
    }
    let active = pending.activate(proved).map_err(SlotError::Activate)?;
    Ok(slots
        .slots()
        .iter()
        .map(|slot| if slot.id() == active.id() { active.clone() } else { slot.clone() })
        .collect())
}

pub(crate) fn without(slots: &SlotSet, slot: SlotId) -> Vec<Slot> {
    slots.slots().iter().filter(|other| other.id() != slot).cloned().collect()
}
