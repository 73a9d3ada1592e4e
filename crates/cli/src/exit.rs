//! How a command ends: what went wrong, whose fault it is, and the number that a script sees.

use std::error::Error as _;
use std::fmt;
use std::io;

use strongroom::backup::{BackupError, RestoreError};
use strongroom::causes::{
    CreateError, OpenBarrierError, PossessionError, RecordError, SecretError, SlotOpenError,
    StorageCommitError, StorageOpenError, StorageReadError,
};
#[cfg(feature = "hsm")]
use strongroom::pkcs11::TokenError;
use strongroom::protection::SecretMemoryError;
use strongroom::{
    CommitError, EndOfRewrapError, HsmPartError, InitError, OpenError, PathError, ReadError, RewrapError,
    ShareError, SlotError, UnsealError,
};
#[cfg(feature = "hsm")]
use strongroom::{HsmConfigError, HsmsError};
use strongroom_ceremony::audit::file::FileError as TranscriptFileError;
#[cfg(feature = "hsm")]
use strongroom_ceremony::hsm::RehearsalError;
use strongroom_ceremony::plan::PlanError;
use strongroom_ceremony::register::RegisterError;
use strongroom_ceremony::run::{CeremonyError, SoftwareError};
use strongroom_ceremony::slot_file::SlotFileError;
use strongroom_ceremony::transcript::{OpenError as TranscriptOpenError, TranscriptError};
use strongroom_envelope::files::FileError;
use strongroom_envelope::stream::{DecryptError, EncryptError, StreamRewrapError};
use strongroom_envelope::{
    ExternalError, ExternalFault, KeyError, OpenError as OpenObjectError, WrappedKeyError,
};
use strongroom_transit::{ManageError, NameError, PolicyError, UseError};

/// What kind of failure it is. The names are those of `"kind"` in JSON; the numbers are the process's exit codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Anything that has no kind of its own.
    Failure,
    /// The command line is wrong.
    Usage,
    /// There is no such value, slot, key, store or file.
    NotFound,
    /// Shares are missing or wrong, or the store was sealed.
    Sealed,
    /// A condition does not hold, or something is there already.
    Conflict,
    /// Data are damaged or forged.
    Damaged,
    /// Another process has the store open.
    InUse,
    /// The disk is full or read-only.
    NoRoom,
    /// The machine does not protect the keys or the files as it must.
    Unprotected,
    /// A change may or may not have been stored.
    Unknown,
    /// An HSM does not answer, or refuses.
    Hsm,
}

impl Kind {
    /// The exit code.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Failure => 1,
            Self::Usage => 2,
            Self::NotFound => 3,
            Self::Sealed => 4,
            Self::Conflict => 5,
            Self::Damaged => 6,
            Self::InUse => 7,
            Self::NoRoom => 8,
            Self::Unprotected => 9,
            Self::Unknown => 10,
            Self::Hsm => 11,
        }
    }

    /// The name in JSON.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Failure => "failure",
            Self::Usage => "usage",
            Self::NotFound => "not_found",
            Self::Sealed => "sealed",
            Self::Conflict => "conflict",
            Self::Damaged => "damaged",
            Self::InUse => "in_use",
            Self::NoRoom => "no_room",
            Self::Unprotected => "unprotected",
            Self::Unknown => "unknown_outcome",
            Self::Hsm => "hsm",
        }
    }
}

/// Why a command failed, in words for a person.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) kind: Kind,
    pub(crate) message: String,
}

impl Failure {
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Kind::Usage, message)
    }

    /// A file or terminal could not be used.
    pub(crate) fn io(what: impl fmt::Display, error: &io::Error) -> Self {
        let hint = match error.kind() {
            io::ErrorKind::PermissionDenied => {
                ": run this as its owner, or have the owner give you access (`ls -ld` tells who it is)"
            }
            _ => "",
        };
        Self::new(io_kind(error), format!("{what}: {error}{hint}"))
    }

    fn of(kind: Kind, error: &impl fmt::Display) -> Self {
        Self::new(kind, error.to_string())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// One sorting for each error of the façade.
macro_rules! sorted {
    ($($error:ty => $kind:expr;)*) => {$(
        impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                let kind: fn(&$error) -> Kind = $kind;
                Self::of(kind(&error), &error)
            }
        }
    )*};
}

