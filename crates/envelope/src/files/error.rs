//! What can go wrong with a file.

use std::error::Error;
use std::fs::TryLockError;
use std::path::{Path, PathBuf};
use std::{fmt, io};

use crate::stream::{DecryptError, EncryptError, StreamRewrapError};

/// A file was not encrypted, decrypted or rewrapped. No part of a new one is left.
#[derive(Debug)]
pub enum FileError {
    /// A file could not be opened.
    Open {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The new file could not be made.
    Create {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is something at the new file's place already.
    Exists(PathBuf),
    /// The path ends in no name.
    NoName(PathBuf),
    /// Somebody else is rewrapping the file.
    Busy(PathBuf),
    /// It was not encrypted.
    Encrypt(EncryptError),
    /// It was not decrypted.
    Decrypt(DecryptError),
    /// It was not rewrapped.
    Rewrap(StreamRewrapError),
    /// The caller asked it to stop.
    Stopped,
}

impl FileError {
    pub(super) fn open(path: &Path, source: io::Error) -> Self {
        Self::Open { path: path.to_owned(), source }
    }

    pub(super) fn create(path: &Path, source: io::Error) -> Self {
        Self::Create { path: path.to_owned(), source }
    }

    pub(super) fn locked(path: &Path, error: TryLockError) -> Self {
        match error {
            TryLockError::WouldBlock => Self::Busy(path.to_owned()),
            TryLockError::Error(source) => Self::open(path, source),
        }
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open { path, source } => write!(f, "{} could not be opened: {source}", path.display()),
            Self::Create { path, source } => write!(f, "{} could not be written: {source}", path.display()),
            Self::Exists(path) => {
                write!(f, "{} exists already and was left as it is: choose another name", path.display())
            }
            Self::NoName(path) => {
                write!(f, "{} does not end in the name of a file: add one", path.display())
            }
            Self::Busy(path) => {
                write!(f, "somebody else is rewrapping {}: wait for that to end", path.display())
            }
            Self::Encrypt(error) => error.fmt(f),
            Self::Decrypt(error) => error.fmt(f),
            Self::Rewrap(error) => error.fmt(f),
            Self::Stopped => f.write_str("stopped as asked; nothing was left behind"),
        }
    }
}

impl Error for FileError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Open { source, .. } | Self::Create { source, .. } => Some(source),
            Self::Encrypt(error) => Some(error),
            Self::Decrypt(error) => Some(error),
            Self::Rewrap(error) => Some(error),
            Self::Exists(_) | Self::NoName(_) | Self::Busy(_) | Self::Stopped => None,
        }
    }
}
