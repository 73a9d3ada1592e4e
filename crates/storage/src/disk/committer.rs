//! The one thread that writes: makes everybody who waits durable with one sync.

use std::io;
use std::iter::Peekable;
use std::sync::Arc;
use std::vec::IntoIter;

use crate::disk::checkpoint::{Blocked, Checkpointer, Poisoned};
use crate::disk::queue::{Answer, Request};
use crate::disk::tables::Shared;
use crate::disk::writer::{WriteError, Writer};
use crate::io::{NoRoom, duplicate};
use crate::{Batch, CommitError};

pub(super) struct Committer {
    pub(super) shared: Arc<Shared>,
    pub(super) writer: Writer,
    /// Present if this thread is to write the checkpoints.
    pub(super) inline: Option<Checkpointer>,
    pub(super) poisoned: bool,
}

impl Committer {
    /// Commits whatever comes, until the queue is closed.
    pub(super) fn run(mut self) -> Self {
        let dead = AbandonOnPanic(Arc::clone(&self.shared));
        while let Some(group) = self.shared.queue.take() {
            let mut waiting = group.into_iter().peekable();
            while waiting.peek().is_some() {
                self.commit_frame(&mut waiting);
            }
        }
        drop(dead);
        self
    }

    /// What is left to do for whoever closes.
    pub(super) fn finish(self) -> (Poisoned, Option<Checkpointer>) {
        let poisoned =
            if self.poisoned { Poisoned::Yes } else { Poisoned::No { last: self.writer.position() } };
        (poisoned, self.inline)
    }

    /// Takes as many batches as go into one frame, writes them and answers.
    fn commit_frame(&mut self, waiting: &mut Peekable<IntoIter<Request>>) {
        let mut accepted: Vec<Request> = Vec::new();
        // A refusal can be due to a batch of this very frame, so it is told when that batch can be seen.
        let mut refused: Vec<(Answer, CommitError)> = Vec::new();
        self.writer.begin_frame();
        while let Some(request) = waiting.next_if(|next| {
            accepted.is_empty() || self.writer.frame_len().saturating_add(next.encoded.len()) <= FRAME_LIMIT
        }) {
            match self.check(&accepted, &request.batch) {
                Ok(()) => {
                    self.writer.push(&request.encoded);
                    accepted.push(request);
                }
                Err(error) => refused.push((request.answer, error)),
            }
        }
        match self.write(&accepted) {
            Ok(()) => {
                let mut answers = Vec::with_capacity(accepted.len());
                let changes = accepted.into_iter().flat_map(|request| {
                    answers.push(request.answer);
                    request.batch.into_changes()
                });
                self.shared.apply(changes);
                for answer in answers {
                    // Nobody listens any more: the caller has dropped its future.
                    let _ = answer.send(Ok(()));
                }
            }
            Err(failure) => {
                for request in accepted {
                    let _ = request.answer.send(Err(failure.to_error()));
                }
            }
        }
        for (answer, error) in refused {
            let _ = answer.send(Err(error));
        }
    }

    /// Compares with what is stored and with the batches that go before it.
    fn check(&self, before: &[Request], batch: &Batch) -> Result<(), CommitError> {
        if self.poisoned || self.shared.progress.has_failed() {
            return Err(CommitError::Poisoned);
        }
        let checked = batch.check_preconditions(|key| {
            let pending = before.iter().rev().find_map(|request| request.batch.change(key));
            match pending {
                Some(value) => Ok(value.clone()),
                None => self.shared.get(key),
            }
        });
        checked.map_err(CommitError::from)?
    }

    fn write(&mut self, accepted: &[Request]) -> Result<(), Failure> {
        if accepted.iter().all(|request| request.batch.is_empty()) {
            return Ok(());
        }
        if !self.writer.fits() {
            self.switch_segment()?;
        }
        self.writer.write_frame().map_err(|error| match error {
            WriteError::NotWritten(error) => Failure::NotWritten(error),
            WriteError::Unknown(error) => {
                self.poisoned = true;
                Failure::Unknown(error)
            }
        })
    }

    /// The active segment is full: hands its table to the checkpoint and goes on in the other.
    fn switch_segment(&mut self) -> Result<(), Failure> {
        self.shared.progress.wait_until_idle().map_err(|blocked| match blocked {
            Blocked::NoRoom(NoRoom::Full) => Failure::NotWritten(io::ErrorKind::StorageFull.into()),
            Blocked::NoRoom(NoRoom::ReadOnly) => {
                Failure::NotWritten(io::ErrorKind::ReadOnlyFilesystem.into())
            }
            Blocked::Failed => Failure::Poisoned,
        })?;
        self.shared.freeze(self.writer.position());
        self.writer.switch();
        self.shared.progress.ask();
        if let Some(checkpointer) = &self.inline {
            checkpointer.checkpoint();
        }
        Ok(())
    }
}

enum Failure {
    NotWritten(io::Error),
    Unknown(io::Error),
    Poisoned,
}

impl Failure {
    fn to_error(&self) -> CommitError {
        let context = || "writing the log".to_owned();
        match self {
            Self::NotWritten(error) => match NoRoom::of(error) {
                Some(NoRoom::Full) => CommitError::Full { source: duplicate(error) },
                Some(NoRoom::ReadOnly) => CommitError::ReadOnly { source: duplicate(error) },
                None => CommitError::Io { context: context(), source: duplicate(error) },
            },
            Self::Unknown(error) => CommitError::Unknown { context: context(), source: duplicate(error) },
            Self::Poisoned => CommitError::Poisoned,
        }
    }
}

/// Lets nobody wait for a thread that has died of a bug.
struct AbandonOnPanic(Arc<Shared>);

impl Drop for AbandonOnPanic {
    fn drop(&mut self) {
        self.0.queue.abandon();
    }
}

/// As much as a frame may hold, unless one batch alone is larger: who comes first shall not wait for all the others.
const FRAME_LIMIT: usize = 1024 * 1024;
