//! Keys that come back from a backup.

use strongroom_barrier::{Batch, CommitError, Condition};

use super::Transit;
use super::update::ATTEMPTS;
use crate::backup::{self, Backup};
use crate::cell::Live;
use crate::error::ManageError;
use crate::key::Key;
use crate::name::KeyName;
use crate::record::KeyRecord;
use crate::state::VersionState;

impl Transit {
    /// Makes a key of a backup, under its own name or another.
    ///
    /// What the versions have used is taken from the backup or from this store's record of them, whichever is more: a
    /// backup gives no operation back, and the count of a version that is in use here goes up with it. A restore that is
    /// refused changes nothing.
    ///
    /// With `force` there may be a key of that name already:
    ///
    /// - A key that holds all that is in the backup, but for what was trimmed since, stays: its policy, its keys and its newer
    ///   versions. It takes over what is stricter in the backup: higher minimums, and the states of versions that are out
    ///   of use (what was destroyed there is compromised here, and destroyed in due time). It is no longer deleted.
    /// - Another key is replaced, once it could be destroyed: when it is deleted, and the minimum delay has passed since.
    ///
    /// Vault's `force` overwrites whatever is there. That would be a way around the rules of deletion and its delay, it would
    /// make compromised and trimmed versions good again, and it would have running programs encrypt under a key that
    /// whoever restores it knows. Of a key that is gone altogether only the counts are known: a backup of it comes back in the states
    /// that its versions had.
    ///
    /// # Errors
    ///
    /// [`ManageError::Backup`], [`ManageError::Exists`], [`ManageError::OtherKey`], [`ManageError::TooSoon`],
    /// [`ManageError::Record`], or as storage says.
    pub async fn restore(
        &self,
        name: Option<&KeyName>,
        backup: &[u8],
        force: bool,
    ) -> Result<Key, ManageError> {
        let Backup { name: own, record: restored, used } = backup::decode(backup)?;
        let name = name.unwrap_or(&own);
        for _ in 0..ATTEMPTS {
            let (next, condition) = match self.inner.read(name).await {
                Err(ManageError::NotFound) => (restored.successor(), Condition::Absent),
                Err(error) => return Err(error),
                Ok(_) if !force => return Err(ManageError::Exists),
                Ok(now) => (self.over(&now.record, &restored)?, Condition::Revision(now.revision)),
            };
            let mut batch = Batch::new().put_if(self.inner.path(name)?, next.encode()?, condition);
            for (version, amount) in &used {
                batch = self.inner.ledger.raise(batch, *version, *amount).await?;
            }
            match self.inner.barrier.commit(batch).await {
                Ok(committed) => return Ok(self.handle(name, Live::new(next, committed.sequence))),
                // Changed, or used, since it was read.
                Err(CommitError::Condition { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(ManageError::Contended)
    }

    /// What becomes of a key when a backup is restored over it.
    fn over(&self, record: &KeyRecord, restored: &KeyRecord) -> Result<KeyRecord, ManageError> {
        let now = self.now();
        if let Some(next) = stricter(record, restored, now) {
            return Ok(next);
        }
        let deleted = record.policy.deleted.ok_or(ManageError::OtherKey)?;
        let earliest = deleted.saturating_add(self.inner.options.minimum_delay);
        if now < earliest { Err(ManageError::TooSoon { earliest }) } else { Ok(restored.successor()) }
    }
}

/// The key with what is stricter in a backup; `None` where the backup is of another key, or of versions that this one lacks.
fn stricter(record: &KeyRecord, backup: &KeyRecord, now: u64) -> Option<KeyRecord> {
    let mut next = record.successor();
    let mut common = false;
    let kept = backup.versions.iter().filter(|version| version.number >= record.policy.min_available_version);
    for theirs in kept {
        let ours =
            next.versions.iter_mut().find(|ours| (ours.number, ours.id) == (theirs.number, theirs.id))?;
        common = true;
        let state = theirs.state.min(VersionState::Compromised);
        if state > VersionState::Active && state > ours.state {
            ours.state = state;
            ours.changed = now;
        }
    }
    if !common {
        return None;
    }
    let (policy, theirs) = (&mut next.policy, &backup.policy);
    policy.min_decryption_version = policy.min_decryption_version.max(theirs.min_decryption_version);
    policy.min_encryption_version = policy.min_encryption_version.max(theirs.min_encryption_version);
    if policy.min_encryption_version != 0 {
        policy.min_encryption_version = policy.min_encryption_version.max(policy.min_decryption_version);
    }
    policy.deleted = None;
    policy.destroy_at = None;
    Some(next)
}
