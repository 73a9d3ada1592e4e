//! Random nonces without a system call each.
//!
//! The nonces of `aes256-gcm96` and its like are random (SP 800-38D, section 8.2.2), so that a ciphertext says nothing of
//! its writer and every process may use one key. A system call for each costs more than the cipher does on a short message.
//! There is still no generator of our own that could be seeded badly: each thread asks the operating system for
//! [`BLOCK`] bytes at a time and hands them out once each. Nonces are public, so nothing has to be wiped.
//!
//! Why none comes twice, beyond the chance that the limit of 2^32 per key accounts for:
//!
//! - **Threads** have blocks of their own, and a byte's place in the block only moves forward.
//! - **A forked child** inherits a half-used block. [`draw`] refuses there ([`check_not_forked`]), as everything does that
//!   needs a key: the child must `exec` and open the store anew.
//! - **A virtual machine resumed twice** from one snapshot has the same block in both. Linux gives the two different bytes
//!   after the resumption (it is told of it, `vmgenid`), but a block drawn before is the same. So a block is thrown away
//!   [`LIFETIME`] after it was drawn: what can come twice are the nonces that a thread uses within the rest of those
//!   milliseconds, and only if it was encrypting while the snapshot was taken. With one key that is a collision: stop
//!   the writers before a snapshot that will be resumed more than once, or use keys of type `xaes256-gcm` or
//!   `aes256-gcm96` that are rotated at resumption.
//!
//! Where the operating system gives nothing, nothing is encrypted.

use std::cell::RefCell;
use std::fmt;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use strongroom_crypto::random::{self, RandomnessError};
use strongroom_crypto::secret::{Forked, check_not_forked};

/// Draws a nonce of `N` bytes that nobody has seen.
///
/// # Errors
///
/// [`NonceError`]; nothing must be encrypted then.
#[inline]
pub(crate) fn draw<const N: usize>() -> Result<[u8; N], NonceError> {
    const { assert!(N <= BLOCK, "a nonce is a part of a block") };
    check_not_forked()?;
    BLOCKS.with_borrow_mut(|block| block.take(now()))
}

/// Bytes from the operating system, and how many of them are used.
struct Block {
    bytes: [u8; BLOCK],
    used: usize,
    /// By the coarse monotonic clock.
    drawn: Duration,
}

impl Block {
    #[inline]
    fn take<const N: usize>(&mut self, now: Duration) -> Result<[u8; N], NonceError> {
        if now.saturating_sub(self.drawn) < LIFETIME
            && let Some(nonce) = self.next()
        {
            return Ok(nonce);
        }
        self.refill(now)?;
        self.next().ok_or(NonceError::Block)
    }

    #[inline]
    fn next<const N: usize>(&mut self) -> Option<[u8; N]> {
        let nonce = *self.bytes.get(self.used..)?.first_chunk()?;
        self.used += N;
        Some(nonce)
    }

    #[cold]
    fn refill(&mut self, now: Duration) -> Result<(), NonceError> {
        // Used up until it is filled: a failure must not leave the old bytes, or zeros, to be handed out.
        self.used = BLOCK;
        random::fill(&mut self.bytes)?;
        self.used = 0;
        self.drawn = now;
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

/// Why there is no nonce.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NonceError {
    /// The operating system gave no randomness.
    Randomness(RandomnessError),
    /// This process is a forked child.
    Forked(Forked),
    /// A block is shorter than a nonce, which the compiler excludes.
    Block,
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
            Self::Block => f.write_str("no nonce could be drawn"),
        }
    }
}

thread_local! {
    static BLOCKS: RefCell<Block> =
        const { RefCell::new(Block { bytes: [0; BLOCK], used: BLOCK, drawn: Duration::ZERO }) };
}

/// 85 nonces of 12 bytes, or 42 of 24: one system call of about half a microsecond among them.
const BLOCK: usize = 1020;

/// How long a block may be used. Two or three ticks of the clock.
const LIFETIME: Duration = Duration::from_millis(10);

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_million_nonces_of_four_threads_differ() {
        let threads: Vec<_> = (0..4)
            .map(|_| {
                std::thread::spawn(|| (0..250_000).map(|_| draw::<12>().unwrap()).collect::<Vec<[u8; 12]>>())
            })
            .collect();
        let drawn: Vec<[u8; 12]> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        assert_eq!(drawn.iter().collect::<HashSet<_>>().len(), 1_000_000);
    }

    #[test]
    fn an_old_block_is_thrown_away_and_a_young_one_is_not() {
        let mut block = Block { bytes: [0; BLOCK], used: BLOCK, drawn: Duration::ZERO };
        let start = Duration::from_secs(100);
        block.take::<12>(start).unwrap();
        let rest = block.bytes;
        block.take::<12>(start + LIFETIME / 2).unwrap();
        assert_eq!((block.bytes, block.used), (rest, 24));
        // What a machine resumed twice would hold in both places is not used after its lifetime.
        block.take::<12>(start + LIFETIME).unwrap();
        assert_ne!(block.bytes, rest);
        assert_eq!(block.used, 12);
    }

    #[test]
    fn no_byte_of_a_block_is_handed_out_twice() {
        let mut block = Block { bytes: [0; BLOCK], used: BLOCK, drawn: Duration::ZERO };
        let mut out = Vec::new();
        for turn in 0..56 {
            let before = block.used;
            if turn % 2 == 0 {
                out.extend(block.take::<12>(Duration::ZERO).unwrap());
                assert_eq!(block.used, before % BLOCK + 12);
            } else {
                out.extend(block.take::<24>(Duration::ZERO).unwrap());
                assert_eq!(block.used, before + 24);
            }
        }
        assert_eq!(&out[..block.used], &block.bytes[..block.used]);
    }

    #[test]
    fn failed_randomness_gives_no_nonce_and_keeps_none_for_later() {
        let mut block = Block { bytes: [7; BLOCK], used: BLOCK, drawn: Duration::ZERO };
        random::fault::fail_after(0);
        assert!(matches!(block.take::<12>(Duration::ZERO), Err(NonceError::Randomness(_))));
        assert_eq!(block.next::<12>(), None);
        random::fault::reset();
        assert!(block.take::<12>(Duration::ZERO).is_ok());
    }
}
