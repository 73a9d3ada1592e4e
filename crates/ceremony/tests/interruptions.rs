//! A ceremony that ends at a turn of any kind: it goes on or nothing was done, and some quorum always opens the store.
//!
//! What people have written down survives an interruption; what was in memory does not. Every sixth turn is tried; with
//! `CEREMONY_EVERY_TURN` in the environment, all of them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

mod common;

use std::fs;
use std::path::Path;

use common::{
    HOLDERS, Notes, People, Shares, copy, created_store, creation, hold, made, opens, plan, replacement,
    store_path,
};
use strongroom_ceremony::plan::{Kind, Plan};
use strongroom_ceremony::run::{CeremonyError, Ended, Setting, run};

fn people(shares: &Shares, store: &str) -> People {
    People { shares: shares.clone(), store: store.to_owned(), ..People::default() }
}

/// Ends the ceremony after each turn, holds `between` against what is there, and lets it go on to its end.
fn at_every_turn(
    start: impl Fn(&Path) -> (People, Plan),
    between: impl Fn(&Path, &Shares, usize),
    after: impl Fn(&Path, &Shares),
) -> usize {
    let mut turns = 0;
    loop {
        let directory = common::directory();
        let (mut people, plan) = start(directory.path());
        people.leave_at = Some(turns);
        match hold(&plan, &mut people) {
            Ok(ended) => {
                assert_eq!(ended, Ended::Complete);
                return turns;
            }
            Err(CeremonyError::Gone(_)) => {}
            Err(error) => panic!("turn {turns}: {error}"),
        }
        between(directory.path(), &people.shares, turns);
        let mut again = self::people(&people.shares, &people.store);
        let ended = hold(&plan, &mut again);
        assert_eq!(
            ended.unwrap_or_else(|error| panic!("turn {turns}: {error}\n{}", again.seen)),
            Ended::Complete
        );
        after(directory.path(), &again.shares);
        turns += if common::thorough() { 1 } else { 6 };
    }
}

#[test]
fn creation_ends_in_a_store_or_in_none_whenever_it_is_interrupted() {
    let turns = at_every_turn(
        |directory| (People::default(), creation(directory)),
        |directory, shares, turn| {
            let there = created_store(directory);
            assert_eq!(there, opens(directory, shares, "Old"), "turn {turn}: a store that nobody opens");
        },
        |directory, shares| assert!(opens(directory, shares, "Old")),
    );
    eprintln!("creation: {turns} turns");
    assert!(turns > 25);
}

fn replaced(kind: Kind) -> usize {
    let base = common::directory();
    let first = made(base.path());
    at_every_turn(
        |directory| {
            copy(&store_path(base.path()), &store_path(directory));
            (people(&first.shares, &first.store), replacement(directory, kind, "0s"))
        },
        |directory, shares, turn| {
            let (old, new) = (opens(directory, shares, "Old"), opens(directory, shares, "New"));
            assert!(old != new, "turn {turn}: old shares open it: {old}, new ones: {new}");
        },
        |directory, shares| {
            assert!(!opens(directory, shares, "Old"));
            assert!(opens(directory, shares, "New"));
        },
    )
}

#[test]
fn rekey_leaves_exactly_one_set_in_force_whenever_it_is_interrupted() {
    let turns = replaced(Kind::Rekey);
    eprintln!("rekey: {turns} turns");
    assert!(turns > 40);
}

#[test]
fn seal_change_leaves_exactly_one_set_in_force_whenever_it_is_interrupted() {
    let turns = replaced(Kind::SealChange);
    eprintln!("seal change: {turns} turns");
    assert!(turns > 40);
}

#[test]
fn drill_changes_nothing_whenever_it_is_interrupted() {
    let base = common::directory();
    let first = made(base.path());
    let turns = at_every_turn(
        |directory| {
            copy(&store_path(base.path()), &store_path(directory));
            (people(&first.shares, ""), plan(directory, "drill", Kind::Unseal, "", &HOLDERS))
        },
        |directory, shares, _| assert!(opens(directory, shares, "Old")),
        |directory, shares| assert!(opens(directory, shares, "Old")),
    );
    eprintln!("unseal: {turns} turns");
    assert!(turns > 15);
}

#[test]
fn recovery_ends_in_the_store_or_in_none_whenever_it_is_interrupted() {
    let base = common::directory();
    let first = made(base.path());
    let store = common::open(base.path(), &first.shares, "Old").unwrap();
    let mut backup = fs::File::create(base.path().join("backup")).unwrap();
    pollster::block_on(store.backup(&mut backup, |_, _| std::ops::ControlFlow::Continue(()))).unwrap();
    pollster::block_on(store.seal());
    drop(store);
    let words = format!("backup = \"{}\"\n", base.path().join("backup").display());
    let turns = at_every_turn(
        |directory| {
            (people(&first.shares, ""), plan(directory, "recovery", Kind::Recovery, &words, &HOLDERS))
        },
        |directory, shares, turn| {
            assert_eq!(store_path(directory).exists(), opens(directory, shares, "Old"), "turn {turn}");
        },
        |directory, shares| {
            let store = common::open(directory, shares, "Old").unwrap();
            let entry =
                pollster::block_on(store.barrier().get(&"db/password".parse().unwrap())).unwrap().unwrap();
            assert_eq!(entry.value(), b"hunter2");
        },
    );
    eprintln!("recovery: {turns} turns");
    assert!(turns > 20);
}

#[test]
fn destruction_leaves_the_whole_store_or_nothing_whenever_it_is_interrupted() {
    let base = common::directory();
    let first = made(base.path());
    let turns = at_every_turn(
        |directory| {
            copy(&store_path(base.path()), &store_path(directory));
            let plan = plan(directory, "destruction", Kind::Destruction, "", &HOLDERS);
            (people(&first.shares, &first.store), plan)
        },
        |directory, shares, turn| {
            assert_eq!(store_path(directory).exists(), opens(directory, shares, "Old"), "turn {turn}");
        },
        |directory, _| {
            assert!(!store_path(directory).exists());
            assert!(!directory.join("store.destroyed").exists());
        },
    );
    eprintln!("destruction: {turns} turns");
    assert!(turns > 20);
}

#[test]
fn transcript_that_is_full_stops_the_ceremony_before_the_commit() {
    for full_at in (0..).step_by(if common::thorough() { 1 } else { 3 }) {
        let directory = common::directory();
        let mut people = People::default();
        let mut notes = Notes { full_at: Some(full_at), ..Notes::default() };
        match run(&creation(directory.path()), Setting::default(), &mut people, &mut notes) {
            Ok(ended) => {
                assert_eq!(ended, Ended::Complete);
                assert!(full_at > 15);
                break;
            }
            Err(CeremonyError::Record(_)) => {}
            Err(error) => panic!("{error}"),
        }
        let begun = notes.lines.iter().any(|line| line.contains("StepBegun") && line.contains("Commit"));
        assert!(begun || !opens(directory.path(), &people.shares, "Old"), "{full_at}");
    }
}
