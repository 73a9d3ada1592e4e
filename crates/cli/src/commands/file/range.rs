//! A part of a decrypted file.

use std::fs::File;
use std::io::Write;

use strongroom_envelope::stream::Reader;
use zeroize::Zeroizing;

use crate::exit::{Failure, Kind};

/// Bytes of a decrypted file.
#[derive(Clone, Copy)]
pub(super) struct Range {
    begin: u64,
    end: Option<u64>,
}

/// Reads `A..B`, of which either may be missing.
pub(super) fn parse_range(text: &str) -> Result<Range, String> {
    let wrong = || "a range is written 0..100, 100.. or ..100, with the smaller number first".to_owned();
    let (begin, end) = text.split_once("..").ok_or_else(wrong)?;
    let number = |text: &str| match text {
        "" => Ok(None),
        digits => digits.parse().map(Some).map_err(|_| wrong()),
    };
    let range = Range { begin: number(begin)?.unwrap_or(0), end: number(end)? };
    if range.end.is_some_and(|end| end < range.begin) { Err(wrong()) } else { Ok(range) }
}

/// The bytes of a range that there are; a range that goes beyond the end is refused rather than cut.
pub(super) fn within(range: Range, len: u64) -> Result<(u64, u64), Failure> {
    let end = range.end.unwrap_or(len);
    if range.begin > len || end > len {
        return Err(Failure::usage(format!(
            "the range goes beyond the end: the decrypted file has {len} bytes"
        )));
    }
    Ok((range.begin, end))
}

/// Decrypts these bytes, segment by segment.
pub(super) fn copy_range(
    reader: &mut Reader<&File>,
    begin: u64,
    end: u64,
    sink: &mut dyn Write,
) -> Result<(), Failure> {
    let mut buffer = Zeroizing::new(vec![0; PIECE]);
    let mut at = begin;
    while at < end {
        let wanted = usize::try_from(end - at).unwrap_or(PIECE).min(PIECE);
        let room = buffer.get_mut(..wanted).unwrap_or_default();
        let read = reader.read_at(room, at)?;
        let piece = room.get(..read).filter(|piece| !piece.is_empty());
        let piece =
            piece.ok_or_else(|| Failure::new(Kind::Damaged, "the file became shorter while it was read"))?;
        sink.write_all(piece)
            .map_err(|error| Failure::io("what was decrypted could not be written", &error))?;
        at = at.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
    }
    Ok(())
}

/// What is decrypted of a range at a time; a segment, mostly.
const PIECE: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_and_those_that_go_backwards_or_nowhere_refused() {
        for (text, begin, end) in [
            ("0..100", 0, Some(100)),
            ("5..", 5, None),
            ("..7", 0, Some(7)),
            ("..", 0, None),
            ("3..3", 3, Some(3)),
        ] {
            let range = parse_range(text).unwrap();
            assert_eq!((range.begin, range.end), (begin, end), "{text}");
        }
        for text in ["", "5", "7..5", "a..b", "-1..5", "1...5", "0..18446744073709551616"] {
            assert!(parse_range(text).is_err(), "{text}");
        }
    }

    #[test]
    fn range_beyond_the_end_is_refused() {
        let range = |begin, end| within(Range { begin, end }, 10).ok();
        assert_eq!(range(0, None), Some((0, 10)));
        assert_eq!(range(10, None), Some((10, 10)));
        assert_eq!(range(3, Some(10)), Some((3, 10)));
        assert_eq!((range(11, None), range(0, Some(11))), (None, None));
    }
}
