//! One storage batch in the making: what waits is sealed into it, and the successor of the head counts along.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use strongroom_crypto::record::{self, RecordBuf, SealError, Sealer, Term};
use strongroom_storage::{self as storage, ReadError as StorageError};

use crate::barrier::Shared;
use crate::batch::{Batch, Change, Condition};
use crate::entry::{self, Entry};
use crate::error::{CommitError, ReadError};
use crate::head::Head;
use crate::keys::Keys;
use crate::names::{EntryName, NamesCipher};
use crate::path::Directory;
use crate::place::{self, EntryPlace, Token};
use crate::rewrap_state::RewrapState;

/// Changes of entries that will be committed together.
pub(crate) struct Group<'a> {
    keys: &'a Keys,
    sealer: &'a mut Sealer,
    shared: &'a Shared,
    known: &'a KnownDirectories,
    head: Head,
    /// By storage key: the new record, or its absence.
    pending: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    /// Directories from which something was removed, by generation.
    thinned: BTreeSet<(u16, Directory)>,
    learned: Learned,
    buffer: RecordBuf,
}

impl<'a> Group<'a> {
    pub(crate) fn begin(
        keys: &'a Keys,
        sealer: &'a mut Sealer,
        shared: &'a Shared,
        known: &'a KnownDirectories,
        head: Head,
    ) -> Result<Self, CommitError> {
        sealer.begin_commit()?;
        Ok(Self {
            keys,
            sealer,
            shared,
            known,
            head,
            pending: BTreeMap::new(),
            thinned: BTreeSet::new(),
            learned: Learned::default(),
            buffer: RecordBuf::new(),
        })
    }

    /// Whether a batch's conditions hold; nothing is changed yet.
    pub(crate) fn check(&self, batch: &Batch) -> Result<(), CommitError> {
        for (at, Change { path, condition, value }) in batch.changes.iter().enumerate() {
            if value.as_ref().is_some_and(|value| value.len() > entry::MAX_VALUE) {
                return Err(CommitError::ValueTooLong);
            }
            let expected = match condition {
                Condition::Any => continue,
                Condition::Absent => None,
                Condition::Revision(revision) => Some(*revision),
            };
            let mut found = None;
            for names in self.keys.lookup_order() {
                let key = names.value_key(path)?;
                if let Some(record) = self.current(&key)? {
                    let entry = Entry::parse(self.keys.open(&key, &record)?).ok_or(ReadError::Malformed)?;
                    found = Some(entry.revision());
                }
            }
            if found != expected {
                return Err(CommitError::Condition { change: at });
            }
        }
        Ok(())
    }

    /// Carries a batch out. After an error the whole group must be dropped.
    pub(crate) fn apply(&mut self, batch: &Batch) -> Result<(), CommitError> {
        for Change { path, value, .. } in &batch.changes {
            if let Some(leaving) = &self.keys.leaving_names {
                self.remove(leaving, leaving.value_key(path)?, path.directory())?;
            }
            let key = self.keys.names.value_key(path)?;
            if let Some(value) = value {
                self.ensure_directories(path.directory())?;
                entry::encode(
                    self.head.sequence,
                    value.as_slice(),
                    self.shared.options.padding,
                    &mut self.buffer,
                )
                .ok_or(CommitError::ValueTooLong)?;
                self.seal_entry(key)?;
            } else {
                self.remove(&self.keys.names, key, path.directory())?;
            }
        }
        Ok(())
    }

    /// Seals entries under the active term that are sealed under another; says how many and how many bytes.
    pub(crate) fn reseal(&mut self, keys: Vec<Vec<u8>>) -> Result<Resealed, CommitError> {
        let mut resealed = Resealed::default();
        for key in keys {
            let Some(record) = self.current(&key)? else { continue };
            if record::term_of(&record)? == self.sealer.term() {
                continue;
            }
            let plaintext = self.keys.open(&key, &record)?;
            self.buffer.clear();
            self.buffer.push(plaintext.as_slice());
            self.seal_entry(key)?;
            resealed.add(record.len());
        }
        Ok(resealed)
    }

