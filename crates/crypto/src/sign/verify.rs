//! Verifying, which needs no secret.

use p256::ecdsa::signature::hazmat::PrehashVerifier as _;

use super::Algorithm;

/// Whether the signature over the message is by the key (FIPS 186-5, section 6.4.2). Key and signature have the form that the
/// [`Algorithm`] names and no other; an `s` in the upper half of its range is as good as one in the lower.
pub fn verify(algorithm: Algorithm, public_key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    if !has_form(algorithm, public_key) {
        return false;
    }
    let digest = algorithm.digest(message);
    match algorithm {
        Algorithm::EcdsaP256Sha256 => {
            let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(public_key);
            let signature = p256::ecdsa::Signature::from_slice(signature);
            key.and_then(|key| key.verify_prehash(&digest, &signature?)).is_ok()
        }
        Algorithm::EcdsaP384Sha384 => {
            let key = p384::ecdsa::VerifyingKey::from_sec1_bytes(public_key);
            let signature = p384::ecdsa::Signature::from_slice(signature);
            key.and_then(|key| key.verify_prehash(&digest, &signature?)).is_ok()
        }
    }
}

/// Whether the bytes are a public key of the algorithm: in the form that it names, and on the curve (SP 800-186, appendix D.1.1.1).
pub fn is_public_key(algorithm: Algorithm, bytes: &[u8]) -> bool {
    has_form(algorithm, bytes)
        && match algorithm {
            Algorithm::EcdsaP256Sha256 => p256::PublicKey::from_sec1_bytes(bytes).is_ok(),
            Algorithm::EcdsaP384Sha384 => p384::PublicKey::from_sec1_bytes(bytes).is_ok(),
        }
}

/// SEC 1's other forms are refused, so that a key has one encoding.
fn has_form(algorithm: Algorithm, public_key: &[u8]) -> bool {
    let len = match algorithm {
        Algorithm::EcdsaP256Sha256 => 65,
        Algorithm::EcdsaP384Sha384 => 97,
    };
    public_key.len() == len && public_key.first() == Some(&UNCOMPRESSED)
}

const UNCOMPRESSED: u8 = 4;
