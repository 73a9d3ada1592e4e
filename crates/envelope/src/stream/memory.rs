//! Streams that lie in memory as a whole, without a pipeline: every thread has a part of the output to itself.

use std::panic::resume_unwind;
use std::thread;

use strongroom_crypto::secret::Plaintext;
use zeroize::Zeroize as _;

use super::Options;
use super::cipher::{seal_segments, sealed_len};
use super::error::{DecryptError, EncryptError};
use crate::envelope::Envelope;
use crate::floe::{EpochKey, Message, PLAINTEXT_AT, SEGMENT_OVERHEAD};
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
        let (head, message) = self.begin(associated, options)?;
        let total = head.len() + sealed_len(options.parameters(), plaintext.len());
        if stream.capacity() < total {
            *stream = Vec::new();
        }
        stream.resize(total, 0);
        let (start, body) = stream.split_at_mut(head.len());
        start.copy_from_slice(&head);
        let outcome = seal_body(&message, plaintext, body, options.threads());
        if outcome.is_err() {
            stream.zeroize();
        }
        outcome
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
        let mut rest = stream;
        let (message, _) = self.resume(associated, &mut |buffer| {
            let (head, tail) = rest.split_at_checked(buffer.len()).ok_or(DecryptError::Truncated)?;
            buffer.copy_from_slice(head);
            rest = tail;
            Ok(())
        })?;
        open_body(&message, rest, options.threads())
    }
}

fn seal_body(
    message: &Message,
    plaintext: &[u8],
    body: &mut [u8],
    threads: usize,
) -> Result<(), EncryptError> {
    let (segment, full) = (message.parameters().segment(), message.parameters().plaintext());
    let segments = body.len().div_ceil(segment);
    let least = LEAST_FOR_A_THREAD.div_ceil(segment);
    let for_each = segments.div_ceil(threads).max(least);
    let parts = body.chunks_mut(for_each * segment).zip(for_plaintext(plaintext, for_each * full));
    let count = segments.div_ceil(for_each);
    thread::scope(|scope| {
        let mut others = Vec::with_capacity(count);
        let mut own = None;
        for (index, (body, plaintext)) in parts.enumerate() {
            let first = u64::try_from(index * for_each).unwrap_or(u64::MAX);
            let work = move || seal_part(message, plaintext, body, first, index + 1 == count);
            if index + 1 == count { own = Some(work) } else { others.push(scope.spawn(work)) }
        }
        let own = own.map_or(Ok(()), |mut work| work());
        others.into_iter().fold(own, |outcome, other| {
            let done = other.join().unwrap_or_else(|panic| resume_unwind(panic));
            done.and(outcome)
        })
    })
}

/// The plaintext in parts; an empty one is one empty part.
fn for_plaintext(plaintext: &[u8], len: usize) -> impl Iterator<Item = &[u8]> {
    let empty = plaintext.is_empty().then_some(plaintext);
    plaintext.chunks(len).chain(empty)
}

fn seal_part(
    message: &Message,
    plaintext: &[u8],
    body: &mut [u8],
    first: u64,
    ends: bool,
) -> Result<(), EncryptError> {
    let (segment, full) = (message.parameters().segment(), message.parameters().plaintext());
    let mut epoch = EpochKey::default();
    // A few segments at a time, so that what was copied is still in the cache when it is sealed.
    let groups = body.chunks_mut(segment * GROUP).zip(for_plaintext(plaintext, full * GROUP));
    let mut position = first;
    let mut left = body_groups(plaintext.len(), full * GROUP);
    for (group, plaintext) in groups {
        left -= 1;
        for (sealed, plain) in group.chunks_mut(segment).zip(for_plaintext(plaintext, full)) {
            let room = sealed.len().saturating_sub(SEGMENT_OVERHEAD);
            if let Some(place) = sealed.get_mut(PLAINTEXT_AT..).and_then(|rest| rest.get_mut(..room)) {
                place.copy_from_slice(plain);
            }
        }
        seal_segments(message, &mut epoch, position, ends && left == 0, group)?;
        position += u64::try_from(GROUP).unwrap_or(0);
    }
    Ok(())
}

fn body_groups(plaintext: usize, group: usize) -> usize {
    plaintext.div_ceil(group).max(1)
}

fn open_body(message: &Message, body: &[u8], threads: usize) -> Result<Plaintext, DecryptError> {
    let (segment, full) = (message.parameters().segment(), message.parameters().plaintext());
    let segments = body.len().div_ceil(segment);
    let len = body.len().checked_sub(segments * SEGMENT_OVERHEAD).filter(|_| segments > 0);
    let mut plaintext = Plain(vec![0; len.ok_or(DecryptError::Truncated)?]);
    let for_each = segments.div_ceil(threads).max(LEAST_FOR_A_THREAD.div_ceil(segment));
    let count = segments.div_ceil(for_each);
    thread::scope(|scope| {
        let mut others = Vec::with_capacity(count);
        let mut own = None;
        let mut room = plaintext.0.as_mut_slice();
        for (index, body) in body.chunks(for_each * segment).enumerate() {
            let (part, rest) = room.split_at_mut(room.len().min(for_each * full));
            room = rest;
            let first = u64::try_from(index * for_each).unwrap_or(u64::MAX);
            let work = move || open_part(message, body, part, first, index + 1 == count);
            if index + 1 == count { own = Some(work) } else { others.push(scope.spawn(work)) }
        }
        // The first error in the stream counts.
        let own = own.map_or(Ok(()), |mut work| work());
        let others =
            others.into_iter().map(|other| other.join().unwrap_or_else(|panic| resume_unwind(panic)));
        others.fold(Ok(()), Result::and).and(own)
    })?;
    Ok(plaintext.take())
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
        // Spare capacity is wiped in one sweep, elements one by one.
        self.0.clear();
        self.0.zeroize();
    }
}

/// Segments that are copied before they are sealed.
const GROUP: usize = 4;
/// Below this a thread costs more than it does.
const LEAST_FOR_A_THREAD: usize = 256 * 1024;
