//! A file as redb wants it, with three differences.
//!
//! - **Writes are gathered** until the next sync and go out in order, neighbours together: redb writes its pages one by
//!   one, in the order of a hash table, and a system call for each is half of a checkpoint's cost.
//! - **Writing waits for room** on a full disk: redb itself would give up for good.
//! - **Opening defers its syncs.** redb notes in the file that it is open, and syncs, twice. After a kill in the midst
//!   of a checkpoint that would wait for everything which the dead process had written. Instead the writes are kept in
//!   memory and done, syncs included and in the same order, as soon as the storage is open and before anything else is
//!   written. To the disk it looks as if the database had been opened a moment later.

use std::collections::BTreeMap;
use std::fmt::{self, Debug, Formatter};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redb::StorageBackend;

use crate::disk::checkpoint::Progress;
use crate::io::{File, NoRoom};

#[derive(Clone)]
pub(super) struct Backend(Arc<Inner>);

struct Inner {
    file: Arc<dyn File>,
    progress: Arc<Progress>,
    writes: Mutex<Writes>,
    /// Held while writing to the file; the lock above is not, because readers need it and the disk may be full.
    flushing: Mutex<()>,
}

/// Pages by offset. They do not overlap.
type Pages = BTreeMap<u64, Vec<u8>>;

/// What has not reached the file yet, oldest first: rounds, then `flushing`, then `gathered`.
#[derive(Default)]
struct Writes {
    gathered: Pages,
    gathered_bytes: usize,
    flushing: Option<Arc<Pages>>,
    /// From opening: each is followed by a sync.
    deferred: Vec<Arc<Pages>>,
    opening: bool,
}

impl Backend {
    /// For a database that is about to be opened.
    pub(super) fn new(file: Arc<dyn File>, progress: Arc<Progress>) -> Self {
        let writes = Mutex::new(Writes { opening: true, ..Writes::default() });
        Self(Arc::new(Inner { file, progress, writes, flushing: Mutex::new(()) }))
    }

    /// The database is open: from now on a sync is a sync, and does first what was deferred.
    pub(super) fn stop_deferring(&self) {
        self.0.lock().opening = false;
    }

    /// Does what was deferred.
    pub(super) fn settle(&self) -> io::Result<()> {
        let _alone = self.0.flushing.lock().unwrap_or_else(PoisonError::into_inner);
        self.0.settle()
    }
}

impl Inner {
    /// The caller holds `flushing`.
    fn settle(&self) -> io::Result<()> {
        loop {
            let Some(round) = self.lock().deferred.first().cloned() else { return Ok(()) };
            self.write_out(&round)?;
            self.file.sync_data()?;
            self.lock().deferred.remove(0);
        }
    }

    /// Gives everything to the file, without syncing it.
    fn flush(&self) -> io::Result<()> {
        let _alone = self.flushing.lock().unwrap_or_else(PoisonError::into_inner);
        self.settle()?;
        let pages = {
            let mut writes = self.lock();
            writes.gathered_bytes = 0;
            let pages = Arc::new(std::mem::take(&mut writes.gathered));
            writes.flushing = Some(Arc::clone(&pages));
            pages
        };
        let outcome = self.write_out(&pages);
        self.lock().flushing = None;
        outcome
    }

    fn write_out(&self, pages: &Pages) -> io::Result<()> {
        let mut run: Vec<u8> = Vec::new();
        let mut start = 0;
        for (&offset, page) in pages {
            if end(start, &run) != offset || run.len() >= LONGEST_RUN {
                self.write_run(start, &run)?;
                run.clear();
                start = offset;
            }
            run.extend_from_slice(page);
        }
        self.write_run(start, &run)
    }

    fn write_run(&self, start: u64, run: &[u8]) -> io::Result<()> {
        if run.is_empty() {
            return Ok(());
        }
        self.waiting_for_room(|| self.file.write_at(start, run))
    }

