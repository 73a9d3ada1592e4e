//! Randomness from the operating system, where failing is an error.
//!
//! There is no generator in user space: nothing to seed, nothing that a fork or a cloned virtual machine could repeat.

use std::error::Error;
use std::fmt;

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

/// Makes randomness fail on purpose, in tests. Each thread has its own plan.
#[cfg(feature = "fault-injection")]
pub mod fault {
    use std::cell::Cell;

    /// Lets `n` more calls succeed and makes the one after them fail, once.
    pub fn fail_after(n: u64) {
        CALLS.set(0);
        FAIL_AFTER.set(Some(n));
    }

    /// Forgets the plan and the count.
    pub fn reset() {
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

    thread_local! {
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
