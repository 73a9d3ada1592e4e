//! Data keys: one for each object, drawn ahead in small batches, and what is derived from one.

use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use strongroom_crypto::aead::{AeadKey, NONCE_LEN};
use strongroom_crypto::kdf;
use strongroom_crypto::random;
use strongroom_crypto::secret::{Secret, SecretBytes, check_not_forked};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroize as _;

use crate::error::{KeyError, OpenError};
use crate::header::{Algorithm, PROLOGUE_LEN, Prologue, TAG_LEN};
use crate::key::{KeyEncryption, WrappedKey};

/// An object's key. Whatever the object's header becomes, this stays.
pub(crate) struct DataKey(Secret<32>);

impl DataKey {
    /// Wraps it for the object with this prologue.
    pub(crate) fn wrap(&self, key: &dyn KeyEncryption, prologue: &Prologue) -> Result<WrappedKey, KeyError> {
        key.wrap(&self.0, &context(prologue)).map_err(KeyError::Wrapping)
    }

    pub(crate) fn unwrap(
        key: &dyn KeyEncryption,
        wrapped: &WrappedKey,
        prologue: &Prologue,
    ) -> Result<Self, KeyError> {
        key.unwrap(wrapped, &context(prologue)).map(Self).map_err(KeyError::Wrapping)
    }

    /// The key itself, scheduled: for a small object, whose one seal is all that it is used for.
    pub(crate) fn schedule(&self) -> Result<AeadKey, KeyError> {
        Ok(AeadKey::new(&self.0)?)
    }

    /// The tag of a stream's header: it shows that whoever wrote the header had the data key, and commits to that key.
    pub(crate) fn header_tag(&self, fields: &[u8]) -> Result<[u8; TAG_LEN], KeyError> {
        Ok(*kdf::expand(&self.0, &[HEADER_LABEL, fields])?.expose())
    }

    pub(crate) fn check_header(&self, fields: &[u8], tag: &[u8; TAG_LEN]) -> Result<(), OpenError> {
        let right: bool = self.header_tag(fields)?.ct_eq(tag).into();
        if right { Ok(()) } else { Err(OpenError::HeaderForged) }
    }

    /// The key of a stream's body.
    pub(crate) fn body_key(&self, prologue: &Prologue) -> Result<Secret<32>, KeyError> {
        Ok(kdf::expand(&self.0, &[BODY_LABEL, prologue.as_bytes()])?)
    }
}

/// What the wrapping key binds the data key to.
fn context(prologue: &Prologue) -> [u8; CONTEXT_LABEL.len() + PROLOGUE_LEN] {
    let mut context = [0; CONTEXT_LABEL.len() + PROLOGUE_LEN];
    let (label, rest) = context.split_at_mut(CONTEXT_LABEL.len());
    label.copy_from_slice(CONTEXT_LABEL);
    rest.copy_from_slice(prologue.as_bytes());
    context
}

/// Data keys and object ids, drawn several at a time: asking the operating system costs more than sealing a kilobyte.
///
/// Each is given out once and wiped. A virtual machine that is cloned meanwhile would give out the same ones, so the
/// nanosecond goes into each object's id, and with it into a small object's nonce and the key of a stream's body.
pub(crate) struct Reserve {
    drawn: Mutex<Drawn>,
    batch: usize,
}

#[derive(Default)]
struct Drawn {
    bytes: Option<SecretBytes>,
    used: usize,
}

impl Reserve {
    /// Draws [`BATCH`] at a time.
    pub(crate) fn new() -> Self {
        Self { drawn: Mutex::default(), batch: BATCH }
    }

    /// Draws nothing ahead.
    pub(crate) fn none() -> Self {
        Self { drawn: Mutex::default(), batch: 1 }
    }

    /// A fresh data key and the prologue of a fresh object.
    pub(crate) fn draw(&self, algorithm: Algorithm) -> Result<(DataKey, Prologue), KeyError> {
        let (key, mut id) = self.next()?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
        // Random before and random after, since the drawn bytes are never shown.
        id.iter_mut().zip(now.to_le_bytes()).for_each(|(byte, clock)| *byte ^= clock);
        Ok((DataKey(key), Prologue::new(algorithm, id)))
    }

    fn next(&self) -> Result<(Secret<32>, [u8; ID_LEN]), KeyError> {
        check_not_forked()?;
        // What a panic elsewhere could leave behind is at worst a batch used in part.
        let mut drawn = self.drawn.lock().unwrap_or_else(PoisonError::into_inner);
        if drawn.bytes.is_none() || drawn.used >= self.batch {
            // Taken out, so that nothing of it is given out when filling it fails.
            let bytes = match drawn.bytes.take() {
                Some(bytes) => bytes,
                None => SecretBytes::zeroed(self.batch * DRAW_LEN)?,
            };
            *drawn = Drawn { bytes: Some(self.fill(bytes)?), used: 0 };
        }
        let at = drawn.used;
        drawn.used += 1;
        let place = drawn
            .bytes
            .as_mut()
            .and_then(|bytes| bytes.expose_mut().chunks_exact_mut(DRAW_LEN).nth(at))
            .ok_or(KeyError::Cipher)?;
        let (key, id) = place.split_at_mut(KEY_LEN);
        let key_copy = Secret::copy_from_slice(key);
        let id_copy = id.first_chunk::<ID_LEN>().copied().ok_or(KeyError::Cipher)?;
        place.zeroize();
        Ok((key_copy?, id_copy))
    }

