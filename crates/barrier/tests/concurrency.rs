//! Many threads at once, sealing among them, and rotation.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

mod common;

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use common::*;
use strongroom_barrier::{Barrier, CommitError, Condition, Options, ReadError};
use strongroom_keyring::{RotationPolicy, TermState};
use strongroom_storage::{self as storage, BoxFuture, MemoryStorage, Snapshot, Storage, Value};

/// Memory whose commits can be held up and counted.
#[derive(Clone, Default)]
struct Gate {
    memory: MemoryStorage,
    state: Arc<(Mutex<bool>, Condvar)>,
    waiting: Arc<AtomicU64>,
    commits: Arc<AtomicU64>,
}

impl Gate {
    fn shut(&self, shut: bool) {
        *self.state.0.lock().unwrap() = shut;
        self.state.1.notify_all();
    }

    fn until_somebody_waits(&self) {
        while self.waiting.load(Ordering::SeqCst) == 0 {
            thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Storage for Gate {
    fn get<'a>(&'a self, key: &'a [u8]) -> BoxFuture<'a, Result<Option<Value>, storage::ReadError>> {
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
        Box::pin(async move {
            self.waiting.fetch_add(1, Ordering::SeqCst);
            let shut = self.state.0.lock().unwrap();
            drop(self.state.1.wait_while(shut, |shut| *shut).unwrap());
            self.waiting.fetch_sub(1, Ordering::SeqCst);
            self.commits.fetch_add(1, Ordering::SeqCst);
            self.memory.commit(batch).await
        })
    }

    fn snapshot(&self) -> BoxFuture<'_, Result<Arc<dyn Snapshot>, storage::ReadError>> {
        self.memory.snapshot()
    }

    fn kind(&self) -> &'static str {
        "gate"
    }
}

fn gated() -> (Gate, Barrier) {
    let (fixture, unused) = Fixture::new();
    drop(unused);
    let gate = Gate::default();
    let barrier = fixture.create_on(Arc::new(gate.clone()), RotationPolicy::NEVER).unwrap();
    (gate, barrier)
}

#[test]
fn sixteen_writers_are_all_answered_and_share_commits() {
    let (gate, barrier) = gated();
    let start = barrier.status().unwrap().sequence;
    thread::scope(|scope| {
        for writer in 0..16 {
            let barrier = &barrier;
            scope.spawn(move || {
                let mut last = start;
                for n in 0..40 {
                    let sequence = put(barrier, &format!("w{writer}/v{n}"), format!("{writer} {n}"));
                    assert!(sequence > last, "the sequence grows");
                    assert_eq!(entry(barrier, &format!("w{writer}/v{n}")).unwrap().revision(), sequence);
                    last = sequence;
                }
            });
        }
    });
    for writer in 0..16 {
        assert_eq!(list(&barrier, &format!("w{writer}"), 100).len(), 40);
    }
    let commits = barrier.status().unwrap().sequence - start;
    assert_eq!(commits + 1, gate.commits.load(Ordering::SeqCst), "one storage commit for each head");
    assert_clean(&barrier);
    // With the storage held up, those who come meanwhile share the next commit.
    gate.shut(true);
    thread::scope(|scope| {
        scope.spawn(|| put(&barrier, "first", b""));
        gate.until_somebody_waits();
        let late: Vec<_> = (0..8)
            .map(|n| {
                let barrier = &barrier;
                scope.spawn(move || put(barrier, &format!("late{n}"), b""))
            })
            .collect();
        thread::sleep(Duration::from_millis(200));
        gate.shut(false);
        let sequences: BTreeSet<u64> = late.into_iter().map(|thread| thread.join().unwrap()).collect();
        // On a busy machine one of them may come too late for it.
        assert!(sequences.len() < 8, "{sequences:?}");
    });
}

#[test]
fn of_sixteen_that_count_with_compare_and_set_no_step_is_lost() {
    let (_, barrier) = Fixture::new();
    put(&barrier, "counter", 0_u64.to_be_bytes());
    thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                for _ in 0..20 {
                    loop {
                        let now = entry(&barrier, "counter").unwrap();
                        let count = u64::from_be_bytes(now.value().try_into().unwrap()) + 1;
                        let change = batch().put_if(
                            path("counter"),
                            plain(count.to_be_bytes()),
                            Condition::Revision(now.revision()),
                        );
                        match wait(barrier.commit(change)) {
                            Ok(_) => break,
                            Err(CommitError::Condition { change: 0 }) => {}
                            Err(error) => panic!("{error}"),
                        }
                    }
                }
            });
        }
    });
    assert_eq!(get(&barrier, "counter").unwrap(), 320_u64.to_be_bytes());
}

