//! Ciphertexts, signatures and MACs as text (Vault's) and as bytes.
//!
//! Text: `vault:v`, the version in decimal, `:`, base64 with padding (RFC 4648, section 4). Signatures in JWS form have base64url
//! without padding (section 5) in its place, as Vault gives them. Bytes: the version as a big-endian `u32`, then the same bytes.

use std::fmt::{self, Write as _};

use data_encoding::{BASE64, BASE64URL_NOPAD, Encoding};

use crate::base64::is_padded_once;

/// How the bytes of a text are encoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Base64 {
    /// With the alphabet of RFC 4648, section 4, and padding.
    #[default]
    Standard,
    /// With the alphabet of section 5 and no padding: signatures in JWS form.
    Url,
}

impl Base64 {
    fn encoding(self) -> Encoding {
        match self {
            Self::Standard => BASE64,
            Self::Url => BASE64URL_NOPAD,
        }
    }
}

/// Writes version and bytes as Vault's text.
pub fn encode(version: u32, bytes: &[u8], base64: Base64) -> String {
    let encoding = base64.encoding();
    let mut text = String::with_capacity(PREFIX.len() + 11 + encoding.encode_len(bytes.len()));
    // Writing to a string does not fail.
    let _ = write!(text, "{PREFIX}{version}:");
    encoding.encode_append(bytes, &mut text);
    text
}

/// Reads Vault's text into version and bytes.
///
/// # Errors
///
/// [`TextError`]: nothing but what [`encode`] writes is taken; a version has no leading zero, and the last bits of base64 are
/// zero.
pub fn decode(text: &str, base64: Base64) -> Result<(u32, Vec<u8>), TextError> {
    let (version, encoded) = split(text)?;
    let bytes = base64.encoding().decode(encoded.as_bytes()).map_err(|_| TextError::Base64)?;
    if base64 == Base64::Standard && !is_padded_once(encoded.as_bytes(), bytes.len()) {
        return Err(TextError::Base64);
    }
    Ok((version, bytes))
}

/// The version that a text names, whatever follows.
///
/// # Errors
///
/// [`TextError::Prefix`] or [`TextError::Version`].
pub fn version(text: &str) -> Result<u32, TextError> {
    Ok(split(text)?.0)
}

fn split(text: &str) -> Result<(u32, &str), TextError> {
    let rest = text.strip_prefix(PREFIX).ok_or(TextError::Prefix)?;
    let (digits, encoded) = rest.split_once(':').ok_or(TextError::Version)?;
    Ok((parse_version(digits).ok_or(TextError::Version)?, encoded))
}

/// Splits bytes into the version and the rest.
///
/// # Errors
///
/// [`TextError::Truncated`], or [`TextError::Version`] for version 0, which no key has.
pub fn split_bytes(bytes: &[u8]) -> Result<(u32, &[u8]), TextError> {
    let (version, rest) = bytes.split_first_chunk().ok_or(TextError::Truncated)?;
    match u32::from_be_bytes(*version) {
        0 => Err(TextError::Version),
        version => Ok((version, rest)),
    }
}

fn parse_version(digits: &str) -> Option<u32> {
    let canonical = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
    if canonical { digits.parse().ok() } else { None }
}

/// Why a text or its bytes cannot be read. Does not repeat them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextError {
    /// It does not begin with `vault:v`.
    Prefix,
    /// What follows is no version, or the colon is missing.
    Version,
    /// What follows is not base64.
    Base64,
    /// The bytes end before the version does.
    Truncated,
}

impl fmt::Display for TextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Prefix => "the text does not begin with `vault:v`: pass it just as it was given out",
            Self::Version => "the version of the key in it is no number from 1 to 4,294,967,295: pass it just as it was given out",
            Self::Base64 => "what follows the version is not base64: pass it just as it was given out",
            Self::Truncated => "the bytes are too few to name a version of a key: pass them just as they were given out",
        })
    }
}

impl std::error::Error for TextError {}

/// Before the version.
const PREFIX: &str = "vault:v";

/// The length of the version before bytes.
pub const VERSION_LEN: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_that_of_vault() {
        assert_eq!(encode(1, b"\xff\xfe\xfd\xfc", Base64::Standard), "vault:v1://79/A==");
        assert_eq!(encode(12, b"\xff\xfe\xfd\xfc", Base64::Url), "vault:v12:__79_A");
        assert_eq!(encode(u32::MAX, b"", Base64::Standard), "vault:v4294967295:");
        for base64 in [Base64::Standard, Base64::Url] {
            for len in 0..50 {
                let bytes = vec![0xa7; len];
                assert_eq!(decode(&encode(7, &bytes, base64), base64), Ok((7, bytes)));
            }
        }
    }

    #[test]
    fn what_could_be_written_in_two_ways_is_refused() {
        for (text, error) in [
            ("", TextError::Prefix),
            ("Vault:v1:AA==", TextError::Prefix),
            (" vault:v1:AA==", TextError::Prefix),
            ("vault:1:AA==", TextError::Prefix),
            ("vault:v1", TextError::Version),
            ("vault:v:AA==", TextError::Version),
            ("vault:v0:AA==", TextError::Version),
            ("vault:v01:AA==", TextError::Version),
            ("vault:v+1:AA==", TextError::Version),
            ("vault:v-1:AA==", TextError::Version),
            ("vault:v4294967296:AA==", TextError::Version),
            ("vault:v1:AA", TextError::Base64),
            ("vault:v1:AB==", TextError::Base64),
            ("vault:v1:AA==\n", TextError::Base64),
            ("vault:v1:_w==", TextError::Base64),
            ("vault:v1:AA==AA==", TextError::Base64),
            ("vault:v2:mvHvdmfTdmfTEGs=EGs=", TextError::Base64),
        ] {
            assert_eq!(decode(text, Base64::Standard), Err(error), "{text:?}");
        }
        assert_eq!(decode("vault:v1:/w", Base64::Url), Err(TextError::Base64));
    }

    #[test]
    fn every_strict_prefix_of_a_text_is_refused_or_another_text() {
        let text = encode(1, b"\x01\x02\x03\x04", Base64::Standard);
        for len in 0..text.len() {
            let prefix = text.get(..len).unwrap();
            if let Ok((version, bytes)) = decode(prefix, Base64::Standard) {
                assert_eq!(encode(version, &bytes, Base64::Standard), prefix);
            }
        }
    }

    #[test]
    fn bytes_name_their_version() {
        assert_eq!(split_bytes(&[0, 0, 1, 2, 9]), Ok((258, &[9][..])));
        assert_eq!(split_bytes(&[0, 0, 0, 0, 9]), Err(TextError::Version));
        for len in 0..4 {
            assert_eq!(split_bytes(&[1; 4][..len]), Err(TextError::Truncated));
        }
    }
}
