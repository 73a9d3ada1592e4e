//! What can go wrong, by operation.

use std::fmt;

use strongroom_audit::Time;
use strongroom_barrier::{CommitError, OpenBarrierError, ReadError};
use strongroom_crypto::random::RandomnessError;
use strongroom_crypto::secret::SecretError;
use strongroom_keyring::{KeyringError, OpenKeyringError};
use strongroom_seal::create::CreateError;
use strongroom_seal::hsm::HsmPartError;
use strongroom_seal::slot::{ActivateError, SlotId, SlotSetError};
use strongroom_seal::unseal::OpenError as SlotOpenError;
use strongroom_seal::wrap::WrapError;
use strongroom_shamir::text::ShareEncodeError;
use strongroom_storage as storage;

/// Why a store was not made.
#[derive(Debug)]
pub enum InitError {
    /// There is a store already: nothing was changed.
    Exists,
    /// Storage could not be read.
    Read(storage::ReadError),
    /// The slot could not be made.
    Create(CreateError),
    /// The root key could not be wrapped.
    Wrap(WrapError),
    /// A share could not be written as text.
    Encode(ShareEncodeError),
    /// The new shares, and what the HSMs gave, did not open the new slot: nothing was committed.
    SelfCheck(SlotOpenError),
    /// No thread could be had for the HSM.
    Blocking(std::io::Error),
    /// No secret memory or no randomness.
    Secret(SecretError),
    /// The keyring could not be made.
    Keyring(KeyringError),
    /// The barrier could not be made.
    Barrier(OpenBarrierError),
}

