//! What can go wrong, one enum per operation.

use std::error::Error;
use std::fmt::{self, Display, Formatter};
use std::io;
use std::path::PathBuf;

use crate::io::NoRoom;

/// Why a read failed.
#[derive(Debug)]
pub enum ReadError {
    /// The disk could not be read.
    Io {
        /// What was being done.
        context: String,
        /// What the operating system said.
        source: io::Error,
    },
    /// What was read makes no sense: restore a backup.
    Corrupt(String),
    /// The storage has been closed.
    Closed,
}

impl Display for ReadError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { context, source } => write!(f, "the storage could not be read ({context}): {source}"),
            Self::Corrupt(what) => {
                write!(f, "the storage is damaged: {what}. Restore it from a backup")
            }
            Self::Closed => f.write_str("the storage has been closed"),
        }
    }
}

impl Error for ReadError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            Self::Corrupt(_) | Self::Closed => None,
        }
    }
}

/// Why a batch was not stored. After all but [`CommitError::Unknown`] it is certain that nothing of it is.
#[derive(Debug)]
pub enum CommitError {
    /// The value at `key` is not what the batch requires: read anew and decide again.
    Conflict {
        /// The first key whose precondition does not hold.
        key: Vec<u8>,
    },
    /// The disk, or the user's share of it, is full. Everything committed before is safe; make room and try again.
    Full {
        /// What the operating system said.
        source: io::Error,
    },
    /// The disk is mounted read-only. Everything committed before is safe.
    ReadOnly {
        /// What the operating system said.
        source: io::Error,
    },
    /// The disk failed while the batch was checked, before anything was written.
    Io {
        /// What was being done.
        context: String,
        /// What the operating system said.
        source: io::Error,
    },
    /// The disk failed while the batch was written: it may or may not be stored. Reopen the storage and look.
    Unknown {
        /// What was being done.
        context: String,
        /// What the operating system said.
        source: io::Error,
    },
    /// An earlier write failed in a way after which nothing can be promised: reopen the storage.
    Poisoned,
    /// A part of the batch is larger than any back end may be given.
    TooLarge {
        /// "key", "value" or "batch".
        what: &'static str,
        /// How large it is, in bytes.
        size: usize,
        /// How large it may be.
        limit: usize,
    },
    /// A key has no bytes.
    EmptyKey,
    /// What is stored makes no sense, so that preconditions cannot be checked: restore a backup.
    Corrupt(String),
    /// The storage has been closed.
    Closed,
}

impl Display for CommitError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Conflict { .. } => f.write_str("someone else changed the storage meanwhile; nothing was stored"),
            Self::Full { source } => {
                write!(f, "the disk is full ({source}); nothing was stored and nothing is lost. Make room, then try again")
            }
            Self::ReadOnly { source } => {
                write!(f, "the disk is read-only ({source}); nothing was stored and nothing is lost")
            }
            Self::Io { context, source } => {
                write!(f, "the storage failed ({context}): {source}; nothing was stored")
            }
            Self::Unknown { context, source } => write!(
                f,
                "the disk failed while writing ({context}): {source}. The change may or may not be stored: \
                 reopen the storage and look"
            ),
            Self::Poisoned => f.write_str(
                "an earlier write to the disk failed, so nothing more is accepted; nothing was stored. Check the \
                 disk, then reopen the storage",
            ),
            Self::TooLarge { what, size, limit } => {
                write!(f, "the {what} has {size} bytes, more than the {limit} that the storage takes")
            }
            Self::EmptyKey => f.write_str("a storage key must have at least one byte"),
            Self::Corrupt(what) => {
                write!(f, "the storage is damaged: {what}; nothing was stored. Restore it from a backup")
            }
            Self::Closed => f.write_str("the storage has been closed"),
        }
    }
}

impl Error for CommitError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Full { source }
            | Self::ReadOnly { source }
            | Self::Io { source, .. }
            | Self::Unknown { source, .. } => Some(source),
            Self::Conflict { .. }
            | Self::Poisoned
            | Self::TooLarge { .. }
            | Self::EmptyKey
            | Self::Corrupt(_)
            | Self::Closed => None,
        }
    }
}

impl From<ReadError> for CommitError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Io { context, source } => Self::Io { context, source },
            ReadError::Corrupt(what) => Self::Corrupt(what),
            ReadError::Closed => Self::Closed,
        }
    }
}

/// Why a storage was neither opened nor created.
#[derive(Debug)]
pub enum OpenError {
    /// There is no storage in this directory.
    NotFound {
        /// Where it was looked for.
        directory: PathBuf,
    },
    /// There is a storage already where one was to be created.
    AlreadyExists {
        /// Where it lies.
        directory: PathBuf,
    },
    /// Another process has it open.
    InUse {
        /// Where it lies.
        directory: PathBuf,
        /// The process that has it open, if it could be told.
        pid: Option<u32>,
    },
    /// Others than the owner could change it.
    Permission {
        /// Which directory or file.
        path: PathBuf,
        /// What is wrong with it and what to do.
        problem: String,
    },
    /// The disk, or the user's share of it, is full.
    Full {
        /// What the operating system said.
        source: io::Error,
    },
    /// The disk is mounted read-only.
    ReadOnly {
        /// What the operating system said.
        source: io::Error,
    },
    /// The disk failed.
    Io {
        /// What was being done.
        context: String,
        /// What the operating system said.
        source: io::Error,
    },
    /// What was read makes no sense.
    Corrupt(String),
}

impl OpenError {
    pub(crate) fn from_io(context: &str, source: io::Error) -> Self {
        match NoRoom::of(&source) {
            Some(NoRoom::Full) => Self::Full { source },
            Some(NoRoom::ReadOnly) => Self::ReadOnly { source },
            None => Self::Io { context: context.to_owned(), source },
        }
    }
}

impl From<ReadError> for OpenError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Io { context, source } => Self::from_io(&context, source),
            ReadError::Corrupt(what) => Self::Corrupt(what),
            ReadError::Closed => Self::from_io("reading", io::Error::other("the storage has been closed")),
        }
    }
}

impl Display for OpenError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound { directory } => write!(f, "there is no store in {}", directory.display()),
            Self::AlreadyExists { directory } => {
                write!(f, "there is a store in {} already; it was left as it is", directory.display())
            }
            Self::InUse { directory, pid } => {
                write!(f, "the store in {} is in use by another process", directory.display())?;
                if let Some(pid) = pid {
                    write!(f, " (PID {pid})")?;
                }
                f.write_str(". Stop that process, or work through it")
            }
            Self::Permission { path, problem } => write!(f, "{} {problem}", path.display()),
            Self::Full { source } => {
                write!(f, "the disk is full ({source}); nothing is lost. Make room, then try again")
            }
            Self::ReadOnly { source } => {
                write!(
                    f,
                    "the disk is read-only ({source}); nothing is lost. A store opens only where it can write"
                )
            }
            Self::Io { context, source } => write!(f, "the store could not be opened ({context}): {source}"),
            Self::Corrupt(what) => {
                write!(f, "the store is damaged: {what}. Nothing was changed; restore it from a backup")
            }
        }
    }
}

impl Error for OpenError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Full { source } | Self::ReadOnly { source } | Self::Io { source, .. } => Some(source),
            Self::NotFound { .. }
            | Self::AlreadyExists { .. }
            | Self::InUse { .. }
            | Self::Permission { .. }
            | Self::Corrupt(_) => None,
        }
    }
}
