//! Backups: of a store in use, back again whole, and refused in every altered form.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, missing_docs)]
#![allow(clippy::print_stdout)]

mod common;

use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use common::*;
use strongroom::backup::{Backup, BackupError, RestoreError, RestoreReport};
use strongroom::{Batch, MemoryStorage, Plaintext, ShareError, Store};

fn backup(store: &Store) -> Vec<u8> {
    wait(store.backup(Vec::new(), |_, _| ControlFlow::Continue(()))).unwrap().0
}

/// All three steps, into new storage.
fn restore(bytes: &[u8], shares: &[String]) -> Result<(MemoryStorage, RestoreReport), RestoreError> {
    let target = MemoryStorage::new();
    let report = restore_to(Cursor::new(bytes.to_vec()), shares, &target)?;
    Ok((target, report))
}

fn restore_to<R: Read + Seek>(
    input: R,
    shares: &[String],
    target: &MemoryStorage,
) -> Result<RestoreReport, RestoreError> {
    let mut unsealing = Backup::open(input)?.unsealing();
    for text in &shares[..2] {
        // A share that does not fit shows as too few of them.
        let _ = unsealing.offer(share(text));
    }
    let verified = unsealing.verify(|_, _| ControlFlow::Continue(()))?;
    wait(verified.restore(Arc::new(target.clone()), |_, _| ControlFlow::Continue(())))
}

fn small() -> (MemoryStorage, Store, Shares) {
    let (storage, store, shares) = fresh();
    put(&store, "a/one", b"1").unwrap();
    put(&store, "two", b"22").unwrap();
    (storage, store, shares)
}

#[test]
fn restore_drill() {
    let (storage, store, shares) = fresh();
    for n in 0..1500 {
        put(&store, &format!("d{}/e/v{n}", n % 11), format!("value {n}")).unwrap();
    }
    wait(store.barrier().rotate()).unwrap();
    put(&store, "after the rotation", b"x").unwrap();
    let (expected, sequence) = (contents(&store).unwrap(), store.barrier().status().unwrap().sequence);
    let (bytes, report) = wait(store.backup(Vec::new(), |done, total| {
        assert!(done <= total);
        ControlFlow::Continue(())
    }))
    .unwrap();
    assert_eq!((report.bytes, report.sequence), (bytes.len() as u64, sequence));
    assert_eq!(report.entries, keys(&storage).len() as u64);
    put(&store, "later", b"not in the backup").unwrap();
    drop(store);
    let inspected = Backup::open(Cursor::new(bytes.clone())).unwrap();
    assert_eq!((inspected.sequence(), inspected.created()), (sequence, NOW.load(Ordering::SeqCst)));
    inspected.verify_share(&share(&shares[2])).map_err(|error| error.to_string()).unwrap();
    let (restored, report) = restore(&bytes, &shares).unwrap();
    assert_eq!((report.sequence, report.entries), (sequence, 1501 + 22));
    let again = open(&restored, &shares[1..]).unwrap();
    let found = contents(&again).unwrap();
    let equal = found.iter().filter(|(path, value)| expected.get(*path) == Some(value)).count();
    println!(
        "evidence: id=strongroom/restore-drill figure={equal} of {} values equal after a restore from {} KiB, {} found verdict={}",
        expected.len(),
        bytes.len() / 1024,
        found.len(),
        if found == expected { "pass" } else { "fail" }
    );
    assert_eq!(found, expected);
    assert_clean(&again);
    put(&again, "later", b"another").unwrap();
    wait(again.rewrap(go_on)).unwrap();
    assert_clean(&again);
}

#[test]
fn backup_of_a_store_in_use_is_of_one_instant() {
    let (_, store, shares) = fresh();
    let pair = |writer: u32, n: u32| {
        // Two values that one commit always changes together.
        let value = || Plaintext::new(n.to_be_bytes().to_vec());
        Batch::new()
            .put(format!("w{writer}/left").parse().unwrap(), value())
            .put(format!("w{writer}/right").parse().unwrap(), value())
            .put(format!("w{writer}/v{}", n % 50).parse().unwrap(), value())
    };
    let (stop, commits) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        for writer in 0..4 {
            let (store, stop, commits) = (&store, &stop, &commits);
            scope.spawn(move || {
                for n in 0.. {
                    wait(store.barrier().commit(pair(writer, n))).unwrap();
                    commits.fetch_add(1, Ordering::SeqCst);
                    if stop.load(Ordering::SeqCst) {
                        break;
                    }
                }
            });
        }
        while commits.load(Ordering::SeqCst) < 100 {
            thread::yield_now();
        }
        for _ in 0..10 {
            let before = commits.load(Ordering::SeqCst);
            let bytes = backup(&store);
            let (restored, _) = restore(&bytes, &shares).unwrap();
            let again = open(&restored, &shares).unwrap();
            for writer in 0..4 {
                let half = |half: &str| get(&again, &format!("w{writer}/{half}"));
                assert_eq!(half("left"), half("right"));
            }
            assert_clean(&again);
            while commits.load(Ordering::SeqCst) == before {
                thread::yield_now();
            }
        }
        stop.store(true, Ordering::SeqCst);
    });
    assert_clean(&store);
}