impl fmt::Display for InitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exists => {
                f.write_str("there is a store here already, and it was left as it is: choose another place")
            }
            Self::Read(error) => write!(f, "{error}"),
            Self::Create(error) => write!(f, "{error}"),
            Self::Wrap(error) => write!(f, "{error}"),
            Self::Encode(error) => write!(f, "{error}"),
            Self::SelfCheck(error) => {
                write!(f, "the new shares do not open the new store, so it was not made: {error}")
            }
            Self::Blocking(error) => write!(f, "{NO_THREAD}: {error}"),
            Self::Secret(error) => write!(f, "{error}"),
            Self::Keyring(error) => write!(f, "{error}"),
            Self::Barrier(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for InitError {}

/// Why a sealed store could not be looked at.
#[derive(Debug)]
pub enum OpenError {
    /// There is no store in this storage.
    NoStore,
    /// Storage could not be read.
    Read(storage::ReadError),
    /// The slots are damaged.
    Slots(SlotSetError),
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoStore => f.write_str("there is no store here yet: make one with `strongroom init`"),
            Self::Read(error) => write!(f, "{error}"),
            Self::Slots(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for OpenError {}

/// Why a store did not unseal.
#[derive(Debug)]
pub enum UnsealError {
    /// No slot's policy is met, or its root key does not open.
    Slot(SlotOpenError),
    /// Storage could not be read.
    Read(storage::ReadError),
    /// The keyring is missing.
    NoKeyring,
    /// The root key does not open the keyring.
    Keyring(OpenKeyringError),
    /// Slots and keyring belong to different commits: a slot was planted, or one of the two is older.
    SlotsMixed,
    /// The barrier does not open.
    Barrier(OpenBarrierError),
    /// No secret memory.
    Secret(SecretError),
}

impl fmt::Display for UnsealError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Slot(error) => write!(f, "{error}"),
            Self::Read(error) => write!(f, "{error}"),
            Self::NoKeyring => f.write_str(
                "the store has no keyring: a part of its storage is missing; restore the whole from a backup",
            ),
            Self::Keyring(error) => write!(
                f,
                "the slot opened, but {error}. Slots and keyring may be of different times: restore the whole store \
                 from a backup"
            ),
            Self::SlotsMixed => f.write_str(
                "the slot opened, but the slots in storage are not those that the keyring was committed with: a slot was \
                 added by a stranger, or a part of the storage is older than the rest. Nothing was opened; restore the whole \
                 store from a backup",
            ),
            Self::Barrier(error) => write!(f, "{error}"),
            Self::Secret(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for UnsealError {}

/// Why the slots, the root key or the terms were not changed. Nothing of the change was done.
#[derive(Debug)]
pub enum SlotError {
    /// The store is sealed, or the keyring could not be read.
    Read(ReadError),
    /// No slot of that number.
    Unknown,
    /// There is a slot of that label.
    LabelTaken,
    /// The slot is pending, or active, and the change needs the other.
    WrongState,
    /// It is the only active slot: without it nobody could open the store.
    LastActive,
    /// It is pending, and its cooling-off time is not over.
    CoolingOff {
        /// Which slot.
        slot: SlotId,
        /// When it is over, in seconds since 1970.
        until: u64,
    },
    /// It was added too long ago without being activated.
    Expired,
    /// A slot could not be made.
    Create(CreateError),
    /// The root key could not be wrapped.
    Wrap(WrapError),
    /// The proof of possession is another slot's.
    Activate(ActivateError),
    /// A share could not be written as text.
    Encode(ShareEncodeError),
    /// The keyring could not be changed.
    Keyring(KeyringError),
    /// No secret memory or no randomness.
    Secret(SecretError),
    /// An HSM does not open its part of a slot, or wraps it wrongly.
    HsmPart(HsmPartError),
    /// No thread could be had for the HSM.
    Blocking(std::io::Error),
    /// The slots in memory are not those of the keyring: another change was not finished. Open the store again.
    OutOfStep,
    /// The change could not be committed.
    Commit(CommitError),
}

impl fmt::Display for SlotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(error) => write!(f, "{error}"),
            Self::Unknown => f.write_str("there is no such slot: `strongroom slot list` shows those that there are"),
            Self::LabelTaken => f.write_str("there is a slot of that label already: choose another"),
            Self::WrongState => {
                f.write_str("the slot is not in the state that this needs: only a pending slot can be activated")
            }
            Self::LastActive => f.write_str(
                "this is the only active slot, and without it nobody could open the store: add and activate another first",
            ),
            Self::CoolingOff { slot, until } => write!(
                f,
                "the pending slot's cooling-off time lasts until {}: it can be activated after that, and not before. \
                 `strongroom slot remove {slot:.8}` removes it, and so ends the change",
                Time::from_seconds(*until).for_people()
            ),
            Self::Expired => f.write_str(
                "the pending slot was added more than 7 days ago and can no longer be activated: remove it and begin anew",
            ),
            Self::Create(error) => write!(f, "{error}"),
            Self::Wrap(error) => write!(f, "{error}"),
            Self::Activate(error) => write!(f, "{error}"),
            Self::Encode(error) => write!(f, "{error}"),
            Self::Keyring(error) => write!(f, "{error}"),
            Self::Secret(error) => write!(f, "{error}"),
            Self::HsmPart(error) => write!(f, "{error}"),
            Self::Blocking(error) => write!(f, "{NO_THREAD}: {error}"),
            Self::OutOfStep => f.write_str("the slots have changed meanwhile: open the store again and repeat"),
            Self::Commit(CommitError::Refused(error)) => write!(f, "{error}"),
            Self::Commit(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for SlotError {}

impl From<ReadError> for SlotError {
    fn from(error: ReadError) -> Self {
        Self::Read(error)
    }
}

impl From<KeyringError> for SlotError {
    fn from(error: KeyringError) -> Self {
        Self::Keyring(error)
    }
}

impl From<SecretError> for SlotError {
    fn from(error: SecretError) -> Self {
        Self::Secret(error)
    }
}

impl From<RandomnessError> for SlotError {
    fn from(error: RandomnessError) -> Self {
        Self::Secret(error.into())
    }
}

impl From<CommitError> for SlotError {
    /// The error of the change itself comes back as what it was.
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Refused(inner) => match inner.downcast::<Self>() {
                Ok(slot) => *slot,
                Err(other) => Self::Commit(CommitError::Refused(other)),
            },
            error => Self::Commit(error),
        }
    }
}

const NO_THREAD: &str = "the HSM was not asked, since no thread could be started for it";
