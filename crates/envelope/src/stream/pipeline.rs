//! Chunks through several threads, and out again in order.
//!
//! Each thread takes a chunk, works on it, waits for its turn and writes it: so reading, cipher and writing overlap, memory
//! is one chunk for each thread, and what comes out first is what went in first. The thread with the lowest chunk never
//! waits, so none waits for ever.

use std::io::{self, Write};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use zeroize::Zeroize as _;

use super::input::{Filled, Input, Layout};
use super::threads;

/// What is done with a chunk.
pub(super) trait Work: Sync {
    type Error: Send;
    /// What a thread keeps from chunk to chunk.
    type State: Default;

    fn layout(&self) -> Layout;

    /// The length of a chunk: a multiple of the stride.
    fn chunk_len(&self) -> usize;

    /// Works on the chunk in place, or into it from what was lent.
    fn process(
        &self,
        state: &mut Self::State,
        chunk: &mut [u8],
        filled: Filled<'_>,
    ) -> Result<(), Self::Error>;

    /// Writes what came of it.
    fn write(&self, sink: &mut dyn Write, chunk: &[u8], filled: Filled<'_>) -> io::Result<()>;

    /// Whether a chunk that was worked on holds plaintext.
    fn leaves_plaintext(&self) -> bool;

    fn read_failed(&self, error: io::Error) -> Self::Error;

    fn write_failed(&self, error: io::Error) -> Self::Error;
}

/// Runs the work over the whole input, with up to `threads` threads, this one among them; flushes the sink and gives it back.
///
/// Of several errors the one of the first chunk counts. What precedes that chunk has been written.
pub(super) fn run<I: Input, T: Work, W: Write + Send>(
    input: &I,
    work: &T,
    sink: W,
    threads: usize,
) -> Result<W, T::Error> {
    let output = Output::new(sink);
    let needed = input.total().map_or(usize::MAX, |total| work.layout().chunk_for(total));
    let chunk_len = work.chunk_len().min(needed);
    let worker =
        || Worker { input, work, output: &output, chunk: Chunk::new(chunk_len), state: T::State::default() };
    let mut own = worker();
    // Alone until it shows that there is more than one chunk.
    if own.step() == Step::More {
        thread::scope(|scope| {
            threads::start(scope, threads.saturating_sub(1), || worker().run());
            own.run();
        });
    }
    drop(own);
    let mut sink = output.finish()?;
    // What a buffer holds is not written yet, and its drop would tell nobody that it cannot be.
    sink.flush().map_err(|error| work.write_failed(error))?;
    Ok(sink)
}

struct Worker<'a, I, T: Work, W> {
    input: &'a I,
    work: &'a T,
    output: &'a Output<W, T::Error>,
    chunk: Chunk,
    state: T::State,
}

#[derive(PartialEq, Eq)]
enum Step {
    More,
    Done,
}

impl<I: Input, T: Work, W: Write> Worker<'_, I, T, W> {
    fn run(&mut self) {
        // Others must not wait for the turn of a thread that has died.
        let guard = OnPanic(self.output);
        while self.step() == Step::More {}
        drop(guard);
    }

    fn step(&mut self) -> Step {
        let work = self.work;
        self.chunk.holds_plaintext = true;
        let Some((index, filled)) = self.input.take(&mut self.chunk.bytes, work.layout()) else {
            return Step::Done;
        };
        let done = filled.map_err(|error| work.read_failed(error)).and_then(|filled| {
            work.process(&mut self.state, &mut self.chunk.bytes, filled)?;
            self.chunk.holds_plaintext = work.leaves_plaintext();
            Ok(filled)
        });
        let chunk = &self.chunk.bytes;
        self.output.put(index, |sink| {
            let filled = done?;
            work.write(sink, chunk, filled).map_err(|error| work.write_failed(error))?;
            Ok(if filled.last { Step::Done } else { Step::More })
        })
    }
}

/// A chunk's memory, wiped on drop unless all it holds is ciphertext.
struct Chunk {
    bytes: Vec<u8>,
    holds_plaintext: bool,
}

impl Chunk {
    fn new(len: usize) -> Self {
        Self { bytes: vec![0; len], holds_plaintext: false }
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        if self.holds_plaintext {
            // Spare capacity is wiped in one sweep, elements one by one.
            self.bytes.clear();
            self.bytes.zeroize();
        }
    }
}

/// Takes chunks in the order of their numbers.
struct Output<W, E> {
    turns: Mutex<Turns<W, E>>,
    passed: Condvar,
}

struct Turns<W, E> {
    sink: W,
    next: u64,
    error: Option<E>,
    /// A thread has died, so that its turn will never come.
    broken: bool,
}

impl<W: Write, E> Output<W, E> {
    fn new(sink: W) -> Self {
        Self {
            turns: Mutex::new(Turns { sink, next: 0, error: None, broken: false }),
            passed: Condvar::new(),
        }
    }

    /// Waits for the turn of this chunk. After an error nothing is written any more.
    fn put(&self, index: u64, write: impl FnOnce(&mut W) -> Result<Step, E>) -> Step {
        let mut turns = self.lock();
        while turns.next != index && !turns.broken && turns.error.is_none() {
            turns = self.passed.wait(turns).unwrap_or_else(PoisonError::into_inner);
        }
        if turns.broken || turns.error.is_some() {
            return Step::Done;
        }
        let step = write(&mut turns.sink).unwrap_or_else(|error| {
            turns.error = Some(error);
            Step::Done
        });
        turns.next += 1;
        drop(turns);
        self.passed.notify_all();
        step
    }

    fn finish(self) -> Result<W, E> {
        // A thread that panicked has made `thread::scope` panic before this.
        let turns = self.turns.into_inner().unwrap_or_else(PoisonError::into_inner);
        turns.error.map_or(Ok(turns.sink), Err)
    }

    fn lock(&self) -> MutexGuard<'_, Turns<W, E>> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct OnPanic<'a, W: Write, E>(&'a Output<W, E>);

impl<W: Write, E> Drop for OnPanic<'_, W, E> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.lock().broken = true;
            self.0.passed.notify_all();
        }
    }
}
