//! What can go wrong with a stream.

use std::error::Error;
use std::{fmt, io};

use strongroom_crypto::secret::SecretError;

use crate::error::{KeyError, OpenError};
use crate::floe::FloeError;

/// A stream was not encrypted to its end. What was written of it is of no use: delete it.
#[derive(Debug)]
pub enum EncryptError {
    /// The plaintext could not be read.
    Read(io::Error),
    /// The stream could not be written.
    Write(io::Error),
    /// There are more segments than a stream may have.
    TooLong,
    /// There was no key for it.
    Key(KeyError),
}

impl fmt::Display for EncryptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(error) => write!(f, "what was to be encrypted could not be read: {error}"),
            Self::Write(error) => write!(f, "the encrypted stream could not be written: {error}"),
            Self::TooLong => f.write_str("a stream has at most 2^40 segments; use longer ones"),
            Self::Key(error) => error.fmt(f),
        }
    }
}

impl Error for EncryptError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Read(error) | Self::Write(error) => Some(error),
            Self::TooLong => None,
            Self::Key(error) => Some(error),
        }
    }
}

impl From<KeyError> for EncryptError {
    fn from(error: KeyError) -> Self {
        Self::Key(error)
    }
}

impl From<FloeError> for EncryptError {
    fn from(error: FloeError) -> Self {
        match error {
            FloeError::Exhausted => Self::TooLong,
            FloeError::Secret(error) => Self::Key(error.into()),
            // Lengths and marks are right by construction; what is left is the library.
            _ => Self::Key(KeyError::Cipher),
        }
    }
}

/// A stream was not decrypted to its end. Every byte given out before is genuine and in its place, but the rest is missing.
#[derive(Debug)]
pub enum DecryptError {
    /// The header does not open, or the associated data are others.
    Open(OpenError),
    /// The stream ends too early.
    Truncated,
    /// Something follows its end.
    Trailing,
    /// A segment is damaged, or belongs elsewhere.
    Forged {
        /// The number of the segment, from 0.
        segment: u64,
    },
    /// The stream could not be read.
    Read(io::Error),
    /// The plaintext could not be written.
    Write(io::Error),
    /// There was no key for it.
    Key(KeyError),
}

impl fmt::Display for DecryptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open(error) => error.fmt(f),
            Self::Truncated => f.write_str("the stream ends too early: it was cut off; take another copy"),
            Self::Trailing => {
                f.write_str("something follows the end of the stream, so it was changed: take another copy")
            }
            Self::Forged { segment } => write!(
                f,
                "segment {segment} of the stream is damaged, or belongs to another place or stream: take another copy"
            ),
            Self::Read(error) => write!(f, "the stream could not be read: {error}"),
            Self::Write(error) => write!(f, "what was decrypted could not be written: {error}"),
            Self::Key(error) => error.fmt(f),
        }
    }
}

impl Error for DecryptError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Open(error) => Some(error),
            Self::Read(error) | Self::Write(error) => Some(error),
            Self::Key(error) => Some(error),
            Self::Truncated | Self::Trailing | Self::Forged { .. } => None,
        }
    }
}

impl From<OpenError> for DecryptError {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Key(error) => Self::Key(error),
            OpenError::Truncated => Self::Truncated,
            error => Self::Open(error),
        }
    }
}

impl From<KeyError> for DecryptError {
    fn from(error: KeyError) -> Self {
        Self::Key(error)
    }
}

impl DecryptError {
    /// What FLOE's refusal of a segment means.
    pub(super) fn of_segment(error: FloeError, segment: u64) -> Self {
        match error {
            FloeError::MoreExpected => Self::Truncated,
            FloeError::NotTheLast => Self::Trailing,
            FloeError::Secret(error) => Self::Key(error.into()),
            FloeError::Cipher => Self::Key(KeyError::Cipher),
            _ => Self::Forged { segment },
        }
    }

    /// What FLOE's refusal of a header means.
    pub(super) fn of_header(error: FloeError) -> Self {
        match error {
            FloeError::Parameters => Self::Open(OpenError::Damaged("its segments have an impossible length")),
            FloeError::Secret(SecretError::Randomness(_)) | FloeError::Cipher => Self::Key(KeyError::Cipher),
            FloeError::Secret(error) => Self::Key(error.into()),
            _ => Self::Open(OpenError::Forged),
        }
    }

    /// Reading in the middle of something that must be there.
    pub(super) fn of_reading(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::UnexpectedEof { Self::Truncated } else { Self::Read(error) }
    }
}
