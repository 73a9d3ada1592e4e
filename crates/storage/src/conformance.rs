//! What every back end must do, as one suite of tests.
//!
//! A back end's own tests call [`suite`] with a function that makes an empty storage, and, if it keeps what it has,
//! [`persistence`] with a function that opens the same storage again.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "these are tests, which fail by panicking")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use pollster::block_on;

use crate::{Batch, CommitError, MAX_KEY, MAX_VALUE, Storage, Value};

/// Makes a storage for one test.
pub type Make<'a> = &'a dyn Fn() -> Arc<dyn Storage>;

/// A test; it is given an empty storage.
pub type Test = fn(&dyn Storage);

/// Every test, by name.
pub const TESTS: &[(&str, Test)] = &[
    ("what_was_put_is_there_until_it_is_deleted", what_was_put_is_there_until_it_is_deleted),
    ("scan_is_ordered_and_keeps_to_its_prefix", scan_is_ordered_and_keeps_to_its_prefix),
    ("scan_pages_through_everything_once", scan_pages_through_everything_once),
    ("last_change_to_a_key_wins_within_a_batch", last_change_to_a_key_wins_within_a_batch),
    ("preconditions_compare_with_what_is_stored", preconditions_compare_with_what_is_stored),
    ("conflict_leaves_nothing_of_the_batch", conflict_leaves_nothing_of_the_batch),
    ("sizes_beyond_the_limits_are_errors", sizes_beyond_the_limits_are_errors),
    ("sizes_at_the_limits_are_stored", sizes_at_the_limits_are_stored),
    ("snapshot_does_not_change", snapshot_does_not_change),
    ("concurrent_increments_are_all_counted", concurrent_increments_are_all_counted),
    ("concurrent_readers_see_whole_batches", concurrent_readers_see_whole_batches),
    ("random_work_agrees_with_a_model", random_work_agrees_with_a_model),
];

/// Runs every test of [`TESTS`].
///
/// # Panics
///
/// At the first test that fails; its name is in the backtrace.
pub fn suite(make: Make<'_>) {
    for (_, test) in TESTS {
        test(&*make());
    }
}

/// What was committed is there after the storage was dropped and opened again. `open` is called three times.
///
/// # Panics
///
/// If it is not.
pub fn persistence(open: Make<'_>) {
    let storage = open();
    put(&*storage, b"kept", b"1");
    put(&*storage, b"changed", b"1");
    put(&*storage, b"deleted", b"1");
    put(&*storage, b"large", &vec![7; 3 << 20]);
    drop(storage);

    let storage = open();
    put(&*storage, b"changed", b"2");
    block_on(storage.commit(batch(|batch| batch.delete(b"deleted".as_slice())))).unwrap();
    drop(storage);

    let storage = open();
    assert_eq!(get(&*storage, b"kept").as_deref(), Some(b"1".as_slice()));
    assert_eq!(get(&*storage, b"changed").as_deref(), Some(b"2".as_slice()));
    assert_eq!(get(&*storage, b"deleted"), None);
    assert_eq!(get(&*storage, b"large").map(|value| value.len()), Some(3 << 20));
    assert_eq!(scan(&*storage, b"", None, 10), [b"changed".as_slice(), b"kept", b"large"]);
}

fn what_was_put_is_there_until_it_is_deleted(storage: &dyn Storage) {
    assert_eq!(get(storage, b"key"), None);
    put(storage, b"key", b"value");
    assert_eq!(get(storage, b"key").as_deref(), Some(b"value".as_slice()));
    put(storage, b"key", b"");
    assert_eq!(get(storage, b"key").as_deref(), Some(b"".as_slice()));
    block_on(storage.commit(batch(|batch| batch.delete(b"key".as_slice())))).unwrap();
    assert_eq!(get(storage, b"key"), None);
    block_on(storage.commit(batch(|batch| batch.delete(b"never there".as_slice())))).unwrap();
    block_on(storage.commit(Batch::new())).unwrap();
    assert_eq!(scan(storage, b"", None, 10), [b""; 0]);
    assert_eq!(get(storage, b""), None);
}

