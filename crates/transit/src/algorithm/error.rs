//! Why an operation on key material did not happen. None of the errors carries anything of a key or a message.

use std::error::Error;
use std::fmt;

use strongroom_crypto::secret::SecretError;

use super::KeyType;
use super::material::BodyError;

/// No key was drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GenerateError {
    /// An HMAC key has 32 to 512 bytes.
    HmacKeyLength,
    /// The cipher library made no key.
    Library,
    /// No secret memory or no randomness.
    Secret(SecretError),
}

impl From<SecretError> for GenerateError {
    fn from(error: SecretError) -> Self {
        Self::Secret(error)
    }
}

impl From<BodyError> for GenerateError {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::Rejected(_) => Self::Library,
            BodyError::Secret(error) => Self::Secret(error),
        }
    }
}

impl fmt::Display for GenerateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HmacKeyLength => {
                f.write_str("an HMAC key has 32 to 512 bytes: ask for a length between them")
            }
            Self::Library => f.write_str(
                "the cipher library made no usable key: try again, and see to the memory of this host",
            ),
            Self::Secret(error) => error.fmt(f),
        }
    }
}

impl Error for GenerateError {}

/// Stored bytes are no key material.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// They end too early.
    Truncated,
    /// Another version of the format.
    Version,
    /// They break the rule that is named.
    Malformed(&'static str),
    /// No secret memory.
    Secret(SecretError),
}

impl From<SecretError> for DecodeError {
    fn from(error: SecretError) -> Self {
        Self::Secret(error)
    }
}

impl From<BodyError> for DecodeError {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::Rejected(rule) => Self::Malformed(rule),
            BodyError::Secret(error) => Self::Secret(error),
        }
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated => f.write_str("the key material ends too early"),
            Self::Version => {
                f.write_str("the key material has a version that this program does not know: use a newer one")
            }
            Self::Malformed(rule) => write!(f, "the key material breaks its format: {rule}"),
            Self::Secret(error) => error.fmt(f),
        }
    }
}

impl Error for DecodeError {}

/// No key was derived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeriveError {
    /// A kind of key from which none is derived in this way.
    KeyType(KeyType),
    /// The context is empty.
    NoContext,
    /// The cipher library refused.
    Library,
    /// No secret memory.
    Secret(SecretError),
}

impl From<SecretError> for DeriveError {
    fn from(error: SecretError) -> Self {
        Self::Secret(error)
    }
}

impl fmt::Display for DeriveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KeyType(kind) => {
                write!(f, "no such key is derived from one of type {kind}: use another type")
            }
            Self::NoContext => {
                f.write_str("the key is derived: a context, not empty, has to be sent with every request")
            }
            Self::Library => f.write_str("the cipher library refused: see to the memory of this host"),
            Self::Secret(error) => error.fmt(f),
        }
    }
}

impl Error for DeriveError {}

/// Nothing was encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EncryptError {
    /// A kind of key that does not encrypt with its public half.
    KeyType(KeyType),
    /// The plaintext is longer than this many bytes, which fit into the modulus.
    TooLong {
        /// The most bytes that fit.
        longest: usize,
    },
    /// The cipher library refused.
    Library,
}

impl fmt::Display for EncryptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KeyType(kind) => write!(f, "keys of type {kind} do not encrypt with a public key: use RSA"),
            Self::TooLong { longest } => write!(
                f,
                "RSA encrypts at most {longest} bytes with this key: encrypt a data key with it, and the data with that"
            ),
            Self::Library => f.write_str("the cipher library refused: see to the memory of this host"),
        }
    }
}

impl Error for EncryptError {}

/// Nothing was decrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecryptError {
    /// A kind of key that does not decrypt asymmetrically.
    KeyType(KeyType),
    /// The ciphertext was not made for this key, or is damaged.
    Wrong,
}

impl fmt::Display for DecryptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KeyType(kind) => write!(f, "keys of type {kind} do not decrypt asymmetrically: use RSA"),
            Self::Wrong => {
                f.write_str("the ciphertext does not open: it is damaged, or was made for another key")
            }
        }
    }
}

impl Error for DecryptError {}

/// Nothing was encapsulated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EncapsulateError {
    /// A kind of key that does not encapsulate.
    KeyType(KeyType),
    /// The cipher library refused the public key.
    Library,
    /// No secret memory.
    Secret(SecretError),
}

impl From<SecretError> for EncapsulateError {
    fn from(error: SecretError) -> Self {
        Self::Secret(error)
    }
}

impl fmt::Display for EncapsulateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KeyType(kind) => write!(f, "keys of type {kind} do not encapsulate: use ML-KEM"),
            Self::Library => {
                f.write_str("the cipher library refused the public key: check where it comes from")
            }
            Self::Secret(error) => error.fmt(f),
        }
    }
}

impl Error for EncapsulateError {}

/// Nothing was decapsulated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DecapsulateError {
    /// A kind of key that does not encapsulate.
    KeyType(KeyType),
    /// A ciphertext of another length than this kind's.
    Length,
    /// The cipher library refused.
    Library,
    /// No secret memory.
    Secret(SecretError),
}

impl From<SecretError> for DecapsulateError {
    fn from(error: SecretError) -> Self {
        Self::Secret(error)
    }
}

impl fmt::Display for DecapsulateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KeyType(kind) => write!(f, "keys of type {kind} do not decapsulate: use ML-KEM"),
            Self::Length => f.write_str("the ciphertext has the wrong length for this type of key"),
            Self::Library => f.write_str("the cipher library refused: see to the memory of this host"),
            Self::Secret(error) => error.fmt(f),
        }
    }
}

impl Error for DecapsulateError {}

/// Bytes are no public key of the kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PublicKeyError {
    /// A kind of key without a public half.
    KeyType(KeyType),
    /// Neither PEM nor DER of a `SubjectPublicKeyInfo` (RFC 5280, section 4.1).
    Encoding,
    /// The public key of another algorithm, curve or size.
    OtherAlgorithm(KeyType),
    /// A key that the algorithm rejects: a point off the curve, a wrong length.
    Invalid,
}

impl fmt::Display for PublicKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KeyType(kind) => write!(f, "keys of type {kind} have no public half"),
            Self::Encoding => f.write_str(
                "this is no public key in PEM or DER (SubjectPublicKeyInfo): send one that begins with \
                 `-----BEGIN PUBLIC KEY-----`",
            ),
            Self::OtherAlgorithm(kind) => {
                write!(
                    f,
                    "this is a public key of another algorithm, curve or size than {kind}: check the type"
                )
            }
            Self::Invalid => f.write_str("this public key is not valid: check where it comes from"),
        }
    }
}

impl Error for PublicKeyError {}
