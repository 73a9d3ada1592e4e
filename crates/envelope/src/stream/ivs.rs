//! Random IVs, several for one question to the operating system.

use strongroom_crypto::aead::NONCE_LEN;
use strongroom_crypto::random::{self, RandomnessError};

use crate::floe::IV_LEN;

/// Segments' IVs, drawn a few at a time by the thread that uses them.
#[derive(Default)]
pub(super) struct Ivs {
    drawn: [[u8; NONCE_LEN]; AT_ONCE],
    left: usize,
}

impl Ivs {
    /// A message's IV, drawn together with those of its first segments, of which there will be so many.
    pub(super) fn with_message(segments: usize) -> Result<([u8; IV_LEN], Self), RandomnessError> {
        let mut bytes = [0; IV_LEN + AT_ONCE * NONCE_LEN];
        let left = segments.min(AT_ONCE);
        random::fill(bytes.get_mut(..IV_LEN + left * NONCE_LEN).unwrap_or_default())?;
        let (mut iv, mut ivs) = ([0; IV_LEN], Self { left, ..Self::default() });
        let (first, rest) = bytes.split_at(IV_LEN);
        iv.copy_from_slice(first);
        ivs.drawn.as_flattened_mut().copy_from_slice(rest);
        Ok((iv, ivs))
    }

    /// The next one, where so many are still wanted, this one among them.
    pub(super) fn next(&mut self, wanted: usize) -> Result<[u8; NONCE_LEN], RandomnessError> {
        if self.left == 0 {
            let count = wanted.clamp(1, AT_ONCE);
            random::fill(self.drawn.get_mut(..count).unwrap_or_default().as_flattened_mut())?;
            self.left = count;
        }
        self.left -= 1;
        Ok(self.drawn.get(self.left).copied().unwrap_or_default())
    }
}

const AT_ONCE: usize = 16;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use strongroom_crypto::random::fault;

    use super::*;

    #[test]
    fn no_iv_comes_twice_and_none_is_zero_however_many_were_drawn_ahead() {
        for ahead in [0, 1, 15, 16, 17, 1000] {
            let (iv, mut ivs) = Ivs::with_message(ahead).unwrap();
            assert_ne!(iv, [0; IV_LEN]);
            let mut seen: BTreeSet<[u8; NONCE_LEN]> = (0..100).map(|n| ivs.next(100 - n).unwrap()).collect();
            seen.insert([0; NONCE_LEN]);
            assert_eq!(seen.len(), 101, "{ahead}");
        }
    }

    #[test]
    fn sixteen_segments_are_one_question_with_the_message_and_one_each_without() {
        fault::reset();
        let (_, mut ivs) = Ivs::with_message(16).unwrap();
        assert!((0..16).all(|n| ivs.next(16 - n).is_ok()));
        assert_eq!(fault::calls(), 1);
        ivs.next(1).unwrap();
        assert_eq!(fault::calls(), 2, "the control: what was drawn is not used again");
        fault::reset();
    }

    #[test]
    fn failing_randomness_gives_no_iv() {
        fault::fail_after(0);
        assert!(Ivs::with_message(1).is_err());
        fault::fail_after(1);
        let (_, mut ivs) = Ivs::with_message(1).unwrap();
        assert!(ivs.next(1).is_ok() && ivs.next(1).is_err());
        assert!(ivs.next(1).is_ok());
        fault::reset();
    }
}