fn scan_is_ordered_and_keeps_to_its_prefix(storage: &dyn Storage) {
    let keys: [&[u8]; 9] =
        [b"\0", b"a", b"a\0", b"a\0\0", b"a\xff", b"b", b"\xff", b"\xff\xff", b"\xff\xff\x01"];
    for key in keys.iter().rev() {
        put(storage, key, key);
    }
    assert_eq!(scan(storage, b"", None, 100), keys);
    assert_eq!(scan(storage, b"a", None, 100), keys[1..5]);
    assert_eq!(scan(storage, b"a\0", None, 100), keys[2..4]);
    assert_eq!(scan(storage, b"\xff", None, 100), keys[6..]);
    assert_eq!(scan(storage, b"\xff\xff", None, 100), keys[7..]);
    assert_eq!(scan(storage, b"c", None, 100), [b""; 0]);
    // `after` is exclusive, need not be there, and may lie before, in or behind the prefix.
    assert_eq!(scan(storage, b"a", Some(b""), 100), keys[1..5]);
    assert_eq!(scan(storage, b"a", Some(b"a"), 100), keys[2..5]);
    assert_eq!(scan(storage, b"a", Some(b"a\x01"), 100), keys[4..5]);
    assert_eq!(scan(storage, b"a", Some(b"a\xff"), 100), [b""; 0]);
    assert_eq!(scan(storage, b"a", Some(b"b"), 100), [b""; 0]);
    assert_eq!(scan(storage, b"", Some(b"\xff\xff\x01"), 100), [b""; 0]);
    assert_eq!(scan(storage, b"", None, 0), [b""; 0]);
    assert_eq!(scan(storage, b"", None, 2), keys[..2]);
    assert_eq!(scan(storage, b"a", Some(b"a"), 1), keys[2..3]);
    assert_eq!(scan(storage, b"", None, usize::MAX), keys);
    // What is deleted or hidden by later changes is not listed, and does not use up the limit.
    block_on(storage.commit(batch(|batch| batch.delete(keys[0]).delete(keys[2]).put(keys[1], keys[1]))))
        .unwrap();
    assert_eq!(scan(storage, b"", None, 2), [keys[1], keys[3]]);
}

fn scan_pages_through_everything_once(storage: &dyn Storage) {
    let key = |number: u32| [b"page/".as_slice(), &number.to_be_bytes()].concat();
    for number in 0..200 {
        put(storage, &key(number * 7 % 200), &[0; 100]);
    }
    let mut seen = Vec::new();
    while let page = scan(storage, b"page/", seen.last().map(Vec::as_slice), 9)
        && !page.is_empty()
    {
        seen.extend(page);
    }
    assert_eq!(seen, (0..200).map(key).collect::<Vec<_>>());
}

fn last_change_to_a_key_wins_within_a_batch(storage: &dyn Storage) {
    let mut batch = Batch::new();
    batch.put("a", b"1".as_slice()).put("a", b"2".as_slice());
    batch.put("b", b"1".as_slice()).delete("b");
    batch.delete("c").put("c", b"3".as_slice());
    assert_eq!(batch.len(), 3);
    block_on(storage.commit(batch)).unwrap();
    assert_eq!(get(storage, b"a").as_deref(), Some(b"2".as_slice()));
    assert_eq!(get(storage, b"b"), None);
    assert_eq!(get(storage, b"c").as_deref(), Some(b"3".as_slice()));
}

fn preconditions_compare_with_what_is_stored(storage: &dyn Storage) {
    let value = |bytes: &[u8]| Some(Value::from(bytes));
    let swap = |expected: Option<Value>, new: &[u8]| {
        block_on(storage.commit(batch(|batch| batch.require_equal("key", expected).put("key", new))))
    };
    assert!(is_conflict(swap(value(b""), b"no"), b"key"));
    swap(None, b"1").unwrap();
    assert!(is_conflict(swap(None, b"no"), b"key"));
    assert!(is_conflict(swap(value(b"12"), b"no"), b"key"));
    swap(value(b"1"), b"2").unwrap();
    assert!(is_conflict(swap(value(b"1"), b"no"), b"key"));
    assert_eq!(get(storage, b"key").as_deref(), Some(b"2".as_slice()));
    // Preconditions speak of the state before the batch, can stand alone, and must all hold.
    block_on(storage.commit(batch(|batch| {
        batch.put("key", b"3".as_slice()).require_equal("key", value(b"2")).require_equal("other", None)
    })))
    .unwrap();
    block_on(storage.commit(batch(|batch| batch.require_equal("key", value(b"3"))))).unwrap();
    let neither = batch(|batch| batch.require_equal("key", value(b"3")).require_equal("key", None));
    assert!(is_conflict(block_on(storage.commit(neither)), b"key"));
}

