//! A loss of power at every operation of the disk, in everything that changes a store.
//!
//! Each scenario is run once to learn its operations, then once for each of them, with the power failing there. The
//! disk is then read back in some of the states that such a loss can leave, and the store in it must open with the old or
//! the new shares, hold everything acknowledged, pass its check, and go on: also when the power fails again while it opens. `STRONGROOM_CRASH_SEEDS` sets how many states
//! are tried for each point.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, missing_docs)]
#![allow(clippy::print_stdout)]

mod common;

use std::sync::Arc;

use common::world::*;
use common::*;
use strongroom::{DiskStorage, SealedStore, Store};
use strongroom_storage::simulation::SimulatedDisk;
use strongroom_storage::{OpenError, Options, Storage};

#[derive(Default)]
struct Tally {
    operations: u64,
    points: u64,
    states: u64,
    with_new_shares: u64,
    again: u64,
    failures: Vec<String>,
}

/// Opens the base, lets the power fail at one operation of `act`, and tells what was known then. `None`: it ended first.
fn crash(
    base: &SimulatedDisk,
    known: &Known,
    act: Step,
    options: &Options,
    at: Option<u64>,
) -> (SimulatedDisk, Known, std::ops::Range<u64>) {
    let disk = base.after_kill();
    let storage = open_on(&disk, options).unwrap();
    let store = unseal(storage, &known.shares[0][1..]).unwrap();
    let start = disk.operations();
    if let Some(at) = at {
        disk.crash_at(start + at);
    }
    let mut world = World { store, known: known.clone() };
    let outcome = act(&mut world);
    if at.is_none() {
        outcome.unwrap();
    }
    let end = disk.operations();
    let known = world.known.clone();
    (disk, known, start..end)
}

/// Every crash point of `act`, in several of the states that each may leave, from a log that is filled `fills` ways.
fn campaign_of(prepare: Step, act: Step, options: &Options, fills: u64) -> Tally {
    let mut tally = Tally::default();
    for fill in 0..fills {
        let (base, known) = base(prepare, fill);
        let (dry, _, range) = crash(&base, &known, act, options, None);
        tally.operations += range.end - range.start;
        for point in dry.crash_points().into_iter().filter(|point| range.contains(point)) {
            tally.points += 1;
            let (disk, known, _) = crash(&base, &known, act, options, Some(point - range.start));
            for seed in 0..campaign("STRONGROOM_CRASH_SEEDS", 2) {
                let found = disk.after_crash(seed * 1_000 + point);
                tally.states += 1;
                if !options.break_by_skipping_log_sync && seed == 0 && point % 8 == 0 {
                    tally.again += crash_again(&found, &known, options, &mut tally.failures);
                }
                match recover(&found, options, &known) {
                    Ok(new) => tally.with_new_shares += u64::from(new),
                    Err(error) => {
                        tally.failures.push(format!("fill {fill}, operation {point}, seed {seed}: {error}"));
                    }
                }
            }
        }
    }
    tally
}

/// The power fails once more while the store is opened, at a sample of operations.
fn crash_again(found: &SimulatedDisk, known: &Known, options: &Options, failures: &mut Vec<String>) -> u64 {
    let mut again = 0;
    let calm = found.after_kill();
    drop(open_on(&calm, options));
    for at in calm.crash_points().into_iter().step_by(3) {
        let disk = found.after_kill();
        disk.crash_at(at);
        drop(open_on(&disk, options));
        again += 1;
        if let Err(error) = recover(&disk.after_crash(at), options, known) {
            failures.push(format!("again at {at}: {error}"));
        }
    }
    again
}

fn prove_scenario(id: &str, fills: u64, prepare: Step, act: Step, new_shares: bool) {
    let tally = campaign_of(prepare, act, &disk_options(), fills);
    let verdict = if tally.failures.is_empty() { "pass" } else { "fail" };
    let opened = if new_shares {
        format!(
            ", {} with the old shares and {} with the new",
            tally.states - tally.with_new_shares,
            tally.with_new_shares
        )
    } else {
        String::new()
    };
    println!(
        "evidence: id=crash/{id} figure={} crash points in {} operations, {} states opened{opened}, {} second crashes \
         verdict={verdict}",
        tally.points, tally.operations, tally.states, tally.again
    );
    assert!(tally.failures.is_empty(), "{:#?}", &tally.failures[..tally.failures.len().min(5)]);
    assert!(tally.points > 3, "{} crash points", tally.points);
    assert!(!new_shares || (1..tally.states).contains(&tally.with_new_shares), "both sides are reached");
}

#[test]
fn put_and_delete() {
    prove_scenario(
        "put",
        1,
        nothing,
        |world| {
            for n in 0..14 {
                let (new, there) = (format!("new/n{n}"), format!("a/b/v{}", n % 3));
                world.batch(&[(&new, Some("new value ")), (&there, Some("changed ")), ("a/v0", None)])?;
                world.batch(&[("a/v1", None), ("a/v2", None), ("c/d/e/v1", Some("deep"))])?;
            }
            Ok(())
        },
        false,
    );
}

