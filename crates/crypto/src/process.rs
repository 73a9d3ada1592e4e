//! What a process that holds keys does about itself: no core dumps, no tracing by others of the same user.
#![allow(unsafe_code)]

use std::fs;
use std::io;

/// Makes the process undumpable (`PR_SET_DUMPABLE`, which also forbids `ptrace` by others of the same user and hides
/// `/proc/self/mem`) and forbids core files (`RLIMIT_CORE` 0). Call it first, before any key.
///
/// # Errors
///
/// What the operating system said.
pub fn harden() -> io::Result<()> {
    let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `none` is a valid rlimit that outlives the call.
    if unsafe { libc::setrlimit(libc::RLIMIT_CORE, &raw const none) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: PR_SET_DUMPABLE takes one integer and touches no memory of ours.
    if unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// Whether the machine swaps, so that memory which is not locked (plaintext, scheduled keys) may reach a disk. `None`
/// when `/proc/swaps` cannot be read.
pub fn swap_in_use() -> Option<bool> {
    fs::read_to_string("/proc/swaps").ok().map(|table| lists_swap(&table))
}

/// The first line is a heading; every further line is an area.
fn lists_swap(table: &str) -> bool {
    table.lines().skip(1).any(|line| !line.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn swap_table_with_an_area_means_swap() {
        let heading = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n";
        assert!(!lists_swap(heading));
        assert!(lists_swap(&format!("{heading}/dev/sda2 partition\t1048572\t0\t-2\n")));
    }
}
