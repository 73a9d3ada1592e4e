//! Reading and replacing a key's record, on condition that nobody else has replaced it.

use strongroom_barrier::{Batch, CommitError, Condition};

use super::{Inner, Transit};
use crate::cell::{Content, Live};
use crate::error::ManageError;
use crate::name::KeyName;
use crate::record::KeyRecord;

impl Transit {
    /// Replaces the record by what `change` makes of it, and takes it into use once it is durable.
    ///
    /// `change` may run several times: the record is read anew when somebody else has changed it.
    pub(crate) async fn update<T>(
        &self,
        name: &KeyName,
        mut change: impl FnMut(&KeyRecord) -> Result<(KeyRecord, T), ManageError>,
    ) -> Result<T, ManageError> {
        for _ in 0..ATTEMPTS {
            let now = self.inner.read(name).await?;
            let (next, outcome) = change(&now.record)?;
            let condition = Condition::Revision(now.revision);
            match self.inner.write(name, &next, condition).await {
                Ok(revision) => {
                    self.inner.install(name, Live::new(next, revision));
                    return Ok(outcome);
                }
                Err(ManageError::Commit(CommitError::Condition { .. })) => {}
                Err(error) => return Err(error),
            }
        }
        Err(ManageError::Contended)
    }
}

impl Inner {
    /// The key as it is in storage; versions that are in use already are shared with it.
    pub(crate) async fn read(&self, name: &KeyName) -> Result<Live, ManageError> {
        self.check_open()?;
        let entry = self.barrier.get(&self.path(name)?).await?.ok_or(ManageError::NotFound)?;
        let cell = self.cell(name);
        let content = cell.as_ref().map(|cell| cell.load());
        let known = match content.as_deref().map(|content| &**content) {
            Some(Content::Live(live)) => Some(&live.record),
            _ => None,
        };
        let record = KeyRecord::decode_sharing(entry.value(), known)?;
        Ok(Live::new(record, entry.revision()))
    }

    /// Stores a new key; says which commit did.
    pub(crate) async fn insert(&self, name: &KeyName, record: &KeyRecord) -> Result<u64, ManageError> {
        match self.write(name, record, Condition::Absent).await {
            Err(ManageError::Commit(CommitError::Condition { .. })) => Err(ManageError::Exists),
            outcome => outcome,
        }
    }

    pub(crate) async fn write(
        &self,
        name: &KeyName,
        record: &KeyRecord,
        condition: Condition,
    ) -> Result<u64, ManageError> {
        self.check_open()?;
        let batch = Batch::new().put_if(self.path(name)?, record.encode()?, condition);
        Ok(self.barrier.commit(batch).await?.sequence)
    }
}

/// Each failure is another's success.
pub(super) const ATTEMPTS: usize = 32;
