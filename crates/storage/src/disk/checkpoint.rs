//! Moves a frozen table into the database, so that its log segment can be used again.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::disk::CheckpointMode;
use crate::disk::database::{Database, read_error};
use crate::disk::tables::Shared;
use crate::io::NoRoom;
use crate::{CommitError, ReadError};

pub(super) struct Checkpointer {
    pub(super) shared: Arc<Shared>,
    pub(super) database: Database,
}

impl Checkpointer {
    /// Checkpoints whatever is asked for, until the storage closes.
    pub(super) fn run(self) -> Self {
        let dead = FailOnPanic(Arc::clone(&self.shared.progress));
        while self.shared.progress.next_task() {
            self.checkpoint();
        }
        drop(dead);
        self
    }

    /// Moves the frozen table, if there is one, into the database.
    pub(super) fn checkpoint(&self) {
        self.shared.progress.done(self.database.settle().and_then(|()| self.thaw()));
    }

    fn thaw(&self) -> Result<(), ReadError> {
        let Some(frozen) = self.shared.frozen() else { return Ok(()) };
        let changes = frozen.table.iter().map(|(key, value)| (key.as_slice(), value.as_deref()));
        self.database
            .apply(changes, frozen.position)
            .and_then(|()| self.database.view())
            .map(|view| self.shared.thaw(view))
            .map_err(|error| read_error("writing the database", error))
    }

    /// Moves everything into the database and closes it.
    pub(super) fn finish(self, poisoned: Poisoned) -> Result<(), CommitError> {
        if let Poisoned::No { last } = poisoned {
            let fine = || !self.shared.progress.has_failed();
            if fine() {
                self.checkpoint();
            }
            if fine() && self.shared.has_active_changes() {
                self.shared.freeze(last);
                self.checkpoint();
            }
        }
        let failure = self.shared.progress.failure();
        let closed = self.database.close().map_err(|error| read_error("closing the database", error));
        match (failure, poisoned) {
            (Some(error), _) => Err(no_room_or_unwritten(error)),
            (None, Poisoned::Yes) => Err(CommitError::Poisoned),
            (None, Poisoned::No { .. }) => closed.map_err(no_room_or_unwritten),
        }
    }
}

/// Whether the committer has stopped for good.
#[derive(Clone, Copy)]
pub(super) enum Poisoned {
    Yes,
    /// No: what is in the tables is in the log, up to this frame.
    No {
        last: crate::log::Position,
    },
}

/// How the checkpoint goes, for those who wait for it.
#[derive(Default)]
pub(super) struct Progress {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    task: Task,
    /// The disk has no room: how often it was tried in vain.
    stuck: Option<(NoRoom, u64)>,
    tries: u64,
    /// Somebody wants to know whether there is room by now.
    poked: bool,
    give_up: bool,
    /// Why redb, which tells it in its own words, has failed.
    gave_up_for: Option<NoRoom>,
    failure: Option<ReadError>,
}

#[derive(Default, PartialEq, Eq)]
enum Task {
    #[default]
    None,
    /// There is something to do.
    Asked,
    /// It is being done.
    Running,
}

impl Progress {
    /// Waiting for room needs somebody else who goes on meanwhile.
    pub(super) fn new(mode: CheckpointMode) -> Self {
        let progress = Self::default();
        progress.lock().give_up = mode == CheckpointMode::Inline;
        progress
    }

    /// Says that there is something to do for the checkpoint.
    pub(super) fn ask(&self) {
        self.lock().task = Task::Asked;
        self.changed.notify_all();
    }

