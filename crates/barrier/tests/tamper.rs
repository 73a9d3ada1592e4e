//! Every byte flipped, every two records swapped, every record cut: all refused. And a check that says what is wrong where.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, missing_docs)]
#![allow(clippy::print_stdout)]

mod common;

use std::collections::BTreeMap;

use common::*;
use strongroom_barrier::{Barrier, HEAD, KEYRING, Problem, REWRAP};
use strongroom_crypto::record::{OpenError, Term};
use strongroom_storage::MemoryStorage;

/// A store of more than 40 entries under two terms, and what its paths hold.
fn store() -> (Fixture, Barrier, BTreeMap<String, Vec<u8>>) {
    let (fixture, barrier) = Fixture::new();
    let mut values = BTreeMap::new();
    for n in 0..40 {
        if n == 20 {
            wait(barrier.rotate()).unwrap();
        }
        let name = format!("{}v{n}", ["", "a/", "a/b/", "c/"][n % 4]);
        // Some of one length, so that no length gives a swap away.
        let value = vec![u8::try_from(n).unwrap(); if n % 2 == 0 { 24 } else { n }];
        put(&barrier, &name, &value);
        values.insert(name, value);
    }
    (fixture, barrier, values)
}

/// The path whose record lies at each storage key, as a check of a damaged copy names it; directories have none.
fn places(fixture: &Fixture) -> BTreeMap<Vec<u8>, Option<String>> {
    keys(&fixture.storage, &[1])
        .into_iter()
        .map(|key| {
            let found = findings(fixture, |damaged| write(damaged, &key, b""));
            let path = found.into_iter().find_map(|(path, _)| path).expect("a finding that names a path");
            (key, Some(path).filter(|path| !path.ends_with('/')))
        })
        .collect()
}

/// How an altered storage is noticed.
struct Judge<'a> {
    fixture: &'a Fixture,
    barrier: &'a Barrier,
    values: &'a BTreeMap<String, Vec<u8>>,
    places: BTreeMap<Vec<u8>, Option<String>>,
}

impl Judge<'_> {
    /// Whether the record at `key` in a store that is altered there alone is refused. Other plaintext is never taken.
    fn refuses(&self, key: &[u8], record: &[u8]) -> bool {
        if key == HEAD || key == KEYRING {
            let altered = copy(&self.fixture.storage);
            write(&altered, key, record);
            return self.fixture.open_on(&altered).is_err();
        }
        let original = read(&self.fixture.storage, key);
        write(&self.fixture.storage, key, record);
        let opened = self.barrier.open_record(key, record).is_ok();
        let read = match self.places.get(key) {
            Some(Some(name)) => match wait(self.barrier.get(&path(name))) {
                Ok(Some(entry)) => {
                    assert_eq!(
                        Some(&entry.value().to_vec()),
                        self.values.get(name),
                        "never another plaintext"
                    );
                    true
                }
                Ok(None) => true,
                Err(_) => false,
            },
            _ => false,
        };
        write(&self.fixture.storage, key, &original);
        !opened && !read
    }
}

