//! Where batches wait for the committer.

use std::mem;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use futures_channel::oneshot;

use crate::log::frame::encode_change;
use crate::{Batch, CommitError};

pub(super) type Answer = oneshot::Sender<Result<(), CommitError>>;

/// A batch that waits, already encoded: that work is the caller's thread's.
pub(super) struct Request {
    pub(super) batch: Batch,
    pub(super) encoded: Vec<u8>,
    pub(super) answer: Answer,
}

impl Request {
    pub(super) fn new(
        batch: Batch,
    ) -> Result<(Self, oneshot::Receiver<Result<(), CommitError>>), CommitError> {
        batch.check_sizes()?;
        let lengths =
            batch.changes().map(|(key, value)| CHANGE_HEADER + key.len() + value.map_or(0, |v| v.len()));
        let mut encoded = Vec::with_capacity(lengths.sum());
        for (key, value) in batch.changes() {
            // Cannot fail: the sizes have been checked.
            encode_change(&mut encoded, key, value.map(|value| &**value)).ok_or(CommitError::EmptyKey)?;
        }
        let (answer, receiver) = oneshot::channel();
        Ok((Self { batch, encoded, answer }, receiver))
    }
}

#[derive(Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: Vec<Request>,
    closed: bool,
}

impl Queue {
    pub(super) fn push(&self, request: Request) -> Result<(), CommitError> {
        let mut state = self.lock();
        if state.closed {
            return Err(CommitError::Closed);
        }
        state.waiting.push(request);
        drop(state);
        self.changed.notify_one();
        Ok(())
    }

    /// Everything that waits; sleeps until there is something. `None` when the queue is closed and empty.
    pub(super) fn take(&self) -> Option<Vec<Request>> {
        let mut state = self.lock();
        while state.waiting.is_empty() {
            if state.closed {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        Some(mem::take(&mut state.waiting))
    }

    /// Refuses what comes from now on. What waits is still taken.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    /// Refuses what comes and what waits.
    pub(super) fn abandon(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.waiting.clear();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const CHANGE_HEADER: usize = 1 + 2 + 4;
