//! The barrier as its users hold it.

use std::fmt;
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};
use std::thread::JoinHandle;
use std::time::{SystemTime, UNIX_EPOCH};

use async_lock::Semaphore;
use futures_channel::oneshot;
use strongroom_crypto::record::{OpenError, StoreId, Term};
use strongroom_crypto::secret::Plaintext;
use strongroom_keyring::{
    Keyring, KeyringKey, NamesGeneration, RotationPolicy, TermInfo, TermState, TermUsage,
};
use strongroom_storage::{self as storage, Storage};

use crate::batch::Batch;
use crate::committer::{self, Committed, Committer, KeyringChange, MakeChange, Outcome, Request, Work};
use crate::entry::Entry;
use crate::error::{CommitError, OpenBarrierError, ReadError};
use crate::group::seal_head;
use crate::head::Head;
use crate::keys::{Keys, KeysError};
use crate::listing::ListingCache;
use crate::path::Path;
use crate::place;
use crate::sealing::{SealedTogether, Sealing};

/// How a barrier behaves.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Values are padded to a multiple of so many bytes, so that storage learns their length less exactly; 0: not at all.
    pub padding: u32,
    /// The present time in seconds since 1970.
    pub clock: fn() -> u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { padding: 0, clock: system_clock }
    }
}

fn system_clock() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// An open store: names and values over storage that learns neither.
///
/// A handle is cheap to clone. When the last one is dropped, the keys are wiped.
#[derive(Clone)]
pub struct Barrier {
    handle: Arc<Handle>,
}

/// What the committing thread and the readers share.
pub(crate) struct Shared {
    pub(crate) storage: Arc<dyn Storage>,
    pub(crate) options: Options,
    /// `None` once sealed.
    pub(crate) keys: RwLock<Option<Keys>>,
    /// The keys of a change that is being committed, where sealing finds them too. Set while `keys` is held.
    pub(crate) successor: Mutex<Option<Keys>>,
    /// Ends reading that holds the keys.
    pub(crate) sealing: Sealing,
    /// The last committed head.
    pub(crate) head: Mutex<Head>,
    pub(crate) listings: ListingCache,
}

