//! sled 0.34, for those who have such a store already.

use std::io;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use crate::io::{Disk, LockError, LockGuard, NoRoom, RealDisk};
use crate::memory::{MemorySnapshot, scan_start};
use crate::{Batch, BoxFuture, CommitError, OpenError, ReadError, Snapshot, Storage, Value};

/// A directory with a sled database. Prefer `DiskStorage`.
///
/// - **Acknowledged batches may not survive a loss of power.** sled's `flush` asks the kernel to begin writing and
///   almost never syncs. They survive a killed process.
/// - sled 0.34.7 is the last release of its line and depends on crates that nobody maintains (RUSTSEC-2024-0384).
/// - A snapshot is a copy of everything in memory.
/// - Every batch waits for the one before it; there is no group commit.
pub struct SledStorage {
    // Keeps batches whole for readers: sled applies them key by key.
    database: RwLock<sled::Db>,
    _lock: LockGuard,
}

impl SledStorage {
    /// Opens the store in `directory`, or creates one. The directory is closed to other users, sled's files in it are
    /// as the umask has it.
    ///
    /// # Errors
    ///
    /// [`OpenError`].
    pub fn open(directory: &Path) -> Result<Self, OpenError> {
        let disk = RealDisk::create(directory)?;
        let lock = disk.lock(LOCK).map_err(|error| match error {
            LockError::Held { pid } => OpenError::InUse { directory: directory.to_owned(), pid },
            LockError::Io(source) => OpenError::from_io("locking the store", source),
        })?;
        let database =
            sled::open(directory.join(DATABASE)).map_err(|error| OpenError::from(failed(error)))?;
        Ok(Self { database: RwLock::new(database), _lock: lock })
    }

    fn get(&self, key: &[u8]) -> Result<Option<Value>, ReadError> {
        let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
        find(&database, key).map_err(failed)
    }

    fn scan(&self, prefix: &[u8], after: Option<&[u8]>, limit: usize) -> Result<Vec<Vec<u8>>, ReadError> {
        let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
        let mut keys = Vec::new();
        for entry in database.range::<&[u8], _>((scan_start(prefix, after), std::ops::Bound::Unbounded)) {
            let (key, _) = entry.map_err(failed)?;
            if keys.len() == limit || !key.starts_with(prefix) {
                break;
            }
            keys.push(key.to_vec());
        }
        Ok(keys)
    }

    fn apply(&self, batch: Batch) -> Result<(), CommitError> {
        batch.check_sizes()?;
        let database = self.database.write().unwrap_or_else(PoisonError::into_inner);
        batch.check_preconditions(|key| find(&database, key)).map_err(failed)??;
        let mut changes = sled::Batch::default();
        for (key, value) in batch.into_changes() {
            match value {
                Some(value) => changes.insert(key, &*value),
                None => changes.remove(key),
            }
        }
        let applied = database.apply_batch(changes).and_then(|()| database.flush());
        applied.map(drop).map_err(|error| match failed(error) {
            ReadError::Io { source, .. } if NoRoom::of(&source) == Some(NoRoom::ReadOnly) => {
                CommitError::ReadOnly { source }
            }
            ReadError::Io { source, .. } => {
                CommitError::Unknown { context: "writing the database".to_owned(), source }
            }
            other => other.into(),
        })
    }

    fn copy(&self) -> Result<MemorySnapshot, ReadError> {
        let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
        let entries = database.iter().map(|entry| {
            let (key, value) = entry.map_err(failed)?;
            Ok((key.to_vec(), Value::from(&*value)))
        });
        Ok(MemorySnapshot::new(entries.collect::<Result<_, ReadError>>()?))
    }
}

impl Storage for SledStorage {
    fn get<'a>(&'a self, key: &'a [u8]) -> BoxFuture<'a, Result<Option<Value>, ReadError>> {
        Box::pin(async move { self.get(key) })
    }

    fn scan<'a>(
        &'a self,
        prefix: &'a [u8],
        after: Option<&'a [u8]>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Vec<u8>>, ReadError>> {
        Box::pin(async move { self.scan(prefix, after, limit) })
    }

    fn commit(&self, batch: Batch) -> BoxFuture<'_, Result<(), CommitError>> {
        Box::pin(async move { self.apply(batch) })
    }

    fn snapshot(&self) -> BoxFuture<'_, Result<Arc<dyn Snapshot>, ReadError>> {
        Box::pin(async move { Ok(Arc::new(self.copy()?) as Arc<dyn Snapshot>) })
    }

    fn kind(&self) -> &'static str {
        "sled"
    }
}

fn find(database: &sled::Db, key: &[u8]) -> Result<Option<Value>, sled::Error> {
    Ok(database.get(key)?.map(|value| Value::from(&*value)))
}

fn failed(error: sled::Error) -> ReadError {
    match error {
        sled::Error::Io(source) => ReadError::Io { context: "using the sled database".to_owned(), source },
        sled::Error::Corruption { .. } => {
            ReadError::Corrupt("the sled database cannot be understood".to_owned())
        }
        other => ReadError::Io {
            context: "using the sled database".to_owned(),
            source: io::Error::other(other.to_string()),
        },
    }
}

const DATABASE: &str = "sled";
const LOCK: &str = "lock";