#[test]
fn two_puts_of_one_path_never_share_a_revision() {
    let (gate, barrier) = gated();
    gate.shut(true);
    let (one, two) = thread::scope(|scope| {
        scope.spawn(|| put(&barrier, "first", b""));
        gate.until_somebody_waits();
        let one = scope.spawn(|| put(&barrier, "path", b"one"));
        let two = scope.spawn(|| put(&barrier, "path", b"two"));
        thread::sleep(Duration::from_millis(100));
        gate.shut(false);
        (one.join().unwrap(), two.join().unwrap())
    });
    // Otherwise whoever put first could replace the other's value, taking it for its own.
    assert_ne!(one, two);
}

#[test]
fn change_whose_future_is_dropped_is_committed_all_the_same() {
    let (gate, barrier) = gated();
    gate.shut(true);
    let mut future = Box::pin(barrier.put(path("dropped"), plain(b"value")));
    let mut context = Context::from_waker(Waker::noop());
    assert!(matches!(future.as_mut().poll(&mut context), Poll::Pending));
    drop(future);
    drop(barrier.put(path("never polled"), plain(b"value")));
    gate.shut(false);
    put(&barrier, "after", b"");
    assert_eq!(get(&barrier, "dropped"), Some(b"value".to_vec()));
    assert_eq!(get(&barrier, "never polled"), None);
}

#[test]
fn sealing_wipes_at_once_though_a_commit_hangs() {
    let (gate, barrier) = gated();
    put(&barrier, "a", b"1");
    gate.shut(true);
    thread::scope(|scope| {
        let writer = scope.spawn(|| wait(barrier.put(path("a"), plain(b"2"))));
        gate.until_somebody_waits();
        let sealer = scope.spawn(|| wait(barrier.seal()));
        while !barrier.is_sealed() {
            thread::sleep(Duration::from_millis(1));
        }
        assert!(!sealer.is_finished(), "it waits for the commit in flight");
        assert!(matches!(refused(wait(barrier.get(&path("a")))), ReadError::Sealed));
        gate.shut(false);
        // The commit was sealed before the keys were wiped, and is acknowledged.
        writer.join().unwrap().unwrap();
        sealer.join().unwrap();
    });
}

