//! A register as text.

use strongroom_audit::Time;

use super::holdings::{Holding, Holdings, Share};
use crate::run::hexadecimal;

/// Every share with its custodian, its last check and when the next is due, as of this time; the longest due first.
pub fn text(holdings: &Holdings, at: Time) -> String {
    let mut shares: Vec<_> = holdings.shares().collect();
    shares.sort_by_key(|(_, holding)| holding.due());
    let overdue = holdings.due(at).len();
    let head = format!("{} shares, {overdue} of them due on {}\n", shares.len(), at.date());
    let blocks: Vec<_> = shares.into_iter().map(|(share, holding)| block(share, holding, at)).collect();
    head + &blocks.concat()
}

fn block(share: &Share, holding: &Holding, at: Time) -> String {
    let group = share.group.as_ref().map(|group| format!(" of {group}")).unwrap_or_default();
    let state = match (holding.is_failed(), holding.due() <= at) {
        (true, _) => "FAILED, due since",
        (false, true) => "DUE since",
        (false, false) => "due on",
    };
    let proved = match holding.proved() {
        Some(proved) => format!("proved on {}", proved.date()),
        None => "not proved yet".to_owned(),
    };
    let before: Vec<_> = holding.predecessors().collect();
    let before = match before.as_slice() {
        [] => String::new(),
        names => format!("  held before by {}: a rekey ends what they may have kept\n", names.join(", ")),
    };
    format!(
        "\n{}, share {}{group}\n  set {}\n  {proved}; {state} {}\n{before}",
        holding.custodian(),
        share.index,
        hexadecimal(&share.set),
        holding.due().date()
    )
}