sorted! {
    StorageOpenError => storage_open;
    InitError => init;
    OpenError => open;
    UnsealError => unseal;
    ReadError => read;
    CommitError => commit;
    SlotError => slot;
    EndOfRewrapError => rewrap;
    BackupError => backup;
    RestoreError => restore;
    ShareError => share;
    PossessionError => possession;
    HsmPartError => |_| Kind::Hsm;
    PathError => |_| Kind::Usage;
    SecretMemoryError => |_| Kind::Unprotected;
    SecretError => secret;
    NameError => |_| Kind::Usage;
    ManageError => manage;
    UseError => use_of_key;
    WrappedKeyError => |_| Kind::Usage;
    FileError => file;
    EncryptError => encrypt;
    DecryptError => decrypt;
    StreamRewrapError => rewrap_stream;
    PlanError => |_| Kind::Usage;
    SlotFileError => |_| Kind::Damaged;
    CeremonyError => ceremony;
    TranscriptFileError => transcript_file;
    TranscriptError => |_| Kind::Damaged;
    TranscriptOpenError => transcript_open;
    RegisterError => register;
}

#[cfg(feature = "hsm")]
sorted! {
    HsmsError => hsms;
    HsmConfigError => |_| Kind::Usage;
    TokenError => |_| Kind::Hsm;
    RehearsalError => |_| Kind::Failure;
}

fn ceremony(error: &CeremonyError) -> Kind {
    match error {
        CeremonyError::AnotherPlan | CeremonyError::Taken(_) | CeremonyError::SoleApprover => Kind::Conflict,
        CeremonyError::Absent(_) | CeremonyError::NobodyIs(_) | CeremonyError::Custody(_) => Kind::Usage,
        CeremonyError::Software(SoftwareError::Unreadable(error)) | CeremonyError::Io { error, .. } => {
            io_kind(error)
        }
        CeremonyError::Software(_) | CeremonyError::Writable(_) => Kind::Unprotected,
        CeremonyError::Init(error) => init(error),
        CeremonyError::Storage(error) => storage_open(error),
        CeremonyError::Open(error) => open(error),
        CeremonyError::Unseal(error) => unseal(error),
        CeremonyError::Read(error) => read(error),
        CeremonyError::Slot(error) => slot(error),
        CeremonyError::Possession(error) => possession(error),
        CeremonyError::Restore(error) => restore(error),
        CeremonyError::TooFew { .. } => Kind::Sealed,
        CeremonyError::SlotFile(_) | CeremonyError::CheckFailed => Kind::Damaged,
        CeremonyError::Hsm(_) => Kind::Hsm,
        CeremonyError::Gone(_)
        | CeremonyError::Record(_)
        | CeremonyError::Journal(_)
        | CeremonyError::Encode(_)
        | CeremonyError::Signing(_)
        | CeremonyError::Misfit(_) => Kind::Failure,
    }
}

fn register(error: &RegisterError) -> Kind {
    match error {
        RegisterError::File(error) => transcript_file(error),
        RegisterError::Verify(_)
        | RegisterError::Untrusted(_)
        | RegisterError::Rule { line: Some(_), .. } => Kind::Damaged,
        RegisterError::Rule { line: None, .. } | RegisterError::NoneTaken(_) => Kind::Conflict,
        RegisterError::Append(_) => Kind::Failure,
    }
}

fn transcript_open(error: &TranscriptOpenError) -> Kind {
    match error {
        TranscriptOpenError::File(error) => transcript_file(error),
        TranscriptOpenError::OtherKey { .. } => Kind::Damaged,
    }
}

fn transcript_file(error: &TranscriptFileError) -> Kind {
    match error {
        TranscriptFileError::Io(error) => io_kind(error),
        TranscriptFileError::InUse => Kind::InUse,
        TranscriptFileError::Damaged(_) => Kind::Damaged,
        TranscriptFileError::OtherPurpose | TranscriptFileError::Sealed => Kind::Conflict,
        TranscriptFileError::Append(_) => Kind::Failure,
    }
}

