//! HKDF-SHA-256 (RFC 5869). What comes out is a secret in the arena.

use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroize as _;

use crate::secret::{Secret, SecretError};

/// The longest output of HKDF-SHA-256: 255 blocks (RFC 5869, section 2.3).
pub const MAX_OUTPUT: usize = 255 * 32;

/// Extract and expand. The parts of `info` are joined.
///
/// # Errors
///
/// Only secret memory can fail.
pub fn hkdf<const N: usize>(salt: &[u8], ikm: &[u8], info: &[&[u8]]) -> Result<Secret<N>, SecretError> {
    const { assert!(N <= MAX_OUTPUT, "HKDF-SHA-256 gives at most 255 blocks") };
    let (mut prk, hkdf) = Hkdf::<Sha256>::extract(Some(salt), ikm);
    prk.as_mut_slice().zeroize();
    fill(&hkdf, info)
}

/// Expand alone, for a key that is uniformly random already. The parts of `info` are joined.
///
/// # Errors
///
/// Only secret memory can fail.
pub fn expand<const N: usize>(key: &Secret<32>, info: &[&[u8]]) -> Result<Secret<N>, SecretError> {
    const { assert!(N <= MAX_OUTPUT, "HKDF-SHA-256 gives at most 255 blocks") };
    let hkdf = Hkdf::<Sha256>::from_prk(key.expose()).map_err(|_| SecretError::Length)?;
    fill(&hkdf, info)
}

fn fill<const N: usize>(hkdf: &Hkdf<Sha256>, info: &[&[u8]]) -> Result<Secret<N>, SecretError> {
    Secret::fill_with(|output| hkdf.expand_multi_info(info, output).map_err(|_| SecretError::Length))
}
