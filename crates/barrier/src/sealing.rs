//! Sealing that does not wait for storage.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError, Weak};
use std::task::Poll;

use event_listener::Event;

/// Keys that came out of the barrier and end with it.
pub trait SealedTogether: Send + Sync {
    /// Wipes the keys and refuses what comes later. It must wait for nothing, and is called any number of times.
    fn wipe(&self);
}

/// Set once, when the keys are to be wiped.
#[derive(Default)]
pub(crate) struct Sealing {
    begun: AtomicBool,
    event: Event,
    together: Mutex<Vec<Weak<dyn SealedTogether>>>,
}

impl Sealing {
    pub(crate) fn begin(&self) {
        self.begun.store(true, Ordering::SeqCst);
        self.event.notify(usize::MAX);
        let together = self.together.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for keys in together.iter().filter_map(Weak::upgrade) {
            keys.wipe();
        }
    }

    pub(crate) fn add(&self, keys: Weak<dyn SealedTogether>) {
        let added = keys.upgrade();
        {
            let mut together = self.together.lock().unwrap_or_else(PoisonError::into_inner);
            together.retain(|keys| keys.strong_count() > 0);
            together.push(keys);
        }
        // Whoever begins after this look finds them in the list.
        if let Some(keys) = added.filter(|_| self.begun.load(Ordering::SeqCst)) {
            keys.wipe();
        }
    }

    /// Waits for `reading`; `None` when sealing began before it had an answer.
    pub(crate) fn wait<T>(&self, reading: impl Future<Output = T>) -> Option<T> {
        let mut reading = pin!(reading);
        let mut begun = None;
        pollster::block_on(poll_fn(|context| {
            if let Poll::Ready(answer) = reading.as_mut().poll(context) {
                return Poll::Ready(Some(answer));
            }
            // Most storages answer at once: only one that does not is worth a listener.
            let listener = begun.get_or_insert_with(|| Box::pin(self.event.listen()));
            if self.begun.load(Ordering::SeqCst) || listener.as_mut().poll(context).is_ready() {
                return Poll::Ready(None);
            }
            Poll::Pending
        }))
    }
}