    /// One batch in place of zeros: from the operating system if it is for one object, otherwise the key stream of AES-256
    /// under a seed from there that is used for nothing else.
    fn fill(&self, mut bytes: SecretBytes) -> Result<SecretBytes, KeyError> {
        if self.batch == 1 {
            random::fill(bytes.expose_mut())?;
        } else {
            let seed = AeadKey::new(&Secret::random()?)?;
            // The tag is of no use, and dropped.
            seed.seal_in_place(&[0; NONCE_LEN], &[], bytes.expose_mut())?;
        }
        Ok(bytes)
    }
}

/// An object's id.
pub(crate) const ID_LEN: usize = 8;
const KEY_LEN: usize = 32;
const DRAW_LEN: usize = KEY_LEN + ID_LEN;
/// As many as make the system call a small part of the cost.
const BATCH: usize = 64;

const HEADER_LABEL: &[u8] = b"strongroom envelope header";
const BODY_LABEL: &[u8] = b"strongroom envelope body";
const CONTEXT_LABEL: &[u8] = b"strongroom envelope data key";

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use strongroom_crypto::random::fault;

    use super::*;

    #[test]
    fn no_key_and_no_id_comes_twice() {
        let (reserve, mut keys, mut ids) = (Reserve::new(), BTreeSet::new(), BTreeSet::new());
        for _ in 0..3 * BATCH {
            let (key, prologue) = reserve.draw(Algorithm::Small).unwrap();
            keys.insert(*key.0.expose());
            ids.insert(*prologue.as_bytes());
        }
        assert_eq!((keys.len(), ids.len()), (3 * BATCH, 3 * BATCH));
    }

    #[test]
    fn one_question_to_the_operating_system_serves_a_batch() {
        let reserve = Reserve::new();
        fault::reset();
        for _ in 0..=BATCH {
            reserve.draw(Algorithm::Small).unwrap();
        }
        assert_eq!(fault::calls(), 2);
        // The control: without a reserve there is one for each.
        fault::reset();
        let none = Reserve::none();
        for _ in 0..=BATCH {
            none.draw(Algorithm::Small).unwrap();
        }
        assert_eq!(fault::calls(), u64::try_from(BATCH + 1).unwrap());
    }

    #[test]
    fn what_was_given_out_is_wiped_and_what_was_not_is_not() {
        let reserve = Reserve::new();
        reserve.draw(Algorithm::Small).unwrap();
        let drawn = reserve.drawn.lock().unwrap();
        let bytes = drawn.bytes.as_ref().unwrap().expose();
        assert!(bytes[..DRAW_LEN].iter().all(|byte| *byte == 0));
        assert!(bytes[DRAW_LEN..2 * DRAW_LEN].iter().any(|byte| *byte != 0));
    }

    #[test]
    fn failing_randomness_gives_no_key_and_the_next_attempt_draws_anew() {
        let reserve = Reserve::new();
        fault::fail_after(0);
        assert!(matches!(reserve.draw(Algorithm::Small).err(), Some(KeyError::Randomness(_))));
        let (key, _) = reserve.draw(Algorithm::Small).unwrap();
        fault::reset();
        assert_ne!(key.0.expose(), &[0; 32]);
    }

    #[test]
    fn two_copies_of_a_reserve_make_different_objects() {
        let draw = |clone: &[u8]| {
            let bytes = Some(SecretBytes::copy_from_slice(clone).unwrap());
            Reserve { drawn: Mutex::new(Drawn { bytes, used: 0 }), batch: BATCH }
                .draw(Algorithm::Small)
                .unwrap()
        };
        let memory = [7; BATCH * DRAW_LEN];
        let ((one, first), (other, second)) = (draw(&memory), draw(&memory));
        assert!(one.0.ct_eq(&other.0), "the danger: the same data key");
        assert_ne!(first.as_bytes(), second.as_bytes());
        assert!(!one.body_key(&first).unwrap().ct_eq(&other.body_key(&second).unwrap()));
    }

    #[test]
    fn body_keys_differ_by_algorithm_and_object() {
        let key = DataKey(Secret::random().unwrap());
        let of = |algorithm, id| key.body_key(&Prologue::new(algorithm, [id; ID_LEN])).unwrap();
        let here = of(Algorithm::Small, 1);
        assert!(here.ct_eq(&of(Algorithm::Small, 1)), "the control");
        assert!(!here.ct_eq(&of(Algorithm::Stream, 1)) && !here.ct_eq(&of(Algorithm::Small, 2)));
    }
}
