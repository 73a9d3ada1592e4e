//! What a signature is made with: hash, padding, marshalling, and the errors.

use std::error::Error;
use std::fmt;
use std::str::FromStr;

use data_encoding::{BASE64, BASE64URL_NOPAD};
use strongroom_crypto::secret::SecretError;

use super::{HashAlgorithm, KeyType};
use crate::base64::is_padded_once;

/// How to sign, and how what was signed is verified. What a kind of key has no use for is ignored, as in Vault:
/// Ed25519 and ML-DSA hash by themselves, and padding is RSA's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignOptions {
    /// The hash; `None` is Vault's `none`, which no key here takes where a hash matters.
    pub hash: Option<HashAlgorithm>,
    /// Whether the input is the digest already.
    ///
    /// RSA takes a digest of the hash that is named. ECDSA, as in Vault, takes one of the length of any hash, and looks at its number alone
    /// (FIPS 186-5, section 6.4.1): zeros in front of it, and what follows after as many bits as the curve's order has, change
    /// nothing. Whoever takes digests from others checks their length before a signature is believed.
    pub prehashed: bool,
    /// RSA's padding.
    pub rsa_padding: RsaPadding,
    /// ECDSA's form, and the text form of every signature.
    pub marshaling: Marshaling,
}

/// Vault's defaults: SHA-256 of the message, PSS with automatic salt, ASN.1.
impl Default for SignOptions {
    fn default() -> Self {
        Self {
            hash: Some(HashAlgorithm::Sha2_256),
            prehashed: false,
            rsa_padding: RsaPadding::Pss(SaltLength::Auto),
            marshaling: Marshaling::Asn1,
        }
    }
}

/// RSA's signature padding (RFC 8017): Vault's `signature_algorithm`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RsaPadding {
    /// RSASSA-PSS, MGF1 with the same hash.
    Pss(SaltLength),
    /// RSASSA-PKCS1-v1_5.
    Pkcs1v15,
}

/// The length of PSS's salt: Vault's `salt_length`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SaltLength {
    /// The longest that fits when signing, whatever the signature has when verifying.
    Auto,
    /// As long as the hash.
    Hash,
    /// This many bytes.
    Bytes(u16),
}

impl FromStr for SaltLength {
    type Err = UnknownSaltLength;

    fn from_str(text: &str) -> Result<Self, UnknownSaltLength> {
        match text {
            "auto" => Ok(Self::Auto),
            "hash" => Ok(Self::Hash),
            // `parse` takes a sign, which Vault's numbers here never have.
            digits if digits.starts_with('+') => Err(UnknownSaltLength),
            digits => digits.parse().map(Self::Bytes).map_err(|_| UnknownSaltLength),
        }
    }
}

/// A text that is no length of a salt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownSaltLength;

impl fmt::Display for UnknownSaltLength {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a salt length is `auto`, `hash`, or a number of bytes")
    }
}

impl Error for UnknownSaltLength {}

/// How a signature is written: Vault's `marshaling_algorithm`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Marshaling {
    /// ECDSA as a DER sequence of r and s (RFC 3279, section 2.2.3); the text in base64.
    Asn1,
    /// ECDSA as r ‖ s, both as long as the curve's order (RFC 7518, section 3.4); the text in base64url without
    /// padding.
    Jws,
}

impl Marshaling {
    /// Vault's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Asn1 => "asn1",
            Self::Jws => "jws",
        }
    }

    /// A signature as text.
    pub fn encode_text(self, signature: &[u8]) -> String {
        match self {
            Self::Asn1 => BASE64.encode(signature),
            Self::Jws => BASE64URL_NOPAD.encode(signature),
        }
    }

    /// The signature that a text stands for. There is one text for each: no line breaks, no stray bits.
    pub fn decode_text(self, text: &str) -> Option<Vec<u8>> {
        match self {
            Self::Asn1 => {
                let signature = BASE64.decode(text.as_bytes()).ok()?;
                is_padded_once(text.as_bytes(), signature.len()).then_some(signature)
            }
            Self::Jws => BASE64URL_NOPAD.decode(text.as_bytes()).ok(),
        }
    }
}

impl FromStr for Marshaling {
    type Err = UnknownMarshaling;

    fn from_str(name: &str) -> Result<Self, UnknownMarshaling> {
        [Self::Asn1, Self::Jws].into_iter().find(|known| known.name() == name).ok_or(UnknownMarshaling)
    }
}

