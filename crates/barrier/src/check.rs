//! A check reads everything and says what is wrong where.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;

use strongroom_crypto::record::{self, OpenError, Term};
use strongroom_storage::Snapshot;

use crate::barrier::Barrier;
use crate::entry;
use crate::error::ReadError;
use crate::head::Head;
use crate::names::EntryName;
use crate::path::Directory;
use crate::place::{self, EntryPlace, Token};
use crate::rewrap_state::RewrapState;

/// What a check found.
#[derive(Debug, Default)]
pub struct CheckReport {
    /// Values that open.
    pub values: u64,
    /// Directories that open.
    pub directories: u64,
    /// Bytes of all values, without padding.
    pub bytes: u64,
    /// Entries by the term that they are sealed under.
    pub by_term: BTreeMap<Term, u64>,
    /// The first findings, at most 1,000 of them.
    pub findings: Vec<Finding>,
    /// How many findings there are.
    pub found: u64,
}

impl CheckReport {
    /// Whether nothing is wrong.
    pub fn is_clean(&self) -> bool {
        self.found == 0
    }

    fn note(&mut self, place: &[u8], path: Option<String>, problem: Problem) {
        self.found += 1;
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(Finding { place: place.to_vec(), path, problem });
        }
    }
}

/// Something wrong, and where.
///
/// The path is there for the people who may unseal the store; do not log it.
#[derive(Debug)]
pub struct Finding {
    /// The storage key.
    pub place: Vec<u8>,
    /// The name, as far as it can be read; a directory's ends in `/`.
    pub path: Option<String>,
    /// What is wrong.
    pub problem: Problem,
}

/// A kind of damage.
#[derive(Debug)]
pub enum Problem {
    /// The record does not open.
    Record(OpenError),
    /// The record opens but breaks its format.
    Malformed,
    /// The storage key belongs to no format.
    Key,
    /// The storage key is of a generation of names that the keyring does not know.
    Generation(u16),
    /// The name does not open: damaged, forged, or moved from another directory.
    Name,
    /// It lies in a directory that no other directory leads to.
    Orphan,
    /// The head counts another number of entries under a term.
    Count {
        /// The term.
        term: Term,
        /// What the head says.
        head: u64,
        /// What there is.
        found: u64,
    },
    /// The head is missing or damaged.
    Head,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Record(error) => write!(f, "the record does not open: {error}"),
            Self::Malformed => f.write_str("the record opens but breaks its format"),
            Self::Key => f.write_str("the storage key belongs to no format"),
            Self::Generation(generation) => write!(f, "names generation {generation} is not in the keyring"),
            Self::Name => {
                f.write_str("the name does not open: damaged, forged, or moved from another directory")
            }
            Self::Orphan => f.write_str("no directory leads to it"),
            Self::Count { term, head, found } => {
                write!(f, "the head counts {head} entries under term {}, and there are {found}", term.get())
            }
            Self::Head => f.write_str("the head record is missing or damaged"),
        }
    }
}

impl Barrier {
    /// Reads every entry of a snapshot: opens its name and its record, follows the directories, and compares the counts
    /// with the head. Memory grows with the number of directories, not of values.
    ///
    /// `progress` gets the entries read so far and in all, and can stop the check; then the report is of that part.
    ///
    /// # Errors
    ///
    /// Only when storage itself fails or the barrier is sealed: what is wrong with the data is in the report.
    pub async fn check(
        &self,
        mut progress: impl FnMut(u64, u64) -> ControlFlow<()>,
    ) -> Result<CheckReport, ReadError> {
        let generation = || self.with_keys(|keys| Ok(keys.keyring.generation()));
        loop {
            let before = generation()?;
            let snapshot = self.shared().storage.snapshot().await?;
            let report = CheckReport::default();
            let mut check = Check { barrier: self, snapshot, report, progress: &mut progress };
            let head = check.head().await?;
            check.rewrap().await?;
            let directories = check.walk().await?;
            let whole = check.records(&directories, head.as_ref().map_or(0, Head::live)).await?;
            if let (Some(head), true) = (head, whole) {
                check.compare(&head);
            }
            let report = check.report;
            // Keys that were destroyed meanwhile open nothing of the snapshot: then it says nothing of the store.
            if report.is_clean() || generation()? == before {
                return Ok(report);
            }
        }
    }
}

struct Check<'a, P> {
    barrier: &'a Barrier,
    snapshot: Arc<dyn Snapshot>,
    report: CheckReport,
    progress: P,
}