    /// Moves values of a directory from the generation of names being left to the active one.
    pub(crate) fn move_values(
        &mut self,
        directory: &Directory,
        keys: Vec<Vec<u8>>,
    ) -> Result<Resealed, CommitError> {
        let mut moved = Resealed::default();
        let Some(leaving) = &self.keys.leaving_names else { return Ok(moved) };
        for key in keys {
            let Some(record) = self.current(&key)? else { continue };
            let place = EntryPlace::parse(&key).ok_or(ReadError::Name)?;
            if place.generation != leaving.generation() {
                // Of a rewrap that another one has overtaken.
                continue;
            }
            let EntryName::Value(name) = leaving.open(&place)? else { continue };
            let path = directory.value(&name).map_err(|_| ReadError::Name)?;
            let target = self.keys.names.value_key(&path)?;
            if self.occupant(&target)? != Occupant::Nobody {
                // What is there was put since; the one that is left must have been put back by storage.
                self.remove(leaving, key, directory)?;
                continue;
            }
            let plaintext = self.keys.open(&key, &record)?;
            // Only for a value that moves: a directory whose values have gone meanwhile would be left empty.
            self.ensure_directories(directory)?;
            self.buffer.clear();
            self.buffer.push(plaintext.as_slice());
            self.seal_entry(target)?;
            self.remove(leaving, key, directory)?;
            moved.add(record.len());
        }
        Ok(moved)
    }

    /// Notes how far a rewrap has come.
    pub(crate) fn note_rewrap(&mut self, state: &RewrapState) -> Result<(), CommitError> {
        let plaintext = state.encode().ok_or(CommitError::Exhausted)?;
        let record = self.sealer.seal(place::REWRAP, &plaintext)?;
        count(&mut self.head, self.sealer.term(), plaintext.len());
        self.pending.insert(place::REWRAP.to_vec(), Some(record));
        Ok(())
    }

    /// Removes directories that have become empty, seals the head, and hands everything over.
    pub(crate) fn finish(mut self, head_before: &[u8]) -> Result<Finished, CommitError> {
        for (generation, directory) in std::mem::take(&mut self.thinned) {
            if let Some(names) = self.keys.lookup_order().find(|names| names.generation() == generation) {
                self.prune(names, directory)?;
            }
        }
        let record = seal_head(&mut self.head, self.sealer)?;
        let mut batch = storage::Batch::new();
        batch.require_equal(place::HEAD.to_vec(), Some(head_before.into()));
        for (key, record) in self.pending {
            match record {
                Some(record) => batch.put(key, record),
                None => batch.delete(key),
            };
        }
        batch.put(place::HEAD.to_vec(), record.clone());
        Ok(Finished { batch, head: self.head, record, learned: self.learned })
    }

    /// What storage answers, unless the keys, which are held meanwhile, are to be wiped.
    fn wait<T>(&self, reading: impl Future<Output = Result<T, StorageError>>) -> Result<T, CommitError> {
        Ok(self.shared.sealing.wait(reading).ok_or(CommitError::Sealed)??)
    }

    fn current(&self, key: &[u8]) -> Result<Option<Vec<u8>>, CommitError> {
        match self.pending.get(key) {
            Some(record) => Ok(record.clone()),
            None => Ok(self.wait(self.shared.storage.get(key))?.map(|value| value.to_vec())),
        }
    }

    fn occupant(&self, key: &[u8]) -> Result<Occupant, CommitError> {
        match self.pending.get(key) {
            Some(record) => Ok(Occupant::of(record.as_deref())),
            None => Ok(Occupant::of(self.wait(self.shared.storage.get(key))?.as_deref())),
        }
    }

    fn count_out(&mut self, occupant: Occupant) {
        // The term is what storage says, which may be anything: the head must not begin to list it.
        if let Occupant::Under(term) = occupant
            && let Some((_, usage)) = self.head.terms.iter_mut().find(|(of, _)| *of == term)
        {
            usage.live = usage.live.saturating_sub(1);
        }
    }

    /// Seals what stands in the buffer for `key`.
    fn seal_entry(&mut self, key: Vec<u8>) -> Result<(), CommitError> {
        let before = self.occupant(&key)?;
        self.count_out(before);
        let plaintext = self.buffer.body().len();
        self.sealer.seal_in_place(&key, &mut self.buffer)?;
        let record = std::mem::take(&mut self.buffer).into_vec().ok_or(SealError::Cipher)?;
        let term = self.sealer.term();
        count(&mut self.head, term, plaintext);
        self.head.usage_mut(term).live += 1;
        self.pending.insert(key, Some(record));
        Ok(())
    }

    fn remove(
        &mut self,
        names: &NamesCipher,
        key: Vec<u8>,
        directory: &Directory,
    ) -> Result<(), CommitError> {
        let before = self.occupant(&key)?;
        if before == Occupant::Nobody {
            return Ok(());
        }
        self.count_out(before);
        self.pending.insert(key, None);
        self.thinned.insert((names.generation(), directory.clone()));
        Ok(())
    }

