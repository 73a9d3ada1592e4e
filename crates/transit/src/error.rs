//! What can go wrong: in administration, and in use.

use std::fmt;

use strongroom_barrier::{CommitError, PathError, ReadError};
use strongroom_crypto::external::ExternalError;
use strongroom_crypto::random::RandomnessError;
use strongroom_crypto::secret::{Forked, SecretError};

use crate::algorithm::{
    AeadError, DecapsulateError, DecryptError, DeriveError, EncapsulateError, EncryptError, GenerateError,
    HashAlgorithm, ParameterError, SignError,
};

use crate::import::{ExportError, ImportError, UnwrapError};
use crate::ledger::LedgerError;
use crate::nonce::NonceError;
use crate::policy::{KeyKind, PolicyError};
use crate::record::RecordError;
use crate::state::VersionState;
use crate::text::TextError;

/// Why a key was not made, changed, read out or restored. Nothing was changed then, unless
/// [`outcome_unknown`](Self::outcome_unknown) holds.
#[derive(Debug)]
pub enum ManageError {
    /// There is no key of that name.
    NotFound,
    /// There is a key of that name already.
    Exists,
    /// A backup of another key, or of versions that it lacks, is to be restored over a key that is in use.
    OtherKey,
    /// The key is deleted: restore it first.
    Deleted,
    /// The key is not deleted.
    NotDeleted,
    /// Its policy does not let the key be deleted.
    DeletionNotAllowed,
    /// Destruction is asked for sooner than the minimum delay allows.
    TooSoon {
        /// The earliest time, in seconds since 1970.
        earliest: u64,
    },
    /// The policy is refused.
    Policy(PolicyError),
    /// There is no such version.
    NoVersion,
    /// The version does not go from one state to the other.
    Transition {
        /// The state it is in.
        from: VersionState,
        /// The state it was to have.
        to: VersionState,
    },
    /// Its policy does not let the key be exported.
    NotExportable,
    /// Its policy does not let the key be backed up in the clear.
    BackupNotAllowed,
    /// A key of this kind has nothing of that sort.
    Unsupported(KeyKind),
    /// A key that was made here, which takes no versions from outside.
    NotImported,
    /// What was to become another version is the key of one already.
    SameKey {
        /// That version.
        version: u32,
    },
    /// An imported key that may not be rotated here.
    RotationNotAllowed,
    /// The backup is damaged or none.
    Backup,

    /// What was to be imported is refused.
    Import(ImportError),
    /// What was to be imported was not wrapped for the wrapping key.
    Unwrap(UnwrapError),
    /// The type has nothing of what is to be exported.
    Export(ExportError),
    /// A key could not be made.
    Generate(GenerateError),
    /// A key in storage cannot be read.
    Record(RecordError),
    /// Others change the same key all the time.
    Contended,
    /// The manager was sealed.
    Sealed,
    /// The key is held elsewhere, and that place did not do what it was asked.
    External(ExternalError),
    /// The path of the mount and the name of the key are too long together.
    Path(PathError),
    /// Storage could not be read.
    Read(ReadError),
    /// Storage could not be written.
    Commit(CommitError),
    /// A record of usage breaks its format.
    Usage,
    /// No secret memory.
    Secret(SecretError),
    /// The thread that looks after the keys could not be started.
    Thread(std::io::Error),
}

impl ManageError {
    /// Whether the change may have been made all the same: open the store anew and look.
    pub fn outcome_unknown(&self) -> bool {
        matches!(self, Self::Commit(error) if error.outcome_unknown())
    }
}

