//! Streams that lie in memory as a whole, without a pipeline: every thread has a part of the output to itself.

use strongroom_crypto::secret::Plaintext;
use zeroize::Zeroize as _;

use super::Options;
use super::cipher::{Sealing, parts_of, sealed_len};
use super::error::{DecryptError, EncryptError};
use super::ivs::Ivs;
use super::threads;
use crate::buffer;
use crate::envelope::Envelope;
use crate::error::KeyError;
use crate::floe::{EpochKey, Message, SEGMENT_OVERHEAD};
use crate::key::KeyEncryption;

impl<K: KeyEncryption> Envelope<K> {
    /// Encrypts a plaintext that lies in memory as a stream, which replaces what `stream` holds; its memory is used again
    /// where it suffices. This is the fastest way for objects of up to some MiB.
    ///
    /// # Errors
    ///
    /// [`EncryptError`]. `stream` is then wiped and empty.
    pub fn encrypt_slice(
        &self,
        associated: &[u8],
        plaintext: &[u8],
        stream: &mut Vec<u8>,
        options: &Options,
    ) -> Result<(), EncryptError> {
        let outcome = self.overwrite(associated, plaintext, stream, options);
        if outcome.is_err() {
            stream.zeroize();
        }
        outcome
    }

    fn overwrite(
        &self,
        associated: &[u8],
        plaintext: &[u8],
        stream: &mut Vec<u8>,
        options: &Options,
    ) -> Result<(), EncryptError> {
        let body_len = sealed_len(options.parameters(), plaintext.len());
        let segments = body_len.div_ceil(options.parameters().segment());
        let (iv, ivs) = Ivs::with_message(segments).map_err(KeyError::from)?;
        let (head, message) = self.begin(associated, options, &iv)?;
        buffer::set_len(stream, head.len() + body_len);
        let (start, body) = stream.split_at_mut(head.len());
        start.copy_from_slice(&head);
        seal_body(&message, ivs, plaintext, body, options.threads())
    }

    /// Decrypts a stream that lies in memory. Nothing of it is given out unless all of it is genuine.
    ///
    /// # Errors
    ///
    /// [`DecryptError`].
    pub fn decrypt_slice(
        &self,
        associated: &[u8],
        stream: &[u8],
        options: &Options,
    ) -> Result<Plaintext, DecryptError> {
        let mut plaintext = Plain(Vec::new());
        self.open_over(associated, stream, &mut plaintext.0, options)?;
        Ok(plaintext.take())
    }

    /// As [`decrypt_slice`](Self::decrypt_slice), into a buffer whose contents are replaced and whose memory is used again
    /// where it suffices: new memory for each object of a MiB costs a fifth of the time. The buffer is the caller's to wipe;
    /// `Zeroizing<Vec<u8>>` does.
    ///
    /// # Errors
    ///
    /// [`DecryptError`]. The buffer is then wiped and empty.
    pub fn decrypt_slice_into(
        &self,
        associated: &[u8],
        stream: &[u8],
        plaintext: &mut Vec<u8>,
        options: &Options,
    ) -> Result<(), DecryptError> {
        let outcome = self.open_over(associated, stream, plaintext, options);
        if outcome.is_err() {
            wipe(plaintext);
        }
        outcome
    }

    /// On an error the buffer may hold plaintext.
    fn open_over(
        &self,
        associated: &[u8],
        stream: &[u8],
        plaintext: &mut Vec<u8>,
        options: &Options,
    ) -> Result<(), DecryptError> {
        let mut body = stream;
        let (message, _) = self.resume(associated, &mut |buffer| {
            let (head, tail) = body.split_at_checked(buffer.len()).ok_or(DecryptError::Truncated)?;
            buffer.copy_from_slice(head);
            body = tail;
            Ok(())
        })?;
        let segments = body.len().div_ceil(message.parameters().segment());
        let len = body.len().checked_sub(segments * SEGMENT_OVERHEAD).filter(|_| segments > 0);
        let len = len.ok_or(DecryptError::Truncated)?;
        if plaintext.capacity() < len {
            // It is given back, with what it held.
            wipe(plaintext);
        }
        buffer::set_len(plaintext, len);
        open_body(&message, body, plaintext, options.threads())
    }
}

