//! Public keys, their fingerprints, and signatures by them.

use std::fmt;
use std::str::FromStr;

use strongroom_crypto::hash::sha256;
use strongroom_crypto::sign::{self, Algorithm};

/// A public key of a known algorithm, on its curve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    algorithm: Algorithm,
    bytes: Vec<u8>,
}

impl PublicKey {
    /// The key in the form that the [`Algorithm`] names. None where the bytes are no such key.
    pub fn new(algorithm: Algorithm, bytes: &[u8]) -> Option<Self> {
        sign::is_public_key(algorithm, bytes).then(|| Self { algorithm, bytes: bytes.to_vec() })
    }

    /// What it verifies with.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The SEC 1 point, uncompressed.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// By which people tell it from others.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint(sha256(&[&self.bytes]))
    }

    /// Whether the signature over the message is by this key.
    pub fn verify(&self, message: &[u8], signature: &Signature) -> bool {
        signature.algorithm == self.algorithm
            && sign::verify(self.algorithm, &self.bytes, message, &signature.bytes)
    }
}

/// A signature of the length that its algorithm's have. Whether it is right is for [`PublicKey::verify`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    algorithm: Algorithm,
    bytes: Vec<u8>,
}

impl Signature {
    /// The signature, r ‖ s. None where its length is another.
    pub fn new(algorithm: Algorithm, bytes: &[u8]) -> Option<Self> {
        (bytes.len() == algorithm.signature_len()).then(|| Self { algorithm, bytes: bytes.to_vec() })
    }

    /// What it was made with.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// r ‖ s.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// The SHA-256 of a public key's SEC 1 point, uncompressed: what `strongroom hsm check` shows of a key that signs.
///
/// As text, 64 hexadecimal digits. Spaces and colons between them are read over, since people group them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The fingerprint of these bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&data_encoding::HEXLOWER.encode(&self.0))
    }
}

impl FromStr for Fingerprint {
    type Err = FingerprintError;

    fn from_str(text: &str) -> Result<Self, FingerprintError> {
        let digits: String = text.chars().filter(|c| *c != ' ' && *c != ':').collect();
        let bytes = data_encoding::HEXLOWER_PERMISSIVE.decode(digits.as_bytes());
        bytes.ok().and_then(|bytes| bytes.try_into().ok()).map(Self).ok_or(FingerprintError)
    }
}

/// A text is no fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FingerprintError;

impl fmt::Display for FingerprintError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "a key's fingerprint has 64 hexadecimal digits: take it from the plan, or from what `strongroom hsm check` shows",
        )
    }
}

impl std::error::Error for FingerprintError {}

#[cfg(test)]
mod tests {
    use strongroom_crypto::secret::{Locking, prepare};
    use strongroom_crypto::sign::{P256Key, Signer as _};

    use super::*;

    #[test]
    fn fingerprint_is_read_as_people_write_it_and_in_no_other_way() {
        let fingerprint = Fingerprint(std::array::from_fn(|place| u8::try_from(place).unwrap() * 7));
        let text = fingerprint.to_string();
        let grouped = text.as_bytes().chunks(2).map(|two| std::str::from_utf8(two).unwrap());
        let grouped = grouped.collect::<Vec<_>>().join(":");
        for text in [text.clone(), text.to_uppercase(), grouped, format!(" {text} ")] {
            assert_eq!(text.parse(), Ok(fingerprint), "{text}");
        }
        for length in 0..text.len() {
            assert_eq!(text.get(..length).unwrap().parse::<Fingerprint>(), Err(FingerprintError));
        }
        assert!(format!("{text}0").parse::<Fingerprint>().is_err());
        assert!(format!("{text}00").parse::<Fingerprint>().is_err());
        assert!(text.replacen('0', "g", 1).parse::<Fingerprint>().is_err());
    }

    #[test]
    fn key_that_is_not_on_the_curve_is_none() {
        prepare(Locking::AllowUnlocked).unwrap();
        let key = P256Key::random().unwrap();
        assert!(PublicKey::new(key.algorithm(), key.public_key()).is_some());
        let mut wrong = key.public_key().to_vec();
        wrong[64] ^= 1;
        assert!(PublicKey::new(key.algorithm(), &wrong).is_none());
        assert!(PublicKey::new(Algorithm::EcdsaP384Sha384, key.public_key()).is_none());
    }
}