struct Handle {
    shared: Arc<Shared>,
    store: StoreId,
    requests: Mutex<Option<Sender<Request>>>,
    /// In the queue.
    places: Arc<Semaphore>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Barrier {
    /// Makes a new store with a keyring of generation 1, in one commit; `puts` (the slot set) go with it.
    ///
    /// # Errors
    ///
    /// [`OpenBarrierError::Exists`] where there is a store; it stays as it is.
    pub async fn create(
        storage: Arc<dyn Storage>,
        keyring: Keyring,
        key: KeyringKey,
        puts: Vec<(Vec<u8>, Vec<u8>)>,
        options: Options,
    ) -> Result<Self, OpenBarrierError> {
        let mut head = Head {
            sequence: 1,
            previous: [0; 32],
            keyring: 0,
            slots: 0,
            names: 0,
            leaving_names: 0,
            terms: Vec::new(),
        };
        committer::note_keyring(&mut head, &keyring).map_err(open_error)?;
        let mut batch = storage::Batch::new();
        for place in [place::HEAD, place::KEYRING, place::SLOTS] {
            batch.require_equal(place, None);
        }
        batch.put(place::KEYRING, key.seal(&keyring, place::KEYRING)?);
        for (place, value) in puts {
            batch.put(place, value);
        }
        let keys = keys(keyring, key)?;
        let record = keys
            .with_sealer(|sealer| {
                sealer.begin_commit()?;
                seal_head(&mut head, sealer)
            })
            .map_err(open_error)?;
        batch.put(place::HEAD, record.clone());
        storage.commit(batch).await.map_err(|error| match error {
            storage::CommitError::Conflict { .. } => OpenBarrierError::Exists,
            error => OpenBarrierError::Commit(error),
        })?;
        Self::start(storage, keys, head, record, options)
    }

    /// Opens a store with the keyring that its root key opened.
    ///
    /// # Errors
    ///
    /// [`OpenBarrierError::Mixed`] when head and keyring are not of one commit: storage was rolled back in part.
    pub async fn open(
        storage: Arc<dyn Storage>,
        keyring: Keyring,
        key: KeyringKey,
        options: Options,
    ) -> Result<Self, OpenBarrierError> {
        let record = storage.get(place::HEAD).await?.ok_or(OpenBarrierError::NoHead)?;
        let keys = keys(keyring, key)?;
        let plaintext = keys.open(place::HEAD, &record).map_err(OpenBarrierError::HeadRecord)?;
        let head = Head::decode(plaintext.as_slice()).map_err(OpenBarrierError::Head)?;
        let mut expected = head.clone();
        committer::note_keyring(&mut expected, &keys.keyring).map_err(open_error)?;
        if expected != head {
            return Err(OpenBarrierError::Mixed);
        }
        let record = record.to_vec();
        Self::start(storage, keys, head, record, options)
    }

    fn start(
        storage: Arc<dyn Storage>,
        keys: Keys,
        head: Head,
        record: Vec<u8>,
        options: Options,
    ) -> Result<Self, OpenBarrierError> {
        let store = keys.keyring.store();
        let shared = Arc::new(Shared {
            storage,
            options,
            keys: RwLock::new(Some(keys)),
            successor: Mutex::new(None),
            sealing: Sealing::default(),
            head: Mutex::new(head.clone()),
            listings: ListingCache::default(),
        });
        let (requests, inbox) = mpsc::channel();
        let committer = Committer::new(Arc::clone(&shared), head, record);
        let thread = std::thread::Builder::new()
            .name("strongroom-commit".to_owned())
            .spawn(move || committer.run(&inbox))
            .map_err(OpenBarrierError::Thread)?;
        let (requests, thread) = (Mutex::new(Some(requests)), Mutex::new(Some(thread)));
        let places = Arc::new(Semaphore::new(QUEUE_MAX));
        Ok(Self { handle: Arc::new(Handle { shared, store, requests, places, thread }) })
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.handle.shared
    }
}

fn keys(keyring: Keyring, key: KeyringKey) -> Result<Keys, OpenBarrierError> {
    Keys::new(keyring, key).map_err(|error| match error {
        KeysError::Keyring(error) => OpenBarrierError::Keyring(error),
        KeysError::Seal(error) => OpenBarrierError::Seal(error),
    })
}

fn open_error(error: CommitError) -> OpenBarrierError {
    match error {
        CommitError::Seal(error) => OpenBarrierError::Seal(error),
        CommitError::Keyring(error) => OpenBarrierError::Keyring(error),
        _ => OpenBarrierError::Head(crate::head::HeadError::Malformed),
    }
}

/// Reading and writing.
impl Barrier {
    /// Reads a value; `None` when there is none of that name.
    ///
    /// # Errors
    ///
    /// [`ReadError::Record`] means damage or an attack: nothing of the value is returned.
    pub async fn get(&self, path: &Path) -> Result<Option<Entry>, ReadError> {
        let Shared { storage, .. } = self.shared();
        'anew: loop {
            let (generation, places) = self.with_keys(|keys| {
                let places =
                    keys.lookup_order().map(|names| names.value_key(path)).collect::<Result<Vec<_>, _>>()?;
                Ok((keys.keyring.generation(), places))
            })?;
            for place in places {
                let Some(record) = storage.get(&place).await? else { continue };
                let (now, opened) =
                    self.with_keys(|keys| Ok((keys.keyring.generation(), keys.open(&place, &record))))?;
                match opened {
                    Ok(plaintext) => return Entry::parse(plaintext).map(Some).ok_or(ReadError::Malformed),
                    // It was sealed anew, and its term destroyed, since it was read.
                    Err(OpenError::UnknownTerm(_)) if now != generation => continue 'anew,
                    Err(error) => return Err(error.into()),
                }
            }
            // A new generation of names may have taken over since the places were computed.
            if self.with_keys(|keys| Ok(keys.keyring.generation()))? == generation {
                return Ok(None);
            }
        }
    }

    /// Puts a value, whatever is there; durable when this returns.
    ///
    /// # Errors
    ///
    /// As [`Barrier::commit`].
    pub async fn put(&self, path: Path, value: Plaintext) -> Result<Committed, CommitError> {
        self.commit(Batch::new().put(path, value)).await
    }

    /// Deletes a value; no error when there is none.
    ///
    /// # Errors
    ///
    /// As [`Barrier::commit`].
    pub async fn delete(&self, path: Path) -> Result<Committed, CommitError> {
        self.commit(Batch::new().delete(path)).await
    }

