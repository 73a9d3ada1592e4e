//! How long the salt of a PSS signature is.
//!
//! Vault verifies whatever length the signature has, and aws-lc-rs verifies a length that it is told. So the length
//! is read out of the signature here, as RFC 8017's EMSA-PSS-VERIFY (section 9.1.2, steps 4 to 10) lays it out, with
//! the public key alone. It is a hint and no more: the library decides afterwards, with that length, and a wrong hint
//! makes it refuse.

use crypto_bigint::modular::{BoxedMontyForm, BoxedMontyParams};
use crypto_bigint::{BoxedUint, Odd};

use crate::algorithm::HashAlgorithm;

/// The length, if the signature has the form of one by this key at all.
pub(super) fn len(public_key: &[u8], signature: &[u8], hash: HashAlgorithm) -> Option<u16> {
    let (modulus, exponent) = super::public_numbers(public_key)?;
    let encoded = public_operation(modulus, exponent, signature)?;
    // The moduli here have whole bytes (`super::has_size`), so the encoded message has one bit less than those
    // (section 8.1.2, step 2.c).
    let (rest, [TRAILER]) = encoded.split_last_chunk()? else { return None };
    let (masked, seed) = rest.split_at_checked(rest.len().checked_sub(hash.output_len())?)?;
    let mask = mgf1(hash, seed, masked.len());
    let mut block = masked.iter().zip(mask).map(|(byte, mask)| byte ^ mask);
    let mut byte = block.next()? & 0x7f;
    while byte == 0 {
        byte = block.next()?;
    }
    if byte == 1 { u16::try_from(block.count()).ok() } else { None }
}

/// RSAVP1 (section 5.2.2), as long as the modulus.
fn public_operation(modulus: &[u8], exponent: &[u8], signature: &[u8]) -> Option<Vec<u8>> {
    if signature.len() != modulus.len() {
        return None;
    }
    let bits = u32::try_from(modulus.len()).ok()?.checked_mul(8)?;
    let exponent = BoxedUint::from_be_slice_vartime(exponent);
    let modulus = BoxedUint::from_be_slice(modulus, bits).ok()?;
    let signature = BoxedUint::from_be_slice(signature, bits).ok()?;
    if signature >= modulus {
        return None;
    }
    let parameters = BoxedMontyParams::new_vartime(Odd::new(modulus).into_option()?);
    let message =
        BoxedMontyForm::new(signature, &parameters).pow_bounded_exp(&exponent, exponent.bits_vartime());
    Some(message.retrieve().to_be_bytes().into_vec())
}

/// RFC 8017, appendix B.2.1.
fn mgf1(hash: HashAlgorithm, seed: &[u8], len: usize) -> Vec<u8> {
    let mut mask = Vec::with_capacity(len);
    for counter in 0u32.. {
        if mask.len() >= len {
            break;
        }
        mask.extend(hash.digest(&[seed, &counter.to_be_bytes()].concat()));
    }
    mask
}

/// RFC 8017, section 9.1.1, step 12.
const TRAILER: u8 = 0xbc;