fn conflict_leaves_nothing_of_the_batch(storage: &dyn Storage) {
    put(storage, b"there", b"1");
    let mut batch = Batch::new();
    batch.put("a", b"1".as_slice()).delete("there").put("z", b"1".as_slice());
    batch
        .require_equal("there", Some(Value::from(b"1".as_slice())))
        .require_equal("missing", Some(Value::from([])));
    assert!(is_conflict(block_on(storage.commit(batch)), b"missing"));
    assert_eq!(scan(storage, b"", None, 10), [b"there"]);
}

fn sizes_beyond_the_limits_are_errors(storage: &dyn Storage) {
    let commit =
        |change: &dyn Fn(&mut Batch) -> &mut Batch| block_on(storage.commit(batch(|batch| change(batch))));
    let long = vec![1; MAX_KEY + 1];
    let too_large = |outcome: Result<(), CommitError>, part: &str| match outcome {
        Err(CommitError::TooLarge { what, .. }) => what == part,
        _ => false,
    };
    assert!(too_large(commit(&|batch| batch.put("a", b"1".as_slice()).put(long.clone(), [])), "key"));
    assert!(too_large(commit(&|batch| batch.delete(long.clone())), "key"));
    assert!(too_large(commit(&|batch| batch.require_equal(long.clone(), None)), "key"));
    assert!(too_large(commit(&|batch| batch.put("a", vec![0; MAX_VALUE + 1])), "value"));
    assert!(matches!(commit(&|batch| batch.put("", [])), Err(CommitError::EmptyKey)));
    assert_eq!(scan(storage, b"", None, 10), [b""; 0]);
    // A key that no storage can hold is simply not there.
    assert_eq!(get(storage, &long), None);
    assert_eq!(scan(storage, &long, None, 10), [b""; 0]);
    assert_eq!(scan(storage, b"", Some(&long), 10), [b""; 0]);
}

fn sizes_at_the_limits_are_stored(storage: &dyn Storage) {
    let key = vec![0xff; MAX_KEY];
    let value: Vec<u8> = (0..=250).cycle().take(MAX_VALUE).collect();
    put(storage, &key, &value);
    put(storage, b"small", b"1");
    assert!(get(storage, &key).as_deref() == Some(&value));
    assert_eq!(scan(storage, &key, None, 10), [key.as_slice()]);
    put(storage, &key, b"");
    assert_eq!(get(storage, &key).as_deref(), Some(b"".as_slice()));
}

fn snapshot_does_not_change(storage: &dyn Storage) {
    put(storage, b"changed", b"1");
    put(storage, b"deleted", b"1");
    let snapshot = block_on(storage.snapshot()).unwrap();
    put(storage, b"changed", b"2");
    put(storage, b"new", b"1");
    block_on(storage.commit(batch(|batch| batch.delete(b"deleted".as_slice())))).unwrap();
    for number in 0..50_u8 {
        put(storage, &[b'x', number], &[number; 1000]);
    }
    assert_eq!(block_on(snapshot.get(b"changed")).unwrap().as_deref(), Some(b"1".as_slice()));
    assert_eq!(block_on(snapshot.get(b"deleted")).unwrap().as_deref(), Some(b"1".as_slice()));
    assert_eq!(block_on(snapshot.get(b"new")).unwrap(), None);
    assert_eq!(block_on(snapshot.scan(b"", None, 100)).unwrap(), [b"changed", b"deleted"]);
    assert_eq!(block_on(snapshot.scan(b"", Some(b"changed"), 100)).unwrap(), [b"deleted"]);
    // The control: the storage itself has changed.
    assert_eq!(get(storage, b"changed").as_deref(), Some(b"2".as_slice()));
    assert_eq!(scan(storage, b"", None, 2), [b"changed".as_slice(), b"new"]);
}

