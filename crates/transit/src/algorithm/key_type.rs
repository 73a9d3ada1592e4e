//! The kinds of keys, by Vault's names, and what each can do.

use std::error::Error;
use std::fmt;
use std::str::FromStr;

/// A kind of key.
///
/// `Display` and `FromStr` use Vault's names; those that Vault lacks (`xaes256-gcm`, `ml-kem-768`, `ml-kem-1024`)
/// follow their pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KeyType {
    /// AES-128-GCM with 96-bit nonces (SP 800-38D).
    Aes128Gcm96,
    /// AES-256-GCM with 96-bit nonces (SP 800-38D).
    Aes256Gcm96,
    /// ChaCha20-Poly1305 with 96-bit nonces (RFC 8439).
    ChaCha20Poly1305,
    /// XChaCha20-Poly1305 with 192-bit nonces (draft-irtf-cfrg-xchacha-03).
    XChaCha20Poly1305,
    /// XAES-256-GCM with 192-bit nonces (C2SP XAES-256-GCM).
    Xaes256Gcm,
    /// Ed25519 (RFC 8032, FIPS 186-5).
    Ed25519,
    /// ECDSA over P-256 (FIPS 186-5).
    EcdsaP256,
    /// ECDSA over P-384 (FIPS 186-5).
    EcdsaP384,
    /// ECDSA over P-521 (FIPS 186-5).
    EcdsaP521,
    /// RSA of 2048 bits: OAEP, PSS, PKCS #1 v1.5 signatures (RFC 8017).
    Rsa2048,
    /// RSA of 3072 bits.
    Rsa3072,
    /// RSA of 4096 bits.
    Rsa4096,
    /// A key for HMAC alone (FIPS 198-1), of 32 to 512 bytes.
    Hmac,
    /// ML-KEM-768 (FIPS 203).
    MlKem768,
    /// ML-KEM-1024 (FIPS 203).
    MlKem1024,
    /// ML-DSA-44 (FIPS 204).
    MlDsa44,
    /// ML-DSA-65 (FIPS 204).
    MlDsa65,
    /// ML-DSA-87 (FIPS 204).
    MlDsa87,
}

impl KeyType {
    /// Every kind.
    pub const ALL: [Self; 18] = [
        Self::Aes128Gcm96,
        Self::Aes256Gcm96,
        Self::ChaCha20Poly1305,
        Self::XChaCha20Poly1305,
        Self::Xaes256Gcm,
        Self::Ed25519,
        Self::EcdsaP256,
        Self::EcdsaP384,
        Self::EcdsaP521,
        Self::Rsa2048,
        Self::Rsa3072,
        Self::Rsa4096,
        Self::Hmac,
        Self::MlKem768,
        Self::MlKem1024,
        Self::MlDsa44,
        Self::MlDsa65,
        Self::MlDsa87,
    ];

