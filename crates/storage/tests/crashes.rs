//! At every operation on the disk, a loss of power leaves a store that opens and holds every acknowledged batch, and
//! each batch wholly or not at all.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, missing_docs)]

use std::collections::BTreeMap;
use std::fmt::Write;
use std::io;

use pollster::block_on;
use strongroom_storage::simulation::{Operation, SimulatedDisk};
use strongroom_storage::{Batch, CheckpointMode, CommitError, DiskStorage, OpenError, Options, Storage};

type Model = BTreeMap<Vec<u8>, Vec<u8>>;

/// What may be on the disk: more than one state while the outcome of a batch is unknown.
struct Oracle {
    created: bool,
    possible: Vec<Model>,
}

impl Oracle {
    fn new() -> Self {
        Self { created: false, possible: vec![Model::new()] }
    }

    fn commit(&mut self, storage: &DiskStorage, batch: Batch) -> Result<(), CommitError> {
        let [before] = self.possible.as_slice() else { panic!("nothing is committed on an unknown state") };
        let mut after = before.clone();
        for (key, value) in batch.changes() {
            match value {
                Some(value) => after.insert(key.to_vec(), value.to_vec()),
                None => after.remove(key),
            };
        }
        let before = self.possible.pop().unwrap();
        let outcome = block_on(storage.commit(batch));
        self.possible = match &outcome {
            Ok(()) => vec![after],
            Err(CommitError::Unknown { .. }) => vec![before, after],
            Err(_) => vec![before],
        };
        outcome
    }

    /// Opens what is on the disk and compares. Leaves the one state that it found.
    fn check(&mut self, disk: &SimulatedDisk, options: &Options) -> Result<(), String> {
        let storage = match DiskStorage::open_on(disk, options) {
            Ok(storage) => storage,
            Err(OpenError::NotFound { .. }) if !self.created => return Ok(()),
            Err(error) => return Err(format!("does not open: {error}")),
        };
        let found = contents(&storage)?;
        if !self.possible.contains(&found) {
            let mut message = String::from("holds something else:");
            let expected = self.possible.last().unwrap();
            for key in expected.keys().filter(|key| found.get(*key) != expected.get(*key)) {
                write!(message, " {}", String::from_utf8_lossy(key)).unwrap();
            }
            return Err(message);
        }
        self.possible = vec![found];
        Ok(())
    }

    fn fork(&self) -> Self {
        Self { created: self.created, possible: self.possible.clone() }
    }
}

fn contents(storage: &DiskStorage) -> Result<Model, String> {
    let keys = block_on(storage.scan(b"", None, usize::MAX)).map_err(|error| error.to_string())?;
    let mut contents = Model::new();
    for key in keys {
        let value = block_on(storage.get(&key)).map_err(|error| error.to_string())?;
        contents.insert(key, value.ok_or("a listed key is not there")?.to_vec());
    }
    Ok(contents)
}

/// Creates a store, puts, deletes, writes batches larger than a log segment, closes and opens again.
fn work(disk: &SimulatedDisk, options: &Options, oracle: &mut Oracle) -> Result<(), ()> {
    drop(DiskStorage::create_on(disk, options).map_err(drop)?);
    oracle.created = true;
    for session in 0..3_u8 {
        let storage = DiskStorage::open_on(disk, options).map_err(drop)?;
        for step in 0..14_u8 {
            let mut batch = Batch::new();
            match step {
                5 => batch.put(format!("large/{session}"), vec![session; 20_000]),
                9 => batch.delete("large/0").put("large/replaced", vec![session; 9_000]),
                _ => batch
                    .put(format!("key/{}", step % 7), vec![session * 16 + step; 700])
                    .put(format!("pair/{session}/{step}"), vec![step; 300])
                    .delete(format!("pair/{session}/{}", step.wrapping_sub(3))),
            };
            oracle.commit(&storage, batch).map_err(drop)?;
        }
        storage.close().map_err(drop)?;
    }
    Ok(())
}

fn options() -> Options {
    Options { segment_size: 8 * 1024, checkpoint: CheckpointMode::Inline, ..Options::default() }
}

fn history(options: &Options) -> SimulatedDisk {
    let disk = SimulatedDisk::new();
    let mut oracle = Oracle::new();
    work(&disk, options, &mut oracle).unwrap();
    oracle.check(&disk.after_kill(), options).unwrap();
    disk
}

