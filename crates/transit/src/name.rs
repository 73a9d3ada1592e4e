//! Names of keys.

use std::fmt;
use std::str::FromStr;

/// The name of a key: 1 to 200 letters, digits, `_`, `-` and `.` of ASCII, with neither `-` nor `.` at an end.
///
/// These are Vault's names, but for its lack of a limit. `Debug` does not show the name: names are as confidential as values.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyName(Box<str>);

impl KeyName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for KeyName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        if text.is_empty() || text.len() > MAX_LEN {
            return Err(NameError::Length);
        }
        let inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
        let edge = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !text.bytes().all(inner) || !edge(text.bytes().next()) || !edge(text.bytes().last()) {
            return Err(NameError::Character);
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyName(…)")
    }
}

/// Why a text is no name of a key. Does not repeat the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameError {
    /// None, or more than 200 bytes.
    Length,
    /// A character that names do not have, or `-` or `.` at an end.
    Character,
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Length => "a key's name has 1 to 200 characters: choose another",
            Self::Character => {
                "a key's name has letters, digits, `_`, `-` and `.`, and begins and ends with a letter, digit or `_`: \
                 choose another"
            }
        })
    }
}

impl std::error::Error for NameError {}

const MAX_LEN: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_is_one_segment_of_plain_characters() {
        for good in ["a", "_", "payments", "Card-API.v2", "0", &"x".repeat(200)] {
            assert_eq!(good.parse::<KeyName>().unwrap().as_str(), good);
        }
        for bad in ["-a", "a-", ".", "..", "a.", "a/b", "a b", "ü", "a\0", "a\n", "../x", "%2e"] {
            assert_eq!(bad.parse::<KeyName>(), Err(NameError::Character), "{bad:?}");
        }
        for bad in ["", &"x".repeat(201)] {
            assert_eq!(bad.parse::<KeyName>(), Err(NameError::Length));
        }
    }

    #[test]
    fn debug_output_shows_no_name() {
        assert!(!format!("{:?}", "canary".parse::<KeyName>().unwrap()).contains("canary"));
    }
}
