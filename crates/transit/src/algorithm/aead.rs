//! Authenticated encryption: scheduled once, one allocation per message, nonce ‖ ciphertext ‖ tag.
//!
//! The caller answers for the nonce: one nonce twice under one key gives away both plaintexts and the key of the
//! tags.

mod error;
mod xaes;
mod xchacha;

pub use error::AeadError;

use aws_lc_rs::aead::{
    AES_128_GCM, AES_256_GCM, Aad, Algorithm, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey,
};
use strongroom_crypto::secret::{Plaintext, Secret};

use super::KeyType;
use xaes::XaesKey;

/// A key that seals and opens, scheduled once and shared by any number of threads.
///
/// With 96-bit nonces aws-lc keeps the schedule on its own heap, wiped when it is freed (see
/// [`strongroom_crypto::aead`]). With 192-bit nonces every message has a key of its own, scheduled there for as long
/// as the message takes; the key that these come from is a [`Secret`] (XChaCha20-Poly1305) or a schedule on the
/// ordinary heap, wiped on drop (XAES-256-GCM).
pub struct AeadKey(Cipher);

enum Cipher {
    Scheduled(LessSafeKey),
    XChaCha(Secret<32>),
    Xaes(XaesKey),
}

impl AeadKey {
    /// Schedules a key.
    ///
    /// # Errors
    ///
    /// [`AeadError::KeyType`] for a kind that does not encrypt symmetrically; [`AeadError::KeyLength`]; or no memory.
    pub fn new(key_type: KeyType, key: &[u8]) -> Result<Self, AeadError> {
        Ok(Self(match key_type {
            KeyType::Aes128Gcm96 => Cipher::Scheduled(schedule(&AES_128_GCM, key)?),
            KeyType::Aes256Gcm96 => Cipher::Scheduled(schedule(&AES_256_GCM, key)?),
            KeyType::ChaCha20Poly1305 => Cipher::Scheduled(schedule(&CHACHA20_POLY1305, key)?),
            KeyType::XChaCha20Poly1305 => {
                if key.len() != 32 {
                    return Err(AeadError::KeyLength);
                }
                Cipher::XChaCha(Secret::copy_from_slice(key)?)
            }
            KeyType::Xaes256Gcm => {
                Cipher::Xaes(XaesKey::new(key.try_into().map_err(|_| AeadError::KeyLength)?))
            }
            _ => return Err(AeadError::KeyType),
        }))
    }

    /// How long a nonce is: 12 or 24 bytes.
    pub const fn nonce_len(&self) -> usize {
        match self.0 {
            Cipher::Scheduled(_) => NONCE_LEN,
            Cipher::XChaCha(_) | Cipher::Xaes(_) => LONG_NONCE_LEN,
        }
    }

    /// How much longer the sealed form is than the plaintext.
    pub const fn overhead(&self) -> usize {
        self.nonce_len() + TAG_LEN
    }

