//! The keys of one mount, and what people do with them as a whole.

mod delete;
mod export;
mod import;
mod keeper;
mod restore;
mod update;
mod versions;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use strongroom_barrier::{Barrier, Directory, Path, SealedTogether};

use crate::algorithm::{GenerateOptions, Material, PublicKey};
use crate::cell::{Cell, Content, Live};
use crate::counter::Reservation;
use crate::error::ManageError;
use crate::held::HeldKeys;
use crate::import::WrappingKey;
use crate::key::Key;
use crate::ledger::{Ledger, LedgerError, VersionId};
use crate::name::KeyName;
use crate::policy::{Amount, ConfigChange, KeyKind, KeySpec, Policy};
use crate::record::KeyRecord;
use crate::state::VersionState;
use crate::version::{HeldReference, Version, VersionInfo, VersionKey};
use keeper::Keeper;

pub use export::Exported;
pub use import::Incoming;

/// How the keys of a mount are kept.
#[derive(Clone)]
pub struct Options {
    /// How long, in seconds, a deleted key must wait before it is destroyed, and a version that is out of use likewise.
    /// [`trim`](Transit::trim) does not wait.
    pub minimum_delay: u64,
    /// Finds the keys that are held elsewhere; without it there are none.
    pub held: Option<Arc<dyn HeldKeys>>,
}

impl Default for Options {
    /// A day, and no keys held elsewhere.
    fn default() -> Self {
        Self { minimum_delay: 24 * 60 * 60, held: None }
    }
}

/// Named, versioned keys behind a barrier.
///
/// A handle is cheap to clone. Changes are committed before they return, on condition that nobody else has changed the same key
/// meanwhile; so several of these, over one barrier, do not overwrite each other. A key in use takes over what another of them has
/// changed within a second, and before it reserves another block of its limits: until then it goes on as it was. Whoever cannot
/// wait [reloads](Transit::reload) it.
#[derive(Clone)]
pub struct Transit {
    pub(crate) inner: Arc<Inner>,
    /// Whoever drops the last of it waits for the thread. The thread itself has a handle without.
    keeper: Option<Arc<Keeper>>,
}

pub(crate) struct Inner {
    pub(crate) barrier: Barrier,
    keys: Directory,
    mount: Directory,
    pub(crate) ledger: Ledger,
    pub(crate) options: Options,
    cells: Mutex<HashMap<KeyName, Arc<Cell>>>,
    sealed: AtomicBool,
    wrapping_key: Mutex<Option<Arc<WrappingKey>>>,
}

impl Transit {
    /// The keys under this directory of the barrier.
    ///
    /// Whoever reads or deletes values below it reads and deletes keys, whatever a key's policy says: let no caller reach it. The command
    /// line keeps its own under [`MOUNT`] and lets nobody read or write below `sys/`.
    ///
    /// One thread looks after the keys: it reserves blocks ahead of time, takes over what others have changed, rotates by age those that
    /// are in use, and destroys what is due: see [`destroy_due`](Self::destroy_due). They are wiped as the barrier is sealed, and by [`seal`](Self::seal).
    ///
    /// The thread ends when the last handle on any of this, a [`Key`] included, is dropped. That drop waits for what it is doing, one
    /// commit at most, so that the store is free for whoever opens it next.
    ///
    /// # Errors
    ///
    /// When the path is too long, or the thread cannot be started.
    pub fn open(barrier: Barrier, mount: Directory, options: Options) -> Result<Self, ManageError> {
        let inner = Arc::new(Inner {
            keys: mount.child("keys")?,
            ledger: Ledger::new(barrier.clone(), &mount)?,
            mount,
            barrier,
            options,
            cells: Mutex::default(),
            sealed: AtomicBool::new(false),
            wrapping_key: Mutex::new(None),
        });
        let keeper =
            Keeper::start(Arc::downgrade(&inner), inner.barrier.now()).map_err(ManageError::Thread)?;
        let keys: Weak<dyn SealedTogether> = Arc::<Inner>::downgrade(&inner);
        inner.barrier.seal_together(keys);
        Ok(Self { inner, keeper: Some(Arc::new(keeper)) })
    }

    /// Makes a key with one version, which is active.
    ///
    /// # Errors
    ///
    /// [`ManageError::Exists`], [`ManageError::Policy`], or as storage says.
    pub async fn create(&self, name: &KeyName, spec: &KeySpec) -> Result<Key, ManageError> {
        spec.check()?;
        let key = VersionKey::local(generate(spec)?);
        self.insert(name, Policy::new(spec, self.now()), key).await
    }

