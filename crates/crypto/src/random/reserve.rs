//! Random bytes drawn ahead.
//!
//! Asking the operating system for a key costs more than sealing a kibibyte with it. A [`Reserve`] asks once for [`PLACES`]
//! keys: 32 bytes seed AES-256-GCM, whose key stream over zeros fills the places, and the seed is gone. What is handed out
//! is wiped in that moment, so that nobody who reads the memory later learns a key that was drawn before.
//!
//! # Why nothing comes twice
//!
//! - **Threads** take places in turn, under a lock.
//! - **A forked child** finds the places wiped, and is refused before it looks ([`check_not_forked`]).
//! - **Randomness that fails** leaves no places, and nothing is handed out.
//! - **A virtual machine resumed twice** from one snapshot, or cloned while it runs, has the same places in both. So what was
//!   drawn is thrown away after [`LIFETIME`], which is read off a clock that ticks every 1 to 10 ms and may stand still while
//!   the machine does. What comes twice, then, is what both copies draw within the first 20 ms after the resumption, up to
//!   the [`PLACES`] that were left; and nothing unless the machine drew within as long before the snapshot. This chance is no
//!   cryptographic one: whoever draws keys all the time and is resumed twice meets it. Linux seeds the copies apart from
//!   there on, where the hypervisor tells it of the resumption (`vmgenid`). Whoever cannot have one key twice must add to
//!   each use of it what differs in the two, or draw from the operating system ([`Secret::random`]).

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use zeroize::Zeroize as _;

use crate::aead::{AeadKey, NONCE_LEN};
use crate::secret::{Secret, SecretBytes, SecretError, SecretMemoryError, check_not_forked};

/// Places of `N` secret random bytes, drawn ahead and each handed out once. See [the module](self).
pub struct Reserve<const N: usize>(Mutex<Drawn<N>>);

impl<const N: usize> Reserve<N> {
    /// Draws nothing until it is asked.
    pub const fn new() -> Self {
        Self(Mutex::new(Drawn { places: None, left: 0, at: Duration::ZERO }))
    }

    /// Hands out `N` bytes that nobody else was given, and wipes them when `take` returns. `take` holds up every other thread.
    ///
    /// # Errors
    ///
    /// No memory, no randomness, or a forked process; or what `take` answers.
    pub fn draw<T>(&self, take: impl FnOnce(&[u8; N]) -> Result<T, SecretError>) -> Result<T, SecretError> {
        self.draw_by(now, take)
    }

    fn draw_by<T>(
        &self,
        clock: impl FnOnce() -> Duration,
        take: impl FnOnce(&[u8; N]) -> Result<T, SecretError>,
    ) -> Result<T, SecretError> {
        check_not_forked().map_err(SecretMemoryError::from)?;
        // What a panic could leave behind is at worst a place that was counted and is still full.
        let mut drawn = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Read after the wait for the lock, in which what was drawn may have expired.
        let place = drawn.next(clock())?;
        let outcome = take(place);
        place.zeroize();
        outcome
    }
}

impl<const N: usize> Default for Reserve<N> {
    fn default() -> Self {
        Self::new()
    }
}

struct Drawn<const N: usize> {
    places: Option<SecretBytes>,
    /// Places not handed out yet, from the beginning on.
    left: usize,
    /// When they were drawn, by the coarse monotonic clock.
    at: Duration,
}

impl<const N: usize> Drawn<N> {
    fn next(&mut self, now: Duration) -> Result<&mut [u8; N], SecretError> {
        if self.left == 0 || now.saturating_sub(self.at) >= LIFETIME {
            self.refill(now)?;
        }
        self.left -= 1;
        let places = self.places.as_mut().map(SecretBytes::expose_mut).unwrap_or_default();
        places.as_chunks_mut().0.get_mut(self.left).ok_or(SecretError::Length)
    }

    #[cold]
    fn refill(&mut self, now: Duration) -> Result<(), SecretError> {
        // First, so that nothing old is handed out should this fail. The memory is used again.
        self.left = 0;
        let mut places = match self.places.take() {
            Some(places) => places,
            None => SecretBytes::zeroed(PLACES * N)?,
        };
        places.expose_mut().zeroize();
        // The one use of this key. The tag is of no use, and dropped. Of the cipher's errors none is about such a length.
        AeadKey::new(&Secret::random()?)
            .and_then(|seed| seed.seal_in_place(&[0; NONCE_LEN], &[], places.expose_mut()))
            .map_err(|_| SecretError::Length)?;
        (self.places, self.left, self.at) = (Some(places), PLACES, now);
        Ok(())
    }
}

/// Ticks every few milliseconds and costs no system call.
#[inline]
fn now() -> Duration {
    let time = clock_gettime(ClockId::MonotonicCoarse);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or_default())
}

