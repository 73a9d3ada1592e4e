//! The end of an open store that nobody uses, or whose HSMs are gone, even while the prompt waits.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use pollster::block_on;
use strongroom::{Outage, OutageWatch, Store};

use crate::context::Context;
use crate::output::Output;
use crate::text::counted;

/// The store between two commands. A thread seals and closes it once it has lain there too long, or once its HSMs have been
/// out of reach for as long as the configuration allows.
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
    /// Sealed, and why.
    Over(String),
    /// The shell has ended.
    Ended,
}

/// What came of asking for the store.
pub(super) enum Taken {
    /// The context has it.
    Open,
    /// It is sealed, and this is why.
    Sealed(String),
}

impl Session {
    /// Takes the store from the context and begins to count.
    pub(super) fn start(
        context: &mut Context,
        limit: Duration,
        outage: Option<Duration>,
        interactive: bool,
    ) -> Self {
        context.release_storage();
        let state = match context.session.take() {
            Some(store) => State::Idle { store, since: Instant::now() },
            None => State::Over("the store is sealed".to_owned()),
        };
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() });
        let (watched, output) = (Arc::clone(&shared), context.output);
        let timer = std::thread::Builder::new()
            .name("strongroom-idle".to_owned())
            .spawn(move || watched.watch(limit, outage.map(HsmWatch::new), interactive, output));
        // Without a timer there would be no limit: then it is over at once.
        if timer.is_err() {
            *shared.lock() =
                State::Over("the store was sealed: no thread could be had to watch over it".to_owned());
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
            State::Over(why) => {
                *state = State::Over(why.clone());
                Taken::Sealed(why)
            }
            other => {
                *state = other;
                Taken::Sealed("the store is sealed".to_owned())
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

    /// Whether it was sealed before the shell's end.
    pub(super) fn is_over(&self) -> bool {
        matches!(*self.shared.lock(), State::Over(_))
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

    fn watch(&self, limit: Duration, mut hsms: Option<HsmWatch>, interactive: bool, output: Output) {
        let mut state = self.lock();
        let why = loop {
            let wait = match &*state {
                State::Over(_) | State::Ended => return,
                State::Busy => limit,
                State::Idle { since, .. } => limit.saturating_sub(since.elapsed()),
            };
            if wait.is_zero() {
                break format!(
                    "the store was sealed after {} without a command",
                    counted(limit.as_secs(), "second", "seconds")
                );
            }
            if let (Some(hsms), State::Idle { store, .. }) = (&mut hsms, &*state)
                && let Some(lasted) = hsms.look(store, output)
            {
                break format!(
                    "the store was sealed: none of its HSMs has answered for {}",
                    counted(lasted.as_secs(), "second", "seconds")
                );
            }
            let wait = hsms.as_ref().map_or(wait, |hsms| wait.min(hsms.every));
            state = self.changed.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner).0;
        };
        if let State::Idle { store, .. } = std::mem::replace(&mut *state, State::Over(why.clone())) {
            // The keys first; the commit in flight, of which there is none, would come after.
            store.barrier().wipe();
            block_on(store.seal());
            drop(store);
            let (before, after) = if interactive { ("\n", " Press Enter to leave.") } else { ("", "") };
            let mut why = why;
            if let Some(first) = why.get_mut(..1) {
                first.make_ascii_uppercase();
            }
            output.note(&format!("{before}{why}.{after}"));
        }
    }
}

/// Looks at the store's HSMs now and then.
struct HsmWatch {
    watch: OutageWatch,
    every: Duration,
    last: Option<Instant>,
    told: bool,
}

impl HsmWatch {
    fn new(seal_after: Duration) -> Self {
        let every = (seal_after / 4).clamp(Duration::from_secs(1), Duration::from_secs(60));
        Self { watch: OutageWatch::new(Some(seal_after)), every, last: None, told: false }
    }

    /// How long an outage has lasted that ends the session.
    fn look(&mut self, store: &Store, output: Output) -> Option<Duration> {
        if self.last.is_some_and(|last| last.elapsed() < self.every) {
            return None;
        }
        self.last = Some(Instant::now());
        match block_on(self.watch.look(store, Instant::now())) {
            Ok(Outage::Sealed { lasted }) => Some(lasted),
            Ok(Outage::Lasting { seals_in, errors, .. }) => {
                if !self.told
                    && let (Some(error), Some(left)) = (errors.first(), seals_in)
                {
                    output.warning(&format!(
                        "no HSM of the store answers, and it will be sealed in {} unless one does: {error}",
                        counted(left.as_secs(), "second", "seconds")
                    ));
                    self.told = true;
                }
                None
            }
            Ok(Outage::None) => {
                self.told = false;
                None
            }
            Err(_) => None,
        }
    }
}