    /// Waits until nothing is frozen. Does not wait for room on the disk: that is an error at once.
    pub(super) fn wait_until_idle(&self) -> Result<(), Blocked> {
        let mut state = self.lock();
        // One more try is worth it: there may be room again.
        let mut stuck_at = state.stuck.map(|(_, tries)| tries);
        if stuck_at.is_some() {
            state.poked = true;
            self.changed.notify_all();
        }
        loop {
            if state.failure.is_some() {
                return Err(Blocked::Failed);
            }
            if state.task == Task::None {
                return Ok(());
            }
            match state.stuck {
                Some((no_room, tries)) if stuck_at.is_none_or(|before| tries > before) => {
                    return Err(Blocked::NoRoom(no_room));
                }
                Some(_) => {}
                None => stuck_at = None,
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    pub(super) fn has_failed(&self) -> bool {
        self.lock().failure.is_some()
    }

    /// From now on a full disk is an error for the checkpoint, too.
    pub(super) fn give_up_waiting(&self) {
        self.lock().give_up = true;
        self.changed.notify_all();
    }

    /// A write succeeded.
    pub(super) fn moves(&self) {
        let mut state = self.lock();
        if state.stuck.take().is_some() {
            self.changed.notify_all();
        }
    }

    /// Sleeps a while. `false` if there is no use in trying again.
    pub(super) fn wait_for_room(&self, no_room: NoRoom) -> bool {
        let mut state = self.lock();
        if state.give_up || state.task == Task::None {
            state.gave_up_for = Some(no_room);
            return false;
        }
        state.tries += 1;
        state.stuck = Some((no_room, state.tries));
        state.poked = false;
        self.changed.notify_all();
        let sleeping = |state: &mut State| !state.poked && !state.give_up;
        let (mut state, _) =
            self.changed.wait_timeout_while(state, RETRY, sleeping).unwrap_or_else(PoisonError::into_inner);
        if state.give_up {
            state.gave_up_for = Some(no_room);
        }
        !state.give_up
    }

    /// Sleeps until there is a frozen table to move. `false` when the storage closes.
    fn next_task(&self) -> bool {
        let mut state = self.lock();
        loop {
            if state.give_up {
                return false;
            }
            if state.task == Task::Asked {
                state.task = Task::Running;
                return true;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn done(&self, outcome: Result<(), ReadError>) {
        let mut state = self.lock();
        match outcome {
            Ok(()) => state.task = Task::None,
            Err(error) => {
                state.failure = Some(match state.gave_up_for.take() {
                    Some(NoRoom::Full) => no_room_to_write(io::ErrorKind::StorageFull),
                    Some(NoRoom::ReadOnly) => no_room_to_write(io::ErrorKind::ReadOnlyFilesystem),
                    None => error,
                });
            }
        }
        state.stuck = None;
        drop(state);
        self.changed.notify_all();
    }

    fn failure(&self) -> Option<ReadError> {
        let state = self.lock();
        Some(match state.failure.as_ref()? {
            ReadError::Io { context, source } => {
                ReadError::Io { context: context.clone(), source: crate::io::duplicate(source) }
            }
            ReadError::Corrupt(what) => ReadError::Corrupt(what.clone()),
            ReadError::Closed => ReadError::Closed,
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why the other log segment is not free.
#[derive(Debug)]
pub(super) enum Blocked {
    NoRoom(NoRoom),
    Failed,
}

/// Tells those who wait when the thread dies of a bug.
struct FailOnPanic(Arc<Progress>);

impl Drop for FailOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.done(Err(ReadError::Corrupt("the database file makes the database panic".to_owned())));
        }
    }
}

fn no_room_to_write(kind: io::ErrorKind) -> ReadError {
    ReadError::Io { context: "writing the database".to_owned(), source: kind.into() }
}

fn no_room_or_unwritten(error: ReadError) -> CommitError {
    match error {
        ReadError::Io { source, .. } if NoRoom::of(&source) == Some(NoRoom::Full) => {
            CommitError::Full { source }
        }
        ReadError::Io { source, .. } if NoRoom::of(&source) == Some(NoRoom::ReadOnly) => {
            CommitError::ReadOnly { source }
        }
        other => other.into(),
    }
}

const RETRY: Duration = Duration::from_millis(250);
