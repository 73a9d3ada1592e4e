//! Randomness from the operating system, where failing is an error.
//!
//! There is no generator in user space: nothing to seed, nothing that a fork or a cloned virtual machine could repeat. The
//! one exception is a [`Reserve`], for those who need thousands of keys a second; it says what that costs.
//!
//! Keys can be drawn from a second source as well, such as a token ([`mix_in`]).

pub mod reserve;

use std::error::Error;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use crate::external::EntropySource;
use crate::kdf;
use crate::secret::{Secret, SecretError};

pub use reserve::Reserve;

/// The operating system gave no randomness.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RandomnessError(());

impl fmt::Display for RandomnessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "the operating system gave no randomness (getrandom failed); nothing was written. Check that the sandbox or \
             seccomp profile permits getrandom(2), then try again",
        )
    }
}

impl Error for RandomnessError {}

/// Fills the buffer with random bytes.
///
/// # Errors
///
/// The operating system refused. The buffer is then all zeros and must not be used.
pub fn fill(buffer: &mut [u8]) -> Result<(), RandomnessError> {
    #[cfg(feature = "fault-injection")]
    if fault::strike() {
        buffer.fill(0);
        return Err(RandomnessError(()));
    }
    #[cfg(feature = "fault-injection")]
    if fault::is_stuck() {
        buffer.fill(0x55);
        return Ok(());
    }
    getrandom::fill(buffer).map_err(|_| {
        buffer.fill(0);
        RandomnessError(())
    })
}

/// Draws an array of random bytes that are not secret: a salt, an identifier. Keys come from
/// [`Secret::random`](crate::secret::Secret::random), which draws them in place.
///
/// # Errors
///
/// As [`fill`].
pub fn array<const N: usize>() -> Result<[u8; N], RandomnessError> {
    let mut bytes = [0; N];
    fill(&mut bytes)?;
    Ok(bytes)
}

/// Draws every key of this process from this source too, from now on.
///
/// [`Secret::random`] is then HKDF-SHA-256 (RFC 5869) over 32 bytes of the operating system and 32 of the source: it is as good as
/// the better of the two. Where either answers an error there is no key: the source is never left out in silence. The source
/// must not draw keys itself. The same holds for the coefficients by which a secret is shared ([`fill_as_key`]). Salts, nonces and identifiers, which are not secret, come from the operating system alone.
pub fn mix_in(source: Arc<dyn EntropySource>) {
    *SOURCE.write().unwrap_or_else(PoisonError::into_inner) = Some(source);
}

/// Draws keys from the operating system alone again.
pub fn mix_nothing_in() {
    *SOURCE.write().unwrap_or_else(PoisonError::into_inner) = None;
}

/// Fills the buffer with what must be as good as a key and has no fixed length: the coefficients of a sharing. From the second
/// source too where one was named ([`mix_in`]).
///
/// # Errors
///
/// As [`Secret::random`]. The buffer must then not be used.
pub fn fill_as_key(buffer: &mut [u8]) -> Result<(), SecretError> {
    if SOURCE.read().unwrap_or_else(PoisonError::into_inner).is_none() {
        return Ok(fill(buffer)?);
    }
    for part in buffer.chunks_mut(2 * DRAW) {
        let drawn: Secret<{ 2 * DRAW }> = key()?;
        let (drawn, _) = drawn.expose().split_at_checked(part.len()).ok_or(SecretError::Length)?;
        part.copy_from_slice(drawn);
    }
    Ok(())
}

/// Draws a key. See [`Secret::random`].
pub(crate) fn key<const N: usize>() -> Result<Secret<N>, SecretError> {
    // Taken out of the lock, since a source may take its time.
    let source = SOURCE.read().unwrap_or_else(PoisonError::into_inner).clone();
    let Some(source) = source else {
        return Secret::fill_with(|bytes| Ok(fill(bytes)?));
    };
    let both: Secret<{ 2 * DRAW }> = Secret::fill_with(|both| {
        let (own, other) = both.split_at_mut(DRAW);
        fill(own)?;
        source
            .fill(other)
            .map_err(|error| SecretError::Source { fault: error.fault(), message: error.to_string() })
    })?;
    kdf::hkdf(MIX_LABEL, both.expose(), &[])
}

/// As much as HKDF-SHA-256 can carry on.
const DRAW: usize = 32;
const MIX_LABEL: &[u8] = b"strongroom key from two sources v1";

static SOURCE: RwLock<Option<Arc<dyn EntropySource>>> = RwLock::new(None);

/// Makes randomness fail on purpose, in tests. Each thread has its own plan.
#[cfg(feature = "fault-injection")]
pub mod fault {
    use std::cell::Cell;

    /// Lets `n` more calls succeed and makes the one after them fail, once.
    pub fn fail_after(n: u64) {
        CALLS.set(0);
        FAIL_AFTER.set(Some(n));
    }

    /// Makes every draw the same bytes, as a broken generator does.
    pub fn stick() {
        STUCK.set(true);
    }

    /// Forgets the plan and the count.
    pub fn reset() {
        STUCK.set(false);
        CALLS.set(0);
        FAIL_AFTER.set(None);
    }

    /// The calls on this thread since the last [`reset`] or [`fail_after`].
    pub fn calls() -> u64 {
        CALLS.get()
    }

    pub(super) fn strike() -> bool {
        let call = CALLS.get();
        CALLS.set(call.saturating_add(1));
        FAIL_AFTER.get() == Some(call)
    }

    pub(super) fn is_stuck() -> bool {
        STUCK.get()
    }

    thread_local! {
        static STUCK: Cell<bool> = const { Cell::new(false) };
        static CALLS: Cell<u64> = const { Cell::new(0) };
        static FAIL_AFTER: Cell<Option<u64>> = const { Cell::new(None) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_draws_differ() {
        assert_ne!(array::<32>().unwrap(), array::<32>().unwrap());
    }

    #[cfg(feature = "fault-injection")]
    #[test]
    fn failed_draw_leaves_zeros_and_only_the_planned_call_fails() {
        fault::fail_after(1);
        let mut buffer = [7; 16];
        assert!(fill(&mut buffer).is_ok());
        buffer = [7; 16];
        assert_eq!(fill(&mut buffer), Err(RandomnessError(())));
        assert_eq!(buffer, [0; 16]);
        assert!(fill(&mut buffer).is_ok());
        assert_eq!(fault::calls(), 3);
        fault::reset();
    }
}
