//! Which lines of a transcript show what.

use std::collections::BTreeSet;

use strongroom_audit::{Record, Value};

use super::controls::{Control, Way};
use crate::transcript::{Account, Outcome};

/// What a transcript says of a control.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Shown {
    /// These lines show it.
    In(Vec<u64>),
    /// A ceremony of this kind could show it; this one does not.
    Not,
    /// No ceremony of this kind shows it.
    NotByThisKind,
}

/// Which lines show the control: those of the first way of whose needs none is missing.
pub(super) fn shown(account: &Account, control: &Control) -> Shown {
    let is_of_kind = |way: &&Way| way.kinds.iter().any(|kind| kind.word() == account.kind());
    if !control.ways.iter().any(|way| is_of_kind(&way)) {
        return Shown::NotByThisKind;
    }
    control.ways.iter().filter(is_of_kind).find_map(|way| met(account, way)).map_or(Shown::Not, Shown::In)
}

fn met(account: &Account, way: &Way) -> Option<Vec<u64>> {
    let mut found: BTreeSet<u64> = lines(account, way.beside).into_iter().collect();
    for need in way.needs {
        let of_need = lines(account, need);
        if of_need.is_empty() {
            return None;
        }
        found.extend(of_need);
    }
    Some(found.into_iter().collect())
}

/// The numbers of the lines of these names:
///
/// - `EVENT`: of `dealt`, `handed-out` and `proved` only those whose shares count;
/// - `fact/NAME`: a fact of that name, unless it is the number 0;
/// - `step-done/STEP`: of that step alone;
/// - `approved/another`: by somebody else than who asked for it, who must be known;
/// - `share-accepted/several`: of shares that were there before, if two different people brought them.
pub(super) fn lines(account: &Account, names: &[&str]) -> Vec<u64> {
    names.iter().flat_map(|name| of_name(account, name)).map(Record::number).collect()
}

fn of_name<'a>(account: &'a Account, name: &str) -> Vec<&'a Record> {
    let (event, which) = match name.split_once('/') {
        Some((event, which)) => (event, Some(which)),
        None => (name, None),
    };
    let requester = account.requested_by();
    let is_one = |record: &&Record| {
        let entry = record.entry();
        let text = |field| entry.text(field);
        entry.event() == event
            && match (event, which) {
                ("fact", name) => text("name") == name && text("value") != Some("0"),
                ("step-done", Some(step)) => text("step") == Some(step),
                ("approved", Some("another")) => requester.is_some() && text("by") != requester,
                ("share-accepted", Some("several")) => !is_in(account, "dealt", entry.field("set")),
                ("dealt" | "handed-out" | "proved", _) => {
                    standing(account, entry.field("set")) == Standing::Counts
                }
                _ => true,
            }
    };
    let found: Vec<&Record> = account.evidence().filter(is_one).collect();
    let people: BTreeSet<_> = found.iter().map(|record| record.entry().text("by")).collect();
    if which == Some("several") && people.len() < 2 { Vec::new() } else { found }
}

/// What became of a set of shares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It opens the store since a commit of this ceremony.
    Counts,
    /// It opens nothing, and never will.
    Void,
    /// It opens nothing yet.
    Waits,
}

impl Standing {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Counts => "counts",
            Self::Void => "VOID",
            Self::Waits => "not yet",
        }
    }
}

/// What became of the set of this number.
pub(super) fn standing(account: &Account, set: Option<&Value>) -> Standing {
    match account.outcome() {
        _ if is_in(account, "committed", set) => Standing::Counts,
        Outcome::Aborted | Outcome::Complete => Standing::Void,
        Outcome::Unfinished if is_in(account, "voided", set) => Standing::Void,
        Outcome::Unfinished => Standing::Waits,
    }
}

fn is_in(account: &Account, event: &str, set: Option<&Value>) -> bool {
    let is_one = |record: &Record| record.entry().event() == event && record.entry().field("set") == set;
    set.is_some() && account.evidence().any(is_one)
}