#[test]
fn every_flip_swap_and_cut_of_every_record_is_refused() {
    let (fixture, barrier, values) = store();
    // The record of a rewrap that was stopped is one more.
    let mut steps = 0;
    let _ = wait(barrier.rewrap(|_| {
        steps += 1;
        if steps == 1 { std::ops::ControlFlow::Break(()) } else { std::ops::ControlFlow::Continue(()) }
    }));
    wait(barrier.rotate()).unwrap();
    put(&barrier, "v0", &values["v0"]);
    let places = places(&fixture);
    assert_eq!(places.values().flatten().count(), values.len());
    let judge = Judge { fixture: &fixture, barrier: &barrier, values: &values, places };
    let all = keys(&fixture.storage, b"");
    assert!(all.len() >= 40 + 2);
    for key in &all {
        assert!(
            !judge.refuses(key, &read(&fixture.storage, key)),
            "the control: untouched, everything opens"
        );
    }

    let (mut flips, mut refused_flips) = (0_u64, 0_u64);
    for key in &all {
        let record = read(&fixture.storage, key);
        for at in 0..record.len() {
            let mut altered = record.clone();
            altered[at] ^= 1 << (at % 8);
            flips += 1;
            refused_flips += u64::from(judge.refuses(key, &altered));
        }
    }
    let (mut cuts, mut refused_cuts) = (0_u64, 0_u64);
    for key in &all {
        let record = read(&fixture.storage, key);
        for len in 0..record.len() {
            cuts += 1;
            refused_cuts += u64::from(judge.refuses(key, &record[..len]));
        }
        cuts += 1;
        refused_cuts += u64::from(judge.refuses(key, &[&record[..], b"\0"].concat()));
    }
    let (mut swaps, mut refused_swaps) = (0_u64, 0_u64);
    for (at, one) in all.iter().enumerate() {
        for other in &all[at + 1..] {
            let (first, second) = (read(&fixture.storage, one), read(&fixture.storage, other));
            swaps += 1;
            refused_swaps += u64::from(judge.refuses(one, &second) && judge.refuses(other, &first));
        }
    }
    let whole = (refused_flips, refused_swaps, refused_cuts) == (flips, swaps, cuts);
    println!(
        "evidence: id=tamper/records figure={} records: {refused_flips} of {flips} flipped bytes, {refused_swaps} of {swaps} \
         swapped pairs and {refused_cuts} of {cuts} cuts refused verdict={}",
        all.len(),
        if whole { "pass" } else { "fail" }
    );
    assert!(whole);
    assert_clean(&barrier);
}

#[test]
fn every_flip_of_every_name_is_noticed() {
    let (fixture, barrier, values) = store();
    let (mut flips, mut noticed) = (0, 0);
    for key in keys(&fixture.storage, &[1]) {
        // The byte that says which space is not of the name: what has another is no entry at all.
        for at in 1..key.len() {
            let mut moved = key.clone();
            moved[at] ^= 1 << (at % 8);
            let record = read(&fixture.storage, &key);
            erase(&fixture.storage, &key);
            write(&fixture.storage, &moved, &record);
            flips += 1;
            noticed += u32::from(barrier.open_record(&moved, &record).is_err());
            erase(&fixture.storage, &moved);
            write(&fixture.storage, &key, &record);
        }
    }
    assert_eq!(noticed, flips);
    assert!(flips > 40 * 60);
    let first = keys(&fixture.storage, &[1]).remove(0);
    assert!(barrier.open_record(&first, &read(&fixture.storage, &first)).is_ok(), "the control");
    assert_eq!(
        list(&barrier, "a/b", 100).len(),
        values.keys().filter(|name| name.starts_with("a/b/")).count()
    );
}

#[test]
fn listing_refuses_a_name_that_was_forged_or_moved() {
    let (fixture, barrier, _) = store();
    let listing = |barrier: &Barrier, name: &str| wait(barrier.list(&directory(name), None, 100)).map(drop);
    let root = keys(&fixture.storage, &[1]);
    let tokens: std::collections::BTreeSet<&[u8]> = root.iter().map(|key| &key[3..19]).collect();
    assert_eq!(tokens.len(), 4);
    for key in &root {
        let other = tokens.iter().find(|token| **token != &key[3..19]).unwrap();
        let moved = [&key[..3], other, &key[19..]].concat();
        write(&fixture.storage, &moved, &read(&fixture.storage, key));
        let barrier = fixture.open();
        let refusals = ["", "a", "a/b", "c"].iter().filter(|name| listing(&barrier, name).is_err()).count();
        assert_eq!(refusals, 1, "in the directory that it was moved to");
        erase(&fixture.storage, &moved);
    }
    assert!(["", "a", "a/b", "c"].iter().all(|name| listing(&barrier, name).is_ok()), "the control");
}

/// Damages a copy of the store and gives what a check finds.
fn findings(fixture: &Fixture, damage: impl FnOnce(&MemoryStorage)) -> Vec<(Option<String>, Problem)> {
    let damaged = copy(&fixture.storage);
    let barrier = fixture.open_on(&damaged).unwrap();
    damage(&damaged);
    let report = check(&barrier);
    assert_eq!(report.found, u64::try_from(report.findings.len()).unwrap());
    report.findings.into_iter().map(|finding| (finding.path, finding.problem)).collect()
}

