//! What went wrong elsewhere and must not happen here; `docs/SECURITY-CATALOGUE.md` names the other tests.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, missing_docs)]
#![allow(clippy::print_stdout)]

mod common;

use std::fs;
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use common::*;
use strongroom::{DiskStorage, MAX_VALUE, MemoryStorage, Policy, SealedStore, Storage, UnsealError};
use strongroom_barrier::{HEAD, KEYRING, SLOTS};
use strongroom_storage::{Batch, OpenError};

/// CVE-2021-45042: a write of an unusual size brought the storage down.
#[test]
fn cve_2021_45042_no_size_of_a_name_or_a_value_panics() {
    let directory = tempfile::tempdir().unwrap();
    let disk = Arc::new(DiskStorage::create(&directory.path().join("store")).unwrap());
    let (store, _) = init(disk.clone(), options()).unwrap();
    let mut random = Random(1);
    let (mut stored, mut refused) = (0, 0);
    let edges = [0, 1, 254, 255, 256, 4096, MAX_VALUE - 1, MAX_VALUE, MAX_VALUE + 1, MAX_VALUE + (1 << 20)];
    let sizes = edges.into_iter().chain((0..300).map(|_| random.below(20_000))).collect::<Vec<_>>();
    for size in sizes {
        let segments: Vec<String> = (0..=random.below(12))
            .map(|_| {
                let length = [1, 2, 30, 253, 254, 255, 300][random.below(7)];
                let length = if random.below(3) > 0 { 1 + random.below(20) } else { length };
                ["a", "ä", "\u{1F512}", " "][random.below(4)].repeat(length)
            })
            .collect();
        let name = segments.join("/");
        let value = vec![0x5A; size];
        match name
            .parse::<strongroom::Path>()
            .map_err(|error| error.to_string())
            .and_then(|_| put(&store, &name, &value))
        {
            Ok(_) => {
                assert!(get(&store, &name).unwrap() == value, "{size} bytes came back otherwise");
                stored += 1;
            }
            Err(_) => refused += 1,
        }
    }
    // Beneath the barrier, where any bytes can be a key.
    let mut beneath = 0;
    for length in (0..=320).chain([1000, 70_000]) {
        for size in [0, 1, 1000] {
            let mut batch = Batch::new();
            batch.put(vec![0xFF; length], vec![1; size]);
            match wait(disk.commit(batch)) {
                Ok(()) => {
                    assert_eq!(read(&*disk, &vec![0xFF; length]).len(), size);
                    stored += 1;
                }
                Err(_) => refused += 1,
            }
            beneath += 1;
        }
    }
    assert_eq!(get(&store, "afterwards"), None, "the store still answers");
    println!(
        "evidence: id=catalogue/cve-2021-45042 figure={} writes of odd sizes ({beneath} beneath the barrier): {stored} came back, \
         {refused} refused, no panic verdict={}",
        stored + refused,
        if stored > 0 && refused > 0 { "pass" } else { "fail" }
    );
}

/// `RustyVault`: a stored record that was too short made `decrypt` panic.
#[test]
fn rustyvault_short_stored_record_is_an_error() {
    let (storage, store, shares) = fresh();
    put(&store, "a", b"1").unwrap();
    drop(store);
    let attempt = |storage: &MemoryStorage| {
        let store = open(storage, &shares)?;
        wait(store.barrier().get(&"a".parse().unwrap()))
            .map_err(|error| error.to_string())?
            .ok_or("nothing there")?;
        Ok::<(), String>(())
    };
    attempt(&storage).expect("the control: whole, it opens");
    let (mut cuts, mut refused) = (0, 0);
    for key in keys(&storage) {
        let record = read(&storage, &key);
        for length in (0..record.len()).filter(|length| *length < 70 || length % 13 == 0) {
            let cut = copy(&storage);
            write(&cut, &key, &record[..length]);
            cuts += 1;
            refused += u32::from(attempt(&cut).is_err());
        }
    }
    println!(
        "evidence: id=catalogue/rustyvault-short-record figure={refused} of {cuts} cut records refused, in {} places verdict={}",
        keys(&storage).len(),
        if refused == cuts { "pass" } else { "fail" }
    );
    assert_eq!(refused, cuts);
}

/// `RustyVault`: init with senseless numbers left a store that nobody could open.
#[test]
fn rustyvault_init_with_bad_numbers_leaves_no_store() {
    let mut refused = 0;
    let storage = MemoryStorage::new();
    let bad = [
        "0 of 5",
        "6 of 5",
        "1 of 0",
        "0 of 0",
        "256 of 300",
        "3 of 256",
        "-1 of 2",
        "3 of",
        "of",
        "",
        "99999999999999999999 of 3",
        "groups(0 of {a: 1 of 1})",
        "groups(3 of {a: 1 of 1, b: 1 of 1})",
        "groups(1 of {a: 2 of 1})",
    ];
    for text in bad {
        let outcome = text.parse::<Policy>().map_err(|error| error.to_string()).and_then(|policy| {
            init(Arc::new(storage.clone()), strongroom::InitOptions { policy, ..options() }).map(drop)
        });
        assert!(outcome.is_err(), "{text}");
        refused += usize::from(keys(&storage).is_empty());
    }
    // What was refused stands in nobody's way.
    let (_, shares) = init(Arc::new(storage.clone()), options()).unwrap();
    let opens = open(&storage, &shares).is_ok();
    println!(
        "evidence: id=catalogue/rustyvault-init figure={refused} of {} senseless policies refused with the storage left empty; a \
         good one afterwards opens: {opens} verdict={}",
        bad.len(),
        if refused == bad.len() && opens { "pass" } else { "fail" }
    );
    assert!(refused == bad.len() && opens);
}

