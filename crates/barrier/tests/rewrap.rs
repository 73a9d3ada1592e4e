//! Rewrap: stopped anywhere, resumed, disturbed by writers, and ended with the old keys gone.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

mod common;

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use common::*;
use strongroom_barrier::{
    Barrier, CommitError, Finding, KeyringChange, Options, Problem, REWRAP, ReadError, RewrapError,
};
use strongroom_crypto::record::{OpenError, Term, term_of};
use strongroom_keyring::RotationPolicy;
use strongroom_storage::MemoryStorage;

/// More values than a step holds, in nested directories, with terms and names that are to be left.
fn store() -> (Fixture, Barrier, BTreeMap<String, Vec<u8>>) {
    let (fixture, barrier) = Fixture::new();
    let mut values = BTreeMap::new();
    let mut changes = batch();
    for n in 0..700 {
        let name = match n % 7 {
            0 => format!("v{n}"),
            1 => format!("a/v{n}"),
            2 => format!("a/b/c/d/v{n}"),
            _ => format!("many/v{n}"),
        };
        let value = format!("value {n}").into_bytes();
        changes = changes.put(path(&name), plain(&value));
        values.insert(name, value);
    }
    wait(barrier.commit(changes)).unwrap();
    change_names(&barrier);
    (fixture, barrier, values)
}

fn assert_holds(barrier: &Barrier, values: &BTreeMap<String, Vec<u8>>) {
    for (name, value) in values {
        assert_eq!(get(barrier, name).as_ref(), Some(value), "{name}");
    }
    let listed = list(barrier, "many", 1000).len() + list(barrier, "", 1000).len();
    let many = values.keys().filter(|name| name.starts_with("many/")).count();
    let top = values.keys().filter(|name| !name.contains('/')).count();
    assert_eq!(listed, many + top + 2);
}

fn terms_in(storage: &MemoryStorage) -> BTreeMap<Term, usize> {
    let mut terms = BTreeMap::new();
    for key in keys(storage, b"").into_iter().filter(|key| key != b"\0keyring") {
        *terms.entry(term_of(&read(storage, &key)).unwrap()).or_default() += 1;
    }
    terms
}

#[test]
fn rewrap_leaves_no_record_and_no_name_under_old_keys() {
    let (fixture, barrier, values) = store();
    let before = barrier.status().unwrap();
    assert!(before.rewrap_pending && before.leaving_names_generation == Some(1));
    let mut phases = Vec::new();
    let report = wait(barrier.rewrap(|progress| {
        assert!(progress.done <= progress.total);
        phases.push(progress.phase);
        ControlFlow::Continue(())
    }))
    .unwrap();
    phases.dedup();
    assert_eq!(phases, ["names", "records", "proof"]);
    assert_eq!((report.target, report.retired.as_slice()), (Term::new(2), &[Term::new(1)][..]));
    assert_eq!((report.moved, report.left_names), (700, Some(1)));
    assert_eq!(report.proved, before.entries);
    assert_eq!(terms_in(&fixture.storage).keys().copied().collect::<Vec<_>>(), [Term::new(2)]);
    assert!(keys(&fixture.storage, &[1, 0, 1]).is_empty(), "no name of the old generation");
    assert_holds(&barrier, &values);
    assert_eq!(destroy_old_terms(&barrier), [Term::new(1)]);
    assert!(!barrier.status().unwrap().rewrap_pending);
    assert!(keys(&fixture.storage, REWRAP).is_empty());
    assert_clean(&barrier);
    drop(barrier);
    assert_holds(&fixture.open(), &values);
}

