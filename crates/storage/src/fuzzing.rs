//! The parsers of bytes on the disk, for fuzz targets.

use crate::log::frame::{Changes, FrameBuf};
use crate::log::header::Header;
use crate::log::replay::replay;
use crate::log::{LogId, Position, SECTOR};

/// Parses a segment's header.
pub fn header(bytes: &[u8]) {
    if let Some(header) = Header::decode(bytes) {
        assert!(
            header.encode().starts_with(bytes.get(..34).unwrap_or_default()),
            "a header is written as it is read"
        );
    }
}

/// Parses a frame's contents.
pub fn changes(contents: &[u8]) {
    let sizes = Changes::of(contents).flatten().map(|(key, value)| key.len() + value.map_or(0, <[u8]>::len));
    assert!(sizes.sum::<usize>() <= contents.len(), "changes do not overlap");
}

/// Reads two segments. The bytes tell what they hold: whole frames, so that the fuzzer need not guess checksums,
/// stale ones, holes and rubbish.
pub fn log(mut script: &[u8]) {
    let mut segments = [0, 1].map(|segment| Header { segment, log: LOG, length: 0 }.encode().to_vec());
    let mut position = Position::default();
    let mut applied = Position::default();
    while let Some(([tag, length], rest)) = script.split_first_chunk::<2>() {
        let length = usize::from(*length).saturating_mul(usize::from(tag >> 5));
        let (bytes, rest) = rest.split_at_checked(length).unwrap_or((rest, &[]));
        script = rest;
        let [first, second] = &mut segments;
        let segment = if tag & 1 == 0 { first } else { second };
        match tag >> 1 & 7 {
            0 => segment.extend_from_slice(bytes),
            1 => segment.resize(segment.len().next_multiple_of(SECTOR), 0),
            2 => applied = position,
            3 => position.sequence = position.sequence.wrapping_add(1),
            4 => segment.truncate(SECTOR),
            _ => {
                let mut frame = FrameBuf::default();
                frame.begin();
                frame.push(bytes);
                if let Some((next, frame)) = frame.seal(&LOG, position) {
                    position = next;
                    segment.extend_from_slice(frame);
                }
            }
        }
    }
    let [first, second] = &segments;
    if let Ok(replayed) = replay(&LOG, applied, [first, second]) {
        let mut last = applied.sequence;
        for frame in replayed.runs.iter().flat_map(|run| &run.frames) {
            assert!(frame.position.sequence == last + 1, "no frame is left out");
            last = frame.position.sequence;
        }
        assert!(replayed.position.sequence == last, "the log goes on after its last frame");
    }
}

const LOG: LogId = [7; 16];

#[cfg(test)]
mod tests {
    /// A smoke run; the fuzzer does the rest.
    #[test]
    fn rubbish_does_not_panic() {
        let mut state = 1_u64;
        for length in 0..3000_usize {
            let bytes: Vec<u8> = (0..length % 700)
                .map(|_| {
                    state =
                        state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    state.to_be_bytes()[0]
                })
                .collect();
            super::header(&bytes);
            super::changes(&bytes);
            super::log(&bytes);
        }
    }
}
