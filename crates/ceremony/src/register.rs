//! The register: who holds which share, when each was last checked, when the next check is due, and who follows whom.
//!
//! A chain of its own (`docs/FORMATS.md`, "Audit chain"), which grows for years: after each day's entries its key
//! [signs](Register::sign) it. What it says is worked out of its lines alone ([`Holdings`]), and a line that does not fit what the
//! lines above say is refused, by whoever writes and by whoever reads.
//!
//! Who follows whom is a matter of duties: a custodian who hands a share on may have kept a copy. A rekey ends that, and the
//! register reminds of it ([`Holding::is_handed_on`]).

mod entry;
mod error;
mod holdings;
mod taken;
mod text;

use std::io;
use std::path::Path;

use strongroom_audit::file::{self, FileError, FileSink, Found};
use strongroom_audit::{self as audit, Fingerprint, Public, Signer, Time, VerifyError, Writer};

pub use error::{Refused, RegisterError, RuleError};
pub use holdings::{Holding, Holdings, Share};
pub use text::text;

use crate::transcript::Account;
use entry::Act;

/// What a register that is there must show before anything is added: otherwise a signature at its end would cover what somebody
/// else wrote into it.
#[derive(Clone, Copy, Debug)]
pub struct Trust {
    /// The fingerprint of the key that signed it so far.
    pub key: Fingerprint,
    /// Whether lines that nobody signed may stand at its end. A command that was interrupted leaves such lines.
    pub unsigned: bool,
}

impl Trust {
    fn holds(&self, bytes: &[u8]) -> Result<(), VerifyError> {
        match audit::verify_growing(bytes, PURPOSE, &self.key) {
            Err(VerifyError::Unfinished { .. }) if self.unsigned => {
                let chain = audit::Chain::read(bytes).map_err(VerifyError::Damaged)?;
                let last = chain.signed().last().map(|signed| signed.key().fingerprint());
                last.filter(|found| *found != self.key)
                    .map_or(Ok(()), |found| Err(VerifyError::OtherKey { found }))
            }
            verified => verified.map(drop),
        }
    }
}

/// What of a transcript was entered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// How many lines.
    pub entries: usize,
    /// What was not.
    pub refused: Vec<Refused>,
}

/// A register that is being written.
pub struct Register {
    writer: Writer<FileSink>,
    holdings: Holdings,
    clock: fn() -> u64,
}