fn io_kind(error: &io::Error) -> Kind {
    match error.kind() {
        io::ErrorKind::NotFound => Kind::NotFound,
        io::ErrorKind::AlreadyExists => Kind::Conflict,
        io::ErrorKind::StorageFull
        | io::ErrorKind::QuotaExceeded
        | io::ErrorKind::FileTooLarge
        | io::ErrorKind::ReadOnlyFilesystem => Kind::NoRoom,
        _ => Kind::Failure,
    }
}

fn storage_open(error: &StorageOpenError) -> Kind {
    match error {
        StorageOpenError::NotFound { .. } => Kind::NotFound,
        StorageOpenError::AlreadyExists { .. } => Kind::Conflict,
        StorageOpenError::InUse { .. } => Kind::InUse,
        StorageOpenError::Permission { .. } => Kind::Unprotected,
        StorageOpenError::Full { .. } | StorageOpenError::ReadOnly { .. } => Kind::NoRoom,
        StorageOpenError::Io { source, .. } => io_kind(source),
        StorageOpenError::Corrupt(_) => Kind::Damaged,
    }
}

fn storage_read(error: &StorageReadError) -> Kind {
    match error {
        StorageReadError::Corrupt(_) => Kind::Damaged,
        StorageReadError::Io { source, .. } => io_kind(source),
        StorageReadError::Closed => Kind::Failure,
    }
}

fn storage_commit(error: &StorageCommitError) -> Kind {
    match error {
        StorageCommitError::Conflict { .. } => Kind::Conflict,
        StorageCommitError::Full { .. } | StorageCommitError::ReadOnly { .. } => Kind::NoRoom,
        StorageCommitError::Unknown { .. } => Kind::Unknown,
        StorageCommitError::Corrupt(_) => Kind::Damaged,
        StorageCommitError::Io { source, .. } => io_kind(source),
        _ => Kind::Failure,
    }
}

fn record(error: &RecordError) -> Kind {
    match error {
        RecordError::Memory(_) => Kind::Unprotected,
        RecordError::Forked => Kind::Failure,
        _ => Kind::Damaged,
    }
}

fn read(error: &ReadError) -> Kind {
    match error {
        ReadError::Sealed => Kind::Sealed,
        ReadError::Storage(error) => storage_read(error),
        ReadError::Record(error) => record(error),
        ReadError::Malformed | ReadError::Name => Kind::Damaged,
        ReadError::Secret(_) => Kind::Unprotected,
    }
}

fn commit(error: &CommitError) -> Kind {
    match error {
        CommitError::Sealed => Kind::Sealed,
        CommitError::Condition { .. } | CommitError::Stale => Kind::Conflict,
        CommitError::Broken => Kind::Unknown,
        CommitError::Storage(error) => storage_commit(error),
        CommitError::Read(error) => read(error),
        CommitError::ValueTooLong => Kind::Usage,
        _ => Kind::Failure,
    }
}

fn open_barrier(error: &OpenBarrierError) -> Kind {
    match error {
        OpenBarrierError::Read(error) => storage_read(error),
        OpenBarrierError::Commit(error) => storage_commit(error),
        OpenBarrierError::Exists => Kind::Conflict,
        OpenBarrierError::NoHead | OpenBarrierError::Head(_) | OpenBarrierError::Mixed => Kind::Damaged,
        OpenBarrierError::HeadRecord(error) => record(error),
        _ => Kind::Failure,
    }
}

fn init(error: &InitError) -> Kind {
    match error {
        InitError::Exists => Kind::Conflict,
        InitError::Read(error) => storage_read(error),
        InitError::Create(error) => create(error),
        InitError::Secret(error) => secret(error),
        InitError::Barrier(error) => open_barrier(error),
        _ => Kind::Failure,
    }
}

fn create(error: &CreateError) -> Kind {
    match error {
        CreateError::Label(_) => Kind::Usage,
        CreateError::Hsm(_) => Kind::Hsm,
        CreateError::Secret(error) => secret(error),
        _ => Kind::Failure,
    }
}

/// Only one that was to come from an HSM as well is the HSM's.
fn secret(error: &SecretError) -> Kind {
    match error {
        SecretError::Source { .. } => Kind::Hsm,
        _ => Kind::Unprotected,
    }
}

#[cfg(feature = "hsm")]
fn hsms(error: &HsmsError) -> Kind {
    match error {
        HsmsError::Config(_) => Kind::Usage,
        HsmsError::NoKey { .. } => Kind::NotFound,
        HsmsError::Token(_) | HsmsError::Misbehaved(_) => Kind::Hsm,
    }
}

