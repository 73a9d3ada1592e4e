//! ECDSA over P-256 with a key of this process.

use p256::ecdsa::SigningKey;
use p256::ecdsa::signature::hazmat::PrehashSigner as _;

use super::{Algorithm, Signer};
use crate::external::{ExternalError, ExternalFault};
use crate::secret::{Secret, SecretError, with_wiped_stack};

/// A P-256 key in secret memory. It signs deterministically (RFC 6979), so that a signature needs no randomness.
pub struct P256Key {
    secret: Secret<32>,
    public_key: Vec<u8>,
}

impl P256Key {
    /// Draws a key.
    ///
    /// # Errors
    ///
    /// No memory or no randomness.
    pub fn random() -> Result<Self, SecretError> {
        loop {
            // FIPS 186-5, appendix A.2.2: a candidate that is no key is drawn again. One of 2^32 is.
            if let Some(key) = Self::from_secret(Secret::random()?) {
                return Ok(key);
            }
        }
    }

    /// The key with this secret number, big-endian. None where it is 0 or not less than the curve's order.
    pub fn from_secret(secret: Secret<32>) -> Option<Self> {
        let public_key = with_wiped_stack::<STACK, _>(|| {
            let key = SigningKey::from_slice(secret.expose()).ok()?;
            Some(key.verifying_key().to_sec1_point(false).as_bytes().to_vec())
        })?;
        Some(Self { secret, public_key })
    }
}

impl Signer for P256Key {
    fn algorithm(&self) -> Algorithm {
        Algorithm::EcdsaP256Sha256
    }

    fn public_key(&self) -> &[u8] {
        &self.public_key
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, ExternalError> {
        let digest = self.algorithm().digest(message);
        with_wiped_stack::<STACK, _>(|| {
            let key = SigningKey::from_slice(self.secret.expose())?;
            let signature: p256::ecdsa::Signature = key.sign_prehash(&digest)?;
            Ok(signature.to_bytes().to_vec())
        })
        .map_err(|_: p256::ecdsa::Error| {
            ExternalError::new(ExternalFault::Misbehaved, "the signature could not be computed")
        })
    }
}

/// More than the library's frames take.
const STACK: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use data_encoding::HEXUPPER;

    use super::super::{is_public_key, verify};
    use super::*;

    /// RFC 6979, appendix A.2.5: P-256, SHA-256.
    fn rfc_6979() -> P256Key {
        let secret =
            HEXUPPER.decode(b"C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721").unwrap();
        P256Key::from_secret(Secret::copy_from_slice(&secret).unwrap()).unwrap()
    }

    #[test]
    fn rfc_6979_vectors_come_out() {
        let key = rfc_6979();
        let x = "60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6";
        let y = "7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299";
        assert_eq!(HEXUPPER.encode(key.public_key()), format!("04{x}{y}"));
        let sample = "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716\
                      F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8";
        assert_eq!(HEXUPPER.encode(&key.sign(b"sample").unwrap()), sample);
        let test = "F1ABB023518351CD71D881567B1EA663ED3EFCF6C5132B354F28D3B0B7D38367\
                    019F4113742A2B14BD25926B49C649155F267E60D3814B4C0CC84250E46F0083";
        assert_eq!(HEXUPPER.encode(&key.sign(b"test").unwrap()), test);
    }

    #[test]
    fn signature_verifies_and_not_for_another_message_key_or_algorithm() {
        let key = P256Key::random().unwrap();
        let other = P256Key::random().unwrap();
        let algorithm = key.algorithm();
        let signature = key.sign(b"message").unwrap();
        assert!(verify(algorithm, key.public_key(), b"message", &signature));
        assert!(!verify(algorithm, key.public_key(), b"massage", &signature));
        assert!(!verify(algorithm, other.public_key(), b"message", &signature));
        assert!(!verify(Algorithm::EcdsaP384Sha384, key.public_key(), b"message", &signature));
        for bit in 0..signature.len() * 8 {
            let mut damaged = signature.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(!verify(algorithm, key.public_key(), b"message", &damaged));
        }
    }

    #[test]
    fn every_other_length_and_form_is_refused() {
        let key = rfc_6979();
        let signature = key.sign(b"m").unwrap();
        for len in 0..signature.len() {
            assert!(!verify(key.algorithm(), key.public_key(), b"m", &signature[..len]));
        }
        let mut longer = signature.clone();
        longer.push(0);
        assert!(!verify(key.algorithm(), key.public_key(), b"m", &longer));
        let mut point = key.public_key().to_vec();
        assert!(is_public_key(key.algorithm(), &point));
        for len in 0..point.len() {
            assert!(!is_public_key(key.algorithm(), &point[..len]));
        }
        // The compressed form of the same point.
        let mut compressed = point[..33].to_vec();
        compressed[0] = 2 + (point[64] & 1);
        assert!(!is_public_key(key.algorithm(), &compressed));
        point[64] ^= 1;
        assert!(!is_public_key(key.algorithm(), &point));
    }

    #[test]
    fn zero_and_the_order_are_no_keys() {
        let order =
            HEXUPPER.decode(b"FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551").unwrap();
        for number in [vec![0; 32], order.clone()] {
            assert!(P256Key::from_secret(Secret::copy_from_slice(&number).unwrap()).is_none());
        }
        let mut greatest = order;
        greatest[31] -= 1;
        assert!(P256Key::from_secret(Secret::copy_from_slice(&greatest).unwrap()).is_some());
    }
}
