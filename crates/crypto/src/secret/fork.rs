//! Telling a forked child from its parent by a page that the kernel wipes in the child.
#![allow(unsafe_code)]

use std::error::Error;
use std::fmt;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use super::error::SecretMemoryError;
use super::mapping::Mapping;

/// This process is a child of the one that held the keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forked;

impl fmt::Display for Forked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "this process was forked from one that holds keys; it has none, and could repeat the parent's nonces. Open the \
             store anew after exec",
        )
    }
}

impl Error for Forked {}

/// Checks that this process is not a child of the one that made the arena. It costs two loads.
///
/// # Errors
///
/// [`Forked`]: the kernel wiped the witness page. It stays so for the child's life.
pub fn check_not_forked() -> Result<(), Forked> {
    let witness = WITNESS.load(Ordering::Acquire);
    if witness.is_null() {
        // No secret was ever made here, so there is nothing that could have been inherited.
        return Ok(());
    }
    // Volatile: the kernel changes the byte behind the compiler's back.
    // SAFETY: a witness, once set, points into a page that is never unmapped.
    if unsafe { ptr::read_volatile(witness) } == PARENT { Ok(()) } else { Err(Forked) }
}

/// Sets the witness, once per process; the arena calls it, under its lock, before it gives out the first secret.
pub(super) fn set_witness() -> Result<(), SecretMemoryError> {
    if !WITNESS.load(Ordering::Acquire).is_null() {
        return Ok(check_not_forked()?);
    }
    let page = Box::leak(Box::new(Mapping::new(1)?)).start().as_ptr();
    // SAFETY: the page is mapped, writable and known to no one else.
    unsafe { ptr::write_volatile(page, PARENT) };
    WITNESS.store(page, Ordering::Release);
    Ok(())
}

static WITNESS: AtomicPtr<u8> = AtomicPtr::new(ptr::null_mut());

/// What the witness holds in the process that set it; a child reads 0.
const PARENT: u8 = 0xA5;
