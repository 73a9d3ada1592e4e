//! HMAC-SHA-256 (FIPS 198-1).

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::secret::{Secret, with_wiped_stack};

/// An HMAC key whose inner and outer hash states are computed once. They are as good as the key, and are wiped on drop.
pub struct MacKey(Box<Hmac<Sha256>>);

impl MacKey {
    /// Prepares the key.
    pub fn new(key: &Secret<32>) -> Self {
        // A key shorter than the hash's block is padded with zeros (FIPS 198-1, section 4, step 3). Padded here, it has the
        // one length that the library accepts without an error to handle.
        let mut block = Zeroizing::new([0; BLOCK_LEN]);
        for (byte, secret) in block.iter_mut().zip(key.expose()) {
            *byte = *secret;
        }
        with_wiped_stack::<STACK, _>(|| Self(Box::new(Hmac::new((&*block).into()))))
    }

    /// The tag over the parts, joined. Parts of varying length need a length or a separator of their own.
    pub fn mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = (*self.0).clone();
        for part in parts {
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }

    /// Whether the tag is right, in constant time. A truncated tag is wrong.
    pub fn verify(&self, parts: &[&[u8]], tag: &[u8]) -> bool {
        self.mac(parts).as_slice().ct_eq(tag).into()
    }
}

/// SHA-256's.
const BLOCK_LEN: usize = 64;
/// More than the library's frames take.
const STACK: usize = 2048;
