//! What can be entered into a register, as entries of a chain and back.

use strongroom_audit::{Entry, Public, Time, Value};

use super::holdings::Share;

#[derive(Clone)]
pub(super) enum Act {
    Entered { share: Share, custodian: Public, due: Time },
    Checked { share: Share, custodian: Public, proved: Time, due: Time },
    Failed { share: Share, custodian: Public, why: Public },
    Succeeded { share: Share, from: Public, to: Public, due: Time },
    Ended { set: [u8; 16] },
}

impl Act {
    pub(super) fn into_entry(self) -> Entry {
        match self {
            Self::Entered { share, custodian, due } => {
                of(ENTERED, share).with(CUSTODIAN, custodian).with(DUE, due)
            }
            Self::Checked { share, custodian, proved, due } => {
                of(CHECKED, share).with(CUSTODIAN, custodian).with(PROVED, proved).with(DUE, due)
            }
            Self::Failed { share, custodian, why } => {
                of(FAILED, share).with(CUSTODIAN, custodian).with(WHY, why)
            }
            Self::Succeeded { share, from, to, due } => {
                of(SUCCEEDED, share).with(FROM, from).with(TO, to).with(DUE, due)
            }
            Self::Ended { set } => Entry::new(ENDED).with(SET, Value::Id(set)),
        }
    }

    /// Whose share it is about. None where it is about a set.
    pub(super) fn about(&self) -> Option<(&Share, &Public)> {
        match self {
            Self::Entered { share, custodian, .. }
            | Self::Checked { share, custodian, .. }
            | Self::Failed { share, custodian, .. }
            | Self::Succeeded { share, from: custodian, .. } => Some((share, custodian)),
            Self::Ended { .. } => None,
        }
    }

    /// The act that the entry is, if it has its fields and no others.
    pub(super) fn of(entry: &Entry) -> Option<Self> {
        let share = || share_of(entry);
        let text = |name| entry.field(name).and_then(as_text).cloned();
        let time = |name| match entry.field(name)? {
            Value::Time(time) => Some(*time),
            _ => None,
        };
        let due = || time(DUE);
        let act = match entry.event() {
            ENTERED => Self::Entered { share: share()?, custodian: text(CUSTODIAN)?, due: due()? },
            CHECKED => Self::Checked {
                share: share()?,
                custodian: text(CUSTODIAN)?,
                proved: time(PROVED)?,
                due: due()?,
            },
            FAILED => Self::Failed { share: share()?, custodian: text(CUSTODIAN)?, why: text(WHY)? },
            SUCCEEDED => Self::Succeeded { share: share()?, from: text(FROM)?, to: text(TO)?, due: due()? },
            ENDED => Self::Ended { set: set_of(entry)? },
            _ => return None,
        };
        // Nothing beside what was read may stand in it.
        (act.clone().into_entry() == *entry).then_some(act)
    }
}

fn of(event: &str, share: Share) -> Entry {
    let entry = Entry::new(event).with(SET, Value::Id(share.set)).with(INDEX, share.index);
    entry.with_some(GROUP, share.group)
}

/// The share that a line of a register or of a transcript is about.
pub(super) fn share_of(entry: &Entry) -> Option<Share> {
    let group = entry.field(GROUP).and_then(as_text).cloned();
    let index = u8::try_from(entry.number(INDEX)?).ok()?;
    Some(Share { set: set_of(entry)?, group, index })
}

pub(super) fn set_of(entry: &Entry) -> Option<[u8; 16]> {
    match entry.field(SET)? {
        Value::Id(set) => Some(*set),
        _ => None,
    }
}

pub(super) fn as_text(value: &Value) -> Option<&Public> {
    match value {
        Value::Text(text) => Some(text),
        _ => None,
    }
}

const ENTERED: &str = "share-entered";
const CHECKED: &str = "share-checked";
const FAILED: &str = "share-failed";
const SUCCEEDED: &str = "custodian-succeeded";
const ENDED: &str = "set-ended";
const SET: &str = "set";
const GROUP: &str = "group";
const INDEX: &str = "index";
const CUSTODIAN: &str = "custodian";
const PROVED: &str = "proved";
const DUE: &str = "due";
const WHY: &str = "why";
const FROM: &str = "from";
const TO: &str = "to";
