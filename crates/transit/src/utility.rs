//! What needs no key: random bytes and hashes.

use strongroom_crypto::random;
use strongroom_crypto::secret::{SecretBytes, SecretError};

use crate::algorithm::HashAlgorithm;
use crate::error::UseError;

/// Random bytes from the operating system.
///
/// # Errors
///
/// [`UseError::Size`] for none or more than a mebibyte; or no randomness or memory.
pub fn random_bytes(len: usize) -> Result<SecretBytes, UseError> {
    if !(1..=MOST_RANDOM).contains(&len) {
        return Err(UseError::Size);
    }
    let mut bytes = SecretBytes::zeroed(len)?;
    random::fill(bytes.expose_mut()).map_err(SecretError::from)?;
    Ok(bytes)
}

/// The hash of the input.
pub fn hash(algorithm: HashAlgorithm, input: &[u8]) -> Vec<u8> {
    algorithm.digest(input)
}

const MOST_RANDOM: usize = strongroom_crypto::secret::MAX_SECRET;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_bytes_have_bounds() {
        assert!(matches!(random_bytes(0), Err(UseError::Size)));
        assert!(matches!(random_bytes(MOST_RANDOM + 1), Err(UseError::Size)));
        assert!(!random_bytes(32).unwrap().ct_eq(&random_bytes(32).unwrap()));
        assert_eq!(random_bytes(MOST_RANDOM).unwrap().len(), MOST_RANDOM);
    }
}