struct Survey {
    points: usize,
    images: u32,
    recoveries: u32,
    losses: Vec<String>,
}

/// Crashes at every operation, and again while recovering from that.
fn crash_everywhere(options: &Options, seeds: u64) -> Survey {
    let points = history(options).crash_points();
    let mut survey = Survey { points: points.len(), images: 0, recoveries: 0, losses: Vec::new() };
    for point in points {
        let disk = SimulatedDisk::new();
        disk.crash_at(point);
        let mut oracle = Oracle::new();
        assert!(work(&disk, options, &mut oracle).is_err() || disk.operations() > point);
        for seed in 0..seeds {
            let seed = point * seeds + seed;
            survey.images += 1;
            let found = disk.after_crash(seed);
            let outcome = oracle.fork().check(&found, options);
            survey.losses.extend(outcome.err().map(|loss| format!("operation {point}, seed {seed}: {loss}")));

            // The power fails again while the store is being opened and closed.
            let operations = found.operations();
            if operations == 0 {
                continue;
            }
            survey.recoveries += 1;
            let again = disk.after_crash(seed);
            again.crash_at(seed.wrapping_mul(0x9e37_79b9) % operations);
            let _ = oracle.fork().check(&again, options);
            let found = again.after_crash(seed + 1);
            let outcome = oracle.fork().check(&found, options);
            survey.losses.extend(
                outcome.err().map(|loss| format!("operation {point}, seed {seed}, recovery: {loss}")),
            );
        }
        // A kill loses nothing that was written.
        let outcome = oracle.check(&disk.after_kill(), options);
        survey.losses.extend(outcome.err().map(|loss| format!("operation {point}, kill: {loss}")));
    }
    survey
}

#[test]
fn crash_at_every_operation_loses_nothing_that_was_acknowledged() {
    let survey = crash_everywhere(&options(), 3);
    println!(
        "evidence: id=storage/crash-points figure={} crash points, {} images, {} crashes during recovery, {} losses verdict={}",
        survey.points,
        survey.images,
        survey.recoveries,
        survey.losses.len(),
        if survey.points > 300 && survey.losses.is_empty() { "pass" } else { "fail" }
    );
    assert!(survey.points > 300, "{}", survey.points);
    assert!(survey.losses.is_empty(), "{:#?}", survey.losses);
}

/// The control: an engine that does not sync its log is caught.
#[test]
fn engine_that_does_not_sync_is_caught() {
    let survey = crash_everywhere(&Options { break_by_skipping_log_sync: true, ..options() }, 2);
    println!(
        "evidence: id=storage/crash-control figure={} losses found in an engine that does not sync its log verdict={}",
        survey.losses.len(),
        if survey.losses.len() > 20 { "pass" } else { "fail" }
    );
    assert!(survey.losses.len() > 20, "{}", survey.losses.len());
}

/// A killed process leaves writes that only the page cache has. The next one must not build on them as if they were
/// durable: it works on, and then the power fails.
#[test]
fn loss_of_power_after_a_kill_loses_nothing_that_was_acknowledged() {
    let options = options();
    let background = Options { checkpoint: CheckpointMode::Background, ..options.clone() };
    let (mut points, mut commits) = (0, 0);
    for point in history(&options).crash_points() {
        let disk = SimulatedDisk::new();
        disk.kill_at(point);
        let mut oracle = Oracle::new();
        let _ = work(&disk, &options, &mut oracle);
        disk.restart();
        if !oracle.created {
            continue;
        }
        points += 1;
        let fail = |problem: String| panic!("operation {point}: {problem}");
        // Half of the time the database cannot be written, so that nothing of what opening put off gets done.
        let stuck = point % 2 == 0;
        if stuck {
            assert!(disk.fail_writes_to("strongroom.redb", io::ErrorKind::StorageFull));
        }
        let storage = DiskStorage::open_on(&disk, &background).unwrap();
        let found = contents(&storage).unwrap();
        assert!(oracle.possible.contains(&found), "operation {point}");
        oracle.possible = vec![found];
        for number in 0..12_u8 {
            let crashed = disk.after_crash(point * 12 + u64::from(number));
            oracle.fork().check(&crashed, &options).unwrap_or_else(fail);
            let mut batch = Batch::new();
            batch.put([b'n', number], vec![number; 800]);
            match oracle.commit(&storage, batch) {
                Ok(()) => commits += 1,
                Err(CommitError::Full { .. }) if stuck => break,
                Err(error) => panic!("operation {point}: {error}"),
            }
        }
        drop(storage);
        oracle.check(&disk.after_crash(point), &options).unwrap_or_else(fail);
    }
    println!("{points} kills followed by {commits} commits and losses of power");
    assert!(points > 200, "{points}");
}

