//! Creates a store, and opens one in whatever state a crash has left it.
//!
//! A directory holds a store once it has a file named `strongroom.redb`. That name is given last, when everything
//! else is durable.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::thread;

use crate::OpenError;
use crate::disk::checkpoint::{Checkpointer, Progress};
use crate::disk::committer::Committer;
use crate::disk::database::{Database, read_error};
use crate::disk::tables::{Frozen, Shared, Table};
use crate::disk::writer::{FIRST_FRAME, Segment, Writer};
use crate::disk::{CheckpointMode, DATABASE, DiskStorage, LOCK, Options, SEGMENTS};
use crate::io::{Disk, LockError, LockGuard};
use crate::log::frame::Changes;
use crate::log::header::Header;
use crate::log::replay::{Run, replay};
use crate::log::{LogId, Position, SECTOR, frame};

pub(super) fn create(disk: &dyn Disk, options: &Options) -> Result<DiskStorage, OpenError> {
    refuse_if_there_is_one(disk)?;
    let lock = lock(disk)?;
    refuse_if_there_is_one(disk)?;
    remove_leftovers(disk)?;
    let failed = |source| OpenError::from_io("making the store's files", source);

    let log = draw_log_id();
    let mut segments = Vec::new();
    for (segment, name) in (0_u8..).zip(SEGMENTS) {
        let length = segment_length(options);
        let file = disk.create(name).map_err(failed)?;
        let header = Header { segment, log, length };
        file.write_at(0, &header.encode()).map_err(failed)?;
        // Written, not only reserved: a sync of blocks that were never written has to write metadata, too.
        fill_with_zeros(&*file, FIRST_FRAME, length).map_err(failed)?;
        file.sync_data().map_err(failed)?;
        segments.push(Segment { file, length, current: length });
    }
    let segments = <[Segment; 2]>::try_from(segments).map_err(|_| senseless_count())?;

    let progress = Arc::new(Progress::new(options.checkpoint));
    let file = disk.create(UNFINISHED).map_err(failed)?;
    let database = Database::create(file, options.cache_size, &progress, &log)?;
    disk.sync().map_err(failed)?;
    disk.rename(UNFINISHED, DATABASE).map_err(failed)?;
    disk.sync().map_err(failed)?;

    let writer = Writer::new(log, segments, 0, FIRST_FRAME, Position::default(), skip_log_sync(options));
    start(options, lock, database, progress, writer, Table::new(), None)
}

pub(super) fn open(disk: &dyn Disk, options: &Options) -> Result<DiskStorage, OpenError> {
    refuse_if_there_is_none(disk)?;
    let lock = lock(disk)?;
    refuse_if_there_is_none(disk)?;
    let failed = |source| OpenError::from_io("opening the store's files", source);

    // The last step of its creation may have failed, and then a loss of power would take its name away again.
    disk.sync().map_err(failed)?;
    let progress = Arc::new(Progress::new(options.checkpoint));
    let file = disk.open(DATABASE).map_err(|source| match source.kind() {
        // Somebody has removed the lock file of whoever has the store open.
        std::io::ErrorKind::WouldBlock => OpenError::InUse { directory: disk.directory(), pid: None },
        _ => failed(source),
    })?;
    let database = Database::open(file, options.cache_size, &progress)?;
    let (log, applied) = database.about()?;

    let mut segments = Vec::new();
    let mut contents = Vec::new();
    for name in SEGMENTS {
        let file = disk.open(name).map_err(|source| match source.kind() {
            std::io::ErrorKind::NotFound => OpenError::Corrupt(format!("the file {name} is missing")),
            _ => failed(source),
        })?;
        let current = file.len().map_err(failed)?;
        // It was lengthened for one batch at most.
        let longest = options.segment_size.max(LONGEST_SEGMENT);
        let size = usize::try_from(current).ok().filter(|_| current <= longest);
        let mut bytes = vec![0; size.ok_or_else(|| OpenError::Corrupt(format!("{name} is too long")))?];
        file.read_at(0, &mut bytes).map_err(failed)?;
        // A header that cannot be read is reported below.
        let length = Header::decode(&bytes).map_or(current, |header| header.length);
        if current < length {
            return Err(OpenError::Corrupt(format!(
                "{name} was cut off: it has {current} bytes and was made with {length}"
            )));
        }
        segments.push(Segment { file, length, current });
        contents.push(bytes);
    }
    let segments = <[Segment; 2]>::try_from(segments).map_err(|_| senseless_count())?;
    let [first, second] = contents.as_slice() else { return Err(senseless_count()) };
    let replayed =
        replay(&log, applied, [first, second]).map_err(|damage| OpenError::Corrupt(damage.to_string()))?;

    let mut runs = replayed.runs.iter();
    let (older, newer) = match (runs.next(), runs.next()) {
        (older, Some(newer)) => (older, Some(newer)),
        (newer, None) => (None, newer),
    };
    // Without changes to replay, the segment that holds the last checkpointed change is not the one to overwrite: after
    // a kill that checkpoint may be in the page cache alone. It is synced before segments are next exchanged.
    let active = newer.map_or(replayed.spare, |run| run.segment);
    let offset = match newer {
        Some(run) => {
            settle_last_frame(&segments, run, [first, second]).map_err(failed)?;
            u64::try_from(run.last.1).map_err(|_| senseless_count())?
        }
        None => FIRST_FRAME,
    };
    let (older_table, newer_table) = thread::scope(|scope| {
        let older = scope.spawn(|| older.map(table).transpose());
        let newer = newer.map(table).transpose();
        (older.join().unwrap_or_else(|_| Err(senseless_count())), newer)
    });
    let position = older.and_then(|run| run.frames.last()).map_or(applied, |frame| frame.position);
    let frozen = older_table?.map(|table| Frozen { table: Arc::new(table), position });
    let table = newer_table?.unwrap_or_default();
    let writer = Writer::new(log, segments, active, offset, replayed.position, skip_log_sync(options));
    start(options, lock, database, progress, writer, table, frozen)
}

