//! What the barrier promises those who read and write.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

mod common;

use std::collections::BTreeSet;

use common::*;
use strongroom_barrier::{CommitError, Condition, HEAD, MAX_VALUE, OpenBarrierError, Options};
use strongroom_keyring::RotationPolicy;

#[test]
fn value_put_is_read_listed_and_deleted() {
    let (_, barrier) = Fixture::new();
    assert_eq!(get(&barrier, "a"), None);
    let first = put(&barrier, "a", b"one");
    let second = put(&barrier, "a", b"two");
    assert_eq!(second, first + 1);
    let entry = entry(&barrier, "a").unwrap();
    assert_eq!((entry.value(), entry.revision()), (&b"two"[..], second));
    assert_eq!(list(&barrier, "", 10), ["a"]);
    delete(&barrier, "a");
    assert_eq!(get(&barrier, "a"), None);
    delete(&barrier, "a");
    assert!(list(&barrier, "", 10).is_empty());
    assert_eq!(barrier.status().unwrap().entries, 0);
    assert_clean(&barrier);
}

#[test]
fn pages_of_any_size_give_the_whole_listing_in_order() {
    let (_, barrier) = Fixture::new();
    let names: BTreeSet<String> =
        (0..70).map(|n| format!("{}{n}", ["v", "ü", "€", "𝄞", "Z"][n % 5])).collect();
    let mut changes = batch();
    for name in &names {
        changes = changes.put(path(&format!("list/{name}")), plain(b"x"));
    }
    // A directory and a value of one name are two lines, in the order of their texts.
    changes = changes.put(path("list/both"), plain(b"value")).put(path("list/both/inside"), plain(b"y"));
    wait(barrier.commit(changes)).unwrap();
    let mut expected: BTreeSet<String> = names;
    expected.extend(["both".to_owned(), "both/".to_owned()]);
    let expected: Vec<String> = expected.into_iter().collect();
    for limit in [1, 2, 7, 71, 72, 73, 1000] {
        assert_eq!(list(&barrier, "list", limit), expected, "pages of {limit}");
        assert_eq!(list(&barrier, "list/", limit), expected);
    }
    // A listing begins after any text, also one that is no name of it, and sees the next commit.
    let after = |text: &str| {
        let page = wait(barrier.list(&directory("list"), Some(text), 1)).unwrap();
        page.names.first().map(|name| name.as_str().to_owned())
    };
    assert_eq!(after("both"), Some("both/".to_owned()));
    assert_eq!(after("botg"), Some("both".to_owned()));
    assert_eq!(after("\u{10ffff}"), None);
    put(&barrier, "list/both0", b"z");
    assert_eq!(after("both/"), Some("both0".to_owned()));
    assert_eq!(list(&barrier, "nowhere", 5), Vec::<String>::new());
    assert_clean(&barrier);
}

#[test]
fn directories_appear_with_their_first_value_and_vanish_with_their_last() {
    let (_, barrier) = Fixture::new();
    put(&barrier, "a/b/c/one", b"1");
    put(&barrier, "a/b/two", b"2");
    assert_eq!(list(&barrier, "", 9), ["a/"]);
    assert_eq!(list(&barrier, "a", 9), ["b/"]);
    assert_eq!(list(&barrier, "a/b", 9), ["c/", "two"]);
    assert_eq!(assert_clean(&barrier).directories, 3);
    delete(&barrier, "a/b/c/one");
    assert_eq!(list(&barrier, "a/b", 9), ["two"]);
    assert_eq!(assert_clean(&barrier).directories, 2);
    // Gone and back in one batch, and in the next one.
    wait(barrier.commit(batch().delete(path("a/b/two")).put(path("a/b/three"), plain(b"3")))).unwrap();
    assert_eq!(list(&barrier, "a/b", 9), ["three"]);
    wait(barrier.commit(batch().put(path("x/y"), plain(b"")).delete(path("x/y")))).unwrap();
    assert_eq!(list(&barrier, "", 9), ["a/"]);
    delete(&barrier, "a/b/three");
    assert_eq!(list(&barrier, "", 9), Vec::<String>::new());
    assert_eq!(barrier.status().unwrap().entries, 0);
    put(&barrier, "a/b/again", b"4");
    assert_eq!(list(&barrier, "a/b", 9), ["again"]);
    assert_clean(&barrier);
}

