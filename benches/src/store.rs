//! Whole stores: puts, gets, lists, rewraps, unsealing, and opening a million records.

use std::ops::ControlFlow;
use std::path::Path as FilePath;
use std::sync::Arc;

use strongroom::{
    Batch, DiskStorage, InitOptions, Path, Plaintext, Preparation, RotationPolicy, SealedStore, Storage,
    Store,
};
use zeroize::Zeroizing;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The length of a value.
pub const VALUE: usize = 1024;

/// A new store, 3 of 5, on this storage, and its shares.
///
/// # Errors
///
/// As the store says.
pub fn create(storage: Arc<dyn Storage>) -> Result<(Store, Vec<Zeroizing<String>>), Failure> {
    let mut options = InitOptions::new("benchmark", "3 of 5".parse().map_err(|error| format!("{error}"))?);
    options.rotation = RotationPolicy::NEVER;
    let prepared = pollster::block_on(Preparation::new(storage, options))?;
    let shares = prepared.shares()?;
    Ok((pollster::block_on(prepared.commit())?, shares))
}

/// Opens a store with its first three shares.
///
/// # Errors
///
/// As the store says.
pub fn unseal(storage: Arc<dyn Storage>, shares: &[Zeroizing<String>]) -> Result<Store, Failure> {
    let mut unsealing = pollster::block_on(SealedStore::open(storage))?.unsealing();
    for share in shares.iter().take(3) {
        unsealing.offer_text(share).map_err(|error| error.to_string())?;
    }
    Ok(pollster::block_on(unsealing.unseal())?)
}

/// The name of the nth value: a thousand to a directory.
///
/// # Errors
///
/// Never: every such name is a path.
pub fn path(n: u64) -> Result<Path, Failure> {
    Ok(format!("tenant-{}/secret-{}", n / 1000, n % 1000).parse()?)
}

/// Puts `count` values in large batches.
///
/// # Errors
///
/// As the store says.
pub fn fill(store: &Store, count: u64) -> Result<(), Failure> {
    let mut next = 0;
    while next < count {
        let mut batch = Batch::new();
        for n in next..count.min(next + 1000) {
            batch = batch.put(path(n)?, value(n));
        }
        pollster::block_on(store.barrier().commit(batch))?;
        next += 1000;
    }
    Ok(())
}

/// The nth value.
pub fn value(n: u64) -> Plaintext {
    Plaintext::new(n.to_be_bytes().iter().copied().cycle().take(VALUE).collect())
}

/// Opens storage on disk, making it if need be.
///
/// # Errors
///
/// As storage says.
pub fn disk(directory: &FilePath) -> Result<Arc<dyn Storage>, Failure> {
    if directory.join("strongroom.redb").exists() {
        Ok(Arc::new(DiskStorage::open(directory)?))
    } else {
        Ok(Arc::new(DiskStorage::create(directory)?))
    }
}

/// Rotates and rewraps everything; says how many entries and how many seconds.
///
/// # Errors
///
/// As the store says.
pub fn rewrap(store: &Store) -> Result<(u64, f64), Failure> {
    pollster::block_on(store.barrier().rotate())?;
    let outcome = pollster::block_on(store.rewrap(|_| ControlFlow::Continue(())))?;
    Ok((outcome.report.resealed, outcome.report.elapsed.as_secs_f64()))
}
