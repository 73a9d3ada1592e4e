//! From shares to the secret.

use std::fmt;

use strongroom_crypto::secret::{SecretBytes, SecretError};

use crate::field;
use crate::share::Share;

/// The secret whose shares these are: the value at 0 of the polynomials through all of them.
///
/// The result is right if the shares are as many as the threshold or more, of one sharing, and all genuine. Otherwise it is
/// wrong, and nothing here can tell: check the result before it opens anything.
///
/// # Errors
///
/// Says which share does not belong, where the numbers or lengths alone show it.
pub fn combine(shares: &[&Share]) -> Result<SecretBytes, CombineError> {
    let (first, rest) = shares.split_first().ok_or(CombineError::NoShares)?;
    let length = first.y().len();
    if length == 0 {
        return Err(CombineError::Empty { index: first.index().get() });
    }
    if let Some(other) = rest.iter().find(|share| share.y().len() != length) {
        return Err(CombineError::UnequalLengths {
            first: first.index().get(),
            length,
            other: other.index().get(),
            other_length: other.y().len(),
        });
    }
    let indexes: Vec<u8> = shares.iter().map(|share| share.index().get()).collect();
    if let Some(index) = repeated(&indexes) {
        return Err(CombineError::DuplicateIndex { index });
    }

    let mut secret = SecretBytes::zeroed(length)?;
    for (share, factor) in shares.iter().zip(field::basis_at_zero(&indexes)) {
        for (sum, &y) in secret.expose_mut().iter_mut().zip(share.y().expose()) {
            *sum ^= field::mul(y, factor);
        }
    }
    Ok(secret)
}

fn repeated(indexes: &[u8]) -> Option<u8> {
    let mut sorted = indexes.to_vec();
    sorted.sort_unstable();
    sorted.iter().zip(sorted.iter().skip(1)).find_map(|(a, b)| (a == b).then_some(*a))
}

/// Why shares were not combined.
#[derive(Debug)]
pub enum CombineError {
    /// Not one share.
    NoShares,
    /// A share without values.
    Empty {
        /// Its number.
        index: u8,
    },
    /// Two shares with the same number: one typed twice, or two of different sharings.
    DuplicateIndex {
        /// Their number.
        index: u8,
    },
    /// Shares of different lengths, which cannot be of one secret.
    UnequalLengths {
        /// The number of the first share.
        first: u8,
        /// Its length in bytes.
        length: usize,
        /// The number of the first share that differs.
        other: u8,
        /// Its length in bytes.
        other_length: usize,
    },
    /// No secret memory.
    Memory(SecretError),
}

impl fmt::Display for CombineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoShares => f.write_str("there is no share to combine: give at least one"),
            Self::Empty { index } => write!(f, "share {index} is empty: enter it again"),
            Self::DuplicateIndex { index } => {
                write!(f, "share {index} was given twice: every share must be a different one")
            }
            Self::UnequalLengths { first, length, other, other_length } => write!(
                f,
                "share {first} has {length} bytes and share {other} has {other_length}: they are not of the same secret"
            ),
            Self::Memory(_) => {
                f.write_str("nothing was combined, because there was no memory fit for secrets")
            }
        }
    }
}

impl std::error::Error for CombineError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Memory(error) => Some(error),
            _ => None,
        }
    }
}

impl From<SecretError> for CombineError {
    fn from(error: SecretError) -> Self {
        Self::Memory(error)
    }
}