impl fmt::Display for ManageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound => f.write_str(NOT_FOUND),
            Self::Exists => f.write_str("there is a key of that name already, and it was left as it is: choose another name"),
            Self::OtherKey => f.write_str(
                "the key of that name does not hold all that is in the backup, and it is in use: restore under another name, \
                 or delete it first",
            ),
            Self::Deleted => f.write_str(DELETED),
            Self::NotDeleted => f.write_str("only a deleted key can be restored or destroyed: delete it first"),
            Self::DeletionNotAllowed => {
                f.write_str("the key's policy does not allow its deletion: set `deletion_allowed` first")
            }
            Self::TooSoon { earliest } => write!(
                f,
                "destruction needs a time in which somebody can object: it is possible from {earliest} (seconds since 1970) on"
            ),
            Self::Policy(error) => error.fmt(f),
            Self::NoVersion => f.write_str(NO_VERSION),
            Self::Transition { from, to } => {
                write!(f, "a version that is {from} does not become {to}: see the states of SP 800-57")
            }
            Self::NotExportable => f.write_str("the key's policy does not allow its export: it was left where it is"),
            Self::BackupNotAllowed => {
                f.write_str("the key's policy does not allow a backup in the clear: set `allow_plaintext_backup` first")
            }
            Self::Unsupported(kind) => write!(f, "a key of type {kind} has nothing of that sort: see what its type can do"),
            Self::NotImported => {
                f.write_str("the key was made here and not imported, so it takes no version from outside: rotate it")
            }
            Self::SameKey { version } => write!(f, "this key is version {version} already: import another one"),
            Self::RotationNotAllowed => f.write_str(
                "the key was imported and may not be rotated here: import its next version, or import it with rotation allowed",
            ),
            Self::Backup => f.write_str("this is no backup of a key, or a damaged one: take another copy"),

            Self::Import(error) => error.fmt(f),
            Self::Unwrap(error) => error.fmt(f),
            Self::Export(error) => error.fmt(f),
            Self::Generate(error) => error.fmt(f),
            Self::Record(error) => error.fmt(f),
            Self::Contended => f.write_str("others keep changing this key at the same time: try again"),
            Self::Sealed => f.write_str(SEALED),
            Self::External(error) => error.fmt(f),
            Self::Path(error) => error.fmt(f),
            Self::Read(error) => error.fmt(f),
            Self::Commit(error) => error.fmt(f),
            Self::Usage => LedgerError::Malformed.fmt(f),
            Self::Secret(error) => error.fmt(f),
            Self::Thread(error) => write!(f, "the thread that looks after the keys could not be started: {error}"),
        }
    }
}

impl std::error::Error for ManageError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(match self {
            Self::Policy(error) => error,
            Self::Import(error) => error,
            Self::Unwrap(error) => error,
            Self::Export(error) => error,
            Self::Generate(error) => error,
            Self::Record(error) => error,
            Self::External(error) => error,
            Self::Path(error) => error,
            Self::Read(error) => error,
            Self::Commit(error) => error,
            Self::Secret(error) => error,
            Self::Thread(error) => error,
            _ => return None,
        })
    }
}

/// Why a key did not do what it was asked. Carries nothing of what it was given.
#[derive(Debug)]
pub enum UseError {
    /// The manager was sealed.
    Sealed,
    /// The key is gone.
    NotFound,
    /// The key is deleted.
    Deleted,
    /// The key has no such version.
    NoVersion,
    /// The version was destroyed by a trim, which nothing undoes.
    Trimmed,
    /// The version is below the policy's minimum for this use.
    BelowMinimum {
        /// The minimum.
        minimum: u32,
    },
    /// The version's state does not allow this use.
    State(VersionState),
    /// No version is active.
    NoActiveVersion,
    /// A key of this kind does nothing of that sort.
    Unsupported(KeyKind),
    /// The key is derived and there is no context.
    ContextMissing,
    /// The key is not derived, and there is a context.
    ContextUnexpected,
    /// The key encrypts without associated data, and there is some.
    AssociatedDataUnexpected,
    /// A nonce was given: the key draws its own.
    NonceGiven,
    /// A parameter of the signature does not go with the key.
    Parameter(ParameterError),
    /// Another hash than the one that a key held elsewhere has.
    HeldHash(HashAlgorithm),
    /// The text or its bytes cannot be read.
    Text(TextError),
    /// The ciphertext was not made by this version with this context and associated data; or it was changed.
    Forged,
    /// The message is too long for the key.
    TooLong,
    /// A number of bytes or bits out of range was asked for.
    Size,
    /// The version has reached its limit.
    Exhausted,
    /// What the version has used could not be noted, so nothing was done.
    Usage(Box<dyn std::error::Error + Send + Sync>),
    /// The operating system gave no randomness.
    Randomness(RandomnessError),
    /// This process is a forked child.
    Forked(Forked),
    /// The key is held elsewhere, and that place did not do what it was asked.
    External(ExternalError),
    /// The cipher library found no memory, or refused what it should not.
    Cipher,
    /// No secret memory.
    Secret(SecretError),
}

