//! Wiping what library code leaves on the stack.

use zeroize::zeroize_stack;

/// Runs a computation of a library that moves keys about by value, and then overwrites the next `N` bytes of stack: the
/// frames that have just been left. What a library wipes on drop is the last copy, not those that it moved from. How much a library
/// leaves depends on the processor's instructions, so `N` is to be ample, and a search of memory its test.
pub fn with_wiped_stack<const N: usize, T>(compute: impl FnOnce() -> T) -> T {
    let outcome = in_own_frame(compute);
    zeroize_stack::<N>();
    outcome
}

/// Not inlined, so that the frames of the computation lie where the zeros come to lie.
#[inline(never)]
fn in_own_frame<T>(compute: impl FnOnce() -> T) -> T {
    compute()
}
