//! What a transcript that is gone on with says of its ceremony.

use std::fmt;

use strongroom_audit::file::FileError;
use strongroom_audit::{Chain, Fingerprint, Record, Value};

use super::entry::{ABORTED, ABORTING, EXCEPTION, JOURNAL, PROGRESS, STEP_DONE};
use crate::run::record::Trail;

/// What is there to go on with. With a key only what it signed counts.
pub(super) fn of(chain: &Chain, key: Option<&Fingerprint>) -> Result<Trail, OpenError> {
    let own = || chain.signed().iter().filter(|signed| signed.name().is_none());
    if let Some(key) = key {
        let other = own().map(|signed| signed.key().fingerprint()).find(|found| found != key);
        if let Some(found) = other {
            return Err(OpenError::OtherKey { found });
        }
    }
    let signed_to = match key {
        Some(_) => own().next_back().map_or(0, strongroom_audit::Signed::line),
        None => u64::MAX,
    };
    let told = chain.entries().filter(|record| record.number() < signed_to).filter_map(journal);
    let mut journals: Vec<_> = told.collect();
    journals.drain(..journals.len().saturating_sub(2));
    let last = chain.records().last().map_or(0, Record::number);
    let is = |record: &&Record, event| record.entry().event() == event;
    let signed = chain.records().iter().find(|record| record.number() == signed_to).map(Record::hash);
    // An abort that was taken back is followed by an exception; one that came about, by itself.
    let asked = chain.entries().filter(|record| is(record, ABORTING)).last().map(Record::number);
    let taken_back = |asked| chain.entries().any(|record| record.number() > asked && is(&record, EXCEPTION));
    Ok(Trail {
        journals: Some(journals),
        aborted: chain.entries().any(|record| record.number() < signed_to && is(&record, ABORTED)),
        aborting: asked.is_some_and(|asked| !taken_back(asked)),
        signed,
        unsigned: last.saturating_sub(signed_to),
    })
}

fn journal(record: &Record) -> Option<[u8; 32]> {
    match (record.entry().event(), record.entry().field(JOURNAL)?) {
        (STEP_DONE | PROGRESS, Value::Sha256(hash)) => Some(*hash),
        _ => None,
    }
}

/// Why a transcript cannot be begun or gone on with.
#[derive(Debug)]
pub enum OpenError {
    /// The file.
    File(FileError),
    /// It was signed by another key than the plan's.
    OtherKey {
        /// That key's fingerprint.
        found: Fingerprint,
    },
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(FileError::Sealed) => f.write_str(
                "this ceremony is over, and its transcript sealed: give another ceremony an output directory of its own",
            ),
            Self::File(error) => error.fmt(f),
            Self::OtherKey { found } => write!(
                f,
                "the transcript that is there was signed by another key, of fingerprint {found}: it is not this ceremony's; find \
                 out who put it there, and begin another ceremony with an output directory of its own"
            ),
        }
    }
}

impl std::error::Error for OpenError {}

impl From<FileError> for OpenError {
    fn from(error: FileError) -> Self {
        Self::File(error)
    }
}
