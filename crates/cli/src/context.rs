//! What all commands work with: the options, the output, and the store once it is open.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use pollster::block_on;
use strongroom::protection::{harden, prepare, swap_in_use};
use strongroom::{
    DiskStorage, HsmKeys, Locking, Options, Protection, SealedStore, Slot, SlotSet, SlotState, Storage, Store,
};

use crate::arguments::Global;
#[cfg(feature = "hsm")]
use crate::config;
use crate::exit::{Failure, Kind};
use crate::output::Output;
use crate::shares;

/// Without PKCS #11 there are no HSMs, and whatever needs one says so.
#[cfg(feature = "hsm")]
pub(crate) use strongroom::Hsms;
#[cfg(not(feature = "hsm"))]
pub(crate) use strongroom::NoHsm as Hsms;

/// The state of this process.
pub(crate) struct Context {
    pub(crate) global: Global,
    pub(crate) output: Output,
    /// The open store: from the first command that needs it until [`Context::close`].
    pub(crate) session: Option<Arc<Store>>,
    /// How this program's ceremonies are called at a prompt.
    pub(crate) ceremonies: &'static str,
    /// Whether commands come line by line, so that stdin is not theirs.
    pub(crate) in_shell: bool,
    /// The storage, once a command has opened it: it can be opened once only.
    storage: Option<Arc<dyn Storage>>,
    hsms: Option<Arc<Hsms>>,
    protected: bool,
}

impl Context {
    pub(crate) fn new(global: Global, output: Output, ceremonies: &'static str) -> Self {
        let (session, storage, hsms) = (None, None, None);
        Self { global, output, session, ceremonies, in_shell: false, storage, hsms, protected: false }
    }

    /// The directory of the store.
    pub(crate) fn directory(&self) -> &Path {
        &self.global.store
    }

    /// How the barrier is to behave.
    pub(crate) fn barrier_options(&self) -> Options {
        Options { padding: self.global.padding, ..Options::default() }
    }

    /// Makes the process fit for secrets. Called before the first of them; does nothing a second time.
    pub(crate) fn protect(&mut self) -> Result<(), Failure> {
        self.protect_with(false)
    }

    /// The same, where a ceremony's plan may allow core dumps, which its transcript then tells of.
    pub(crate) fn protect_with(&mut self, core_dumps_allowed: bool) -> Result<(), Failure> {
        if self.protected {
            return Ok(());
        }
        match harden() {
            Err(_) if core_dumps_allowed => {}
            hardened => hardened.map_err(|error| {
                let message = format!(
                    "this process could leave a core dump with secrets in it: it could not be made undumpable ({error})"
                );
                Failure::new(Kind::Unprotected, message)
            })?,
        }
        let locking =
            if self.global.common.allow_unlocked { Locking::AllowUnlocked } else { Locking::Required };
        let protection = prepare(locking)?;
        if protection == Protection::Unlocked {
            self.output.warning(
                "keys lie in memory that is not locked (--allow-unlocked): they may reach the machine's swap",
            );
        }
        if swap_in_use() == Some(true) {
            self.output.warning(
                "this machine swaps: keys are locked in memory, but values may reach the disk while a command works with \
                 them (`swapoff -a`, or encrypt the swap)",
            );
        }
        self.protected = true;
        Ok(())
    }

    /// The HSMs that the configuration names. None is opened before it is needed.
    pub(crate) fn hsm(&mut self) -> Result<Arc<dyn HsmKeys>, Failure> {
        let hsms: Arc<dyn HsmKeys> = self.hsms()?;
        Ok(hsms)
    }

    /// The same, for commands about tokens.
    pub(crate) fn hsms(&mut self) -> Result<Arc<Hsms>, Failure> {
        if let Some(hsms) = &self.hsms {
            return Ok(Arc::clone(hsms));
        }
        let hsms = Arc::new(self.configured()?);
        #[cfg(feature = "hsm")]
        hsms.mix_randomness();
        self.hsms = Some(Arc::clone(&hsms));
        Ok(hsms)
    }

    #[cfg(feature = "hsm")]
    fn configured(&self) -> Result<Hsms, Failure> {
        config::hsms(self.global.common.config.as_deref(), self.output)
    }

