//! FLOE over chunks of several segments.

use std::io::{self, Write};

use super::error::{DecryptError, EncryptError};
use super::input::{Filled, Layout};
use super::ivs::Ivs;
use super::pipeline::Work;
use crate::error::KeyError;
use crate::floe::{EpochKey, Message, PLAINTEXT_AT, Parameters, SEGMENT_OVERHEAD};

/// Encrypts chunks.
pub(super) struct Encrypting<'m>(pub(super) &'m Message);

impl Work for Encrypting<'_> {
    type Error = EncryptError;
    type State = Sealing;

    fn layout(&self) -> Layout {
        let parameters = self.0.parameters();
        Layout { stride: parameters.segment(), skip: PLAINTEXT_AT, take: parameters.plaintext() }
    }

    fn chunk_len(&self) -> usize {
        chunk_len(self.0.parameters())
    }

    fn process(&self, state: &mut Sealing, chunk: &mut [u8], filled: Filled<'_>) -> Result<(), EncryptError> {
        let sealed = sealed_len(self.0.parameters(), filled.bytes);
        let first = first_position(self.0.parameters(), filled.index);
        let body = chunk.get_mut(..sealed).unwrap_or_default();
        match filled.lent {
            Some(plaintext) => state.seal_from(self.0, first, filled.last, plaintext, body),
            None => state.seal(self.0, first, filled.last, body),
        }
    }

    fn write(&self, sink: &mut dyn Write, chunk: &[u8], filled: Filled<'_>) -> io::Result<()> {
        let sealed = sealed_len(self.0.parameters(), filled.bytes);
        sink.write_all(chunk.get(..sealed).unwrap_or_default())
    }

    fn leaves_plaintext(&self) -> bool {
        false
    }

    fn read_failed(&self, error: io::Error) -> EncryptError {
        EncryptError::Read(error)
    }

    fn write_failed(&self, error: io::Error) -> EncryptError {
        EncryptError::Write(error)
    }
}

/// What a thread keeps while it seals segments of one message.
#[derive(Default)]
pub(super) struct Sealing {
    epoch: EpochKey,
    ivs: Ivs,
}

impl Sealing {
    /// With IVs that were drawn for this message already.
    pub(super) fn with(ivs: Ivs) -> Self {
        Self { epoch: EpochKey::default(), ivs }
    }

    /// Seals the segments in `body`, which begin at position `first`, in place. With `ends` the last of them ends the stream.
    fn seal(
        &mut self,
        message: &Message,
        first: u64,
        ends: bool,
        body: &mut [u8],
    ) -> Result<(), EncryptError> {
        let segment = message.parameters().segment();
        let mut left = body.len().div_ceil(segment);
        for (position, segment) in (first..).zip(body.chunks_mut(segment)) {
            let iv = self.ivs.next(left).map_err(KeyError::from)?;
            left -= 1;
            message.seal(&mut self.epoch, position, ends && left == 0, &iv, segment)?;
        }
        Ok(())
    }

    /// The same from elsewhere: `body` has just the room.
    pub(super) fn seal_from(
        &mut self,
        message: &Message,
        first: u64,
        ends: bool,
        plaintext: &[u8],
        body: &mut [u8],
    ) -> Result<(), EncryptError> {
        let (segment, full) = (message.parameters().segment(), message.parameters().plaintext());
        let mut left = body.len().div_ceil(segment);
        let parts = body.chunks_mut(segment).zip(parts_of(plaintext, full));
        for (position, (segment, plaintext)) in (first..).zip(parts) {
            let iv = self.ivs.next(left).map_err(KeyError::from)?;
            left -= 1;
            message.seal_into(&mut self.epoch, position, ends && left == 0, &iv, plaintext, segment)?;
        }
        Ok(())
    }
}

/// Plaintext in parts; an empty one is one empty part.
pub(super) fn parts_of(plaintext: &[u8], len: usize) -> impl Iterator<Item = &[u8]> {
    let empty = plaintext.is_empty().then_some(plaintext);
    plaintext.chunks(len).chain(empty)
}

