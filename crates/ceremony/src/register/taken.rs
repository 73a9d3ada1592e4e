//! What a ceremony's transcript says of shares, as entries of a register.

use strongroom_audit::{Entry, Public, Record, Time};

use super::entry::{Act, as_text, set_of, share_of};
use super::error::RuleError;
use super::holdings::Share;
use crate::plan::Kind;
use crate::transcript::{Account, Outcome};

/// The shares that were handed out and count since the commit, those of them that were proved before it, and those that were
/// checked. The next check is due so many days after the line of the transcript: an old transcript puts nothing off.
pub(super) fn acts(account: &Account, days: u32) -> Result<Vec<Act>, RuleError> {
    if account.is_rehearsal() {
        return Err(RuleError::Rehearsal);
    }
    if account.outcome() != Outcome::Complete {
        return Err(RuleError::NotComplete);
    }
    let of = |event: &'static str| account.evidence().filter(move |record| record.entry().event() == event);
    // What was dealt and not committed is void, and has another set.
    let committed = of("committed").last().and_then(|record| set_of(record.entry()));
    let is_committed = |record: &&Record| committed.is_some() && set_of(record.entry()) == committed;
    let entered = of("handed-out").filter(is_committed).filter_map(|record| {
        let (share, custodian) = share_and(record.entry(), "to")?;
        Some(Act::Entered { share, custodian, due: record.at().plus_days(days) })
    });
    let is_check = account.kind() == Kind::ShareCheck.word();
    let checks = of("proved")
        .filter(is_committed)
        .chain(of("share-accepted").filter(|_| is_check))
        .filter_map(|record| {
            let (share, custodian) = share_and(record.entry(), "by")?;
            let (proved, due) = (record.at(), record.at().plus_days(days));
            Some(Act::Checked { share, custodian, proved, due })
        });
    // Whoever proves a share twice, after an interruption, did so the last time.
    let mut checked: Vec<Act> = Vec::new();
    for check in checks {
        checked.retain(|earlier| earlier.about() != check.about());
        checked.push(check);
    }
    let acts: Vec<_> = entered.chain(checked).collect();
    if acts.is_empty() && not_shown(account).is_empty() { Err(RuleError::NothingToTake) } else { Ok(acts) }
}

/// Who showed no share at a check, and when.
pub(super) fn not_shown(account: &Account) -> Vec<(Public, Time)> {
    let lines = account.evidence().filter(|record| record.entry().event() == "share-not-shown");
    let by = |record: &Record| record.entry().field("by").and_then(as_text).cloned();
    lines.filter_map(|record| Some((by(record)?, record.at()))).collect()
}

fn share_and(entry: &Entry, who: &str) -> Option<(Share, Public)> {
    Some((share_of(entry)?, entry.field(who).and_then(as_text)?.clone()))
}
