//! What a log holds that the database does not have yet.
//!
//! A frame is written only after the one before it has been synced. So after a loss of power, or a kill, at most the
//! last frame can be torn, and it was not acknowledged. An unreadable frame that is followed by a whole, later one
//! was acknowledged and then damaged: that is reported, never skipped.
//!
//! Segments are not cleared before they are used again. What is left of an earlier use is told by its sequence: a
//! segment is used again only when the database has durably taken everything in it.
//!
//! The damage that cannot be told from a torn write is that of the very last frame.

use crate::log::frame::{self, Changes, Frame};
use crate::log::header::Header;
use crate::log::{Damage, LogId, Position, SECTOR};

/// The frames to apply, and where the log goes on.
#[derive(Debug)]
pub(crate) struct Replay<'a> {
    /// At most one run of frames for each segment, the older first.
    pub(crate) runs: Vec<Run<'a>>,
    /// The last frame, or what the database has.
    pub(crate) position: Position,
    /// The segment that does not hold what the database took last.
    pub(crate) spare: usize,
}

/// The frames of one segment that the database does not have, in order, without a gap.
#[derive(Debug)]
pub(crate) struct Run<'a> {
    pub(crate) segment: usize,
    pub(crate) frames: Vec<Frame<'a>>,
    /// Where its last frame begins and ends in the segment.
    pub(crate) last: (usize, usize),
}

/// Reads two segments, `applied` being the last frame that the database has.
pub(crate) fn replay<'a>(
    log: &LogId,
    applied: Position,
    segments: [&'a [u8]; 2],
) -> Result<Replay<'a>, Damage> {
    let mut runs = Vec::new();
    let mut firsts = [0; 2];
    for (segment, bytes) in segments.into_iter().enumerate() {
        check_header(log, segment, bytes)?;
        let (run, end) = read_run(log, applied, segment, bytes);
        if let Some(first) = firsts.get_mut(segment) {
            *first = first_sequence(log, bytes);
        }
        let last = run.as_ref().map_or(applied, Run::position);
        check_nothing_follows(log, last.sequence, segment, bytes, end)?;
        runs.extend(run);
    }
    runs.sort_by_key(|run| run.position().sequence);
    let position = check_chain(applied, &runs)?;
    for frame in runs.iter().flat_map(|run| &run.frames) {
        if Changes::of(frame.contents).any(|change| change.is_err()) {
            return Err(Damage::Senseless { sequence: frame.position.sequence });
        }
    }
    let [first, second] = firsts;
    Ok(Replay { runs, position, spare: usize::from(first > second) })
}

impl Run<'_> {
    fn position(&self) -> Position {
        self.frames.last().map_or_else(Position::default, |frame| frame.position)
    }
}

fn check_header(log: &LogId, segment: usize, bytes: &[u8]) -> Result<(), Damage> {
    let header = Header::decode(bytes).ok_or(Damage::Header { segment })?;
    if header.log != *log || usize::from(header.segment) != segment {
        return Err(Damage::Foreign { segment });
    }
    Ok(())
}

/// Where a segment's latest use began; 0 if it was never used, or if its first frame is torn.
fn first_sequence(log: &LogId, bytes: &[u8]) -> u64 {
    let first = bytes.get(SECTOR..).and_then(|rest| frame::decode(log, rest, 0));
    first.map_or(0, |frame| frame.position.sequence)
}

/// The frames from the beginning of a segment on, as far as they continue each other, and where they end.
fn read_run<'a>(log: &LogId, applied: Position, segment: usize, bytes: &'a [u8]) -> (Option<Run<'a>>, usize) {
    let mut frames: Vec<Frame<'a>> = Vec::new();
    let mut before: Option<Position> = None;
    let mut last = (SECTOR, SECTOR);
    while let Some(frame) = bytes.get(last.1..).and_then(|rest| frame::decode(log, rest, applied.sequence)) {
        if before.is_some_and(|before| !continues(before, &frame)) {
            break;
        }
        before = Some(frame.position);
        last = (last.1, last.1.saturating_add(frame.size));
        if frame.position.sequence > applied.sequence {
            frames.push(frame);
        }
    }
    let run = (!frames.is_empty()).then_some(Run { segment, frames, last });
    (run, last.1)
}

