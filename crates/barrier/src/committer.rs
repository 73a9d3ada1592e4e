//! The one thread that commits.

use std::sync::mpsc::Receiver;
use std::sync::{Arc, PoisonError};

use async_lock::SemaphoreGuardArc;
use futures_channel::oneshot;
use strongroom_keyring::{Keyring, KeyringKey, TermState};
use strongroom_storage as storage;

use crate::barrier::{Shared, wipe};
use crate::batch::Batch;
use crate::error::CommitError;
use crate::gathering::Gathering;
use crate::group::{Finished, Group, KnownDirectories, Resealed, seal_head};
use crate::head::Head;
use crate::keys::{Keys, KeysError};
use crate::path::Directory;
use crate::place;
use crate::rewrap_state::RewrapState;

/// What a commit tells those who asked for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Committed {
    /// The head's sequence, which is the revision of all values that the commit put.
    pub sequence: u64,
}

/// A new keyring and what must change together with it.
pub struct KeyringChange {
    /// The successor of the keyring in use: see [`Keyring::next`].
    pub keyring: Keyring,
    /// The key that it is sealed under, when the root key changes too.
    pub key: Option<KeyringKey>,
    /// Other system entries, such as the slot set.
    pub puts: Vec<(Vec<u8>, Vec<u8>)>,
}

/// Makes a [`KeyringChange`] out of the keyring and head in use when its turn comes.
pub(crate) type MakeChange = Box<
    dyn FnOnce(
            &Keyring,
            &KeyringKey,
            &Head,
        ) -> Result<KeyringChange, Box<dyn std::error::Error + Send + Sync>>
        + Send,
>;

pub(crate) enum Work {
    Batch(Batch),
    Reseal {
        keys: Vec<Vec<u8>>,
        state: RewrapState,
    },
    Move {
        directory: Directory,
        keys: Vec<Vec<u8>>,
        state: RewrapState,
    },
    Keyring(MakeChange),
    /// Nothing: answered when everything before it is.
    Flush,
}

/// What came of a piece of work.
pub(crate) struct Outcome {
    pub(crate) committed: Committed,
    pub(crate) resealed: Resealed,
}

pub(crate) type Reply = oneshot::Sender<Result<Outcome, CommitError>>;

pub(crate) struct Request {
    pub(crate) work: Work,
    pub(crate) reply: Reply,
    /// A place in the queue, given back when the request is answered, also if nobody waits for the answer any more.
    pub(crate) place: SemaphoreGuardArc,
}

/// The committing side of a barrier: lives in its own thread.
pub(crate) struct Committer {
    shared: Arc<Shared>,
    head: Head,
    /// The head record as it lies in storage, which the next commit asserts.
    head_record: Vec<u8>,
    known: KnownDirectories,
    broken: Option<fn() -> CommitError>,
    /// Of the requests being served.
    places: Vec<SemaphoreGuardArc>,
}

impl Committer {
    pub(crate) fn new(shared: Arc<Shared>, head: Head, head_record: Vec<u8>) -> Self {
        Self {
            shared,
            head,
            head_record,
            known: KnownDirectories::default(),
            broken: None,
            places: Vec::new(),
        }
    }

    /// Until all who could ask have gone.
    pub(crate) fn run(mut self, requests: &Receiver<Request>) {
        while let Ok(first) = requests.recv() {
            let mut waiting = vec![first];
            waiting.extend(requests.try_iter().take(GROUP_MAX - 1));
            self.serve(waiting);
        }
        wipe(&self.shared);
    }

    fn serve(&mut self, waiting: Vec<Request>) {
        let mut gathering = Gathering::new(self.shared.options.padding);
        for Request { work, reply, place } in waiting {
            self.places.push(place);
            match work {
                Work::Keyring(make) => {
                    self.commit_group(gathering.take());
                    let outcome = self.change_keyring(make);
                    let _ = reply
                        .send(outcome.map(|committed| Outcome { committed, resealed: Resealed::default() }));
                }
                Work::Flush => {
                    self.commit_group(gathering.take());
                    let committed = Committed { sequence: self.head.sequence };
                    let _ = reply.send(Ok(Outcome { committed, resealed: Resealed::default() }));
                }
                work => {
                    if !gathering.admits(&work) {
                        self.commit_group(gathering.take());
                    }
                    gathering.add(work, reply);
                }
            }
        }
        self.commit_group(gathering.take());
        self.places.clear();
    }