fn concurrent_increments_are_all_counted(storage: &dyn Storage) {
    const THREADS: u32 = 16;
    const EACH: u32 = 10;
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for _ in 0..EACH {
                    while !increment(storage) {}
                }
            });
        }
    });
    let total = get(storage, b"count").unwrap();
    assert_eq!(*total, (THREADS * EACH).to_be_bytes());
}

fn increment(storage: &dyn Storage) -> bool {
    let old = get(storage, b"count");
    let count = old.as_deref().map_or(0, |bytes| u32::from_be_bytes(bytes.try_into().unwrap()));
    let new = (count + 1).to_be_bytes();
    match block_on(storage.commit(batch(|batch| batch.require_equal("count", old).put("count", new)))) {
        Ok(()) => true,
        Err(CommitError::Conflict { .. }) => false,
        Err(error) => panic_with(&error.to_string()),
    }
}

fn concurrent_readers_see_whole_batches(storage: &dyn Storage) {
    let keys: [&[u8]; 3] = [b"half/a", b"half/b", b"half/c"];
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            for round in 0..200_u32 {
                let there = round % 2 == 0;
                let whole = batch(|batch| {
                    for key in keys {
                        if there {
                            batch.put(key, vec![0; 600]);
                        } else {
                            batch.delete(key);
                        }
                    }
                    batch
                });
                block_on(storage.commit(whole)).unwrap();
            }
            done.store(true, Ordering::Release);
        });
        for _ in 0..3 {
            scope.spawn(|| {
                while !done.load(Ordering::Acquire) {
                    let seen = scan(storage, b"half/", None, 10).len();
                    assert!(seen == 0 || seen == 3, "{seen} of 3 keys");
                    let snapshot = block_on(storage.snapshot()).unwrap();
                    let seen = keys.map(|key| block_on(snapshot.get(key)).unwrap().is_some());
                    assert!(seen == [true; 3] || seen == [false; 3], "{seen:?}");
                }
            });
        }
    });
}

fn random_work_agrees_with_a_model(storage: &dyn Storage) {
    let mut model: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
    let mut state = 7_u64;
    let mut draw = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    for round in 0..600 {
        let mut batch = Batch::new();
        for _ in 0..draw(5) {
            let key = format!("{}/{}", draw(3), draw(40)).into_bytes();
            if draw(3) == 0 {
                batch.delete(key.clone());
                model.remove(&key);
            } else {
                let value = vec![u8::try_from(draw(256)).unwrap(); usize::try_from(draw(900)).unwrap()];
                batch.put(key.clone(), value.clone());
                model.insert(key, value);
            }
        }
        block_on(storage.commit(batch)).unwrap();
        if round % 20 == 0 {
            let prefix = format!("{}/", draw(3)).into_bytes();
            let after = format!("{}/{}", draw(3), draw(40)).into_bytes();
            let limit = usize::try_from(draw(30)).unwrap();
            let expected: Vec<_> = model
                .keys()
                .filter(|key| key.starts_with(&prefix) && **key > after)
                .take(limit)
                .cloned()
                .collect();
            assert_eq!(scan(storage, &prefix, Some(&after), limit), expected);
        }
    }
    assert_eq!(scan(storage, b"", None, usize::MAX), model.keys().cloned().collect::<Vec<_>>());
    for (key, value) in &model {
        assert_eq!(get(storage, key).as_deref(), Some(value.as_slice()));
    }
}

fn batch(fill: impl FnOnce(&mut Batch) -> &mut Batch) -> Batch {
    let mut batch = Batch::new();
    fill(&mut batch);
    batch
}

fn put(storage: &dyn Storage, key: &[u8], value: &[u8]) {
    block_on(storage.commit(batch(|batch| batch.put(key, value)))).unwrap();
}

fn get(storage: &dyn Storage, key: &[u8]) -> Option<Value> {
    block_on(storage.get(key)).unwrap()
}

fn scan(storage: &dyn Storage, prefix: &[u8], after: Option<&[u8]>, limit: usize) -> Vec<Vec<u8>> {
    block_on(storage.scan(prefix, after, limit)).unwrap()
}

fn is_conflict(outcome: Result<(), CommitError>, expected: &[u8]) -> bool {
    matches!(outcome, Err(CommitError::Conflict { key }) if key == expected)
}

#[expect(clippy::panic, reason = "this is how a test fails")]
fn panic_with(message: &str) -> ! {
    panic!("{message}")
}
