//! Why sealing or opening did not happen.

use std::error::Error;
use std::fmt;

/// Sealing or opening did not happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AeadError {
    /// The tag is wrong: the bytes, the associated data, the nonce or the key are not those that were sealed.
    Forged,
    /// The output has another length than the input.
    Length,
    /// The cipher library refused.
    Cipher,
}

impl fmt::Display for AeadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Forged => "the sealed bytes are damaged, or belong to another key or place",
            Self::Length => "the output has another length than the input",
            Self::Cipher => "the cipher library refused",
        })
    }
}

impl Error for AeadError {}
