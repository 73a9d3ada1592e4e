//! Deletion, in two steps: first the key is out of use and can come back, then it is gone.

use strongroom_barrier::{Batch, CommitError, Condition};

use super::{Transit, not_deleted};
use crate::error::ManageError;
use crate::name::KeyName;

impl Transit {
    /// Takes the key out of use; [`restore_deleted`](Self::restore_deleted) brings it back. It is not destroyed until
    /// [`schedule_destruction`](Self::schedule_destruction) says when.
    ///
    /// # Errors
    ///
    /// [`ManageError::DeletionNotAllowed`], [`ManageError::Deleted`], or as storage says.
    pub async fn delete(&self, name: &KeyName) -> Result<(), ManageError> {
        let now = self.now();
        self.update(name, |record| {
            let mut next = not_deleted(record)?.successor();
            if !record.policy.deletion_allowed {
                return Err(ManageError::DeletionNotAllowed);
            }
            // 0 would say that it was not.
            next.policy.deleted = Some(now.max(1));
            Ok((next, ()))
        })
        .await
    }

    /// Brings a deleted key back into use, and calls its destruction off, also when its time has come and it was not destroyed
    /// yet.
    ///
    /// # Errors
    ///
    /// [`ManageError::NotDeleted`], or as storage says.
    pub async fn restore_deleted(&self, name: &KeyName) -> Result<(), ManageError> {
        self.update(name, |record| {
            if record.policy.deleted.is_none() {
                return Err(ManageError::NotDeleted);
            }
            let mut next = record.successor();
            next.policy.deleted = None;
            next.policy.destroy_at = None;
            Ok((next, ()))
        })
        .await
    }

    /// Says when a deleted key is to be destroyed, in seconds since 1970: no sooner than the minimum delay after its deletion.
    ///
    /// The key is destroyed then by the first of these: [`destroy_due`](Self::destroy_due); the thread that looks after the keys, within
    /// a second where a handle on the key was given out, otherwise by its sweep; or whoever asks for a handle on it, who
    /// does not find it.
    ///
    /// # Errors
    ///
    /// [`ManageError::TooSoon`], [`ManageError::NotDeleted`], or as storage says.
    pub async fn schedule_destruction(&self, name: &KeyName, at: u64) -> Result<(), ManageError> {
        let delay = self.inner.options.minimum_delay;
        self.update(name, |record| {
            let deleted = record.policy.deleted.ok_or(ManageError::NotDeleted)?;
            let earliest = deleted.saturating_add(delay);
            if at < earliest {
                return Err(ManageError::TooSoon { earliest });
            }
            let mut next = record.successor();
            next.policy.destroy_at = Some(at.max(1));
            Ok((next, ()))
        })
        .await
    }

    /// Destroys the key if its time has come; says whether it did. What its versions have used stays on record.
    ///
    /// # Errors
    ///
    /// As storage says; [`ManageError::NotFound`].
    pub async fn destroy_if_due(&self, name: &KeyName) -> Result<bool, ManageError> {
        let live = self.inner.read(name).await?;
        if !live.is_over(self.now()) {
            return Ok(false);
        }
        let path = self.inner.path(name)?;
        let batch = Batch::new().delete_if(path, Condition::Revision(live.revision));
        match self.inner.barrier.commit(batch).await {
            Ok(_) => {
                self.inner.forget(name, live.revision);
                Ok(true)
            }
            // Restored in the last moment, or destroyed by another.
            Err(CommitError::Condition { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Goes through all keys and destroys those whose time has come; says how many. The thread that looks after the keys does
    /// so a minute after they were opened, and then every hour: so whoever has restored an older copy of the store to have a
    /// key back has a minute for [`restore_deleted`](Self::restore_deleted).
    ///
    /// # Errors
    ///
    /// As storage says: the first error, after all the other keys were looked at.
    pub async fn destroy_due(&self) -> Result<u64, ManageError> {
        self.destroy_due_until(|| false).await
    }

    /// The same, which stops between two keys when it is told to.
    pub(super) async fn destroy_due_until(&self, is_over: impl Fn() -> bool) -> Result<u64, ManageError> {
        let (mut destroyed, mut failed, mut after) = (0, None, None::<KeyName>);
        loop {
            let (names, more) = self.list(after.as_ref().map(KeyName::as_str), PAGE).await?;
            for name in &names {
                if is_over() {
                    return Ok(destroyed);
                }
                match self.destroy_if_due(name).await {
                    Ok(done) => destroyed += u64::from(done),
                    Err(ManageError::NotFound) => {}
                    Err(error) => failed = failed.or(Some(error)),
                }
            }
            if !more {
                return failed.map_or(Ok(destroyed), Err);
            }
            after = names.into_iter().next_back();
        }
    }
}

const PAGE: usize = 256;
