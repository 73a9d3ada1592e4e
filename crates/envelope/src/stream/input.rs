//! Where the chunks of a stream come from: a reader that is read in order, or a source that is read by place.

use std::io::{self, Read};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::read_at::{ReadAt, read_exact_at};

/// How a chunk is laid out: parts of `take` bytes, each `skip` bytes into a stride. The rest is room for what is not read.
#[derive(Clone, Copy)]
pub(super) struct Layout {
    pub(super) stride: usize,
    pub(super) skip: usize,
    pub(super) take: usize,
}

impl Layout {
    fn parts(self, chunk: &mut [u8]) -> impl Iterator<Item = &mut [u8]> {
        chunk
            .chunks_exact_mut(self.stride)
            .filter_map(move |stride| stride.get_mut(self.skip..)?.get_mut(..self.take))
    }

    /// The length of a chunk that holds so many bytes.
    pub(super) fn chunk_for(self, bytes: u64) -> usize {
        let parts = usize::try_from(bytes).unwrap_or(usize::MAX).div_ceil(self.take).max(1);
        parts.saturating_mul(self.stride)
    }

    /// The bytes that fill a chunk.
    fn capacity(self, chunk: &[u8]) -> usize {
        chunk.len() / self.stride * self.take
    }
}

/// What is in a chunk.
#[derive(Clone, Copy)]
pub(super) struct Filled<'s> {
    /// The number of the chunk, from 0.
    pub(super) index: u64,
    /// The bytes read. Only the last chunk has fewer than fit.
    pub(super) bytes: usize,
    pub(super) last: bool,
    /// The bytes where they lie in the source, instead of in the chunk.
    pub(super) lent: Option<&'s [u8]>,
}

pub(super) trait Input: Sync {
    /// Fills the next chunk: its number, and what is in it. `None` after the last, and after an error.
    fn take(&self, chunk: &mut [u8], layout: Layout) -> Option<(u64, io::Result<Filled<'_>>)>;

    /// How many bytes there are, if that is known beforehand: memory for more is not needed.
    fn total(&self) -> Option<u64>;
}

/// Reads in order, under a lock.
pub(super) struct InOrder<R>(Mutex<State<R>>);

struct State<R> {
    reader: R,
    next: u64,
    /// One byte read ahead, to know whether there is more.
    ahead: Option<u8>,
    ended: bool,
}

impl<R: Read> InOrder<R> {
    pub(super) fn new(reader: R) -> Self {
        Self(Mutex::new(State { reader, next: 0, ahead: None, ended: false }))
    }
}

impl<R: Read + Send> Input for InOrder<R> {
    fn take(&self, chunk: &mut [u8], layout: Layout) -> Option<(u64, io::Result<Filled<'_>>)> {
        // A reader that panicked is not asked again.
        let mut state = self.0.lock().ok()?;
        if state.ended {
            return None;
        }
        let index = state.next;
        state.next += 1;
        let filled = state.fill(chunk, layout);
        state.ended |= filled.is_err();
        Some((index, filled.map(|bytes| Filled { index, bytes, last: state.ended, lent: None })))
    }

    fn total(&self) -> Option<u64> {
        None
    }
}

impl<R: Read> State<R> {
    fn fill(&mut self, chunk: &mut [u8], layout: Layout) -> io::Result<usize> {
        let mut total = 0;
        for part in layout.parts(chunk) {
            let (ahead, rest) = part.split_at_mut(usize::from(self.ahead.is_some()));
            if let (Some(place), Some(byte)) = (ahead.first_mut(), self.ahead.take()) {
                *place = byte;
                total += 1;
            }
            let read = read_full(&mut self.reader, rest)?;
            total += read;
            if read < rest.len() {
                self.ended = true;
                return Ok(total);
            }
        }
        let mut ahead = [0];
        self.ended = read_full(&mut self.reader, &mut ahead)? == 0;
        self.ahead = (!self.ended).then_some(ahead[0]);
        Ok(total)
    }
}

/// Reads until the buffer is full or the reader ends.
pub(super) fn read_full(reader: &mut impl Read, mut buffer: &mut [u8]) -> io::Result<usize> {
    let mut total = 0;
    while !buffer.is_empty() {
        match reader.read(buffer) {
            Ok(0) => break,
            Ok(read) => {
                total += read;
                buffer = buffer.get_mut(read..).ok_or(io::ErrorKind::InvalidData)?;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(total)
}

/// Reads by place: every thread for itself.
pub(super) struct ByPlace<'s, S: ?Sized> {
    source: &'s S,
    begin: u64,
    len: u64,
    next: AtomicU64,
    failed: Mutex<bool>,
}

impl<'s, S: ReadAt + ?Sized> ByPlace<'s, S> {
    /// `len` bytes from `begin` on.
    pub(super) fn new(source: &'s S, begin: u64, len: u64) -> Self {
        Self { source, begin, len, next: AtomicU64::new(0), failed: Mutex::new(false) }
    }

    fn fill(&self, index: u64, offset: u64, chunk: &mut [u8], layout: Layout) -> io::Result<Filled<'_>> {
        let capacity = layout.capacity(chunk);
        let rest = self.len.saturating_sub(offset);
        let bytes = usize::try_from(rest).unwrap_or(usize::MAX).min(capacity);
        let last = u64::try_from(bytes) == Ok(rest);
        let mut place = self.begin.saturating_add(offset);
        if let Some(lent) = self.source.lend(place, bytes) {
            // Shorter or longer would be the source's mistake.
            let lent = (lent.len() == bytes).then_some(lent).ok_or(io::ErrorKind::InvalidData)?;
            return Ok(Filled { index, bytes, last, lent: Some(lent) });
        }
        let mut left = bytes;
        for part in layout.parts(chunk) {
            let len = part.len().min(left);
            let part = part.get_mut(..len).unwrap_or_default();
            read_exact_at(self.source, part, place)?;
            left -= len;
            place = place.saturating_add(u64::try_from(len).unwrap_or(u64::MAX));
        }
        Ok(Filled { index, bytes, last, lent: None })
    }
}

impl<S: ReadAt + ?Sized> Input for ByPlace<'_, S> {
    fn take(&self, chunk: &mut [u8], layout: Layout) -> Option<(u64, io::Result<Filled<'_>>)> {
        let capacity = u64::try_from(layout.capacity(chunk)).ok()?;
        let index = self.next.fetch_add(1, Ordering::Relaxed);
        let offset = index.checked_mul(capacity)?;
        let failed = *self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        // An empty source is one empty chunk.
        if failed || (offset >= self.len && index > 0) {
            return None;
        }
        let filled = self.fill(index, offset, chunk, layout);
        if filled.is_err() {
            *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = true;
        }
        Some((index, filled))
    }

    fn total(&self) -> Option<u64> {
        Some(self.len)
    }
}
