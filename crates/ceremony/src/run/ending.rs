//! Stores that come back out of a backup, and stores that end.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use strongroom::{DiskStorage, SealedStore, Storage};

use super::journal::sync_directory;
use super::record::Event;
use super::store::{Recovering, Settled};
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
            fs::remove_dir(&place).map_err(|_| CeremonyError::Misfit(OCCUPIED))?;
        }
        let beside = beside(&place, RESTORING);
        if self.journal.fact(RESTORING).is_some() {
            remove_directory(&beside).map_err(failed)?;
        } else if beside.exists() {
            return Err(CeremonyError::Taken(beside));
        }
        self.note(|journal| journal.set_fact(RESTORING, "yes"))?;
        let storage = DiskStorage::create(&beside)?;
        let restored = verified.restore(Arc::new(storage), |_, _| ControlFlow::Continue(()));
        let report = pollster::block_on(restored)?;
        let store = report.store.to_string();
        // Only a store of this number is taken for the one that was written here.
        self.note(|journal| journal.set_fact(RESTORED, &store))?;
        fs::rename(&beside, &place).and_then(|()| sync_directory(&place)).map_err(failed)?;
        // What lies there from now on is somebody else's.
        self.note(|journal| journal.clear_fact(RESTORING))?;
        self.event(&Event::Fact { name: "restored-store", value: &store })?;
        self.talk.tell(&format!("Store {store} is restored: {} entries.", report.entries))?;
        Ok(())
    }

    pub(super) fn settle_recovery(&mut self) -> Result<Settled, CeremonyError> {
        if self.journal.is_done(Step::Restore) {
            return Ok(Settled::Here);
        }
        if let (Some(written), Ok(storage)) =
            (self.journal.fact(RESTORED).map(str::to_owned), DiskStorage::open(self.store_directory()?))
        {
            let sealed = pollster::block_on(SealedStore::open(Arc::new(storage)));
            if sealed.is_ok_and(|sealed| sealed.slots().store().to_string() == written) {
                self.found.insert(Step::Restore);
                return Ok(Settled::Here);
            }
        }
        // What was unsealed and verified was so in memory.
        self.note(|journal| journal.undo(&[Step::Unseal, Step::Verify]))?;
        Ok(Settled::Here)
    }

    pub(super) fn confirm_store(&mut self) -> Result<Outcome, CeremonyError> {
        let administrator = self.one(Role::Administrator)?;
        let doomed = beside(self.store_directory()?, DOOMED);
        if doomed.exists() {
            return Err(CeremonyError::Taken(doomed));
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
                self.journal.set_fact(DOOMED, &store);
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
        let moved = self.journal.fact(MOVED).is_some();
        if place.exists() {
            if doomed.exists() {
                return Err(CeremonyError::Taken(doomed));
            }
            self.is_doomed(&place)?;
            self.note(|journal| journal.set_fact(MOVED, "yes"))?;
            if let Err(error) = fs::rename(&place, &doomed) {
                self.note(|journal| journal.clear_fact(MOVED))?;
                return Err(failed(error));
            }
            sync_directory(&place).map_err(failed)?;
        } else if moved && doomed.exists() {
            // Half of it may be gone already; another store is none of this ceremony's.
            if let Err(CeremonyError::Misfit(_)) = self.is_doomed(&doomed) {
                return Err(CeremonyError::Taken(doomed));
            }
        } else if !moved {
            return Err(CeremonyError::Misfit(GONE));
        }
        remove_directory(&doomed).and_then(|()| sync_directory(&doomed)).map_err(failed)?;
        self.event(&Event::Fact { name: "destroyed", value: "the store's directory" })?;
        self.talk.tell(
            "The store is removed. Still to be destroyed by those who hold them: backups and images of the disk, the shares \
             of every set, and the HSM's keys for this store.",
        )?;
        Ok(())
    }

    /// Whether the store at the place is the one whose number was typed.
    fn is_doomed(&self, place: &Path) -> Result<(), CeremonyError> {
        let storage: Arc<dyn Storage> = Arc::new(DiskStorage::open(place)?);
        let sealed = pollster::block_on(SealedStore::open(storage))?;
        if self.journal.fact(DOOMED) == Some(sealed.slots().store().to_string().as_str()) {
            Ok(())
        } else {
            Err(CeremonyError::Misfit(ANOTHER_STORE))
        }
    }
}

/// A directory of this name with an ending, in the same place.
fn beside(place: &Path, ending: &str) -> PathBuf {
    let mut name = place.file_name().unwrap_or_default().to_owned();
    name.push(".");
    name.push(ending);
    place.with_file_name(name)
}

const NOT_VERIFIED: &str = "the backup is not verified: go on with --resume";
const OCCUPIED: &str = "something lies where the store is to be restored: move it away, or give the plan another store directory";
const GONE: &str = "the store is not at its place, and this ceremony did not move it: find out who did";
const ANOTHER_STORE: &str =
    "another store lies at the place than the one whose number was typed: nothing was destroyed";
/// Endings of directories, and facts of the journal.
const RESTORING: &str = "restoring";
const RESTORED: &str = "restored";
const DOOMED: &str = "destroyed";
const MOVED: &str = "moved";
const ATTEMPTS: usize = 3;
