//! Threads for calls that must not block their caller: an asynchronous task, or one that wants to go on after a time-out.
//!
//! A call into a module cannot be interrupted. One that takes too long is given up with its thread and its session; both come
//! back if the call ever does. When more calls hang than there are workers, no more are started.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures_channel::oneshot;

use super::Inner;
use crate::error::{Failure, TokenError};
use crate::module::lock;
use crate::threads::start;

/// The result of work that was handed over. Dropping it does not stop the work.
pub struct Pending<T, E> {
    receiver: oneshot::Receiver<Result<T, E>>,
    inner: Weak<Inner>,
}

impl<T, E: From<TokenError>> Future for Pending<T, E> {
    type Output = Result<T, E>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.receiver).poll(context).map(|answer| {
            answer.unwrap_or_else(|_| {
                let place = self
                    .inner
                    .upgrade()
                    .map_or_else(|| "a closed token".into(), |inner| Arc::clone(&inner.place));
                let failure =
                    Failure::Setting("the work ended without an answer; look for a panic in the log".into());
                Err(TokenError::new(&place, failure).into())
            })
        })
    }
}

/// The threads of one token.
pub(super) struct Workers(Arc<Shared>);

struct Shared {
    most: usize,
    state: Mutex<State>,
    /// For workers: there is work. For the watch: there is an earlier deadline.
    work: Condvar,
    watch: Condvar,
}

#[derive(Default)]
struct State {
    closing: bool,
    next: u64,
    queue: VecDeque<(u64, Job)>,
    /// What is still waited for, by deadline.
    tickets: BTreeMap<(Instant, u64), Expire>,
    running: BTreeSet<u64>,
    /// Running, and no longer waited for.
    given_up: BTreeSet<u64>,
    threads: usize,
    idle: usize,
    watched: bool,
}

type Job = Box<dyn FnOnce() + Send>;
type Expire = Box<dyn FnOnce() + Send>;

impl Workers {
    pub(super) fn new(most: usize) -> Self {
        Self(Arc::new(Shared { most, state: Mutex::default(), work: Condvar::new(), watch: Condvar::new() }))
    }

    pub(super) fn submit<T, E>(
        &self,
        inner: &Arc<Inner>,
        timeout: Duration,
        work: impl FnOnce() -> Result<T, E> + Send + 'static,
    ) -> Pending<T, E>
    where
        T: Send + 'static,
        E: From<TokenError> + Send + 'static,
    {
        let (sender, receiver) = oneshot::channel();
        // Whoever takes the sender answers: the worker, or the watch when the time is over.
        let sender = Arc::new(Mutex::new(Some(sender)));
        let answer = move |sender: &Mutex<Option<oneshot::Sender<Result<T, E>>>>, result| {
            if let Some(sender) = lock(sender).take() {
                // The receiver may be gone: nobody is waiting any more.
                let _ = sender.send(result);
            }
        };
        let expire: Expire = {
            let (sender, place) = (Arc::clone(&sender), Arc::clone(&inner.place));
            Box::new(move || {
                let error = TokenError::new(&place, Failure::TimedOut { waited: timeout });
                answer(&sender, Err(error.into()));
            })
        };
        let job: Job = {
            let sender = Arc::clone(&sender);
            Box::new(move || answer(&sender, work()))
        };
        if let Err(failure) = self.0.accept(job, expire, timeout, inner) {
            answer(&sender, Err(TokenError::new(&inner.place, failure).into()));
        }
        Pending { receiver, inner: Arc::downgrade(inner) }
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        lock(&self.0.state).closing = true;
        self.0.work.notify_all();
        self.0.watch.notify_all();
    }
}

impl Shared {
    fn accept(
        self: &Arc<Self>,
        job: Job,
        expire: Expire,
        timeout: Duration,
        inner: &Arc<Inner>,
    ) -> Result<(), Failure> {
        let mut state = lock(&self.state);
        if state.given_up.len() > self.most {
            return Err(Failure::Hung { calls: state.given_up.len() });
        }
        if !state.watched {
            let (shared, inner) = (Arc::clone(self), Arc::downgrade(inner));
            start(move || shared.keep_watch(&inner))?;
            state.watched = true;
        }
        if state.idle <= state.queue.len() && state.threads < self.most {
            let (shared, inner) = (Arc::clone(self), Arc::downgrade(inner));
            start(move || shared.work(&inner))?;
            state.threads += 1;
        }
        let number = state.next;
        state.next += 1;
        let deadline = Instant::now() + timeout;
        let is_first = state.tickets.keys().next().is_none_or(|(first, _)| deadline < *first);
        state.tickets.insert((deadline, number), expire);
        state.queue.push_back((number, job));
        drop(state);
        self.work.notify_one();
        if is_first {
            self.watch.notify_one();
        }
        Ok(())
    }

    fn work(&self, inner: &Weak<Inner>) {
        let mut state = lock(&self.state);
        loop {
            while let Some((number, job)) = state.queue.pop_front() {
                state.running.insert(number);
                drop(state);
                job();
                state = lock(&self.state);
                state.running.remove(&number);
                state.tickets.retain(|(_, waited_for), _| *waited_for != number);
                if state.given_up.remove(&number) {
                    // Another thread has this one's place.
                    if let Some(inner) = inner.upgrade() {
                        inner.pool.regain();
                    }
                    return;
                }
            }
            if state.closing {
                state.threads = state.threads.saturating_sub(1);
                return;
            }
            state.idle += 1;
            state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
        }
    }

    fn keep_watch(&self, inner: &Weak<Inner>) {
        let mut state = lock(&self.state);
        while !state.closing {
            let now = Instant::now();
            let Some((deadline, number)) = state.tickets.keys().next().copied() else {
                state = self.watch.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            if let Some(left) = deadline.checked_duration_since(now).filter(|left| !left.is_zero()) {
                state = self.watch.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
                continue;
            }
            let expire = state.tickets.remove(&(deadline, number));
            state.queue.retain(|(queued, _)| *queued != number);
            if state.running.contains(&number) && state.given_up.insert(number) {
                state.threads = state.threads.saturating_sub(1);
                if let Some(inner) = inner.upgrade() {
                    inner.pool.give_up();
                }
            }
            drop(state);
            if let Some(expire) = expire {
                expire();
            }
            state = lock(&self.state);
        }
    }
}