/// Looks for frames that were written after the place where the run ends.
fn check_nothing_follows(
    log: &LogId,
    last: u64,
    segment: usize,
    bytes: &[u8],
    end: usize,
) -> Result<(), Damage> {
    let mut offset = end;
    while let Some(rest) = bytes.get(offset..).filter(|rest| !rest.is_empty()) {
        if frame::decode(log, rest, last).is_some_and(|frame| frame.position.sequence > last) {
            return Err(Damage::Hole { segment, offset: end });
        }
        offset = offset.saturating_add(SECTOR);
    }
    Ok(())
}

fn check_chain(applied: Position, runs: &[Run<'_>]) -> Result<Position, Damage> {
    let mut before = applied;
    for run in runs {
        let Some(first) = run.frames.first() else { continue };
        if !continues(before, first) {
            let found = first.position.sequence;
            let expected = before.sequence.saturating_add(1);
            return Err(if found == expected {
                Damage::Broken { sequence: found }
            } else {
                Damage::Gap { expected, found }
            });
        }
        before = run.position();
    }
    Ok(before)
}

fn continues(before: Position, frame: &Frame<'_>) -> bool {
    before.sequence.checked_add(1) == Some(frame.position.sequence) && before.checksum == frame.previous
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::frame::{FrameBuf, encode_change};

    const LOG: LogId = [9; 16];
    const LENGTH: usize = 16 * SECTOR;

    struct Writer {
        segments: [Vec<u8>; 2],
        ends: [usize; 2],
        position: Position,
    }

    impl Writer {
        fn new() -> Self {
            let segment = |segment| {
                let mut bytes = Header { segment, log: LOG, length: LENGTH as u64 }.encode().to_vec();
                bytes.resize(LENGTH, 0);
                bytes
            };
            Self { segments: [segment(0), segment(1)], ends: [SECTOR; 2], position: Position::default() }
        }

        fn write(&mut self, segment: usize, value: &[u8]) -> usize {
            let mut contents = Vec::new();
            encode_change(&mut contents, b"key", Some(value)).unwrap();
            let mut frame = FrameBuf::default();
            frame.begin();
            frame.push(&contents);
            let (position, bytes) = frame.seal(&LOG, self.position).unwrap();
            let start = self.ends[segment];
            self.segments[segment][start..start + bytes.len()].copy_from_slice(bytes);
            self.ends[segment] = start + bytes.len();
            self.position = position;
            start
        }

        fn replay(&self, applied: Position) -> Result<Replay<'_>, Damage> {
            replay(&LOG, applied, [&self.segments[0], &self.segments[1]])
        }

        fn sequences(&self, applied: Position) -> Result<Vec<u64>, Damage> {
            let replay = self.replay(applied)?;
            Ok(replay.runs.iter().flat_map(|run| &run.frames).map(|frame| frame.position.sequence).collect())
        }
    }

    #[test]
    fn frames_in_both_segments_come_in_order_whichever_segment_is_older() {
        for older in [0, 1] {
            let mut log = Writer::new();
            log.write(older, b"1");
            log.write(older, b"2");
            log.write(1 - older, b"3");
            assert_eq!(log.sequences(Position::default()).unwrap(), [1, 2, 3]);
        }
    }

    #[test]
    fn frames_that_the_database_has_are_left_out() {
        let mut log = Writer::new();
        log.write(0, b"1");
        log.write(0, b"2");
        let applied = log.position;
        log.write(1, b"3");
        assert_eq!(log.sequences(applied).unwrap(), [3]);
        let applied = log.position;
        assert_eq!(log.sequences(applied).unwrap(), [0_u64; 0]);
        assert_eq!(log.replay(applied).unwrap().position, applied);
    }

    #[test]
    fn stale_frames_of_an_earlier_use_are_no_damage() {
        let mut log = Writer::new();
        for _ in 0..5 {
            log.write(0, b"early");
        }
        let applied = log.position;
        log.ends[0] = SECTOR;
        log.write(0, b"late");
        assert_eq!(log.sequences(applied).unwrap(), [6]);
        // The first frame of the second use is torn: nothing of it counts, and the rest is stale.
        log.segments[0][SECTOR + 30] ^= 1;
        assert_eq!(log.sequences(applied).unwrap(), [0_u64; 0]);
    }

    #[test]
    fn torn_last_frame_is_dropped() {
        let mut log = Writer::new();
        log.write(0, b"1");
        let start = log.write(0, &[7; 3 * SECTOR]);
        for sector in 0..3 {
            let mut torn = Writer { segments: log.segments.clone(), ..Writer::new() };
            torn.segments[0][start + sector * SECTOR..start + (sector + 1) * SECTOR].fill(0);
            assert_eq!(torn.sequences(Position::default()).unwrap(), [1]);
        }
    }

    #[test]
    fn damage_before_a_later_frame_is_reported_and_nothing_is_dropped() {
        let mut log = Writer::new();
        let first = log.write(0, b"1");
        let second = log.write(0, b"2");
        log.write(0, b"3");
        for start in [first, second] {
            let mut damaged = Writer { segments: log.segments.clone(), ..Writer::new() };
            damaged.segments[0][start + 30] ^= 4;
            assert_eq!(
                damaged.sequences(Position::default()),
                Err(Damage::Hole { segment: 0, offset: start })
            );
        }
    }

    #[test]
    fn damage_at_the_end_of_the_older_segment_is_a_gap() {
        let mut log = Writer::new();
        log.write(0, b"1");
        let start = log.write(0, b"2");
        log.write(1, b"3");
        log.segments[0][start + 30] ^= 4;
        assert_eq!(log.sequences(Position::default()), Err(Damage::Gap { expected: 2, found: 3 }));
    }

    #[test]
    fn an_older_database_beside_a_newer_log_is_a_gap() {
        let mut log = Writer::new();
        log.position = Position { sequence: 40, checksum: 1 };
        log.write(0, b"41");
        assert_eq!(log.sequences(Position::default()), Err(Damage::Gap { expected: 1, found: 41 }));
    }

    #[test]
    fn a_log_that_continues_another_history_is_broken() {
        let mut log = Writer::new();
        log.position = Position { sequence: 4, checksum: 1 };
        log.write(0, b"5");
        let other = Position { sequence: 4, checksum: 2 };
        assert_eq!(log.sequences(other), Err(Damage::Broken { sequence: 5 }));
    }

    #[test]
    fn the_spare_segment_is_the_one_that_was_checkpointed_earlier() {
        for later in [0, 1] {
            let mut log = Writer::new();
            log.write(1 - later, b"1");
            log.write(later, b"2");
            assert_eq!(log.replay(log.position).unwrap().spare, 1 - later);
            // It stays so when the first frame of its next use is torn.
            log.segments[1 - later][SECTOR + 25] ^= 1;
            assert_eq!(log.replay(log.position).unwrap().spare, 1 - later);
        }
    }

    #[test]
    fn another_stores_segment_is_foreign() {
        let log = Writer::new();
        let segments = [log.segments[0].as_slice(), log.segments[1].as_slice()];
        let foreign = replay(&[1; 16], Position::default(), segments).unwrap_err();
        assert_eq!(foreign, Damage::Foreign { segment: 0 });
        let swapped = replay(&LOG, Position::default(), [segments[1], segments[0]]).unwrap_err();
        assert_eq!(swapped, Damage::Foreign { segment: 0 });
    }

    #[test]
    fn a_value_that_looks_like_frames_does_not_confuse_a_torn_one() {
        let mut log = Writer::new();
        log.write(0, b"1");
        log.write(0, b"2");
        let copy = log.segments[0][SECTOR..3 * SECTOR].to_vec();
        // Shifted so that the copies begin at sectors: a frame's header, a change's header and its key are before.
        let mut value = vec![0; SECTOR - 20 - 7 - 3];
        value.extend_from_slice(&copy);
        let start = log.write(0, &value);
        assert_eq!(log.sequences(Position::default()).unwrap(), [1, 2, 3]);
        log.segments[0][start + 30] ^= 4;
        assert_eq!(log.sequences(Position::default()).unwrap(), [1, 2]);
    }
}
