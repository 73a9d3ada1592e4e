//! Work on several threads, or on fewer where the system gives no more: a container may allow a handful.

use std::panic::resume_unwind;
use std::sync::{Mutex, PoisonError};
use std::thread::{self, Builder, Scope, ScopedJoinHandle};

/// Starts up to `count` threads.
pub(super) fn start<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    count: usize,
    work: impl Fn() -> T + Copy + Send + 'scope,
) -> Vec<ScopedJoinHandle<'scope, T>> {
    (0..count).map_while(|_| Builder::new().spawn_scoped(scope, work).ok()).collect()
}

/// Works on all parts, of which each thread takes the next one when it has done one, with up to `threads` threads, this one
/// among them. Of several errors that of the first part counts; after one, later parts may be left undone.
pub(super) fn work_on<P, E: Send>(
    parts: impl Iterator<Item = P> + Send,
    threads: usize,
    work: impl Fn(usize, P) -> Result<(), E> + Sync,
) -> Result<(), E> {
    let parts = Mutex::new(parts.enumerate());
    let next = || parts.lock().unwrap_or_else(PoisonError::into_inner).next();
    let worker = || {
        while let Some((index, part)) = next() {
            work(index, part).map_err(|error| (index, error))?;
        }
        Ok(())
    };
    thread::scope(|scope| {
        let others = start(scope, threads.saturating_sub(1), worker);
        let own = worker();
        let others =
            others.into_iter().map(|other| other.join().unwrap_or_else(|panic| resume_unwind(panic)));
        let errors = others.chain([own]).filter_map(Result::err);
        errors.min_by_key(|(index, _)| *index).map_or(Ok(()), |(_, error)| Err(error))
    })
}
