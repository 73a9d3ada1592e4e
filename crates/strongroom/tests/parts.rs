//! Parts of a store that are damaged, missing or older than the rest: what is noticed, what is not, and what it costs.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

mod common;

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use common::*;
use strongroom::backup::BackupError;
use strongroom::{MemoryStorage, SealedStore, Storage, Store, UnsealError};
use strongroom_barrier::{HEAD, KEYRING};
use strongroom_storage::{self as storage, BoxFuture, Snapshot, Value};

fn backup(store: &Store) -> Result<Vec<u8>, BackupError> {
    wait(store.backup(Vec::new(), |_, _| ControlFlow::Continue(()))).map(|(file, _)| file)
}

/// The keys that a change of the store adds to storage.
fn added(storage: &MemoryStorage, change: impl FnOnce()) -> Vec<Vec<u8>> {
    let before: BTreeSet<_> = keys(storage).into_iter().collect();
    change();
    keys(storage).into_iter().filter(|key| !before.contains(key)).collect()
}

#[test]
fn backup_of_a_store_that_lost_an_entry_is_refused_when_it_is_written() {
    let (storage, store, _) = fresh();
    let entry = added(&storage, || _ = put(&store, "a", b"1").unwrap());
    assert_eq!(entry.len(), 1);
    assert!(backup(&store).is_ok(), "the control");
    let mut batch = storage::Batch::new();
    batch.delete(entry[0].clone());
    wait(storage.commit(batch)).unwrap();
    assert!(matches!(backup(&store), Err(BackupError::Count { expected: 1, found: 0 })));
}

#[test]
fn older_record_of_one_entry_put_back_is_not_detected() {
    let (storage, store, shares) = fresh();
    let entry = added(&storage, || {
        put(&store, "a", b"old").unwrap();
    });
    let old = read(&storage, &entry[0]);
    put(&store, "a", b"new").unwrap();
    write(&storage, &entry[0], &old);
    drop(store);
    // The limit of this version: each record is genuine by itself, and the head has no hash over all of them yet.
    let store = open(&storage, &shares).unwrap();
    assert_eq!(get(&store, "a").unwrap(), b"old");
    assert_clean(&store);
}

#[test]
fn older_head_of_the_same_keyring_put_back_is_not_detected_but_by_a_check() {
    let (storage, store, shares) = fresh();
    let head = read(&storage, HEAD);
    put(&store, "a", b"1").unwrap();
    write(&storage, HEAD, &head);
    drop(store);
    let store = open(&storage, &shares).unwrap();
    assert!(!wait(store.check(|_, _| ControlFlow::Continue(()))).unwrap().is_clean());
}

#[test]
fn old_holders_cannot_authenticate_backups_of_after_a_rekey() {
    let (_, store, _) = fresh();
    let key = |store: &Store| {
        store.barrier().with_keyring(|keyring| keyring.purpose_key("backup").unwrap()).unwrap()
    };
    let before = key(&store);
    wait(store.rotate_root()).unwrap();
    assert!(before.ct_eq(&key(&store)), "the control: the holders are the same");
    let (slot, shares) = add_slot(&store, "replacement").unwrap();
    let proved = prove(&store, slot, &shares);
    wait(store.replace_slot(first_slot(&store), proved)).unwrap();
    assert!(!before.ct_eq(&key(&store)));
    assert!(backup(&store).is_ok());
}

/// Memory that fails to read the keyring while told to.
#[derive(Clone, Default)]
struct Failing {
    memory: MemoryStorage,
    fails: Arc<AtomicBool>,
}

impl Storage for Failing {
    fn get<'a>(&'a self, key: &'a [u8]) -> BoxFuture<'a, Result<Option<Value>, storage::ReadError>> {
        if key == KEYRING && self.fails.load(Ordering::SeqCst) {
            return Box::pin(async { Ok(None) });
        }
        self.memory.get(key)
    }

    fn scan<'a>(
        &'a self,
        prefix: &'a [u8],
        after: Option<&'a [u8]>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Vec<u8>>, storage::ReadError>> {
        self.memory.scan(prefix, after, limit)
    }

    fn commit(&self, batch: storage::Batch) -> BoxFuture<'_, Result<(), storage::CommitError>> {
        self.memory.commit(batch)
    }

    fn snapshot(&self) -> BoxFuture<'_, Result<Arc<dyn Snapshot>, storage::ReadError>> {
        self.memory.snapshot()
    }

    fn kind(&self) -> &'static str {
        "failing"
    }
}

#[test]
fn storage_that_fails_for_a_moment_costs_no_share() {
    let (storage, store, shares) = fresh();
    drop(store);
    let failing = Failing { memory: storage, fails: Arc::new(AtomicBool::new(true)) };
    let sealed = wait(SealedStore::open(Arc::new(failing.clone()))).unwrap();
    let mut unsealing = sealed.unsealing_with(barrier_options());
    for share in &shares[..2] {
        unsealing.offer_text(share).unwrap();
    }
    assert!(matches!(refused(wait(unsealing.unseal())), UnsealError::NoKeyring));
    failing.fails.store(false, Ordering::SeqCst);
    assert!(wait(unsealing.unseal()).is_ok());
}
