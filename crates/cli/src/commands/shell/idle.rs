//! The end of an open store that nobody uses, even while the prompt waits.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use pollster::block_on;
use strongroom::Store;

use crate::context::Context;
use crate::output::Output;
use crate::text::counted;

/// The store between two commands. A thread seals and closes it once it has lain there too long.
pub(super) struct Session {
    shared: Arc<Shared>,
    timer: Option<JoinHandle<()>>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

enum State {
    /// Since when nobody has used it.
    Idle { store: Store, since: Instant },
    /// A command has it.
    Busy,
    /// Sealed for idleness.
    Over,
    /// The shell has ended.
    Ended,
}

/// What came of asking for the store.
pub(super) enum Taken {
    /// The context has it.
    Open,
    /// It is sealed.
    Sealed,
}

impl Session {
    /// Takes the store from the context and begins to count.
    pub(super) fn start(context: &mut Context, limit: Duration, interactive: bool) -> Self {
        context.release_storage();
        let state = match context.session.take() {
            Some(store) => State::Idle { store, since: Instant::now() },
            None => State::Over,
        };
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() });
        let (watched, output) = (Arc::clone(&shared), context.output);
        let timer = std::thread::Builder::new()
            .name("strongroom-idle".to_owned())
            .spawn(move || watched.watch(limit, interactive, output));
        // Without a timer there would be no limit: then it is over at once.
        if timer.is_err() {
            *shared.lock() = State::Over;
        }
        Self { shared, timer: timer.ok() }
    }

    /// Gives the store to a command.
    pub(super) fn take(&self, context: &mut Context) -> Taken {
        let mut state = self.shared.lock();
        match std::mem::replace(&mut *state, State::Busy) {
            State::Idle { store, .. } => {
                context.session = Some(store);
                Taken::Open
            }
            other => {
                *state = other;
                Taken::Sealed
            }
        }
    }

    /// Takes it back.
    pub(super) fn put_back(&self, context: &mut Context) {
        context.release_storage();
        if let Some(store) = context.session.take() {
            *self.shared.lock() = State::Idle { store, since: Instant::now() };
            self.shared.changed.notify_all();
        }
    }

    /// Whether it was sealed for idleness.
    pub(super) fn is_over(&self) -> bool {
        matches!(*self.shared.lock(), State::Over)
    }

    /// Returns the store, to be sealed.
    pub(super) fn end(self, context: &mut Context) {
        if let State::Idle { store, .. } = std::mem::replace(&mut *self.shared.lock(), State::Ended) {
            context.session = Some(store);
        }
        self.shared.changed.notify_all();
        if let Some(timer) = self.timer {
            let _ = timer.join();
        }
    }
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn watch(&self, limit: Duration, interactive: bool, output: Output) {
        let mut state = self.lock();
        loop {
            let wait = match &*state {
                State::Over | State::Ended => return,
                State::Busy => limit,
                State::Idle { since, .. } => limit.saturating_sub(since.elapsed()),
            };
            if wait.is_zero() {
                break;
            }
            state = self.changed.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner).0;
        }
        if let State::Idle { store, .. } = std::mem::replace(&mut *state, State::Over) {
            // The keys first; the commit in flight, of which there is none, would come after.
            store.barrier().wipe();
            block_on(store.seal());
            drop(store);
            let (before, after) = if interactive { ("\n", " Press Enter to leave.") } else { ("", "") };
            output.note(&format!(
                "{before}The store was sealed after {} without a command.{after}",
                counted(limit.as_secs(), "second", "seconds")
            ));
        }
    }
}
