//! A frame: the changes of one group of batches, which were made durable by one sync.
//!
//! Sequence and checksum stand at its very end. A write that breaks off, on a full disk say, leaves the beginning of a
//! frame over what was there before, and that can happen to be the same as the rest; it never is the same as the end.

use crate::log::{LogId, Position, SECTOR};

/// A whole frame, found in a segment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame<'a> {
    pub(crate) position: Position,
    /// The checksum of the frame before.
    pub(crate) previous: u32,
    pub(crate) contents: &'a [u8],
    /// Its bytes in the segment, with the zeros that fill its last sector.
    pub(crate) size: usize,
}

/// The frame at the beginning of `bytes`, if there is a whole one of this log.
///
/// The checksum of a frame that is not `newer` than what the caller has is not compared: most of a log is such frames.
pub(crate) fn decode<'a>(log: &LogId, bytes: &'a [u8], newer: u64) -> Option<Frame<'a>> {
    let (previous, rest) = bytes.strip_prefix(MAGIC)?.split_first_chunk::<4>()?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let (sequence, rest) = rest.split_first_chunk::<8>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    let contents = rest.get(..length)?;
    let size = padded(length)?;
    let (checked, trailer) = bytes.get(..size)?.split_last_chunk::<TRAILER>()?;
    let (ending, checksum) = trailer.split_last_chunk::<4>()?;
    let checksum = u32::from_be_bytes(*checksum);
    if ending != sequence {
        return None;
    }
    let sequence = u64::from_be_bytes(*sequence);
    if sequence > newer && checksum_of(log, checked) != checksum {
        return None;
    }
    Some(Frame {
        position: Position { sequence, checksum },
        previous: u32::from_be_bytes(*previous),
        contents,
        size,
    })
}

/// A frame that is being put together, in a buffer that is used again and again.
#[derive(Default)]
pub(crate) struct FrameBuf {
    bytes: Vec<u8>,
}

impl FrameBuf {
    /// Begins an empty frame.
    pub(crate) fn begin(&mut self) {
        self.bytes.clear();
        // A batch far beyond the usual shall not hold its memory for ever.
        self.bytes.shrink_to(4 * 1024 * 1024);
        self.bytes.extend_from_slice(&[0; HEADER]);
    }

    pub(crate) fn push(&mut self, changes: &[u8]) {
        self.bytes.extend_from_slice(changes);
    }

    pub(crate) fn contents_len(&self) -> usize {
        self.bytes.len().saturating_sub(HEADER)
    }

    /// Fills in the header and the last sector. `None` if the frame is too long to say so in its header.
    pub(crate) fn seal(&mut self, log: &LogId, after: Position) -> Option<(Position, &[u8])> {
        let length = self.contents_len();
        let sequence = after.sequence.checked_add(1)?;
        let mut header = Vec::with_capacity(HEADER);
        header.extend_from_slice(MAGIC);
        header.extend_from_slice(&after.checksum.to_be_bytes());
        header.extend_from_slice(&u32::try_from(length).ok()?.to_be_bytes());
        header.extend_from_slice(&sequence.to_be_bytes());
        self.bytes.get_mut(..HEADER)?.copy_from_slice(&header);
        self.bytes.resize(padded(length)?.checked_sub(TRAILER)?, 0);
        let checksum = checksum_of(log, &self.bytes);
        self.bytes.extend_from_slice(&sequence.to_be_bytes());
        self.bytes.extend_from_slice(&checksum.to_be_bytes());
        Some((Position { sequence, checksum }, &self.bytes))
    }

    /// The room that the frame will take.
    pub(crate) fn size(&self) -> usize {
        padded(self.contents_len()).unwrap_or(usize::MAX)
    }
}

/// Appends one change to a frame's contents.
pub(crate) fn encode_change(contents: &mut Vec<u8>, key: &[u8], value: Option<&[u8]>) -> Option<()> {
    let key_length = u16::try_from(key.len()).ok()?;
    if let Some(value) = value {
        contents.push(PUT);
        contents.extend_from_slice(&key_length.to_be_bytes());
        contents.extend_from_slice(&u32::try_from(value.len()).ok()?.to_be_bytes());
        contents.extend_from_slice(key);
        contents.extend_from_slice(value);
    } else {
        contents.push(DELETE);
        contents.extend_from_slice(&key_length.to_be_bytes());
        contents.extend_from_slice(key);
    }
    Some(())
}

/// A frame's changes, in order. An `Err` means that the contents make no sense from there on.
pub(crate) struct Changes<'a> {
    rest: &'a [u8],
}

/// The contents of a frame are not a list of changes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Senseless;

