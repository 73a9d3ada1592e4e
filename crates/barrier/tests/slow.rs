//! A storage that does not answer, and groups that would be too large for it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

mod common;

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use common::*;
use strongroom_barrier::{CommitError, KeyringChange, Options};
use strongroom_keyring::RotationPolicy;
use strongroom_storage::{
    Batch, BoxFuture, CommitError as StorageCommitError, MemoryStorage, ReadError, Snapshot, Storage, Value,
};

/// Memory that, when told, never again answers who asks for an entry, or who commits.
#[derive(Default)]
struct Hanging {
    memory: MemoryStorage,
    gets: AtomicBool,
    commits: AtomicBool,
}

impl Storage for Hanging {
    fn get<'a>(&'a self, key: &'a [u8]) -> BoxFuture<'a, Result<Option<Value>, ReadError>> {
        if self.gets.load(Ordering::SeqCst) { Box::pin(pending()) } else { self.memory.get(key) }
    }

    fn scan<'a>(
        &'a self,
        prefix: &'a [u8],
        after: Option<&'a [u8]>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Vec<u8>>, ReadError>> {
        self.memory.scan(prefix, after, limit)
    }

    fn commit(&self, batch: Batch) -> BoxFuture<'_, Result<(), StorageCommitError>> {
        if self.commits.load(Ordering::SeqCst) { Box::pin(pending()) } else { self.memory.commit(batch) }
    }

    fn snapshot(&self) -> BoxFuture<'_, Result<Arc<dyn Snapshot>, ReadError>> {
        self.memory.snapshot()
    }

    fn kind(&self) -> &'static str {
        "hanging"
    }
}

/// Runs on a thread of its own, so that what hangs fails the test instead of holding it up.
fn within_a_minute<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, answer) = mpsc::channel();
    thread::spawn(move || done.send(work()));
    answer.recv_timeout(Duration::from_secs(60)).expect("it must not hang")
}

#[test]
fn sealing_does_not_wait_for_a_storage_that_never_answers_a_reading() {
    let storage = Arc::new(Hanging::default());
    let (fixture, _) = Fixture::new();
    let barrier = fixture.create_on(storage.clone(), RotationPolicy::NEVER).unwrap();
    put(&barrier, "a", "1");
    storage.gets.store(true, Ordering::SeqCst);
    let putting = thread::spawn({
        let barrier = barrier.clone();
        move || wait(barrier.put(path("a"), plain("2")))
    });
    // Time for the committing thread to ask storage; without it the test shows less, but does not fail.
    thread::sleep(Duration::from_millis(100));
    assert!(!putting.is_finished(), "the control: nothing comes of the put by itself");
    within_a_minute({
        let barrier = barrier.clone();
        move || wait(barrier.seal())
    });
    assert!(barrier.is_sealed());
    assert!(matches!(putting.join().unwrap(), Err(CommitError::Sealed)));
}

#[test]
fn wiping_does_not_wait_for_a_change_of_keys_that_is_never_committed() {
    let storage = Arc::new(Hanging::default());
    let (fixture, _) = Fixture::new();
    let barrier = fixture.create_on(storage.clone(), RotationPolicy::NEVER).unwrap();
    storage.commits.store(true, Ordering::SeqCst);
    thread::spawn({
        let barrier = barrier.clone();
        move || wait(barrier.rotate()).map(|_| ())
    });
    thread::sleep(Duration::from_millis(100));
    within_a_minute({
        let barrier = barrier.clone();
        move || barrier.wipe()
    });
    assert!(barrier.is_sealed());
    // The thread that asked for the change never ends, and keeps a handle.
}

#[test]
fn change_that_holds_the_last_handle_ends_the_barrier_from_within() {
    let (_, barrier) = Fixture::new();
    let (ran, done) = mpsc::channel();
    let own = barrier.clone();
    let changing = barrier.change_keyring(move |keyring, _| {
        thread::sleep(Duration::from_millis(50));
        let next = keyring.next()?;
        drop(own);
        ran.send(()).unwrap();
        Ok(KeyringChange { keyring: next, key: None, puts: Vec::new() })
    });
    {
        let mut changing = Box::pin(changing);
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(std::future::Future::poll(changing.as_mut(), &mut context).is_pending());
    }
    drop(barrier);
    done.recv_timeout(Duration::from_secs(60)).unwrap();
}

#[test]
fn many_small_values_with_much_padding_share_no_commit_that_storage_refuses() {
    // 40 values of 8 MiB each, which storage would not take in one batch.
    let (_, barrier) =
        Fixture::with(RotationPolicy::NEVER, Options { padding: 8 * 1024 * 1024, ..Options::default() });
    thread::scope(|scope| {
        let held = scope.spawn(|| {
            wait(barrier.change_keyring(|keyring, _| {
                // The others queue up behind this.
                thread::sleep(Duration::from_millis(300));
                Ok(KeyringChange { keyring: keyring.next()?, key: None, puts: Vec::new() })
            }))
        });
        thread::sleep(Duration::from_millis(50));
        let writers: Vec<_> = (0..40)
            .map(|n| {
                scope.spawn({
                    let barrier = &barrier;
                    move || put(barrier, &format!("{n}"), "x")
                })
            })
            .collect();
        assert!(held.join().unwrap().is_ok());
        for writer in writers {
            writer.join().unwrap();
        }
    });
    assert_eq!(barrier.status().unwrap().entries, 40);
}