    /// Commits batches and rewrap steps together. A batch whose condition fails is left out; any other error is
    /// everybody's.
    fn commit_group(&mut self, group: Vec<(Work, Reply)>) {
        if group.is_empty() {
            return;
        }
        if let Err(error) = self.rotate_if_due() {
            answer_all(group.into_iter().map(|(_, reply)| reply), error);
            return;
        }
        let (mut replies, mut refused) = (Vec::with_capacity(group.len()), Vec::new());
        let built = self.build(group, &mut replies, &mut refused);
        // Only now, since an answer may run code of whoever waits, and the keys are free again.
        for (reply, error) in refused {
            let _ = reply.send(Err(error));
        }
        match built {
            Ok(Some(finished)) => match self.commit(finished.batch) {
                Ok(()) => {
                    self.known.learn(finished.learned);
                    let committed = self.install_head(finished.head, finished.record);
                    for (reply, resealed) in replies {
                        let _ = reply.send(Ok(Outcome { committed, resealed }));
                    }
                }
                Err(error) => {
                    self.known.forget();
                    answer_all(replies.into_iter().map(|(reply, _)| reply), error);
                }
            },
            Ok(None) => {}
            Err(error) => answer_all(replies.into_iter().map(|(reply, _)| reply), error),
        }
    }

    fn build(
        &self,
        work: Vec<(Work, Reply)>,
        replies: &mut Vec<(Reply, Resealed)>,
        refused: &mut Vec<(Reply, CommitError)>,
    ) -> Result<Option<Finished>, CommitError> {
        let mut work = work.into_iter();
        let outcome = self.build_from(&mut work, replies, refused);
        // After an error nothing is committed: who was not looked at yet hears of it too.
        replies.extend(work.map(|(_, reply)| (reply, Resealed::default())));
        outcome
    }

    fn build_from(
        &self,
        work: &mut impl Iterator<Item = (Work, Reply)>,
        replies: &mut Vec<(Reply, Resealed)>,
        refused: &mut Vec<(Reply, CommitError)>,
    ) -> Result<Option<Finished>, CommitError> {
        let keys = self.shared.keys.read().unwrap_or_else(PoisonError::into_inner);
        let keys = keys.as_ref().ok_or(CommitError::Sealed)?;
        let head = self.head.next(&self.head_record).ok_or(CommitError::Exhausted)?;
        keys.with_sealer(|sealer| {
            let mut group = Group::begin(keys, sealer, &self.shared, &self.known, head)?;
            for (work, reply) in work {
                if let Work::Batch(batch) = &work
                    && let Err(error) = group.check(batch)
                {
                    refused.push((reply, error));
                    continue;
                }
                replies.push((reply, Resealed::default()));
                let resealed = match work {
                    Work::Batch(batch) => group.apply(&batch).map(|()| Resealed::default())?,
                    Work::Reseal { keys, state } => {
                        let resealed = group.reseal(keys)?;
                        group.note_rewrap(&state.advanced(resealed.entries))?;
                        resealed
                    }
                    Work::Move { directory, keys, state } => {
                        let moved = group.move_values(&directory, keys)?;
                        group.note_rewrap(&state.advanced(moved.entries))?;
                        moved
                    }
                    Work::Keyring(_) | Work::Flush => Resealed::default(),
                };
                if let Some((_, told)) = replies.last_mut() {
                    *told = resealed;
                }
            }
            if replies.is_empty() { Ok(None) } else { group.finish(&self.head_record).map(Some) }
        })
    }

    fn rotate_if_due(&mut self) -> Result<(), CommitError> {
        let now = (self.shared.options.clock)();
        let due = {
            let keys = self.shared.keys.read().unwrap_or_else(PoisonError::into_inner);
            let keys = keys.as_ref().ok_or(CommitError::Sealed)?;
            let (active, _) = keys.keyring.active_term()?;
            keys.keyring.rotation_due(self.head.usage(active.term), now)
        };
        if due.is_some() {
            self.change_keyring(Box::new(move |keyring, _, _| {
                let mut next = keyring.next()?;
                next.install_term(now)?;
                Ok(KeyringChange { keyring: next, key: None, puts: Vec::new() })
            }))?;
        }
        Ok(())
    }

