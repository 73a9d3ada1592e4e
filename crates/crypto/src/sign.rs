//! Signatures: one trait for keys in this process and for keys that are held elsewhere.

mod p256_key;
mod verify;

use std::fmt;

use sha2::Digest as _;

pub use p256_key::P256Key;
pub use verify::{is_public_key, verify};

use crate::external::ExternalError;

/// An algorithm, by which it is also verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// ECDSA over P-256 with SHA-256 (FIPS 186-5). Public key: SEC 1 uncompressed, 65 bytes. Signature: r ‖ s, 64 bytes.
    EcdsaP256Sha256,
    /// ECDSA over P-384 with SHA-384 (FIPS 186-5). Public key: SEC 1 uncompressed, 97 bytes. Signature: r ‖ s, 96 bytes.
    EcdsaP384Sha384,
}

impl Algorithm {
    /// The message's digest, as it is signed.
    pub fn digest(self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::EcdsaP256Sha256 => sha2::Sha256::digest(message).to_vec(),
            Self::EcdsaP384Sha384 => sha2::Sha384::digest(message).to_vec(),
        }
    }

    /// Bytes of a signature.
    pub fn signature_len(self) -> usize {
        match self {
            Self::EcdsaP256Sha256 => 64,
            Self::EcdsaP384Sha384 => 96,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::EcdsaP256Sha256 => "ECDSA P-256 with SHA-256",
            Self::EcdsaP384Sha384 => "ECDSA P-384 with SHA-384",
        })
    }
}

/// A key that signs, wherever it is.
pub trait Signer: Send + Sync {
    /// What it signs with.
    fn algorithm(&self) -> Algorithm;

    /// The public key, in the form that the [`Algorithm`] names.
    fn public_key(&self) -> &[u8];

    /// Signs the message, which is hashed as the algorithm says.
    ///
    /// # Errors
    ///
    /// [`ExternalError`] where the key is held elsewhere and could not be used.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, ExternalError>;
}
