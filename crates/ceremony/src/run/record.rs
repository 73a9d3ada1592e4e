//! What a ceremony writes down. No secret and no share can be said in these words.

use std::fmt;

use strongroom_audit::Signer;

use crate::plan::{Kind, Person, Step};

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// The ceremony begins.
    Opened {
        /// What it is for.
        kind: Kind,
        /// What it is called.
        title: &'a str,
        /// The SHA-256 of the plan's file.
        plan: [u8; 32],
        /// Whether it is a rehearsal.
        rehearsal: bool,
        /// Who asked for it, where the plan says so.
        requested_by: Option<&'a str>,
    },
    /// It was interrupted, and goes on.
    Resumed {
        /// The first step that is still to be done.
        at: Option<Step>,
        /// How many lines, at the end of what was there, nobody had signed yet.
        unsigned: u64,
    },
    /// The program that runs it.
    Software {
        /// Its version.
        version: &'a str,
        /// The SHA-256 of its file.
        hash: [u8; 32],
    },
    /// Something about the machine that is unsafe, and was allowed.
    Unsafe {
        /// What.
        what: &'a str,
    },
    /// Somebody is there.
    Present {
        /// Who.
        person: &'a Person,
    },
    /// Somebody of the plan is not there, and the ceremony goes on without them.
    Absent {
        /// Who.
        person: &'a Person,
    },
    /// A device is there.
    Device {
        /// As the plan calls it.
        device: &'a str,
    },
    /// A step begins.
    StepBegun {
        /// Which.
        step: Step,
    },
    /// A step is done, and the witness has signed it off.
    StepDone {
        /// Which.
        step: Step,
        /// The witness.
        witness: &'a Person,
        /// The SHA-256 of the journal that says so.
        journal: [u8; 32],
    },
    /// How far the ceremony is, without a step that ends.
    Progress {
        /// The SHA-256 of the journal that says so.
        journal: [u8; 32],
    },
    /// Something went otherwise than planned.
    Exception {
        /// The step.
        step: Step,
        /// Who wrote it down.
        by: &'a Person,
        /// What.
        what: &'a str,
    },
    /// Somebody approved.
    Approved {
        /// Who.
        by: &'a Person,
    },
    /// A share was taken.
    ShareAccepted {
        /// Its set.
        set: [u8; 16],
        /// Its group, where there are groups.
        group: Option<&'a str>,
        /// Its index.
        index: u8,
        /// Who brought it.
        by: &'a Person,
    },
    /// Somebody had no good share to show.
    NotShown {
        /// Who.
        by: &'a Person,
    },
    /// A share was refused.
    ShareRefused {
        /// Who brought it.
        by: &'a Person,
        /// Why, in one of the library's sentences, which tell nothing of a share.
        why: &'a str,
    },
    /// New shares were made.
    Dealt {
        /// Their set.
        set: [u8; 16],
        /// Who can open the slot.
        policy: &'a str,
        /// How many there are.
        shares: usize,
    },
    /// Shares that were handed out are void.
    Voided {
        /// Their set.
        set: [u8; 16],
    },
    /// Shares that were handed out are given up, and their slot waits in the store until it is removed or too old.
    Waiting {
        /// Their set.
        set: [u8; 16],
    },
    /// A share went to its custodian.
    HandedOut {
        /// Its set.
        set: [u8; 16],
        /// Its group, where there are groups.
        group: Option<&'a str>,
        /// Its index.
        index: u8,
        /// How many are needed.
        threshold: u8,
        /// To whom.
        to: &'a Person,
        /// `age`, `openpgp`, `screen` or `paper`.
        custody: &'static str,
    },
    /// A custodian acknowledged.
    Acknowledged {
        /// Who.
        by: &'a Person,
    },
    /// A custodian proved to have a share.
    Proved {
        /// Who.
        by: &'a Person,
        /// Its set.
        set: [u8; 16],
        /// Its group, where there are groups.
        group: Option<&'a str>,
        /// Its index.
        index: u8,
    },
    /// The cooling-off time began.
    CoolingOff {
        /// Until when, in seconds since 1970.
        until: u64,
    },
    /// What was prepared is so now.
    Committed {
        /// The store.
        store: &'a str,
        /// The set of shares that opens it from now on.
        set: [u8; 16],
    },
    /// Something else that is so.
    Fact {
        /// What it is.
        name: &'static str,
        /// What it is like.
        value: &'a str,
    },
    /// Somebody wants the ceremony ended before its end. What that needs may still fail.
    Aborting {
        /// Who.
        by: &'a Person,
        /// Why.
        why: &'a str,
    },
    /// Somebody ended the ceremony before its end.
    Aborted {
        /// Who.
        by: &'a Person,
        /// Why.
        why: &'a str,
    },
    /// The end.
    Closed,
}

/// Where events go. A transcript that is chained and signed is one.
pub trait Record {
    /// Writes an event, durably.
    ///
    /// # Errors
    ///
    /// [`RecordError`]: the ceremony goes no further, since what nobody wrote down must not happen.
    fn record(&mut self, event: &Event<'_>) -> Result<(), RecordError>;

    /// What was written before, when a ceremony is opened.
    fn trail(&self) -> Trail;

    /// Writes somebody's signature over everything so far, durably.
    ///
    /// # Errors
    ///
    /// [`CosignError`].
    fn cosign(&mut self, who: &Person, key: &dyn Signer) -> Result<(), CosignError>;
}

/// What a record says of a ceremony that is opened again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trail {
    /// The journals of which one may lie there: the last that it tells of and, since a process can end between telling and
    /// writing, the one before. Empty where none was told of; `None` where the record does not outlive the process, and any
    /// journal is gone on with.
    pub journals: Option<Vec<[u8; 32]>>,
    /// Whether it tells that the ceremony was aborted.
    pub aborted: bool,
    /// Whether somebody wanted that, and it did not come to it.
    pub aborting: bool,
    /// The hash of the last line that is signed, where it is signed at all.
    pub signed: Option<[u8; 32]>,
    /// How many lines at its end nobody signed, where it is signed at all.
    pub unsigned: u64,
}

impl Trail {
    /// Whether this journal, or none, may lie there.
    pub(crate) fn vouches(&self, found: Option<[u8; 32]>) -> bool {
        match (&self.journals, found) {
            (None, _) => true,
            (Some(told), Some(found)) => told.contains(&found),
            (Some(told), None) => told.is_empty(),
        }
    }
}

/// A signature was not written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CosignError {
    /// The key did not sign. It can be tried again.
    Key(String),
    /// The signature could not be written.
    Record(RecordError),
}

/// An event could not be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordError(pub String);

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the transcript could not be written or signed, so nothing more was done ({}): mend that, and go on with the same \
             plan and --resume",
            self.0
        )
    }
}

impl std::error::Error for RecordError {}