#[test]
fn rotate() {
    prove_scenario(
        "rotate",
        6,
        nothing,
        |world| {
            for round in ["one", "two", "three"] {
                wait(world.store.barrier().rotate()).map_err(|error| error.to_string())?;
                world.batch(&[("under the new term", Some(round))])?;
            }
            Ok(())
        },
        false,
    );
}

#[test]
fn rewrap_of_records() {
    prove_scenario("rewrap-records", 1, rotated, World::rewrap, false);
}

#[test]
fn rewrap_of_names_and_records() {
    prove_scenario("rewrap-names", 4, replace_holders, World::rewrap, false);
}

#[test]
fn rekey() {
    prove_scenario("rekey", 10, nothing, replace_holders, true);
}

#[test]
fn root_rotation() {
    prove_scenario(
        "rotate-root",
        3,
        nothing,
        |world| {
            for _ in 0..4 {
                wait(world.store.rotate_root()).map_err(|error| error.to_string())?;
                world.batch(&[("after", Some("the root key"))])?;
            }
            Ok(())
        },
        false,
    );
}

#[test]
fn slot_added_and_removed() {
    prove_scenario(
        "slots",
        8,
        nothing,
        |world| {
            second_slot(world)?;
            let slot = first_slot(&world.store);
            let remaining = vec![world.known.shares[1].clone()];
            world.change_holders(remaining, |store| {
                wait(store.remove_slot(slot)).map_err(|error| error.to_string())
            })
        },
        true,
    );
}

#[test]
fn init_leaves_no_store_or_a_whole_one() {
    let make = |disk: &SimulatedDisk| -> Result<(Store, Shares), (Option<Shares>, String)> {
        let storage = DiskStorage::create_on(disk, &disk_options()).map_err(|e| (None, e.to_string()))?;
        let prepared = wait(strongroom::Preparation::new(Arc::new(storage), options()));
        let prepared = prepared.map_err(|error| (None, error.to_string()))?;
        let shares: Shares = prepared.shares().unwrap().iter().map(|share| share.to_string()).collect();
        match wait(prepared.commit()) {
            Ok(store) => Ok((store, shares)),
            Err(error) => Err((Some(shares), error.to_string())),
        }
    };
    let dry = SimulatedDisk::new();
    make(&dry).map_err(|(_, error)| error).unwrap();
    let (mut points, mut none, mut whole_ones) = (0, 0, 0);
    for point in dry.crash_points() {
        points += 1;
        let disk = SimulatedDisk::new();
        disk.crash_at(point);
        let (shares, acknowledged) = match make(&disk) {
            Ok((_, shares)) => (Some(shares), true),
            Err((shares, _)) => (shares, false),
        };
        for seed in 0..4 * campaign("STRONGROOM_CRASH_SEEDS", 2) {
            let found = disk.after_crash(seed * 1_000 + point);
            let storage = match DiskStorage::open_on(&found, &disk_options()) {
                Ok(storage) => storage,
                Err(OpenError::NotFound { .. }) => DiskStorage::create_on(&found, &disk_options()).unwrap(),
                Err(error) => panic!("operation {point}, seed {seed}: {error}"),
            };
            let storage: Arc<dyn Storage> = Arc::new(storage);
            let known = |shares| Known { shares: vec![shares], ..Known::default() };
            if wait(SealedStore::open(Arc::clone(&storage))).is_ok() {
                whole_ones += 1;
                drop(storage);
                recover(&found, &disk_options(), &known(shares.clone().unwrap())).unwrap();
            } else {
                assert!(!acknowledged, "operation {point}, seed {seed}: an acknowledged store is gone");
                none += 1;
                let (store, shares) = init(storage, options()).unwrap();
                drop(store);
                recover(&found, &disk_options(), &known(shares)).unwrap();
            }
        }
    }
    println!(
        "evidence: id=crash/init figure={points} crash points in {} operations, {none} times no store and {whole_ones} \
         times a whole one verdict=pass",
        dry.operations()
    );
    assert!(none > 0 && whole_ones > 0);
}

#[test]
fn storage_that_does_not_sync_its_log_is_caught() {
    fn puts(world: &mut World) -> Result<(), String> {
        (0..6).try_for_each(|n| world.batch(&[(&format!("new/n{n}"), Some("acknowledged"))]))
    }
    let broken = Options { break_by_skipping_log_sync: true, ..disk_options() };
    let tally = campaign_of(nothing, puts, &broken, 1);
    let verdict = if tally.failures.is_empty() { "fail" } else { "pass" };
    println!(
        "evidence: id=crash/control figure={} of {} states lose an acknowledged write when the log is not synced \
         verdict={verdict}",
        tally.failures.len(),
        tally.states
    );
    assert!(!tally.failures.is_empty(), "the harness would not notice a lost write");
}
