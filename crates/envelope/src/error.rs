//! What can go wrong with one object.

use std::error::Error;
use std::fmt;

use strongroom_crypto::aead::AeadError;
use strongroom_crypto::external::ExternalError;
use strongroom_crypto::random::RandomnessError;
use strongroom_crypto::secret::{Forked, SecretError, SecretMemoryError};

use crate::MAX_SMALL;

/// What sealing and opening need failed, whatever the object.
#[derive(Debug)]
pub enum KeyError {
    /// The wrapping key did not wrap or unwrap the data key; it says why.
    Wrapping(ExternalError),
    /// There was no randomness for a data key.
    Randomness(RandomnessError),
    /// There was no memory for a key.
    Memory(SecretMemoryError),
    /// This process is a forked child.
    Forked,
    /// The cipher library refused.
    Cipher,
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wrapping(error) => write!(f, "the key of this object could not be used: {error}"),
            Self::Randomness(error) => error.fmt(f),
            Self::Memory(error) => error.fmt(f),
            Self::Forked => Forked.fmt(f),
            Self::Cipher => {
                f.write_str("the cipher library refused; nothing was sealed or opened, try again")
            }
        }
    }
}

impl Error for KeyError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Wrapping(error) => Some(error),
            Self::Randomness(error) => Some(error),
            Self::Memory(error) => Some(error),
            Self::Forked | Self::Cipher => None,
        }
    }
}

impl From<ExternalError> for KeyError {
    fn from(error: ExternalError) -> Self {
        Self::Wrapping(error)
    }
}

impl From<RandomnessError> for KeyError {
    fn from(error: RandomnessError) -> Self {
        Self::Randomness(error)
    }
}

impl From<Forked> for KeyError {
    fn from(_: Forked) -> Self {
        Self::Forked
    }
}

impl From<SecretError> for KeyError {
    fn from(error: SecretError) -> Self {
        match error {
            SecretError::Memory(SecretMemoryError::Forked) => Self::Forked,
            SecretError::Memory(error) => Self::Memory(error),
            SecretError::Randomness(error) => Self::Randomness(error),
            SecretError::Source { fault, message } => Self::Wrapping(ExternalError::new(fault, message)),
            // Lengths are right by construction.
            SecretError::Length => Self::Cipher,
        }
    }
}

impl From<AeadError> for KeyError {
    fn from(_: AeadError) -> Self {
        Self::Cipher
    }
}

/// A small object was not sealed. None was made.
#[derive(Debug)]
pub enum SealError {
    /// The plaintext has more than [`MAX_SMALL`] bytes.
    TooLong,
    /// There was no key for it.
    Key(KeyError),
}

impl fmt::Display for SealError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => {
                write!(f, "a small object has at most {MAX_SMALL} bytes; encrypt a larger one as a stream")
            }
            Self::Key(error) => error.fmt(f),
        }
    }
}

impl Error for SealError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::TooLong => None,
            Self::Key(error) => Some(error),
        }
    }
}

impl From<KeyError> for SealError {
    fn from(error: KeyError) -> Self {
        Self::Key(error)
    }
}

/// An object did not open. Nothing of its plaintext was given out.
#[derive(Debug)]
pub enum OpenError {
    /// It does not begin as an object of this crate does.
    NotAnObject,
    /// It has a format that this version does not know.
    UnknownFormat(u8),
    /// It has an algorithm that this version does not know.
    UnknownAlgorithm(u8),
    /// It is a stream where a small object was expected.
    IsAStream,
    /// It is a small object where a stream was expected.
    IsSmall,
    /// It ends too early.
    Truncated,
    /// It is longer than it can be.
    TooLong,
    /// Its header breaks the format.
    Damaged(&'static str),
    /// Its header is not what was written with this data key.
    HeaderForged,
    /// Its body is damaged, or the associated data are not those it was sealed with.
    Forged,
    /// There was no key for it.
    Key(KeyError),
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAnObject => f.write_str("this is no encrypted object of Strongroom"),
            Self::UnknownFormat(format) => {
                write!(f, "a newer version encrypted this object (format {format}): use that one")
            }
            Self::UnknownAlgorithm(algorithm) => {
                write!(f, "a newer version encrypted this object (algorithm {algorithm}): use that one")
            }
            Self::IsAStream => f.write_str("this object is a stream: decrypt it as one"),
            Self::IsSmall => f.write_str("this object is a small one: open it as such"),
            Self::Truncated => f.write_str("the object ends too early: it was cut off; take another copy"),
            Self::TooLong => f.write_str("something was appended to the object; take another copy"),
            Self::Damaged(what) => write!(f, "the header of the object is damaged ({what}): take another copy"),
            Self::HeaderForged => {
                f.write_str("the header of the object was changed, or put together from two: take another copy")
            }
            Self::Forged => f.write_str(
                "the object is damaged, or the associated data are not those that it was encrypted with: check them, or \
                 take another copy",
            ),
            Self::Key(error) => error.fmt(f),
        }
    }
}

impl Error for OpenError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Key(error) => Some(error),
            _ => None,
        }
    }
}

impl From<KeyError> for OpenError {
    fn from(error: KeyError) -> Self {
        Self::Key(error)
    }
}

/// An object was not wrapped anew. It is as it was.
#[derive(Debug)]
pub enum RewrapError {
    /// Its header does not open under the old key.
    Open(OpenError),
    /// The new key did not wrap its data key.
    Wrap(KeyError),
}

impl fmt::Display for RewrapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open(error) => error.fmt(f),
            Self::Wrap(error) => write!(f, "the object stays under its old key: {error}"),
        }
    }
}

impl Error for RewrapError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(match self {
            Self::Open(error) => error,
            Self::Wrap(error) => error,
        })
    }
}

impl From<OpenError> for RewrapError {
    fn from(error: OpenError) -> Self {
        Self::Open(error)
    }
}
