//! Splitting without chance. Only for tests: shares from coefficients that somebody can foresee protect nothing.

use strongroom_crypto::random::RandomnessError;

use crate::share::Share;
use crate::split::{SplitError, split_with};

/// [`split`](crate::split) with coefficients from `draw`, which is called `threshold − 1` times: for the highest power of x
/// first, each time with one byte of room for each byte of the secret.
///
/// # Errors
///
/// As [`split`](crate::split), and whatever `draw` fails with.
pub fn split_with_chosen_coefficients(
    secret: &[u8],
    threshold: u8,
    shares: u8,
    mut draw: impl FnMut(&mut [u8]) -> Result<(), RandomnessError>,
) -> Result<Vec<Share>, SplitError> {
    split_with(secret, threshold, shares, |buffer| Ok(draw(buffer)?))
}
