//! ML-KEM (FIPS 203). A key is its seed of 64 bytes (d ‖ z, section 7.1), as RFC 9935 recommends.
//!
//! aws-lc-rs encapsulates and decapsulates but makes no key from a seed; `ml-kem` does that, and hands over the
//! expanded key.

use aws_lc_rs::kem;
use ml_kem::{DecapsulationKey768, DecapsulationKey1024, Seed};
use strongroom_crypto::secret::Secret;
use zeroize::{Zeroize as _, Zeroizing};

use super::material::BodyError;
use super::{EncapsulateError, KeyType};

/// The key as the library takes it, and the encapsulation key.
pub(super) fn expand(
    key_type: KeyType,
    seed: &[u8; 64],
) -> Result<(kem::DecapsulationKey, Vec<u8>), BodyError> {
    const REJECTED: BodyError = BodyError::Rejected("no seed of ML-KEM");
    let algorithm = algorithm(key_type).ok_or(REJECTED)?;
    let expanded = expanded_key(key_type, seed).ok_or(REJECTED)?;
    let key = kem::DecapsulationKey::new(algorithm, &expanded).map_err(|_| REJECTED)?;
    // FIPS 203, algorithm 16: dk = dk_PKE ‖ ek ‖ H(ek) ‖ z, where ek is 32 bytes longer than dk_PKE.
    let half = expanded.len().saturating_sub(96) / 2;
    let encapsulation_key = expanded.get(half..2 * half + 32).ok_or(REJECTED)?.to_vec();
    Ok((key, encapsulation_key))
}

pub(crate) fn algorithm(key_type: KeyType) -> Option<&'static kem::Algorithm> {
    match key_type {
        KeyType::MlKem768 => Some(&kem::ML_KEM_768),
        KeyType::MlKem1024 => Some(&kem::ML_KEM_1024),
        _ => None,
    }
}

/// FIPS 203, table 3.
pub(super) fn ciphertext_len(key_type: KeyType) -> Option<usize> {
    match key_type {
        KeyType::MlKem768 => Some(1088),
        KeyType::MlKem1024 => Some(1568),
        _ => None,
    }
}

pub(super) fn encapsulate(key: &kem::EncapsulationKey) -> Result<(Vec<u8>, Secret<32>), EncapsulateError> {
    let (ciphertext, shared) = key.encapsulate().map_err(|_| EncapsulateError::Library)?;
    Ok((ciphertext.as_ref().to_vec(), Secret::copy_from_slice(shared.as_ref())?))
}

#[expect(deprecated, reason = "the expanded form is not stored: it goes to aws-lc, which takes no other")]
pub(crate) fn expanded_key(key_type: KeyType, seed: &[u8; 64]) -> Option<Zeroizing<Vec<u8>>> {
    use ml_kem::ExpandedKeyEncoding as _;
    let seed = Zeroizing::new(Seed::from(*seed));
    match key_type {
        KeyType::MlKem768 => Some(take(&mut DecapsulationKey768::from_seed(*seed).to_expanded_bytes())),
        KeyType::MlKem1024 => Some(take(&mut DecapsulationKey1024::from_seed(*seed).to_expanded_bytes())),
        _ => None,
    }
}

/// Moves the bytes to where they are wiped on drop.
fn take(bytes: &mut [u8]) -> Zeroizing<Vec<u8>> {
    let taken = Zeroizing::new(bytes.to_vec());
    bytes.zeroize();
    taken
}
