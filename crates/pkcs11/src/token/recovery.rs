//! The ladder: a new session, then a new login, then a module initialised anew; and a canary that says where to stop.
//!
//! One thread climbs while the others wait for what it finds. After a failure the next climb waits, longer each time, and
//! requests fail at once meanwhile. `CKR_DEVICE_ERROR` and its like are answered in outages and to bad ciphertexts alike: when
//! the same request fails so again while the canary sings, the request is at fault and not the token.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::{Inner, Lease};
use crate::code::Remedy;
use crate::error::Failure;
use crate::module::lock;
use crate::pool::Stamp;

/// What is known of recoveries.
#[derive(Default)]
pub(super) struct Recovery {
    state: Mutex<State>,
    ended: Condvar,
}

#[derive(Default)]
struct State {
    running: bool,
    /// Failed in a row.
    failures: u32,
    not_before: Option<Instant>,
    last: String,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rung {
    Session,
    Login,
    Module,
}

type Canary<'a> = &'a dyn Fn(&Lease<'_>) -> Result<(), Failure>;

impl Inner {
    /// See [`Token::run`](super::Token::run).
    pub(super) fn run<T>(
        &self,
        operation: &dyn Fn(&Lease<'_>) -> Result<T, Failure>,
        canary: Canary<'_>,
    ) -> Result<T, Failure> {
        let seen = self.stamp();
        let first = match self.attempt(operation) {
            Ok(done) => return Ok(done),
            Err(failure) => failure,
        };
        let rung = match first.remedy() {
            Remedy::NewSession | Remedy::Ambiguous => Rung::Session,
            Remedy::Login => Rung::Login,
            Remedy::Reinitialise => Rung::Module,
            Remedy::Rejected | Remedy::Pin | Remedy::Configuration | Remedy::Fatal => return Err(first),
        };
        self.recover(rung, seen, canary)?;
        match self.attempt(operation) {
            Err(again) if again.remedy() == Remedy::Ambiguous && self.attempt(canary).is_ok() => {
                Err(Failure::Rejected("the token works, but refuses what it was given"))
            }
            outcome => outcome,
        }
    }

    fn recover(&self, from: Rung, seen: Stamp, canary: Canary<'_>) -> Result<(), Failure> {
        let timeout = self.config.timeout;
        let deadline = Instant::now() + timeout;
        let mut state = lock(&self.recovery.state);
        while state.running {
            let left = deadline.checked_duration_since(Instant::now());
            let left = left.ok_or(Failure::Busy { waited: timeout })?;
            state = self.recovery.ended.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        if self.stamp() != seen && self.is_of_this_generation() {
            return Ok(());
        }
        if let Some(wait) = state.not_before.and_then(|at| at.checked_duration_since(Instant::now())) {
            return Err(Failure::Recovering { wait, last: state.last.clone() });
        }
        state.running = true;
        drop(state);
        let running = Running(&self.recovery);
        let outcome = self.climb(from, canary);
        let mut state = lock(&self.recovery.state);
        let outcome = match outcome {
            Ok(()) => {
                state.failures = 0;
                state.not_before = None;
                Ok(())
            }
            Err(failure @ (Failure::Pin { .. } | Failure::Forked)) => Err(failure),
            Err(failure) => {
                let wait = FIRST_WAIT.saturating_mul(1 << state.failures.min(16)).min(LONGEST_WAIT);
                state.failures = state.failures.saturating_add(1);
                state.not_before = Instant::now().checked_add(wait);
                state.last = failure.to_string();
                match failure {
                    Failure::Hung { .. } => Err(failure),
                    _ => Err(Failure::Recovering { wait, last: state.last.clone() }),
                }
            }
        };
        drop(state);
        drop(running);
        outcome
    }

    fn climb(&self, from: Rung, canary: Canary<'_>) -> Result<(), Failure> {
        let generation = self.module.generation();
        if from == Rung::Session && self.is_of_this_generation() {
            self.forget_idle()?;
            if self.attempt(canary).is_ok() {
                return Ok(());
            }
        }
        if from <= Rung::Login {
            match self.log_in().and_then(|()| self.attempt(canary)) {
                Ok(()) => return Ok(()),
                Err(failure @ Failure::Pin { .. }) => return Err(failure),
                Err(_) => {}
            }
        }
        self.module.reinitialise(generation, self.config.timeout)?;
        self.log_in()?;
        self.attempt(canary)
    }

    fn forget_idle(&self) -> Result<(), Failure> {
        let _pass = self.module.enter_again(self.config.timeout)?;
        for idle in self.pool.drain() {
            idle.close(self.module);
        }
        Ok(())
    }
}

/// Lets the next climber in, also when this one panics.
struct Running<'a>(&'a Recovery);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        lock(&self.0.state).running = false;
        self.0.ended.notify_all();
    }
}

const FIRST_WAIT: Duration = Duration::from_millis(50);
const LONGEST_WAIT: Duration = Duration::from_secs(5);