    /// Commits a new keyring and, once that is durable, takes it into use.
    fn change_keyring(&mut self, make: MakeChange) -> Result<Committed, CommitError> {
        let (batch, head, record) = {
            let keys = self.shared.keys.read().unwrap_or_else(PoisonError::into_inner);
            let keys = keys.as_ref().ok_or(CommitError::Sealed)?;
            let change = make(&keys.keyring, &keys.keyring_key, &self.head).map_err(CommitError::Refused)?;
            let (next, batch, head, record) = self.build_keyring(keys, change)?;
            *self.shared.successor.lock().unwrap_or_else(PoisonError::into_inner) = Some(next);
            (batch, head, record)
        };
        let outcome = self.commit(batch);
        let mut installed = self.shared.keys.write().unwrap_or_else(PoisonError::into_inner);
        let next = self.shared.successor.lock().unwrap_or_else(PoisonError::into_inner).take();
        outcome?;
        // Sealed meanwhile: the new keys have gone the way of the old.
        if installed.is_some() {
            *installed = next;
        }
        drop(installed);
        self.known.forget();
        Ok(self.install_head(head, record))
    }

    fn build_keyring(
        &self,
        keys: &Keys,
        KeyringChange { keyring, key, puts }: KeyringChange,
    ) -> Result<(Keys, storage::Batch, Head, Vec<u8>), CommitError> {
        if keyring.generation() != keys.keyring.generation() + 1 || keyring.store() != keys.keyring.store() {
            return Err(CommitError::Stale);
        }
        let mut head = self.head.next(&self.head_record).ok_or(CommitError::Exhausted)?;
        for info in keyring.terms().filter(|info| info.state == TermState::Destroyed) {
            let records = head.usage(info.term).live;
            if records > 0 {
                return Err(CommitError::TermInUse { records });
            }
            head.terms.retain(|(term, _)| *term != info.term);
        }
        note_keyring(&mut head, &keyring)?;
        let key = match key {
            Some(key) => key,
            None => keys.keyring_key.duplicate()?,
        };
        let sealed = key.seal(&keyring, place::KEYRING)?;
        let next = Keys::new(keyring, key).map_err(|error| match error {
            KeysError::Keyring(error) => CommitError::Keyring(error),
            KeysError::Seal(error) => CommitError::Seal(error),
        })?;
        let record = next.with_sealer(|sealer| {
            sealer.begin_commit()?;
            seal_head(&mut head, sealer)
        })?;
        let mut batch = storage::Batch::new();
        batch.require_equal(place::HEAD.to_vec(), Some(self.head_record.as_slice().into()));
        batch.put(place::KEYRING.to_vec(), sealed);
        for (key, value) in puts {
            batch.put(key, value);
        }
        // Its record would stay under a term that is about to be left, and a rewrap begins anew for another term anyway.
        if next.active_term() != keys.active_term() || !rewrap_pending(&next.keyring) {
            batch.delete(place::REWRAP.to_vec());
        }
        batch.put(place::HEAD.to_vec(), record.clone());
        Ok((next, batch, head, record))
    }

    fn commit(&mut self, batch: storage::Batch) -> Result<(), CommitError> {
        if let Some(broken) = self.broken {
            return Err(broken());
        }
        pollster::block_on(self.shared.storage.commit(batch)).map_err(|error| {
            if matches!(error, storage::CommitError::Conflict { .. }) {
                self.broken = Some(|| CommitError::Stale);
                return CommitError::Stale;
            }
            if matches!(error, storage::CommitError::Unknown { .. }) {
                self.broken = Some(|| CommitError::Broken);
            }
            CommitError::Storage(error)
        })
    }

    fn install_head(&mut self, head: Head, record: Vec<u8>) -> Committed {
        let committed = Committed { sequence: head.sequence };
        self.head = head;
        self.head_record = record;
        *self.shared.head.lock().unwrap_or_else(PoisonError::into_inner) = self.head.clone();
        committed
    }
}

/// Whether entries are, or may be, sealed or named under old keys.
pub(crate) fn rewrap_pending(keyring: &Keyring) -> bool {
    keyring.leaving_names().is_some() || keyring.terms().any(|info| info.state == TermState::Deactivated)
}

/// Writes into a head which keyring belongs to it.
pub(crate) fn note_keyring(head: &mut Head, keyring: &Keyring) -> Result<(), CommitError> {
    head.keyring = keyring.generation();
    head.slots = keyring.slots().0;
    head.names = keyring.active_names()?.number();
    head.leaving_names = keyring.leaving_names().map_or(0, strongroom_keyring::NamesGeneration::number);
    Ok(())
}

/// The first of them gets the error itself; the others learn that their common commit failed.
fn answer_all(replies: impl Iterator<Item = Reply>, error: CommitError) {
    let shared = error.for_others();
    let mut error = Some(error);
    for reply in replies {
        let _ = reply.send(Err(error.take().unwrap_or_else(&shared)));
    }
}

/// More requests than this wait for the next commit, so that one group stays within bounds.
const GROUP_MAX: usize = 256;
