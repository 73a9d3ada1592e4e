//! Shares as `HashiCorp` Vault and `OpenBao` write them: the values, then the number (`y ‖ x`), in hex or base64.
//!
//! The field is the same, so shares go both ways. Vault's 1-of-1 is no share but the bare secret, without a number.

use std::fmt;
use std::num::NonZeroU8;

use data_encoding::{BASE64, Encoding, HEXLOWER, HEXLOWER_PERMISSIVE};
use strongroom_crypto::secret::{SecretBytes, SecretError};
use zeroize::Zeroizing;

use crate::share::{MAX_SECRET_LEN, Share};

/// The share as `y ‖ x`.
pub fn to_bytes(share: &Share) -> Zeroizing<Vec<u8>> {
    // Reserved in full, since growing would leave a copy behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(share.y().len().saturating_add(1)));
    bytes.extend_from_slice(share.y().expose());
    bytes.push(share.index().get());
    bytes
}

/// The share in lower-case hex.
pub fn to_hex(share: &Share) -> Zeroizing<String> {
    encode(&HEXLOWER, share)
}

/// The share in base64 (RFC 4648, section 4, padded).
pub fn to_base64(share: &Share) -> Zeroizing<String> {
    encode(&BASE64, share)
}

/// The share whose bytes are `y ‖ x`.
///
/// # Errors
///
/// When they are too few or too many, or x is 0.
pub fn from_bytes(bytes: &[u8]) -> Result<Share, ParseError> {
    let (&x, y) = bytes.split_last().ok_or(ParseError::TooShort)?;
    if y.is_empty() {
        return Err(ParseError::TooShort);
    }
    if y.len() > MAX_SECRET_LEN {
        return Err(ParseError::TooLong);
    }
    let index = NonZeroU8::new(x).ok_or(ParseError::IndexZero)?;
    Ok(Share::new(index, SecretBytes::copy_from_slice(y)?))
}

/// The share written in hex (either case) or base64, perhaps with white space around it.
///
/// Hex is tried first, as Vault does: a base64 text of a key's length is practically never all hex digits.
///
/// # Errors
///
/// As [`from_bytes`], and when the text is neither.
pub fn parse(text: &str) -> Result<Share, ParseError> {
    let text = text.trim();
    if text.len() > MAX_TEXT_LEN {
        return Err(ParseError::TooLong);
    }
    let bytes = decode(&HEXLOWER_PERMISSIVE, text)
        .or_else(|| decode(&BASE64, text))
        .ok_or(ParseError::NeitherHexNorBase64)?;
    from_bytes(&bytes)
}

fn encode(encoding: &Encoding, share: &Share) -> Zeroizing<String> {
    let bytes = to_bytes(share);
    let mut text = Zeroizing::new(String::with_capacity(encoding.encode_len(bytes.len())));
    encoding.encode_append(&bytes, &mut text);
    text
}

fn decode(encoding: &Encoding, text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(vec![0; encoding.decode_len(text.len()).ok()?]);
    let length = encoding.decode_mut(text.as_bytes(), &mut bytes).ok()?;
    bytes.truncate(length);
    Some(bytes)
}

/// Why a text or bytes are not a share in Vault's form.
#[derive(Debug)]
pub enum ParseError {
    /// Neither hex nor base64.
    NeitherHexNorBase64,
    /// Less than one value and a number.
    TooShort,
    /// More than the longest secret and a number.
    TooLong,
    /// The number is 0, which is no share's.
    IndexZero,
    /// No secret memory.
    Memory(SecretError),
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NeitherHexNorBase64 => {
                f.write_str("this is neither hex nor base64: enter the share just as it was printed")
            }
            Self::TooShort => f.write_str("this is too short to be a share: enter all of it"),
            Self::TooLong => write!(
                f,
                "this is too long to be a share: the secret that it belongs to has at most {MAX_SECRET_LEN} bytes"
            ),
            Self::IndexZero => f.write_str(
                "this share has number 0, which no share has: it is damaged, or it is not a share",
            ),
            Self::Memory(_) => {
                f.write_str("the share was not read, because there was no memory fit for secrets")
            }
        }
    }
}

impl std::error::Error for ParseError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Memory(error) => Some(error),
            _ => None,
        }
    }
}

impl From<SecretError> for ParseError {
    fn from(error: SecretError) -> Self {
        Self::Memory(error)
    }
}

/// Hex, the longer of the two, of the longest share.
const MAX_TEXT_LEN: usize = 2 * (MAX_SECRET_LEN + 1);