pub(crate) type Change<'a> = (&'a [u8], Option<&'a [u8]>);

impl<'a> Changes<'a> {
    pub(crate) fn of(contents: &'a [u8]) -> Self {
        Self { rest: contents }
    }

    fn split(&self) -> Option<(Change<'a>, &'a [u8])> {
        let (&tag, rest) = self.rest.split_first()?;
        let (key_length, rest) = rest.split_first_chunk::<2>()?;
        let key_length = usize::from(u16::from_be_bytes(*key_length));
        match tag {
            PUT => {
                let (value_length, rest) = rest.split_first_chunk::<4>()?;
                let value_length = usize::try_from(u32::from_be_bytes(*value_length)).ok()?;
                let (key, rest) = rest.split_at_checked(key_length)?;
                let (value, rest) = rest.split_at_checked(value_length)?;
                Some(((key, Some(value)), rest))
            }
            DELETE => {
                let (key, rest) = rest.split_at_checked(key_length)?;
                Some(((key, None), rest))
            }
            _ => None,
        }
    }
}

impl<'a> Iterator for Changes<'a> {
    type Item = Result<Change<'a>, Senseless>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let Some((change, rest)) = self.split() else {
            self.rest = &[];
            return Some(Err(Senseless));
        };
        self.rest = rest;
        Some(Ok(change))
    }
}

fn checksum_of(log: &LogId, checked: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(log), checked)
}

/// How long a frame with so many bytes of contents is.
fn padded(contents: usize) -> Option<usize> {
    contents.checked_add(HEADER + TRAILER)?.checked_next_multiple_of(SECTOR)
}

const MAGIC: &[u8; 4] = b"SRLF";
const HEADER: usize = 4 + 4 + 4 + 8;
const TRAILER: usize = 8 + 4;
const PUT: u8 = 1;
const DELETE: u8 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: LogId = [9; 16];

    fn frame() -> Vec<u8> {
        let mut contents = Vec::new();
        encode_change(&mut contents, b"key", Some(b"value")).unwrap();
        encode_change(&mut contents, b"gone", None).unwrap();
        let mut frame = FrameBuf::default();
        frame.begin();
        frame.push(&contents);
        frame.seal(&LOG, Position { sequence: 6, checksum: 5 }).unwrap().1.to_vec()
    }

    #[test]
    fn a_frame_says_what_was_put_into_it() {
        let bytes = frame();
        assert_eq!(bytes.len(), SECTOR);
        let frame = decode(&LOG, &bytes, 0).unwrap();
        assert_eq!((frame.position.sequence, frame.previous, frame.size), (7, 5, SECTOR));
        let changes: Vec<_> = Changes::of(frame.contents).map(Result::unwrap).collect();
        let expected: Vec<Change<'_>> = vec![(b"key", Some(b"value")), (b"gone", None)];
        assert_eq!(changes, expected);
    }

    #[test]
    fn every_flipped_bit_of_a_frame_is_noticed() {
        let bytes = frame();
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(decode(&LOG, &flipped, 0).is_none(), "bit {bit}");
        }
    }

    #[test]
    fn a_frame_of_another_log_is_none() {
        assert!(decode(&[8; 16], &frame(), 0).is_none());
    }

    #[test]
    fn every_strict_prefix_of_a_frame_is_none() {
        let bytes = frame();
        for length in 0..bytes.len() {
            assert!(decode(&LOG, &bytes[..length], 0).is_none());
        }
    }

    /// Found by the fault test: the second halves of two frames were alike.
    #[test]
    fn frame_that_was_written_in_part_never_counts_even_over_another_with_the_same_contents() {
        let same = |sequence| {
            let mut contents = Vec::new();
            encode_change(&mut contents, b"key", Some(&[4; 2000])).unwrap();
            let mut frame = FrameBuf::default();
            frame.begin();
            frame.push(&contents);
            frame.seal(&LOG, Position { sequence, checksum: 5 }).unwrap().1.to_vec()
        };
        let (old, new) = (same(6), same(9));
        for written in 1..new.len() {
            let mixed = [&new[..written], &old[written..]].concat();
            // Either what was there before is still whole, or nothing is.
            assert!(
                decode(&LOG, &mixed, 0).is_none_or(|frame| frame.position.sequence == 7),
                "{written} bytes"
            );
        }
    }

    #[test]
    fn senseless_contents_end_with_an_error() {
        for contents in [&[3_u8, 0, 0][..], &[PUT], &[PUT, 0, 9, 0, 0, 0, 0], &[DELETE, 0, 2, 1]] {
            assert_eq!(Changes::of(contents).collect::<Vec<_>>(), [Err(Senseless)]);
        }
    }
}