/// Starts the threads.
fn start(
    options: &Options,
    lock: LockGuard,
    database: Database,
    progress: Arc<Progress>,
    writer: Writer,
    active: Table,
    frozen: Option<Frozen>,
) -> Result<DiskStorage, OpenError> {
    let view = database.view().map_err(|error| read_error("reading the database", error))?;
    let shared = Arc::new(Shared::new(progress, active, frozen, view));
    let checkpointer = Checkpointer { shared: Arc::clone(&shared), database };
    // If only to settle what opening has put off.
    shared.progress.ask();
    let failed = |source| OpenError::from_io("starting a thread", source);
    let (inline, background) = match options.checkpoint {
        CheckpointMode::Inline => {
            checkpointer.checkpoint();
            (Some(checkpointer), None)
        }
        CheckpointMode::Background => (None, Some(checkpointer)),
    };
    let checkpointer = match background {
        Some(checkpointer) => {
            let name = "storage-checkpoint".to_owned();
            Some(thread::Builder::new().name(name).spawn(move || checkpointer.run()).map_err(failed)?)
        }
        None => None,
    };
    let committer = Committer { shared: Arc::clone(&shared), writer, inline, poisoned: false };
    let name = "storage-committer".to_owned();
    let committer = thread::Builder::new().name(name).spawn(move || committer.run());
    let committer = match committer {
        Ok(committer) => committer,
        Err(source) => {
            shared.progress.give_up_waiting();
            return Err(failed(source));
        }
    };
    Ok(DiskStorage { shared, committer: Some(committer), checkpointer, lock: Some(lock) })
}

/// Writes the last frame again and syncs it, before anything is built on it.
///
/// It can be that only the page cache has it: a sync that failed leaves pages that are read but will never be written.
/// The frames before it have been synced, each before the next was written.
fn settle_last_frame(segments: &[Segment; 2], run: &Run<'_>, contents: [&[u8]; 2]) -> std::io::Result<()> {
    let missing = || std::io::Error::from(std::io::ErrorKind::UnexpectedEof);
    let (start, end) = run.last;
    let segment = segments.get(run.segment).ok_or_else(missing)?;
    let bytes = contents.get(run.segment).ok_or_else(missing)?;
    // The zeros that fill the last sector may be missing in a file that was cut; they mean nothing.
    let frame = bytes.get(start..end.min(bytes.len())).ok_or_else(missing)?;
    segment.file.write_at(u64::try_from(start).map_err(|_| missing())?, frame)?;
    segment.file.sync_data()
}

fn table(run: &Run<'_>) -> Result<Table, OpenError> {
    let mut table = Table::new();
    for frame in &run.frames {
        for change in Changes::of(frame.contents) {
            let (key, value) = change.map_err(|frame::Senseless| {
                OpenError::Corrupt(format!("change {} in the log makes no sense", frame.position.sequence))
            })?;
            table.insert(key.to_vec(), value.map(Into::into));
        }
    }
    Ok(table)
}

fn refuse_if_there_is_one(disk: &dyn Disk) -> Result<(), OpenError> {
    if exists(disk)? {
        return Err(OpenError::AlreadyExists { directory: disk.directory() });
    }
    Ok(())
}

