//! From what was typed to a share.

use std::fmt;
use std::num::NonZeroU8;

use bech32::Fe32;
use strongroom_crypto::secret::{SecretBytes, SecretError};
use zeroize::Zeroizing;

use super::{DATA_SYMBOLS, PAYLOAD_LEN, PREFIX, SYMBOLS, ShareText, TEXT_LEN, VERSION, code, correction};
use crate::share::Share;

/// A share as it was typed.
pub enum Decoded {
    /// Without an error.
    Exact(ShareText),
    /// With errors that the check symbols could mend. Ask the holder whether the corrections are what the paper says.
    Corrected {
        /// The share after the corrections.
        share: ShareText,
        /// What was changed, in the order of the text. At least one.
        corrections: Vec<Correction>,
    },
}

/// One character that was mended. (It tells a letter of the share, so it is for its holder's eyes: no `Debug`.)
pub struct Correction {
    /// Which character of the text, counted from 1 with `sr1`, without spaces and hyphens.
    pub position: usize,
    /// What was typed there.
    pub typed: char,
    /// What belongs there.
    pub corrected: char,
}

/// Reads a share.
///
/// Upper and lower case may be mixed; spaces and hyphens may stand anywhere. A `?`, and the letters that shares never
/// contain (`b`, `i`, `o`, `1`), stand for a letter that could not be read.
///
/// # Errors
///
/// Each says what is wrong and where, and nothing of what was typed.
pub fn decode(text: &str) -> Result<Decoded, ShareTextError> {
    let typed = letters(text)?;
    let mut symbols = Zeroizing::new(Vec::with_capacity(SYMBOLS));
    let mut erased = Vec::new();
    for (place, &letter) in (0..SYMBOLS).rev().zip(typed.iter()) {
        let symbol = symbol(letter).ok();
        if symbol.is_none() {
            erased.push(place);
        }
        symbols.push(symbol.unwrap_or(0));
    }

    let syndrome = code::syndrome(&symbols);
    if *syndrome == 0 && erased.is_empty() {
        return Ok(Decoded::Exact(share(&symbols)?));
    }
    let errors = correction::errors(*syndrome, SYMBOLS, &erased).ok_or(ShareTextError::TooManyErrors)?;
    let mut corrections = Vec::with_capacity(errors.len());
    for (index, ((symbol, &typed), place)) in
        symbols.iter_mut().zip(typed.iter()).zip((0..SYMBOLS).rev()).enumerate()
    {
        if let Some((_, error)) = errors.iter().find(|(at, _)| *at == place) {
            *symbol ^= error;
            let corrected = Fe32::try_from(*symbol).map_or('?', Fe32::to_char);
            corrections.push(Correction { position: PREFIX.len() + index + 1, typed, corrected });
        }
    }
    if *code::syndrome(&symbols) != 0 {
        return Err(ShareTextError::TooManyErrors);
    }
    Ok(Decoded::Corrected { share: share(&symbols)?, corrections })
}

/// The characters after the prefix, as many as there must be, each of which can be read or counts as unreadable.
fn letters(text: &str) -> Result<Zeroizing<Vec<char>>, ShareTextError> {
    let typed = || text.chars().filter(|&letter| !is_separator(letter));
    let count = typed().count();
    if count == 0 {
        return Err(ShareTextError::Empty);
    }
    if typed().zip(PREFIX.chars()).any(|(letter, expected)| letter.to_ascii_lowercase() != expected) {
        return Err(ShareTextError::Prefix);
    }
    if let Some(before) =
        typed().skip(PREFIX.len()).take(SYMBOLS).position(|letter| symbol(letter) == Err(Unread::Foreign))
    {
        return Err(ShareTextError::ForeignCharacter { position: PREFIX.len() + before + 1 });
    }
    if count < TEXT_LEN {
        return Err(ShareTextError::TooShort { missing: TEXT_LEN - count });
    }
    if count > TEXT_LEN {
        return Err(ShareTextError::TooLong { extra: count - TEXT_LEN });
    }
    let mut letters = Zeroizing::new(Vec::with_capacity(SYMBOLS));
    letters.extend(typed().skip(PREFIX.len()));
    Ok(letters)
}

fn is_separator(letter: char) -> bool {
    // Word processors turn hyphens into dashes.
    letter.is_whitespace() || letter == '-' || ('\u{2010}'..='\u{2015}').contains(&letter)
}