    /// Makes the entries of a directory and its parents, from the bottom up to the first one that is there.
    fn ensure_directories(&mut self, directory: &Directory) -> Result<(), CommitError> {
        let names = &self.keys.names;
        let mut directory = directory.clone();
        while let Some((parent, name)) = directory.split_last() {
            let token = names.token(&directory);
            if self.known.contains(&token) || self.learned.there.contains(&token) {
                break;
            }
            let key = names.directory_key(names.token(&parent), name)?;
            self.learned.there.insert(token);
            if self.occupant(&key)? != Occupant::Nobody {
                break;
            }
            self.buffer.clear();
            self.seal_entry(key)?;
            directory = parent;
        }
        Ok(())
    }

    fn prune(&mut self, names: &NamesCipher, mut directory: Directory) -> Result<(), CommitError> {
        while let Some((parent, name)) = directory.split_last() {
            let token = names.token(&directory);
            if !self.is_empty(names.generation(), token)? {
                break;
            }
            let key = names.directory_key(names.token(&parent), name)?;
            let before = self.occupant(&key)?;
            if before == Occupant::Nobody {
                break;
            }
            self.count_out(before);
            self.pending.insert(key, None);
            self.learned.there.remove(&token);
            self.learned.gone.insert(token);
            directory = parent;
        }
        Ok(())
    }

    fn is_empty(&self, generation: u16, token: Token) -> Result<bool, CommitError> {
        let prefix = place::directory_prefix(generation, token);
        let under = self.pending.range(prefix.to_vec()..).take_while(|(key, _)| key.starts_with(&prefix));
        if under.into_iter().any(|(_, record)| record.is_some()) {
            return Ok(false);
        }
        let mut after: Option<Vec<u8>> = None;
        loop {
            let mut keys = self.wait(self.shared.storage.scan(&prefix, after.as_deref(), PRUNE_PAGE))?;
            if keys.iter().any(|key| !self.pending.contains_key(key)) {
                return Ok(false);
            }
            match keys.pop() {
                Some(last) => after = Some(last),
                None => return Ok(true),
            }
        }
    }
}

/// Seals a head under the sealer's term, and counts that seal in it.
pub(crate) fn seal_head(head: &mut Head, sealer: &mut Sealer) -> Result<Vec<u8>, CommitError> {
    // Counting changes no length once the term is listed.
    head.usage_mut(sealer.term());
    let len = head.encode().ok_or(CommitError::Exhausted)?.len();
    count(head, sealer.term(), len);
    let plaintext = head.encode().ok_or(CommitError::Exhausted)?;
    Ok(sealer.seal(place::HEAD, &plaintext)?)
}

fn count(head: &mut Head, term: Term, plaintext: usize) {
    let usage = head.usage_mut(term);
    usage.seals = usage.seals.saturating_add(1);
    usage.blocks = usage.blocks.saturating_add(u64::try_from(plaintext.div_ceil(16)).unwrap_or(u64::MAX));
}

/// A storage batch, and what becomes true with it.
pub(crate) struct Finished {
    pub(crate) batch: storage::Batch,
    pub(crate) head: Head,
    pub(crate) record: Vec<u8>,
    pub(crate) learned: Learned,
}

/// Whose record lies at a storage key.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Occupant {
    Nobody,
    /// A record that names no term is counted under none; a check tells of it.
    Unreadable,
    Under(Term),
}

impl Occupant {
    fn of(record: Option<&[u8]>) -> Self {
        record.map_or(Self::Nobody, |record| record::term_of(record).map_or(Self::Unreadable, Self::Under))
    }
}

/// Entries sealed anew by one step.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Resealed {
    pub(crate) entries: u64,
    pub(crate) bytes: u64,
}

impl Resealed {
    fn add(&mut self, len: usize) {
        self.entries += 1;
        self.bytes = self.bytes.saturating_add(u64::try_from(len).unwrap_or(u64::MAX));
    }
}

/// What a group found out about directories, to be believed once it is committed.
#[derive(Default)]
pub(crate) struct Learned {
    there: HashSet<Token>,
    gone: HashSet<Token>,
}

/// Directories of the active generation whose entries are known to be there: a bounded memory of look-ups.
#[derive(Default)]
pub(crate) struct KnownDirectories {
    tokens: HashSet<Token>,
}

impl KnownDirectories {
    fn contains(&self, token: &Token) -> bool {
        self.tokens.contains(token)
    }

    pub(crate) fn learn(&mut self, learned: Learned) {
        if self.tokens.len() + learned.there.len() > KNOWN_MAX {
            self.tokens.clear();
        }
        self.tokens.extend(learned.there.into_iter().take(KNOWN_MAX));
        learned.gone.iter().for_each(|token| {
            self.tokens.remove(token);
        });
    }

    pub(crate) fn forget(&mut self) {
        self.tokens.clear();
    }
}

const KNOWN_MAX: usize = 65_536;
const PRUNE_PAGE: usize = 16;