    /// Seals into a buffer of exactly the right size: nonce ‖ ciphertext ‖ tag.
    ///
    /// # Errors
    ///
    /// As [`seal_into`](Self::seal_into).
    #[inline]
    pub fn seal(&self, nonce: &[u8], aad: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, AeadError> {
        let mut sealed = Vec::with_capacity(plaintext.len().saturating_add(self.overhead()));
        self.seal_into(nonce, aad, plaintext, &mut sealed)?;
        Ok(sealed)
    }

    /// Seals and appends nonce ‖ ciphertext ‖ tag to the buffer, which grows once at most.
    ///
    /// # Errors
    ///
    /// [`AeadError::NonceLength`], or [`AeadError::Cipher`] where the message is longer than the cipher allows. The buffer is
    /// then what it was.
    #[inline]
    pub fn seal_into(
        &self,
        nonce: &[u8],
        aad: &[u8],
        plaintext: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), AeadError> {
        match &self.0 {
            Cipher::Scheduled(key) => {
                let nonce = nonce.try_into().map_err(|_| AeadError::NonceLength)?;
                seal(key, nonce, *nonce, aad, plaintext, out)
            }
            Cipher::XChaCha(key) => {
                let (key, rest) = xchacha_message_key(key, nonce)?;
                seal(&key, long(nonce)?, rest, aad, plaintext, out)
            }
            Cipher::Xaes(key) => {
                let (key, rest) = xaes_message_key(key, nonce)?;
                seal(&key, long(nonce)?, rest, aad, plaintext, out)
            }
        }
    }

    /// Opens nonce ‖ ciphertext ‖ tag.
    ///
    /// # Errors
    ///
    /// [`AeadError::Truncated`] or [`AeadError::Forged`].
    #[inline]
    pub fn open(&self, aad: &[u8], sealed: &[u8]) -> Result<Plaintext, AeadError> {
        let (nonce, rest) = sealed.split_at_checked(self.nonce_len()).ok_or(AeadError::Truncated)?;
        let (ciphertext, tag) = rest.split_last_chunk::<TAG_LEN>().ok_or(AeadError::Truncated)?;
        // A copy is opened in place: zeros to write over would be `calloc`'s, which is slower than `malloc`.
        let mut plaintext = ciphertext.to_vec();
        let opened = match &self.0 {
            Cipher::Scheduled(key) => {
                let nonce = nonce.try_into().map_err(|_| AeadError::NonceLength)?;
                open(key, nonce, aad, tag, &mut plaintext)
            }
            Cipher::XChaCha(key) => {
                let (key, nonce) = xchacha_message_key(key, nonce)?;
                open(&key, nonce, aad, tag, &mut plaintext)
            }
            Cipher::Xaes(key) => {
                let (key, nonce) = xaes_message_key(key, nonce)?;
                open(&key, nonce, aad, tag, &mut plaintext)
            }
        };
        let plaintext = Plaintext::new(plaintext);
        opened.map(|()| plaintext)
    }
}

/// Appends what stands in front, the ciphertext and the tag.
#[inline]
fn seal<const N: usize>(
    key: &LessSafeKey,
    front: &[u8; N],
    nonce: [u8; NONCE_LEN],
    aad: &[u8],
    plaintext: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), AeadError> {
    let before = out.len();
    out.reserve(plaintext.len().saturating_add(N + TAG_LEN));
    out.extend_from_slice(front);
    let start = out.len();
    // The library writes only to where something is; the plaintext itself never gets there.
    out.resize(start.saturating_add(plaintext.len()).saturating_add(TAG_LEN), 0);
    let room = out.get_mut(start..).and_then(|room| room.split_last_chunk_mut::<TAG_LEN>());
    let sealed = room.ok_or(AeadError::Cipher).and_then(|(ciphertext, tag)| {
        let nonce = Nonce::assume_unique_for_key(nonce);
        key.seal_out_of_place_scatter(nonce, Aad::from(aad), plaintext, ciphertext, &[], tag)
            .map_err(|_| AeadError::Cipher)
    });
    if sealed.is_err() {
        out.truncate(before);
    }
    sealed
}

#[inline]
fn open(
    key: &LessSafeKey,
    nonce: [u8; NONCE_LEN],
    aad: &[u8],
    tag: &[u8],
    in_out: &mut [u8],
) -> Result<(), AeadError> {
    key.open_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(aad), tag, in_out)
        .map(drop)
        .map_err(|_| AeadError::Forged)
}

/// The message's key and nonce.
fn xchacha_message_key(key: &Secret<32>, nonce: &[u8]) -> Result<(LessSafeKey, [u8; NONCE_LEN]), AeadError> {
    let (prefix, rest) = split_nonce(nonce)?;
    let key = schedule(&CHACHA20_POLY1305, &*xchacha::message_key(key, prefix))?;
    Ok((key, xchacha::message_nonce(*rest)))
}

/// The message's key and nonce.
fn xaes_message_key(key: &XaesKey, nonce: &[u8]) -> Result<(LessSafeKey, [u8; NONCE_LEN]), AeadError> {
    let (prefix, rest) = split_nonce(nonce)?;
    Ok((schedule(&AES_256_GCM, &*key.message_key(prefix))?, *rest))
}

