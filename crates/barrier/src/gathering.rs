//! Which requests share a commit.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

use crate::committer::{Reply, Work};
use crate::entry::padded_len;

/// Requests that will be committed together.
pub(crate) struct Gathering {
    padding: u32,
    group: Vec<(Work, Reply)>,
    bytes: usize,
    /// Hashes of the paths that the batches change.
    paths: HashSet<u64>,
    hasher: RandomState,
}

impl Gathering {
    /// Nothing yet, for values that are padded to a multiple of so many bytes.
    pub(crate) fn new(padding: u32) -> Self {
        let (paths, hasher) = (HashSet::new(), RandomState::new());
        Self { padding, group: Vec::new(), bytes: 0, paths, hasher }
    }

    /// Whether a request may join. Two puts of one path must not: both would get one revision, and who put first could
    /// take the other's value for its own. A step of a rewrap goes alone, so that a damaged record that it meets is nobody
    /// else's error. And a group has bounds, since all of it lies in memory.
    pub(crate) fn admits(&self, work: &Work) -> bool {
        let step = |work: &Work| matches!(work, Work::Reseal { .. } | Work::Move { .. });
        if !self.group.is_empty() && (step(work) || self.group.iter().any(|(work, _)| step(work))) {
            return false;
        }
        let free = match work {
            Work::Batch(batch) => {
                batch.changes.iter().all(|change| !self.paths.contains(&self.hasher.hash_one(&change.path)))
            }
            _ => true,
        };
        self.group.is_empty() || (free && self.bytes.saturating_add(self.weight(work)) <= GROUP_BYTES)
    }

    pub(crate) fn add(&mut self, work: Work, reply: Reply) {
        self.bytes = self.bytes.saturating_add(self.weight(&work));
        if let Work::Batch(batch) = &work {
            self.paths.extend(batch.changes.iter().map(|change| self.hasher.hash_one(&change.path)));
        }
        self.group.push((work, reply));
    }

    /// What has gathered; nothing is left.
    pub(crate) fn take(&mut self) -> Vec<(Work, Reply)> {
        self.bytes = 0;
        self.paths.clear();
        std::mem::take(&mut self.group)
    }

    fn weight(&self, work: &Work) -> usize {
        match work {
            Work::Batch(batch) => batch
                .changes
                .iter()
                .map(|change| change.value.as_ref().map_or(0, |value| padded_len(value.len(), self.padding)))
                .fold(0, |sum, len| sum.saturating_add(len).saturating_add(CHANGE_WEIGHT)),
            // A step of a rewrap holds as much as its longest record at least.
            Work::Reseal { .. } | Work::Move { .. } => STEP_WEIGHT,
            Work::Keyring(_) | Work::Flush => 0,
        }
    }
}

/// Far below what a storage takes in one batch.
const GROUP_BYTES: usize = 64 * 1024 * 1024;
const STEP_WEIGHT: usize = 16 * 1024 * 1024;
/// A change without its value: the storage keys that it touches, and what a record has around its plaintext.
const CHANGE_WEIGHT: usize = 1024;