fn open(error: &OpenError) -> Kind {
    match error {
        OpenError::NoStore => Kind::NotFound,
        OpenError::Read(error) => storage_read(error),
        OpenError::Slots(_) => Kind::Damaged,
    }
}

fn unseal(error: &UnsealError) -> Kind {
    match error {
        UnsealError::Slot(SlotOpenError::NotReady) => Kind::Sealed,
        UnsealError::Slot(SlotOpenError::Keys(_)) => Kind::Failure,
        UnsealError::Slot(_) | UnsealError::NoKeyring | UnsealError::Keyring(_) | UnsealError::SlotsMixed => {
            Kind::Damaged
        }
        UnsealError::Read(error) => storage_read(error),
        UnsealError::Barrier(error) => open_barrier(error),
        UnsealError::Secret(_) => Kind::Unprotected,
    }
}

fn slot(error: &SlotError) -> Kind {
    match error {
        SlotError::Read(error) => read(error),
        SlotError::Unknown => Kind::NotFound,
        SlotError::LabelTaken
        | SlotError::WrongState
        | SlotError::LastActive
        | SlotError::CoolingOff { .. }
        | SlotError::Expired
        | SlotError::OutOfStep
        | SlotError::Keyring(_)
        | SlotError::Wrap(_) => Kind::Conflict,
        SlotError::Create(error) => create(error),
        SlotError::HsmPart(_) | SlotError::Blocking(_) => Kind::Hsm,
        SlotError::Activate(_) => Kind::Sealed,
        SlotError::Secret(error) => secret(error),
        SlotError::Commit(error) => commit(error),
        SlotError::Encode(_) => Kind::Failure,
    }
}

fn rewrap(error: &EndOfRewrapError) -> Kind {
    match error {
        EndOfRewrapError::Rewrap(RewrapError::Read(error)) => read(error),
        EndOfRewrapError::Rewrap(RewrapError::Commit(error)) => commit(error),
        EndOfRewrapError::Rewrap(RewrapError::Orphans { .. }) => Kind::Damaged,
        EndOfRewrapError::Rewrap(RewrapError::Stopped) => Kind::Failure,
        EndOfRewrapError::End(error) => slot(error),
    }
}

fn backup(error: &BackupError) -> Kind {
    match error {
        BackupError::Read(error) => read(error),
        BackupError::Record(error) => record(error),
        BackupError::KeysChanged => Kind::Conflict,
        BackupError::Write(error) => io_kind(error),
        _ => Kind::Damaged,
    }
}

fn restore(error: &RestoreError) -> Kind {
    match error {
        RestoreError::Read(error) => io_kind(error),
        RestoreError::Unseal(error) => unseal(error),
        RestoreError::NotEmpty | RestoreError::Changed => Kind::Conflict,
        RestoreError::Storage(error) => storage_read(error),
        RestoreError::Commit(error) => storage_commit(error),
        RestoreError::Stopped | RestoreError::Version(_) => Kind::Failure,
        _ => Kind::Damaged,
    }
}

fn share(error: &ShareError) -> Kind {
    match error {
        ShareError::Keys(_) => Kind::Failure,
        _ => Kind::Sealed,
    }
}

fn possession(error: &PossessionError) -> Kind {
    match error {
        PossessionError::Missing(_) => Kind::Sealed,
        PossessionError::MissingHsm(_) => Kind::Hsm,
        PossessionError::WrongKey => Kind::Damaged,
        PossessionError::Keys(_) => Kind::Failure,
    }
}

fn manage(error: &ManageError) -> Kind {
    match error {
        ManageError::NotFound | ManageError::NoVersion => Kind::NotFound,
        ManageError::Policy(
            PolicyError::NoDerivation
            | PolicyError::NoConvergence
            | PolicyError::KeySize
            | PolicyError::ShortPeriod
            | PolicyError::BackupNeedsExport,
        )
        | ManageError::Unsupported(_)
        | ManageError::Path(_) => Kind::Usage,
        ManageError::Exists
        | ManageError::Deleted
        | ManageError::NotDeleted
        | ManageError::DeletionNotAllowed
        | ManageError::TooSoon { .. }
        | ManageError::Policy(_)
        | ManageError::Transition { .. }
        | ManageError::NotExportable
        | ManageError::NotImported
        | ManageError::BackupNotAllowed
        | ManageError::RotationNotAllowed
        | ManageError::Contended => Kind::Conflict,
        ManageError::Backup | ManageError::Record(_) | ManageError::Usage => Kind::Damaged,
        ManageError::Sealed => Kind::Sealed,
        ManageError::Read(error) => read(error),
        ManageError::Commit(error) => commit(error),
        ManageError::External(error) => outside(error),
        ManageError::Secret(error) => secret(error),
        _ => Kind::Failure,
    }
}