/// As many as make the system call a small part of the cost.
pub const PLACES: usize = 64;
/// How long what was drawn is handed out: a few ticks of the clock. At a rate that needs a reserve it is used up sooner.
pub const LIFETIME: Duration = Duration::from_millis(10);

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const START: Duration = Duration::from_secs(100);

    #[expect(clippy::unnecessary_wraps, reason = "what a reserve hands its bytes to can fail")]
    fn copied(bytes: &[u8; 40]) -> Result<[u8; 40], SecretError> {
        Ok(*bytes)
    }

    #[test]
    fn no_two_draws_are_alike_in_any_half() {
        let reserve = Reserve::new();
        let mut halves = BTreeSet::new();
        for _ in 0..3 * PLACES {
            let bytes = reserve.draw(copied).unwrap();
            halves.extend([bytes[..20].to_vec(), bytes[20..].to_vec()]);
        }
        assert_eq!(halves.len(), 2 * 3 * PLACES);
    }

    #[test]
    fn threads_are_given_different_bytes() {
        let reserve = Reserve::new();
        let drawn: Vec<_> = std::thread::scope(|scope| {
            let work = || (0..500).map(|_| reserve.draw(copied).unwrap()).collect::<Vec<_>>();
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(work)).collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(drawn.iter().collect::<BTreeSet<_>>().len(), 2000);
    }

    #[test]
    fn what_was_handed_out_is_wiped_and_what_was_not_is_not() {
        let reserve = Reserve::new();
        reserve.draw(copied).unwrap();
        let drawn = reserve.0.lock().unwrap();
        let (places, []) = drawn.places.as_ref().unwrap().expose().as_chunks::<40>() else {
            panic!("a rest")
        };
        assert_eq!((places.len(), drawn.left), (PLACES, PLACES - 1));
        let full = places.iter().filter(|place| place.iter().any(|byte| *byte != 0)).count();
        assert_eq!((places[PLACES - 1], full), ([0; 40], PLACES - 1));
    }

    /// Two copies of one machine's memory.
    fn clones(at: Duration) -> [Reserve<40>; 2] {
        [0, 1].map(|_| {
            let memory = [7; PLACES * 40];
            let places = Some(SecretBytes::copy_from_slice(&memory).unwrap());
            Reserve(Mutex::new(Drawn { places, left: PLACES, at }))
        })
    }

    #[test]
    fn clones_of_a_machine_part_when_what_was_drawn_has_expired() {
        let [one, other] = clones(START);
        let soon = START + LIFETIME / 2;
        // The control, and what the documentation admits.
        assert_eq!(one.draw_by(|| soon, copied).unwrap(), other.draw_by(|| soon, copied).unwrap());
        let later = START + LIFETIME;
        let drawn = |reserve: &Reserve<40>| {
            (0..PLACES).map(|_| reserve.draw_by(|| later, copied).unwrap()).collect::<BTreeSet<_>>()
        };
        let (one, other) = (drawn(&one), drawn(&other));
        assert_eq!((one.len(), one.intersection(&other).count()), (PLACES, 0));
    }

    #[test]
    fn what_expires_while_a_thread_waits_for_its_turn_is_not_handed_out() {
        let [reserve, _] = clones(START);
        let clock = std::sync::Mutex::new(START);
        let drawn = std::thread::scope(|scope| {
            let turn = reserve.0.lock().unwrap();
            let waiting = scope.spawn(|| reserve.draw_by(|| *clock.lock().unwrap(), copied).unwrap());
            // Long enough that the thread has come to the lock; if it has not, the test passes without a reason.
            std::thread::sleep(Duration::from_millis(50));
            *clock.lock().unwrap() += LIFETIME;
            drop(turn);
            waiting.join().unwrap()
        });
        assert_ne!(drawn, [7; 40]);
    }

    #[test]
    fn clones_of_a_machine_part_when_what_was_drawn_is_used_up() {
        let [one, other] = clones(START);
        for _ in 0..PLACES {
            assert_eq!(one.draw_by(|| START, copied).unwrap(), other.draw_by(|| START, copied).unwrap());
        }
        assert_ne!(one.draw_by(|| START, copied).unwrap(), other.draw_by(|| START, copied).unwrap());
    }

    #[cfg(feature = "fault-injection")]
    mod with_faults {
        use super::*;
        use crate::random::fault;

        #[test]
        fn one_question_to_the_operating_system_serves_as_many_draws_as_there_are_places() {
            let reserve = Reserve::new();
            fault::reset();
            for _ in 0..=PLACES {
                reserve.draw_by(|| START, copied).unwrap();
            }
            assert_eq!(fault::calls(), 2);
            // The control: what has expired is drawn again, though it was not used up.
            reserve.draw_by(|| START + LIFETIME, copied).unwrap();
            assert_eq!(fault::calls(), 3);
            fault::reset();
        }

        #[test]
        fn failing_randomness_hands_out_nothing_old_and_the_next_draw_asks_anew() {
            let [reserve, _] = clones(START);
            fault::fail_after(0);
            let later = START + LIFETIME;
            assert!(matches!(reserve.draw_by(|| later, copied), Err(SecretError::Randomness(_))));
            // Not even by a clock that went back.
            let bytes = reserve.draw_by(|| START, copied).unwrap();
            fault::reset();
            assert!(bytes != [7; 40] && bytes != [0; 40]);
        }
    }
}