    fn waiting_for_room(&self, operation: impl Fn() -> io::Result<()>) -> io::Result<()> {
        loop {
            match operation() {
                Ok(()) => {
                    self.progress.moves();
                    return Ok(());
                }
                Err(error) => match NoRoom::of(&error) {
                    Some(no_room) if self.progress.wait_for_room(no_room) => {}
                    _ => return Err(error),
                },
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Writes> {
        self.writes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Writes {
    /// Takes a page, unless it overlaps with another in part.
    fn gather(&mut self, offset: u64, data: &[u8]) -> bool {
        let touched = self.gathered.range(..end(offset, data)).next_back();
        match touched {
            Some((&other, page)) if other == offset && page.len() == data.len() => {}
            Some((&other, page)) if end(other, page) > offset => return false,
            _ => self.gathered_bytes = self.gathered_bytes.saturating_add(data.len()),
        }
        self.gathered.insert(offset, data.to_vec());
        true
    }

    fn is_empty(&self) -> bool {
        self.gathered.is_empty() && self.flushing.is_none() && self.deferred.is_empty()
    }

    /// Lays what has not reached the file over what was read from it.
    fn patch(&self, offset: u64, out: &mut [u8]) {
        let older = self.deferred.iter().chain(&self.flushing).map(|pages| &**pages);
        for pages in older.chain([&self.gathered]) {
            // Pages do not overlap, so only those from the last one before `offset` on can reach into `out`.
            let from = pages.range(..=offset).next_back().map_or(offset, |(&first, _)| first);
            for (&at, page) in pages.range(from..end(offset, out)) {
                copy_overlap(offset, out, at, page);
            }
        }
    }
}

impl StorageBackend for Backend {
    fn len(&self) -> io::Result<u64> {
        self.0.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let writes = self.0.lock();
        if writes.is_empty() {
            drop(writes);
            return self.0.file.read_at(offset, out);
        }
        // Under the lock, so that nothing moves to the file between the two.
        self.0.file.read_at(offset, out)?;
        writes.patch(offset, out);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.flush()?;
        self.0.waiting_for_room(|| self.0.file.set_len(len))
    }

    fn sync_data(&self) -> io::Result<()> {
        {
            let mut writes = self.0.lock();
            if writes.opening && writes.gathered_bytes <= MOST_DEFERRED {
                writes.gathered_bytes = 0;
                let round = Arc::new(std::mem::take(&mut writes.gathered));
                writes.deferred.push(round);
                return Ok(());
            }
        }
        self.0.flush()?;
        self.0.file.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let enough = {
            let mut writes = self.0.lock();
            writes.gather(offset, data).then_some(writes.gathered_bytes > MOST_GATHERED)
        };
        match enough {
            Some(false) => Ok(()),
            Some(true) => self.0.flush(),
            None => {
                self.0.flush()?;
                self.0.lock().gather(offset, data);
                Ok(())
            }
        }
    }

    fn close(&self) -> io::Result<()> {
        self.0.flush()
    }
}

impl Debug for Backend {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("the database file")
    }
}

fn end(offset: u64, bytes: &[u8]) -> u64 {
    offset.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX))
}

fn copy_overlap(offset: u64, out: &mut [u8], at: u64, page: &[u8]) {
    let skip = |from: u64, to: u64| usize::try_from(to.saturating_sub(from)).unwrap_or(usize::MAX);
    let to = out.get_mut(skip(offset, at)..).unwrap_or_default();
    let from = page.get(skip(at, offset)..).unwrap_or_default();
    for (to, from) in to.iter_mut().zip(from) {
        *to = *from;
    }
}

/// As much as may wait for a sync in memory.
const MOST_GATHERED: usize = 32 * 1024 * 1024;
/// As much as opening may put off: a few headers. A repair writes more, and is done at once.
const MOST_DEFERRED: usize = 256 * 1024;
const LONGEST_RUN: usize = 1024 * 1024;

#[cfg(test)]
#[cfg(feature = "testing")]
mod tests {
    use super::*;
    use crate::disk::CheckpointMode;
    use crate::io::Disk;
    use crate::simulation::{Operation, SimulatedDisk};

    fn backend() -> (SimulatedDisk, Backend) {
        let disk = SimulatedDisk::new();
        let file = disk.create("file").unwrap();
        file.set_len(64 * 1024).unwrap();
        let backend = Backend::new(file, Arc::new(Progress::new(CheckpointMode::Inline)));
        (disk, backend)
    }

    fn read(backend: &Backend, offset: u64, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        backend.read(offset, &mut bytes).unwrap();
        bytes
    }

    #[test]
    fn reads_see_what_was_written_wherever_it_waits() {
        let (_, backend) = backend();
        let mut model = vec![0; 64 * 1024];
        for round in 0..400_usize {
            let offset = round * 7919 % 60 * 1000;
            let length = [1000, 2000, 500, 4000][round % 4];
            let byte = u8::try_from(round % 251).unwrap();
            backend.write(offset as u64, &vec![byte; length]).unwrap();
            model[offset..offset + length].fill(byte);
            match round {
                100 => backend.stop_deferring(),
                200 => backend.settle().unwrap(),
                _ if round % 30 == 0 => backend.sync_data().unwrap(),
                _ => {}
            }
            let from = round * 31 % 50_000;
            assert_eq!(read(&backend, from as u64, 9000), model[from..from + 9000], "round {round}");
        }
        backend.sync_data().unwrap();
        assert_eq!(backend.0.file.len().unwrap(), 64 * 1024);
        let mut bytes = vec![0; 64 * 1024];
        backend.0.file.read_at(0, &mut bytes).unwrap();
        assert!(bytes == model);
    }

    #[test]
    fn opening_writes_nothing_and_settling_keeps_the_order_of_writes_and_syncs() {
        let (disk, backend) = backend();
        let before = disk.history().len();
        for byte in [1, 2] {
            backend.write(0, &[byte; 100]).unwrap();
            backend.sync_data().unwrap();
        }
        backend.stop_deferring();
        assert_eq!(disk.history().len(), before);
        assert_eq!(read(&backend, 0, 100), [2; 100]);
        backend.write(4096, &[3; 100]).unwrap();
        backend.sync_data().unwrap();
        let done: Vec<_> = disk.history()[before..]
            .iter()
            .copied()
            .filter(|operation| *operation != Operation::Read)
            .collect();
        let round = [Operation::Write, Operation::Sync];
        assert_eq!(done, [round, round, round].concat());
    }

    #[test]
    fn neighbours_are_written_together() {
        let (disk, backend) = backend();
        backend.stop_deferring();
        let before = disk.history().len();
        for page in [3, 1, 2, 7, 0] {
            backend.write(page * 4096, &[7; 4096]).unwrap();
        }
        backend.sync_data().unwrap();
        assert_eq!(disk.history()[before..], [Operation::Write, Operation::Write, Operation::Sync]);
    }
}
