//! Data keys: one for each object, and what is derived from one.

use std::time::{SystemTime, UNIX_EPOCH};

use strongroom_crypto::aead::AeadKey;
use strongroom_crypto::kdf;
use strongroom_crypto::random::Reserve;
use strongroom_crypto::secret::{Secret, SecretError};
use subtle::ConstantTimeEq as _;

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

/// Where data keys and object ids come from.
pub(crate) enum Source {
    /// Drawn ahead. A virtual machine that is resumed twice may draw the same ones in both copies for some milliseconds, so
    /// the nanosecond goes into each object's id, and with it into a small object's nonce and the key of a stream's body.
    Reserve(Reserve<DRAW_LEN>),
    /// A question to the operating system for each.
    System,
}

impl Source {
    pub(crate) const fn reserve() -> Self {
        Self::Reserve(Reserve::new())
    }

    /// A fresh data key and the prologue of a fresh object.
    pub(crate) fn draw(&self, algorithm: Algorithm) -> Result<(DataKey, Prologue), KeyError> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
        let (key, id) = match self {
            Self::Reserve(reserve) => reserve.draw(|drawn| split(drawn, now))?,
            Self::System => split(Secret::random()?.expose(), now)?,
        };
        Ok((DataKey(key), Prologue::new(algorithm, id)))
    }
}

/// A key and an id out of what was drawn. The id is random before the clock goes in and after, since what was drawn is never
/// shown.
fn split(drawn: &[u8; DRAW_LEN], now: u128) -> Result<(Secret<KEY_LEN>, [u8; ID_LEN]), SecretError> {
    let (key, id) = drawn.split_first_chunk::<KEY_LEN>().ok_or(SecretError::Length)?;
    let mut id: [u8; ID_LEN] = id.try_into().map_err(|_| SecretError::Length)?;
    id.iter_mut().zip(now.to_le_bytes()).for_each(|(byte, clock)| *byte ^= clock);
    Ok((Secret::copy_from_slice(key)?, id))
}

/// An object's id.
pub(crate) const ID_LEN: usize = 8;
const KEY_LEN: usize = 32;
const DRAW_LEN: usize = KEY_LEN + ID_LEN;

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
        for source in [Source::reserve(), Source::System] {
            let (mut keys, mut ids) = (BTreeSet::new(), BTreeSet::new());
            for _ in 0..200 {
                let (key, prologue) = source.draw(Algorithm::Small).unwrap();
                keys.insert(*key.0.expose());
                ids.insert(*prologue.as_bytes());
            }
            assert_eq!((keys.len(), ids.len()), (200, 200));
        }
    }

    #[test]
    fn without_a_reserve_each_key_is_one_question_to_the_operating_system() {
        let calls = |source: &Source| {
            fault::reset();
            (0..64).for_each(|_| drop(source.draw(Algorithm::Small).unwrap()));
            fault::calls()
        };
        assert_eq!(calls(&Source::System), 64);
        // The control: more than one only where a slow machine let what was drawn expire.
        assert!(calls(&Source::reserve()) < 64);
    }

    #[test]
    fn failing_randomness_gives_no_key() {
        for source in [Source::reserve(), Source::System] {
            fault::fail_after(0);
            assert!(matches!(source.draw(Algorithm::Small).err(), Some(KeyError::Randomness(_))));
            assert!(source.draw(Algorithm::Small).is_ok());
            fault::reset();
        }
    }

    /// What two copies of a machine that was resumed twice still have in common for some milliseconds.
    #[test]
    fn one_data_key_in_two_objects_meets_two_nonces_and_two_body_keys() {
        let drawn = [7; DRAW_LEN];
        let at = |nanosecond| {
            let (key, id) = split(&drawn, nanosecond).unwrap();
            (DataKey(key), Prologue::new(Algorithm::Small, id))
        };
        let ((one, first), (other, second)) = (at(1_764_000_000_000_000_000), at(1_764_000_000_000_000_001));
        assert!(one.0.ct_eq(&other.0), "the danger: the same data key");
        assert_ne!(first.id(), second.id());
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
