//! A storage that is gone with its process.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::ops::Bound;
use std::sync::{Arc, PoisonError, RwLock};

use crate::{Batch, BoxFuture, CommitError, ReadError, Snapshot, Storage, Value};

pub(crate) type Map = BTreeMap<Vec<u8>, Value>;

/// Keeps everything in memory: for tests and for stores that shall not outlive their process.
///
/// A clone shares the contents.
#[derive(Clone, Default)]
pub struct MemoryStorage {
    // A snapshot shares the map; the next commit then works on a copy.
    map: Arc<RwLock<Arc<Map>>>,
}

impl MemoryStorage {
    /// An empty storage.
    pub fn new() -> Self {
        Self::default()
    }

    fn view(&self) -> MemorySnapshot {
        // A panic cannot leave the map half changed: the lock is only held around code that does not panic.
        MemorySnapshot(Arc::clone(&self.map.read().unwrap_or_else(PoisonError::into_inner)))
    }

    fn apply(&self, batch: Batch) -> Result<(), CommitError> {
        batch.check_sizes()?;
        let mut shared = self.map.write().unwrap_or_else(PoisonError::into_inner);
        let Ok(checked) = batch.check_preconditions(|key| Ok::<_, Infallible>(shared.get(key).cloned()));
        checked?;
        let map = Arc::make_mut(&mut shared);
        for (key, value) in batch.into_changes() {
            match value {
                Some(value) => map.insert(key, value),
                None => map.remove(&key),
            };
        }
        Ok(())
    }
}

impl Storage for MemoryStorage {
    fn get<'a>(&'a self, key: &'a [u8]) -> BoxFuture<'a, Result<Option<Value>, ReadError>> {
        let map = self.map.read().unwrap_or_else(PoisonError::into_inner);
        let value = map.get(key).cloned();
        Box::pin(std::future::ready(Ok(value)))
    }

    fn scan<'a>(
        &'a self,
        prefix: &'a [u8],
        after: Option<&'a [u8]>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Vec<u8>>, ReadError>> {
        let map = self.map.read().unwrap_or_else(PoisonError::into_inner);
        let keys = scan(&map, prefix, after, limit);
        Box::pin(std::future::ready(Ok(keys)))
    }

    fn commit(&self, batch: Batch) -> BoxFuture<'_, Result<(), CommitError>> {
        Box::pin(async move { self.apply(batch) })
    }

    fn snapshot(&self) -> BoxFuture<'_, Result<Arc<dyn Snapshot>, ReadError>> {
        Box::pin(async move { Ok(Arc::new(self.view()) as Arc<dyn Snapshot>) })
    }

    fn kind(&self) -> &'static str {
        "memory"
    }
}

/// A map that nobody changes any more.
pub(crate) struct MemorySnapshot(Arc<Map>);

#[cfg(feature = "sled")]
impl MemorySnapshot {
    pub(crate) fn new(map: Map) -> Self {
        Self(Arc::new(map))
    }
}

impl Snapshot for MemorySnapshot {
    fn get<'a>(&'a self, key: &'a [u8]) -> BoxFuture<'a, Result<Option<Value>, ReadError>> {
        Box::pin(std::future::ready(Ok(self.0.get(key).cloned())))
    }

    fn scan<'a>(
        &'a self,
        prefix: &'a [u8],
        after: Option<&'a [u8]>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Vec<u8>>, ReadError>> {
        Box::pin(std::future::ready(Ok(scan(&self.0, prefix, after, limit))))
    }
}

/// Where a scan begins: at the prefix, or after `after` if that is further on.
pub(crate) fn scan_start<'a>(prefix: &'a [u8], after: Option<&'a [u8]>) -> Bound<&'a [u8]> {
    match after {
        Some(after) if after >= prefix => Bound::Excluded(after),
        _ => Bound::Included(prefix),
    }
}

fn scan(map: &Map, prefix: &[u8], after: Option<&[u8]>, limit: usize) -> Vec<Vec<u8>> {
    map.range::<[u8], _>((scan_start(prefix, after), Bound::Unbounded))
        .map(|(key, _)| key)
        .take_while(|key| key.starts_with(prefix))
        .take(limit)
        .cloned()
        .collect()
}