    /// Makes a key whose first version is held elsewhere, under this reference.
    ///
    /// # Errors
    ///
    /// [`ManageError::External`] where there is no such key there; as [`create`](Self::create); or
    /// [`ManageError::Unsupported`] for a kind that is not held elsewhere.
    pub async fn create_held(
        &self,
        name: &KeyName,
        kind: KeyKind,
        reference: HeldReference,
    ) -> Result<Key, ManageError> {
        self.inner.find_held(kind, &reference)?;
        self.insert(name, Policy::plain(kind, self.now()), VersionKey::held(reference)).await
    }

    async fn insert(&self, name: &KeyName, policy: Policy, key: VersionKey) -> Result<Key, ManageError> {
        let first = policy.min_available_version;
        let version = Version::new(first, VersionState::Active, key, self.now())?;
        let record = KeyRecord { policy, versions: vec![version] };
        let revision = self.inner.insert(name, &record).await?;
        Ok(self.handle(name, Live::new(record, revision)))
    }

    /// A handle on a key, which stays good across rotations and changes of policy. A key that is due for rotation is rotated
    /// first.
    ///
    /// # Errors
    ///
    /// [`ManageError::NotFound`], also of a key whose time of destruction has come; or as storage says.
    pub async fn key(&self, name: &KeyName) -> Result<Key, ManageError> {
        if let Some(cell) = self.inner.cell(name) {
            return Ok(Key::new(self.clone(), cell));
        }
        let live = self.inner.read(name).await?;
        if live.is_over(self.now()) && self.destroy_if_due(name).await? {
            return Err(ManageError::NotFound);
        }
        let due = live.is_due(self.now());
        let key = self.handle(name, live);
        if due {
            self.rotate_if_due(name).await?;
        }
        Ok(key)
    }

    fn handle(&self, name: &KeyName, live: Live) -> Key {
        Key::new(self.clone(), self.inner.install(name, live))
    }

    /// Up to `limit` names in ascending order, after `after`, and whether more follow.
    ///
    /// # Errors
    ///
    /// As storage says.
    pub async fn list(&self, after: Option<&str>, limit: usize) -> Result<(Vec<KeyName>, bool), ManageError> {
        self.inner.check_open()?;
        let page = self.inner.barrier.list(&self.inner.keys, after, limit).await?;
        let names = page.names.iter().filter_map(|name| name.as_str().parse().ok()).collect();
        Ok((names, page.more))
    }

    /// Changes the policy, as [`ConfigChange`] says.
    ///
    /// # Errors
    ///
    /// [`ManageError::Policy`], [`ManageError::NotFound`], [`ManageError::Deleted`], or as storage says.
    pub async fn configure(&self, name: &KeyName, change: &ConfigChange) -> Result<(), ManageError> {
        self.update(name, |record| {
            let mut next = not_deleted(record)?.successor();
            next.policy = record.policy.changed(change, record.latest())?;
            if next.policy.exportable && next.policy.kind.local().is_none() {
                return Err(ManageError::Unsupported(next.policy.kind));
            }
            Ok((next, ()))
        })
        .await
    }

    /// What may be told of a key: its policy and its versions, also of a deleted one.
    ///
    /// # Errors
    ///
    /// [`ManageError::NotFound`], or as storage says.
    pub async fn info(&self, name: &KeyName) -> Result<(Policy, Vec<VersionInfo>), ManageError> {
        let live = self.inner.read(name).await?;
        let mut versions = Vec::new();
        for version in &live.record.versions {
            let key = version.key.as_ref();
            let public = key.and_then(|key| key.material()).and_then(Material::public_key);
            versions.push(VersionInfo {
                version: version.number,
                state: version.state,
                created: version.created,
                changed: version.changed,
                // The parent of derived keys signs nothing itself: Vault shows no public key of it either.
                public_key: public.filter(|_| !live.policy().derived).map(PublicKey::display),
                held: key.and_then(|key| key.held_by().cloned()),
                reserved: self.inner.ledger.reserved(version.id).await?,
            });
        }
        Ok((*live.policy(), versions))
    }

    /// Reads the key again, e.g. at once after another manager has changed it.
    ///
    /// # Errors
    ///
    /// As [`key`](Self::key).
    pub async fn reload(&self, name: &KeyName) -> Result<(), ManageError> {
        let known = self.inner.cell(name).and_then(|cell| cell.revision());
        match self.inner.read(name).await {
            Ok(live) => {
                self.inner.install(name, live);
                Ok(())
            }
            Err(ManageError::NotFound) => {
                if let Some(revision) = known {
                    self.inner.forget(name, revision);
                }
                Err(ManageError::NotFound)
            }
            Err(error) => Err(error),
        }
    }

