//! Sessions: lent one to a thread at a time, and never lent again after an error.

use std::mem;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use cryptoki::session::Session;

use crate::error::Failure;
use crate::module::{Module, lock};

/// By what a session or a handle is known to be of today: handles of an older stamp mean nothing, or another object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// How often the module was initialised anew.
    pub(crate) generation: u64,
    /// How often this token was logged in to.
    pub(crate) login: u64,
}

/// An open session. Dropping it closes nothing: see [`close`](Self::close).
pub(crate) struct OpenSession {
    session: Session,
    stamp: Stamp,
}

impl OpenSession {
    /// Takes a session over that was opened without closing on drop.
    pub(crate) fn new(session: Session, stamp: Stamp) -> Self {
        Self { session, stamp }
    }

    pub(crate) fn session(&self) -> &Session {
        &self.session
    }

    pub(crate) fn stamp(&self) -> Stamp {
        self.stamp
    }

    /// Closes the session, if its number is still its own. The caller is inside the module.
    pub(crate) fn close(self, module: &Module) {
        if self.stamp.generation == module.generation() {
            // What it answers changes nothing: the session is of no more use in any case.
            let _ = self.session.close();
        }
    }
}

/// At most `capacity` sessions, and those of them that are idle.
pub(crate) struct Pool {
    capacity: usize,
    /// Sessions that hang in calls that were given up: they are not counted.
    given_up: AtomicUsize,
    state: Mutex<State>,
    returned: Condvar,
}

struct State {
    idle: Vec<OpenSession>,
    lent: usize,
    waiting: usize,
}

/// The right to have one session open, until dropped.
pub(crate) struct Permit<'a> {
    pool: &'a Pool,
    held: bool,
}

impl Pool {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            given_up: AtomicUsize::new(0),
            state: Mutex::new(State { idle: Vec::with_capacity(capacity), lent: 0, waiting: 0 }),
            returned: Condvar::new(),
        }
    }

    /// Waits for the right to a session, and takes an idle one where there is one.
    pub(crate) fn take(&self, timeout: Duration) -> Result<(Permit<'_>, Option<OpenSession>), Failure> {
        let mut state = lock(&self.state);
        if state.lent >= self.limit() {
            let deadline = Instant::now() + timeout;
            state.waiting += 1;
            while state.lent >= self.limit() {
                let Some(left) = deadline.checked_duration_since(Instant::now()) else {
                    state.waiting -= 1;
                    return Err(Failure::Busy { waited: timeout });
                };
                state = self.returned.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
            }
            state.waiting -= 1;
        }
        state.lent += 1;
        let idle = state.idle.pop();
        Ok((Permit { pool: self, held: true }, idle))
    }

    /// Takes all that are idle out.
    pub(crate) fn drain(&self) -> Vec<OpenSession> {
        mem::take(&mut lock(&self.state).idle)
    }

    /// Counts a session as lost in a call that does not return.
    pub(crate) fn give_up(&self) {
        self.given_up.fetch_add(1, Ordering::AcqRel);
        self.returned.notify_all();
    }

    /// The call did return after all.
    pub(crate) fn regain(&self) {
        self.given_up.fetch_sub(1, Ordering::AcqRel);
    }

    fn limit(&self) -> usize {
        self.capacity.saturating_add(self.given_up.load(Ordering::Acquire))
    }
}

impl Permit<'_> {
    /// Gives the right back together with a session that is as good as before.
    pub(crate) fn put(mut self, session: OpenSession) {
        self.held = false;
        self.give_back(Some(session));
    }

    fn give_back(&self, session: Option<OpenSession>) {
        let mut state = lock(&self.pool.state);
        state.lent = state.lent.saturating_sub(1);
        state.idle.extend(session);
        let wake = state.waiting > 0;
        drop(state);
        if wake {
            self.pool.returned.notify_one();
        }
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        if self.held {
            self.give_back(None);
        }
    }
}
