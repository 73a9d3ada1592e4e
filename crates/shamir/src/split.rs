//! From a secret to shares.

use std::fmt;
use std::num::NonZeroU8;

use strongroom_crypto::random::{self, RandomnessError};
use strongroom_crypto::secret::{SecretBytes, SecretError};

use crate::field;
use crate::share::{MAX_SECRET_LEN, Share};

/// Splits `secret` into `shares` shares, numbered from 1, any `threshold` of which give it back.
///
/// Any 1 ≤ threshold ≤ shares ≤ 255 will do. With a threshold of 1, each share is the secret itself. All shares lie in locked
/// memory at once, of which many systems give a process only 64 KiB.
///
/// # Errors
///
/// [`SplitError::Randomness`] and [`SplitError::Memory`] tell of the machine, the others of the arguments. There are either
/// all shares or none.
pub fn split(secret: &[u8], threshold: u8, shares: u8) -> Result<Vec<Share>, SplitError> {
    split_with(secret, threshold, shares, random::fill_as_key)
}

/// [`split`] with `draw` as the source of the coefficients: called once for each power of x, highest first, with room for
/// the coefficients of every byte.
pub(crate) fn split_with(
    secret: &[u8],
    threshold: u8,
    shares: u8,
    mut draw: impl FnMut(&mut [u8]) -> Result<(), SecretError>,
) -> Result<Vec<Share>, SplitError> {
    if threshold == 0 {
        return Err(SplitError::ThresholdZero);
    }
    if threshold > shares {
        return Err(SplitError::ThresholdAboveShares { threshold, shares });
    }
    if secret.is_empty() || secret.len() > MAX_SECRET_LEN {
        return Err(SplitError::SecretLength { length: secret.len() });
    }

    let mut made = (1..=shares)
        .filter_map(NonZeroU8::new)
        .map(|index| Ok(Share::new(index, SecretBytes::zeroed(secret.len())?)))
        .collect::<Result<Vec<_>, SecretError>>()?;
    let mut coefficients = SecretBytes::zeroed(secret.len())?;
    for _ in 1..threshold {
        draw(coefficients.expose_mut())?;
        for share in &mut made {
            step(share, coefficients.expose());
        }
    }
    for share in &mut made {
        step(share, secret);
    }
    Ok(made)
}

/// One step of Horner's rule in every byte: y · x + coefficient.
fn step(share: &mut Share, coefficients: &[u8]) {
    let x = share.index().get();
    // Blocks of known length, the length of a key, spare the compiler's loop its set-up.
    let (y_blocks, y_rest) = share.y.expose_mut().as_chunks_mut::<32>();
    let (blocks, rest) = coefficients.as_chunks::<32>();
    for (y_block, block) in y_blocks.iter_mut().zip(blocks) {
        for (y, &coefficient) in y_block.iter_mut().zip(block) {
            *y = field::mul(*y, x) ^ coefficient;
        }
    }
    for (y, &coefficient) in y_rest.iter_mut().zip(rest) {
        *y = field::mul(*y, x) ^ coefficient;
    }
}

/// Why a secret was not split.
#[derive(Debug)]
pub enum SplitError {
    /// A threshold of 0.
    ThresholdZero,
    /// More shares needed than there are.
    ThresholdAboveShares {
        /// How many would be needed.
        threshold: u8,
        /// How many there would be.
        shares: u8,
    },
    /// An empty secret, or one that is too long.
    SecretLength {
        /// Its length in bytes.
        length: usize,
    },
    /// The operating system gave no randomness.
    Randomness(RandomnessError),
    /// No secret memory, or nothing from the second source of randomness.
    Memory(SecretError),
}

impl fmt::Display for SplitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ThresholdZero => {
                f.write_str("a threshold of 0 shares would protect nothing: choose at least 1")
            }
            Self::ThresholdAboveShares { threshold, shares } => write!(
                f,
                "{threshold} shares would be needed, but only {shares} made: lower the threshold or make more shares"
            ),
            Self::SecretLength { length } => {
                write!(
                    f,
                    "a secret of {length} bytes cannot be split: it must have 1 to {MAX_SECRET_LEN} bytes"
                )
            }
            Self::Randomness(_) => f.write_str("no share was made, because the system gave no randomness"),
            Self::Memory(error @ SecretError::Source { .. }) => write!(f, "no share was made: {error}"),
            Self::Memory(_) => f.write_str("no share was made, because there was no memory fit for secrets"),
        }
    }
}

impl std::error::Error for SplitError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Randomness(error) => Some(error),
            Self::Memory(error) => Some(error),
            _ => None,
        }
    }
}

impl From<RandomnessError> for SplitError {
    fn from(error: RandomnessError) -> Self {
        Self::Randomness(error)
    }
}

impl From<SecretError> for SplitError {
    fn from(error: SecretError) -> Self {
        match error {
            SecretError::Randomness(error) => Self::Randomness(error),
            error => Self::Memory(error),
        }
    }
}