fn use_of_key(error: &UseError) -> Kind {
    match error {
        UseError::Sealed => Kind::Sealed,
        UseError::NotFound | UseError::NoVersion | UseError::Trimmed => Kind::NotFound,
        UseError::Deleted
        | UseError::BelowMinimum { .. }
        | UseError::State(_)
        | UseError::NoActiveVersion
        | UseError::Exhausted => Kind::Conflict,
        UseError::Unsupported(_) => Kind::Usage,
        UseError::Forged | UseError::Text(_) => Kind::Damaged,
        UseError::Usage(error) => error.downcast_ref().map_or(Kind::Failure, commit),
        UseError::External(error) => outside(error),
        UseError::Secret(error) => secret(error),
        _ => Kind::Failure,
    }
}

/// What wraps data keys: a named key, which says more, or an HSM.
fn outside(error: &ExternalError) -> Kind {
    match error.source().and_then(|source| source.downcast_ref::<UseError>()) {
        Some(error) => use_of_key(error),
        None if error.fault() == ExternalFault::Rejected => Kind::Damaged,
        None => Kind::Hsm,
    }
}

fn data_key(error: &KeyError) -> Kind {
    match error {
        KeyError::Wrapping(error) => outside(error),
        KeyError::Memory(_) => Kind::Unprotected,
        KeyError::Randomness(_) | KeyError::Forked | KeyError::Cipher => Kind::Failure,
    }
}

fn file(error: &FileError) -> Kind {
    match error {
        FileError::Open { source, .. } | FileError::Create { source, .. } => io_kind(source),
        FileError::Exists(_) => Kind::Conflict,
        FileError::NoName(_) => Kind::Usage,
        FileError::Busy(_) => Kind::InUse,
        FileError::Encrypt(error) => encrypt(error),
        FileError::Decrypt(error) => decrypt(error),
        FileError::Rewrap(error) => rewrap_stream(error),
        FileError::Stopped => Kind::Failure,
    }
}

fn encrypt(error: &EncryptError) -> Kind {
    match error {
        EncryptError::Read(error) | EncryptError::Write(error) => io_kind(error),
        EncryptError::TooLong => Kind::Usage,
        EncryptError::Key(error) => data_key(error),
    }
}

fn decrypt(error: &DecryptError) -> Kind {
    match error {
        DecryptError::Open(OpenObjectError::Key(error)) | DecryptError::Key(error) => data_key(error),
        DecryptError::Open(_)
        | DecryptError::Truncated
        | DecryptError::Trailing
        | DecryptError::Forged { .. } => Kind::Damaged,
        DecryptError::Read(error) | DecryptError::Write(error) => io_kind(error),
    }
}

fn rewrap_stream(error: &StreamRewrapError) -> Kind {
    match error {
        StreamRewrapError::Open(error) => decrypt(error),
        StreamRewrapError::Wrap(error) => data_key(error),
        StreamRewrapError::NoRoom { .. } => Kind::Conflict,
        StreamRewrapError::Write(error) => io_kind(error),
    }
}

/// The codes as `--help` shows them.
pub(crate) const HELP: &str = "\
Exit codes:
   0  done
   1  failure of another kind
   2  the command line is wrong
   3  not found: the value, slot, key, store or file
   4  sealed: shares are missing or wrong, or the store was sealed
   5  conflict: a condition does not hold, or something is there already
   6  damaged or forged data (`check` found something)
   7  another process has the store open
   8  the disk is full or read-only
   9  the machine does not protect keys or files as it must
  10  the disk gave no answer: the change may or may not be stored
  11  an HSM does not answer, or refuses
 130  ended by Ctrl-C";