    /// Wipes the keys and refuses whatever comes later. What is in the middle of using one finishes first.
    pub fn seal(&self) {
        self.inner.seal();
    }

    /// The barrier that the keys lie behind.
    pub fn barrier(&self) -> &Barrier {
        &self.inner.barrier
    }

    pub(crate) fn now(&self) -> u64 {
        self.inner.barrier.now()
    }

    pub(crate) fn ask_keeper(&self, cell: &Arc<Cell>, version: u32) {
        if let Some(keeper) = &self.keeper {
            keeper.refill(cell, version);
        }
    }
}

impl Inner {
    pub(crate) fn check_open(&self) -> Result<(), ManageError> {
        if self.sealed.load(Ordering::Acquire) { Err(ManageError::Sealed) } else { Ok(()) }
    }

    pub(crate) fn path(&self, name: &KeyName) -> Result<Path, ManageError> {
        Ok(self.keys.value(name.as_str())?)
    }

    pub(crate) fn cell(&self, name: &KeyName) -> Option<Arc<Cell>> {
        self.cells.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    pub(crate) fn cells(&self) -> Vec<Arc<Cell>> {
        self.cells.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// Takes the state over into the cell of that name, which is made if need be.
    pub(crate) fn install(&self, name: &KeyName, mut live: Live) -> Arc<Cell> {
        let mut cells = self.cells.lock().unwrap_or_else(PoisonError::into_inner);
        // Under the lock, so that sealing finds either this cell or the flag that it sees.
        if let Some(cell) = cells.get(name) {
            match cell.install(live) {
                None => return Arc::clone(cell),
                Some(another) => {
                    cell.end(Content::Gone);
                    live = another;
                }
            }
        }
        let cell = Arc::new(Cell::new(name.clone(), live));
        if self.sealed.load(Ordering::Acquire) {
            cell.end(Content::Sealed);
        } else {
            cells.insert(name.clone(), Arc::clone(&cell));
        }
        cell
    }

    /// Ends the key of that name as it was at this revision. A newer one is another key: one is made as soon as the name is free.
    pub(crate) fn forget(&self, name: &KeyName, revision: u64) {
        let ended = {
            let mut cells = self.cells.lock().unwrap_or_else(PoisonError::into_inner);
            let newer = cells.get(name).and_then(|cell| cell.revision()).is_some_and(|now| now > revision);
            if newer { None } else { cells.remove(name) }
        };
        if let Some(cell) = ended {
            cell.end(Content::Gone);
        }
    }

    pub(crate) fn seal(&self) {
        let cells = {
            let mut cells = self.cells.lock().unwrap_or_else(PoisonError::into_inner);
            self.sealed.store(true, Ordering::Release);
            std::mem::take(&mut *cells)
        };
        *self.wrapping_key.lock().unwrap_or_else(PoisonError::into_inner) = None;
        for cell in cells.values() {
            cell.end(Content::Sealed);
        }
    }

    /// Reserves a block, unless the key has been changed since it was read.
    pub(crate) async fn reserve(
        &self,
        name: &KeyName,
        live: &Live,
        version: VersionId,
        asked: Reservation,
    ) -> Result<Amount, LedgerError> {
        let entry = self.barrier.get(&self.keys.value(name.as_str())?).await?;
        if entry.is_none_or(|entry| entry.revision() != live.revision) {
            return Err(LedgerError::Outdated);
        }
        self.ledger.reserve(version, asked).await
    }

    fn find_held(&self, kind: KeyKind, reference: &HeldReference) -> Result<(), ManageError> {
        let held = self.options.held.as_ref().ok_or(ManageError::Unsupported(kind))?;
        match kind {
            KeyKind::HeldWrapping => held.wrapper(reference).map(drop)?,
            KeyKind::HeldSigning => held.signer(reference).map(drop)?,
            KeyKind::Local(_) => return Err(ManageError::Unsupported(kind)),
        }
        Ok(())
    }
}

impl SealedTogether for Inner {
    fn wipe(&self) {
        self.seal();
    }
}

fn generate(spec: &KeySpec) -> Result<Material, ManageError> {
    let mut options = GenerateOptions::default();
    if let Some(size) = spec.key_size {
        options.hmac_key_len = size;
    }
    Ok(Material::generate(spec.key_type, &options)?)
}

fn not_deleted(record: &KeyRecord) -> Result<&KeyRecord, ManageError> {
    if record.policy.deleted.is_some() { Err(ManageError::Deleted) } else { Ok(record) }
}

/// Where the command line keeps named keys, and where a program that shares a store with it opens them.
pub const MOUNT: &str = "sys/transit";
