//! The end of an open store that nobody uses, or whose HSMs are gone, even while the prompt waits.

use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use pollster::block_on;
use strongroom::{Outage, OutageWatch, Store};

#[cfg(feature = "hsm")]
use crate::config;
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
    /// When the store's HSMs were last asked and answered.
    answered: Mutex<Instant>,
}

enum State {
    /// Since when nobody has used it.
    Idle { store: Arc<Store>, since: Instant },
    /// A command has it.
    Busy { store: Weak<Store> },
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
    /// Takes the store from the context and begins to count. Two threads watch: a clock that waits for nothing, and, where there
    /// is a limit to outages, one that asks HSMs and may wait for them.
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
        let answered = Mutex::new(Instant::now());
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new(), answered });
        #[cfg(feature = "hsm")]
        config::let_ask(false);
        let output = context.output;
        let thread = |name: &str| std::thread::Builder::new().name(name.to_owned());
        let watched = Arc::clone(&shared);
        let timer =
            thread("strongroom-idle").spawn(move || watched.watch(limit, outage, interactive, output));
        let asked = outage.map(|limit| {
            let watched = Arc::clone(&shared);
            // It may be waiting for a token when the shell ends, and ends with the process.
            thread("strongroom-outage").spawn(move || watched.ask(HsmWatch::new(limit), output)).map(drop)
        });
        // Without these threads there would be no limit: then it is over at once.
        if timer.is_err() || asked.is_some_and(|asked| asked.is_err()) {
            *shared.lock() =
                State::Over("the store was sealed: no thread could be had to watch over it".to_owned());
        }
        Self { shared, timer: timer.ok() }
    }

    /// Gives the store to a command.
    pub(super) fn take(&self, context: &mut Context) -> Taken {
        let mut state = self.shared.lock();
        match &*state {
            State::Idle { store, .. } => {
                let store = Arc::clone(store);
                *state = State::Busy { store: Arc::downgrade(&store) };
                context.session = Some(store);
                #[cfg(feature = "hsm")]
                config::let_ask(true);
                Taken::Open
            }
            State::Over(why) => Taken::Sealed(why.clone()),
            State::Busy { .. } | State::Ended => Taken::Sealed("the store is sealed".to_owned()),
        }
    }

    /// Takes it back, unless it was sealed meanwhile.
    pub(super) fn put_back(&self, context: &mut Context) {
        context.release_storage();
        #[cfg(feature = "hsm")]
        config::let_ask(false);
        let mut state = self.shared.lock();
        if let (Some(store), State::Busy { .. }) = (context.session.take(), &*state) {
            *state = State::Idle { store, since: Instant::now() };
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

    /// The clock: seals for idleness, and when HSMs have not answered for as long as they may, whether or not a question to them
    /// is still open.
    fn watch(&self, limit: Duration, outage: Option<Duration>, interactive: bool, output: Output) {
        let mut state = self.lock();
        let why = loop {
            let idle = match &*state {
                State::Over(_) | State::Ended => return,
                State::Busy { .. } => limit,
                State::Idle { since, .. } => limit.saturating_sub(since.elapsed()),
            };
            if idle.is_zero() {
                break format!(
                    "the store was sealed after {} without a command",
                    counted(limit.as_secs(), "second", "seconds")
                );
            }
            let answered = *self.answered.lock().unwrap_or_else(PoisonError::into_inner);
            let unanswered = outage.map(|outage| outage.saturating_sub(answered.elapsed()));
            if unanswered.is_some_and(|left| left.is_zero()) {
                break format!(
                    "the store was sealed: none of its HSMs has answered for {}",
                    counted(answered.elapsed().as_secs(), "second", "seconds")
                );
            }
            let wait = unanswered.map_or(idle, |left| left.min(idle));
            state = self.changed.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner).0;
        };
        let store = match std::mem::replace(&mut *state, State::Over(why.clone())) {
            State::Idle { store, .. } => Some(store),
            // A command has it, and finds it sealed.
            State::Busy { store } => store.upgrade(),
            State::Over(_) | State::Ended => None,
        };
        if let Some(store) = store {
            // The keys first; the commit in flight comes after.
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

    /// Asks the store's HSMs now and then, without holding anything up, and notes when they answered.
    fn ask(&self, mut hsms: HsmWatch, output: Output) {
        loop {
            let store = match &*self.lock() {
                State::Idle { store, .. } => Arc::downgrade(store),
                State::Busy { store } => Weak::clone(store),
                State::Over(_) | State::Ended => return,
            };
            let Some(store) = store.upgrade() else { return };
            let begun = Instant::now();
            if hsms.answer(&store, output) {
                *self.answered.lock().unwrap_or_else(PoisonError::into_inner) = begun;
            }
            drop(store);
            std::thread::sleep(hsms.every);
        }
    }
}

/// Looks at the store's HSMs, and tells when they have stopped answering.
struct HsmWatch {
    watch: OutageWatch,
    limit: Duration,
    every: Duration,
    told: bool,
}

impl HsmWatch {
    fn new(limit: Duration) -> Self {
        let every = (limit / 4).clamp(Duration::from_secs(1), Duration::from_secs(60));
        // The clock beside it does the sealing.
        Self { watch: OutageWatch::new(None), limit, every, told: false }
    }

    /// Whether there is no outage.
    fn answer(&mut self, store: &Store, output: Output) -> bool {
        match block_on(self.watch.look(store, Instant::now())) {
            Ok(Outage::None) => {
                self.told = false;
                true
            }
            Ok(Outage::Lasting { lasted, errors, .. }) => {
                if !std::mem::replace(&mut self.told, true) {
                    let left = self.limit.saturating_sub(lasted).as_secs();
                    let why = errors.first().map_or_else(String::new, |error| format!(": {error}"));
                    output.warning(&format!(
                        "no HSM of the store answers, and it will be sealed within {} unless one does{why}",
                        counted(left, "second", "seconds")
                    ));
                }
                false
            }
            Ok(Outage::Sealed { .. }) | Err(_) => false,
        }
    }
}