impl fmt::Display for UseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sealed => f.write_str(SEALED),
            Self::NotFound => f.write_str(NOT_FOUND),
            Self::Deleted => f.write_str(DELETED),
            Self::NoVersion => f.write_str(NO_VERSION),
            Self::Trimmed => f.write_str(
                "this version of the key was destroyed by a trim: only a backup of the store from before it still has it",
            ),
            Self::BelowMinimum { minimum } => {
                write!(f, "the key's policy allows this from version {minimum} on: use a newer version, or lower the minimum")
            }
            Self::State(state) => write!(f, "this version of the key is {state}, which does not allow that"),
            Self::NoActiveVersion => f.write_str("no version of the key is active: rotate it"),
            Self::Unsupported(kind) => write!(f, "a key of type {kind} does nothing of that sort: use another key"),
            Self::ContextMissing => f.write_str("the key is derived, so each use of it needs a context: pass one"),
            Self::ContextUnexpected => f.write_str("the key is not derived, so it takes no context: leave it out"),
            Self::AssociatedDataUnexpected => {
                f.write_str("a key of this type binds no associated data: leave it out, or use a symmetric key")
            }
            Self::NonceGiven => {
                f.write_str("nonces are drawn here, since one used twice gives away the plaintexts: leave it out")
            }
            Self::Parameter(error) => error.fmt(f),
            Self::HeldHash(hash) => write!(f, "the key is held elsewhere and hashes with {hash} alone: name that hash"),
            Self::Text(error) => error.fmt(f),
            Self::Forged => f.write_str(
                "it was not made by this key with this context and associated data, or it was changed: check all of them",
            ),
            Self::TooLong => f.write_str("this is too long for the key: encrypt a data key with it, and the data with that"),
            Self::Size => f.write_str("so many bytes are not given out: see the documentation for what is"),
            Self::Exhausted => LedgerError::Exhausted.fmt(f),
            Self::Usage(error) => {
                write!(f, "what the key has used could not be noted, so nothing was done: {error}")
            }
            Self::Randomness(error) => error.fmt(f),
            Self::Forked(error) => error.fmt(f),
            Self::External(error) => error.fmt(f),
            Self::Cipher => f.write_str("the cipher library refused: see to the memory of this host, then try again"),
            Self::Secret(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for UseError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(match self {
            Self::Parameter(error) => error,
            Self::Text(error) => error,
            Self::Usage(error) => error.as_ref(),
            Self::Randomness(error) => error,
            Self::Forked(error) => error,
            Self::External(error) => error,
            Self::Secret(error) => error,
            _ => return None,
        })
    }
}

macro_rules! from {
    ($error:ty: $($source:ty => $variant:ident),* $(,)?) => {$(
        impl From<$source> for $error {
            fn from(error: $source) -> Self {
                Self::$variant(error)
            }
        }
    )*};
}

from!(ManageError: PolicyError => Policy, ImportError => Import, UnwrapError => Unwrap, ExportError => Export, RecordError => Record, GenerateError => Generate, 
    ExternalError => External, PathError => Path, ReadError => Read, CommitError => Commit, SecretError => Secret);
from!(UseError: ParameterError => Parameter, TextError => Text, ExternalError => External, SecretError => Secret);

impl From<RandomnessError> for ManageError {
    fn from(error: RandomnessError) -> Self {
        Self::Secret(error.into())
    }
}

impl From<LedgerError> for ManageError {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::Exhausted | LedgerError::Malformed => Self::Usage,
            LedgerError::Outdated => Self::Contended,
            LedgerError::Read(error) => Self::Read(error),
            LedgerError::Commit(error) => Self::Commit(error),
            LedgerError::Path(error) => Self::Path(error),
        }
    }
}