    /// Commits a batch: all of it, durably, or nothing.
    ///
    /// # Errors
    ///
    /// [`CommitError::Condition`] names the change whose condition did not hold. After an error for which
    /// [`CommitError::outcome_unknown`] holds, the batch may have been committed all the same.
    pub async fn commit(&self, batch: Batch) -> Result<Committed, CommitError> {
        Ok(self.request(Work::Batch(batch)).await?.committed)
    }

    /// Queues work and waits for its answer. The queue is bounded: who comes when it is full waits for a place in it.
    pub(crate) async fn request(&self, work: Work) -> Result<Outcome, CommitError> {
        let place = self.handle.places.acquire_arc().await;
        let (reply, answer) = oneshot::channel();
        {
            let requests = self.handle.requests.lock().unwrap_or_else(PoisonError::into_inner);
            let requests = requests.as_ref().ok_or(CommitError::Sealed)?;
            requests.send(Request { work, reply, place }).map_err(|_| CommitError::Broken)?;
        }
        answer.await.unwrap_or(Err(CommitError::Broken))
    }

    /// Runs with the keys, which nobody wipes meanwhile: must not wait for anything.
    pub(crate) fn with_keys<T>(
        &self,
        work: impl FnOnce(&Keys) -> Result<T, ReadError>,
    ) -> Result<T, ReadError> {
        let keys = self.shared().keys.read().unwrap_or_else(PoisonError::into_inner);
        work(keys.as_ref().ok_or(ReadError::Sealed)?)
    }
}

/// Keys.
impl Barrier {
    /// Installs a new term: what is put from now on is sealed under it.
    ///
    /// # Errors
    ///
    /// As [`Barrier::commit`].
    pub async fn rotate(&self) -> Result<Term, CommitError> {
        let now = self.now();
        self.change_keyring(move |keyring, _| {
            let mut next = keyring.next()?;
            next.install_term(now)?;
            Ok(KeyringChange { keyring: next, key: None, puts: Vec::new() })
        })
        .await?;
        self.status().map(|status| status.active_term).map_err(CommitError::from)
    }

    /// Replaces the rotation policy.
    ///
    /// # Errors
    ///
    /// As [`Barrier::commit`].
    pub async fn set_rotation(&self, policy: RotationPolicy) -> Result<Committed, CommitError> {
        self.change_keyring(move |keyring, _| {
            let mut next = keyring.next()?;
            next.set_rotation(policy);
            Ok(KeyringChange { keyring: next, key: None, puts: Vec::new() })
        })
        .await
    }

    /// Commits a successor of the keyring together with what belongs to it, in one atomic commit.
    ///
    /// `make` runs when its turn comes, with the keyring and head that are in use then. A change that destroys a term is
    /// refused while the head counts a record under it.
    ///
    /// # Errors
    ///
    /// [`CommitError::Refused`] carries the error of `make`.
    pub async fn change_keyring(
        &self,
        make: impl FnOnce(&Keyring, &Head) -> Result<KeyringChange, Box<dyn std::error::Error + Send + Sync>>
        + Send
        + 'static,
    ) -> Result<Committed, CommitError> {
        let make: MakeChange = Box::new(move |keyring, _, head| make(keyring, head));
        Ok(self.request(Work::Keyring(make)).await?.committed)
    }

    /// Runs with the keyring, e.g. to derive a purpose key. Must not wait for anything.
    ///
    /// # Errors
    ///
    /// [`ReadError::Sealed`].
    pub fn with_keyring<T>(&self, work: impl FnOnce(&Keyring) -> T) -> Result<T, ReadError> {
        self.with_keys(|keys| Ok(work(&keys.keyring)))
    }

    /// Opens a record that lies at `place`, e.g. to verify a backup as it is written.
    ///
    /// # Errors
    ///
    /// As [`Barrier::get`].
    pub fn open_record(&self, place: &[u8], record: &[u8]) -> Result<Plaintext, ReadError> {
        self.with_keys(|keys| Ok(keys.open(place, record)?))
    }
}

/// State and end.
impl Barrier {
    /// The store's number.
    pub fn store(&self) -> StoreId {
        self.handle.store
    }

    /// The present time by this barrier's clock.
    pub fn now(&self) -> u64 {
        (self.shared().options.clock)()
    }

    /// Whether a keyring record as it lies in storage opens with the key in use.
    ///
    /// # Errors
    ///
    /// [`ReadError::Sealed`].
    pub fn keyring_opens(&self, record: &[u8]) -> Result<bool, ReadError> {
        self.with_keys(|keys| {
            let stored = keys.keyring_key.open(place::KEYRING, record);
            Ok(stored.is_ok_and(|stored| stored.generation() == keys.keyring.generation()))
        })
    }

