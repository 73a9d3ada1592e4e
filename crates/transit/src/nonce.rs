//! Random nonces without a system call each.
//!
//! The nonces of `aes256-gcm96` and its like are random (SP 800-38D, section 8.2.2), so that any number of processes may use one
//! key. A system call for each costs more than the cipher does on a kibibyte. So each thread has a generator, `ChaCha20` with a
//! seed of 256 bits from the operating system, which is thrown away after [`LIFETIME`]. Nonces are public: whoever learned a
//! seed would know nonces that he can see in the ciphertexts anyway, so nothing has to be erased as it is used.
//!
//! Why none comes twice, beyond the chance that the limit of 2^32 per key accounts for:
//!
//! - **Threads** have seeds of their own, and a generator only moves forward.
//! - **A forked child** inherits the generators. [`draw`] refuses there ([`check_not_forked`]), as everything does that needs
//!   a key: the child must `exec` and open the store anew.
//! - **A virtual machine resumed twice** from one snapshot has the same generators in both. Linux seeds the two differently
//!   after the resumption (it is told of it, `vmgenid`), but a seed drawn before is the same. What can come twice is what a
//!   thread draws within the rest of those milliseconds, and only if it was encrypting while the snapshot was taken; with one
//!   key that is a collision. Stop the writers before a snapshot that will be resumed more than once, or rotate in one of
//!   the two before it writes.
//! - **Randomness that fails** leaves no generator, and nothing is encrypted.

use std::cell::RefCell;
use std::fmt;

use chacha20::ChaCha20Rng;
use rand_core::{Rng as _, SeedableRng as _};
use rustix::time::{ClockId, clock_gettime};
use strongroom_crypto::random::{self, RandomnessError};
use strongroom_crypto::secret::{Forked, check_not_forked};

/// Fills in a nonce that nobody has seen.
///
/// # Errors
///
/// [`NonceError`]; nothing must be encrypted then.
#[inline]
pub(crate) fn draw<const N: usize>(nonce: &mut [u8; N]) -> Result<(), NonceError> {
    check_not_forked()?;
    GENERATOR.with_borrow_mut(|generator| generator.draw(nonce, now()))
}

struct Generator {
    stream: Option<ChaCha20Rng>,
    /// When the seed was drawn, in nanoseconds of the coarse monotonic clock.
    seeded: u64,
}

impl Generator {
    const fn new() -> Self {
        Self { stream: None, seeded: 0 }
    }

    #[inline]
    fn draw<const N: usize>(&mut self, nonce: &mut [u8; N], now: u64) -> Result<(), NonceError> {
        const { assert!(N.is_multiple_of(4)) };
        let stream = match &mut self.stream {
            Some(stream) if now.wrapping_sub(self.seeded) < LIFETIME => stream,
            _ => self.seed(now)?,
        };
        // In as few words as there are: what is written in smaller pieces than it is read in costs a stall.
        let (words, rest) = nonce.as_chunks_mut::<8>();
        for word in words {
            *word = stream.next_u64().to_le_bytes();
        }
        if let Some(half) = rest.first_chunk_mut::<4>() {
            *half = stream.next_u32().to_le_bytes();
        }
        Ok(())
    }

    #[cold]
    fn seed(&mut self, now: u64) -> Result<&mut ChaCha20Rng, NonceError> {
        // First, so that a failure leaves none.
        self.stream = None;
        let seed = random::array()?;
        self.seeded = now;
        Ok(self.stream.insert(ChaCha20Rng::from_seed(seed)))
    }
}

/// Ticks every few milliseconds and costs no system call.
#[inline]
fn now() -> u64 {
    let time = clock_gettime(ClockId::MonotonicCoarse);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    seconds.wrapping_mul(1_000_000_000).wrapping_add(u64::try_from(time.tv_nsec).unwrap_or_default())
}

/// Why there is no nonce.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NonceError {
    /// The operating system gave no randomness.
    Randomness(RandomnessError),
    /// This process is a forked child.
    Forked(Forked),
}

impl From<RandomnessError> for NonceError {
    fn from(error: RandomnessError) -> Self {
        Self::Randomness(error)
    }
}

impl From<Forked> for NonceError {
    fn from(error: Forked) -> Self {
        Self::Forked(error)
    }
}

impl fmt::Display for NonceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Randomness(error) => error.fmt(f),
            Self::Forked(error) => error.fmt(f),
        }
    }
}

thread_local! {
    static GENERATOR: RefCell<Generator> = const { RefCell::new(Generator::new()) };
}

/// How long a seed is used, in nanoseconds: two or three ticks of the clock.
const LIFETIME: u64 = 10_000_000;

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn drawn<const N: usize>(generator: &mut Generator, now: u64) -> Result<[u8; N], NonceError> {
        let mut nonce = [0; N];
        generator.draw(&mut nonce, now).map(|()| nonce)
    }

    #[test]
    fn a_million_nonces_of_four_threads_differ() {
        let threads: Vec<_> = (0..4)
            .map(|_| {
                std::thread::spawn(|| {
                    let mut nonces = vec![[0; 12]; 250_000];
                    for nonce in &mut nonces {
                        draw(nonce).unwrap();
                    }
                    nonces
                })
            })
            .collect();
        let drawn: Vec<[u8; 12]> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        assert_eq!(drawn.iter().collect::<HashSet<_>>().len(), 1_000_000);
    }

    /// What two resumed machines have in common.
    fn twins(now: u64) -> [Generator; 2] {
        let seed = [7; 32];
        [0, 1].map(|_| Generator { stream: Some(ChaCha20Rng::from_seed(seed)), seeded: now })
    }

    #[test]
    fn machines_resumed_from_one_snapshot_part_after_the_lifetime_of_a_seed() {
        let start = 100_000_000_000;
        let [mut one, mut other] = twins(start);
        let soon = start + LIFETIME / 2;
        // The control, and what the documentation admits.
        assert_eq!(drawn::<12>(&mut one, soon), drawn(&mut other, soon));
        let later = start + LIFETIME;
        let thousand = |generator: &mut Generator| {
            (0..1000).map(|_| drawn::<12>(generator, later).unwrap()).collect::<HashSet<_>>()
        };
        let (one, other) = (thousand(&mut one), thousand(&mut other));
        assert_eq!((one.len(), one.intersection(&other).count()), (1000, 0));
    }

    #[test]
    fn no_byte_of_the_stream_is_handed_out_twice() {
        let [mut one, other] = twins(0);
        let mut whole = [0; 36 * 200];
        other.stream.unwrap().fill_bytes(&mut whole);
        for expected in whole.chunks(36) {
            let short: [u8; 12] = drawn(&mut one, 0).unwrap();
            let long: [u8; 24] = drawn(&mut one, 0).unwrap();
            assert_eq!([&short[..], &long].concat(), expected);
        }
    }

    #[test]
    fn failed_randomness_gives_no_nonce_and_keeps_no_old_generator() {
        let [mut generator, _] = twins(0);
        random::fault::fail_after(0);
        assert!(matches!(drawn::<12>(&mut generator, LIFETIME), Err(NonceError::Randomness(_))));
        assert!(generator.stream.is_none());
        random::fault::reset();
        assert!(drawn::<12>(&mut generator, LIFETIME).is_ok());
    }
}
