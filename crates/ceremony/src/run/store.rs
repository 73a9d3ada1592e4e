//! The store under a ceremony: opened, changed, checked, exported.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use strongroom::backup::{Backup, BackupUnsealing, VerifiedBackup};
use strongroom::{
    DiskStorage, OpenError, Options, Progress, SealedStore, ShareName, Slot, SlotSet, SlotState, Storage,
    Store, verify_share,
};

use super::dealing::Deal;
use super::journal::replace;
use super::record::Event;
use super::shares::{BRING, too_few};
use super::{Ceremony, CeremonyError, hexadecimal};
use crate::plan::{Kind, Person, Role, Step};
use crate::slot_file;

/// What an interruption left.
#[derive(Clone, Copy)]
pub(super) enum Settled {
    /// Something to go on with.
    Here,
    /// The new shares of this set took effect although this ceremony never came to that.
    Elsewhere([u8; 16]),
    /// The new shares were all handed out, and their slot is gone: somebody removed it, or it was too old.
    Removed,
}

/// A backup on its way to a store.
pub(super) enum Recovering {
    /// Enough shares are here.
    Unsealed(Box<BackupUnsealing<File>>),
    /// Everything in it was checked.
    Verified(Box<VerifiedBackup<File>>),
}

impl<'a> Ceremony<'a> {
    pub(super) fn store_directory(&self) -> Result<&Path, CeremonyError> {
        self.store.as_deref().ok_or(CeremonyError::Misfit("the plan names no store: add it"))
    }

    pub(super) fn store(&self) -> Result<&Store, CeremonyError> {
        self.open.as_ref().ok_or(CeremonyError::Misfit("the store is sealed: go on with --resume"))
    }

    fn storage(&mut self) -> Result<Arc<dyn Storage>, CeremonyError> {
        if let Some(storage) = &self.storage {
            return Ok(Arc::clone(storage));
        }
        let storage: Arc<dyn Storage> = Arc::new(DiskStorage::open(self.store_directory()?)?);
        self.storage = Some(Arc::clone(&storage));
        Ok(storage)
    }

    /// The slots as anybody can read them; those of the open store where it is open.
    pub(super) fn public_slots(&mut self) -> Result<SlotSet, CeremonyError> {
        if let Some(store) = &self.open {
            return Ok(store.slots()?);
        }
        let sealed = pollster::block_on(SealedStore::open(self.storage()?))?;
        Ok(sealed.slots().clone())
    }

    pub(super) fn slot_of_label(&mut self, state: SlotState) -> Result<Option<Slot>, CeremonyError> {
        let slots = self.public_slots()?;
        let label = &self.plan.label;
        Ok(slots.slots().iter().find(|slot| slot.label() == label && slot.state() == state).cloned())
    }

    /// Makes sure that the store is open: after an interruption the holders are asked again.
    pub(super) fn opened(&mut self) -> Result<(), CeremonyError> {
        if self.open.is_some() { Ok(()) } else { self.unseal() }
    }

    pub(super) fn unseal(&mut self) -> Result<(), CeremonyError> {
        if self.plan.kind == Kind::Recovery {
            return self.unseal_backup();
        }
        // After the commit those who got new shares bring them.
        let role = if self.journal.is_done(Step::Commit) { Role::Custodian } else { Role::Holder };
        self.open_with(role)
    }

    fn open_with(&mut self, role: Role) -> Result<(), CeremonyError> {
        if self.open.is_some() {
            return Ok(());
        }
        let sealed = pollster::block_on(SealedStore::open(self.storage()?))?;
        // The store itself refuses an early commit, by its own clock.
        let options = Options { clock: self.setting.clock, ..Options::default() };
        let mut unsealing = sealed.unsealing_with(options).with_hsm(self.hsm());
        let refused = pollster::block_on(unsealing.ask_hsms());
        let refused = refused.map_err(|error| CeremonyError::io("the HSMs were not asked", error))?;
        self.hsms_opened(&unsealing.progress())?;
        if !self.gather(self.plan.with_role(role).collect(), BRING, &mut unsealing)? {
            return Err(match refused.first() {
                Some(error) => CeremonyError::Hsm(error.to_string()),
                None => too_few(&unsealing),
            });
        }
        let store = pollster::block_on(unsealing.unseal())?;
        self.talk.tell(&format!("Store {} is open.", store.id()))?;
        self.open = Some(store);
        Ok(())
    }