/// A name that is no way to write a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownMarshaling;

impl fmt::Display for UnknownMarshaling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a signature is marshalled as `asn1` or `jws`")
    }
}

impl Error for UnknownMarshaling {}

/// What was asked for does not go with the key. The caller's to put right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParameterError {
    /// A kind of key that does not sign.
    KeyType(KeyType),
    /// The hash `none`: there is no signature without a hash here.
    NoHash,
    /// RSA with a hash other than SHA-256, SHA-384 and SHA-512.
    RsaHash(HashAlgorithm),
    /// A digest of the wrong length.
    DigestLength,
    /// A digest for a key that hashes the message itself.
    Prehashed(KeyType),
    /// A salt longer than fits into the modulus beside the hash.
    SaltLength {
        /// The longest that fits.
        longest: u16,
    },
}

impl fmt::Display for ParameterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KeyType(kind) => write!(f, "keys of type {kind} do not sign: use one that does"),
            Self::NoHash => {
                f.write_str("signing without a hash is not offered: name the hash that the digest was made with")
            }
            Self::RsaHash(hash) => {
                write!(f, "RSA signatures with {hash} are not offered: use sha2-256, sha2-384 or sha2-512")
            }
            Self::DigestLength => {
                f.write_str("the input is no digest of the hash that was named: check the length, or do not say prehashed")
            }
            Self::Prehashed(kind) => {
                write!(f, "keys of type {kind} hash the message themselves: send the message, not its digest")
            }
            Self::SaltLength { longest } => {
                write!(f, "the salt is too long for this key and hash: use `auto`, `hash` or at most {longest}")
            }
        }
    }
}

impl Error for ParameterError {}

/// Nothing was signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignError {
    /// What was asked for does not go with the key.
    Parameter(ParameterError),
    /// The cipher library refused, which a healthy key and memory do not make it do.
    Library,
    /// No secret memory.
    Secret(SecretError),
}

impl From<ParameterError> for SignError {
    fn from(error: ParameterError) -> Self {
        Self::Parameter(error)
    }
}

impl fmt::Display for SignError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Parameter(error) => error.fmt(f),
            Self::Library => {
                f.write_str("the cipher library did not sign: try again, and see to the memory of this host")
            }
            Self::Secret(error) => error.fmt(f),
        }
    }
}

impl Error for SignError {}

/// The signature was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VerifyError {
    /// It is not this key's signature of this input under these options.
    Wrong,
    /// What was asked for does not go with the key.
    Parameter(ParameterError),
}

impl From<ParameterError> for VerifyError {
    fn from(error: ParameterError) -> Self {
        Self::Parameter(error)
    }
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wrong => f.write_str("the signature is not this key's for this input"),
            Self::Parameter(error) => error.fmt(f),
        }
    }
}

impl Error for VerifyError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_vault_are_read_and_no_others() {
        assert_eq!("auto".parse(), Ok(SaltLength::Auto));
        assert_eq!("hash".parse(), Ok(SaltLength::Hash));
        assert_eq!("32".parse(), Ok(SaltLength::Bytes(32)));
        for wrong in ["", "-1", "+1", "65536", "Auto", "3 2"] {
            assert_eq!(wrong.parse::<SaltLength>(), Err(UnknownSaltLength), "{wrong}");
        }
        for known in [Marshaling::Asn1, Marshaling::Jws] {
            assert_eq!(known.name().parse(), Ok(known));
        }
        assert_eq!("ASN1".parse::<Marshaling>(), Err(UnknownMarshaling));
    }

    #[test]
    fn text_of_a_signature_is_read_in_its_own_alphabet_alone() {
        let signature = [0xfb, 0xff, 0xfe, 1];
        for (marshaling, text) in [(Marshaling::Asn1, "+//+AQ=="), (Marshaling::Jws, "-__-AQ")] {
            assert_eq!(marshaling.encode_text(&signature), text);
            assert_eq!(marshaling.decode_text(text), Some(signature.to_vec()));
            assert_eq!(marshaling.decode_text(&format!("{text}\n")), None);
        }
        assert_eq!(Marshaling::Asn1.decode_text("-__-AQ"), None);
        assert_eq!(Marshaling::Asn1.decode_text("AQ==AQI="), None, "two texts");
        assert_eq!(Marshaling::Jws.decode_text("+//+AQ=="), None);
        assert_eq!(Marshaling::Jws.decode_text("-__-AR"), None, "stray bits");
    }
}
