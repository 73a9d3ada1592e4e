//! Sealing that does not wait for storage.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use event_listener::Event;

/// Set once, when the keys are to be wiped.
#[derive(Default)]
pub(crate) struct Sealing {
    begun: AtomicBool,
    event: Event,
}

impl Sealing {
    pub(crate) fn begin(&self) {
        self.begun.store(true, Ordering::SeqCst);
        self.event.notify(usize::MAX);
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
