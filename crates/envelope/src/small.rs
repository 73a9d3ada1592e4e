//! The small form: an object in one piece (`docs/FORMATS.md`, section "Envelope").

use strongroom_crypto::aead::{NONCE_LEN, TAG_LEN};
use strongroom_crypto::secret::Plaintext;
use zeroize::Zeroize as _;

use crate::buffer;
use crate::data_key::{DataKey, Source};
use crate::error::{KeyError, OpenError, RewrapError, SealError};
use crate::header::{self, Algorithm, PROLOGUE_LEN, Prologue};
use crate::key::{KeyEncryption, WrappedKey};

pub(crate) fn seal(
    key: &dyn KeyEncryption,
    data_keys: &Source,
    associated: &[u8],
    plaintext: &[u8],
    object: &mut Vec<u8>,
) -> Result<(), SealError> {
    let outcome = overwrite(key, data_keys, associated, plaintext, object);
    if outcome.is_err() {
        object.clear();
    }
    outcome
}

fn overwrite(
    key: &dyn KeyEncryption,
    data_keys: &Source,
    associated: &[u8],
    plaintext: &[u8],
    object: &mut Vec<u8>,
) -> Result<(), SealError> {
    if plaintext.len() > MAX_SMALL {
        return Err(SealError::TooLong);
    }
    let (data_key, prologue) = data_keys.draw(Algorithm::Small)?;
    let wrapped = data_key.wrap(key, &prologue)?;
    let body_key = data_key.schedule()?;
    let header = header(&prologue, &wrapped);
    let sealed_len = plaintext.len() + COMMITMENT.len() + TAG_LEN;
    buffer::set_len(object, header.len() + sealed_len);
    let (head, body) = object.split_at_mut(header.len());
    head.copy_from_slice(&header);
    body_key
        .seal_into(&nonce(&prologue), associated, plaintext, &COMMITMENT, body)
        .map_err(|error| KeyError::from(error).into())
}

pub(crate) fn open(
    key: &dyn KeyEncryption,
    associated: &[u8],
    object: &[u8],
) -> Result<Plaintext, OpenError> {
    let parts = Parts::split(object)?;
    let body_key = DataKey::unwrap(key, &parts.wrapped, &parts.prologue)?.schedule()?;
    let mut body = vec![0; parts.ciphertext.len()];
    body_key
        .open_into(&nonce(&parts.prologue), associated, parts.ciphertext, parts.tag, &mut body)
        .map_err(|_| OpenError::Forged)?;
    if !body.ends_with(&COMMITMENT) {
        body.zeroize();
        return Err(OpenError::Forged);
    }
    body.truncate(body.len() - COMMITMENT.len());
    Ok(Plaintext::new(body))
}

pub(crate) fn rewrap(
    old: &dyn KeyEncryption,
    new: &dyn KeyEncryption,
    object: &[u8],
) -> Result<Vec<u8>, RewrapError> {
    let parts = Parts::split(object)?;
    let data_key = DataKey::unwrap(old, &parts.wrapped, &parts.prologue)
        .map_err(|error| RewrapError::Open(error.into()))?;
    let wrapped = data_key.wrap(new, &parts.prologue).map_err(RewrapError::Wrap)?;
    Ok([&header(&parts.prologue, &wrapped), parts.ciphertext, parts.tag].concat())
}

/// A small object's data key as it is wrapped now. Only opening proves it.
///
/// # Errors
///
/// [`OpenError`], as far as the header shows.
pub fn wrapped_key(object: &[u8]) -> Result<WrappedKey, OpenError> {
    Ok(Parts::split(object)?.wrapped)
}

fn header(prologue: &Prologue, wrapped: &WrappedKey) -> Vec<u8> {
    let mut header = Vec::with_capacity(PROLOGUE_LEN + header::wrapped_len(wrapped));
    header.extend_from_slice(prologue.as_bytes());
    header::push_wrapped(wrapped, &mut header);
    header
}

/// The object's id, then zeros. A data key seals once, so this need not be unique; it is, where a cloned machine seals twice
/// with one key.
fn nonce(prologue: &Prologue) -> [u8; NONCE_LEN] {
    let mut nonce = [0; NONCE_LEN];
    nonce.iter_mut().zip(prologue.id()).for_each(|(byte, id)| *byte = *id);
    nonce
}

/// An object, cut apart but not yet believed.
struct Parts<'a> {
    prologue: Prologue,
    wrapped: WrappedKey,
    ciphertext: &'a [u8],
    tag: &'a [u8; TAG_LEN],
}

impl<'a> Parts<'a> {
    fn split(object: &'a [u8]) -> Result<Self, OpenError> {
        let (prologue, rest) = Prologue::split(object)?;
        if prologue.algorithm() != Algorithm::Small {
            return Err(OpenError::IsAStream);
        }
        let (wrapped, body) = header::split_wrapped(rest)?;
        let (ciphertext, tag) = body.split_last_chunk().ok_or(OpenError::Truncated)?;
        match ciphertext.len().checked_sub(COMMITMENT.len()) {
            None => Err(OpenError::Truncated),
            Some(len) if len > MAX_SMALL => Err(OpenError::TooLong),
            Some(_) => Ok(Self { prologue, wrapped, ciphertext, tag }),
        }
    }
}

/// The longest plaintext of a small object: 64 KiB.
pub const MAX_SMALL: usize = 64 * 1024;
/// Sealed after the plaintext. AES-256-GCM alone lets whoever knows two keys make one ciphertext that opens under both;
/// these zeros would have to be the key stream's exclusive or with the same 32 bytes under both keys, which is a collision
/// of 256 bits.
const COMMITMENT: [u8; 32] = [0; 32];

#[cfg(test)]
mod tests {
    use strongroom_crypto::aead::AeadKey;
    use strongroom_crypto::external::ExternalError;
    use strongroom_crypto::secret::Secret;

    use super::*;

    /// Wraps nothing, so that a test can know the data key.
    struct Bare;

    impl KeyEncryption for Bare {
        fn wrap(&self, data_key: &Secret<32>, _: &[u8]) -> Result<WrappedKey, ExternalError> {
            Ok(WrappedKey::new("bare", 1, *data_key.expose()).unwrap())
        }

        fn unwrap(&self, wrapped: &WrappedKey, _: &[u8]) -> Result<Secret<32>, ExternalError> {
            Ok(Secret::copy_from_slice(wrapped.bytes()).unwrap())
        }
    }

    #[test]
    fn body_with_a_right_tag_and_no_commitment_is_refused() {
        let key = Secret::random().unwrap();
        let wrapped = Bare.wrap(&key, b"").unwrap();
        let prologue = Prologue::new(Algorithm::Small, [3; 8]);
        let object = |ending: [u8; 32]| {
            let mut object = header(&prologue, &wrapped);
            let mut body = [b"value".as_slice(), &ending].concat();
            let tag = AeadKey::new(&key).unwrap().seal_in_place(&nonce(&prologue), b"", &mut body).unwrap();
            object.extend_from_slice(&body);
            object.extend_from_slice(&tag);
            object
        };
        assert_eq!(open(&Bare, b"", &object(COMMITMENT)).unwrap().as_slice(), b"value", "the control");
        for at in 0..32 {
            let mut ending = COMMITMENT;
            ending[at] = 0x80;
            assert!(matches!(open(&Bare, b"", &object(ending)), Err(OpenError::Forged)), "{at}");
        }
    }
}
