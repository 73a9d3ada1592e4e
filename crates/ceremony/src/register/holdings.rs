//! What a register says.

use std::collections::BTreeMap;

use strongroom_audit::{Chain, Public, Time};

use super::MAX_DAYS;
use super::entry::Act;
use super::error::{RegisterError, RuleError};

/// Which share: its set, its group where there are groups, and its index. What the share is nobody here knows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Share {
    /// The number of its set.
    pub set: [u8; 16],
    /// The name of its group.
    pub group: Option<Public>,
    /// Its index within the group, from 1.
    pub index: u8,
}

/// What is known of a share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holding {
    custodian: Public,
    due: Time,
    proved: Option<Time>,
    /// When it was last proved, by whomever had it, and when it last failed.
    last: (Option<Time>, Option<Time>),
    failed: bool,
    before: Vec<Public>,
}

impl Holding {
    /// Who has it.
    pub fn custodian(&self) -> &str {
        self.custodian.as_str()
    }

    /// When the next check is due.
    pub fn due(&self) -> Time {
        self.due
    }

    /// When its custodian last proved to have it. None where the present one never did.
    pub fn proved(&self) -> Option<Time> {
        self.proved
    }

    /// Whether the last check failed, so that the share counts as lost.
    pub fn is_failed(&self) -> bool {
        self.failed
    }

    /// Whether somebody else had it before, who may have kept a copy: only a rekey ends that.
    pub fn is_handed_on(&self) -> bool {
        !self.before.is_empty()
    }

    /// Who had it before, first to last.
    pub fn predecessors(&self) -> impl Iterator<Item = &str> {
        self.before.iter().map(Public::as_str)
    }
}

/// Every share that still counts, and what is known of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holdings {
    shares: BTreeMap<Share, Holding>,
    ended: Vec<[u8; 16]>,
}

impl Holdings {
    /// What these lines say, whoever signed them.
    ///
    /// # Errors
    ///
    /// [`RegisterError::Rule`] with the first line that does not fit those above.
    pub fn of(chain: &Chain) -> Result<Self, RegisterError> {
        let mut holdings = Self::default();
        for record in chain.entries() {
            let applied = Act::of(record.entry())
                .ok_or(RuleError::NoEntry)
                .and_then(|act| holdings.apply(record.at(), &act));
            applied.map_err(|rule| RegisterError::Rule { line: Some(record.number()), rule })?;
        }
        Ok(holdings)
    }

    /// Every share that counts, by set, group and index.
    pub fn shares(&self) -> impl Iterator<Item = (&Share, &Holding)> {
        self.shares.iter()
    }

    /// What is known of a share.
    pub fn share(&self, share: &Share) -> Option<&Holding> {
        self.shares.get(share)
    }

    /// The shares whose check is due at this time, the longest due first.
    pub fn due(&self, at: Time) -> Vec<(&Share, &Holding)> {
        let mut due: Vec<_> = self.shares.iter().filter(|(_, holding)| holding.due <= at).collect();
        due.sort_by_key(|(_, holding)| holding.due);
        due
    }

    /// Takes the next line, or says why it does not fit.
    pub(super) fn apply(&mut self, at: Time, act: &Act) -> Result<(), RuleError> {
        match act {
            Act::Entered { share, custodian, due } => {
                if share.index == 0 {
                    return Err(RuleError::NoIndex);
                }
                if self.ended.contains(&share.set) {
                    return Err(RuleError::SetEnded);
                }
                if self.shares.contains_key(share) {
                    return Err(RuleError::EnteredTwice);
                }
                let (custodian, due) = (custodian.clone(), *due);
                let (last, before) = ((None, None), Vec::new());
                let holding = Holding { custodian, due, proved: None, last, failed: false, before };
                self.shares.insert(share.clone(), holding);
            }
            Act::Checked { share, custodian, proved, due } => {
                let holding = self.of_custodian(share, custodian)?;
                let (last_proof, last_failure) = holding.last;
                if last_proof.is_some_and(|last| *proved <= last)
                    || last_failure.is_some_and(|last| *proved < last)
                {
                    return Err(RuleError::NotNewer);
                }
                // Clocks of two machines differ, but not by more than this.
                if *proved > at.plus_days(1) {
                    return Err(RuleError::FromTheFuture);
                }
                if *due > proved.plus_days(MAX_DAYS) {
                    return Err(RuleError::TooLong);
                }
                (holding.proved, holding.last.0) = (Some(*proved), Some(*proved));
                (holding.due, holding.failed) = (*due, false);
            }
            Act::Failed { share, custodian, .. } => {
                let holding = self.of_custodian(share, custodian)?;
                (holding.failed, holding.due) = (true, holding.due.min(at));
                holding.last.1 = holding.last.1.max(Some(at));
            }
            Act::Succeeded { share, from, to, due } => {
                if from == to {
                    return Err(RuleError::SamePerson);
                }
                let holding = self.of_custodian(share, from)?;
                holding.before.push(from.clone());
                (holding.custodian, holding.proved, holding.due) = (to.clone(), None, *due);
            }
            Act::Ended { set } => {
                let before = self.shares.len();
                self.shares.retain(|share, _| share.set != *set);
                if self.shares.len() == before {
                    return Err(RuleError::UnknownSet);
                }
                self.ended.push(*set);
            }
        }
        Ok(())
    }

    fn of_custodian(&mut self, share: &Share, custodian: &Public) -> Result<&mut Holding, RuleError> {
        if self.ended.contains(&share.set) {
            return Err(RuleError::SetEnded);
        }
        let holding = self.shares.get_mut(share).ok_or(RuleError::UnknownShare)?;
        if holding.custodian == *custodian { Ok(holding) } else { Err(RuleError::OtherCustodian) }
    }
}