/// `RustyVault`: a lock file that was left behind made the server wait for ever.
#[test]
fn rustyvault_stale_lock_file_is_no_obstacle_and_a_held_one_is_no_wait() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().join("store");
    drop(DiskStorage::create(&place).unwrap());
    let lock = fs::read_dir(&place)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.file_name().is_some_and(|name| name.to_string_lossy().contains("lock")))
        .expect("a lock file");
    let mut opened = 0;
    let stale = ["1\n", "4194304\n", "", "no number", "18446744073709551616"];
    for note in stale {
        fs::write(&lock, note).unwrap();
        match open_in_time(&place) {
            Ok(storage) => drop(storage),
            Err(error) => panic!("{note:?}: {error}"),
        }
        opened += 1;
    }
    let _held = DiskStorage::open(&place).unwrap();
    let held_is_refused = matches!(open_in_time(&place), Err(OpenError::InUse { .. }));
    println!(
        "evidence: id=catalogue/rustyvault-lock figure={opened} stale notes in the lock file did not matter; a held lock is \
         refused at once: {held_is_refused} verdict={}",
        if opened == stale.len() && held_is_refused { "pass" } else { "fail" }
    );
    assert!(held_is_refused);
}

fn open_in_time(place: &Path) -> Result<DiskStorage, OpenError> {
    let (send, receive) = mpsc::channel();
    let place = place.to_owned();
    std::thread::spawn(move || send.send(DiskStorage::open(&place)));
    receive.recv_timeout(Duration::from_secs(20)).expect("opening does not wait")
}

/// `RustyVault`: a wrong key stayed installed after an unseal that failed.
#[test]
fn rustyvault_failed_unseal_leaves_no_key_installed() {
    let (storage, store, shares) = fresh();
    put(&store, "a", b"1").unwrap();
    drop(store);
    let (other, other_store, _) = fresh();
    drop(other_store);
    let mut failures = 0;
    let mut opened = 0;
    for place in [KEYRING, HEAD] {
        let attacked = copy(&storage);
        write(&attacked, place, &read(&other, place));
        let mut unsealing = wait(SealedStore::open(Arc::new(attacked.clone()))).unwrap().unsealing();
        for share in &shares[..2] {
            unsealing.offer_text(share).unwrap();
        }
        assert!(refused_by_storage(&refused(wait(unsealing.unseal()))));
        failures += 1;
        // Neither key nor share is left of it.
        assert!(unsealing.ready().is_none() && unsealing.progress().iter().all(|slot| slot.have == 0));
        assert!(matches!(refused(wait(unsealing.unseal())), UnsealError::Slot(_)));
        // The same holders, on the storage as it should be.
        write(&attacked, place, &read(&storage, place));
        for share in &shares[1..] {
            unsealing.offer_text(share).unwrap();
        }
        let store = wait(unsealing.unseal()).map_err(|error| error.to_string()).unwrap();
        assert_eq!(get(&store, "a").unwrap(), b"1");
        opened += 1;
    }
    println!(
        "evidence: id=catalogue/rustyvault-unseal figure={failures} failed unseals left neither key nor share; {opened} of them \
         opened afterwards verdict={}",
        if failures == opened { "pass" } else { "fail" }
    );
}

fn refused_by_storage(error: &UnsealError) -> bool {
    matches!(error, UnsealError::Keyring(_) | UnsealError::Barrier(_) | UnsealError::SlotsMixed)
}

/// CVE-2025-4656 and others: a rekey that somebody without authority started, cancelled or took over.
#[test]
fn cve_2025_4656_slot_whose_holders_proved_nothing_replaces_none() {
    let (storage, store, shares) = fresh();
    let dealt = wait(store.add_slot("replacement", two_of_three())).unwrap();
    let new: Shares = dealt.shares().unwrap().iter().map(|share| share.to_string()).collect();
    // Too few of the new holders prove nothing, and there is no other way to a `Proved`.
    let mut possession = store.possession(dealt.slot()).unwrap();
    possession.offer(share(&new[0])).map_err(|error| error.to_string()).unwrap();
    assert!(possession.finish().is_err());
    drop(store);
    // Meanwhile the pending slot opens nothing, and the old holders are as they were.
    let mut unsealing = wait(SealedStore::open(Arc::new(storage.clone()))).unwrap().unsealing();
    let refused = new.iter().filter(|share| unsealing.offer_text(share).is_err()).count();
    let opens = open(&storage, &shares).is_ok();
    println!(
        "evidence: id=catalogue/cve-2025-4656 figure={refused} of {} shares of an unproved slot refused; the old holders open: \
         {opens} verdict={}",
        new.len(),
        if refused == new.len() && opens { "pass" } else { "fail" }
    );
    assert!(refused == new.len() && opens);
    assert!(!read(&storage, SLOTS).is_empty());
}

/// Numbers in a fixed order, the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }
}