/// One operation fails, work goes on as well as it can, the store is opened again, written, and then the power fails.
#[test]
fn fault_at_every_operation_loses_nothing_that_was_acknowledged() {
    let options = options();
    let history = history(&options).history();
    let kinds = [io::ErrorKind::Other, io::ErrorKind::StorageFull, io::ErrorKind::ReadOnlyFilesystem];
    let mut faults = 0_usize;
    for (operation, kind) in
        (0_u64..).zip(&history).zip(kinds.into_iter().cycle()).map(|((n, _), kind)| (n, kind))
    {
        faults += 1;
        let disk = SimulatedDisk::new();
        disk.fail_at(operation, kind);
        let mut oracle = Oracle::new();
        let _ = work(&disk, &options, &mut oracle);
        let fail =
            |stage: &str, problem: String| panic!("{kind:?} at operation {operation}, {stage}: {problem}");
        // The same machine goes on: its page cache may hold what the disk does not.
        oracle.check(&disk, &options).unwrap_or_else(|problem| fail("reopened", problem));
        if !oracle.created && DiskStorage::open_on(&disk, &options).is_err() {
            DiskStorage::create_on(&disk, &options).unwrap();
            oracle.created = true;
        }
        let storage = DiskStorage::open_on(&disk, &options).unwrap();
        let mut batch = Batch::new();
        batch.put("after the fault", vec![1; 100]);
        oracle.commit(&storage, batch).unwrap();
        let crashed = disk.after_crash(operation);
        oracle.fork().check(&crashed, &options).unwrap_or_else(|problem| fail("crashed", problem));
        drop(storage);
        let crashed = disk.after_crash(operation);
        oracle.check(&crashed, &options).unwrap_or_else(|problem| fail("closed and crashed", problem));
    }
    let verdict = if faults == history.len() { "pass" } else { "fail" };
    println!(
        "evidence: id=storage/faults figure={faults} operations, one failing at a time (EIO, full, read-only): nothing \
         acknowledged is lost verdict={verdict}"
    );
}

/// Four clients and a checkpoint thread; the order of operations is left to chance.
#[test]
fn crash_under_concurrent_writers_loses_nothing_that_was_acknowledged() {
    let options = Options { checkpoint: CheckpointMode::Background, ..options() };
    for round in 0..60_u64 {
        let disk = SimulatedDisk::new();
        let storage = DiskStorage::create_on(&disk, &options).unwrap();
        disk.crash_at(disk.operations() + 20 + round * 7);
        let acknowledged: Vec<u32> = std::thread::scope(|scope| {
            let clients: Vec<_> = (0..4_u8)
                .map(|client| {
                    scope.spawn({
                        let storage = &storage;
                        move || count_until_it_fails(storage, client)
                    })
                })
                .collect();
            clients.into_iter().map(|client| client.join().unwrap()).collect()
        });
        drop(storage);
        for seed in 0..3 {
            let storage = DiskStorage::open_on(&disk.after_crash(round * 3 + seed), &options).unwrap();
            for (client, acknowledged) in (0..4_u8).zip(&acknowledged) {
                let value = |half: u8| block_on(storage.get(&[client, half])).unwrap();
                let found = value(0).map_or(0, |bytes| u32::from_be_bytes(*bytes.first_chunk().unwrap()));
                assert!(found == *acknowledged || found == acknowledged + 1, "{found} for {acknowledged}");
                assert_eq!(value(0), value(1));
            }
        }
    }
}

fn count_until_it_fails(storage: &DiskStorage, client: u8) -> u32 {
    let mut count = 1_u32;
    loop {
        let mut value = count.to_be_bytes().to_vec();
        value.resize(600, client);
        let mut batch = Batch::new();
        batch.put([client, 0], value.clone()).put([client, 1], value);
        if block_on(storage.commit(batch)).is_err() {
            return count - 1;
        }
        count += 1;
    }
}

