//! Why a record was not sealed or opened.

use std::error::Error;
use std::fmt;

use super::header::Term;
use crate::random::RandomnessError;
use crate::secret::{Forked, SecretError, SecretMemoryError};

/// A record did not open. Nothing of its plaintext was given out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OpenError {
    /// It is shorter than an empty record.
    Truncated,
    /// It has a format that this version does not know.
    UnknownFormat(u8),
    /// It has a suite that this version does not know.
    UnknownSuite(u8),
    /// It, or its place, is longer than any record may be.
    TooLong,
    /// Its term has no key here. The keyring is older than the storage, or the term was destroyed.
    UnknownTerm(Term),
    /// It is damaged, or was sealed for another place, store or key.
    Forged,
    /// There was no memory for its key.
    Memory(SecretMemoryError),
    /// This process is a forked child.
    Forked,
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated => {
                f.write_str("a record is shorter than the shortest possible; storage lost part of it")
            }
            Self::UnknownFormat(format) => {
                write!(
                    f,
                    "a record has format {format}, which this version does not know; a newer version wrote it"
                )
            }
            Self::UnknownSuite(suite) => {
                write!(
                    f,
                    "a record has cipher suite {suite}, which this version does not know; a newer version wrote it"
                )
            }
            Self::TooLong => f.write_str("a record or its storage key is longer than any may be"),
            Self::UnknownTerm(term) => write!(
                f,
                "a record is sealed under key term {term}, which the keyring does not have; reload the keyring and try again"
            ),
            Self::Forged => f.write_str("a record is damaged, or was written for another place or store"),
            Self::Memory(error) => error.fmt(f),
            Self::Forked => Forked.fmt(f),
        }
    }
}

impl Error for OpenError {}

impl From<Forked> for OpenError {
    fn from(_: Forked) -> Self {
        Self::Forked
    }
}

impl From<SecretError> for OpenError {
    fn from(error: SecretError) -> Self {
        match error {
            SecretError::Memory(SecretMemoryError::Forked) => Self::Forked,
            SecretError::Memory(error) => Self::Memory(error),
            // None is met when a key is derived.
            SecretError::Randomness(_) | SecretError::Source { .. } | SecretError::Length => Self::Forged,
        }
    }
}

/// A record was not sealed. None was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SealError {
    /// The plaintext has more than 16 MiB, or the place more than 512 bytes.
    TooLong,
    /// There was no randomness for a salt or a nonce.
    Randomness(RandomnessError),
    /// There was no memory for a key.
    Memory(SecretMemoryError),
    /// This process is a forked child.
    Forked,
    /// The session's counter is used up.
    Exhausted,
    /// The cipher library refused.
    Cipher,
}

impl fmt::Display for SealError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => f.write_str(
                "the value is longer than a record may be (16 MiB), or its storage key is (512 bytes); store large objects \
                 in parts",
            ),
            Self::Randomness(error) => error.fmt(f),
            Self::Memory(error) => error.fmt(f),
            Self::Forked => Forked.fmt(f),
            Self::Exhausted => f.write_str("the session has used up its nonces; start a new one"),
            Self::Cipher => f.write_str("the cipher library refused to seal a record"),
        }
    }
}

impl Error for SealError {}

impl From<RandomnessError> for SealError {
    fn from(error: RandomnessError) -> Self {
        Self::Randomness(error)
    }
}

impl From<Forked> for SealError {
    fn from(_: Forked) -> Self {
        Self::Forked
    }
}

impl From<SecretError> for SealError {
    fn from(error: SecretError) -> Self {
        match error {
            SecretError::Memory(SecretMemoryError::Forked) => Self::Forked,
            SecretError::Memory(error) => Self::Memory(error),
            SecretError::Randomness(error) => Self::Randomness(error),
            // Neither is met when a key is derived.
            SecretError::Source { .. } | SecretError::Length => Self::Cipher,
        }
    }
}
