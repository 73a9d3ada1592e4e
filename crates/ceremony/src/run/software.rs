//! The program itself and the machine under it.

use std::collections::BTreeSet;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read as _};

use sha2::{Digest as _, Sha256};
use strongroom::protection;

use super::record::Event;
use super::{Ceremony, CeremonyError, hexadecimal};
use crate::plan::Allowance;

/// What can be seen of the program and the machine.
pub struct Software {
    /// The program's version.
    pub version: &'static str,
    /// The SHA-256 of the program's file.
    pub hash: [u8; 32],
    /// What is unsafe.
    pub findings: BTreeSet<Allowance>,
}

impl Software {
    /// Looks, after having made the process undumpable.
    ///
    /// # Errors
    ///
    /// [`SoftwareError::Unreadable`] when the program's own file or the process's state cannot be read.
    pub fn look() -> Result<Self, SoftwareError> {
        let mut findings = BTreeSet::new();
        let hardened = protection::harden();
        if hardened.is_err() {
            findings.insert(Allowance::CoreDumps);
        }
        // Swap that nobody can tell of counts as swap.
        if protection::swap_in_use() != Some(false) {
            findings.insert(Allowance::Swap);
        }
        let status = fs::read_to_string("/proc/self/status").map_err(SoftwareError::Unreadable)?;
        if tracer(&status) != Some(0) {
            findings.insert(Allowance::Debugger);
        }
        Ok(Self {
            version: env!("CARGO_PKG_VERSION"),
            hash: own_hash().map_err(SoftwareError::Unreadable)?,
            findings,
        })
    }
}

impl Ceremony<'_> {
    pub(super) fn environment(&mut self) -> Result<(), CeremonyError> {
        let software = Software::look()?;
        self.event(&Event::Software { version: software.version, hash: software.hash })?;
        self.talk.tell(&format!("Program: version {}", software.version))?;
        self.talk.tell(&format!("Program hash: {}", hexadecimal(&software.hash)))?;
        self.talk.tell(&format!("In words: {}", crate::words::of(&software.hash)))?;
        let compared = match self.plan.software {
            Some(expected) if expected == software.hash => "This is the program that the plan names.",
            Some(_) if !self.setting.rehearsal => return Err(SoftwareError::AnotherProgram.into()),
            Some(_) => "This is not the program that the plan names. The real ceremony would stop here.",
            None => "The plan names no program hash: compare it with the reviewed build's by eye.",
        };
        self.talk.tell(compared)?;
        for what in software.findings {
            if !self.plan.allow.contains(&what) && !self.setting.rehearsal {
                return Err(SoftwareError::Unsafe(what).into());
            }
            self.event(&Event::Unsafe { what: what.word() })?;
            self.talk.tell(&format!("Unsafe: {}. It goes into the transcript.", what.word()))?;
        }
        Ok(())
    }
}

/// The process that traces this one, by the kernel's `TracerPid`.
fn tracer(status: &str) -> Option<u32> {
    status.lines().find_map(|line| line.strip_prefix("TracerPid:"))?.trim().parse().ok()
}

fn own_hash() -> io::Result<[u8; 32]> {
    sha256_of(&mut File::open("/proc/self/exe")?)
}

/// The hash of a file, from where it stands to its end.
pub(super) fn sha256_of(file: &mut File) -> io::Result<[u8; 32]> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok(hash.finalize().into());
        }
        hash.update(buffer.get(..read).unwrap_or_default());
    }
}

/// Why the machine or the program is refused.
#[derive(Debug)]
pub enum SoftwareError {
    /// Something that must be looked at cannot be.
    Unreadable(io::Error),
    /// The program's hash is not the plan's.
    AnotherProgram,
    /// Something is unsafe, and the plan does not allow it.
    Unsafe(Allowance),
}

impl fmt::Display for SoftwareError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(error) => {
                write!(f, "the program cannot look at itself ({error}): mount /proc, and start again")
            }
            Self::AnotherProgram => {
                f.write_str("this program is not the one that the plan names: nothing was done; start the reviewed one")
            }
            Self::Unsafe(Allowance::Swap) => f.write_str(
                "this machine swaps, so secrets could be written to a disk: turn it off with swapoff -a, or have a plan \
                 reviewed that allows swap",
            ),
            Self::Unsafe(Allowance::CoreDumps) => f.write_str(
                "this process could leave a core dump with secrets in it: turn core dumps off, or have a plan reviewed that \
                 allows core-dumps",
            ),
            Self::Unsafe(Allowance::Debugger) => f.write_str(
                "a debugger is attached, and whoever holds it sees every secret: start without one, or have a plan reviewed \
                 that allows debugger",
            ),
        }
    }
}

impl std::error::Error for SoftwareError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debugger_is_seen_and_an_unreadable_state_is_none() {
        assert_eq!(tracer("Name:\ta\nTracerPid:\t0\n"), Some(0));
        assert_eq!(tracer("Name:\ta\nTracerPid:\t4711\n"), Some(4711));
        assert_eq!(tracer("Name:\ta\n"), None);
    }

    #[test]
    fn own_hash_is_that_of_the_file() {
        let file = fs::read(std::env::current_exe().unwrap()).unwrap();
        let expected: [u8; 32] = Sha256::digest(&file).into();
        assert_eq!(own_hash().unwrap(), expected);
    }
}