impl Register {
    /// Begins a register in this file, or goes on with the one that is there. `clock` gives seconds since 1970.
    ///
    /// # Errors
    ///
    /// [`RegisterError`]: the file is another's or damaged, is not signed as it must be, cannot be written, or says what no
    /// register does.
    pub fn open(path: &Path, clock: fn() -> u64, trust: &Trust) -> Result<(Self, Found), RegisterError> {
        let at = Time::from_seconds(clock());
        match file::create(path, at, PURPOSE) {
            Ok(writer) => Ok((Self { writer, holdings: Holdings::default(), clock }, Found::Begun)),
            Err(FileError::Io(error)) if error.kind() == io::ErrorKind::AlreadyExists => {
                let (writer, found) = file::resume(path, at, PURPOSE)?;
                // The file is locked, and what was torn is mended: this reads what the writer goes on with.
                let bytes = std::fs::read(path).map_err(FileError::Io)?;
                if found != Found::Begun {
                    trust.holds(&bytes).map_err(RegisterError::Untrusted)?;
                }
                let holdings = Holdings::of(&audit::Chain::read(&bytes).map_err(FileError::Damaged)?)?;
                Ok((Self { writer, holdings, clock }, found))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// What the register says now.
    pub fn holdings(&self) -> &Holdings {
        &self.holdings
    }

    /// Enters a share that a custodian was given. The first check is due so many days later.
    ///
    /// # Errors
    ///
    /// [`RegisterError`], also when the share is entered already.
    pub fn enter(&mut self, share: Share, custodian: &str, days: u32) -> Result<(), RegisterError> {
        within_limit(days)?;
        let due = self.now().plus_days(days);
        self.act(Act::Entered { share, custodian: Public::redacted(custodian), due })
    }

    /// Writes down that a custodian proves a share now. The next check is due so many days later.
    ///
    /// # Errors
    ///
    /// [`RegisterError`], also when it is not this custodian's.
    pub fn checked(&mut self, share: Share, custodian: &str, days: u32) -> Result<(), RegisterError> {
        let proved = self.now();
        let due = proved.plus_days(days);
        self.act(Act::Checked { share, custodian: Public::redacted(custodian), proved, due })
    }

    /// Writes down that a check failed: the share is lost, or wrong. It stays due.
    ///
    /// # Errors
    ///
    /// [`RegisterError`], also when it is not this custodian's.
    pub fn failed(&mut self, share: Share, custodian: &str, why: &str) -> Result<(), RegisterError> {
        self.act(Act::Failed { share, custodian: Public::redacted(custodian), why: Public::redacted(why) })
    }

    /// Writes down that another custodian has the share from now on. It is due at once: the successor proves it.
    ///
    /// # Errors
    ///
    /// [`RegisterError`], also when the share was not the predecessor's.
    pub fn succeed(&mut self, share: Share, from: &str, to: &str) -> Result<(), RegisterError> {
        self.act(Act::Succeeded {
            share,
            from: Public::redacted(from),
            to: Public::redacted(to),
            due: self.now(),
        })
    }

    /// Writes down that a set of shares opens nothing any more: a rekey replaced it.
    ///
    /// # Errors
    ///
    /// [`RegisterError`], also when no share of the set is in the register.
    pub fn end(&mut self, set: [u8; 16]) -> Result<(), RegisterError> {
        self.act(Act::Ended { set })
    }

    /// Enters what a ceremony's verified transcript says: shares that it made count from its commit on, shares that were proved or
    /// checked in it are checked, at the time of the transcript's line. The next check of each is due so many days after that.
    /// Whoever showed none at a check has failed it with every share that the register has with them.
    ///
    /// What does not fit is left out, and the rest is entered: somebody who brought another's share does not cost the others their
    /// checks.
    ///
    /// That the set before is ended is not taken from a transcript: a rekey of one slot leaves the others. See [`end`](Self::end).
    ///
    /// # Errors
    ///
    /// [`RegisterError`]; nothing is entered then, unless the file could not be written. [`RegisterError::NoneTaken`] where nothing
    /// fits.
    pub fn take(&mut self, account: &Account, days: u32) -> Result<Taken, RegisterError> {
        within_limit(days)?;
        let acts = taken::acts(account, days).map_err(|rule| RegisterError::Rule { line: None, rule })?;
        let (at, mut after) = (self.now(), self.holdings.clone());
        let (mut fitting, mut refused) = (Vec::new(), Vec::new());
        for act in acts {
            match (after.apply(at, &act), act.about()) {
                (Ok(()), _) => fitting.push(act),
                (Err(rule), Some((share, custodian))) => {
                    refused.push(Refused { share: share.clone(), custodian: custodian.clone(), rule });
                }
                (Err(rule), None) => return Err(RegisterError::Rule { line: None, rule }),
            }
        }
        for (custodian, on) in taken::not_shown(account) {
            // Whoever showed the share since then has it.
            let theirs = after.shares().filter(|(_, holding)| {
                holding.custodian() == custodian.as_str() && holding.proved().is_none_or(|proved| proved < on)
            });
            let theirs: Vec<_> = theirs.map(|(share, _)| share.clone()).collect();
            let why = Public::redacted(&format!("not shown at the check of {}", on.date()));
            fitting.extend(theirs.into_iter().map(|share| Act::Failed {
                share,
                custodian: custodian.clone(),
                why: why.clone(),
            }));
        }
        if fitting.is_empty() {
            return Err(RegisterError::NoneTaken(refused));
        }
        let entries = fitting.len();
        fitting.into_iter().try_for_each(|act| self.act(act))?;
        Ok(Taken { entries, refused })
    }

    /// Signs the register so far.
    ///
    /// # Errors
    ///
    /// [`RegisterError`].
    pub fn sign(&mut self, key: &dyn Signer) -> Result<(), RegisterError> {
        self.writer.sign(self.now(), key)?;
        Ok(())
    }

    fn act(&mut self, act: Act) -> Result<(), RegisterError> {
        let at = self.now();
        let mut after = self.holdings.clone();
        after.apply(at, &act).map_err(|rule| RegisterError::Rule { line: None, rule })?;
        self.writer.append(at, act.into_entry())?;
        self.holdings = after;
        Ok(())
    }

    fn now(&self) -> Time {
        Time::from_seconds((self.clock)())
    }
}

/// Verifies a register: whole, and signed up to its last line by the key of this fingerprint.
///
/// That a later page was cut off behind a signature does not show in the file: compare [`audit::Chain::hash`] with what was noted
/// elsewhere.
///
/// # Errors
///
/// [`RegisterError`].
pub fn verify(bytes: &[u8], key: &Fingerprint) -> Result<Holdings, RegisterError> {
    let verified = audit::verify_growing(bytes, PURPOSE, key).map_err(RegisterError::Verify)?;
    Holdings::of(verified.chain())
}

fn within_limit(days: u32) -> Result<(), RegisterError> {
    if days > MAX_DAYS { Err(RegisterError::Rule { line: None, rule: RuleError::TooLong }) } else { Ok(()) }
}

/// What the chain of a register says that it is.
pub const PURPOSE: &str = "share check register";
/// Days between two checks of a share, where nobody says otherwise.
pub const YEAR: u32 = 365;
/// The most days between two checks of a share: each is checked once a year.
pub const MAX_DAYS: u32 = 366;

#[cfg(test)]
mod tests;
