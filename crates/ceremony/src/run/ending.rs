//! Stores that come back out of a backup, and stores that end.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use strongroom::{DiskStorage, SealedStore};

use super::journal::sync_directory;
use super::record::Event;
use super::store::Recovering;
use super::{Ceremony, CeremonyError, Outcome, remove_directory};
use crate::plan::{Role, Step};

impl Ceremony<'_> {
    pub(super) fn verify(&mut self) -> Result<(), CeremonyError> {
        if self.recovering.is_none() {
            self.unseal()?;
        }
        let Some(Recovering::Unsealed(unsealing)) = self.recovering.take() else {
            return Err(CeremonyError::Misfit(NOT_VERIFIED));
        };
        let verified = unsealing.verify(|_, _| ControlFlow::Continue(()))?;
        let entries = verified.entries().to_string();
        self.recovering = Some(Recovering::Verified(Box::new(verified)));
        self.event(&Event::Fact { name: "backup-entries", value: &entries })?;
        self.talk.tell(&format!("The backup is whole: {entries} entries, each of them checked."))?;
        Ok(())
    }

    /// Writes the store beside its place, and moves it there when it is whole.
    pub(super) fn restore(&mut self) -> Result<(), CeremonyError> {
        if !matches!(self.recovering, Some(Recovering::Verified(_))) {
            self.recovering = None;
            self.verify()?;
        }
        let Some(Recovering::Verified(verified)) = self.recovering.take() else {
            return Err(CeremonyError::Misfit(NOT_VERIFIED));
        };
        let failed = |error| CeremonyError::io("the store could not be written", error);
        let place = self.store_directory()?.to_owned();
        if place.exists() {
            // An empty directory may stand there; one that is not empty is not removed by this.
            fs::remove_dir(&place).map_err(failed)?;
        }
        let beside = beside(&place, "restoring");
        remove_directory(&beside).map_err(failed)?;
        let storage = DiskStorage::create(&beside)?;
        let restored = verified.restore(Arc::new(storage), |_, _| ControlFlow::Continue(()));
        let report = pollster::block_on(restored)?;
        fs::rename(&beside, &place).and_then(|()| sync_directory(&place)).map_err(failed)?;
        let store = report.store.to_string();
        self.event(&Event::Fact { name: "restored-store", value: &store })?;
        self.talk.tell(&format!("Store {store} is restored: {} entries.", report.entries))?;
        Ok(())
    }

    pub(super) fn settle_recovery(&mut self) -> Result<(), CeremonyError> {
        if self.journal.is_done(Step::Restore) {
            return Ok(());
        }
        // What was unsealed and verified was so in memory.
        self.journal.undo(&[Step::Unseal, Step::Verify])?;
        let place = self.store_directory()?;
        let Ok(storage) = DiskStorage::open(place) else { return Ok(()) };
        if pollster::block_on(SealedStore::open(Arc::new(storage))).is_ok() {
            for step in [Step::Unseal, Step::Verify, Step::Restore] {
                self.journal.done(step)?;
            }
            self.event(&Event::Fact { name: "interrupted", value: "after the restore" })?;
        }
        Ok(())
    }

    pub(super) fn confirm_store(&mut self) -> Result<Outcome, CeremonyError> {
        let administrator = self.one(Role::Administrator)?;
        if beside(self.store_directory()?, DOOMED).exists() {
            return Ok(Outcome::Done);
        }
        // Whoever destroys it shows that it could have been opened.
        self.opened()?;
        let store = self.store()?.id().to_string();
        self.talk.tell("After the next step nobody can read what is in this store, unless a backup and its shares are left.")?;
        for _ in 0..ATTEMPTS {
            let typed =
                self.talk.ask(administrator, "type the number of the store that is to be destroyed")?;
            if typed.trim().to_lowercase() == store {
                self.event(&Event::Fact { name: "store-to-destroy", value: &store })?;
                return Ok(Outcome::Done);
            }
            self.talk.tell("This store has another number.")?;
        }
        self.abort(administrator, "the store's number was not known")
    }

    /// Moves the store away first, so that there is never half of one at its place.
    pub(super) fn destroy(&mut self) -> Result<(), CeremonyError> {
        let failed = |error| CeremonyError::io("the store could not be removed", error);
        self.seal();
        let place = self.store_directory()?.to_owned();
        let doomed = beside(&place, DOOMED);
        if place.exists() && !doomed.exists() {
            fs::rename(&place, &doomed).and_then(|()| sync_directory(&place)).map_err(failed)?;
        }
        remove_directory(&doomed).and_then(|()| sync_directory(&doomed)).map_err(failed)?;
        self.event(&Event::Fact { name: "destroyed", value: "the store's directory" })?;
        self.talk.tell(
            "The store is removed. Still to be destroyed by those who hold them: backups and images of the disk, the shares \
             of every set, and the HSM's keys for this store.",
        )?;
        Ok(())
    }
}

/// A directory of this name with an ending, in the same place.
fn beside(place: &Path, ending: &str) -> PathBuf {
    let mut name = place.file_name().unwrap_or_default().to_owned();
    name.push(".");
    name.push(ending);
    place.with_file_name(name)
}

const NOT_VERIFIED: &str = "the backup is not verified: start the ceremony again";
const DOOMED: &str = "destroyed";
const ATTEMPTS: usize = 3;