    /// Writes down which keys in HSMs gave their part, each once.
    fn hsms_opened(&mut self, slots: &[Progress]) -> Result<(), CeremonyError> {
        let opened = slots.iter().flat_map(|slot| &slot.hsm_keys).filter(|(_, is_here)| *is_here);
        let keys: BTreeSet<_> = opened.map(|(key, _)| key.to_string()).collect();
        keys.iter().try_for_each(|key| self.event(&Event::Fact { name: "hsm-opened", value: key }))
    }

    fn unseal_backup(&mut self) -> Result<(), CeremonyError> {
        let path = self.backup_path()?;
        let failed = |error| CeremonyError::io("the backup could not be opened", error);
        let mut file = File::open(&path).map_err(failed)?;
        let hash = hexadecimal(&crate::run::software::sha256_of(&mut file).map_err(failed)?);
        let backup = Backup::open(file)?;
        let store = backup.store().to_string();
        self.event(&Event::Fact { name: "backup", value: &hash })?;
        self.event(&Event::Fact { name: "backup-of-store", value: &store })?;
        self.talk.tell(&format!("The backup is of store {store}; its hash is {hash}."))?;
        let mut unsealing = backup.unsealing();
        let asked = pollster::block_on(unsealing.ask_hsms(self.hsm()));
        asked.map_err(|error| CeremonyError::io("the HSMs were not asked", error))?;
        self.hsms_opened(&unsealing.progress())?;
        if !self.gather(self.plan.with_role(Role::Holder).collect(), BRING, &mut unsealing)? {
            return Err(too_few(&unsealing));
        }
        self.recovering = Some(Recovering::Unsealed(Box::new(unsealing)));
        Ok(())
    }

    pub(super) fn commit(&mut self) -> Result<(), CeremonyError> {
        let (store, set) = match self.plan.kind {
            Kind::Create => {
                let Some(Deal::New(prepared)) = self.deal.take() else {
                    return Err(CeremonyError::Misfit(NOT_DEALT));
                };
                let store = pollster::block_on(prepared.commit())?;
                let id = self.new_slot_id();
                let set =
                    id.and_then(|id| store.slots().ok()?.find(id).map(Slot::set_id)).unwrap_or_default();
                let number = store.id();
                self.open = Some(store);
                (number, set)
            }
            _ => self.replace_slot()?,
        };
        self.event(&Event::Committed { store: &store.to_string(), set })?;
        self.talk.tell(&format!(
            "Done: from now on the shares of set {} open store {store}.",
            hexadecimal(&set)
        ))?;
        Ok(())
    }

    fn replace_slot(&mut self) -> Result<(strongroom::StoreId, [u8; 16]), CeremonyError> {
        self.opened()?;
        let new = self.new_slot()?;
        // The slot now comes from the open store, so that nobody can shorten the time by writing storage.
        if self.now() < self.takes_effect(&new) {
            return Err(CeremonyError::Misfit(
                "the cooling-off time is not over: go on with --resume after it",
            ));
        }
        if self.proved.is_none() {
            self.prove()?;
        }
        let proved = self.proved.take().ok_or(CeremonyError::Misfit(NOT_DEALT))?;
        let old = self.slot_of_label(SlotState::Active)?.ok_or(CeremonyError::Misfit(NOT_DEALT))?;
        let store = self.store()?;
        pollster::block_on(store.replace_slot(old.id(), proved))?;
        Ok((store.id(), new.set_id()))
    }

    pub(super) fn rewrap(&mut self) -> Result<(), CeremonyError> {
        self.opened()?;
        let store = self.store()?;
        let rewrapped = pollster::block_on(store.rewrap(|_| ControlFlow::Continue(())));
        let outcome = rewrapped.map_err(|_| CeremonyError::Misfit(NOT_REWRAPPED))?;
        let terms = outcome.destroyed.len().to_string();
        self.event(&Event::Fact { name: "terms-destroyed", value: &terms })?;
        self.talk
            .tell(&format!("Everything is sealed under the new keys; {terms} old terms were destroyed."))?;
        Ok(())
    }