/// Logs with changes in them are no empty place: their database was lost, and making another store is not the remedy.
fn refuse_if_there_is_none(disk: &dyn Disk) -> Result<(), OpenError> {
    if exists(disk)? {
        return Ok(());
    }
    refuse_lost_database(disk, |source| OpenError::from_io("looking for the store's files", source))?;
    Err(OpenError::NotFound { directory: disk.directory() })
}

fn exists(disk: &dyn Disk) -> Result<bool, OpenError> {
    let names = disk.list().map_err(|source| OpenError::from_io("listing the directory", source))?;
    Ok(names.iter().any(|name| name == DATABASE))
}

/// Removes what a crash during an earlier creation has left; nothing that holds data.
fn remove_leftovers(disk: &dyn Disk) -> Result<(), OpenError> {
    let failed = |source| OpenError::from_io("removing what is left of an unfinished store", source);
    let names = disk.list().map_err(failed)?;
    let present = |name: &str| names.iter().any(|present| present == name);
    refuse_lost_database(disk, failed)?;
    for name in SEGMENTS.into_iter().chain([UNFINISHED]).filter(|name| present(name)) {
        disk.remove(name).map_err(failed)?;
    }
    Ok(())
}

fn refuse_lost_database(
    disk: &dyn Disk,
    failed: impl Fn(std::io::Error) -> OpenError,
) -> Result<(), OpenError> {
    let names = disk.list().map_err(&failed)?;
    for name in SEGMENTS.into_iter().filter(|name| names.iter().any(|present| present == name)) {
        let file = disk.open(name).map_err(&failed)?;
        if holds_changes(&*file).map_err(&failed)? {
            return Err(OpenError::Corrupt(format!(
                "{name} holds changes, but the database file {DATABASE} beside it is missing"
            )));
        }
    }
    Ok(())
}

fn holds_changes(file: &dyn crate::io::File) -> std::io::Result<bool> {
    let end = file.len()?;
    let mut offset = u64::try_from(SECTOR).unwrap_or(u64::MAX);
    let mut buffer = vec![0; 256 * 1024];
    while offset < end {
        let left = usize::try_from(end - offset).unwrap_or(usize::MAX).min(buffer.len());
        let chunk = buffer.get_mut(..left).ok_or(std::io::ErrorKind::InvalidInput)?;
        file.read_at(offset, chunk)?;
        if chunk.iter().any(|&byte| byte != 0) {
            return Ok(true);
        }
        offset += u64::try_from(left).unwrap_or(u64::MAX);
    }
    Ok(false)
}

fn lock(disk: &dyn Disk) -> Result<LockGuard, OpenError> {
    disk.lock(LOCK).map_err(|error| match error {
        LockError::Held { pid } => OpenError::InUse { directory: disk.directory(), pid },
        LockError::Io(source) => OpenError::from_io("locking the store", source),
    })
}

/// Tells one store's log from another's. Not a secret: it is there against files that were mixed up.
fn draw_log_id() -> LogId {
    let mut id = [0; 16];
    for half in id.chunks_exact_mut(8) {
        // The standard library seeds its hash tables from the operating system.
        half.copy_from_slice(&RandomState::new().hash_one(std::process::id()).to_be_bytes());
    }
    id
}

fn segment_length(options: &Options) -> u64 {
    options.segment_size.max(SMALLEST_SEGMENT).next_multiple_of(FIRST_FRAME)
}

fn fill_with_zeros(file: &dyn crate::io::File, from: u64, to: u64) -> std::io::Result<()> {
    let zeros = vec![0; 256 * 1024];
    let mut offset = from;
    while offset < to {
        let left = usize::try_from(to - offset).unwrap_or(usize::MAX);
        let chunk = zeros.get(..left).unwrap_or(&zeros);
        file.write_at(offset, chunk)?;
        offset += u64::try_from(chunk.len()).map_err(|_| std::io::ErrorKind::InvalidInput)?;
    }
    Ok(())
}

#[cfg(feature = "testing")]
fn skip_log_sync(options: &Options) -> bool {
    options.break_by_skipping_log_sync
}

#[cfg(not(feature = "testing"))]
fn skip_log_sync(_: &Options) -> bool {
    false
}

fn senseless_count() -> OpenError {
    OpenError::Corrupt("a log segment is missing".to_owned())
}

const UNFINISHED: &str = "strongroom.redb.new";
const SMALLEST_SEGMENT: u64 = 8 * 1024;
/// Twice what a batch may have, for its frame's own bytes.
const LONGEST_SEGMENT: u64 = 2 * 256 * 1024 * 1024;
