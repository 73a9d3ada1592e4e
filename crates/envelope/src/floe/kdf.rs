//! HKDF-Expand-SHA-384 (RFC 5869, section 2.3), as far as FLOE needs it: one block.
//!
//! FLOE's own key has 32 bytes, fewer than the hash's 48, which libraries for HKDF refuse as a PRK. So HMAC is called
//! directly: the first block is HMAC(key, info ‖ 01).

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha384;
use strongroom_crypto::secret::{self, Secret, SecretError};
use zeroize::{Zeroize as _, Zeroizing};

/// A key whose hash states are computed once. They are as good as the key, and are wiped on drop. What is computed with it
/// leaves copies on the stack: [`with_wiped_stack`] goes around it, once for several computations.
pub(super) struct Kdf(Box<Hmac<Sha384>>);

impl Kdf {
    pub(super) fn new(key: &[u8]) -> Self {
        let mut block = Zeroizing::new([0; BLOCK_LEN]);
        // Neither of FLOE's keys is longer than the hash's block, and a shorter one is padded with zeros (FIPS 198-1,
        // section 4, step 3).
        for (byte, secret) in block.iter_mut().zip(key) {
            *byte = *secret;
        }
        Self(Box::new(Hmac::new((&*block).into())))
    }

    /// Up to 48 bytes for the parts of `info`, joined.
    pub(super) fn expand<const N: usize>(&self, info: &[&[u8]]) -> Result<Secret<N>, SecretError> {
        const { assert!(N <= HASH_LEN, "one block of HKDF-SHA-384") };
        Secret::fill_with(|output| {
            let mut mac = (*self.0).clone();
            for part in info {
                mac.update(part);
            }
            mac.update(&[1]);
            let mut block = mac.finalize().into_bytes();
            output.iter_mut().zip(&block).for_each(|(to, from)| *to = *from);
            block.as_mut_slice().zeroize();
            Ok(())
        })
    }
}

/// Overwrites the frames that a hash function has just left: it moves states about by value.
pub(super) fn with_wiped_stack<T>(compute: impl FnOnce() -> T) -> T {
    secret::with_wiped_stack::<STACK, T>(compute)
}

/// SHA-384's.
const BLOCK_LEN: usize = 128;
const HASH_LEN: usize = 48;
/// More than the library's frames take.
const STACK: usize = 4096;