fn seal_body(
    message: &Message,
    ivs: Ivs,
    plaintext: &[u8],
    body: &mut [u8],
    threads: usize,
) -> Result<(), EncryptError> {
    let (segment, full) = (message.parameters().segment(), message.parameters().plaintext());
    let segments = body.len().div_ceil(segment);
    let for_each = segments_for_each(segments, segment, threads);
    let mut state = Sealing::with(ivs);
    if for_each >= segments {
        return state.seal_from(message, 0, true, plaintext, body);
    }
    let count = segments.div_ceil(for_each);
    let parts = body.chunks_mut(for_each * segment).zip(parts_of(plaintext, for_each * full));
    let parts = parts.map(|(body, plaintext)| (std::mem::take(&mut state), body, plaintext));
    threads::work_on(parts, count, |index, (mut state, body, plaintext)| {
        let first = u64::try_from(index * for_each).unwrap_or(u64::MAX);
        state.seal_from(message, first, index + 1 == count, plaintext, body)
    })
}

/// How many of the segments a thread takes: all, where more threads would cost more than they do.
fn segments_for_each(segments: usize, segment: usize, threads: usize) -> usize {
    segments.div_ceil(threads).max(LEAST_FOR_A_THREAD.div_ceil(segment))
}

fn open_body(
    message: &Message,
    body: &[u8],
    plaintext: &mut [u8],
    threads: usize,
) -> Result<(), DecryptError> {
    let (segment, full) = (message.parameters().segment(), message.parameters().plaintext());
    let segments = body.len().div_ceil(segment);
    let for_each = segments_for_each(segments, segment, threads);
    if for_each >= segments {
        return open_part(message, body, plaintext, 0, true);
    }
    let count = segments.div_ceil(for_each);
    let mut room = plaintext;
    let parts = body.chunks(for_each * segment).map(|body| {
        let len = room.len().min(for_each * full);
        let (part, rest) = std::mem::take(&mut room).split_at_mut(len);
        room = rest;
        (body, part)
    });
    threads::work_on(parts, count, |index, (body, part)| {
        let first = u64::try_from(index * for_each).unwrap_or(u64::MAX);
        open_part(message, body, part, first, index + 1 == count)
    })
}

fn open_part(
    message: &Message,
    body: &[u8],
    plaintext: &mut [u8],
    first: u64,
    ends: bool,
) -> Result<(), DecryptError> {
    let (segment, full) = (message.parameters().segment(), message.parameters().plaintext());
    let mut epoch = EpochKey::default();
    let mut room = plaintext;
    let mut left = body.len().div_ceil(segment);
    for (position, sealed) in (first..).zip(body.chunks(segment)) {
        left -= 1;
        let (part, rest) = room.split_at_mut(room.len().min(full));
        room = rest;
        message
            .open_into(&mut epoch, position, ends && left == 0, sealed, part)
            .map_err(|error| DecryptError::of_segment(error, position))?;
    }
    Ok(())
}

/// Plaintext that is wiped unless all of it is there.
struct Plain(Vec<u8>);

impl Plain {
    fn take(mut self) -> Plaintext {
        Plaintext::new(std::mem::take(&mut self.0))
    }
}

impl Drop for Plain {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

/// Spare capacity is wiped in one sweep, elements one by one.
fn wipe(plaintext: &mut Vec<u8>) {
    plaintext.clear();
    plaintext.zeroize();
}

/// Below this, half a millisecond of one core, starting a thread costs more than it saves.
const LEAST_FOR_A_THREAD: usize = 2 * 1024 * 1024;