#[test]
fn sealing_ends_the_work_of_all_and_refuses_everything_afterwards() {
    let (fixture, barrier) = Fixture::new();
    put(&barrier, "shared", b"0");
    let acknowledged: Vec<Vec<String>> = thread::scope(|scope| {
        let writers: Vec<_> = (0..6)
            .map(|writer| {
                let barrier = barrier.clone();
                scope.spawn(move || {
                    let mut done = Vec::new();
                    for n in 0.. {
                        let name = format!("w{writer}/v{n}");
                        match wait(barrier.put(path(&name), plain(&name))) {
                            Ok(_) => done.push(name),
                            Err(CommitError::Sealed) => break,
                            Err(error) => panic!("{error}"),
                        }
                    }
                    done
                })
            })
            .collect();
        let readers: Vec<_> = (0..4)
            .map(|_| {
                let barrier = barrier.clone();
                scope.spawn(move || {
                    loop {
                        match (
                            wait(barrier.get(&path("shared"))),
                            wait(barrier.list(&directory("w0"), None, 10)),
                        ) {
                            (Ok(entry), Ok(_)) => assert_eq!(entry.unwrap().value(), b"0"),
                            (Ok(_) | Err(ReadError::Sealed), Err(ReadError::Sealed)) => break,
                            (Err(error), _) | (_, Err(error)) => panic!("{error}"),
                        }
                    }
                })
            })
            .collect();
        while (0..6).any(|writer| get(&barrier, &format!("w{writer}/v2")).is_none()) {
            thread::sleep(Duration::from_millis(1));
        }
        wait(barrier.seal());
        for reader in readers {
            reader.join().unwrap();
        }
        writers.into_iter().map(|writer| writer.join().unwrap()).collect()
    });
    assert!(barrier.is_sealed());
    assert!(matches!(refused(wait(barrier.get(&path("shared")))), ReadError::Sealed));
    assert!(matches!(refused(wait(barrier.list(&directory(""), None, 1))), ReadError::Sealed));
    assert!(matches!(refused(wait(barrier.rotate())), CommitError::Sealed));
    assert!(matches!(refused(barrier.with_keyring(|_| ())), ReadError::Sealed));
    assert!(matches!(refused(barrier.status()), ReadError::Sealed));
    assert!(wait(barrier.rewrap(go_on)).is_err());
    wait(barrier.seal());
    let again = fixture.open();
    for name in acknowledged.iter().flatten() {
        assert_eq!(get(&again, name).unwrap(), name.as_bytes(), "acknowledged before sealing");
    }
    assert!(acknowledged.iter().all(|done| !done.is_empty()));
    assert_clean(&again);
}

#[test]
fn rotation_comes_by_command_age_and_use() {
    static NOW: AtomicU64 = AtomicU64::new(1000);
    let options = Options { clock: || NOW.load(Ordering::SeqCst), ..Options::default() };
    let policy = RotationPolicy { max_age: Some(100), max_seals: Some(50) };
    let (fixture, barrier) = Fixture::with(policy, options);
    let active = |barrier: &Barrier| barrier.status().unwrap().active_term.get();
    put(&barrier, "a", b"1");
    assert_eq!(active(&barrier), 1);
    assert_eq!(wait(barrier.rotate()).unwrap().get(), 2);
    NOW.store(1099, Ordering::SeqCst);
    put(&barrier, "a", b"2");
    assert_eq!(active(&barrier), 2, "not old enough");
    NOW.store(1100, Ordering::SeqCst);
    put(&barrier, "b", b"3");
    assert_eq!(active(&barrier), 3, "for its age");
    // Each put seals an entry and a head.
    for n in 0..30 {
        put(&barrier, &format!("c{n}"), b"4");
    }
    assert_eq!(active(&barrier), 4, "for its use");
    drop(barrier);
    let again = fixture.open();
    let status = again.status().unwrap();
    assert_eq!(status.terms.iter().filter(|term| term.info.state == TermState::Deactivated).count(), 3);
    assert_eq!(status.terms[2].info.installed, 1100);
    wait(again.set_rotation(RotationPolicy::NEVER)).unwrap();
    for n in 0..60 {
        put(&again, &format!("c{}", n % 9), b"5");
    }
    assert_eq!(active(&again), 4);
    assert_clean(&again);
}

#[test]
fn readers_never_miss_a_value_while_keys_change() {
    let (_, barrier) = Fixture::new();
    for n in 0..20 {
        put(&barrier, &format!("d/v{n}"), b"value");
    }
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !stop.load(Ordering::SeqCst) {
                    for n in 0..20 {
                        assert_eq!(get(&barrier, &format!("d/v{n}")).as_deref(), Some(&b"value"[..]));
                    }
                    assert_eq!(list(&barrier, "d", 7).len(), 20);
                }
            });
        }
        for _ in 0..60 {
            change_names(&barrier);
            wait(barrier.rewrap(go_on)).unwrap();
            destroy_old_terms(&barrier);
        }
        stop.store(true, Ordering::SeqCst);
    });
    assert_clean(&barrier);
}