/// What a failed sync did not write can still be read; building on it would lose it.
#[test]
fn change_found_after_a_failed_sync_stays() {
    let options = options();
    let mut kept = 0;
    for extra in 0..40_u64 {
        let disk = SimulatedDisk::new();
        let mut oracle = Oracle::new();
        let storage = DiskStorage::create_on(&disk, &options).unwrap();
        oracle.created = true;
        for number in 0..extra {
            let mut batch = Batch::new();
            batch.put(format!("{number}"), vec![1; 100]);
            oracle.commit(&storage, batch).unwrap();
        }
        let sync = disk.operations() + 1;
        disk.fail_at(sync, io::ErrorKind::Other);
        let mut batch = Batch::new();
        batch.put("unknown", vec![1; 2000]);
        let outcome = oracle.commit(&storage, batch);
        if disk.history().get(usize::try_from(sync).unwrap()) != Some(&Operation::Sync) {
            continue;
        }
        let Err(CommitError::Unknown { .. }) = outcome else { continue };
        let mut batch = Batch::new();
        batch.put("refused", vec![1; 10]);
        assert!(matches!(oracle_free_commit(&storage, batch), Err(CommitError::Poisoned)));
        assert_eq!(block_on(storage.get(b"unknown")).unwrap(), None);
        drop(storage);

        oracle.check(&disk, &options).unwrap();
        kept += u32::from(oracle.possible.iter().any(|model| model.contains_key(b"unknown".as_slice())));
        for seed in 0..5 {
            oracle.fork().check(&disk.after_crash(seed), &options).unwrap();
        }
    }
    assert!(kept > 5, "the danger never arose: {kept}");
}

fn oracle_free_commit(storage: &DiskStorage, batch: Batch) -> Result<(), CommitError> {
    block_on(storage.commit(batch))
}

/// Any bit of the log's acknowledged frames but the last: reported, or harmless because the database has it already.
#[test]
fn damaged_log_is_reported_unless_only_the_last_frame_is_lost() {
    let options = Options { segment_size: 16 * 1024, ..options() };
    let disk = SimulatedDisk::new();
    let storage = DiskStorage::create_on(&disk, &options).unwrap();
    let mut oracle = Oracle::new();
    oracle.created = true;
    let mut without_last = Model::new();
    for number in 0..8 {
        without_last = oracle.possible.last().unwrap().clone();
        let mut batch = Batch::new();
        batch.put(format!("{number}"), vec![7; 900]);
        oracle.commit(&storage, batch).unwrap();
    }
    let image = disk.after_kill();
    drop(storage);
    oracle.possible.push(without_last);
    let (mut reported, mut last) = (0, 0);
    for offset in (0..16 * 1024).step_by(37) {
        let damaged = image.after_kill();
        assert!(damaged.flip("log.0", offset, (offset % 8).try_into().unwrap()));
        match DiskStorage::open_on(&damaged, &options) {
            Err(OpenError::Corrupt(_)) => reported += 1,
            Err(error) => panic!("byte {offset}: {error}"),
            Ok(storage) => {
                let found = contents(&storage).unwrap();
                assert!(oracle.possible.contains(&found), "byte {offset}");
                last += u32::from(found.len() == 7);
            }
        }
    }
    println!(
        "evidence: id=storage/damaged-log figure={reported} flipped bits reported, {last} took the last frame alone verdict={}",
        if reported > 150 && last > 10 { "pass" } else { "fail" }
    );
    assert!(reported > 150 && last > 10);
}

#[test]
fn crashed_creation_can_be_done_again() {
    let options = options();
    let whole = SimulatedDisk::new();
    drop(DiskStorage::create_on(&whole, &options).unwrap());
    for point in whole.crash_points() {
        for seed in 0..3 {
            let disk = SimulatedDisk::new();
            disk.crash_at(point);
            let _ = DiskStorage::create_on(&disk, &options);
            let disk = disk.after_crash(point * 3 + seed);
            match DiskStorage::create_on(&disk, &options) {
                Ok(_) => {}
                Err(OpenError::AlreadyExists { .. }) => drop(DiskStorage::open_on(&disk, &options).unwrap()),
                Err(error) => panic!("operation {point}: {error}"),
            }
        }
    }
}