fn symbol(letter: char) -> Result<u8, Unread> {
    match letter.to_ascii_lowercase() {
        '?' | 'b' | 'i' | 'o' | '1' => Err(Unread::Unreadable),
        letter => Fe32::from_char(letter).map(Fe32::to_u8).map_err(|_| Unread::Foreign),
    }
}

#[derive(PartialEq)]
enum Unread {
    /// A letter of the share, but which one is not known.
    Unreadable,
    /// Nothing that stands in a share.
    Foreign,
}

/// The share in symbols that are right.
fn share(symbols: &[u8]) -> Result<ShareText, ShareTextError> {
    let payload = payload(symbols).ok_or(ShareTextError::Invalid)?;
    let [version, fields @ ..] = payload.as_slice() else { return Err(ShareTextError::Invalid) };
    if *version != VERSION {
        return Err(ShareTextError::UnknownVersion { version: *version });
    }
    let (&set, fields) = fields.split_first_chunk().ok_or(ShareTextError::Invalid)?;
    let &[group, index, threshold, ref y @ ..] = fields else { return Err(ShareTextError::Invalid) };
    let index = NonZeroU8::new(index).ok_or(ShareTextError::Invalid)?;
    if threshold == 0 {
        return Err(ShareTextError::Invalid);
    }
    Ok(ShareText { set, group, threshold, share: Share::new(index, SecretBytes::copy_from_slice(y)?) })
}

/// The bytes in the data symbols, unless a bit is set that must be zero.
fn payload(symbols: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let mut payload = Zeroizing::new(Vec::with_capacity(PAYLOAD_LEN));
    let mut bits = Zeroizing::new(0u16);
    let mut held = 0;
    for &symbol in symbols.iter().take(DATA_SYMBOLS) {
        *bits = *bits << 5 | u16::from(symbol);
        held += 5;
        if held >= 8 {
            held -= 8;
            let [_, byte] = (*bits >> held).to_be_bytes();
            payload.push(byte);
            *bits &= (1 << held) - 1;
        }
    }
    (*bits == 0 && payload.len() == PAYLOAD_LEN).then_some(payload)
}

/// Why a text is not a share.
#[derive(Debug)]
pub enum ShareTextError {
    /// Nothing was typed.
    Empty,
    /// It does not begin with `sr1`.
    Prefix,
    /// A character that stands in no share.
    ForeignCharacter {
        /// Which, counted from 1 without spaces and hyphens.
        position: usize,
    },
    /// Characters are missing.
    TooShort {
        /// How many.
        missing: usize,
    },
    /// There are too many characters.
    TooLong {
        /// How many.
        extra: usize,
    },
    /// More wrong letters than can be mended.
    TooManyErrors,
    /// A form that this version does not know.
    UnknownVersion {
        /// Its version.
        version: u8,
    },
    /// The check symbols are right, but what they check is no share.
    Invalid,
    /// No secret memory.
    Memory(SecretError),
}

impl fmt::Display for ShareTextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("no share was entered"),
            Self::Prefix => {
                write!(
                    f,
                    "a Strongroom share begins with {PREFIX}, and this does not: is it a share, and complete?"
                )
            }
            Self::ForeignCharacter { position } => write!(
                f,
                "character {position} stands in no share (spaces not counted): enter ? for a letter that cannot be read"
            ),
            Self::TooShort { missing } => write!(
                f,
                "{missing} of the {TEXT_LEN} characters of a share are missing: enter ? for each letter that cannot be read"
            ),
            Self::TooLong { extra } => {
                write!(
                    f,
                    "{extra} characters too many: a share has {TEXT_LEN}, spaces not counted; is one typed twice?"
                )
            }
            Self::TooManyErrors => f.write_str(
                "too many letters are wrong to be mended: compare with the paper and enter it again",
            ),
            Self::UnknownVersion { version } => {
                write!(f, "the share has the form {version}, which this version cannot read: use a newer one")
            }
            Self::Invalid => f.write_str("this was typed correctly, but it is not a share of Strongroom's"),
            Self::Memory(_) => {
                f.write_str("the share was not read, because there was no memory fit for secrets")
            }
        }
    }
}

impl std::error::Error for ShareTextError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Memory(error) => Some(error),
            _ => None,
        }
    }
}

impl From<SecretError> for ShareTextError {
    fn from(error: SecretError) -> Self {
        Self::Memory(error)
    }
}
