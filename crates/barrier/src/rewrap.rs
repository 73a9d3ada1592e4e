//! Rewrap: sealing anew what old keys still protect, while the store is in use.
//!
//! Three phases, each in steps of one commit. *Names* walks the tree of the generation being left and moves every value;
//! what is moved is gone from there, so after a kill the walk simply finds less. *Records* goes through all entries in
//! storage order and seals those under older terms anew; its place is committed with each step. *Proof* reads the term of
//! every entry once more and counts. Destroying the old terms is a keyring change, and the caller's: together with a new
//! root key, which the slots must be wrapped for.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use strongroom_crypto::record::{self, Term};
use strongroom_keyring::TermState;

use crate::barrier::Barrier;
use crate::committer::{Committed, Work};
use crate::error::{ReadError, RewrapError};
use crate::names::EntryName;
use crate::path::Directory;
use crate::place::{self, EntryPlace};
use crate::rewrap_state::RewrapState;

/// How far a rewrap is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RewrapProgress {
    /// What it does now: `names`, `records` or `proof`.
    pub phase: &'static str,
    /// Entries done in this phase.
    pub done: u64,
    /// Entries that this phase has to do, as far as is known.
    pub total: u64,
    /// Bytes of records sealed anew by this run.
    pub bytes: u64,
    /// Since this run began.
    pub elapsed: Duration,
}

/// What a rewrap did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RewrapReport {
    /// The term under which every entry is sealed now.
    pub target: Term,
    /// Deactivated terms under which no entry is left: ready to be destroyed.
    pub retired: Vec<Term>,
    /// The generation of names that no entry is left under.
    pub left_names: Option<u16>,
    /// Values moved to the active generation of names.
    pub moved: u64,
    /// Entries sealed anew by this run, the moved ones included.
    pub resealed: u64,
    /// Entries whose term was read in the proof.
    pub proved: u64,
    /// Bytes of records sealed anew by this run.
    pub bytes: u64,
    /// Entries that earlier runs of the same rewrap had done.
    pub before: u64,
    /// The time that this run took.
    pub elapsed: Duration,
}

impl Barrier {
    /// Seals every entry under the active term and generation of names.
    ///
    /// `progress` is called after each step and can stop the rewrap; so can a crash: the next call goes on.
    /// Readers and writers are served meanwhile.
    ///
    /// # Errors
    ///
    /// The first record that does not open stops it: run [`Barrier::check`].
    pub async fn rewrap(
        &self,
        progress: impl FnMut(RewrapProgress) -> ControlFlow<()>,
    ) -> Result<RewrapReport, RewrapError> {
        let status = self.status()?;
        let target = status.active_term;
        let state = match self.rewrap_state().await? {
            Some(state) if state.target == target => state,
            _ => {
                RewrapState { target, started: (self.shared().options.clock)(), done: 0, cursor: Vec::new() }
            }
        };
        let old: u64 =
            status.terms.iter().filter(|term| term.info.term != target).map(|term| term.usage.live).sum();
        let before = state.done;
        let mut run = Run {
            barrier: self,
            total: old.saturating_add(before),
            state,
            progress,
            started: Instant::now(),
            resealed: 0,
            moved: 0,
            bytes: 0,
        };
        run.names().await?;
        run.records().await?;
        let proved = run.proof(status.entries).await?;
        let retired = status.terms.iter().map(|term| term.info);
        Ok(RewrapReport {
            target,
            retired: retired
                .filter(|info| info.state == TermState::Deactivated)
                .map(|info| info.term)
                .collect(),
            left_names: status.leaving_names_generation,
            moved: run.moved,
            resealed: run.resealed,
            proved,
            bytes: run.bytes,
            before,
            elapsed: run.started.elapsed(),
        })
    }

