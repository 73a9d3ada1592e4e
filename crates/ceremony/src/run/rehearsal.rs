//! A rehearsal: everything as in the real ceremony, against a store to throw away.
//!
//! Of the real store only what anybody can read is used: who can open it. Real shares are never asked for. A rehearsal that
//! is started again begins anew.

use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;

use strongroom::backup::Backup;
use strongroom::{
    DiskStorage, InitOptions, Plaintext, Policy, Preparation, SealedStore, SlotSet, SlotState, share_text,
};

use super::{Ceremony, CeremonyError, remove_directory};
use crate::plan::{Kind, Role};
use crate::slot_file;

impl Ceremony<'_> {
    /// Makes the store that the rehearsal is about, and gives the holders shares of it.
    pub(super) fn stage(&mut self) -> Result<(), CeremonyError> {
        self.talk.tell("This is a rehearsal: every key and every share in it is worth nothing.")?;
        if self.plan.kind == Kind::Create {
            return Ok(());
        }
        let policy = self.present_policy()?;
        let mut options = InitOptions::new(&self.plan.label, policy);
        options.hsm = self.hsm();
        let directory = self.output.join("store");
        let storage = Arc::new(DiskStorage::create(&directory)?);
        let prepared = pollster::block_on(Preparation::new(storage, options))?;
        let plan = self.plan;
        for (person, share) in plan.with_role(Role::Holder).zip(prepared.share_texts()) {
            let text = share_text::encode_grouped(share)?;
            self.talk.show_share(person, "REHEARSAL: your share in this rehearsal", &text)?;
        }
        let store = pollster::block_on(prepared.commit())?;
        let value = Plaintext::new(b"worth nothing".to_vec());
        let path = "rehearsal".parse().map_err(|_| CeremonyError::Misfit(NOT_STAGED))?;
        pollster::block_on(store.barrier().put(path, value))
            .map_err(|_| CeremonyError::Misfit(NOT_STAGED))?;
        let failed = |error| CeremonyError::io("the rehearsal's files could not be written", error);
        match self.plan.kind {
            Kind::ShareCheck => {
                fs::write(self.output.join("slots.txt"), slot_file::encode(&store.slots()?))
                    .map_err(failed)?;
            }
            Kind::Recovery => {
                let mut backup = File::create(self.output.join("backup")).map_err(failed)?;
                let written =
                    pollster::block_on(store.backup(&mut backup, |_, _| std::ops::ControlFlow::Continue(())));
                written.map_err(|_| CeremonyError::Misfit(NOT_STAGED))?;
            }
            _ => {}
        }
        pollster::block_on(store.seal());
        drop(store);
        if self.plan.kind == Kind::Recovery {
            remove_directory(&directory).map_err(failed)?;
        }
        Ok(())
    }

    /// Who can open the real store.
    fn present_policy(&self) -> Result<Policy, CeremonyError> {
        let plan = self.plan;
        let slots = match (&plan.slot_file, &plan.backup, &plan.store) {
            (Some(path), _, _) => {
                let text = fs::read_to_string(path);
                let text =
                    text.map_err(|error| CeremonyError::io("the slot file could not be read", error))?;
                slot_file::decode(&text)?
            }
            (None, Some(path), _) => {
                let file = File::open(path);
                let file =
                    file.map_err(|error| CeremonyError::io("the backup could not be opened", error))?;
                Backup::open(file)?.slots().clone()
            }
            (None, None, Some(path)) => sealed_slots(path)?,
            (None, None, None) => return Err(CeremonyError::Misfit(NOT_STAGED)),
        };
        let active = || slots.slots().iter().filter(|slot| slot.state() == SlotState::Active);
        let slot = active().find(|slot| slot.label() == plan.label).or_else(|| active().next());
        slot.map(|slot| slot.policy().clone()).ok_or(CeremonyError::Misfit(NOT_STAGED))
    }
}

fn sealed_slots(store: &Path) -> Result<SlotSet, CeremonyError> {
    let storage = Arc::new(DiskStorage::open(store)?);
    Ok(pollster::block_on(SealedStore::open(storage))?.slots().clone())
}

const NOT_STAGED: &str =
    "the store for the rehearsal could not be made: give the plan a store that has an active slot";
