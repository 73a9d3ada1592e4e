//! HMAC (FIPS 198-1) with every hash.

use hmac::digest::{Key, KeyInit};
use hmac::{Hmac, Mac, SimpleHmac};
use subtle::ConstantTimeEq as _;
use zeroize::{Zeroize as _, Zeroizing};

use super::HashAlgorithm;

/// The tag over the input.
pub(super) fn hmac(hash: HashAlgorithm, key: &[u8], input: &[u8]) -> Vec<u8> {
    match hash {
        HashAlgorithm::Sha2_224 => tag::<Hmac<sha2::Sha224>>(hash, key, input),
        HashAlgorithm::Sha2_256 => tag::<Hmac<sha2::Sha256>>(hash, key, input),
        HashAlgorithm::Sha2_384 => tag::<Hmac<sha2::Sha384>>(hash, key, input),
        HashAlgorithm::Sha2_512 => tag::<Hmac<sha2::Sha512>>(hash, key, input),
        HashAlgorithm::Sha3_224 => tag::<SimpleHmac<sha3::Sha3_224>>(hash, key, input),
        HashAlgorithm::Sha3_256 => tag::<SimpleHmac<sha3::Sha3_256>>(hash, key, input),
        HashAlgorithm::Sha3_384 => tag::<SimpleHmac<sha3::Sha3_384>>(hash, key, input),
        HashAlgorithm::Sha3_512 => tag::<SimpleHmac<sha3::Sha3_512>>(hash, key, input),
    }
}

/// Whether the tag is right, in constant time. A truncated tag is wrong.
pub(super) fn verify(hash: HashAlgorithm, key: &[u8], input: &[u8], claimed: &[u8]) -> bool {
    hmac(hash, key, input).ct_eq(claimed).into()
}

fn tag<M: Mac + KeyInit>(hash: HashAlgorithm, key: &[u8], input: &[u8]) -> Vec<u8> {
    // FIPS 198-1, section 4, steps 1 to 3, done here: a key of the block's length is one that the library takes
    // without an error.
    let mut block = Key::<M>::default();
    let hashed = (key.len() > block.len()).then(|| Zeroizing::new(hash.digest(key)));
    let key = hashed.as_ref().map_or(key, |hashed| hashed.as_slice());
    for (byte, secret) in block.iter_mut().zip(key) {
        *byte = *secret;
    }
    let mac = <M as KeyInit>::new(&block);
    block.as_mut_slice().zeroize();
    mac.chain_update(input).finalize().into_bytes().to_vec()
}
