//! From a share to its text.

use std::fmt;

use bech32::Fe32;
use zeroize::Zeroizing;

use super::{DATA_SYMBOLS, PAYLOAD_LEN, PREFIX, SECRET_LEN, SYMBOLS, ShareText, TEXT_LEN, VERSION, code};

/// The share as one word of 102 lower-case characters.
///
/// # Errors
///
/// When the share is not of a 32-byte secret, or its threshold is 0.
pub fn encode(share: &ShareText) -> Result<Zeroizing<String>, ShareEncodeError> {
    in_blocks(share, TEXT_LEN)
}

/// The share in 17 blocks of six characters with spaces between them, for paper.
///
/// # Errors
///
/// As [`encode`].
pub fn encode_grouped(share: &ShareText) -> Result<Zeroizing<String>, ShareEncodeError> {
    in_blocks(share, BLOCK)
}

fn in_blocks(share: &ShareText, block: usize) -> Result<Zeroizing<String>, ShareEncodeError> {
    let symbols = symbols(share)?;
    let letters = symbols.iter().filter_map(|&symbol| Fe32::try_from(symbol).ok()).map(Fe32::to_char);
    // Reserved in full, since growing would leave a copy behind.
    let mut text = Zeroizing::new(String::with_capacity(TEXT_LEN + TEXT_LEN / block));
    for (position, letter) in PREFIX.chars().chain(letters).enumerate() {
        if position > 0 && position.is_multiple_of(block) {
            text.push(' ');
        }
        text.push(letter);
    }
    Ok(text)
}

/// The data and check symbols.
fn symbols(share: &ShareText) -> Result<Zeroizing<Vec<u8>>, ShareEncodeError> {
    let y = share.share.y().expose();
    if y.len() != SECRET_LEN {
        return Err(ShareEncodeError::SecretLength { length: y.len() });
    }
    if share.threshold == 0 {
        return Err(ShareEncodeError::ThresholdZero);
    }
    let mut payload = Zeroizing::new(Vec::with_capacity(PAYLOAD_LEN));
    payload.push(VERSION);
    payload.extend_from_slice(&share.set);
    payload.extend_from_slice(&[share.group, share.share.index().get(), share.threshold]);
    payload.extend_from_slice(y);

    let mut symbols = Zeroizing::new(Vec::with_capacity(SYMBOLS));
    symbols.extend((0..DATA_SYMBOLS).map(|position| symbol(&payload, position)));
    let check = code::check_symbols(&symbols);
    symbols.extend_from_slice(check.as_slice());
    Ok(symbols)
}

/// The five bits from bit 5 · `position` on, filled up with zeros at the end.
fn symbol(payload: &[u8], position: usize) -> u8 {
    let (first, skipped) = (position * 5 / 8, position * 5 % 8);
    let byte = |at: usize| payload.get(at).copied().unwrap_or(0);
    let [high, _] = (u16::from_be_bytes([byte(first), byte(first + 1)]) << skipped).to_be_bytes();
    high >> 3
}

/// Why a share was not written out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShareEncodeError {
    /// Its values are not 32 bytes.
    SecretLength {
        /// How many they are.
        length: usize,
    },
    /// A threshold of 0.
    ThresholdZero,
}

impl fmt::Display for ShareEncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SecretLength { length } => write!(
                f,
                "a share of {length} bytes has no text form: the secret must have {SECRET_LEN} bytes (use hex or base64)"
            ),
            Self::ThresholdZero => {
                f.write_str("a share with a threshold of 0 has no text form: choose at least 1")
            }
        }
    }
}

impl std::error::Error for ShareEncodeError {}

/// 102 characters are 17 blocks exactly, prefix included.
const BLOCK: usize = 6;
