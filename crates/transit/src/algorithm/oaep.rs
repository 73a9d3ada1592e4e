//! RSA encryption: RSAES-OAEP (RFC 8017, section 7.1), MGF1 with the same hash, no label.

use aws_lc_rs::rsa::{
    OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OAEP_SHA384_MGF1SHA384, OAEP_SHA512_MGF1SHA512,
    OaepAlgorithm, OaepPublicEncryptingKey, PublicEncryptingKey,
};

use super::EncryptError;

/// OAEP's hash. Vault encrypts with SHA-256; the others are for keys that arrive wrapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OaepHash {
    /// SHA-1, all that many HSMs offer. OAEP does not need its hash to be collision resistant.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl OaepHash {
    /// Every hash.
    pub const ALL: [Self; 4] = [Self::Sha1, Self::Sha256, Self::Sha384, Self::Sha512];

    /// How many bytes a digest has.
    pub const fn output_len(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    pub(crate) const fn algorithm(self) -> &'static OaepAlgorithm {
        match self {
            Self::Sha1 => &OAEP_SHA1_MGF1SHA1,
            Self::Sha256 => &OAEP_SHA256_MGF1SHA256,
            Self::Sha384 => &OAEP_SHA384_MGF1SHA384,
            Self::Sha512 => &OAEP_SHA512_MGF1SHA512,
        }
    }
}

/// The key of a `SubjectPublicKeyInfo`, as it encrypts.
pub(super) fn encrypting(public_document: &[u8]) -> Option<OaepPublicEncryptingKey> {
    OaepPublicEncryptingKey::new(PublicEncryptingKey::from_der(public_document).ok()?).ok()
}

pub(super) fn check_length(
    key: &OaepPublicEncryptingKey,
    hash: OaepHash,
    len: usize,
) -> Result<(), EncryptError> {
    let longest = key.max_plaintext_size(hash.algorithm());
    if len > longest { Err(EncryptError::TooLong { longest }) } else { Ok(()) }
}

pub(super) fn encrypt(
    key: &OaepPublicEncryptingKey,
    hash: OaepHash,
    plaintext: &[u8],
) -> Result<Vec<u8>, EncryptError> {
    check_length(key, hash, plaintext.len())?;
    let mut ciphertext = vec![0; key.ciphertext_size()];
    let len = key
        .encrypt(hash.algorithm(), plaintext, &mut ciphertext, None)
        .map_err(|_| EncryptError::Library)?
        .len();
    ciphertext.truncate(len);
    Ok(ciphertext)
}
