//! The thread that looks after the keys in use.

use std::io;
use std::sync::mpsc::{self, RecvTimeoutError, SyncSender};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use super::{Inner, Transit};
use crate::cell::{Cell, Content};

/// Ends when the last handle on the keys is dropped.
pub(super) struct Keeper {
    requests: SyncSender<Refill>,
}

struct Refill {
    cell: Weak<Cell>,
    version: u32,
}

impl Keeper {
    pub(super) fn start(inner: Weak<Inner>) -> io::Result<Self> {
        let (requests, inbox) = mpsc::sync_channel::<Refill>(QUEUE);
        std::thread::Builder::new().name("strongroom-transit".to_owned()).spawn(move || {
            let mut round = Instant::now();
            let mut sweep = round;
            loop {
                let request = match inbox.recv_timeout(round.saturating_duration_since(Instant::now())) {
                    Ok(request) => Some(request),
                    Err(RecvTimeoutError::Timeout) => None,
                    Err(RecvTimeoutError::Disconnected) => return,
                };
                // Held for one piece of work alone, so that dropping the last handle ends this.
                let Some(inner) = inner.upgrade() else { return };
                let transit = Transit { inner };
                if let Some(Refill { cell, version }) = request
                    && let Some(cell) = cell.upgrade()
                {
                    transit.refill(&cell, version);
                }
                // Busy keys must not put off what time brings.
                let now = Instant::now();
                if now >= round {
                    transit.look_after();
                    round = now + TICK;
                }
                if now >= sweep {
                    // Errors come again with the next sweep, and at every `destroy_due`.
                    let _ = pollster::block_on(transit.destroy_due());
                    sweep = now + SWEEP;
                }
            }
        })?;
        Ok(Self { requests })
    }

    /// Asks for a block ahead of time. Where the queue is full, whoever runs out reserves it itself.
    pub(super) fn refill(&self, cell: &Arc<Cell>, version: u32) {
        let _ = self.requests.try_send(Refill { cell: Arc::downgrade(cell), version });
    }
}

impl Transit {
    fn refill(&self, cell: &Cell, version: u32) {
        let content = cell.load();
        let Ok(live) = content.usable() else { return };
        let Ok((version, key)) = live.protecting(Some(version)) else { return };
        // Without a block the next operation asks again, and tells its caller what is wrong.
        let _ = key
            .counter()
            .refill(live.blocks, |asked| pollster::block_on(self.inner.ledger.reserve(version.id, asked)));
    }

    /// What time brings: sealing, rotation by age, destruction. Errors come again at the next tick, and at every use.
    fn look_after(&self) {
        if self.inner.barrier.is_sealed() {
            self.inner.seal();
            return;
        }
        let now = self.now();
        for cell in self.inner.cells() {
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
/// Between looks at the keys that nobody uses: one of them may be due for destruction.
const SWEEP: Duration = Duration::from_secs(60 * 60);
