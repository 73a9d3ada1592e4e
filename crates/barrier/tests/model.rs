//! Random sequences of everything a barrier does, against a map.
//!
//! `STRONGROOM_MODEL_CASES` makes a campaign of it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, missing_docs)]
#![allow(clippy::print_stdout)]

mod common;

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use common::*;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use strongroom_barrier::{Barrier, CommitError, Condition, RewrapError};

#[derive(Clone, Debug)]
enum Step {
    Put {
        name: usize,
        value: Vec<u8>,
    },
    Delete {
        name: usize,
    },
    Batch(Vec<Change>),
    Rotate,
    ChangeNames,
    /// Stops after so many steps.
    Rewrap {
        steps: u8,
    },
    EndRewrap,
    Reopen,
}

#[derive(Clone, Debug)]
struct Change {
    name: usize,
    value: Option<Vec<u8>>,
    condition: Expect,
}

#[derive(Clone, Copy, Debug)]
enum Expect {
    Any,
    Absent,
    /// The revision that the value has.
    Known,
    /// One that it had, or will have.
    Wrong,
}

/// Few names, so that they meet: values and directories of one name, nested ones, and long and foreign letters.
const NAMES: [&str; 14] = [
    "a",
    "b",
    "a/a",
    "a/b",
    "a/b/c",
    "a/b/d",
    "a/b/c/deep/deeper/deepest",
    "b/ü€𝄞",
    "z/one",
    "z/two",
    "this segment is longer than one padded block is/v",
    "exactly thirty-one characters!!",
    "exactly thirty-two characters!!!",
    "~",
];

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let name = || 0..NAMES.len();
    let value = || proptest::collection::vec(any::<u8>(), 0..40);
    let expect = prop_oneof![
        5 => Just(Expect::Any),
        2 => Just(Expect::Absent),
        3 => Just(Expect::Known),
        1 => Just(Expect::Wrong)
    ];
    let change = (name(), proptest::option::of(value()), expect)
        .prop_map(|(name, value, condition)| Change { name, value, condition });
    let step = prop_oneof![
        8 => (name(), value()).prop_map(|(name, value)| Step::Put { name, value }),
        4 => name().prop_map(|name| Step::Delete { name }),
        4 => proptest::collection::vec(change, 0..6).prop_map(Step::Batch),
        1 => Just(Step::Rotate),
        1 => Just(Step::ChangeNames),
        2 => (0..5_u8).prop_map(|steps| Step::Rewrap { steps }),
        2 => Just(Step::EndRewrap),
        1 => Just(Step::Reopen),
    ];
    proptest::collection::vec(step, 1..30)
}

/// What ought to be there: value and revision.
type Model = BTreeMap<usize, (Vec<u8>, u64)>;

struct Pair {
    fixture: Fixture,
    barrier: Barrier,
    model: Model,
}

impl Pair {
    fn carry_out(&mut self, step: Step) {
        match step {
            Step::Put { name, value } => {
                let revision = put(&self.barrier, NAMES[name], &value);
                self.model.insert(name, (value, revision));
            }
            Step::Delete { name } => {
                delete(&self.barrier, NAMES[name]);
                self.model.remove(&name);
            }
            Step::Batch(changes) => self.batch(changes),
            Step::Rotate => {
                wait(self.barrier.rotate()).unwrap();
            }
            Step::ChangeNames => {
                // One change of names waits for the end of another.
                if self.barrier.status().unwrap().leaving_names_generation.is_none() {
                    change_names(&self.barrier);
                }
            }
            Step::Rewrap { steps } => {
                let mut left = steps;
                let outcome = wait(self.barrier.rewrap(|_| {
                    left = left.saturating_sub(1);
                    if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
                }));
                assert!(matches!(outcome, Ok(_) | Err(RewrapError::Stopped)));
            }
            Step::EndRewrap => {
                wait(self.barrier.rewrap(go_on)).unwrap();
                destroy_old_terms(&self.barrier);
                assert!(!self.barrier.status().unwrap().rewrap_pending);
            }
            Step::Reopen => self.barrier = self.fixture.open(),
        }
    }

