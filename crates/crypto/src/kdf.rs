//! HKDF-SHA-256 (RFC 5869). What comes out is a secret in the arena.

use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroize as _;

use crate::secret::{Secret, SecretError, with_wiped_stack};

/// The longest output of HKDF-SHA-256: 255 blocks (RFC 5869, section 2.3).
pub const MAX_OUTPUT: usize = 255 * 32;

/// Extract and expand. The parts of `info` are joined.
///
/// # Errors
///
/// Only secret memory can fail.
pub fn hkdf<const N: usize>(salt: &[u8], ikm: &[u8], info: &[&[u8]]) -> Result<Secret<N>, SecretError> {
    const { assert!(N <= MAX_OUTPUT, "HKDF-SHA-256 gives at most 255 blocks") };
    fill(info, || {
        let (mut prk, hkdf) = Hkdf::extract(Some(salt), ikm);
        prk.as_mut_slice().zeroize();
        Ok(hkdf)
    })
}

/// Expand alone, for a key that is uniformly random already. The parts of `info` are joined.
///
/// # Errors
///
/// Only secret memory can fail.
pub fn expand<const N: usize>(key: &Secret<32>, info: &[&[u8]]) -> Result<Secret<N>, SecretError> {
    const { assert!(N <= MAX_OUTPUT, "HKDF-SHA-256 gives at most 255 blocks") };
    fill(info, || Hkdf::from_prk(key.expose()).map_err(|_| SecretError::Length))
}

fn fill<const N: usize>(
    info: &[&[u8]],
    prepare: impl FnOnce() -> Result<Hkdf<Sha256>, SecretError>,
) -> Result<Secret<N>, SecretError> {
    Secret::fill_with(|output| {
        with_wiped_stack::<STACK, _>(|| {
            prepare()?.expand_multi_info(info, output).map_err(|_| SecretError::Length)
        })
    })
}

/// More than the library's frames take, which hold hash states as good as the key, and output.
const STACK: usize = 2048;
