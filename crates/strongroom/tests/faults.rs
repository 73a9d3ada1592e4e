//! A disk that fails, is full or has become read-only, at every operation of it.
//!
//! Each operation fails once. What was to happen may be refused, but nothing panics, nothing acknowledged is lost, and the
//! store that the next process finds opens and goes on, be it after a kill or after a loss of power.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, missing_docs)]
#![allow(clippy::print_stdout)]

mod common;

use std::io::ErrorKind;
use std::sync::Arc;

use common::world::*;
use common::*;
use strongroom::{CommitError, Plaintext};
use strongroom_storage::CommitError as StorageCommitError;

const KINDS: [ErrorKind; 3] = [ErrorKind::Other, ErrorKind::StorageFull, ErrorKind::ReadOnlyFilesystem];

/// Everything that changes a store, one after another, going on after a refusal.
fn everything(world: &mut World) -> Result<(), String> {
    let mut outcomes = Vec::new();
    for n in 0..6 {
        outcomes.push(world.batch(&[(&format!("new/n{n}"), Some("new value ")), ("a/v0", None)]));
        if world.known.doubtful.is_some() {
            return Err("the store must be opened anew".to_owned());
        }
    }
    outcomes.push(wait(world.store.barrier().rotate()).map(drop).map_err(|error| error.to_string()));
    outcomes.push(world.rewrap());
    outcomes.push(replace_holders(world));
    if world.known.other_shares.is_none() {
        outcomes.push(world.rewrap());
    }
    outcomes.push(wait(world.store.rotate_root()).map_err(|error| error.to_string()));
    outcomes.push(world.batch(&[("last", Some("last value"))]));
    outcomes.into_iter().collect()
}

#[test]
fn operation_that_fails_loses_nothing_acknowledged() {
    let options = disk_options();
    let (base, known) = base(nothing, 2);
    let run = |fault: Option<(u64, ErrorKind)>| {
        let disk = base.after_kill();
        let storage = open_on(&disk, &options).unwrap();
        let store = unseal(storage, &known.shares[0][1..]).unwrap();
        let start = disk.operations();
        if let Some((at, kind)) = fault {
            disk.fail_at(start + at, kind);
        }
        let mut world = World { store, known: known.clone() };
        let outcome = everything(&mut world);
        let World { store, known } = world;
        let operations = disk.operations() - start;
        drop(store);
        (disk, known, outcome, operations)
    };
    let (.., outcome, operations) = run(None);
    outcome.unwrap();
    let (mut refusals, mut states) = (0, 0);
    let stride = campaign("STRONGROOM_FAULT_STRIDE", 1);
    for at in (0..operations).step_by(usize::try_from(stride).unwrap()) {
        for (n, kind) in (0_u64..).zip(KINDS) {
            let (disk, known, outcome, _) = run(Some((at, kind)));
            refusals += u32::from(outcome.is_err());
            // One kind is followed by a kill, the others by a loss of power.
            let found = if n == at % 3 { disk.after_kill() } else { disk.after_crash(at) };
            states += 1;
            if let Err(error) = recover(&found, &options, &known) {
                panic!("operation {at}, {kind:?}: {error}; the work ended with {outcome:?}");
            }
        }
    }
    assert!(refusals > 0);
    println!(
        "evidence: id=faults/operations figure={operations} operations failed in 3 ways each, {refusals} refusals, {states} \
         stores opened with everything acknowledged verdict=pass"
    );
}

#[test]
fn full_disk_goes_on_when_there_is_room_again() {
    for kind in [ErrorKind::StorageFull, ErrorKind::ReadOnlyFilesystem] {
        let (disk, known) = base(nothing, 0);
        let storage = open_on(&disk, &disk_options()).unwrap();
        let store = unseal(Arc::clone(&storage), &known.shares[0][1..]).unwrap();
        let mut world = World { store, known };
        world.batch(&[("before", Some("kept"))]).unwrap();
        disk.fail_writes(Some(kind));
        for n in 0..20 {
            let value = Plaintext::new(vec![1; 3000]);
            let outcome = wait(world.store.barrier().put(format!("full/n{n}").parse().unwrap(), value));
            match (kind, refused(outcome)) {
                (ErrorKind::StorageFull, CommitError::Storage(StorageCommitError::Full { .. }))
                | (
                    ErrorKind::ReadOnlyFilesystem,
                    CommitError::Storage(StorageCommitError::ReadOnly { .. }),
                ) => {}
                (_, error) => panic!("{kind:?}: {error:?}"),
            }
        }
        assert!(wait(world.store.rotate_root()).is_err());
        assert!(world.rewrap().is_ok(), "nothing to be rewrapped");
        whole(&world.store, &world.known).unwrap();
        disk.fail_writes(None);
        world.batch(&[("after", Some("there is room"))]).unwrap();
        wait(world.store.rotate_root()).unwrap();
        replace_holders(&mut world).unwrap();
        world.rewrap().unwrap();
        whole(&world.store, &world.known).unwrap();
        let World { store, known } = world;
        drop((store, storage));
        recover(&disk.after_crash(1), &disk_options(), &known).unwrap();
    }
}

#[test]
fn init_on_a_disk_that_fails_is_refused_and_can_be_repeated() {
    let make = |disk: &strongroom_storage::simulation::SimulatedDisk| {
        let storage = strongroom::DiskStorage::create_on(disk, &disk_options()).map_err(|e| e.to_string())?;
        init(Arc::new(storage), options())
    };
    let dry = strongroom_storage::simulation::SimulatedDisk::new();
    make(&dry).unwrap();
    for at in 0..dry.operations() {
        for kind in KINDS {
            let disk = strongroom_storage::simulation::SimulatedDisk::new();
            disk.fail_at(at, kind);
            if let Ok((store, shares)) = make(&disk) {
                drop(store);
                let known = Known { shares: vec![shares], ..Known::default() };
                recover(&disk.after_crash(at), &disk_options(), &known).unwrap();
                continue;
            }
            let found = disk.after_kill();
            let storage = open_on(&found, &disk_options())
                .or_else(|_| {
                    let storage = strongroom::DiskStorage::create_on(&found, &disk_options());
                    storage.map(|storage| Arc::new(storage) as Arc<dyn strongroom::Storage>)
                })
                .unwrap();
            // What was not acknowledged may be there all the same; else it can be made now.
            if wait(strongroom::SealedStore::open(Arc::clone(&storage))).is_err() {
                init(storage, options()).unwrap();
            }
        }
    }
}