    #[cfg(not(feature = "hsm"))]
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "as with HSMs")]
    fn configured(&self) -> Result<Hsms, Failure> {
        Ok(Hsms)
    }

    /// For how long an open store may do without its HSMs.
    #[cfg(feature = "hsm")]
    pub(crate) fn seal_after_outage(&mut self) -> Result<Option<Duration>, Failure> {
        Ok(self.hsms()?.seal_after_outage())
    }

    /// There is no limit, since there are none.
    #[cfg(not(feature = "hsm"))]
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "as with HSMs")]
    pub(crate) fn seal_after_outage(&mut self) -> Result<Option<Duration>, Failure> {
        Ok(None)
    }

    /// The store as anybody sees it.
    pub(crate) fn sealed(&mut self) -> Result<SealedStore, Failure> {
        let storage = match &self.session {
            Some(store) => Arc::clone(store.barrier().storage()),
            None => self.storage()?,
        };
        Ok(block_on(SealedStore::open(storage))?)
    }

    /// The open store; unseals it when it is not.
    pub(crate) fn store(&mut self) -> Result<&Store, Failure> {
        if self.session.is_none() {
            self.protect()?;
            let hsm = self.hsm()?;
            let sealed = block_on(SealedStore::open(self.storage()?))?;
            let mut unsealing = sealed.unsealing_with(self.barrier_options()).with_hsm(Arc::clone(&hsm));
            shares::collect(self.output, &self.global.common.share_files, &hsm, &mut unsealing, "the store")?;
            self.session = Some(Arc::new(block_on(unsealing.unseal())?));
        }
        self.session.as_deref().ok_or_else(|| Failure::new(Kind::Sealed, "the store is sealed"))
    }

    /// Leaves the storage to the open store alone, so that it is closed together with it.
    pub(crate) fn release_storage(&mut self) {
        self.storage = None;
    }

    /// Wipes the keys and closes the store.
    pub(crate) fn close(&mut self) {
        if let Some(store) = self.session.take() {
            block_on(store.seal());
        }
        self.storage = None;
    }

    fn storage(&mut self) -> Result<Arc<dyn Storage>, Failure> {
        if let Some(storage) = &self.storage {
            return Ok(Arc::clone(storage));
        }
        let storage = DiskStorage::open(self.directory()).map_err(|error| {
            let failure = Failure::from(error);
            match failure.kind {
                Kind::NotFound => Failure::new(
                    Kind::NotFound,
                    format!(
                        "{}. Give its directory with --store DIR or STRONGROOM_STORE, or make one with `strongroom init`",
                        failure.message
                    ),
                ),
                _ => failure,
            }
        })?;
        let storage: Arc<dyn Storage> = Arc::new(storage);
        self.storage = Some(Arc::clone(&storage));
        Ok(storage)
    }
}

/// The slot that a person means by a label, a whole id or the beginning of one.
///
/// Where an active slot and a pending one share a label, `prefer` decides; without it the person must say the id.
pub(crate) fn find_slot<'a>(
    slots: &'a SlotSet,
    text: &str,
    prefer: Option<SlotState>,
) -> Result<&'a Slot, Failure> {
    let by_label: Vec<&Slot> = slots.slots().iter().filter(|slot| slot.label() == text).collect();
    let candidates = if by_label.is_empty() && text.len() >= SHORTEST_ID {
        let id = text.to_ascii_lowercase();
        slots.slots().iter().filter(|slot| slot.id().to_string().starts_with(&id)).collect()
    } else {
        by_label
    };
    let preferred: Vec<&Slot> =
        candidates.iter().copied().filter(|slot| prefer == Some(slot.state())).collect();
    match (preferred.as_slice(), candidates.as_slice()) {
        ([one], _) | (_, [one]) => Ok(one),
        (_, []) => Err(Failure::new(
            Kind::NotFound,
            "there is no slot of that label or id: `strongroom slot list` shows those that there are",
        )),
        _ => Err(Failure::usage(
            "that means more than one slot: give the id that `strongroom slot list` shows",
        )),
    }
}

/// The only slot of a state, for commands that were not told which.
pub(crate) fn only_slot(slots: &SlotSet, state: SlotState) -> Result<&Slot, Failure> {
    let of_state: Vec<&Slot> = slots.slots().iter().filter(|slot| slot.state() == state).collect();
    match of_state.as_slice() {
        [one] => Ok(one),
        [] => Err(Failure::new(Kind::NotFound, format!("there is no {state} slot"))),
        _ => Err(Failure::usage(format!("there are several {state} slots: say which with --slot"))),
    }
}

/// So many digits of an id at least.
const SHORTEST_ID: usize = 6;