    /// The storage below.
    pub fn storage(&self) -> &Arc<dyn Storage> {
        &self.shared().storage
    }

    /// What may be told of the store.
    ///
    /// # Errors
    ///
    /// [`ReadError::Sealed`].
    pub fn status(&self) -> Result<Status, ReadError> {
        self.with_keys(|keys| {
            let head = self.shared().head.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let (active, _) = keys.keyring.active_term().map_err(|_| ReadError::Malformed)?;
            Ok(Status {
                store: self.handle.store,
                sequence: head.sequence,
                keyring_generation: keys.keyring.generation(),
                slots_generation: keys.keyring.slots().0,
                names_generation: keys.names.generation(),
                leaving_names_generation: keys.keyring.leaving_names().map(NamesGeneration::number),
                entries: head.live(),
                active_term: active.term,
                rotation: keys.keyring.rotation(),
                rewrap_pending: committer::rewrap_pending(&keys.keyring),
                terms: keys
                    .keyring
                    .terms()
                    .map(|info| TermStatus { info, usage: head.usage(info.term) })
                    .collect(),
            })
        })
    }

    /// Whether the keys have been wiped.
    pub fn is_sealed(&self) -> bool {
        self.shared().keys.read().unwrap_or_else(PoisonError::into_inner).is_none()
    }

    /// Wipes every key, then waits until the commit in flight, which needs none, is answered.
    ///
    /// New work is refused from the first moment. Does nothing when sealed already.
    pub async fn seal(&self) {
        self.wipe();
        // Answered when everything before it is; an error would mean that nothing is in flight.
        let _ = self.request(Work::Flush).await;
    }

    /// Wipes every key at once, without waiting for anything.
    pub fn wipe(&self) {
        wipe(self.shared());
    }

    /// Has these keys wiped whenever the barrier's are, before its own; now, if it is sealed. They may be gone by then.
    pub fn seal_together(&self, keys: Weak<dyn SealedTogether>) {
        self.shared().sealing.add(keys);
    }
}

pub(crate) fn wipe(shared: &Shared) {
    shared.sealing.begin();
    let keys = shared.keys.write().unwrap_or_else(PoisonError::into_inner).take();
    let successor = shared.successor.lock().unwrap_or_else(PoisonError::into_inner).take();
    shared.listings.clear();
    drop((keys, successor));
}

impl Drop for Handle {
    fn drop(&mut self) {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        let within =
            thread.as_ref().is_some_and(|thread| thread.thread().id() == std::thread::current().id());
        if !within {
            wipe(&self.shared);
        }
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).take();
        // The last handle may be in a change that the committing thread is making: that thread holds the keys then, and wipes
        // them when it ends, which it does next.
        if let Some(thread) = thread.filter(|_| !within) {
            let _ = thread.join();
        }
    }
}

/// What may be told of an open store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Its number.
    pub store: StoreId,
    /// How many commits it has seen.
    pub sequence: u64,
    /// How often the keyring was changed.
    pub keyring_generation: u64,
    /// How often the slots were changed.
    pub slots_generation: u64,
    /// The generation under which names are written.
    pub names_generation: u16,
    /// The generation that a rewrap is emptying.
    pub leaving_names_generation: Option<u16>,
    /// Values and directories together.
    pub entries: u64,
    /// The term under which records are sealed.
    pub active_term: Term,
    /// When that term is replaced without being told.
    pub rotation: RotationPolicy,
    /// Whether a rewrap has something to do.
    pub rewrap_pending: bool,
    /// All terms that ever were.
    pub terms: Vec<TermStatus>,
}

/// A term and what is sealed under it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TermStatus {
    /// Number, state and dates.
    pub info: TermInfo,
    /// Counts; a destroyed term's are in `info`.
    pub usage: TermUsage,
}

impl fmt::Display for TermStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seals = if self.info.state == TermState::Destroyed { self.info.seals } else { self.usage.seals };
        write!(
            f,
            "term {}: {}, {} entries, {seals} seals",
            self.info.term.get(),
            self.info.state.name(),
            self.usage.live
        )
    }
}

/// Requests that wait for their commit, each with its plaintext.
const QUEUE_MAX: usize = 1024;