#[test]
fn check_names_each_damage_at_its_path() {
    let (fixture, _, values) = store();
    assert!(findings(&fixture, |_| ()).is_empty(), "the control");
    let places = places(&fixture);
    for (key, name) in places.iter().filter_map(|(key, name)| Some((key, name.as_ref()?))) {
        let flipped = findings(&fixture, |storage| {
            let mut record = read(storage, key);
            *record.last_mut().unwrap() ^= 1;
            write(storage, key, &record);
        });
        assert!(
            matches!(&flipped[..], [(Some(path), Problem::Record(OpenError::Forged))] if path == name),
            "{flipped:?}"
        );
        let gone = findings(&fixture, |storage| erase(storage, key));
        assert!(matches!(gone[..], [(None, Problem::Count { .. })]), "{gone:?}");
    }
    let (key, name) = places.iter().find(|(_, name)| name.as_deref() == Some("a/b/v2")).unwrap();
    assert!(values.contains_key(name.as_ref().unwrap()));
    let found = findings(&fixture, |storage| write(storage, key, b"short"));
    assert!(matches!(&found[0], (Some(path), Problem::Record(OpenError::Truncated)) if path == "a/b/v2"));
    let found = findings(&fixture, |storage| {
        let mut record = read(storage, key);
        record[2..6].copy_from_slice(&9_u32.to_be_bytes());
        write(storage, key, &record);
    });
    let unknown = OpenError::UnknownTerm(Term::new(9));
    assert!(
        matches!(&found[0], (Some(path), Problem::Record(error)) if path == "a/b/v2" && *error == unknown)
    );

    // Names: one that does not open, one of an unknown generation, and keys of no format.
    let found = findings(&fixture, |storage| {
        let mut forged = key.clone();
        *forged.last_mut().unwrap() ^= 1;
        write(storage, &forged, b"");
    });
    assert!(matches!(&found[0], (Some(path), Problem::Name) if path == "a/b/?"), "{found:?}");
    let found = findings(&fixture, |storage| {
        let mut foreign = key.clone();
        foreign[2] = 7;
        write(storage, &foreign, b"");
    });
    assert!(matches!(found[0], (None, Problem::Generation(7))), "{found:?}");
    for foreign in [&b"\0other"[..], &[2; 40], &[1; 5]] {
        let found = findings(&fixture, |storage| write(storage, foreign, b""));
        assert!(matches!(found[..], [(None, Problem::Key)]), "{found:?}");
    }

    // A directory whose entry is gone, and one whose entry is damaged.
    let (entry, _) = places
        .iter()
        .filter(|(_, name)| name.is_none())
        .find(|(key, _)| {
            let found = findings(&fixture, |storage| erase(storage, key));
            found
                .iter()
                .filter(|(path, problem)| path.is_none() && matches!(problem, Problem::Orphan))
                .count()
                == 10
        })
        .expect("the entry of a/b/ or of c/, which have ten values each");
    let found = findings(&fixture, |storage| write(storage, entry, b""));
    assert!(
        matches!(&found[0], (Some(path), Problem::Record(OpenError::Truncated)) if path.ends_with('/')),
        "{found:?}"
    );

    // The head, and the record of a rewrap.
    let found = findings(&fixture, |storage| erase(storage, HEAD));
    assert!(matches!(found[..], [(None, Problem::Head)]), "{found:?}");
    let found = findings(&fixture, |storage| write(storage, REWRAP, &read(storage, HEAD)));
    assert!(matches!(found[..], [(None, Problem::Record(OpenError::Forged))]), "{found:?}");
}

#[test]
fn check_that_is_stopped_says_nothing_of_counts() {
    let (fixture, _, _) = store();
    let barrier = fixture.open();
    let report = wait(barrier.check(|_, _| std::ops::ControlFlow::Break(()))).unwrap();
    assert!(report.is_clean());
}
