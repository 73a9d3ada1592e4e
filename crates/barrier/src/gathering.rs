//! Which requests share a commit.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

use crate::committer::{Reply, Work};

/// Requests that will be committed together.
#[derive(Default)]
pub(crate) struct Gathering {
    group: Vec<(Work, Reply)>,
    bytes: usize,
    /// Hashes of the paths that the batches change.
    paths: HashSet<u64>,
    hasher: RandomState,
}

impl Gathering {
    /// Whether a request may join. Two puts of one path must not: both would get one revision, and who put first could
    /// take the other's value for its own. And a group has bounds, since all of it lies in memory.
    pub(crate) fn admits(&self, work: &Work) -> bool {
        let free = match work {
            Work::Batch(batch) => {
                batch.changes.iter().all(|change| !self.paths.contains(&self.hasher.hash_one(&change.path)))
            }
            _ => true,
        };
        self.group.is_empty() || (free && self.bytes.saturating_add(weight(work)) <= GROUP_BYTES)
    }

    pub(crate) fn add(&mut self, work: Work, reply: Reply) {
        self.bytes = self.bytes.saturating_add(weight(&work));
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
}

fn weight(work: &Work) -> usize {
    match work {
        Work::Batch(batch) => {
            let values = batch.changes.iter().filter_map(|change| change.value.as_ref());
            values.fold(0, |sum, value| sum.saturating_add(value.len()))
        }
        // A step of a rewrap holds as much as its longest record at least.
        Work::Reseal { .. } | Work::Move { .. } => STEP_WEIGHT,
        Work::Keyring(_) | Work::Flush => 0,
    }
}

/// Far below what a storage takes in one batch.
const GROUP_BYTES: usize = 64 * 1024 * 1024;
const STEP_WEIGHT: usize = 16 * 1024 * 1024;