#[test]
fn every_flipped_byte_and_every_cut_is_refused() {
    let (_, store, shares) = small();
    wait(store.barrier().rotate()).unwrap();
    let bytes = backup(&store);
    assert!(restore(&bytes, &shares).is_ok(), "the control");
    let mut flips = 0;
    for at in 0..bytes.len() {
        let mut altered = bytes.clone();
        altered[at] ^= 1 << (at % 8);
        flips += u32::from(restore(&altered, &shares).is_err());
    }
    let mut cuts = 0;
    for len in 0..bytes.len() {
        cuts += u32::from(restore(&bytes[..len], &shares).is_err());
    }
    assert!(restore(&[&bytes[..], b"\0"].concat(), &shares).is_err());
    let all = flips as usize == bytes.len() && cuts as usize == bytes.len();
    println!(
        "evidence: id=tamper/backup figure={flips} of {0} flipped bytes and {cuts} of {0} cuts refused verdict={1}",
        bytes.len(),
        if all { "pass" } else { "fail" }
    );
    assert!(all);
}

/// The entries of a backup, as `key` and `value`, and what stands before and after them.
struct Parts {
    header: Vec<u8>,
    entries: Vec<Vec<u8>>,
    code: Vec<u8>,
}

impl Parts {
    fn of(bytes: &[u8]) -> Self {
        let slots = u32::from_be_bytes(bytes[42..46].try_into().unwrap()) as usize;
        let (header, mut rest) = bytes.split_at(46 + slots + 32);
        let mut entries = Vec::new();
        while rest[..2] != [0, 0] {
            let key = usize::from(u16::from_be_bytes(rest[..2].try_into().unwrap()));
            let value = u32::from_be_bytes(rest[2..6].try_into().unwrap()) as usize;
            let (entry, after) = rest.split_at(6 + key + value);
            entries.push(entry.to_vec());
            rest = after;
        }
        Self { header: header.to_vec(), entries, code: rest[10..].to_vec() }
    }

    fn join(&self) -> Vec<u8> {
        let count = (self.entries.len() as u64).to_be_bytes();
        [&self.header[..], &self.entries.concat(), &[0, 0], &count, &self.code].concat()
    }
}

#[test]
fn entry_removed_added_or_moved_is_refused() {
    let (_, store, shares) = small();
    let bytes = backup(&store);
    assert_eq!(Parts::of(&bytes).join(), bytes, "the control");
    let count = Parts::of(&bytes).entries.len();
    assert_eq!(count, 3 + 3);
    let altered = |alter: &dyn Fn(&mut Vec<Vec<u8>>)| {
        let mut parts = Parts::of(&bytes);
        alter(&mut parts.entries);
        restore(&parts.join(), &shares).map(drop).unwrap_err()
    };
    for at in 0..count {
        altered(&|entries| drop(entries.remove(at)));
        altered(&|entries| entries.insert(at, entries[at].clone()));
        for other in at + 1..count {
            assert!(matches!(altered(&|entries| entries.swap(at, other)), RestoreError::Damaged(_)));
        }
    }
    // The last entry removed: the order holds and every record opens, so the code over the whole decides.
    assert!(matches!(altered(&|entries| drop(entries.pop())), RestoreError::Forged));
    // Records of another backup of the same store, each good at its place.
    put(&store, "two", b"23").unwrap();
    let later = Parts::of(&backup(&store)).entries;
    let first = Parts::of(&bytes).entries;
    let changed: Vec<usize> = (3..count).filter(|at| first[*at] != later[*at]).collect();
    assert_eq!(changed.len(), 1, "the value that was put again");
    let mixed = altered(&|entries| entries[changed[0]].clone_from(&later[changed[0]]));
    assert!(matches!(mixed, RestoreError::Forged), "{mixed}");
    let mixed = altered(&|entries| entries[0] = later[0].clone());
    assert!(matches!(mixed, RestoreError::Mixed | RestoreError::Forged), "{mixed}");
}

