//! FLOE over chunks of several segments.

use std::io::{self, Write};

use strongroom_crypto::aead::NONCE_LEN;
use strongroom_crypto::random;

use super::error::{DecryptError, EncryptError};
use super::input::{Filled, Layout};
use super::pipeline::Work;
use crate::error::KeyError;
use crate::floe::{EpochKey, Message, PLAINTEXT_AT, Parameters, SEGMENT_OVERHEAD};

/// Encrypts chunks.
pub(super) struct Encrypting<'m>(pub(super) &'m Message);

impl Work for Encrypting<'_> {
    type Error = EncryptError;
    type State = EpochKey;

    fn layout(&self) -> Layout {
        let parameters = self.0.parameters();
        Layout { stride: parameters.segment(), skip: PLAINTEXT_AT, take: parameters.plaintext() }
    }

    fn chunk_len(&self) -> usize {
        chunk_len(self.0.parameters())
    }

    fn process(&self, epoch: &mut EpochKey, chunk: &mut [u8], filled: Filled) -> Result<(), EncryptError> {
        let sealed = sealed_len(self.0.parameters(), filled.bytes);
        let first = first_position(self.0.parameters(), filled.index);
        seal_segments(self.0, epoch, first, filled.last, chunk.get_mut(..sealed).unwrap_or_default())
    }

    fn write(&self, sink: &mut dyn Write, chunk: &[u8], filled: Filled) -> io::Result<()> {
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

/// Seals the segments in `body`, which begin at position `first`, in place. With `ends` the last of them ends the stream.
pub(super) fn seal_segments(
    message: &Message,
    epoch: &mut EpochKey,
    first: u64,
    ends: bool,
    body: &mut [u8],
) -> Result<(), EncryptError> {
    let segment_len = message.parameters().segment();
    let count = body.len().div_ceil(segment_len);
    let mut position = first;
    let mut ivs = [[0; NONCE_LEN]; IVS];
    let mut left = count;
    for group in body.chunks_mut(segment_len * IVS) {
        // One question to the operating system for all of them.
        let drawn = ivs.get_mut(..left.min(IVS)).unwrap_or_default();
        random::fill(drawn.as_flattened_mut()).map_err(KeyError::from)?;
        for (segment, iv) in group.chunks_mut(segment_len).zip(&*drawn) {
            left -= 1;
            message.seal(epoch, position, ends && left == 0, iv, segment)?;
            position += 1;
        }
    }
    Ok(())
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

    fn process(&self, epoch: &mut EpochKey, chunk: &mut [u8], filled: Filled) -> Result<(), DecryptError> {
        if filled.bytes == 0 {
            return Err(DecryptError::Truncated);
        }
        let segment_len = self.0.parameters().segment();
        let body = chunk.get_mut(..filled.bytes).unwrap_or_default();
        let mut left = body.len().div_ceil(segment_len);
        let first = first_position(self.0.parameters(), filled.index);
        for (position, segment) in (first..).zip(body.chunks_mut(segment_len)) {
            left -= 1;
            let last = filled.last && left == 0;
            self.0
                .open(epoch, position, last, segment)
                .map_err(|error| DecryptError::of_segment(error, position))?;
        }
        Ok(())
    }

    fn write(&self, sink: &mut dyn Write, chunk: &[u8], filled: Filled) -> io::Result<()> {
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
/// IVs drawn at once.
const IVS: usize = 16;
