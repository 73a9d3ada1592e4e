//! What versions have used up, durably.
//!
//! Each version has a record of its own behind the barrier, named after the version's random number, that says up to what
//! amount it was *reserved*. A block is reserved, and the commit is durable, before any of it is used; what a crash leaves
//! unused of a block is lost and never used again. So the record never understates what the version protected, and it only
//! grows. It stays when the key is destroyed: a backup that is restored later goes on from it.

use std::fmt;

use strongroom_barrier::{Barrier, Batch, CommitError, Condition, Directory, Path, PathError, ReadError};
use strongroom_crypto::random::{self, RandomnessError};
use strongroom_crypto::secret::Plaintext;

use crate::counter::Reservation;
use crate::policy::Amount;

/// The random number of one version of one key: what a backup, a rename or another store keeps of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct VersionId(pub [u8; 16]);

impl VersionId {
    pub(crate) fn random() -> Result<Self, RandomnessError> {
        random::array().map(Self)
    }
}

/// The records of usage of one mount.
#[derive(Clone)]
pub(crate) struct Ledger {
    barrier: Barrier,
    directory: Directory,
}

impl Ledger {
    pub(crate) fn new(barrier: Barrier, mount: &Directory) -> Result<Self, PathError> {
        Ok(Self { barrier, directory: mount.child("usage")? })
    }

    /// What was reserved of the version up to now.
    pub(crate) async fn reserved(&self, version: VersionId) -> Result<Amount, LedgerError> {
        Ok(self.read(version).await?.0)
    }

    /// Reserves what is wanted, or less where the limit leaves less; durable when this returns.
    ///
    /// # Errors
    ///
    /// [`LedgerError::Exhausted`] where the limit does not leave what is needed.
    pub(crate) async fn reserve(
        &self,
        version: VersionId,
        asked: Reservation,
    ) -> Result<Amount, LedgerError> {
        loop {
            let (used, condition) = self.read(version).await?;
            let granted = asked.want.min(asked.limit.saturating_sub(used));
            if !granted.covers(asked.need) {
                return Err(LedgerError::Exhausted);
            }
            match self.write(version, used.saturating_add(granted), condition).await {
                Ok(()) => return Ok(granted),
                // Another manager has reserved meanwhile: one of the two always gets through.
                Err(CommitError::Condition { .. }) => {}
                Err(error) => return Err(LedgerError::Commit(error)),
            }
        }
    }

    /// Has the batch raise the record to what a backup knows. Never lowers it.
    pub(crate) async fn raise(
        &self,
        batch: Batch,
        version: VersionId,
        at_least: Amount,
    ) -> Result<Batch, LedgerError> {
        let (used, condition) = self.read(version).await?;
        if used.covers(at_least) {
            return Ok(batch);
        }
        let record = Plaintext::new(encode(used.max(at_least)).to_vec());
        Ok(batch.put_if(self.path(version)?, record, condition))
    }

    async fn read(&self, version: VersionId) -> Result<(Amount, Condition), LedgerError> {
        match self.barrier.get(&self.path(version)?).await? {
            Some(entry) => {
                let amount = decode(entry.value()).ok_or(LedgerError::Malformed)?;
                Ok((amount, Condition::Revision(entry.revision())))
            }
            None => Ok((Amount::default(), Condition::Absent)),
        }
    }

    async fn write(
        &self,
        version: VersionId,
        amount: Amount,
        condition: Condition,
    ) -> Result<(), CommitError> {
        let path = self.path(version).map_err(|error| CommitError::Refused(Box::new(error)))?;
        let batch = Batch::new().put_if(path, Plaintext::new(encode(amount).to_vec()), condition);
        self.barrier.commit(batch).await.map(|_| ())
    }

    fn path(&self, version: VersionId) -> Result<Path, PathError> {
        self.directory.value(&data_encoding::HEXLOWER.encode(&version.0))
    }
}

fn encode(amount: Amount) -> [u8; RECORD_LEN] {
    let mut record = [FORMAT; RECORD_LEN];
    let fields = amount.operations.to_be_bytes().into_iter().chain(amount.bytes.to_be_bytes());
    record.iter_mut().skip(1).zip(fields).for_each(|(to, from)| *to = from);
    record
}

/// Reads a record of usage; `None` when it breaks the format.
pub fn decode(record: &[u8]) -> Option<Amount> {
    let (&[format], rest) = record.split_first_chunk()?;
    let (operations, rest) = rest.split_first_chunk()?;
    let (bytes, rest) = rest.split_first_chunk()?;
    (format == FORMAT && rest.is_empty())
        .then_some(Amount { operations: u64::from_be_bytes(*operations), bytes: u64::from_be_bytes(*bytes) })
}

/// Why nothing was reserved.
#[derive(Debug)]
pub(crate) enum LedgerError {
    /// The limit is reached.
    Exhausted,
    /// The key was changed since it was read: to be read again.
    Outdated,
    /// The record could not be read.
    Read(ReadError),
    /// The record could not be written. If it was written all the same, that much is lost.
    Commit(CommitError),
    /// The record breaks its format.
    Malformed,
    /// The mount's path is too long.
    Path(PathError),
}

impl From<ReadError> for LedgerError {
    fn from(error: ReadError) -> Self {
        Self::Read(error)
    }
}

impl From<PathError> for LedgerError {
    fn from(error: PathError) -> Self {
        Self::Path(error)
    }
}

impl fmt::Display for LedgerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exhausted => f.write_str("this version of the key has reached its limit, or its limit is below this one use: rotate the key, or raise its limits"),
            Self::Outdated => f.write_str("the key was changed at the same time: try again"),
            Self::Read(error) => error.fmt(f),
            Self::Commit(error) => error.fmt(f),
            Self::Malformed => f.write_str(
                "the record of what this version has used breaks its format, so nothing is protected with it: run a check of \
                 the whole store, and rotate the key",
            ),
            Self::Path(error) => error.fmt(f),
        }
    }
}

const FORMAT: u8 = 1;
const RECORD_LEN: usize = 1 + 8 + 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn record_is_strict() {
        let record = encode(Amount { operations: 3, bytes: 1 << 40 });
        assert_eq!(decode(&record), Some(Amount { operations: 3, bytes: 1 << 40 }));
        for len in 0..record.len() {
            assert_eq!(decode(&record[..len]), None);
        }
        assert_eq!(decode(&[&record[..], &[0]].concat()), None);
        let mut other = record;
        other[0] = 2;
        assert_eq!(decode(&other), None);
    }
}