#[test]
fn backup_of_before_a_rekey_opens_with_the_shares_of_its_time_and_says_so() {
    let (_, store, old) = small();
    let before = backup(&store);
    let (slot, new) = add_slot(&store, "replacement").unwrap();
    let proved = prove(&store, slot, &new);
    wait(store.replace_slot(first_slot(&store), proved)).unwrap();
    wait(store.rewrap(go_on)).unwrap();
    let after = backup(&store);
    assert!(restore(&before, &old).is_ok() && restore(&after, &new).is_ok());
    assert!(restore(&before, &new).is_err() && restore(&after, &old).is_err());
    let inspected = Backup::open(Cursor::new(before)).unwrap();
    assert_eq!(inspected.slots().slots()[0].label(), "first");
    let error = refused(inspected.verify_share(&share(&new[0])));
    assert!(matches!(&error, ShareError::UnknownSet { known, .. } if known.len() == 1), "{error}");
    assert!(error.to_string().contains("first"), "it names the slots whose shares would do: {error}");
}

#[test]
fn nothing_is_restored_over_anything() {
    let (storage, store, shares) = small();
    let bytes = backup(&store);
    let before = keys(&storage);
    let restored = restore_to(Cursor::new(bytes.clone()), &shares, &storage);
    assert!(matches!(restored, Err(RestoreError::NotEmpty)));
    assert_eq!(keys(&storage), before);
    let stray = MemoryStorage::new();
    write(&stray, b"\xffanything", b"");
    assert!(matches!(restore_to(Cursor::new(bytes), &shares, &stray), Err(RestoreError::NotEmpty)));
}

/// A file that becomes another after some rereadings.
struct Changing {
    files: [Cursor<Vec<u8>>; 2],
    rereadings: u32,
}

impl Read for Changing {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.files[usize::from(self.rereadings == 0)].read(buffer)
    }
}

impl Seek for Changing {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.rereadings = self.rereadings.saturating_sub(1);
        self.files[usize::from(self.rereadings == 0)].seek(to)
    }
}

#[test]
fn file_that_changes_between_check_and_restoration_is_refused() {
    let (_, store, shares) = small();
    let first = backup(&store);
    put(&store, "two", b"23").unwrap();
    let second = backup(&store);
    for (rereadings, expected) in [(9, true), (4, true), (3, false), (2, false)] {
        let files = [Cursor::new(first.clone()), Cursor::new(second.clone())];
        let target = MemoryStorage::new();
        let outcome = restore_to(Changing { files, rereadings }, &shares, &target);
        assert_eq!(outcome.is_ok(), expected, "{rereadings}: {:?}", outcome.err());
        // Slots, keyring and head come last: what was refused is no store.
        assert_eq!(keys(&target).iter().any(|key| key[0] == 0), expected);
    }
}

#[test]
fn damaged_store_is_noticed_while_it_is_backed_up() {
    let (storage, store, _) = small();
    assert!(!backup(&store).is_empty(), "the control");
    for key in keys(&storage) {
        let record = read(&storage, &key);
        let mut damaged = record.clone();
        *damaged.last_mut().unwrap() ^= 1;
        write(&storage, &key, &damaged);
        let outcome = wait(store.backup(Vec::new(), |_, _| ControlFlow::Continue(())));
        assert!(matches!(
            outcome.map(drop),
            Err(BackupError::Record(_) | BackupError::KeysChanged | BackupError::Incomplete)
        ));
        write(&storage, &key, &record);
    }
    let stopped = wait(store.backup(Vec::new(), |_, _| ControlFlow::Break(())));
    assert!(matches!(stopped.map(drop), Err(BackupError::Write(_))));
}

#[test]
fn what_is_no_backup_is_called_so() {
    let open = |bytes: &[u8]| refused(Backup::open(Cursor::new(bytes.to_vec())));
    assert!(matches!(open(b""), RestoreError::NotABackup));
    assert!(matches!(open(b"SRBACKUX________"), RestoreError::NotABackup));
    assert!(matches!(open(b"SRBACKUP\0\x02"), RestoreError::Version(2)));
    assert!(matches!(open(b"SRBACKUP\0\x01short"), RestoreError::Truncated));
}
