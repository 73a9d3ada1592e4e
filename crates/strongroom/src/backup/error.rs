//! What can go wrong with a backup.

use std::{fmt, io};

use strongroom_barrier::{HeadError, ReadError};
use strongroom_crypto::record::OpenError;
use strongroom_seal::slot::SlotSetError;
use strongroom_storage as storage;

use crate::error::UnsealError;

/// Why a backup was not written. What was written of it is of no use: delete it.
#[derive(Debug)]
pub enum BackupError {
    /// The store could not be read, or is sealed.
    Read(ReadError),
    /// A record of the store does not open: run a check.
    Record(OpenError),
    /// The store lacks its head, its keyring or its slots.
    Incomplete,
    /// Entries are missing or too many: no such backup could be restored.
    Count {
        /// What the head says.
        expected: u64,
        /// What there is.
        found: u64,
    },
    /// Terms were destroyed while the backup was written, so that it could not be verified.
    KeysChanged,
    /// The backup could not be written.
    Write(io::Error),
}

impl fmt::Display for BackupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(error) => write!(f, "{error}"),
            Self::Record(error) => write!(
                f,
                "the backup was stopped, since a record of the store does not open ({error}): run a check, which says where"
            ),
            Self::Incomplete => f.write_str("the store lacks its head, its keyring or its slots: run a check"),
            Self::Count { expected, found } => write!(
                f,
                "the store should hold {expected} entries and holds {found}, or holds them under other keys than its head says: \
                 run a check, and keep the backups of before"
            ),
            Self::KeysChanged => f.write_str(
                "old keys were destroyed while the backup was written, so it could not be verified to its end: repeat it",
            ),
            Self::Write(error) => write!(f, "the backup could not be written: {error}"),
        }
    }
}

impl std::error::Error for BackupError {}

impl From<io::Error> for BackupError {
    fn from(error: io::Error) -> Self {
        Self::Write(error)
    }
}

impl From<ReadError> for BackupError {
    fn from(error: ReadError) -> Self {
        Self::Read(error)
    }
}

impl From<storage::ReadError> for BackupError {
    fn from(error: storage::ReadError) -> Self {
        Self::Read(error.into())
    }
}

/// Why a backup was not accepted or not restored.
#[derive(Debug)]
pub enum RestoreError {
    /// The file could not be read.
    Read(io::Error),
    /// The file is no backup.
    NotABackup,
    /// A newer version wrote it.
    Version(u16),
    /// It ends too early.
    Truncated,
    /// It breaks its format or its checksum.
    Damaged(&'static str),
    /// Its slots are damaged.
    Slots(SlotSetError),
    /// Its shares do not open it.
    Unseal(UnsealError),
    /// Its head does not open.
    HeadRecord(OpenError),
    /// Its head breaks the format.
    Head(HeadError),
    /// Its parts are not of one commit.
    Mixed,
    /// A record does not open.
    Record {
        /// The number of the entry in the file, from 1.
        entry: u64,
        /// Why.
        error: OpenError,
    },
    /// Entries are missing or too many.
    Count {
        /// What the head says.
        expected: u64,
        /// What there is.
        found: u64,
    },
    /// The whole is not what its store wrote.
    Forged,
    /// The file was changed between the check and the restoration.
    Changed,
    /// The place to restore to is not empty.
    NotEmpty,
    /// The place to restore to could not be read.
    Storage(storage::ReadError),
    /// The place to restore to could not be written.
    Commit(storage::CommitError),
    /// The caller asked it to stop.
    Stopped,
}

impl fmt::Display for RestoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(error) => write!(f, "the backup could not be read: {error}"),
            Self::NotABackup => f.write_str("this file is no Strongroom backup"),
            Self::Version(version) => write!(f, "a newer version wrote this backup (format {version}): use that one"),
            Self::Truncated => f.write_str("the backup ends too early: it was cut off; take another copy"),
            Self::Damaged(what) => write!(f, "the backup is damaged ({what}): take another copy"),
            Self::Slots(error) => write!(f, "the slots of the backup are damaged: {error}"),
            Self::Unseal(error) => write!(f, "the backup does not open: {error}"),
            Self::HeadRecord(error) => write!(f, "the head of the backup does not open: {error}"),
            Self::Head(error) => write!(f, "{error}"),
            Self::Mixed => f.write_str("the parts of the backup are not of one moment: take another copy"),
            Self::Record { entry, error } => {
                write!(f, "entry {entry} of the backup does not open ({error}): take another copy")
            }
            Self::Count { expected, found } => {
                write!(f, "the backup should hold {expected} entries and holds {found}: take another copy")
            }
            Self::Forged => f.write_str(
                "the backup's authentication code is wrong: something was added, removed or changed; take another copy",
            ),
            Self::Changed => f.write_str("the backup changed while it was read, so nothing usable was restored: empty the place to restore to, and repeat it"),
            Self::NotEmpty => f.write_str("there is something in the place to restore to already: choose an empty one"),
            Self::Storage(error) => write!(f, "{error}"),
            Self::Commit(error) => write!(f, "{error}"),
            Self::Stopped => f.write_str("the restoration was stopped: empty the place to restore to before it is repeated"),
        }
    }
}

impl std::error::Error for RestoreError {}

impl From<io::Error> for RestoreError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::Truncated,
            _ => Self::Read(error),
        }
    }
}