#[test]
fn rewrap_stopped_after_any_step_goes_on_where_it_was() {
    for reopened in [false, true] {
        let (fixture, mut barrier, values) = store();
        wait(barrier.rotate()).unwrap();
        let (mut runs, mut resealed) = (0, 0);
        let report = loop {
            runs += 1;
            let mut bytes = 0;
            let outcome = wait(barrier.rewrap(|progress| {
                // Until it has done something.
                let stop = progress.phase != "proof" && progress.bytes > bytes;
                bytes = progress.bytes;
                if stop { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            }));
            assert_holds(&barrier, &values);
            match outcome {
                Ok(report) => break report,
                Err(RewrapError::Stopped) => resealed += 1,
                Err(error) => panic!("{error}"),
            }
            assert_clean(&barrier);
            if reopened {
                drop(barrier);
                barrier = fixture.open();
            }
        };
        assert!(runs > 4 && resealed == runs - 1, "{runs} runs");
        assert_eq!(report.before, 700, "what earlier runs had done");
        assert_eq!(report.resealed, 0);
        destroy_old_terms(&barrier);
        assert_holds(&barrier, &values);
        assert_clean(&barrier);
    }
}

#[test]
fn stop_between_names_and_an_emptied_directory_leaves_no_empty_directory() {
    let (fixture, barrier) = Fixture::new();
    put(&barrier, "a/b/c/one", b"1");
    put(&barrier, "kept", b"2");
    change_names(&barrier);
    // The directories above have no values of their own: nothing of them may appear before a value does.
    for stop_after in 1..6 {
        let mut steps = 0;
        let _ = wait(barrier.rewrap(|_| {
            steps += 1;
            if steps == stop_after { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        }));
        assert_clean(&barrier);
    }
    delete(&barrier, "a/b/c/one");
    assert_eq!(list(&barrier, "", 9), ["kept"]);
    wait(barrier.rewrap(go_on)).unwrap();
    destroy_old_terms(&barrier);
    assert_eq!(keys(&fixture.storage, &[1]).len(), 1);
    assert_clean(&barrier);
}

#[test]
fn writers_and_readers_are_served_meanwhile() {
    let (_, barrier, values) = store();
    let over = AtomicBool::new(false);
    let written = thread::scope(|scope| {
        let writers: Vec<_> = (0..3)
            .map(|writer| {
                let (barrier, over) = (&barrier, &over);
                scope.spawn(move || {
                    let mut mine = BTreeMap::new();
                    let mut round = 0;
                    while !over.load(Ordering::SeqCst) || round < 20 {
                        round += 1;
                        let name = format!("many/v{}", 7 * (round % 30) + 3 + writer);
                        let value = format!("writer {writer} round {round}").into_bytes();
                        put(barrier, &name, &value);
                        assert_eq!(get(barrier, &name).as_ref(), Some(&value));
                        mine.insert(name, value);
                        let name = format!("a/b/c/d/new{writer}");
                        put(barrier, &name, b"new");
                        delete(barrier, &name);
                        assert_eq!(get(barrier, &name), None);
                    }
                    mine
                })
            })
            .collect();
        let reader = scope.spawn(|| {
            while !over.load(Ordering::SeqCst) {
                for name in values.keys().filter(|name| !name.starts_with("many/")) {
                    assert_eq!(get(&barrier, name).as_ref(), values.get(name));
                }
                assert_eq!(list(&barrier, "many", 64).len(), 400);
            }
        });
        for _ in 0..5 {
            wait(barrier.rewrap(go_on)).unwrap();
            destroy_old_terms(&barrier);
            change_names(&barrier);
        }
        over.store(true, Ordering::SeqCst);
        reader.join().unwrap();
        writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect::<BTreeMap<_, _>>()
    });
    wait(barrier.rewrap(go_on)).unwrap();
    destroy_old_terms(&barrier);
    let mut expected = values;
    expected.extend(written);
    assert_holds(&barrier, &expected);
    assert_clean(&barrier);
}

#[test]
fn rotation_during_a_rewrap_stops_neither_this_one_nor_the_next() {
    let (_, barrier, values) = store();
    let mut rotated = false;
    let outside = barrier.clone();
    wait(barrier.rewrap(|_| {
        if !rotated {
            rotated = true;
            wait(outside.rotate()).unwrap();
        }
        ControlFlow::Continue(())
    }))
    .unwrap();
    // As the façade does: what was deactivated when the rewrap began is destroyed, though a later term exists.
    let first = Term::new(1);
    wait(barrier.change_keyring(move |keyring, _| {
        let mut next = keyring.next()?;
        next.destroy_term(first, 0, 0)?;
        next.drop_leaving_names();
        Ok(KeyringChange { keyring: next, key: None, puts: Vec::new() })
    }))
    .unwrap();
    assert_clean(&barrier);
    wait(barrier.rotate()).unwrap();
    wait(barrier.rewrap(go_on)).unwrap();
    assert_eq!(destroy_old_terms(&barrier), [Term::new(2), Term::new(3)]);
    wait(barrier.rewrap(go_on)).unwrap();
    assert_holds(&barrier, &values);
    assert_clean(&barrier);
}

#[test]
fn values_of_many_megabytes_are_moved_within_the_bounds_of_a_batch() {
    let (_, barrier) = Fixture::new();
    let value = vec![5; 12 << 20];
    for n in 0..24 {
        put(&barrier, &format!("large/v{n}"), &value);
    }
    change_names(&barrier);
    // All in one batch would be 288 MiB, more than a storage takes.
    let report = wait(barrier.rewrap(go_on)).unwrap();
    assert_eq!(report.moved, 24);
    destroy_old_terms(&barrier);
    assert!(get(&barrier, "large/v23").unwrap() == value);
}

#[test]
fn term_with_records_is_not_destroyed() {
    let (_, barrier, _) = store();
    let destroy = |barrier: &Barrier| {
        wait(barrier.change_keyring(|keyring, _| {
            let mut next = keyring.next()?;
            next.destroy_term(Term::new(1), 0, 0)?;
            Ok(KeyringChange { keyring: next, key: None, puts: Vec::new() })
        }))
    };
    let entries = barrier.status().unwrap().entries;
    assert!(matches!(refused(destroy(&barrier)), CommitError::TermInUse { records } if records == entries));
    let mut steps = 0;
    let _ = wait(barrier.rewrap(|_| {
        steps += 1;
        if steps == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }));
    assert!(matches!(refused(destroy(&barrier)), CommitError::TermInUse { records } if records < entries));
    wait(barrier.rewrap(go_on)).unwrap();
    destroy(&barrier).unwrap();
    assert_clean(&barrier);
}

#[test]
fn record_of_a_destroyed_term_opens_nowhere() {
    let (fixture, barrier) = Fixture::new();
    put(&barrier, "a", b"old");
    let place = keys(&fixture.storage, &[1]).remove(0);
    let old = read(&fixture.storage, &place);
    wait(barrier.rotate()).unwrap();
    wait(barrier.rewrap(go_on)).unwrap();
    assert!(barrier.open_record(&place, &old).is_ok(), "the control: until its term is destroyed it opens");
    destroy_old_terms(&barrier);
    let unknown =
        |error| matches!(error, ReadError::Record(OpenError::UnknownTerm(term)) if term == Term::new(1));
    assert!(unknown(refused(barrier.open_record(&place, &old))));
    write(&fixture.storage, &place, &old);
    assert!(unknown(refused(wait(barrier.get(&path("a"))))));
    assert_eq!(check(&barrier).findings.len(), 3, "the record, and both counts");
    drop(barrier);
    assert!(unknown(refused(wait(fixture.open().get(&path("a"))))), "also after opening anew");
}

#[test]
fn entry_that_no_directory_leads_to_is_reported_and_keeps_the_old_keys() {
    let (fixture, barrier) = Fixture::new();
    put(&barrier, "a/b/one", b"1");
    put(&barrier, "two", b"2");
    let before = keys(&fixture.storage, &[1]);
    put(&barrier, "a/b/c/three", b"3");
    // The entry of a/b/c/ is one of the two new keys; without it, what lies in there is lost to the walk.
    let new: Vec<_> = keys(&fixture.storage, &[1]).into_iter().filter(|key| !before.contains(key)).collect();
    assert_eq!(new.len(), 2);
    let entry = new.into_iter().find(|key| before.iter().any(|other| other[..19] == key[..19])).unwrap();
    change_names(&barrier);
    erase(&fixture.storage, &entry);
    assert!(matches!(refused(wait(barrier.rewrap(go_on))), RewrapError::Orphans { entries: 1 }));
    assert_eq!(get(&barrier, "a/b/c/three"), Some(b"3".to_vec()), "who knows its name still reads it");
    assert!(!check(&barrier).is_clean());
    // Put again under its name, it is moved, and the rewrap ends.
    put(&barrier, "a/b/c/three", b"3");
    wait(barrier.rewrap(go_on)).unwrap();
    assert_eq!(get(&barrier, "a/b/c/three"), Some(b"3".to_vec()));
    // The entry that was taken away stays counted: a store from which something vanished does not come out as whole.
    let found = check(&barrier).findings;
    assert!(
        matches!(found[..], [Finding { problem: Problem::Count { head: 1, found: 0, .. }, .. }]),
        "{found:?}"
    );
}

#[test]
fn damaged_note_of_how_far_it_was_makes_it_begin_anew() {
    let (fixture, barrier, values) = store();
    let mut steps = 0;
    let _ = wait(barrier.rewrap(|_| {
        steps += 1;
        if steps == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }));
    let mut note = read(&fixture.storage, REWRAP);
    *note.last_mut().unwrap() ^= 1;
    write(&fixture.storage, REWRAP, &note);
    drop(barrier);
    let barrier = fixture.open();
    let report = wait(barrier.rewrap(go_on)).unwrap();
    assert_eq!(report.before, 0);
    destroy_old_terms(&barrier);
    assert_holds(&barrier, &values);
    assert_clean(&barrier);
}

#[test]
fn sixteen_writers_of_the_longest_values_are_all_served() {
    let (_, barrier) = Fixture::with(RotationPolicy::NEVER, Options::default());
    let barrier = Arc::new(barrier);
    thread::scope(|scope| {
        for writer in 0..20 {
            let barrier = Arc::clone(&barrier);
            // Together they are more than a storage takes in one batch.
            scope.spawn(move || put(&barrier, &format!("v{writer}"), vec![1; 15 << 20]));
        }
    });
    assert_eq!(barrier.status().unwrap().entries, 20);
}
