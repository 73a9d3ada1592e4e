//! New versions, their states, and the end of old ones.

use super::{Transit, not_deleted};
use crate::algorithm::{GenerateOptions, KeyType, Material};
use crate::error::ManageError;
use crate::name::KeyName;
use crate::policy::PolicyError;
use crate::record::KeyRecord;
use crate::state::VersionState;
use crate::version::{HeldReference, Version, VersionKey};

impl Transit {
    /// Adds a version, which is active: the older ones still open what they made. Says its number.
    ///
    /// # Errors
    ///
    /// [`ManageError::RotationNotAllowed`], [`ManageError::Unsupported`] for keys held elsewhere (see
    /// [`rotate_held`](Self::rotate_held)), or as storage says.
    pub async fn rotate(&self, name: &KeyName) -> Result<u32, ManageError> {
        self.add_version(name, VersionState::Active, |_| true).await
    }

    /// Adds a version that is not in use until [`set_state`](Self::set_state) activates it. Says its number.
    ///
    /// # Errors
    ///
    /// As [`rotate`](Self::rotate).
    pub async fn prepare_version(&self, name: &KeyName) -> Result<u32, ManageError> {
        self.add_version(name, VersionState::PreActivation, |_| true).await
    }

    /// Adds a version that is held elsewhere under this reference. Says its number.
    ///
    /// # Errors
    ///
    /// As [`create_held`](Self::create_held).
    pub async fn rotate_held(&self, name: &KeyName, reference: HeldReference) -> Result<u32, ManageError> {
        let now = self.now();
        self.update(name, |record| {
            not_deleted(record)?;
            self.inner.find_held(record.policy.kind, &reference)?;
            append(record, VersionKey::held(reference.clone()), VersionState::Active, now)
        })
        .await
    }

    /// Rotates where age asks for it.
    pub(crate) async fn rotate_if_due(&self, name: &KeyName) -> Result<(), ManageError> {
        let now = self.now();
        let due = |record: &KeyRecord| {
            let newest = record.versions.last().map_or(now, |version| version.created);
            let period = record.policy.auto_rotate_period;
            period.is_some_and(|period| now.saturating_sub(newest) >= period)
        };
        self.add_version(name, VersionState::Active, due).await.map(|_| ())
    }

    /// Rotates unless somebody has done so since version `used_up` was the newest active one.
    pub(crate) async fn rotate_used_up(&self, name: &KeyName, used_up: u32) -> Result<(), ManageError> {
        let newest_active = |record: &KeyRecord| {
            let active = |version: &&Version| version.state == VersionState::Active;
            record.versions.iter().rev().find(active).map(|version| version.number)
        };
        self.add_version(name, VersionState::Active, |record| newest_active(record) == Some(used_up))
            .await
            .map(|_| ())
    }

    async fn add_version(
        &self,
        name: &KeyName,
        state: VersionState,
        wanted: impl Fn(&KeyRecord) -> bool,
    ) -> Result<u32, ManageError> {
        let now = self.now();
        self.update(name, |record| {
            not_deleted(record)?;
            if !wanted(record) {
                return Ok((record.successor(), record.latest()));
            }
            let key_type = record.policy.kind.local().ok_or(ManageError::Unsupported(record.policy.kind))?;
            if !record.policy.allow_rotation {
                return Err(ManageError::RotationNotAllowed);
            }
            append(record, VersionKey::local(like_last(record, key_type)?), state, now)
        })
        .await
    }

    /// Moves a version to another state: [`VersionState::may_become`].
    ///
    /// Destruction is for versions that have been out of use for the minimum delay, so that somebody who still needs them can
    /// object: suspend a version first. The key is then gone from the record; the number stays.
    ///
    /// # Errors
    ///
    /// [`ManageError::Transition`], [`ManageError::TooSoon`], [`ManageError::NoVersion`], or as storage says.
    pub async fn set_state(
        &self,
        name: &KeyName,
        version: u32,
        state: VersionState,
    ) -> Result<(), ManageError> {
        let now = self.now();
        let delay = self.inner.options.minimum_delay;
        self.update(name, |record| {
            let mut next = not_deleted(record)?.successor();
            let version = next
                .versions
                .iter_mut()
                .find(|candidate| candidate.number == version)
                .ok_or(ManageError::NoVersion)?;
            let from = version.state;
            if !from.may_become(state) || (state, from) == (VersionState::Destroyed, VersionState::Active) {
                return Err(ManageError::Transition { from, to: state });
            }
            if state == VersionState::Destroyed {
                let earliest = version.changed.saturating_add(delay);
                if from != VersionState::PreActivation && now < earliest {
                    return Err(ManageError::TooSoon { earliest });
                }
                version.key = None;
            }
            version.state = state;
            version.changed = now;
            Ok((next, ()))
        })
        .await
    }

    /// Removes every version before `min_available` for ever: Vault's `trim`.
    ///
    /// As in Vault it does so at once, also while the key may not be deleted: raising both minimums is all that comes before it, and
    /// nothing makes anybody wait between that and this. Whoever wants others to have time to object leaves the minimums raised for a
    /// while first, or destroys versions by [`set_state`](Self::set_state), which does wait.
    ///
    /// # Errors
    ///
    /// [`ManageError::Policy`] unless both minimum versions have been raised so far; or as storage says.
    pub async fn trim(&self, name: &KeyName, min_available: u32) -> Result<(), ManageError> {
        self.update(name, |record| {
            let mut next = not_deleted(record)?.successor();
            next.policy = record.policy.trimmed(min_available, record.latest())?;
            next.versions.retain(|version| version.number >= min_available);
            Ok((next, ()))
        })
        .await
    }
}

pub(super) fn append(
    record: &KeyRecord,
    key: VersionKey,
    state: VersionState,
    now: u64,
) -> Result<(KeyRecord, u32), ManageError> {
    let latest = record.latest();
    let number = latest.checked_add(1).ok_or(PolicyError::BeyondLatest { latest })?;
    let mut next = record.successor();
    next.versions.push(Version::new(number, state, key, now)?);
    Ok((next, number))
}

/// A new key of the same type and size.
fn like_last(record: &KeyRecord, key_type: KeyType) -> Result<Material, ManageError> {
    let mut options = GenerateOptions::default();
    if key_type == KeyType::Hmac {
        let last = record.versions.iter().rev().find_map(|version| version.key.as_ref()?.material());
        options.hmac_key_len = last.map_or(options.hmac_key_len, |last| last.body.len());
    }
    Ok(Material::generate(key_type, &options)?)
}
