//! Work that may block for long, away from whoever polls.

use std::io;
use std::thread;

use futures_channel::oneshot;

/// Runs this on a thread of its own. For what is rare: a token that wraps or unwraps a slot's part.
///
/// # Errors
///
/// When no thread can be had, or the work panicked.
pub(crate) async fn run<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> io::Result<T> {
    let (done, result) = oneshot::channel();
    thread::Builder::new().name("strongroom-hsm".to_owned()).spawn(move || {
        // Nobody waits any more: the result is dropped, and so wiped.
        let _ = done.send(work());
    })?;
    result.await.map_err(|_| io::Error::other("the thread that waited for the HSM ended early"))
}

#[cfg(test)]
mod tests {
    #[test]
    fn work_is_done_on_another_thread() {
        let here = std::thread::current().id();
        let there = pollster::block_on(super::run(move || std::thread::current().id())).unwrap();
        assert_ne!(here, there);
    }

    #[test]
    fn work_that_panics_is_an_error() {
        assert!(pollster::block_on(super::run(|| assert_eq!(1, 2))).is_err());
    }
}