    fn batch(&mut self, changes: Vec<Change>) {
        let mut built = batch();
        let mut fails = None;
        for (at, change) in changes.iter().enumerate() {
            let revision = self.model.get(&change.name).map(|(_, revision)| *revision);
            let (condition, holds) = match (change.condition, revision) {
                (Expect::Any, _) => (Condition::Any, true),
                (Expect::Absent, revision) => (Condition::Absent, revision.is_none()),
                (Expect::Known, Some(revision)) => (Condition::Revision(revision), true),
                (Expect::Known | Expect::Wrong, revision) => {
                    (Condition::Revision(revision.map_or(1, |revision| revision + 1)), false)
                }
            };
            fails = fails.or((!holds).then_some(at));
            built = match &change.value {
                Some(value) => built.put_if(path(NAMES[change.name]), plain(value), condition),
                None => built.delete_if(path(NAMES[change.name]), condition),
            };
        }
        let outcome = wait(self.barrier.commit(built));
        match (outcome, fails) {
            (Ok(committed), None) => {
                for change in changes {
                    match change.value {
                        Some(value) => self.model.insert(change.name, (value, committed.sequence)),
                        None => self.model.remove(&change.name),
                    };
                }
            }
            (Err(CommitError::Condition { change }), Some(at)) => assert_eq!(change, at),
            (outcome, fails) => panic!("{outcome:?}, expected to fail at {fails:?}"),
        }
    }

    fn agree(&self) {
        let mut directories: BTreeMap<String, BTreeSet<String>> =
            BTreeMap::from([(String::new(), BTreeSet::new())]);
        for (name, text) in NAMES.iter().enumerate() {
            let entry = entry(&self.barrier, text);
            let found = entry.map(|entry| (entry.value().to_vec(), entry.revision()));
            assert_eq!(found.as_ref(), self.model.get(&name), "{text}");
            if found.is_some() {
                let mut rest = *text;
                let mut directory = String::new();
                while let Some((first, after)) = rest.split_once('/') {
                    directories.entry(directory.clone()).or_default().insert(format!("{first}/"));
                    directory = format!("{directory}{first}/");
                    rest = after;
                }
                directories.entry(directory).or_default().insert(rest.to_owned());
            }
        }
        for (directory, names) in &directories {
            let expected: Vec<_> = names.iter().cloned().collect();
            assert_eq!(list(&self.barrier, directory, 3), expected, "{directory}");
        }
        for gone in ["a/b/c/deep/", "z/", "b/"].into_iter().filter(|name| !directories.contains_key(*name)) {
            assert!(list(&self.barrier, gone, 3).is_empty());
        }
        let report = assert_clean(&self.barrier);
        assert_eq!(report.values, self.model.len() as u64);
        // While names move, a directory can be there under both their generations.
        let (expected, moving) =
            (directories.len() as u64 - 1, self.barrier.status().unwrap().leaving_names_generation.is_some());
        let most = if moving { 2 * expected } else { expected };
        assert!((expected..=most).contains(&report.directories), "{} of {expected}", report.directories);
    }
}

#[test]
fn every_sequence_agrees_with_a_map() {
    let cases =
        std::env::var("STRONGROOM_MODEL_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(1000);
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let carried_out = Cell::new(0_u64);
    TestRunner::new(config)
        .run(&steps(), |steps| {
            let (fixture, barrier) = Fixture::new();
            let mut pair = Pair { fixture, barrier, model: Model::new() };
            for step in steps {
                pair.carry_out(step);
                pair.agree();
                carried_out.set(carried_out.get() + 1);
            }
            Ok(())
        })
        .unwrap();
    println!(
        "evidence: id=barrier/model figure={cases} random sequences, {} steps, agree with a map after each verdict=pass",
        carried_out.get()
    );
}