impl From<LedgerError> for UseError {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::Exhausted => Self::Exhausted,
            LedgerError::Read(ReadError::Sealed) | LedgerError::Commit(CommitError::Sealed) => Self::Sealed,
            LedgerError::Read(error) => Self::Usage(Box::new(error)),
            LedgerError::Commit(error) => Self::Usage(Box::new(error)),
            LedgerError::Path(error) => Self::Usage(Box::new(error)),
            LedgerError::Malformed | LedgerError::Outdated => Self::Usage(error.to_string().into()),
        }
    }
}

impl From<NonceError> for UseError {
    fn from(error: NonceError) -> Self {
        match error {
            NonceError::Randomness(error) => Self::Randomness(error),
            NonceError::Forked(error) => Self::Forked(error),
        }
    }
}

impl From<AeadError> for UseError {
    fn from(error: AeadError) -> Self {
        match error {
            AeadError::Truncated | AeadError::Forged => Self::Forged,
            AeadError::Secret(error) => Self::Secret(error),
            _ => Self::Cipher,
        }
    }
}

impl From<DeriveError> for UseError {
    fn from(error: DeriveError) -> Self {
        match error {
            DeriveError::KeyType(key_type) => Self::Unsupported(KeyKind::Local(key_type)),
            DeriveError::NoContext => Self::ContextMissing,
            DeriveError::Library => Self::Cipher,
            DeriveError::Secret(error) => Self::Secret(error),
        }
    }
}

impl From<EncryptError> for UseError {
    fn from(error: EncryptError) -> Self {
        match error {
            EncryptError::KeyType(key_type) => Self::Unsupported(KeyKind::Local(key_type)),
            EncryptError::TooLong { .. } => Self::TooLong,
            EncryptError::Library => Self::Cipher,
        }
    }
}

impl From<DecryptError> for UseError {
    fn from(error: DecryptError) -> Self {
        match error {
            DecryptError::KeyType(key_type) => Self::Unsupported(KeyKind::Local(key_type)),
            DecryptError::Wrong => Self::Forged,
        }
    }
}

impl From<SignError> for UseError {
    fn from(error: SignError) -> Self {
        match error {
            SignError::Parameter(error) => Self::Parameter(error),
            SignError::Library => Self::Cipher,
            SignError::Secret(error) => Self::Secret(error),
        }
    }
}

impl From<EncapsulateError> for UseError {
    fn from(error: EncapsulateError) -> Self {
        match error {
            EncapsulateError::KeyType(key_type) => Self::Unsupported(KeyKind::Local(key_type)),
            EncapsulateError::Library => Self::Cipher,
            EncapsulateError::Secret(error) => Self::Secret(error),
        }
    }
}

impl From<DecapsulateError> for UseError {
    fn from(error: DecapsulateError) -> Self {
        match error {
            DecapsulateError::KeyType(key_type) => Self::Unsupported(KeyKind::Local(key_type)),
            DecapsulateError::Length => Self::Forged,
            DecapsulateError::Library => Self::Cipher,
            DecapsulateError::Secret(error) => Self::Secret(error),
        }
    }
}

const SEALED: &str = "the store is sealed: unseal it first";
const NOT_FOUND: &str = "there is no key of that name: check the name, or make the key";
const DELETED: &str = "the key is deleted: restore it first, while it is not destroyed";
const NO_VERSION: &str = "the key has no such version: check the number, or whether it was trimmed";

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use super::*;
    use crate::algorithm::KeyType;

    #[test]
    fn what_lies_behind_an_error_is_told_where_something_does() {
        let kind = KeyType::Aes256Gcm96;
        let error = ManageError::from(ImportError::Text(kind));
        assert!(matches!(error.source(), Some(source) if source.is::<ImportError>()));
        assert!(UseError::Usage("full".into()).source().is_some());
        assert!(ManageError::NotFound.source().is_none() && UseError::Forged.source().is_none());
    }

    #[test]
    fn what_is_to_be_sent_instead_is_the_form_that_was_asked_for() {
        let said = |error: ImportError| error.to_string();
        assert!(said(ImportError::Text(KeyType::Aes256Gcm96)).contains("base64"));
        assert!(said(ImportError::Text(KeyType::EcdsaP256)).contains("PEM"));
        assert!(said(ImportError::Encoding(KeyType::EcdsaP256)).contains("DER"));
    }
}
