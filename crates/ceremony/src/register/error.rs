//! What is wrong with a register, or with what shall be entered.

use std::fmt;

use strongroom_audit::file::FileError;
use strongroom_audit::{AppendError, Public, VerifyError};

use super::holdings::Share;
use crate::run::hexadecimal;

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
    /// Nothing of what a transcript says of shares fits.
    NoneTaken(Vec<Refused>),
}

/// What a transcript says of a share, and was not entered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The share.
    pub share: Share,
    /// Who was given it, or brought it.
    pub custodian: Public,
    /// Why it does not fit.
    pub rule: RuleError,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Share { set, group, index } = &self.share;
        let group = group.as_ref().map(|group| format!(" of {group}")).unwrap_or_default();
        write!(f, "{}, share {index}{group} of set {}: {}", self.custodian, hexadecimal(set), self.rule)
    }
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
    /// The register knows of this check already, or of a later one, or that the share failed since.
    NotNewer,
    /// The check lies after the line that enters it.
    FromTheFuture,
    /// The next check would be more than [`MAX_DAYS`](super::MAX_DAYS) days after this one.
    TooLong,
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
                "this share is in the register already: enter checks with share-check --register or register take, and a new \
                 custodian with register succeed"
            }
            Self::UnknownShare => {
                "this share is not in the register: take the transcript of the ceremony that made it first, with register take"
            }
            Self::UnknownSet => "no share of this set is in the register: see its sets with register show",
            Self::SetEnded => {
                "this set was ended by a rekey, and its shares open nothing: take the present set's"
            }
            Self::OtherCustodian => {
                "the register has this share with somebody else: enter the succession first, with register succeed, or bring \
                 the right share"
            }
            Self::SamePerson => "a custodian cannot follow themselves",
            Self::NotNewer => {
                "the register knows this check already, or of a later check or failure of this share: there is nothing to enter"
            }
            Self::FromTheFuture => {
                "this check lies in the future: one of the machines has a wrong clock; correct it, and check the share again \
                 with share-check --register"
            }
            Self::TooLong => "a share is checked at least every 366 days: name fewer",
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
            Self::NoneTaken(refused) => {
                let all: Vec<_> = refused.iter().map(Refused::to_string).collect();
                write!(f, "nothing was entered: {}", all.join("; "))
            }
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
            Self::NoneTaken(refused) => refused.first().map(|refused| &refused.rule as _),
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
