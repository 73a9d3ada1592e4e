//! A key as it is in use: one snapshot, read without waiting, replaced as a whole.

use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::{ArcSwap, Guard};
use strongroom_crypto::secret::check_not_forked;

use crate::counter::Blocks;
use crate::error::UseError;
use crate::name::KeyName;
use crate::policy::Policy;
use crate::record::KeyRecord;
use crate::state::VersionState;
use crate::version::{Version, VersionKey};

/// What all handles on one key share.
pub(crate) struct Cell {
    pub(crate) name: KeyName,
    content: ArcSwap<Content>,
    /// Held while the content is replaced: readers never take it.
    writing: Mutex<()>,
    /// Held while a used-up version is being replaced.
    pub(crate) rolling_over: Mutex<()>,
}

pub(crate) enum Content {
    Live(Live),
    /// Destroyed.
    Gone,
    Sealed,
}

/// A key and its versions, as of one revision.
pub(crate) struct Live {
    pub(crate) record: KeyRecord,
    /// The commit that wrote it.
    pub(crate) revision: u64,
    pub(crate) blocks: Blocks,
    /// The newest active version.
    current: Option<u32>,
}

impl Cell {
    pub(crate) fn new(name: KeyName, live: Live) -> Self {
        let content = ArcSwap::from_pointee(Content::Live(live));
        Self { name, content, writing: Mutex::new(()), rolling_over: Mutex::new(()) }
    }

    #[inline]
    pub(crate) fn load(&self) -> Guard<Arc<Content>> {
        self.content.load()
    }

    /// The commit that wrote what is in use.
    pub(crate) fn revision(&self) -> Option<u64> {
        match &**self.content.load() {
            Content::Live(live) => Some(live.revision),
            Content::Gone | Content::Sealed => None,
        }
    }

    /// Takes a newer state over; an older one that comes late is dropped. Gives a newer key back that has the name of this one,
    /// which was destroyed: handles on this one are none on that.
    pub(crate) fn install(&self, live: Live) -> Option<Live> {
        let _one_writer = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        match &**self.content.load() {
            Content::Sealed => {}
            Content::Live(now) if now.revision >= live.revision => {}
            Content::Gone => return Some(live),
            Content::Live(now) if !live.record.continues(&now.record) => return Some(live),
            now @ Content::Live(_) => {
                let limits = |live: &Live| live.policy().limits;
                let changed = matches!(now, Content::Live(now) if limits(now) != limits(&live));
                let next = Arc::new(Content::Live(live));
                self.content.store(Arc::clone(&next));
                // What was reserved under other limits is lost. What is being done at this moment is done under them.
                if changed && let Content::Live(live) = &*next {
                    live.adopt_limits();
                }
            }
        }
        None
    }

    /// Drops the keys. What is in the middle of using them finishes with its own hold on them.
    pub(crate) fn end(&self, content: Content) {
        let _one_writer = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        if !matches!(&**self.content.load(), Content::Sealed) {
            self.content.store(Arc::new(content));
        }
    }
}

impl Content {
    /// The key, where it can be used.
    #[inline]
    pub(crate) fn usable(&self) -> Result<&Live, UseError> {
        check_not_forked().map_err(UseError::Forked)?;
        match self {
            Self::Live(live) if live.policy().deleted.is_none() => Ok(live),
            Self::Live(_) => Err(UseError::Deleted),
            Self::Gone => Err(UseError::NotFound),
            Self::Sealed => Err(UseError::Sealed),
        }
    }
}

impl Live {
    pub(crate) fn new(record: KeyRecord, revision: u64) -> Self {
        let active = |version: &&Version| version.state == VersionState::Active;
        let current = record.versions.iter().rev().find(active).map(|version| version.number);
        let blocks = Blocks::of(record.policy.limits.of(record.policy.kind), revision);
        Self { record, revision, blocks, current }
    }

    #[inline]
    pub(crate) fn policy(&self) -> &Policy {
        &self.record.policy
    }

    /// The number of the newest active version.
    pub(crate) fn current(&self) -> Option<u32> {
        self.current
    }

    /// The version that encrypts, signs or makes MACs: the one that is named, or the newest active one.
    #[inline]
    pub(crate) fn protecting(&self, named: Option<u32>) -> Result<(&Version, &VersionKey), UseError> {
        let number = match named {
            Some(number) => number,
            None => self.current.ok_or_else(|| UseError::NoActiveVersion)?,
        };
        let (version, key) = self.find(number)?;
        // What an older one made could not be opened again.
        let minimum = self.policy().min_encryption_version.max(self.policy().min_decryption_version);
        if number < minimum {
            return Err(UseError::BelowMinimum { minimum });
        }
        if !version.state.protects() {
            return Err(UseError::State(version.state));
        }
        Ok((version, key.ok_or_else(|| UseError::State(version.state))?))
    }

    /// The version that made what is to be decrypted or verified.
    #[inline]
    pub(crate) fn processing(&self, number: u32) -> Result<(&Version, &VersionKey), UseError> {
        let minimum = self.policy().min_decryption_version;
        if number < minimum {
            let trimmed = (1..self.policy().min_available_version).contains(&number);
            return Err(if trimmed { UseError::Trimmed } else { UseError::BelowMinimum { minimum } });
        }
        let (version, key) = self.find(number)?;
        if !version.state.processes() {
            return Err(UseError::State(version.state));
        }
        Ok((version, key.ok_or_else(|| UseError::State(version.state))?))
    }

    #[inline]
    fn find(&self, number: u32) -> Result<(&Version, Option<&VersionKey>), UseError> {
        let version = self.record.version(number).ok_or_else(|| UseError::NoVersion)?;
        Ok((version, version.key.as_deref()))
    }

    /// Whether age asks for a new version.
    pub(crate) fn is_due(&self, now: u64) -> bool {
        let policy = self.policy();
        let newest = self.record.versions.last();
        policy.deleted.is_none()
            && policy.allow_rotation
            && policy.kind.local().is_some()
            && policy.auto_rotate_period.is_some_and(|period| {
                newest.is_some_and(|version| now.saturating_sub(version.created) >= period)
            })
    }

    /// Whether the time of its destruction has come.
    pub(crate) fn is_over(&self, now: u64) -> bool {
        let policy = self.policy();
        policy.deleted.is_some() && policy.destroy_at.is_some_and(|at| at <= now)
    }

    fn adopt_limits(&self) {
        let keys = self.record.versions.iter().filter_map(|version| version.key.as_ref());
        // Also where nothing was counted yet: somebody who saw the old limits may be about to.
        keys.for_each(|key| key.counter().adopt(self.blocks));
    }
}
