//! What is wrong with a register, or with what shall be entered.

use std::fmt;

use strongroom_audit::file::FileError;
use strongroom_audit::{AppendError, VerifyError};

/// Why a register cannot be written or relied upon.
#[derive(Debug)]
pub enum RegisterError {
    /// The file.
    File(FileError),
    /// The line could not be written.
    Append(AppendError),
    /// It is not whole, or not signed by the expected key up to its end.
    Verify(VerifyError),
    /// It is not signed as it must be before anything is added to it.
    Untrusted(VerifyError),
    /// A line does not fit those above.
    Rule {
        /// Which. None where it was to be written, and was not.
        line: Option<u64>,
        /// Why.
        rule: RuleError,
    },
}

/// Why a line does not fit those above it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleError {
    /// It is nothing that a register holds.
    NoEntry,
    /// Indexes count from 1.
    NoIndex,
    /// The share is there already.
    EnteredTwice,
    /// No such share was entered.
    UnknownShare,
    /// No share of the set was entered.
    UnknownSet,
    /// The set was ended.
    SetEnded,
    /// The share is another custodian's.
    OtherCustodian,
    /// Nobody follows themselves.
    SamePerson,
    /// The transcript is of a rehearsal.
    Rehearsal,
    /// The transcript's ceremony was not done to its end.
    NotComplete,
    /// The transcript says nothing that belongs into a register.
    NothingToTake,
}

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoEntry => "it is nothing that a register holds",
            Self::NoIndex => "a share's index is at least 1",
            Self::EnteredTwice => {
                "this share is in the register already: write a check or a succession instead"
            }
            Self::UnknownShare => "this share is not in the register: enter it first",
            Self::UnknownSet => "no share of this set is in the register",
            Self::SetEnded => {
                "this set was ended by a rekey, and its shares open nothing: take the present set's"
            }
            Self::OtherCustodian => {
                "the register has this share with somebody else: write the succession first"
            }
            Self::SamePerson => "a custodian cannot follow themselves",
            Self::Rehearsal => {
                "the transcript is of a rehearsal, whose shares open nothing: take the real one's"
            }
            Self::NotComplete => {
                "the ceremony of this transcript was not done to its end: finish it, and take it then"
            }
            Self::NothingToTake => "no share was handed out or checked in the ceremony of this transcript",
        })
    }
}

impl std::error::Error for RuleError {}

impl fmt::Display for RegisterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(error) => error.fmt(f),
            Self::Append(error) => error.fmt(f),
            Self::Verify(error) => error.fmt(f),
            Self::Untrusted(VerifyError::Unfinished { .. }) => f.write_str(
                "nothing was entered: nobody signed the last lines of the register. A command that was interrupted leaves such \
                 lines, and somebody else may have written them: look at them, and have them signed with --unsigned, or take the \
                 register without them",
            ),
            Self::Untrusted(VerifyError::OtherKey { found }) => write!(
                f,
                "nothing was entered: the register is signed by another key, with the fingerprint {found}. If that was the \
                 register's key until now, say so with --signed-so-far; if not, take an untouched copy"
            ),
            Self::Untrusted(error) => write!(f, "nothing was entered: {error}"),
            Self::Rule { line: None, rule } => write!(f, "nothing was entered: {rule}"),
            Self::Rule { line: Some(line), rule } => write!(
                f,
                "line {line} of the register does not fit those above it ({rule}): no version of this program wrote it; ask who \
                 holds the register's key"
            ),
        }
    }
}

impl std::error::Error for RegisterError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::File(error) => Some(error),
            Self::Append(error) => Some(error),
            Self::Verify(error) | Self::Untrusted(error) => Some(error),
            Self::Rule { rule, .. } => Some(rule),
        }
    }
}

impl From<FileError> for RegisterError {
    fn from(error: FileError) -> Self {
        Self::File(error)
    }
}

impl From<AppendError> for RegisterError {
    fn from(error: AppendError) -> Self {
        Self::Append(error)
    }
}
