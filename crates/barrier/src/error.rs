//! What can go wrong, by operation.

use std::fmt;

use strongroom_crypto::record::{OpenError, SealError};
use strongroom_crypto::secret::SecretError;
use strongroom_keyring::KeyringError;
use strongroom_storage as storage;

use crate::head::HeadError;
use crate::names::NamesError;

/// Why a barrier did not open.
#[derive(Debug)]
pub enum OpenBarrierError {
    /// Storage could not be read.
    Read(storage::ReadError),
    /// Storage could not be written.
    Commit(storage::CommitError),
    /// There is a store already: nothing was changed.
    Exists,
    /// The head is missing.
    NoHead,
    /// The head does not open: damaged, forged, or of another keyring.
    HeadRecord(OpenError),
    /// The head breaks its format.
    Head(HeadError),
    /// Head and keyring belong to different commits: a part of storage is older than the rest.
    Mixed,
    /// A record could not be sealed.
    Seal(SealError),
    /// The keyring could not be used.
    Keyring(KeyringError),
    /// The commit thread could not be started.
    Thread(std::io::Error),
}

impl fmt::Display for OpenBarrierError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(error) => write!(f, "{error}"),
            Self::Commit(error) => write!(f, "{error}"),
            Self::Exists => f.write_str("there is a store here already, and it was left as it is: choose another place"),
            Self::NoHead => f.write_str(
                "the store has no head record: a part of its storage is missing; restore the whole from a backup",
            ),
            Self::HeadRecord(error) => {
                write!(f, "the head record does not open ({error}): restore the whole store from a backup")
            }
            Self::Head(error) => write!(f, "{error}"),
            Self::Mixed => f.write_str(
                "head and keyring belong to different commits: a part of the storage was replaced by an older or foreign \
                 one; restore the whole from a backup",
            ),
            Self::Seal(error) => write!(f, "{error}"),
            Self::Keyring(error) => write!(f, "{error}"),
            Self::Thread(error) => write!(f, "the thread that commits could not be started: {error}"),
        }
    }
}

impl std::error::Error for OpenBarrierError {}

impl From<storage::ReadError> for OpenBarrierError {
    fn from(error: storage::ReadError) -> Self {
        Self::Read(error)
    }
}

impl From<SecretError> for OpenBarrierError {
    fn from(error: SecretError) -> Self {
        Self::Keyring(error.into())
    }
}

impl From<KeyringError> for OpenBarrierError {
    fn from(error: KeyringError) -> Self {
        Self::Keyring(error)
    }
}

impl From<SealError> for OpenBarrierError {
    fn from(error: SealError) -> Self {
        Self::Seal(error)
    }
}

