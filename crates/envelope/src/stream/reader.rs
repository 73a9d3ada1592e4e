//! Reading a stream at random.

use std::io::{self, Read, Seek, SeekFrom, Write};

use zeroize::Zeroize as _;

use super::cipher::Decrypting;
use super::error::DecryptError;
use super::input::ByPlace;
use super::options::Options;
use super::pipeline;
use crate::floe::{EpochKey, Message, SEGMENT_OVERHEAD};
use crate::read_at::{ReadAt, read_exact_at};

/// A stream that is read at random: one segment at a time is decrypted, and kept until another is needed.
pub struct Reader<S> {
    source: S,
    message: Message,
    epoch: EpochKey,
    body_at: u64,
    body_len: u64,
    segments: u64,
    /// Of the plaintext.
    len: u64,
    /// Where [`Read`] goes on.
    position: u64,
    kept: Kept,
}

impl<S: ReadAt> Reader<S> {
    /// Opens the last segment, which shows that the stream ends where the source does.
    pub(super) fn new(source: S, message: Message, body_at: u64) -> Result<Self, DecryptError> {
        let body_len = source.size().map_err(DecryptError::Read)?.saturating_sub(body_at);
        let segment = u64_of(message.parameters().segment());
        let segments = body_len.div_ceil(segment);
        let overhead = segments.saturating_mul(u64_of(SEGMENT_OVERHEAD));
        let len = body_len.checked_sub(overhead).filter(|_| segments > 0).ok_or(DecryptError::Truncated)?;
        let epoch = EpochKey::default();
        let kept = Kept::default();
        let mut reader = Self { source, message, epoch, body_at, body_len, segments, len, position: 0, kept };
        reader.load(segments - 1)?;
        Ok(reader)
    }

    /// The bytes of the plaintext.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether the plaintext is empty.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Reads plaintext from `offset` on, and says how many bytes; 0 at and beyond the end, or into an empty buffer.
    ///
    /// # Errors
    ///
    /// [`DecryptError`]. The buffer has then been left as it was.
    pub fn read_at(&mut self, buffer: &mut [u8], offset: u64) -> Result<usize, DecryptError> {
        if buffer.is_empty() || offset >= self.len {
            return Ok(0);
        }
        let full = u64_of(self.message.parameters().plaintext());
        let plaintext = self.load(offset / full)?;
        let within = usize::try_from(offset % full).unwrap_or(usize::MAX);
        let rest = plaintext.get(within..).unwrap_or_default();
        let len = rest.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..len), rest.get(..len)) {
            to.copy_from_slice(from);
        }
        Ok(len)
    }

    /// Decrypts everything, on several threads.
    ///
    /// # Errors
    ///
    /// [`DecryptError`]; what was written until then is genuine.
    pub fn copy_to<W: Write + Send>(&self, sink: W, options: &Options) -> Result<W, DecryptError> {
        let input = ByPlace::new(&self.source, self.body_at, self.body_len);
        pipeline::run(&input, &Decrypting(&self.message), sink, options.threads())
    }

    /// The plaintext of a segment, from memory if it was the last one asked for.
    fn load(&mut self, segment: u64) -> Result<&[u8], DecryptError> {
        if self.kept.segment != Some(segment) {
            let stride = u64_of(self.message.parameters().segment());
            let offset = segment.saturating_mul(stride);
            let len = self.body_len.saturating_sub(offset).min(stride);
            let sealed = self.kept.room(usize::try_from(len).unwrap_or(0));
            let at = self.body_at.saturating_add(offset);
            read_exact_at(&self.source, sealed, at).map_err(DecryptError::of_reading)?;
            let last = segment + 1 == self.segments;
            let opened = self.message.open(&mut self.epoch, segment, last, sealed);
            let begin = crate::floe::PLAINTEXT_AT;
            let end = begin + opened.map_err(|error| DecryptError::of_segment(error, segment))?.len();
            self.kept.is(segment, begin, end);
        }
        Ok(self.kept.plaintext())
    }
}

/// The segment that was decrypted last.
#[derive(Default)]
struct Kept {
    bytes: Vec<u8>,
    segment: Option<u64>,
    begin: usize,
    end: usize,
}

impl Kept {
    /// Room for another; from here on there is none.
    fn room(&mut self, len: usize) -> &mut [u8] {
        self.segment = None;
        self.wipe();
        self.bytes.resize(len, 0);
        &mut self.bytes
    }

    fn is(&mut self, segment: u64, begin: usize, end: usize) {
        (self.segment, self.begin, self.end) = (Some(segment), begin, end);
    }

    fn plaintext(&self) -> &[u8] {
        self.bytes.get(self.begin..self.end).unwrap_or_default()
    }

    fn wipe(&mut self) {
        // Spare capacity is wiped in one sweep, elements one by one.
        self.bytes.clear();
        self.bytes.zeroize();
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.wipe();
    }
}

/// Errors are [`DecryptError`] within [`io::Error`].
impl<S: ReadAt> Read for Reader<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.read_at(buffer, self.position).map_err(io::Error::other)?;
        self.position = self.position.saturating_add(u64_of(read));
        Ok(read)
    }
}

impl<S: ReadAt> Seek for Reader<S> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(by) => self.len.checked_add_signed(by),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
        };
        self.position = position.ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidInput, "the place to read from lies before the beginning")
        })?;
        Ok(self.position)
    }
}

fn u64_of(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}
