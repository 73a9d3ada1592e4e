//! Changes that people ask for.

use strongroom_crypto::secret::Plaintext;

use crate::path::Path;

/// What must hold of a value for a batch to be committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Nothing: put or delete whatever is there.
    Any,
    /// There is no value of that name.
    Absent,
    /// The value is the one that this commit put: see [`Entry::revision`](crate::Entry::revision).
    Revision(u64),
}

/// Puts and deletes that are committed all together or not at all.
///
/// The conditions of all are checked before the first is carried out; of several changes to one path the last one wins.
#[derive(Default)]
pub struct Batch {
    pub(crate) changes: Vec<Change>,
}

pub(crate) struct Change {
    pub(crate) path: Path,
    pub(crate) condition: Condition,
    /// `None` deletes.
    pub(crate) value: Option<Plaintext>,
}

impl Batch {
    /// Nothing to do yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts a value.
    #[must_use]
    pub fn put(self, path: Path, value: Plaintext) -> Self {
        self.put_if(path, value, Condition::Any)
    }

    /// Puts a value if the condition holds.
    #[must_use]
    pub fn put_if(mut self, path: Path, value: Plaintext, condition: Condition) -> Self {
        self.changes.push(Change { path, condition, value: Some(value) });
        self
    }

    /// Deletes a value, if there is one.
    #[must_use]
    pub fn delete(self, path: Path) -> Self {
        self.delete_if(path, Condition::Any)
    }

    /// Deletes a value if the condition holds.
    #[must_use]
    pub fn delete_if(mut self, path: Path, condition: Condition) -> Self {
        self.changes.push(Change { path, condition, value: None });
        self
    }

    /// How many changes it holds.
    pub fn len(&self) -> usize {
        self.changes.len()
    }

    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }
}