    pub(super) fn rotate(&mut self) -> Result<(), CeremonyError> {
        self.opened()?;
        let slot = self.slot_of_label(SlotState::Active)?.ok_or(CeremonyError::Misfit(NOT_DEALT))?;
        if slot.policy().hsm_keys().next().is_none() {
            return Err(CeremonyError::Misfit("the slot has no key in an HSM: correct the label"));
        }
        for key in slot.policy().hsm_keys() {
            if self.setting.hsm.make(key)? {
                self.event(&Event::Fact { name: "hsm-key-made", value: &key.to_string() })?;
                self.talk.tell(&format!("A new key was made for {key}."))?;
            }
        }
        let store = self.store()?;
        pollster::block_on(store.rewrap_hsm(slot.id()))?;
        let refused = pollster::block_on(store.verify_hsm(slot.id()))?;
        if let Some(error) = refused.first() {
            return Err(CeremonyError::Hsm(error.to_string()));
        }
        let keys: Vec<_> = slot.policy().hsm_keys().map(ToString::to_string).collect();
        self.event(&Event::Fact { name: "hsm-parts-wrapped", value: &keys.join(", ") })?;
        self.hsm_evidence(slot.policy())?;
        self.talk.tell("The HSMs' parts are wrapped with their present keys, and open.")?;
        Ok(())
    }

    pub(super) fn check(&mut self) -> Result<(), CeremonyError> {
        self.opened()?;
        let checked = pollster::block_on(self.store()?.check(|_, _| ControlFlow::Continue(())))?;
        if !checked.is_clean() {
            return Err(CeremonyError::CheckFailed);
        }
        self.event(&Event::Fact { name: "store-check", value: "clean" })?;
        self.talk.tell("Everything in the store was read and is as it should be.")?;
        Ok(())
    }

    pub(super) fn export(&mut self) -> Result<(), CeremonyError> {
        let slots = self.public_slots()?;
        let text = slot_file::encode(&slots);
        let path = self.output.join("slots.txt");
        replace(&path, text.as_bytes())
            .map_err(|error| CeremonyError::io("the slot file could not be written", error))?;
        let hash = hexadecimal(&Sha256::digest(text.as_bytes()));
        self.event(&Event::Fact { name: "slot-file", value: &hash })?;
        self.talk.tell(&format!(
            "The public slot file is {}. Give each holder a copy; the file's SHA-256 is {hash}.",
            path.display()
        ))?;
        Ok(())
    }

    pub(super) fn check_shares(&mut self) -> Result<(), CeremonyError> {
        let path = match &self.plan.slot_file {
            _ if self.setting.rehearsal => self.output.join("slots.txt"),
            Some(path) => path.clone(),
            None => return Err(CeremonyError::Misfit("the plan names no slot file: add it")),
        };
        let text = fs::read_to_string(path);
        let text = text.map_err(|error| CeremonyError::io("the slot file could not be read", error))?;
        let slots = slot_file::decode(&text)?;
        let hash = hexadecimal(&Sha256::digest(text.as_bytes()));
        self.event(&Event::Fact { name: "slot-file", value: &hash })?;
        self.talk.tell(&format!(
            "The shares are held against a slot file whose hash is {hash}: compare it with the last ceremony's."
        ))?;
        let plan = self.plan;
        let (mut shown, mut missing) = (Vec::new(), Vec::new());
        for person in plan.with_role(Role::Holder) {
            if !self.check_share(person, &slots, &mut shown)? {
                self.event(&Event::NotShown { by: person })?;
                missing.push(person.name.as_str());
            }
        }
        if !missing.is_empty() {
            self.talk.tell(&format!(
                "Not shown: the share of {}. This stands in the record; plan a rekey if it stays so.",
                missing.join(", ")
            ))?;
        }
        Ok(())
    }

