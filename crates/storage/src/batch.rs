//! What a commit stores, and what must hold for it.

use std::collections::BTreeMap;

use crate::{CommitError, MAX_BATCH, MAX_KEY, MAX_VALUE, Value};

/// Changes that are stored together or not at all, under preconditions.
///
/// One change per key: the last one wins. Preconditions speak of the state before the batch.
///
/// ```
/// use strongroom_storage::Batch;
///
/// let mut batch = Batch::new();
/// batch.require_equal("head", None).put("head", b"1".as_slice()).delete("old head");
/// assert_eq!(batch.len(), 2);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Batch {
    preconditions: Vec<Precondition>,
    changes: BTreeMap<Vec<u8>, Option<Value>>,
}

/// A key's value must be exactly this (`None`: the key must be absent).
#[derive(Clone, Debug)]
pub struct Precondition {
    /// Whose value is compared.
    pub key: Vec<u8>,
    /// What it must be.
    pub expected: Option<Value>,
}

impl Batch {
    /// A batch that changes nothing and requires nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets the commit fail with [`CommitError::Conflict`] unless the value at `key` is exactly `expected` (`None`: absent).
    pub fn require_equal(&mut self, key: impl Into<Vec<u8>>, expected: Option<Value>) -> &mut Self {
        self.preconditions.push(Precondition { key: key.into(), expected });
        self
    }

    /// Stores `value` at `key`.
    pub fn put(&mut self, key: impl Into<Vec<u8>>, value: impl Into<Value>) -> &mut Self {
        self.changes.insert(key.into(), Some(value.into()));
        self
    }

    /// Removes `key`; it need not be there.
    pub fn delete(&mut self, key: impl Into<Vec<u8>>) -> &mut Self {
        self.changes.insert(key.into(), None);
        self
    }

    /// How many keys it changes. Preconditions are not counted.
    pub fn len(&self) -> usize {
        self.changes.len()
    }

    /// Whether it changes nothing. Such a batch can still conflict.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// What must hold, in the order in which it was required.
    pub fn preconditions(&self) -> &[Precondition] {
        &self.preconditions
    }

    /// The changes in key order; `None` removes.
    pub fn changes(&self) -> impl Iterator<Item = (&[u8], Option<&Value>)> {
        self.changes.iter().map(|(key, value)| (key.as_slice(), value.as_ref()))
    }

    /// What it does to `key`: `None` if nothing, `Some(None)` if it removes it.
    pub fn change(&self, key: &[u8]) -> Option<&Option<Value>> {
        self.changes.get(key)
    }

    /// Gives the changes away, in key order; `None` removes.
    pub fn into_changes(self) -> BTreeMap<Vec<u8>, Option<Value>> {
        self.changes
    }

    /// Whether every back end can hold it. Every back end asks this first.
    ///
    /// # Errors
    ///
    /// [`CommitError::EmptyKey`] and [`CommitError::TooLarge`].
    pub fn check_sizes(&self) -> Result<(), CommitError> {
        let keys = self.changes.keys().chain(self.preconditions.iter().map(|required| &required.key));
        for key in keys {
            match key.len() {
                0 => return Err(CommitError::EmptyKey),
                size if size > MAX_KEY => {
                    return Err(CommitError::TooLarge { what: "key", size, limit: MAX_KEY });
                }
                _ => {}
            }
        }
        let mut total = 0_usize;
        for (key, value) in &self.changes {
            let size = value.as_ref().map_or(0, |value| value.len());
            if size > MAX_VALUE {
                return Err(CommitError::TooLarge { what: "value", size, limit: MAX_VALUE });
            }
            total = total.saturating_add(key.len()).saturating_add(size);
        }
        if total > MAX_BATCH {
            return Err(CommitError::TooLarge { what: "batch", size: total, limit: MAX_BATCH });
        }
        Ok(())
    }

    /// The first precondition that does not hold, `current` being what is stored.
    pub(crate) fn check_preconditions<E>(
        &self,
        current: impl Fn(&[u8]) -> Result<Option<Value>, E>,
    ) -> Result<Result<(), CommitError>, E> {
        for Precondition { key, expected } in &self.preconditions {
            if current(key)? != *expected {
                return Ok(Err(CommitError::Conflict { key: key.clone() }));
            }
        }
        Ok(Ok(()))
    }
}
