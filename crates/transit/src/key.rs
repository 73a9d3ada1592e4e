//! A handle on one key: what programs use, millions of times.
//!
//! Every use loads one snapshot of the policy and the scheduled versions, without waiting for writers. What it does is checked
//! against that snapshot, counted where it protects something, and then done.

mod batch;
mod data_key;
mod decrypt;
mod encapsulate;
mod encrypt;
mod envelope;
mod held;
mod mac;
mod rewrap;
mod sign;

use std::sync::{Arc, PoisonError};

use strongroom_barrier::{CommitError, ReadError};

use crate::cell::{Cell, Live};
use crate::counter::Supply;
use crate::error::{ManageError, UseError};
use crate::ledger::LedgerError;
use crate::name::KeyName;
use crate::policy::{Amount, AtLimit, KeyKind, Policy};
use crate::transit::Transit;
use crate::version::{Version, VersionKey};

pub use data_key::{DataKey, DataKeyBits};
pub use decrypt::DecryptOptions;
pub use encapsulate::Encapsulated;
pub use encrypt::EncryptOptions;
pub use rewrap::{Ciphertext, RewrapStream, Rewrapped};
pub use sign::{MacOptions, SignRequest};

/// A key that encrypts, signs and so on, and never shows itself.
///
/// Cheap to clone, and good for as long as the key lives: rotations and changes of policy are seen by the next use, those that
/// another [`Transit`] makes within a second. All uses are synchronous. One waits for the disk when a block of the [limits](crate::Limits) is used up and the next has not
/// been reserved ahead of time, and the first of a process always does.
#[derive(Clone)]
pub struct Key {
    transit: Transit,
    cell: Arc<Cell>,
}

impl Key {
    pub(crate) fn new(transit: Transit, cell: Arc<Cell>) -> Self {
        Self { transit, cell }
    }

    /// The name.
    pub fn name(&self) -> &KeyName {
        &self.cell.name
    }

    /// The policy, as it is in use.
    ///
    /// # Errors
    ///
    /// [`UseError::Sealed`], [`UseError::NotFound`] or [`UseError::Deleted`].
    pub fn policy(&self) -> Result<Policy, UseError> {
        Ok(*self.cell.load().usable()?.policy())
    }

    /// The number of the newest version.
    ///
    /// # Errors
    ///
    /// As [`policy`](Self::policy).
    pub fn latest_version(&self) -> Result<u32, UseError> {
        Ok(self.cell.load().usable()?.record.latest())
    }

    /// Counts one operation on so many bytes by the version that is named or the newest active one, then does it. At the limit
    /// the key is rotated, if its policy says so and no version was named. What `check` refuses neither counts nor rotates.
    #[inline]
    fn protect<T>(
        &self,
        named: Option<u32>,
        bytes: usize,
        check: impl Fn(&Live, &VersionKey) -> Result<(), UseError>,
        work: impl FnOnce(&Live, &Version, &VersionKey) -> Result<T, UseError>,
    ) -> Result<T, UseError> {
        let need = one(bytes);
        loop {
            let content = self.cell.load();
            let live = content.usable()?;
            let (version, key) = live.protecting(named)?;
            check(live, key)?;
            match self.count(live, version, key, need) {
                Ok(()) => return work(live, version, key),
                // Others may use the next version up before this thread comes to it: then once more.
                Err(LedgerError::Exhausted) if named.is_none() && may_roll_over(live, need) => {
                    let used_up = version.number;
                    drop(content);
                    self.roll_over(used_up)?;
                }
                Err(LedgerError::Outdated) => {
                    drop(content);
                    self.follow()?;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    #[inline]
    fn count(
        &self,
        live: &Live,
        version: &Version,
        key: &VersionKey,
        need: Amount,
    ) -> Result<(), LedgerError> {
        let supply = key.counter().count(need, live.blocks, |asked| {
            pollster::block_on(self.transit.inner.reserve(&self.cell.name, live, version.id, asked))
        })?;
        if supply == Supply::Low {
            self.transit.ask_keeper(&self.cell, version.number);
        }
        Ok(())
    }

    /// One thread rotates; those that come meanwhile find it done.
    #[cold]
    fn roll_over(&self, used_up: u32) -> Result<(), UseError> {
        let _one = self.cell.rolling_over.lock().unwrap_or_else(PoisonError::into_inner);
        if self.cell.load().usable()?.current() != Some(used_up) {
            return Ok(());
        }
        pollster::block_on(self.transit.rotate_used_up(&self.cell.name, used_up)).map_err(|error| match error
        {
            ManageError::RotationNotAllowed | ManageError::Unsupported(_) => UseError::Exhausted,
            error => in_use(error),
        })
    }

    /// Takes over what another manager has changed.
    #[cold]
    fn follow(&self) -> Result<(), UseError> {
        pollster::block_on(self.transit.reload(&self.cell.name)).map_err(in_use)
    }
}

/// What keeps a key from being used when it was to be changed or read.
fn in_use(error: ManageError) -> UseError {
    match error {
        ManageError::Sealed
        | ManageError::Read(ReadError::Sealed)
        | ManageError::Commit(CommitError::Sealed) => UseError::Sealed,
        ManageError::Deleted => UseError::Deleted,
        ManageError::NotFound => UseError::NotFound,
        error => UseError::Usage(Box::new(error)),
    }
}

/// One operation on so many bytes.
#[inline]
fn one(bytes: usize) -> Amount {
    Amount { operations: 1, bytes: u64::try_from(bytes).unwrap_or(u64::MAX) }
}

/// Whether a new version would do what this one cannot.
fn may_roll_over(live: &Live, need: Amount) -> bool {
    let policy = live.policy();
    policy.limits.at_limit == AtLimit::Rotate && policy.limits.of(policy.kind).covers(need)
}

/// The context of a derived key, which must have one; and of another, which must not: whoever passes one believes that it matters.
#[inline]
fn check_context(policy: &Policy, context: &[u8]) -> Result<(), UseError> {
    match (policy.derived, context.is_empty()) {
        (true, true) => Err(UseError::ContextMissing),
        (false, false) => Err(UseError::ContextUnexpected),
        _ => Ok(()),
    }
}

/// The error for a use that the kind of key does not have.
fn unsupported(kind: KeyKind) -> UseError {
    UseError::Unsupported(kind)
}