/// Decrypts chunks.
pub(super) struct Decrypting<'m>(pub(super) &'m Message);

impl Work for Decrypting<'_> {
    type Error = DecryptError;
    type State = EpochKey;

    fn layout(&self) -> Layout {
        let segment = self.0.parameters().segment();
        Layout { stride: segment, skip: 0, take: segment }
    }

    fn chunk_len(&self) -> usize {
        chunk_len(self.0.parameters())
    }

    fn process(
        &self,
        epoch: &mut EpochKey,
        chunk: &mut [u8],
        filled: Filled<'_>,
    ) -> Result<(), DecryptError> {
        if filled.bytes == 0 {
            return Err(DecryptError::Truncated);
        }
        let segment_len = self.0.parameters().segment();
        let body = chunk.get_mut(..filled.bytes).unwrap_or_default();
        let mut left = body.len().div_ceil(segment_len);
        let first = first_position(self.0.parameters(), filled.index);
        let mut elsewhere = filled.lent.map(|sealed| sealed.chunks(segment_len));
        for (position, segment) in (first..).zip(body.chunks_mut(segment_len)) {
            left -= 1;
            let last = filled.last && left == 0;
            let opened = match elsewhere.as_mut().and_then(Iterator::next) {
                Some(sealed) => {
                    let plaintext = plaintext_in(segment);
                    self.0.open_into(epoch, position, last, sealed, plaintext)
                }
                None => self.0.open(epoch, position, last, segment).map(drop),
            };
            opened.map_err(|error| DecryptError::of_segment(error, position))?;
        }
        Ok(())
    }

    fn write(&self, sink: &mut dyn Write, chunk: &[u8], filled: Filled<'_>) -> io::Result<()> {
        let body = chunk.get(..filled.bytes).unwrap_or_default();
        body.chunks(self.0.parameters().segment()).try_for_each(|segment| {
            let len = segment.len().saturating_sub(SEGMENT_OVERHEAD);
            let plaintext = segment.get(PLAINTEXT_AT..).and_then(|rest| rest.get(..len));
            sink.write_all(plaintext.unwrap_or_default())
        })
    }

    fn leaves_plaintext(&self) -> bool {
        true
    }

    fn read_failed(&self, error: io::Error) -> DecryptError {
        DecryptError::of_reading(error)
    }

    fn write_failed(&self, error: io::Error) -> DecryptError {
        DecryptError::Write(error)
    }
}

/// The room for a segment's plaintext.
fn plaintext_in(segment: &mut [u8]) -> &mut [u8] {
    let len = segment.len().saturating_sub(SEGMENT_OVERHEAD);
    segment.get_mut(PLAINTEXT_AT..).and_then(|rest| rest.get_mut(..len)).unwrap_or_default()
}

/// What so much plaintext becomes: at least one segment.
pub(super) fn sealed_len(parameters: Parameters, plaintext: usize) -> usize {
    let segments = plaintext.div_ceil(parameters.plaintext()).max(1);
    plaintext.saturating_add(segments.saturating_mul(SEGMENT_OVERHEAD))
}

fn chunk_len(parameters: Parameters) -> usize {
    segments_in_chunk(parameters) * parameters.segment()
}

fn segments_in_chunk(parameters: Parameters) -> usize {
    (CHUNK / parameters.segment()).clamp(1, MAX_SEGMENTS_IN_CHUNK)
}

fn first_position(parameters: Parameters, chunk: u64) -> u64 {
    let segments = u64::try_from(segments_in_chunk(parameters)).unwrap_or(u64::MAX);
    // Beyond the last possible position FLOE refuses.
    chunk.saturating_mul(segments)
}

/// About as much as a core's own cache holds.
const CHUNK: usize = 256 * 1024;
const MAX_SEGMENTS_IN_CHUNK: usize = 64;
