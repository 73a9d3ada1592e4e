//! The transcript: what happened at a ceremony, chained line by line and signed at the end.
//!
//! A [`Transcript`] is a [`Record`] whose lines are an audit chain (`docs/FORMATS.md`, "Audit chain"): each holds the hash of the
//! one before, so that none can be changed, removed, inserted or moved. Whenever a step ends, the transcript's own key signs
//! what is there, and a ceremony that goes on after an interruption goes on with what was signed alone. When the ceremony is over,
//! whoever was there and has a key co-signs, and the transcript's key [seals](Transcript::close) it. [`verify`] needs the file and
//! that key's fingerprint, and nothing else.
//!
//! # No secret
//!
//! A line is made of typed values, none of which takes a secret type. Text, which a person may have typed, loses everything
//! that looks like a key, and a note stands in its place.

mod account;
mod entry;
mod trail;

use std::fs;
use std::io;
use std::path::Path;

use strongroom_audit::file::{self, FileError, FileSink, Found};
use strongroom_audit::{AppendError, Chain, Entry, Fingerprint, Public, Signer, Time, Writer};

pub use trail::OpenError;

pub use account::{Account, Mismatch, Outcome, StoryProblem, TranscriptError, verify};

use crate::plan::Person;
use crate::run::Seal;
use crate::run::record::{CosignError, Event, Record, RecordError, Trail};

/// A ceremony's transcript, which is being written.
pub struct Transcript {
    writer: Writer<FileSink>,
    /// How the ceremony was opened, once it was.
    opened: Option<Entry>,
    trail: Trail,
    seal: Option<Seal>,
    clock: fn() -> u64,
}

impl Transcript {
    /// Begins a transcript in this file, or goes on with the one that is there. `clock` gives seconds since 1970. Without a key
    /// the transcript is never sealed, and whoever can write the file can change it between two starts.
    ///
    /// # Errors
    ///
    /// [`FileError`]: the file is another's, was damaged or sealed, or cannot be written; [`OpenError::OtherKey`].
    pub fn open(path: &Path, clock: fn() -> u64, seal: Option<Seal>) -> Result<(Self, Found), OpenError> {
        let at = Time::from_seconds(clock());
        match file::create(path, at, PURPOSE) {
            Ok(writer) => {
                let trail = Trail { journals: Some(Vec::new()), ..Trail::default() };
                Ok((Self { writer, opened: None, trail, seal, clock }, Found::Begun))
            }
            Err(FileError::Io(error)) if error.kind() == io::ErrorKind::AlreadyExists => {
                let (writer, found) = file::resume(path, at, PURPOSE)?;
                // The file is locked, and what was torn is mended: this reads what the writer goes on with.
                let chain =
                    Chain::read(&fs::read(path).map_err(FileError::Io)?).map_err(FileError::Damaged)?;
                let opened = chain.entries().next().map(|record| record.entry().clone());
                let trail = trail::of(&chain, seal.as_ref().map(Seal::fingerprint))?;
                Ok((Self { writer, opened, trail, seal, clock }, found))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The transcript's number, drawn when it was begun. Written on the printed plan, it tells this transcript from another.
    pub fn id(&self) -> &[u8; 16] {
        self.writer.id()
    }

    /// The hash of the last line, which stands for everything so far.
    pub fn hash(&self) -> [u8; 32] {
        self.writer.hash()
    }

    /// Seals the transcript with its own key, if it has one; that key's fingerprint. Nothing can follow.
    ///
    /// # Errors
    ///
    /// [`AppendError`]. Unless the line could not be written, it can be tried again.
    pub fn close(&mut self) -> Result<Option<Fingerprint>, AppendError> {
        let at = self.now();
        let Some(seal) = &self.seal else { return Ok(None) };
        self.writer.seal(at, seal.key())?;
        Ok(Some(*seal.fingerprint()))
    }

    /// Signs what is there, so that an interruption leaves what can be relied on.
    fn checkpoint(&mut self) -> Result<(), AppendError> {
        let at = self.now();
        match &self.seal {
            Some(seal) => self.writer.sign(at, seal.key()).map(drop),
            None => Ok(()),
        }
    }

    fn now(&self) -> Time {
        Time::from_seconds((self.clock)())
    }
}

impl Record for Transcript {
    fn record(&mut self, event: &Event<'_>) -> Result<(), RecordError> {
        let entry = entry::of(event);
        let opened = self.opened.get_or_insert_with(|| entry.clone());
        if matches!(event, Event::Opened { .. }) && *opened != entry {
            return Err(RecordError(ANOTHER.to_owned()));
        }
        let ends = matches!(
            event,
            Event::StepDone { .. }
                | Event::Progress { .. }
                | Event::CoolingOff { .. }
                | Event::Aborted { .. }
        );
        let appended = self.writer.append(self.now(), entry).map(drop);
        let appended = appended.and_then(|()| if ends { self.checkpoint() } else { Ok(()) });
        appended.map_err(|error| RecordError(error.to_string()))
    }

    fn trail(&self) -> Trail {
        self.trail.clone()
    }

    fn cosign(&mut self, who: &Person, key: &dyn Signer) -> Result<(), CosignError> {
        let signed = self.writer.cosign(self.now(), Public::redacted(&who.name), key);
        signed.map(drop).map_err(|error| match error {
            AppendError::Signer(_) | AppendError::Misbehaved => CosignError::Key(error.to_string()),
            _ => CosignError::Record(RecordError(error.to_string())),
        })
    }
}

/// What the chain of a transcript says that it is.
pub const PURPOSE: &str = "ceremony transcript";

const ANOTHER: &str =
    "this transcript is of another ceremony, by another plan: give this one a file of its own";

#[cfg(test)]
pub(crate) mod tests;
