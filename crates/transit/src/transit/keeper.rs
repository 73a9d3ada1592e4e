//! The thread that looks after the keys in use.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, SyncSender};
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::{Inner, Transit};
use crate::cell::{Cell, Content};
use crate::error::ManageError;

/// Ends when the last handle on the keys is dropped, which waits for it: whoever opens the store again finds it free.
pub(super) struct Keeper {
    /// `None` once it is to end.
    requests: Option<SyncSender<Refill>>,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

struct Refill {
    cell: Weak<Cell>,
    version: u32,
}

impl Keeper {
    pub(super) fn start(inner: Weak<Inner>, now: u64) -> io::Result<Self> {
        let (requests, inbox) = mpsc::sync_channel::<Refill>(QUEUE);
        let ended = Arc::new(AtomicBool::new(false));
        let is_over = Arc::clone(&ended);
        let thread = std::thread::Builder::new().name("strongroom-transit".to_owned()).spawn(move || {
            let is_over = || is_over.load(Ordering::Relaxed);
            let mut round = Instant::now();
            let mut sweep = now.saturating_add(FIRST_SWEEP);
            let mut seen = 0;
            loop {
                let request = match inbox.recv_timeout(round.saturating_duration_since(Instant::now())) {
                    Ok(request) => Some(request),
                    Err(RecvTimeoutError::Timeout) => None,
                    Err(RecvTimeoutError::Disconnected) => return,
                };
                // Without a keeper, so that dropping this handle never waits for the thread that drops it.
                let Some(inner) = inner.upgrade() else { return };
                let transit = Transit { inner, keeper: None };
                if let Some(Refill { cell, version }) = request
                    && let Some(cell) = cell.upgrade()
                {
                    transit.refill(&cell, version);
                }
                // Busy keys must not put off what time brings.
                if Instant::now() >= round {
                    transit.follow_others(&mut seen);
                    transit.look_after(is_over);
                    round = Instant::now() + TICK;
                }
                let now = transit.now();
                if now >= sweep {
                    // Errors come again with the next sweep, and at every `destroy_due`.
                    let _ = pollster::block_on(transit.destroy_due_until(is_over));
                    sweep = now.saturating_add(SWEEP);
                }
            }
        })?;
        Ok(Self { requests: Some(requests), ended, thread: Some(thread) })
    }

    /// Asks for a block ahead of time. Where the queue is full, whoever runs out reserves it itself.
    pub(super) fn refill(&self, cell: &Arc<Cell>, version: u32) {
        if let Some(requests) = &self.requests {
            let _ = requests.try_send(Refill { cell: Arc::downgrade(cell), version });
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        self.requests = None;
        if let Some(thread) = self.thread.take() {
            // A thread that has panicked holds nothing either.
            let _ = thread.join();
        }
    }
}

impl Transit {
    fn refill(&self, cell: &Cell, version: u32) {
        let content = cell.load();
        let Ok(live) = content.usable() else { return };
        let Ok((version, key)) = live.protecting(Some(version)) else { return };
        // Without a block the next operation asks again, and tells its caller what is wrong.
        let _ = key.counter().refill(live.blocks, |asked| {
            pollster::block_on(self.inner.reserve(&cell.name, live, version.id, asked))
        });
    }

    /// Takes over what other managers have changed. `seen` is the store's last commit before the round before.
    fn follow_others(&self, seen: &mut u64) {
        let Ok(status) = self.inner.barrier.status() else { return };
        if status.sequence == *seen {
            return;
        }
        let mut complete = true;
        for cell in self.inner.cells() {
            complete &= pollster::block_on(self.follow(&cell)).is_ok();
        }
        // What could not be read is tried again at the next tick, and at every reservation.
        if complete {
            *seen = status.sequence;
        }
    }

    async fn follow(&self, cell: &Cell) -> Result<(), ManageError> {
        let known = cell.revision();
        let stored = self.inner.barrier.get(&self.inner.path(&cell.name)?).await?;
        if known.is_none() || known == stored.map(|entry| entry.revision()) {
            return Ok(());
        }
        match self.reload(&cell.name).await {
            Err(ManageError::NotFound) => Ok(()),
            outcome => outcome,
        }
    }

    /// What time brings: rotation by age, destruction. Errors come again at the next tick, and at every use.
    fn look_after(&self, is_over: impl Fn() -> bool) {
        let now = self.now();
        for cell in self.inner.cells() {
            if is_over() {
                return;
            }
            let (rotate, destroy) = match &**cell.load() {
                Content::Live(live) => (live.is_due(now), live.is_over(now)),
                Content::Gone | Content::Sealed => (false, false),
            };
            if rotate {
                let _ = pollster::block_on(self.rotate_if_due(&cell.name));
            }
            if destroy {
                let _ = pollster::block_on(self.destroy_if_due(&cell.name));
            }
        }
    }
}

const QUEUE: usize = 256;
const TICK: Duration = Duration::from_millis(500);
/// Seconds between looks at the keys that nobody uses: one of them may be due for destruction.
const SWEEP: u64 = 60 * 60;
/// After the keys were opened: not at once, so that a key comes back with an older copy of the store.
const FIRST_SWEEP: u64 = 60;
