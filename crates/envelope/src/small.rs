//! The small form: an object in one piece (`docs/FORMATS.md`, section "Envelope").

use strongroom_crypto::aead::{AeadKey, NONCE_LEN, TAG_LEN as BODY_TAG_LEN};
use strongroom_crypto::secret::Plaintext;
use zeroize::Zeroize as _;

use crate::data_key::{DataKey, Reserve};
use crate::error::{KeyError, OpenError, RewrapError, SealError};
use crate::header::{self, Algorithm, PROLOGUE_LEN, Prologue, TAG_LEN};
use crate::key::{KeyEncryption, WrappedKey};

pub(crate) fn seal(
    key: &dyn KeyEncryption,
    reserve: &Reserve,
    associated: &[u8],
    plaintext: &[u8],
) -> Result<Vec<u8>, SealError> {
    if plaintext.len() > MAX_SMALL {
        return Err(SealError::TooLong);
    }
    let (data_key, prologue) = reserve.draw(Algorithm::Small)?;
    let wrapped = data_key.wrap(key, &prologue)?;
    let mut object = begin(&data_key, &prologue, &wrapped, plaintext.len() + BODY_TAG_LEN)?;
    let body_key = schedule(&data_key, &prologue)?;
    let body_at = object.len();
    object.extend_from_slice(plaintext);
    let body = object.get_mut(body_at..).unwrap_or_default();
    match body_key.seal_in_place(&NONCE, associated, body) {
        Ok(tag) => {
            object.extend_from_slice(&tag);
            Ok(object)
        }
        Err(error) => {
            object.zeroize();
            Err(KeyError::from(error).into())
        }
    }
}

pub(crate) fn open(
    key: &dyn KeyEncryption,
    associated: &[u8],
    object: &[u8],
) -> Result<Plaintext, OpenError> {
    let parts = Parts::split(object)?;
    let data_key = parts.data_key(key)?;
    let body_key = schedule(&data_key, &parts.prologue)?;
    let mut plaintext = vec![0; parts.ciphertext.len()];
    body_key
        .open_into(&NONCE, associated, parts.ciphertext, parts.body_tag, &mut plaintext)
        .map_err(|_| OpenError::Forged)?;
    Ok(Plaintext::new(plaintext))
}

pub(crate) fn rewrap(
    old: &dyn KeyEncryption,
    new: &dyn KeyEncryption,
    object: &[u8],
) -> Result<Vec<u8>, RewrapError> {
    let parts = Parts::split(object)?;
    // Verified first: a header that somebody changed must not come out under a fresh tag.
    let data_key = parts.data_key(old)?;
    let wrapped = data_key.wrap(new, &parts.prologue).map_err(RewrapError::Wrap)?;
    let body_len = parts.ciphertext.len() + BODY_TAG_LEN;
    let mut rewrapped = begin(&data_key, &parts.prologue, &wrapped, body_len).map_err(RewrapError::Wrap)?;
    rewrapped.extend_from_slice(parts.ciphertext);
    rewrapped.extend_from_slice(parts.body_tag);
    Ok(rewrapped)
}

/// A small object's data key as it is wrapped now. Only opening proves it.
///
/// # Errors
///
/// [`OpenError`], as far as the header shows.
pub fn wrapped_key(object: &[u8]) -> Result<WrappedKey, OpenError> {
    Ok(Parts::split(object)?.wrapped)
}

/// The header, with room for so many more bytes, so that no plaintext is left behind by growing.
fn begin(
    data_key: &DataKey,
    prologue: &Prologue,
    wrapped: &WrappedKey,
    room: usize,
) -> Result<Vec<u8>, KeyError> {
    let mut object = Vec::with_capacity(PROLOGUE_LEN + header::wrapped_len(wrapped) + TAG_LEN + room);
    object.extend_from_slice(prologue.as_bytes());
    header::push_wrapped(wrapped, &mut object);
    let tag = data_key.header_tag(&object)?;
    object.extend_from_slice(&tag);
    Ok(object)
}

fn schedule(data_key: &DataKey, prologue: &Prologue) -> Result<AeadKey, KeyError> {
    Ok(AeadKey::new(&data_key.body_key(prologue)?)?)
}

/// An object, cut apart but not yet believed.
struct Parts<'a> {
    prologue: Prologue,
    wrapped: WrappedKey,
    /// What the header's tag is over.
    header: &'a [u8],
    header_tag: &'a [u8; TAG_LEN],
    ciphertext: &'a [u8],
    body_tag: &'a [u8; BODY_TAG_LEN],
}

impl<'a> Parts<'a> {
    fn split(object: &'a [u8]) -> Result<Self, OpenError> {
        let (prologue, rest) = Prologue::split(object)?;
        if prologue.algorithm() != Algorithm::Small {
            return Err(OpenError::IsAStream);
        }
        let (wrapped, rest) = header::split_wrapped(rest)?;
        let header =
            object.get(..PROLOGUE_LEN + header::wrapped_len(&wrapped)).ok_or(OpenError::Truncated)?;
        let (header_tag, body) = rest.split_first_chunk().ok_or(OpenError::Truncated)?;
        let (ciphertext, body_tag) = body.split_last_chunk().ok_or(OpenError::Truncated)?;
        if ciphertext.len() > MAX_SMALL {
            return Err(OpenError::TooLong);
        }
        Ok(Self { prologue, wrapped, header, header_tag, ciphertext, body_tag })
    }

    fn data_key(&self, key: &dyn KeyEncryption) -> Result<DataKey, OpenError> {
        let data_key = DataKey::unwrap(key, &self.wrapped, &self.prologue)?;
        data_key.check_header(self.header, self.header_tag)?;
        Ok(data_key)
    }
}

/// The longest plaintext of a small object: 64 KiB.
pub const MAX_SMALL: usize = 64 * 1024;
/// The key of a body seals once.
const NONCE: [u8; NONCE_LEN] = [0; NONCE_LEN];