#[test]
fn batch_is_committed_wholly_or_not_at_all() {
    let (_, barrier) = Fixture::new();
    let revision = put(&barrier, "there", b"1");
    let before = barrier.status().unwrap().sequence;
    let absent_fails =
        batch().put(path("new"), plain(b"n")).put_if(path("there"), plain(b"2"), Condition::Absent);
    let old_revision = batch().delete_if(path("there"), Condition::Revision(revision - 1));
    let nothing_there = batch().delete_if(path("nothing"), Condition::Revision(revision));
    let too_long = batch().put(path("new"), plain(b"n")).put(path("long"), plain(vec![0; MAX_VALUE + 1]));
    assert!(matches!(refused(wait(barrier.commit(absent_fails))), CommitError::Condition { change: 1 }));
    assert!(matches!(refused(wait(barrier.commit(old_revision))), CommitError::Condition { change: 0 }));
    assert!(matches!(refused(wait(barrier.commit(nothing_there))), CommitError::Condition { change: 0 }));
    assert!(matches!(refused(wait(barrier.commit(too_long))), CommitError::ValueTooLong));
    assert_eq!(barrier.status().unwrap().sequence, before, "nothing was committed");
    assert_eq!((get(&barrier, "new"), get(&barrier, "there")), (None, Some(b"1".to_vec())));
    // What holds is done. The last change of a path wins, and conditions are of what was there before the batch.
    let good = batch()
        .put_if(path("new"), plain(b"first"), Condition::Absent)
        .put_if(path("new"), plain(b"second"), Condition::Absent)
        .put_if(path("there"), plain(b"2"), Condition::Revision(revision))
        .delete_if(path("there"), Condition::Revision(revision));
    let committed = wait(barrier.commit(good)).unwrap();
    assert_eq!((get(&barrier, "new"), get(&barrier, "there")), (Some(b"second".to_vec()), None));
    assert_eq!(entry(&barrier, "new").unwrap().revision(), committed.sequence);
    assert_clean(&barrier);
}

#[test]
fn values_of_every_length_come_back() {
    let (fixture, barrier) = Fixture::new();
    for len in [0, 1, 15, 16, 17, 4096, 1 << 20, MAX_VALUE - 1, MAX_VALUE] {
        let value: Vec<u8> = (0..len).map(|at| u8::try_from(at % 251).unwrap()).collect();
        put(&barrier, "value", &value);
        assert!(get(&barrier, "value").unwrap() == value, "{len}");
    }
    let error = refused(wait(barrier.put(path("value"), plain(vec![1; MAX_VALUE + 1]))));
    assert!(matches!(error, CommitError::ValueTooLong));
    drop(barrier);
    assert_eq!(get(&fixture.open(), "value").unwrap().len(), MAX_VALUE);
}

#[test]
fn padding_hides_lengths_from_storage_alone() {
    let lengths = |padding| {
        let options = Options { padding, ..Options::default() };
        let (fixture, barrier) = Fixture::with(RotationPolicy::NEVER, options);
        for len in [0, 1, 100, 255, 256] {
            put(&barrier, &format!("v{len}"), vec![7; len]);
            assert_eq!(get(&barrier, &format!("v{len}")).unwrap(), vec![7; len]);
        }
        let records = keys(&fixture.storage, &[1]);
        records.iter().map(|key| read(&fixture.storage, key).len()).collect::<BTreeSet<_>>().len()
    };
    assert_eq!(lengths(256), 2, "nothing, and 256 bytes");
    assert_eq!(lengths(0), 5, "without padding, each its own");
}

#[test]
fn second_writer_over_one_storage_is_refused() {
    let (fixture, first) = Fixture::new();
    put(&first, "a", b"1");
    let second = fixture.open();
    put(&second, "a", b"2");
    assert!(matches!(refused(wait(first.put(path("a"), plain(b"3")))), CommitError::Stale));
    assert!(matches!(refused(wait(first.rotate())), CommitError::Stale));
    assert_eq!(get(&second, "a"), Some(b"2".to_vec()));
    put(&second, "a", b"4");
    assert_clean(&second);
}

#[test]
fn store_is_made_once() {
    let (fixture, barrier) = Fixture::new();
    put(&barrier, "kept", b"1");
    let again = fixture.create_on(std::sync::Arc::new(fixture.storage.clone()), RotationPolicy::NEVER);
    assert!(matches!(refused(again), OpenBarrierError::Exists));
    assert_eq!(get(&barrier, "kept"), Some(b"1".to_vec()));
    put(&barrier, "kept", b"2");
}

#[test]
fn store_opens_again_with_everything_that_was_put() {
    let (fixture, barrier) = Fixture::new();
    for n in 0..50 {
        put(&barrier, &format!("d{}/v{n}", n % 7), format!("value {n}"));
    }
    let status = barrier.status().unwrap();
    drop(barrier);
    let again = fixture.open();
    assert_eq!(again.status().unwrap(), status);
    for n in 0..50 {
        assert_eq!(get(&again, &format!("d{}/v{n}", n % 7)), Some(format!("value {n}").into_bytes()));
    }
    assert_clean(&again);
    erase(&fixture.storage, HEAD);
    assert!(refused(fixture.open_on(&fixture.storage)).contains("no head record"));
}