impl<P: FnMut(u64, u64) -> ControlFlow<()>> Check<'_, P> {
    async fn head(&mut self) -> Result<Option<Head>, ReadError> {
        let record = self.snapshot.get(place::HEAD).await?;
        let head = match record {
            None => None,
            Some(record) => match self.barrier.open_record(place::HEAD, &record) {
                Ok(plaintext) => Head::decode(plaintext.as_slice()).ok(),
                Err(ReadError::Sealed) => return Err(ReadError::Sealed),
                Err(_) => None,
            },
        };
        if head.is_none() {
            self.report.note(place::HEAD, None, Problem::Head);
        }
        Ok(head)
    }

    async fn rewrap(&mut self) -> Result<(), ReadError> {
        let Some(record) = self.snapshot.get(place::REWRAP).await? else { return Ok(()) };
        match self.barrier.open_record(place::REWRAP, &record) {
            Ok(plaintext) if RewrapState::decode(plaintext.as_slice()).is_some() => {}
            Ok(_) => self.report.note(place::REWRAP, None, Problem::Malformed),
            Err(ReadError::Record(error)) => self.report.note(place::REWRAP, None, Problem::Record(error)),
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// The directories that can be reached from the root, by generation and token.
    async fn walk(&self) -> Result<HashMap<(u16, Token), Directory>, ReadError> {
        let mut reached = HashMap::new();
        let generations = self.barrier.with_keys(|keys| {
            Ok(keys.lookup_order().map(crate::names::NamesCipher::generation).collect::<Vec<_>>())
        })?;
        for generation in generations {
            let mut to_visit = vec![Directory::root()];
            while let Some(directory) = to_visit.pop() {
                let Some(token) = self.token(generation, &directory)? else { continue };
                let prefix = place::directory_prefix(generation, token);
                let mut cursor: Option<Vec<u8>> = None;
                loop {
                    let mut keys = self.snapshot.scan(&prefix, cursor.as_deref(), SCAN_PAGE).await?;
                    for key in &keys {
                        if let Some(EntryName::Directory(name)) = self.name(key)?
                            && let Ok(child) = directory.child(&name)
                        {
                            to_visit.push(child);
                        }
                    }
                    match keys.pop() {
                        Some(last) => cursor = Some(last),
                        None => break,
                    }
                }
                reached.insert((generation, token), directory);
            }
        }
        Ok(reached)
    }

    fn token(&self, generation: u16, directory: &Directory) -> Result<Option<Token>, ReadError> {
        self.barrier.with_keys(|keys| {
            let names = keys.lookup_order().find(|names| names.generation() == generation);
            Ok(names.map(|names| names.token(directory)))
        })
    }

    fn name(&self, key: &[u8]) -> Result<Option<EntryName>, ReadError> {
        self.barrier.with_keys(|keys| {
            Ok(EntryPlace::parse(key).and_then(|place| {
                let names = keys.lookup_order().find(|names| names.generation() == place.generation)?;
                names.open(&place).ok()
            }))
        })
    }

    /// Opens every record; says whether it came to the end.
    async fn records(
        &mut self,
        directories: &HashMap<(u16, Token), Directory>,
        total: u64,
    ) -> Result<bool, ReadError> {
        let known = self.barrier.with_keys(|keys| {
            Ok(keys.lookup_order().map(crate::names::NamesCipher::generation).collect::<Vec<_>>())
        })?;
        let mut read = 0;
        let mut cursor: Option<Vec<u8>> = None;
        loop {
            let mut keys = self.snapshot.scan(b"", cursor.as_deref(), SCAN_PAGE).await?;
            for key in &keys {
                if SYSTEM.contains(&key.as_slice()) {
                    continue;
                }
                read += 1;
                let Some(place) = EntryPlace::parse(key) else {
                    self.report.note(key, None, Problem::Key);
                    continue;
                };
                let directory = directories.get(&(place.generation, place.token));
                let name = self.name(key)?;
                let path = path_text(directory, name.as_ref());
                if !known.contains(&place.generation) {
                    self.report.note(key, None, Problem::Generation(place.generation));
                } else if name.is_none() {
                    self.report.note(key, path.clone(), Problem::Name);
                } else if directory.is_none() {
                    self.report.note(key, path.clone(), Problem::Orphan);
                }
                self.record(key, path, matches!(name, Some(EntryName::Directory(_)))).await?;
            }
            if (self.progress)(read, total.max(read)).is_break() {
                return Ok(false);
            }
            match keys.pop() {
                Some(last) => cursor = Some(last),
                None => return Ok(true),
            }
        }
    }

    async fn record(&mut self, key: &[u8], path: Option<String>, directory: bool) -> Result<(), ReadError> {
        let Some(record) = self.snapshot.get(key).await? else { return Ok(()) };
        if let Ok(term) = record::term_of(&record) {
            *self.report.by_term.entry(term).or_default() += 1;
        }
        match self.barrier.open_record(key, &record) {
            Ok(plaintext) if directory => {
                if plaintext.is_empty() {
                    self.report.directories += 1;
                } else {
                    self.report.note(key, path, Problem::Malformed);
                }
            }
            Ok(plaintext) => match entry::decode(plaintext.as_slice()) {
                Some((_, value)) => {
                    self.report.values += 1;
                    self.report.bytes += u64::try_from(value.len()).unwrap_or(0);
                }
                None => self.report.note(key, path, Problem::Malformed),
            },
            Err(ReadError::Record(error)) => self.report.note(key, path, Problem::Record(error)),
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn compare(&mut self, head: &Head) {
        let mut counts = self.report.by_term.clone();
        for (term, usage) in &head.terms {
            let found = counts.remove(term).unwrap_or(0);
            if found != usage.live {
                self.report.note(place::HEAD, None, Problem::Count { term: *term, head: usage.live, found });
            }
        }
        for (term, found) in counts {
            self.report.note(place::HEAD, None, Problem::Count { term, head: 0, found });
        }
    }
}

fn path_text(directory: Option<&Directory>, name: Option<&EntryName>) -> Option<String> {
    let directory = directory?;
    Some(match name {
        Some(EntryName::Value(name)) => format!("{directory}{}", **name),
        Some(EntryName::Directory(name)) => format!("{directory}{}/", **name),
        None => format!("{directory}?"),
    })
}

const SYSTEM: [&[u8]; 4] = [place::HEAD, place::KEYRING, place::SLOTS, place::REWRAP];
const FINDINGS_MAX: usize = 1000;
const SCAN_PAGE: usize = 1024;