    /// Whether the share was shown. Each counts for one person alone.
    fn check_share(
        &mut self,
        person: &'a Person,
        slots: &SlotSet,
        shown: &mut Vec<(ShareName, &'a Person)>,
    ) -> Result<bool, CeremonyError> {
        loop {
            let Some(share) = self.typed_share(person, BRING)? else {
                let sure = "you show no share, and that is written down: is it so?";
                if self.talk.confirm(person, sure)? {
                    return Ok(false);
                }
                continue;
            };
            let identity = match verify_share(slots, &share) {
                Ok(identity) => identity,
                Err(error) => {
                    self.refuse(person, &error.to_string())?;
                    continue;
                }
            };
            let name = identity.name();
            if let Some((_, first)) = shown.iter().find(|(other, _)| *other == name) {
                self.refuse(person, &format!("{} showed this share already: enter your own", first.name))?;
                continue;
            }
            let group = identity.group.as_deref();
            self.event(&Event::ShareAccepted { set: share.set, group, index: identity.index, by: person })?;
            self.talk.tell(&format!("Good: {name}."))?;
            shown.push((name, person));
            return Ok(true);
        }
    }

    /// Brings the journal into step with what lies in storage, after an interruption.
    pub(super) fn settle(&mut self) -> Result<Settled, CeremonyError> {
        match self.plan.kind {
            Kind::Create | Kind::Rekey | Kind::SealChange => self.settle_dealing(),
            Kind::Recovery => self.settle_recovery(),
            _ => Ok(Settled::Here),
        }
    }

    fn settle_dealing(&mut self) -> Result<Settled, CeremonyError> {
        let Some(id) = self.new_slot_id().filter(|_| !self.journal.is_done(Step::Commit)) else {
            return Ok(Settled::Here);
        };
        let creating = self.plan.kind == Kind::Create;
        let slots = match self.public_slots() {
            Err(CeremonyError::Open(OpenError::NoStore) | CeremonyError::Storage(_)) if creating => None,
            slots => Some(slots?),
        };
        let slot = slots.as_ref().and_then(|slots| Some((slots.store(), slots.find(id)?)));
        match slot.map(|(_, slot)| slot.state()) {
            Some(SlotState::Active) => {
                // This ceremony commits once every step before that was signed off.
                let mut before = self.plan.steps.iter().take_while(|step| **step != Step::Commit);
                if !before.all(|step| self.journal.is_done(*step)) {
                    self.storage = None;
                    return Ok(slot.map_or(Settled::Here, |(_, slot)| Settled::Elsewhere(slot.set_id())));
                }
                self.found.insert(Step::Commit);
            }
            Some(SlotState::Pending) if self.journal.is_done(Step::HandOut) => {
                self.note(|journal| journal.undo(&[Step::Prove]))?;
            }
            None if self.journal.is_done(Step::HandOut) && !creating => return Ok(Settled::Removed),
            _ => self.void()?,
        }
        // It is opened again where it is needed, so that nothing is kept longer.
        self.storage = None;
        Ok(Settled::Here)
    }

    /// Opens the store that a change is found in: what storage says alone is no proof.
    pub(super) fn show_open(&mut self, step: Step) -> Result<(), CeremonyError> {
        self.open_with(if step == Step::Commit { Role::Custodian } else { Role::Holder })?;
        if let (Step::Commit, Some(id)) = (step, self.new_slot_id()) {
            let slot = self.store()?.slots()?.find(id).cloned();
            let slot = slot.filter(|slot| slot.state() == SlotState::Active);
            let set = slot.ok_or(CeremonyError::Misfit(NOT_DEALT))?.set_id();
            let store = self.store()?.id().to_string();
            self.event(&Event::Committed { store: &store, set })?;
        }
        if step == Step::Restore {
            let store = self.store()?.id().to_string();
            self.event(&Event::Fact { name: "restored-store", value: &store })?;
        }
        Ok(())
    }

    pub(super) fn backup_path(&self) -> Result<std::path::PathBuf, CeremonyError> {
        if self.setting.rehearsal {
            return Ok(self.output.join("backup"));
        }
        self.plan.backup.clone().ok_or(CeremonyError::Misfit("the plan names no backup: add it"))
    }
}

const NOT_DEALT: &str = "the new shares are not there: go on with --resume, which deals new ones";
const NOT_REWRAPPED: &str = "not everything could be sealed under the new keys: go on with --resume";
