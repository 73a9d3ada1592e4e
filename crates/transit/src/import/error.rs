//! Why a key did not come in or go out. None of the errors carries anything of a key.

use std::error::Error;
use std::fmt;

use strongroom_crypto::secret::SecretError;

use crate::algorithm::{BodyError, KeyType};

/// The bytes were not taken as a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImportError {
    /// Not in an encoding that this kind of key comes in.
    Encoding(KeyType),
    /// A text that this kind of key does not come in.
    Text(KeyType),
    /// A key of another algorithm, curve or size.
    OtherAlgorithm(KeyType),
    /// A symmetric or HMAC key of a length that the kind does not have.
    Length(KeyType),
    /// An ML-DSA or ML-KEM key without its seed, or with one that is not its own.
    NoSeed(KeyType),
    /// A key that the algorithm rejects: parts that do not belong together, a scalar out of range.
    Invalid(KeyType),
    /// An RSA key that FIPS 186-5 does not allow, and that may be found from its public half.
    Weak(KeyType),
    /// No secret memory.
    Secret(SecretError),
}

impl ImportError {
    pub(super) fn of_body(key_type: KeyType, error: BodyError) -> Self {
        match error {
            BodyError::Secret(error) => Self::Secret(error),
            BodyError::Rejected(_) if key_type.is_asymmetric() => Self::Invalid(key_type),
            BodyError::Rejected(_) => Self::Length(key_type),
        }
    }
}

impl From<SecretError> for ImportError {
    fn from(error: SecretError) -> Self {
        Self::Secret(error)
    }
}

impl fmt::Display for ImportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Encoding(kind) if kind.is_asymmetric() => {
                write!(f, "this is no private key of type {kind}: send it as PKCS #8, unencrypted, in DER")
            }
            Self::Encoding(kind) => write!(f, "this is no key of type {kind}: send its bytes"),
            Self::Text(kind) if kind.is_asymmetric() => {
                write!(f, "this is no private key of type {kind}: send it as PKCS #8, unencrypted, in PEM")
            }
            Self::Text(kind) => {
                write!(f, "this is no key of type {kind}: send its bytes in base64, with its padding")
            }
            Self::OtherAlgorithm(kind) => {
                write!(f, "this is a key of another algorithm, curve or size than {kind}: check the type")
            }
            Self::Length(kind) => match kind.symmetric_key_len() {
                Some(len) => write!(f, "a key of type {kind} has {len} bytes: check the type and the key"),
                None => write!(f, "a key of type {kind} has 32 to 512 bytes: check the type and the key"),
            },
            Self::NoSeed(kind) => write!(
                f,
                "a key of type {kind} is taken with its seed, which must be its own: export it again with the seed"
            ),
            Self::Invalid(kind) => {
                write!(f, "this key of type {kind} is not valid: its parts do not belong together")
            }
            Self::Weak(kind) => write!(
                f,
                "this key of type {kind} is weak: its exponent is under 65537, or its primes differ in length or are close to \
                 each other; make a new one"
            ),
            Self::Secret(error) => error.fmt(f),
        }
    }
}

impl Error for ImportError {}

/// The key was not written out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportError {
    /// The kind of key has nothing of what was asked for.
    Kind(KeyType),
    /// The key is not written in that format.
    Format(KeyType),
    /// The cipher library did not write it.
    Library,
}

impl fmt::Display for ExportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kind(kind) => {
                write!(f, "a key of type {kind} has no such part: ask for another kind of export")
            }
            Self::Format(kind) => {
                write!(
                    f,
                    "that part of a key of type {kind} is not written so: leave the format out for the usual one"
                )
            }
            Self::Library => {
                f.write_str("the cipher library did not write the key: see to the memory of this host")
            }
        }
    }
}

impl Error for ExportError {}

/// A wrapped key did not come out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnwrapError {
    /// It was not wrapped for this key with this hash, or is damaged. Nothing more is told, so that nobody can learn
    /// by asking.
    Wrong,
    /// Longer than any key is.
    TooLong,
    /// No secret memory.
    Secret(SecretError),
}

impl From<SecretError> for UnwrapError {
    fn from(error: SecretError) -> Self {
        Self::Secret(error)
    }
}

impl fmt::Display for UnwrapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wrong => f.write_str(
                "the wrapped key does not open: wrap it again for the current wrapping key, as RSA-OAEP of an AES key \
                 followed by AES-KWP of the key, and name the hash that OAEP was used with",
            ),
            Self::TooLong => f.write_str("the wrapped key is longer than any key is: check what was sent"),
            Self::Secret(error) => error.fmt(f),
        }
    }
}

impl Error for UnwrapError {}

/// A key was not wrapped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WrapError {
    /// Only an RSA key wraps.
    KeyType(KeyType),
    /// The key to be wrapped is empty.
    Empty,
    /// The cipher library refused.
    Library,
    /// No secret memory or no randomness.
    Secret(SecretError),
}

impl From<SecretError> for WrapError {
    fn from(error: SecretError) -> Self {
        Self::Secret(error)
    }
}

impl fmt::Display for WrapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KeyType(kind) => write!(f, "a key of type {kind} does not wrap others: use RSA"),
            Self::Empty => f.write_str("there is nothing to wrap: the key is empty"),
            Self::Library => f.write_str("the cipher library refused: see to the memory of this host"),
            Self::Secret(error) => error.fmt(f),
        }
    }
}

impl Error for WrapError {}
