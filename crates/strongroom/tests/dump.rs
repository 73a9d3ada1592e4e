//! A raw dump of the disk: no name, no content, no share.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, missing_docs)]
#![allow(clippy::print_stdout)]

mod common;

use std::collections::HashSet;
use std::sync::Arc;

use common::*;
use strongroom::{DiskStorage, Store};
use strongroom_storage::simulation::SimulatedDisk;
use strongroom_storage::{CheckpointMode, Options};

/// Every file of the disk, one after another.
fn dump(disk: &SimulatedDisk) -> Vec<u8> {
    ["strongroom.redb", "log.0", "log.1"].iter().flat_map(|name| disk.contents(name).unwrap()).collect()
}

/// Which of the needles, or which of their windows of 16 bytes, occur.
fn found(dump: &[u8], needles: &[Vec<u8>]) -> usize {
    let long = |needle: &&Vec<u8>| needle.len() >= 16;
    let windows: HashSet<&[u8]> = needles.iter().filter(long).flat_map(|needle| needle.windows(16)).collect();
    let short: HashSet<&[u8]> =
        needles.iter().filter(|needle| !long(needle)).filter_map(|needle| needle.get(..8)).collect();
    dump.windows(16).filter(|window| windows.contains(window)).count()
        + dump.windows(8).filter(|window| short.contains(window)).count()
}

#[test]
fn raw_disk_holds_no_name_no_content_and_no_share() {
    let disk = SimulatedDisk::new();
    let options =
        Options { segment_size: 32 * 1024, checkpoint: CheckpointMode::Inline, ..Options::default() };
    let storage = Arc::new(DiskStorage::create_on(&disk, &options).unwrap());
    let (store, shares) = init(storage, common::options()).unwrap();
    let mut needles: Vec<Vec<u8>> = Vec::new();
    // Names of 8 bytes or more, and contents with text, repetitions and numbers: whatever could be recognised.
    for n in 0..60 {
        let segments =
            [format!("department-{}", n % 4), format!("service number {n}"), format!("password{n}")];
        let value = format!("the secret of service {n} is {} ", n * 7919).repeat(1 + n % 5);
        put(&store, &segments.join("/"), &value).unwrap();
        needles.push(segments.join("/").into_bytes());
        needles.extend(segments.into_iter().map(String::into_bytes));
        needles.push(value.into_bytes());
    }
    change_everything(&store);
    needles.extend(shares.iter().map(|text| text.as_bytes().to_vec()));
    needles.extend(shares.iter().map(|text| share(text).share.y().expose().to_vec()));
    let open = dump(&disk);
    wait(store.seal());
    drop(store);
    let closed = dump(&disk);
    let hits = found(&open, &needles) + found(&closed, &needles);

    // The control: one value that was stored unsealed, be it in the log or in the database.
    let (control, control_disk) = (b"the secret of service 7 is 55433 ", SimulatedDisk::new());
    let plain = DiskStorage::create_on(&control_disk, &options).unwrap();
    write(&plain, b"department-3", control);
    assert!(found(&dump(&control_disk), &needles) >= 2);
    plain.close().unwrap();
    assert!(found(&dump(&control_disk), &needles) >= 2);

    let verdict = if hits == 0 { "pass" } else { "fail" };
    println!(
        "evidence: id=dump/disk figure={hits} of {} names, contents and shares in {} KiB of raw disk; a planted control is \
         found verdict={verdict}",
        needles.len(),
        (open.len() + closed.len()) / 1024
    );
    assert_eq!(hits, 0);
}

/// Whatever writes to the disk.
fn change_everything(store: &Store) {
    wait(store.barrier().rotate()).unwrap();
    let (slot, shares) = add_slot(store, "replacement").unwrap();
    let proved = prove(store, slot, &shares);
    wait(store.replace_slot(first_slot(store), proved)).unwrap();
    wait(store.rewrap(go_on)).unwrap();
    wait(store.barrier().delete("department-0/service number 0/password0".parse().unwrap())).unwrap();
    assert_clean(store);
}
