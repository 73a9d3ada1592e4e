//! The public slot file: what a holder needs to check a share alone, on a machine that has never seen the store.
//!
//! ```text
//! strongroom slots 1
//! # store 1f0c…
//! BASE64 of the store's slots, in lines of 76
//! sha256 HEX
//! ```
//!
//! It holds no secret: the slots as they lie in storage, with public keys, policies and commitments. Whoever keeps it must
//! keep it from being exchanged: its hash stands in the transcript.

use std::fmt;

use sha2::{Digest as _, Sha256};
use strongroom::SlotSet;

/// Writes the file.
pub fn encode(slots: &SlotSet) -> String {
    let bytes = slots.encode();
    let base64 = data_encoding::BASE64.encode(&bytes);
    let mut text = format!("{HEADER}\n# store {}\n", slots.store());
    let mut rest = base64.as_str();
    while !rest.is_empty() {
        let (line, later) = rest.split_at_checked(LINE).unwrap_or((rest, ""));
        text.push_str(line);
        text.push('\n');
        rest = later;
    }
    text.push_str("sha256 ");
    text.push_str(&data_encoding::HEXLOWER.encode(&Sha256::digest(&bytes)));
    text.push('\n');
    text
}

/// Reads the file.
///
/// # Errors
///
/// [`SlotFileError`] for everything but what [`encode`] wrote; nothing of it is used then.
pub fn decode(text: &str) -> Result<SlotSet, SlotFileError> {
    let rest =
        text.strip_prefix(HEADER).and_then(|rest| rest.strip_prefix('\n')).ok_or(SlotFileError::Header)?;
    let body: String = rest.lines().skip(1).take_while(|line| !line.starts_with("sha256 ")).collect();
    let bytes = data_encoding::BASE64.decode(body.as_bytes()).map_err(|_| SlotFileError::Damaged)?;
    let slots = SlotSet::decode(&bytes).map_err(|_| SlotFileError::Damaged)?;
    // One file has one form, so that no part of it can be altered without being seen.
    if encode(&slots) == text { Ok(slots) } else { Err(SlotFileError::Damaged) }
}

/// Why a text is no slot file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlotFileError {
    /// It does not begin as one.
    Header,
    /// It begins as one, but is incomplete or altered.
    Damaged,
}

impl fmt::Display for SlotFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Header => "this is no slot file: take the one that the last ceremony wrote, slots.txt",
            Self::Damaged => "the slot file is damaged or was altered: take a fresh copy of the one that the last ceremony wrote",
        })
    }
}

impl std::error::Error for SlotFileError {}

const HEADER: &str = "strongroom slots 1";
const LINE: usize = 76;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use strongroom::{InitOptions, MemoryStorage, Preparation};

    use super::*;

    fn slots() -> SlotSet {
        let options = InitOptions::new("custodians", "2 of 3".parse().unwrap());
        let prepared = pollster::block_on(Preparation::new(Arc::new(MemoryStorage::new()), options)).unwrap();
        prepared.slots().clone()
    }

    #[test]
    fn file_comes_back_as_it_was() {
        let slots = slots();
        assert_eq!(decode(&encode(&slots)).unwrap().encode(), slots.encode());
    }

    #[test]
    fn every_strict_prefix_and_every_appended_byte_is_refused() {
        let text = encode(&slots());
        assert!(text.is_ascii());
        for length in 0..text.len() {
            assert!(decode(text.get(..length).unwrap()).is_err(), "{length}");
        }
        assert!(decode(&format!("{text}\n")).is_err());
        assert!(decode(&format!("{text}a")).is_err());
    }

    #[test]
    fn every_changed_character_is_refused() {
        let text = encode(&slots());
        for place in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
            assert!(decode(std::str::from_utf8(&bytes).unwrap()).is_err(), "{place}");
        }
    }
}
