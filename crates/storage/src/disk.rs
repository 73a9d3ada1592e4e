//! The default back end: a write-ahead log in front of a redb database.
//!
//! ```text
//! commit ──► queue ──► committer: check, append to the log, ONE sync, apply, answer
//!                          │ log segment full
//!                          ▼
//!            active table ─► frozen table ──► checkpoint: one redb transaction, then the segment is free again
//! ```
//!
//! Everybody who waits is made durable by one sync ("group commit"). What is in the log lies in memory, too, as two
//! tables; a read looks into the active one, the frozen one and the database, all as of one instant. Opening reads at
//! most two segments, and the database is always in a state that needs no repair, so that a kill costs nothing.
//!
//! # Failures
//!
//! - **Full or read-only disk**: the commit fails, nothing is lost, and the next one may succeed. A checkpoint waits
//!   for room; meanwhile commits go on as far as the log has room.
//! - **A failed sync** ([why](https://wiki.postgresql.org/wiki/Fsync_Errors)): the outcome of the commits that waited is
//!   unknown ([`CommitError::Unknown`]), and every later one is refused ([`CommitError::Poisoned`]) until the storage is
//!   opened anew. Reading goes on.
//! - **Damage**: frames carry a chain of checksums. A torn last frame was never acknowledged and is dropped; anything
//!   else that is unreadable is [`OpenError::Corrupt`].
//!
//! # What it does not do
//!
//! Reads happen on the caller's thread: from the page cache that is microseconds, from a slow disk it is not. Checksums
//! find accidents, not attacks: whoever can write the files can change them unnoticed, so seal what you store. Where
//! a database file that was changed behind redb's back makes redb panic, that becomes an error
//! ([`panic_is_contained`]); a panic within a panic still ends the process.

mod backend;
mod checkpoint;
mod committer;
mod contain;
mod database;
mod open;
mod queue;
mod tables;
mod writer;

use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use checkpoint::Checkpointer;
use committer::Committer;
pub use contain::panic_is_contained;
use queue::Request;
use tables::Shared;

use crate::io::{Disk, LockGuard, RealDisk};
use crate::{Batch, BoxFuture, CommitError, OpenError, ReadError, Snapshot, Storage, Value};

/// A directory with a redb database and a write-ahead log. See the [module's documentation](self).
///
/// Dropping it checkpoints everything, so that the next opening finds an empty log, and ends its threads; that can take
/// a second. A snapshot that outlives it answers [`ReadError::Closed`].
pub struct DiskStorage {
    shared: Arc<Shared>,
    committer: Option<JoinHandle<Committer>>,
    checkpointer: Option<JoinHandle<Checkpointer>>,
    lock: Option<LockGuard>,
}

/// How a [`DiskStorage`] works. The defaults suit almost everyone.
#[derive(Clone, Debug)]
pub struct Options {
    /// How long a log segment is made when the store is created. Two of them are on disk, and as much is in memory.
    pub segment_size: u64,
    /// How much of the database is kept in memory, in bytes, beside the operating system's page cache.
    pub cache_size: usize,
    /// Who writes checkpoints.
    pub checkpoint: CheckpointMode,
    /// The fault that the crash tests must find: acknowledges without syncing the log.
    #[cfg(feature = "testing")]
    #[doc(hidden)]
    pub break_by_skipping_log_sync: bool,
}

/// Who writes checkpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckpointMode {
    /// A thread of its own, while commits go on.
    Background,
    /// The committer, so that the order of disk operations depends on the commits alone: for crash tests.
    Inline,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            segment_size: 16 * 1024 * 1024,
            cache_size: 128 * 1024 * 1024,
            checkpoint: CheckpointMode::Background,
            #[cfg(feature = "testing")]
            break_by_skipping_log_sync: false,
        }
    }
}

impl DiskStorage {
    /// Creates a store in `directory`, which is made if it is not there.
    ///
    /// # Errors
    ///
    /// [`OpenError`]. A crash on the way leaves nothing that [`DiskStorage::open`] would take for a store.
    pub fn create(directory: &Path) -> Result<Self, OpenError> {
        Self::create_on(&RealDisk::create(directory)?, &Options::default())
    }

    /// Opens the store in `directory`.
    ///
    /// # Errors
    ///
    /// [`OpenError`].
    pub fn open(directory: &Path) -> Result<Self, OpenError> {
        Self::open_on(&RealDisk::open(directory)?, &Options::default())
    }

    /// Creates a store on `disk`.
    ///
    /// # Errors
    ///
    /// [`OpenError`].
    pub fn create_on(disk: &dyn Disk, options: &Options) -> Result<Self, OpenError> {
        open::create(disk, options)
    }

    /// Opens the store on `disk`.
    ///
    /// # Errors
    ///
    /// [`OpenError`].
    pub fn open_on(disk: &dyn Disk, options: &Options) -> Result<Self, OpenError> {
        open::open(disk, options)
    }

    /// Checkpoints everything and closes; does what dropping does, but tells how it went.
    ///
    /// # Errors
    ///
    /// After any error everything acknowledged is still in the log, and the next opening reads it from there.
    pub fn close(mut self) -> Result<(), CommitError> {
        self.shut_down()
    }

    fn shut_down(&mut self) -> Result<(), CommitError> {
        let Some(committer) = self.committer.take() else { return Ok(()) };
        self.shared.queue.close();
        let committer = committer.join().map_err(|_| CommitError::Poisoned)?;
        self.shared.progress.give_up_waiting();
        let (poisoned, inline) = committer.finish();
        let checkpointer = match (inline, self.checkpointer.take()) {
            (Some(checkpointer), _) => checkpointer,
            (None, Some(thread)) => thread.join().map_err(|_| CommitError::Poisoned)?,
            (None, None) => return Err(CommitError::Poisoned),
        };
        let outcome = checkpointer.finish(poisoned);
        // Only now may another process come in.
        self.lock = None;
        outcome
    }
}

impl Drop for DiskStorage {
    fn drop(&mut self) {
        // Whatever could not be checkpointed is in the log.
        let _ = self.shut_down();
    }
}

impl Storage for DiskStorage {
    fn get<'a>(&'a self, key: &'a [u8]) -> BoxFuture<'a, Result<Option<Value>, ReadError>> {
        Box::pin(async move { self.shared.get(key) })
    }

    fn scan<'a>(
        &'a self,
        prefix: &'a [u8],
        after: Option<&'a [u8]>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Vec<u8>>, ReadError>> {
        Box::pin(async move { self.shared.scan(prefix, after, limit) })
    }

    fn commit(&self, batch: Batch) -> BoxFuture<'_, Result<(), CommitError>> {
        Box::pin(async move {
            let (request, answer) = Request::new(batch)?;
            self.shared.queue.push(request)?;
            match answer.await {
                Ok(outcome) => outcome,
                Err(_) => Err(CommitError::Unknown {
                    context: "waiting for the committer".to_owned(),
                    source: std::io::Error::other("it stopped"),
                }),
            }
        })
    }

    fn snapshot(&self) -> BoxFuture<'_, Result<Arc<dyn Snapshot>, ReadError>> {
        Box::pin(async move { Ok(Arc::new(self.shared.snapshot()) as Arc<dyn Snapshot>) })
    }

    fn kind(&self) -> &'static str {
        "redb"
    }
}

const DATABASE: &str = "strongroom.redb";
const SEGMENTS: [&str; 2] = ["log.0", "log.1"];
const LOCK: &str = "lock";
