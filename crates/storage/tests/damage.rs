//! What people and other programs do to the files of a store: an error, never a panic or a silent loss.

#![cfg(all(feature = "redb", feature = "testing"))]
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use pollster::block_on;
use strongroom_storage::{Batch, DiskStorage, OpenError, ReadError, Storage};

fn put(storage: &DiskStorage, n: u32) {
    let mut batch = Batch::new();
    batch.put(n.to_be_bytes().to_vec(), vec![7; 300]);
    block_on(storage.commit(batch)).unwrap();
}

fn store(directory: &Path, values: u32) {
    let storage = DiskStorage::create(directory).unwrap();
    (0..values).for_each(|n| put(&storage, n));
    storage.close().unwrap();
}

fn overwrite(path: &Path, offset: u64, bytes: &[u8]) {
    OpenOptions::new().write(true).open(path).unwrap().write_all_at(bytes, offset).unwrap();
}

/// Opens and reads everything; says whether anything was refused.
fn read_all(directory: &Path) -> bool {
    let Ok(storage) = DiskStorage::open(directory) else { return true };
    let Ok(keys) = block_on(storage.scan(b"", None, 10_000)) else { return true };
    keys.iter().any(|key| block_on(storage.get(key)).is_err())
}

#[test]
fn a_database_file_that_was_written_over_is_an_error_and_no_panic() {
    let home = tempfile::tempdir().unwrap();
    let good = home.path().join("good");
    store(&good, 600);
    let database = fs::read(good.join("strongroom.redb")).unwrap();
    let place = home.path().join("damaged");
    let (mut tried, mut refused) = (0, 0);
    let used = database.chunks(4096).enumerate().filter(|(_, page)| page.iter().any(|&byte| byte != 0));
    for (page, _) in used.step_by(3) {
        for (offset, byte) in [(0, 0xff), (1, 0xff), (2, 0xff), (4, 0x78), (9, 0x80)] {
            let _ = fs::remove_dir_all(&place);
            DiskStorage::create(&place).unwrap().close().unwrap();
            for name in ["strongroom.redb", "log.0", "log.1"] {
                fs::copy(good.join(name), place.join(name)).unwrap();
            }
            overwrite(&place.join("strongroom.redb"), u64::try_from(page * 4096 + offset).unwrap(), &[byte]);
            let outcome = catch_unwind(AssertUnwindSafe(|| read_all(&place)));
            refused += usize::from(outcome.expect("a panic escaped"));
            tried += 1;
        }
    }
    println!("{tried} damaged databases, {refused} refused, no panic");
    assert!(refused > 0, "damage that nobody notices tests nothing");
}

#[test]
fn a_second_opening_is_refused_even_if_the_lock_file_was_removed() {
    let home = tempfile::tempdir().unwrap();
    let place = home.path().join("store");
    let first = DiskStorage::create(&place).unwrap();
    fs::remove_file(place.join("lock")).unwrap();
    assert!(matches!(DiskStorage::open(&place), Err(OpenError::InUse { .. })));
    put(&first, 1);
    first.close().unwrap();
    // The control: once it is closed, it opens.
    DiskStorage::open(&place).unwrap();
}

#[test]
fn a_log_that_was_cut_off_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let place = home.path().join("store");
    store(&place, 3);
    let log = place.join("log.0");
    let whole = fs::metadata(&log).unwrap().len();
    for length in [512, 632, 4096, whole / 2, whole - 1] {
        File::options().write(true).open(&log).unwrap().set_len(length).unwrap();
        assert!(matches!(DiskStorage::open(&place), Err(OpenError::Corrupt(_))), "{length}");
    }
    File::options().write(true).open(&log).unwrap().set_len(whole).unwrap();
    // The control: these zeros were zeros before, so with its length the log is whole again.
    assert!(DiskStorage::open(&place).is_ok());
}

#[test]
fn a_log_that_claims_to_be_endless_takes_no_memory() {
    let home = tempfile::tempdir().unwrap();
    let place = home.path().join("store");
    store(&place, 3);
    File::options().write(true).open(place.join("log.1")).unwrap().set_len(1 << 43).unwrap();
    assert!(matches!(DiskStorage::open(&place), Err(OpenError::Corrupt(_))));
}

#[test]
fn errors_of_reading_say_that_the_file_is_damaged() {
    let error = ReadError::Corrupt("the database file is damaged".to_owned());
    assert!(error.to_string().contains("Restore it from a backup"));
}
