//! Every back end passes the same suite.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, missing_docs)]

use std::sync::Arc;

use strongroom_storage::conformance::{Make, TESTS, persistence};
use strongroom_storage::io::RealDisk;
use strongroom_storage::simulation::SimulatedDisk;
use strongroom_storage::{CheckpointMode, DiskStorage, MemoryStorage, Options, Storage};

/// Runs the suite, test by test, and tells how many there were.
fn suite(id: &str, make: Make<'_>) {
    let mut passed = 0;
    for (_, test) in TESTS {
        test(&*make());
        passed += 1;
    }
    let verdict = if passed == TESTS.len() { "pass" } else { "fail" };
    println!(
        "evidence: id=storage/conformance-{id} figure={passed} of {} tests verdict={verdict}",
        TESTS.len()
    );
}

#[test]
fn memory_conforms() {
    suite("memory", &|| Arc::new(MemoryStorage::new()));
}

#[test]
fn redb_with_usual_options_conforms() {
    let directory = tempfile::tempdir().unwrap();
    let number = std::cell::Cell::new(0);
    suite("redb", &|| {
        number.set(number.get() + 1);
        Arc::new(DiskStorage::create(&directory.path().join(number.get().to_string())).unwrap())
    });
}

/// Segments so small that nearly every commit is followed by a checkpoint.
#[test]
fn redb_that_checkpoints_all_the_time_conforms() {
    let modes = [(CheckpointMode::Background, "redb-background"), (CheckpointMode::Inline, "redb-inline")];
    for (checkpoint, id) in modes {
        let options = Options { segment_size: 8 * 1024, checkpoint, ..Options::default() };
        suite(id, &|| Arc::new(DiskStorage::create_on(&SimulatedDisk::new(), &options).unwrap()));
    }
}

#[test]
fn redb_keeps_what_it_has() {
    for segment_size in [8 * 1024, 16 * 1024 * 1024] {
        let directory = tempfile::tempdir().unwrap();
        let place = directory.path().join("store");
        let options = Options { segment_size, ..Options::default() };
        persistence(&|| {
            let storage = if place.exists() {
                DiskStorage::open_on(&RealDisk::open(&place).unwrap(), &options)
            } else {
                DiskStorage::create_on(&RealDisk::create(&place).unwrap(), &options)
            };
            Arc::new(storage.unwrap()) as Arc<dyn Storage>
        });
    }
}

#[cfg(feature = "sled")]
mod sled {
    use super::*;
    use strongroom_storage::SledStorage;

    #[test]
    fn sled_conforms() {
        let directory = tempfile::tempdir().unwrap();
        let number = std::cell::Cell::new(0);
        suite("sled", &|| {
            number.set(number.get() + 1);
            Arc::new(SledStorage::open(&directory.path().join(number.get().to_string())).unwrap())
        });
    }

    #[test]
    fn sled_keeps_what_it_has() {
        let directory = tempfile::tempdir().unwrap();
        persistence(&|| Arc::new(SledStorage::open(directory.path()).unwrap()));
    }
}