/// Why something was not read.
#[derive(Debug)]
pub enum ReadError {
    /// The barrier is sealed.
    Sealed,
    /// Storage could not be read.
    Storage(storage::ReadError),
    /// A record does not open: damaged, forged, or moved from another place.
    Record(OpenError),
    /// A record opened but breaks its format.
    Malformed,
    /// A storage key does not open.
    Name,
    /// No secret memory.
    Secret(SecretError),
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sealed => f.write_str(SEALED),
            Self::Storage(error) => write!(f, "{error}"),
            Self::Record(error) => write!(f, "a record does not open: {error}; run a check of the whole store"),
            Self::Malformed => f.write_str("a record opened but breaks its format; run a check of the whole store"),
            Self::Name => f.write_str(
                "a storage key does not open: it was damaged, forged or moved; run a check of the whole store",
            ),
            Self::Secret(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for ReadError {}

impl From<storage::ReadError> for ReadError {
    fn from(error: storage::ReadError) -> Self {
        Self::Storage(error)
    }
}

impl From<OpenError> for ReadError {
    fn from(error: OpenError) -> Self {
        Self::Record(error)
    }
}

impl From<NamesError> for ReadError {
    fn from(_: NamesError) -> Self {
        Self::Name
    }
}

impl From<SecretError> for ReadError {
    fn from(error: SecretError) -> Self {
        Self::Secret(error)
    }
}

/// Why something was not committed.
#[derive(Debug)]
pub enum CommitError {
    /// The barrier is sealed.
    Sealed,
    /// A condition of the batch did not hold; nothing of it was done.
    Condition {
        /// Which change of the batch, from 0.
        change: usize,
    },
    /// A value is longer than 16 MiB less 12 bytes.
    ValueTooLong,
    /// Another writer has changed the store: this barrier is out of date and commits nothing more.
    Stale,
    /// An earlier commit ended without an answer: this barrier commits nothing more.
    Broken,
    /// Storage refused.
    Storage(storage::CommitError),
    /// What the commit builds on could not be read.
    Read(Box<ReadError>),
    /// A record could not be sealed.
    Seal(SealError),
    /// The keyring could not be changed.
    Keyring(KeyringError),
    /// A term is to be destroyed under which there still are records.
    TermInUse {
        /// How many.
        records: u64,
    },
    /// A counter of the head is at its end.
    Exhausted,
    /// The change was refused by whoever asked for it.
    Refused(Box<dyn std::error::Error + Send + Sync>),
}

impl CommitError {
    /// The same news for the others whose changes were in the same commit.
    pub(crate) fn for_others(&self) -> impl Fn() -> Self + use<> {
        let sealed = matches!(self, Self::Sealed);
        let unknown = self.outcome_unknown() || matches!(self, Self::Broken);
        let stale = matches!(self, Self::Stale);
        let text = self.to_string();
        move || {
            if sealed {
                Self::Sealed
            } else if stale {
                Self::Stale
            } else if unknown {
                Self::Broken
            } else {
                Self::Refused(text.clone().into())
            }
        }
    }

    /// Whether the change may have been committed all the same: open the store anew and look.
    pub fn outcome_unknown(&self) -> bool {
        match self {
            Self::Storage(error) => matches!(error, storage::CommitError::Unknown { .. }),
            Self::Broken => true,
            _ => false,
        }
    }
}

impl fmt::Display for CommitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sealed => f.write_str(SEALED),
            Self::Condition { change } => write!(
                f,
                "change {} of the batch expected another state of its value, so nothing was done: read it again and repeat",
                change.saturating_add(1)
            ),
            Self::ValueTooLong => f.write_str("a value has at most 16,777,204 bytes (16 MiB less 12): split it"),
            Self::Stale => f.write_str(
                "another program has changed this store, so this one's view of it is out of date: open the store again",
            ),
            Self::Broken => f.write_str(
                "an earlier change ended without an answer from the disk, so nothing more is written: open the store again",
            ),
            Self::Storage(error) => write!(f, "{error}"),
            Self::Read(error) => write!(f, "{error}"),
            Self::Seal(error) => write!(f, "{error}"),
            Self::Keyring(error) => write!(f, "{error}"),
            Self::TermInUse { records } => {
                write!(
                    f,
                    "{records} entries are still counted under the term: rewrap them first. If they stay, entries are missing \
                     from storage: run a check, and restore a backup"
                )
            }
            Self::Exhausted => f.write_str("a counter of the head is at its end: move the data to a new store"),
            Self::Refused(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for CommitError {}

impl From<storage::ReadError> for CommitError {
    fn from(error: storage::ReadError) -> Self {
        Self::Read(Box::new(error.into()))
    }
}

impl From<ReadError> for CommitError {
    fn from(error: ReadError) -> Self {
        Self::Read(Box::new(error))
    }
}

impl From<OpenError> for CommitError {
    fn from(error: OpenError) -> Self {
        Self::Read(Box::new(error.into()))
    }
}

impl From<NamesError> for CommitError {
    fn from(error: NamesError) -> Self {
        Self::Read(Box::new(error.into()))
    }
}

impl From<SealError> for CommitError {
    fn from(error: SealError) -> Self {
        Self::Seal(error)
    }
}

impl From<KeyringError> for CommitError {
    fn from(error: KeyringError) -> Self {
        Self::Keyring(error)
    }
}

impl From<SecretError> for CommitError {
    fn from(error: SecretError) -> Self {
        Self::Keyring(error.into())
    }
}

/// Why a rewrap stopped. What it had done stays done; the next one goes on from there.
#[derive(Debug)]
pub enum RewrapError {
    /// A record or name could not be read.
    Read(ReadError),
    /// A step could not be committed.
    Commit(CommitError),
    /// Some entries of the names generation being left are reachable from no directory.
    Orphans {
        /// How many.
        entries: u64,
    },
    /// The caller asked it to stop.
    Stopped,
}

impl fmt::Display for RewrapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(error) => write!(f, "{error}"),
            Self::Commit(error) => write!(f, "{error}"),
            Self::Orphans { entries } => write!(
                f,
                "{entries} entries belong to no directory and cannot be moved: run a check, which names them; the old keys stay"
            ),
            Self::Stopped => f.write_str("the rewrap was stopped; the next one goes on from where it was"),
        }
    }
}

impl std::error::Error for RewrapError {}

impl From<ReadError> for RewrapError {
    fn from(error: ReadError) -> Self {
        Self::Read(error)
    }
}

impl From<storage::ReadError> for RewrapError {
    fn from(error: storage::ReadError) -> Self {
        Self::Read(error.into())
    }
}

impl From<CommitError> for RewrapError {
    fn from(error: CommitError) -> Self {
        Self::Commit(error)
    }
}

const SEALED: &str = "the store is sealed: unseal it first";
