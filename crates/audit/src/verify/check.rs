//! Line by line: a chain as far as it was read.

use super::error::Problem;
use crate::chain::{Own, Tip, signed_message};
use crate::key::{PublicKey, Signature};
use crate::public::Public;
use crate::record::Record;

/// A signature in a chain. It is right, and covers every line before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    line: u64,
    key: PublicKey,
    name: Option<Public>,
}

impl Signed {
    /// In which line it stands.
    pub fn line(&self) -> u64 {
        self.line
    }

    /// By which key. That this is the key of whoever is named must be known from elsewhere.
    pub fn key(&self) -> &PublicKey {
        &self.key
    }

    /// Who co-signed. None for the chain's own key.
    pub fn name(&self) -> Option<&str> {
        self.name.as_ref().map(Public::as_str)
    }
}

/// How a chain ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// With a line that nobody signed. More may have followed.
    Open,
    /// With a checkpoint.
    Signed,
    /// With the seal. Nothing can follow.
    Sealed,
}

/// Takes a chain line by line.
pub(crate) struct Checker {
    tip: Tip,
    opened: Option<([u8; 16], Public)>,
    signed: Vec<Signed>,
    end: End,
}

impl Default for Checker {
    fn default() -> Self {
        Self { tip: Tip::start(), opened: None, signed: Vec::new(), end: End::Open }
    }
}

impl Checker {
    /// Takes the next line, without its line feed. After a problem nothing more can be taken.
    pub(crate) fn take(&mut self, line: &[u8]) -> Result<Record, Problem> {
        if self.end == End::Sealed {
            return Err(Problem::AfterSeal);
        }
        let record = Record::parse(line).map_err(Problem::Bad)?;
        if record.number != self.tip.next {
            return Err(Problem::Number { found: record.number });
        }
        if record.previous != self.tip.previous {
            return Err(Problem::Previous);
        }
        self.end = End::Open;
        if record.entry.is_of_chain() {
            self.take_own(&record)?;
        } else if self.opened.is_none() {
            return Err(Problem::NotOpened);
        }
        self.tip = Tip::behind(&record);
        Ok(record)
    }

    fn take_own(&mut self, record: &Record) -> Result<(), Problem> {
        let own = Own::of(&record.entry).ok_or(Problem::NotOfChain)?;
        match (own, &self.opened) {
            (Own::Opened { id, purpose }, None) => self.opened = Some((id, purpose)),
            (Own::Opened { .. }, Some(_)) => return Err(Problem::OpenedTwice),
            (_, None) => return Err(Problem::NotOpened),
            (Own::Repaired, Some(_)) => {}
            (Own::Cosigned(key, signature, name), Some(_)) => {
                self.sign(record, key, &signature, Some(name))?;
            }
            (Own::Signed(key, signature), Some(_)) => {
                self.sign(record, key, &signature, None)?;
                self.end = End::Signed;
            }
            (Own::Sealed(key, signature), Some(_)) => {
                self.sign(record, key, &signature, None)?;
                self.end = End::Sealed;
            }
        }
        Ok(())
    }

    fn sign(
        &mut self,
        record: &Record,
        key: PublicKey,
        signature: &Signature,
        name: Option<Public>,
    ) -> Result<(), Problem> {
        if !key.verify(&signed_message(record), signature) {
            return Err(Problem::Signature);
        }
        self.signed.push(Signed { line: record.number, key, name });
        Ok(())
    }

    /// The line that comes next, from 1.
    pub(crate) fn next(&self) -> u64 {
        self.tip.next
    }

    pub(crate) fn tip(&self) -> Tip {
        self.tip
    }

    /// Number and purpose of the chain, once its first line was taken.
    pub(crate) fn opened(&self) -> Option<([u8; 16], Public)> {
        self.opened.clone()
    }

    pub(crate) fn end(&self) -> End {
        self.end
    }

    pub(crate) fn into_signed(self) -> Vec<Signed> {
        self.signed
    }
}
