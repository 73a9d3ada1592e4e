//! Why a secret could not be made.

use std::error::Error;
use std::fmt;
use std::io;

use super::fork::Forked;
use crate::external::ExternalFault;
use crate::random::RandomnessError;

/// Secret memory could not be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretMemoryError {
    /// The kernel refused to lock pages.
    LockRefused {
        /// The bytes that were to be locked, beyond those that are.
        wanted: usize,
        /// `RLIMIT_MEMLOCK` in bytes, when it is limited.
        limit: Option<u64>,
        /// The error number.
        errno: i32,
    },
    /// The kernel refused to map or protect pages.
    MapRefused {
        /// What was asked.
        operation: &'static str,
        /// The error number.
        errno: i32,
    },
    /// More than [`MAX_SECRET`](super::MAX_SECRET) bytes were asked for at once.
    TooLarge,
    /// Locking was required after secrets were already in unlocked pages.
    AlreadyUnlocked,
    /// This process is a child of the one that made the arena.
    Forked,
}

impl fmt::Display for SecretMemoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LockRefused { wanted, limit, errno } => {
                write!(f, "could not lock {wanted} bytes of memory for keys ({})", os(*errno))?;
                match limit {
                    Some(limit) => write!(f, "; RLIMIT_MEMLOCK is {limit} bytes")?,
                    None => f.write_str("; RLIMIT_MEMLOCK is unlimited")?,
                }
                f.write_str(
                    ". Raise it with `ulimit -l 1024` in the shell or `LimitMEMLOCK=1M` in the systemd unit, or start with \
                     --allow-unlocked to accept that keys may be swapped to disk",
                )
            }
            Self::MapRefused { operation, errno } => {
                write!(f, "the kernel refused memory for keys: {operation} failed ({})", os(*errno))
            }
            Self::TooLarge => write!(f, "a secret can have at most {} bytes", super::MAX_SECRET),
            Self::AlreadyUnlocked => {
                f.write_str("keys already lie in unlocked memory, so locking can no longer be promised; restart the process")
            }
            Self::Forked => Forked.fmt(f),
        }
    }
}

impl Error for SecretMemoryError {}

impl From<Forked> for SecretMemoryError {
    fn from(_: Forked) -> Self {
        Self::Forked
    }
}

/// A secret could not be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretError {
    /// There was no memory for it.
    Memory(SecretMemoryError),
    /// There was no randomness for it.
    Randomness(RandomnessError),
    /// The second source of randomness gave none.
    Source {
        /// Whose fault that is.
        fault: ExternalFault,
        /// What was said about it.
        message: String,
    },
    /// The source has another length than the secret.
    Length,
}

impl fmt::Display for SecretError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory(error) => error.fmt(f),
            Self::Randomness(error) => error.fmt(f),
            Self::Source { message, .. } => write!(
                f,
                "the second source of randomness gave none, and no key is drawn without it ({message}). Mend it, or take it out \
                 of the configuration"
            ),
            Self::Length => f.write_str("a secret has the wrong length"),
        }
    }
}

impl Error for SecretError {}

impl From<SecretMemoryError> for SecretError {
    fn from(error: SecretMemoryError) -> Self {
        Self::Memory(error)
    }
}

impl From<RandomnessError> for SecretError {
    fn from(error: RandomnessError) -> Self {
        Self::Randomness(error)
    }
}

fn os(errno: i32) -> io::Error {
    io::Error::from_raw_os_error(errno)
}