    /// Where an earlier run came to. One that does not open is as good as none: it saves work and proves nothing.
    async fn rewrap_state(&self) -> Result<Option<RewrapState>, ReadError> {
        let Some(record) = self.shared().storage.get(place::REWRAP).await? else { return Ok(None) };
        match self.open_record(place::REWRAP, &record) {
            Ok(plaintext) => Ok(RewrapState::decode(plaintext.as_slice())),
            Err(ReadError::Record(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

struct Run<'a, P> {
    barrier: &'a Barrier,
    state: RewrapState,
    progress: P,
    started: Instant,
    total: u64,
    resealed: u64,
    moved: u64,
    bytes: u64,
}

impl<P: FnMut(RewrapProgress) -> ControlFlow<()>> Run<'_, P> {
    /// Moves every value of the generation being left, directory by directory.
    async fn names(&mut self) -> Result<(), RewrapError> {
        let leaving = |barrier: &Barrier| {
            barrier
                .with_keys(|keys| Ok(keys.leaving_names.as_ref().map(crate::names::NamesCipher::generation)))
        };
        let Some(generation) = leaving(self.barrier)? else { return Ok(()) };
        let mut to_visit = vec![Directory::root()];
        while let Some(directory) = to_visit.pop() {
            self.move_directory(&directory, &mut to_visit).await?;
        }
        let left = self.count_keys(&place::generation_prefix(generation)).await?;
        if left > 0 { Err(RewrapError::Orphans { entries: left }) } else { Ok(()) }
    }

    async fn move_directory(
        &mut self,
        directory: &Directory,
        to_visit: &mut Vec<Directory>,
    ) -> Result<(), RewrapError> {
        let prefix = self.barrier.with_keys(|keys| {
            let prefix = |names: &crate::names::NamesCipher| {
                place::directory_prefix(names.generation(), names.token(directory))
            };
            Ok(keys.leaving_names.as_ref().map(prefix))
        })?;
        let Some(prefix) = prefix else { return Ok(()) };
        let mut cursor: Option<Vec<u8>> = None;
        loop {
            let keys = self.barrier.storage().scan(&prefix, cursor.as_deref(), STEP_ENTRIES).await?;
            let Some(last) = keys.last() else { return Ok(()) };
            cursor = Some(last.clone());
            let mut values = Vec::new();
            for key in keys {
                let name = self.barrier.with_keys(|held| {
                    let place = EntryPlace::parse(&key).ok_or(ReadError::Name)?;
                    Ok(held.leaving_names.as_ref().ok_or(ReadError::Name)?.open(&place)?)
                })?;
                match name {
                    EntryName::Value(_) => values.push(key),
                    EntryName::Directory(name) => {
                        to_visit.push(directory.child(&name).map_err(|_| ReadError::Name)?);
                    }
                }
            }
            let largest = self.longest(&values).await?;
            for keys in split(values, largest) {
                let moved = self
                    .step("names", |state| Work::Move { directory: directory.clone(), keys, state })
                    .await?;
                self.moved += moved;
            }
        }
    }

    /// Seals what is left under older terms, in storage order from where the last step ended.
    async fn records(&mut self) -> Result<(), RewrapError> {
        loop {
            let cursor = Some(self.state.cursor.as_slice()).filter(|cursor| !cursor.is_empty());
            let keys = self.barrier.storage().scan(place::ENTRIES, cursor, STEP_ENTRIES).await?;
            let Some(last) = keys.last() else { return Ok(()) };
            let last = last.clone();
            let (old, weight) = self.under_other_terms(keys).await?;
            self.state.cursor = last;
            if old.is_empty() {
                self.report("records", self.state.done, self.total)?;
                continue;
            }
            for keys in split(old, weight) {
                self.step("records", |state| Work::Reseal { keys, state }).await?;
            }
        }
    }

    /// Reads the term of every entry, and counts those under the target.
    async fn proof(&mut self, expected: u64) -> Result<u64, RewrapError> {
        let mut proved = 0;
        let mut cursor: Option<Vec<u8>> = None;
        loop {
            let keys = self.barrier.storage().scan(place::ENTRIES, cursor.as_deref(), PROOF_ENTRIES).await?;
            let Some(last) = keys.last() else { return Ok(proved) };
            cursor = Some(last.clone());
            let looked_at = u64::try_from(keys.len()).unwrap_or(u64::MAX);
            let (old, weight) = self.under_other_terms(keys).await?;
            // Only a damaged cursor or count could leave any; they are done now rather than trusted.
            if !old.is_empty() {
                for keys in split(old, weight) {
                    self.step("records", |state| Work::Reseal { keys, state }).await?;
                }
            }
            proved += looked_at;
            self.report("proof", proved, expected.max(proved))?;
        }
    }

    /// Those of the keys whose records are not under the target, and the bytes of the largest.
    async fn under_other_terms(&self, keys: Vec<Vec<u8>>) -> Result<(Vec<Vec<u8>>, usize), RewrapError> {
        let mut old = Vec::new();
        let mut largest = 1;
        for key in keys {
            let Some(record) = self.barrier.storage().get(&key).await? else { continue };
            if record::term_of(&record).map_err(ReadError::from)? != self.state.target {
                largest = largest.max(record.len());
                old.push(key);
            }
        }
        Ok((old, largest))
    }

    async fn longest(&self, keys: &[Vec<u8>]) -> Result<usize, RewrapError> {
        let mut longest = 1;
        for key in keys {
            longest = longest.max(self.barrier.storage().get(key).await?.map_or(0, |record| record.len()));
        }
        Ok(longest)
    }

    async fn step(
        &mut self,
        phase: &'static str,
        work: impl FnOnce(RewrapState) -> Work,
    ) -> Result<u64, RewrapError> {
        let outcome = self.barrier.request(work(self.state.clone())).await?;
        let Committed { .. } = outcome.committed;
        self.state = self.state.advanced(outcome.resealed.entries);
        self.resealed += outcome.resealed.entries;
        self.bytes = self.bytes.saturating_add(outcome.resealed.bytes);
        self.report(phase, self.state.done, self.total)?;
        Ok(outcome.resealed.entries)
    }

    fn report(&mut self, phase: &'static str, done: u64, total: u64) -> Result<(), RewrapError> {
        let total = total.max(done);
        let progress =
            RewrapProgress { phase, done, total, bytes: self.bytes, elapsed: self.started.elapsed() };
        match (self.progress)(progress) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(RewrapError::Stopped),
        }
    }

    async fn count_keys(&self, prefix: &[u8]) -> Result<u64, RewrapError> {
        let mut count = 0;
        let mut cursor: Option<Vec<u8>> = None;
        loop {
            let mut keys = self.barrier.storage().scan(prefix, cursor.as_deref(), PROOF_ENTRIES).await?;
            count += u64::try_from(keys.len()).unwrap_or(u64::MAX);
            match keys.pop() {
                Some(last) => cursor = Some(last),
                None => return Ok(count),
            }
        }
    }
}

/// Into steps that stay within bounds of memory even if every record is as long as the longest.
fn split(keys: Vec<Vec<u8>>, largest: usize) -> Vec<Vec<Vec<u8>>> {
    let each = (STEP_BYTES / largest.max(1)).max(1);
    let mut steps = Vec::new();
    let mut keys = keys.into_iter().peekable();
    while keys.peek().is_some() {
        steps.push(keys.by_ref().take(each).collect());
    }
    steps
}

/// One step is one commit: large enough to spread its sync over many records, small enough that writers do not notice.
const STEP_ENTRIES: usize = 512;
const STEP_BYTES: usize = 8 * 1024 * 1024;
const PROOF_ENTRIES: usize = 1024;