fn long(nonce: &[u8]) -> Result<&[u8; LONG_NONCE_LEN], AeadError> {
    nonce.try_into().map_err(|_| AeadError::NonceLength)
}

/// What makes the message's key, and the rest. The whole must be exactly as long as the two.
fn split_nonce<const A: usize, const B: usize>(nonce: &[u8]) -> Result<(&[u8; A], &[u8; B]), AeadError> {
    let (prefix, rest) = nonce.split_first_chunk().ok_or(AeadError::NonceLength)?;
    Ok((prefix, rest.try_into().map_err(|_| AeadError::NonceLength)?))
}

fn schedule(algorithm: &'static Algorithm, key: &[u8]) -> Result<LessSafeKey, AeadError> {
    if key.len() != algorithm.key_len() {
        return Err(AeadError::KeyLength);
    }
    Ok(LessSafeKey::new(UnboundKey::new(algorithm, key).map_err(|_| AeadError::Cipher)?))
}

/// A 128-bit tag.
pub const TAG_LEN: usize = 16;
const LONG_NONCE_LEN: usize = 24;

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> impl Iterator<Item = (KeyType, AeadKey)> {
        KeyType::ALL.into_iter().filter_map(|kind| {
            kind.symmetric_key_len().map(|len| (kind, AeadKey::new(kind, &vec![7; len]).unwrap()))
        })
    }

    #[test]
    fn what_is_sealed_opens_with_its_associated_data_alone() {
        for (kind, key) in keys() {
            assert_eq!(Some(key.nonce_len()), kind.nonce_len());
            let nonce = vec![3; key.nonce_len()];
            for len in [0, 1, 15, 16, 17, 1000] {
                let plaintext = vec![9; len];
                let sealed = key.seal(&nonce, b"context", &plaintext).unwrap();
                assert_eq!(sealed.len(), len + key.overhead());
                assert_eq!(sealed.capacity(), sealed.len());
                assert_eq!(key.open(b"context", &sealed).unwrap().as_slice(), plaintext);
                assert_eq!(key.open(b"other", &sealed).err(), Some(AeadError::Forged));
            }
        }
    }

    #[test]
    fn changed_bit_strict_prefix_and_added_byte_are_refused() {
        for (kind, key) in keys() {
            let sealed = key.seal(&vec![3; key.nonce_len()], b"", b"plaintext").unwrap();
            for len in 0..sealed.len() {
                assert!(key.open(b"", &sealed[..len]).is_err(), "{kind} {len}");
                let mut changed = sealed.clone();
                changed[len] ^= 1;
                assert_eq!(key.open(b"", &changed).err(), Some(AeadError::Forged), "{kind} {len}");
            }
            assert!(key.open(b"", &[&sealed[..], &[0]].concat()).is_err(), "{kind}");
        }
    }

    #[test]
    fn nonce_of_another_length_leaves_the_buffer_as_it_was() {
        for (kind, key) in keys() {
            let mut out = b"before".to_vec();
            for len in (0..40).filter(|len| *len != key.nonce_len()) {
                let refused = key.seal_into(&vec![0; len], b"", b"plaintext", &mut out);
                assert_eq!(refused, Err(AeadError::NonceLength), "{kind}");
                assert_eq!(out, b"before");
            }
        }
    }

    #[test]
    fn key_of_another_length_or_kind_is_refused() {
        for kind in KeyType::ALL {
            for len in 0..70 {
                let made = AeadKey::new(kind, &vec![1; len]);
                match kind.symmetric_key_len() {
                    Some(right) if right == len => assert!(made.is_ok(), "{kind}"),
                    Some(_) => assert_eq!(made.err(), Some(AeadError::KeyLength), "{kind}"),
                    None => assert_eq!(made.err(), Some(AeadError::KeyType), "{kind}"),
                }
            }
        }
    }
}
