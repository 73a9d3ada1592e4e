//! ML-DSA (FIPS 204): the pure variant, hedged, with an empty context string.

use aws_lc_rs::signature::{
    ML_DSA_44, ML_DSA_44_SIGNING, ML_DSA_65, ML_DSA_65_SIGNING, ML_DSA_87, ML_DSA_87_SIGNING, PqdsaKeyPair,
    PqdsaSigningAlgorithm, PqdsaVerificationAlgorithm,
};

use super::{KeyType, SignError};

pub(crate) fn signing(key_type: KeyType) -> Option<&'static PqdsaSigningAlgorithm> {
    match key_type {
        KeyType::MlDsa44 => Some(&ML_DSA_44_SIGNING),
        KeyType::MlDsa65 => Some(&ML_DSA_65_SIGNING),
        KeyType::MlDsa87 => Some(&ML_DSA_87_SIGNING),
        _ => None,
    }
}

pub(super) fn verification(key_type: KeyType) -> Option<&'static PqdsaVerificationAlgorithm> {
    match key_type {
        KeyType::MlDsa44 => Some(&ML_DSA_44),
        KeyType::MlDsa65 => Some(&ML_DSA_65),
        KeyType::MlDsa87 => Some(&ML_DSA_87),
        _ => None,
    }
}

pub(super) fn sign(key: &PqdsaKeyPair, input: &[u8]) -> Result<Vec<u8>, SignError> {
    let mut signature = vec![0; key.algorithm().signature_len()];
    let len = key.sign(input, &mut signature).map_err(|_| SignError::Library)?;
    signature.truncate(len);
    Ok(signature)
}
