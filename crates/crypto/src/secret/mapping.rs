//! Pages from the kernel, between guard pages.
#![allow(unsafe_code)]

use std::io;
use std::ptr::{self, NonNull};

use super::error::SecretMemoryError;

/// Readable and writable pages between two that are neither. Unmapped on drop.
pub(super) struct Mapping {
    /// Where the front guard page begins.
    base: NonNull<libc::c_void>,
    /// The front guard page.
    guard: usize,
    /// The bytes between the guards, a multiple of the page size.
    len: usize,
}

// SAFETY: the mapping belongs to the value alone, and the kernel does not care which thread unmaps it.
unsafe impl Send for Mapping {}

impl Mapping {
    /// Maps at least `len` bytes of zeros, left out of core dumps and wiped in a forked child.
    pub(super) fn new(len: usize) -> Result<Self, SecretMemoryError> {
        let page = page_size()?;
        let len = len.max(1).checked_next_multiple_of(page).ok_or(SecretMemoryError::TooLarge)?;
        let whole = page.checked_mul(2).and_then(|guards| len.checked_add(guards));
        let whole = whole.ok_or(SecretMemoryError::TooLarge)?;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        // SAFETY: a new anonymous mapping at an address of the kernel's choice replaces nothing.
        let base = unsafe { libc::mmap(ptr::null_mut(), whole, libc::PROT_NONE, flags, -1, 0) };
        if base == libc::MAP_FAILED {
            return Err(refused("mmap"));
        }
        let base = NonNull::new(base)
            .ok_or(SecretMemoryError::MapRefused { operation: "mmap", errno: libc::ENOMEM })?;
        let mapping = Self { base, guard: page, len };
        let start = mapping.start().as_ptr().cast();
        // SAFETY: the range lies within the mapping just made.
        if unsafe { libc::mprotect(start, len, libc::PROT_READ | libc::PROT_WRITE) } != 0 {
            return Err(refused("mprotect"));
        }
        // SAFETY: the range lies within the mapping; this advice changes no contents.
        if unsafe { libc::madvise(start, len, libc::MADV_DONTDUMP) } != 0 {
            return Err(refused("madvise(MADV_DONTDUMP)"));
        }
        // SAFETY: the range lies within the mapping; this advice changes contents in children alone.
        if unsafe { libc::madvise(start, len, libc::MADV_WIPEONFORK) } != 0 {
            return Err(refused("madvise(MADV_WIPEONFORK)"));
        }
        Ok(mapping)
    }

    /// Locks the pages, which also faults them in.
    pub(super) fn lock(&self) -> Result<(), SecretMemoryError> {
        // SAFETY: the range lies within the mapping.
        if unsafe { libc::mlock(self.start().as_ptr().cast(), self.len) } != 0 {
            let errno = last_errno();
            return Err(SecretMemoryError::LockRefused { wanted: self.len, limit: memlock_limit(), errno });
        }
        Ok(())
    }

    /// The first byte after the front guard page.
    pub(super) fn start(&self) -> NonNull<u8> {
        // SAFETY: the guard page lies within the mapping.
        unsafe { self.base.cast::<u8>().add(self.guard) }
    }

    /// The bytes between the guards.
    pub(super) fn len(&self) -> usize {
        self.len
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // Failing would leave pages mapped, which hurts nobody: they were wiped, slot by slot.
        // SAFETY: the range is exactly the mapping, and nothing refers to it any more.
        let _ = unsafe { libc::munmap(self.base.as_ptr(), self.len + 2 * self.guard) };
    }
}

/// `RLIMIT_MEMLOCK`, unless it is unlimited or unknown.
fn memlock_limit() -> Option<u64> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is a valid place for an rlimit.
    let outcome = unsafe { libc::getrlimit(libc::RLIMIT_MEMLOCK, &raw mut limit) };
    (outcome == 0 && limit.rlim_cur != libc::RLIM_INFINITY).then_some(limit.rlim_cur)
}

fn page_size() -> Result<usize, SecretMemoryError> {
    // SAFETY: sysconf touches no memory of ours.
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(size).map_err(|_| refused("sysconf(_SC_PAGESIZE)"))
}

fn refused(operation: &'static str) -> SecretMemoryError {
    SecretMemoryError::MapRefused { operation, errno: last_errno() }
}

fn last_errno() -> i32 {
    io::Error::last_os_error().raw_os_error().unwrap_or(0)
}