    /// Vault's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Aes128Gcm96 => "aes128-gcm96",
            Self::Aes256Gcm96 => "aes256-gcm96",
            Self::ChaCha20Poly1305 => "chacha20-poly1305",
            Self::XChaCha20Poly1305 => "xchacha20-poly1305",
            Self::Xaes256Gcm => "xaes256-gcm",
            Self::Ed25519 => "ed25519",
            Self::EcdsaP256 => "ecdsa-p256",
            Self::EcdsaP384 => "ecdsa-p384",
            Self::EcdsaP521 => "ecdsa-p521",
            Self::Rsa2048 => "rsa-2048",
            Self::Rsa3072 => "rsa-3072",
            Self::Rsa4096 => "rsa-4096",
            Self::Hmac => "hmac",
            Self::MlKem768 => "ml-kem-768",
            Self::MlKem1024 => "ml-kem-1024",
            Self::MlDsa44 => "ml-dsa-44",
            Self::MlDsa65 => "ml-dsa-65",
            Self::MlDsa87 => "ml-dsa-87",
        }
    }

    /// The number in stored formats. Never reused.
    pub const fn code(self) -> u8 {
        match self {
            Self::Aes128Gcm96 => 1,
            Self::Aes256Gcm96 => 2,
            Self::ChaCha20Poly1305 => 3,
            Self::XChaCha20Poly1305 => 4,
            Self::Xaes256Gcm => 5,
            Self::Ed25519 => 6,
            Self::EcdsaP256 => 7,
            Self::EcdsaP384 => 8,
            Self::EcdsaP521 => 9,
            Self::Rsa2048 => 10,
            Self::Rsa3072 => 11,
            Self::Rsa4096 => 12,
            Self::Hmac => 13,
            Self::MlKem768 => 14,
            Self::MlKem1024 => 15,
            Self::MlDsa44 => 16,
            Self::MlDsa65 => 17,
            Self::MlDsa87 => 18,
        }
    }

    /// The kind with this number in stored formats.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }

    /// Whether it encrypts symmetrically: an [`AeadKey`](super::AeadKey) comes of it.
    pub const fn is_aead(self) -> bool {
        self.nonce_len().is_some()
    }

    /// Whether it is RSA.
    pub const fn is_rsa(self) -> bool {
        matches!(self, Self::Rsa2048 | Self::Rsa3072 | Self::Rsa4096)
    }

    /// Whether it is ECDSA.
    pub const fn is_ecdsa(self) -> bool {
        matches!(self, Self::EcdsaP256 | Self::EcdsaP384 | Self::EcdsaP521)
    }

    /// Whether there is a public half.
    pub const fn is_asymmetric(self) -> bool {
        self.supports_signing() || self.supports_encapsulation()
    }

    /// Whether it encrypts and decrypts.
    pub const fn supports_encryption(self) -> bool {
        self.is_aead() || self.is_rsa()
    }

    /// Whether encryption binds associated data.
    pub const fn supports_associated_data(self) -> bool {
        self.is_aead()
    }

    /// Whether it signs and verifies. (HMAC is apart: every kind has an HMAC key.)
    pub const fn supports_signing(self) -> bool {
        match self {
            Self::Ed25519
            | Self::EcdsaP256
            | Self::EcdsaP384
            | Self::EcdsaP521
            | Self::Rsa2048
            | Self::Rsa3072
            | Self::Rsa4096
            | Self::MlDsa44
            | Self::MlDsa65
            | Self::MlDsa87 => true,
            Self::Aes128Gcm96
            | Self::Aes256Gcm96
            | Self::ChaCha20Poly1305
            | Self::XChaCha20Poly1305
            | Self::Xaes256Gcm
            | Self::Hmac
            | Self::MlKem768
            | Self::MlKem1024 => false,
        }
    }

    /// Whether the message is hashed by a hash of the caller's choice before it is signed. The others hash it
    /// themselves.
    pub const fn hashes_signature_input(self) -> bool {
        self.is_ecdsa() || self.is_rsa()
    }

    /// Whether a key per context can be derived from it.
    pub const fn supports_derivation(self) -> bool {
        self.is_aead() || matches!(self, Self::Ed25519)
    }

    /// Whether derived keys can encrypt convergently.
    pub const fn supports_convergent(self) -> bool {
        self.is_aead()
    }

    /// Whether it encapsulates and decapsulates.
    pub const fn supports_encapsulation(self) -> bool {
        matches!(self, Self::MlKem768 | Self::MlKem1024)
    }

    /// The length of a nonce, of a kind that encrypts symmetrically.
    pub const fn nonce_len(self) -> Option<usize> {
        match self {
            Self::Aes128Gcm96 | Self::Aes256Gcm96 | Self::ChaCha20Poly1305 => Some(12),
            Self::XChaCha20Poly1305 | Self::Xaes256Gcm => Some(24),
            _ => None,
        }
    }

    /// The length of a symmetric key, where it is fixed.
    pub const fn symmetric_key_len(self) -> Option<usize> {
        match self {
            Self::Aes128Gcm96 => Some(16),
            Self::Aes256Gcm96 | Self::ChaCha20Poly1305 | Self::XChaCha20Poly1305 | Self::Xaes256Gcm => {
                Some(32)
            }
            _ => None,
        }
    }
}

impl fmt::Display for KeyType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for KeyType {
    type Err = UnknownKeyType;

    fn from_str(name: &str) -> Result<Self, UnknownKeyType> {
        Self::ALL.into_iter().find(|kind| kind.name() == name).ok_or(UnknownKeyType)
    }
}

/// A name that is no kind of key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownKeyType;

impl fmt::Display for UnknownKeyType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("there is no such type of key; use one of")?;
        for (index, kind) in KeyType::ALL.into_iter().enumerate() {
            write!(f, "{} {kind}", if index == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

impl Error for UnknownKeyType {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_and_code_lead_back_to_the_kind_and_none_is_used_twice() {
        for kind in KeyType::ALL {
            assert_eq!(kind.name().parse(), Ok(kind));
            assert_eq!(KeyType::from_code(kind.code()), Some(kind));
        }
        let mut codes: Vec<u8> = KeyType::ALL.into_iter().map(KeyType::code).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), KeyType::ALL.len());
        assert_eq!(KeyType::from_code(0), None);
        assert_eq!("AES256-GCM96".parse::<KeyType>(), Err(UnknownKeyType));
    }

    #[test]
    fn every_kind_but_hmac_does_one_thing_at_least() {
        for kind in KeyType::ALL {
            let does = kind.supports_encryption() || kind.supports_signing() || kind.supports_encapsulation();
            assert_eq!(does, kind != KeyType::Hmac, "{kind}");
            assert_eq!(kind.symmetric_key_len().is_some(), kind.is_aead(), "{kind}");
        }
    }
}
