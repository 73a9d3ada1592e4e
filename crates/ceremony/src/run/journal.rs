//! How far a ceremony is, on disk, so that one that was interrupted goes on.
//!
//! `journal.json` in the plan's output directory. It holds no secret. It is replaced as a whole: written beside its place,
//! synced, and moved there. Before that its hash goes into the transcript, which signs it where it has a key: a journal that
//! the transcript does not vouch for is not gone on with, so nobody can make a ceremony skip a step by writing into it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::hexadecimal;
use crate::custody::write_private;
use crate::plan::{Plan, Step};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    version: u32,
    plan: String,
    rehearsal: bool,
    done: Vec<String>,
    facts: BTreeMap<String, String>,
}

/// A ceremony's journal.
pub(super) struct Journal {
    path: PathBuf,
    stored: Stored,
    /// The hash of what was found.
    found: Option<[u8; 32]>,
}

impl Journal {
    /// The journal in this directory: the one that is there if it is this plan's, or a new one that is not written yet.
    pub(super) fn open(directory: &Path, plan: &Plan, rehearsal: bool) -> Result<Self, JournalError> {
        let path = directory.join(NAME);
        let hash = hexadecimal(&plan.hash());
        match fs::read(&path) {
            Ok(bytes) => {
                let stored: Stored = serde_json::from_slice(&bytes).map_err(|_| JournalError::Damaged)?;
                if stored.version != VERSION
                    || !stored.done.iter().all(|word| Step::from_word(word).is_some())
                {
                    return Err(JournalError::Damaged);
                }
                if stored.plan != hash || stored.rehearsal != rehearsal {
                    return Err(JournalError::AnotherPlan);
                }
                Ok(Self { path, stored, found: Some(sha256(&bytes)) })
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let stored = Stored {
                    version: VERSION,
                    plan: hash,
                    rehearsal,
                    done: Vec::new(),
                    facts: BTreeMap::new(),
                };
                Ok(Self { path, stored, found: None })
            }
            Err(error) => Err(JournalError::Io(error)),
        }
    }

    /// The hash of what was there already.
    pub(super) fn found(&self) -> Option<[u8; 32]> {
        self.found
    }

    pub(super) fn is_done(&self, step: Step) -> bool {
        self.stored.done.iter().any(|word| word == step.word())
    }

    pub(super) fn done(&mut self, step: Step) {
        if !self.is_done(step) {
            self.stored.done.push(step.word().to_owned());
        }
    }

    /// Forgets that these steps were done.
    pub(super) fn undo(&mut self, steps: &[Step]) {
        self.stored.done.retain(|word| steps.iter().all(|step| step.word() != word));
    }

    pub(super) fn fact(&self, name: &str) -> Option<&str> {
        self.stored.facts.get(name).map(String::as_str)
    }

    pub(super) fn set_fact(&mut self, name: &str, value: &str) {
        self.stored.facts.insert(name.to_owned(), value.to_owned());
    }

    pub(super) fn clear_fact(&mut self, name: &str) {
        self.stored.facts.remove(name);
    }

    /// What is to be written.
    pub(super) fn encode(&self) -> Result<Vec<u8>, JournalError> {
        serde_json::to_vec_pretty(&self.stored).map_err(|error| JournalError::Io(error.into()))
    }

    /// Writes it, once the transcript vouches for it.
    pub(super) fn write(&self, bytes: &[u8]) -> Result<(), JournalError> {
        replace(&self.path, bytes).map_err(JournalError::Io)
    }
}

/// What the transcript knows a journal by.
pub(super) fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// Whether there is a journal in this directory.
pub(super) fn exists(directory: &Path) -> bool {
    directory.join(NAME).exists()
}

/// Puts a file in the place of another, so that whatever happens one of the two is there.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = path.with_extension("new");
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    write_private(&beside, bytes)?;
    fs::rename(&beside, path)?;
    sync_directory(path)
}

/// Syncs the directory in which the path lies, so that its name outlives a loss of power.
pub(super) fn sync_directory(path: &Path) -> io::Result<()> {
    match path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        Some(parent) => File::open(parent)?.sync_all(),
        None => File::open(".")?.sync_all(),
    }
}

/// Why there is no journal.
#[derive(Debug)]
pub enum JournalError {
    /// It was altered, or comes from another version.
    Damaged,
    /// The transcript does not vouch for it, or for there being none.
    NotVouched,
    /// It belongs to another plan, or a rehearsal is over a real one's.
    AnotherPlan,
    /// The operating system refused.
    Io(io::Error),
}

impl std::fmt::Display for JournalError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Damaged => f.write_str(
                "the ceremony's journal is damaged or of another version: use a new output directory; the store is as the \
                 last commit left it",
            ),
            Self::NotVouched => f.write_str(
                "the ceremony's journal is not the one that its transcript tells of: somebody changed or removed one of the two. \
                 This ceremony cannot go on; the store is as the last commit left it. Find out who, and begin another ceremony \
                 with an output directory of its own",
            ),
            Self::AnotherPlan => f.write_str(
                "the output directory belongs to another ceremony, whose plan differs or which was a rehearsal: choose a new \
                 one",
            ),
            Self::Io(error) => write!(f, "the ceremony's journal could not be read or written ({error})"),
        }
    }
}

impl std::error::Error for JournalError {}

const NAME: &str = "journal.json";
const VERSION: u32 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_is_replaced_as_a_whole_even_over_what_a_crash_left() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("journal.json");
        fs::write(path.with_extension("new"), "half").unwrap();
        replace(&path, b"one").unwrap();
        replace(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert!(!path.with_extension("new").exists());
    }
}
