//! Why a ceremony stopped.

use std::fmt;
use std::io;
use std::path::PathBuf;

use strongroom::backup::RestoreError;
use strongroom::causes::{PossessionError, StorageOpenError};
use strongroom::{InitError, OpenError, ReadError, SlotError, UnsealError, share_text};
use strongroom_audit::AppendError;

use super::conversation::Gone;
use super::journal::JournalError;
use super::record::RecordError;
use super::software::SoftwareError;
use crate::custody::CustodyError;
use crate::plan::Role;
use crate::slot_file::SlotFileError;

/// Why a ceremony stopped. The store is as its last commit left it; start again with the same plan to go on.
#[derive(Debug)]
pub enum CeremonyError {
    /// Nobody is there any more.
    Gone(Gone),
    /// The transcript.
    Record(RecordError),
    /// The journal.
    Journal(JournalError),
    /// The plan that was loaded is not the one that was reviewed.
    AnotherPlan,
    /// Somebody or something that must be there is not.
    Absent(String),
    /// Nobody has a role that a step needs.
    NobodyIs(Role),
    /// Nobody but the requester approved.
    SoleApprover,
    /// The machine or the program is not what it should be.
    Software(SoftwareError),
    /// The store was not made.
    Init(InitError),
    /// The store's storage.
    Storage(StorageOpenError),
    /// The sealed store could not be read.
    Open(OpenError),
    /// The store did not open.
    Unseal(UnsealError),
    /// The open store could not be read.
    Read(ReadError),
    /// The slots could not be changed.
    Slot(SlotError),
    /// Possession was not proved.
    Possession(PossessionError),
    /// The backup.
    Restore(RestoreError),
    /// A share could not be brought to its custodian.
    Custody(CustodyError),
    /// A share could not be written as text.
    Encode(share_text::ShareEncodeError),
    /// The slot file.
    SlotFile(SlotFileError),
    /// Too few holders came.
    TooFew {
        /// Shares that are here.
        have: usize,
        /// Shares that are needed.
        need: usize,
    },
    /// The transcript was not signed.
    Signing(String),
    /// An HSM did not do its part.
    Hsm(String),
    /// Something was found by the check of the store.
    CheckFailed,
    /// What is there does not fit the plan.
    Misfit(&'static str),
    /// Something lies where this ceremony would work, and is not its own.
    Taken(PathBuf),
    /// Others can write into the output directory.
    Writable(PathBuf),
    /// The operating system refused.
    Io {
        /// What was to be done.
        what: &'static str,
        /// Why it was not.
        error: io::Error,
    },
}

impl CeremonyError {
    /// The transcript could not be sealed at the end.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
    pub fn unsigned(error: AppendError) -> Self {
        Self::Signing(error.to_string())
    }

    pub(super) fn io(what: &'static str, error: io::Error) -> Self {
        Self::Io { what, error }
    }
}

impl fmt::Display for CeremonyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gone(error) => error.fmt(f),
            Self::Record(error) => error.fmt(f),
            Self::Journal(error) => error.fmt(f),
            Self::AnotherPlan => f.write_str(
                "this is not the plan that was reviewed: nothing was done; load the right file, or have this one reviewed",
            ),
            Self::Absent(who) => write!(f, "{who} is not here: the ceremony waits; go on with --resume when everything is there"),
            Self::NobodyIs(role) => write!(f, "nobody is {}: name somebody in the plan", role.word()),
            Self::SoleApprover => f.write_str(
                "nobody but the one who asked approved, and that is not enough: another approver must come",
            ),
            Self::Software(error) => error.fmt(f),
            Self::Init(error) => error.fmt(f),
            Self::Storage(error) => error.fmt(f),
            Self::Open(error) => error.fmt(f),
            Self::Unseal(error) => error.fmt(f),
            Self::Read(error) => error.fmt(f),
            Self::Slot(error) => error.fmt(f),
            Self::Possession(error) => error.fmt(f),
            Self::Restore(error) => error.fmt(f),
            Self::Custody(error) => error.fmt(f),
            Self::Encode(error) => error.fmt(f),
            Self::SlotFile(error) => error.fmt(f),
            Self::TooFew { have, need } => write!(
                f,
                "{have} of {need} shares are here, and nobody else is in the plan who could bring one: start again with --resume when \
                 more holders can come"
            ),
            Self::Signing(why) => write!(
                f,
                "the transcript is not signed: {why}. Everything else is done; start again with --resume when the key can sign"
            ),
            Self::Hsm(error) => write!(f, "an HSM did not do its part: {error}"),
            Self::CheckFailed => f.write_str(
                "the store's check found damage: see `strongroom check`, and restore from a backup if need be",
            ),
            Self::Misfit(problem) => f.write_str(problem),
            Self::Taken(path) => write!(
                f,
                "{} is there already, and this ceremony did not make it: look what it is, and move it away",
                path.display()
            ),
            Self::Writable(directory) => write!(
                f,
                "other users can write into the output directory {}, and the ceremony relies on what lies there: make it yours \
                 alone with chown and chmod go-w",
                directory.display()
            ),
            Self::Io { what, error } => write!(f, "{what}: {error}"),
        }
    }
}

impl std::error::Error for CeremonyError {}

macro_rules! from {
    ($($variant:ident($error:ty)),* $(,)?) => {
        $(impl From<$error> for CeremonyError {
            fn from(error: $error) -> Self {
                Self::$variant(error)
            }
        })*
    };
}

from! {
    Gone(Gone),
    Journal(JournalError),
    Software(SoftwareError),
    Init(InitError),
    Storage(StorageOpenError),
    Open(OpenError),
    Unseal(UnsealError),
    Read(ReadError),
    Slot(SlotError),
    Possession(PossessionError),
    Restore(RestoreError),
    Custody(CustodyError),
    Encode(share_text::ShareEncodeError),
    SlotFile(SlotFileError),
}
