//! Untrusted bytes by key, in atomic durable batches.
//!
//! This crate is the bottom of the store. It knows no cryptography and no meaning of what it keeps: whoever needs
//! secrecy or integrity seals the values (and hides the keys) before they come here. It promises three things:
//!
//! - a [`Batch`] is stored wholly or not at all, and only if all its preconditions hold;
//! - when [`Storage::commit`] returns `Ok`, the batch survives what the back end says it survives;
//! - a key is looked up and listed in byte order, and a [`Snapshot`] does not change.
//!
//! | back end | survives a killed process | survives a loss of power | kept in |
//! |---|---|---|---|
//! | [`MemoryStorage`] | no | no | memory |
//! | [`DiskStorage`] (feature `redb`, the default) | yes | yes | a directory |
//! | `SledStorage` (feature `sled`) | yes | **no** | a directory |
//!
//! The futures need no particular runtime.

mod batch;
#[cfg(feature = "testing")]
pub mod conformance;
#[cfg(feature = "redb")]
pub mod disk;
mod error;
#[cfg(feature = "testing")]
#[doc(hidden)]
pub mod fuzzing;
pub mod io;
#[cfg(feature = "redb")]
mod log;
mod memory;
#[cfg(feature = "testing")]
pub mod simulation;
#[cfg(feature = "sled")]
mod sled;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

pub use batch::{Batch, Precondition};
#[cfg(feature = "redb")]
pub use disk::{CheckpointMode, DiskStorage, Options, panic_is_contained};
pub use error::{CommitError, OpenError, ReadError};
pub use memory::MemoryStorage;
#[cfg(feature = "sled")]
pub use sled::SledStorage;

/// A future that a trait object can return.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A stored value: shared, never changed.
pub type Value = Arc<[u8]>;

/// A place for bytes by key. Use it as `Arc<dyn Storage>`.
pub trait Storage: Send + Sync + 'static {
    /// The value at `key`, or `None`.
    ///
    /// # Errors
    ///
    /// [`ReadError`]; a key that is not there is no error.
    fn get<'a>(&'a self, key: &'a [u8]) -> BoxFuture<'a, Result<Option<Value>, ReadError>>;

    /// Up to `limit` keys in ascending byte order that begin with `prefix` and come strictly after `after`.
    ///
    /// Keys alone: to page on, give the last key again as `after`. Everything is seen as it was at one instant.
    ///
    /// # Errors
    ///
    /// [`ReadError`]; an empty list is no error.
    fn scan<'a>(
        &'a self,
        prefix: &'a [u8],
        after: Option<&'a [u8]>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Vec<u8>>, ReadError>>;

    /// Stores all of `batch` or nothing; durable when it returns `Ok`.
    ///
    /// Nothing happens before the future is first polled. A future dropped after that may or may not have stored its
    /// batch.
    ///
    /// # Errors
    ///
    /// After any error but [`CommitError::Unknown`] nothing of the batch is stored.
    fn commit(&self, batch: Batch) -> BoxFuture<'_, Result<(), CommitError>>;

    /// An unchanging view of everything committed so far.
    ///
    /// # Errors
    ///
    /// [`ReadError`].
    fn snapshot(&self) -> BoxFuture<'_, Result<Arc<dyn Snapshot>, ReadError>>;

    /// The back end's name: "redb", "memory", "sled".
    fn kind(&self) -> &'static str;
}

/// An unchanging view of a storage. It costs room on disk or in memory while it lives, and lives as long as its storage.
pub trait Snapshot: Send + Sync {
    /// As [`Storage::get`].
    ///
    /// # Errors
    ///
    /// [`ReadError`].
    fn get<'a>(&'a self, key: &'a [u8]) -> BoxFuture<'a, Result<Option<Value>, ReadError>>;

    /// As [`Storage::scan`].
    ///
    /// # Errors
    ///
    /// [`ReadError`].
    fn scan<'a>(
        &'a self,
        prefix: &'a [u8],
        after: Option<&'a [u8]>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Vec<u8>>, ReadError>>;
}

/// The longest key, so that other databases (LMDB, PostgreSQL) could hold it in an index.
pub const MAX_KEY: usize = 300;

/// The longest value: a sealed record of 16 MiB with room to spare.
pub const MAX_VALUE: usize = 17 * 1024 * 1024;

/// The most that a batch's keys and values may have together: it is held in memory until it is checkpointed.
pub const MAX_BATCH: usize = 256 * 1024 * 1024;
