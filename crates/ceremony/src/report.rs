//! The auditor's report: what a verified transcript shows, control by control.
//!
//! It is made of an [`Account`], that is, of a transcript whose seal was verified, and of nothing else. One document model has
//! two forms: [`html`], a self-contained page without scripts and without anything from elsewhere, made to be read and printed, and
//! [`text`]. Each row of a control says what a ceremony of the kind must have in it to show the control, and points to these lines.
//! Whether they suffice is for the auditor to say; where one is missing, the control is said to be not shown.

mod controls;
mod document;
mod evidence;
mod html;
mod text;

use strongroom_audit::{Record, Value};

use crate::run::hexadecimal;
use crate::transcript::{Account, Outcome};
use crate::words;
use controls::{Control, FRAMEWORKS};
use document::{Cell, Document, Section, Table};
use evidence::{Shown, Standing, shown, standing};

/// The report as a page for a browser.
pub fn html(account: &Account) -> String {
    html::page(&document(account))
}

/// The report as text of at most 100 columns, but for words that are longer.
pub fn text(account: &Account) -> String {
    text::page(&document(account))
}

fn document(account: &Account) -> Document {
    let mut sections = vec![
        summary(account),
        signatures(account),
        people(account),
        shares(account),
        checks(account),
        devices(account),
        exceptions(account),
    ];
    sections.extend(FRAMEWORKS.iter().map(|(name, about, rows)| framework(account, name, about, rows)));
    sections.push(lines(account));
    Document {
        title: format!("Key ceremony: {}", account.title()),
        mark: account.is_rehearsal().then_some("REHEARSAL: this is evidence of practice, and of no key"),
        sections,
    }
}

fn summary(account: &Account) -> Section {
    let chain = account.chain();
    let first = chain.records().first().map(|record| record.at().for_people()).unwrap_or_default();
    let last = chain.records().last().map(|record| record.at().for_people()).unwrap_or_default();
    let outcome = match account.outcome() {
        Outcome::Complete => "Complete: every step was done, and the ceremony was closed.".to_owned(),
        Outcome::Aborted => aborted(account),
        Outcome::Unfinished => "Unfinished when the transcript was sealed.".to_owned(),
    };
    let mut rows = vec![fact("Outcome", &outcome), fact("Kind", account.kind())];
    rows.extend(account.requested_by().map(|name| fact("Requested by", name)));
    rows.extend(policy(account));
    rows.extend([
        fact("First line", &first),
        fact("Last line", &last),
        Table::row([Cell::head("Plan, SHA-256"), Cell::code(&hexadecimal(account.plan()))]),
        Table::row([Cell::head("The same as words"), Cell::new(&words::of(account.plan()))]),
        Table::row([Cell::head("Transcript number"), Cell::code(&hexadecimal(chain.id()))]),
        Table::row([Cell::head("Hash of its last line"), Cell::code(&hexadecimal(&chain.hash()))]),
        Table::row([Cell::head("Sealed by key"), Cell::code(&account.key().fingerprint().to_string())]),
    ]);
    let back = chain.clock_set_back();
    if !back.is_empty() {
        rows.push(Table::row([Cell::head("Clock set back"), Cell::lines(&back)]));
    }
    for record in of_event(account, &["resumed"]) {
        let unsigned = record.entry().number("unsigned").unwrap_or_default();
        let said = format!(
            "The ceremony went on here after an interruption. Of the lines above it nobody had signed the last {unsigned} until then: they \
             are no evidence, and no row below counts them."
        );
        rows.push(Table::row([
            Cell::head("Interrupted"),
            Cell::new(&format!("Line {}: {said}", record.number())),
        ]));
    }
    let about = "The seal of the transcript was verified: every line is there, in its place and unchanged since it was sealed by \
        the key of this fingerprint. Compare the fingerprint and the plan's hash with what was reviewed.";
    Section {
        heading: "What was held".into(),
        about: about.into(),
        table: Table { head: &[("", 24), ("", 76)], rows },
    }
}

fn aborted(account: &Account) -> String {
    let record = of_event(account, &["aborted"]).into_iter().next();
    let text = |name| record.and_then(|record| record.entry().text(name)).unwrap_or_default();
    format!("Aborted before its end by {}: {}. What was prepared is void.", text("by"), text("why"))
}

/// Who can open what was made: the set that counts, or else the last one.
fn policy(account: &Account) -> Option<Vec<Cell>> {
    let dealt = of_event(account, &["dealt"]);
    let is_counting = |record: &&&Record| standing(account, record.entry().field("set")) == Standing::Counts;
    let (name, record) = match dealt.iter().find(is_counting) {
        Some(record) => ("Policy from now on", record),
        None => ("Policy, not in force", dealt.last()?),
    };
    Some(fact(name, record.entry().text("policy").unwrap_or_default()))
}

fn signatures(account: &Account) -> Section {
    let signed = account.chain().signed();
    let own = signed.iter().filter(|signed| signed.name().is_none());
    let own: Vec<u64> = own.map(strongroom_audit::Signed::line).collect();
    let fingerprint = account.key().fingerprint().to_string();
    let mut rows = vec![Table::row([
        Cell::new("the transcript's own key, after each step and at the end"),
        Cell::code(&fingerprint),
        Cell::lines(&own),
    ])];
    rows.extend(signed.iter().filter_map(|signed| {
        let fingerprint = signed.key().fingerprint().to_string();
        Some(Table::row([Cell::new(signed.name()?), Cell::code(&fingerprint), Cell::lines(&[signed.line()])]))
    }));
    Section {
        heading: "Signatures".into(),
        about: "Each is right, and covers every line above it. That a key is the named person's must be known from elsewhere."
            .into(),
        table: Table { head: &[("Who", 24), ("Key's fingerprint", 56), ("Lines", 20)], rows },
    }
}

fn people(account: &Account) -> Section {
    let asked = of_event(account, &["present", "absent"]);
    let mut rows: Vec<Vec<Cell>> = Vec::new();
    let mut seen: Vec<&str> = Vec::new();
    for record in &asked {
        let name = record.entry().text("name").unwrap_or_default();
        if seen.contains(&name) {
            continue;
        }
        seen.push(name);
        let of_name: Vec<_> = asked.iter().filter(|other| other.entry().text("name") == Some(name)).collect();
        let present = of_name.iter().filter(|other| other.entry().event() == "present").count();
        let was_there = match present {
            0 => "ABSENT",
            all if all == of_name.len() => "yes",
            _ => "not each time",
        };
        let lines: Vec<u64> = of_name.iter().map(|other| other.number()).collect();
        let roles = record.entry().text("roles").unwrap_or_default();
        rows.push(Table::row([Cell::new(name), Cell::new(roles), Cell::new(was_there), Cell::lines(&lines)]));
    }
    Section {
        heading: "People".into(),
        about: "Who was there when people were checked off. Custodians and holders appear in the lines in which they act.".into(),
        table: Table {
            head: &[("Name", 30), ("Roles", 38), ("Was there", 14), ("Lines", 18)],
            rows,
        },
    }
}

fn shares(account: &Account) -> Section {
    let rows = of_event(account, &["handed-out"]).into_iter().map(|record| {
        let entry = record.entry();
        let by = entry.text("to");
        let proved = of_event(account, &["proved"]).into_iter().filter(|other| {
            ["set", "group", "index"].iter().all(|name| other.entry().field(name) == entry.field(name))
        });
        // What was acknowledged after new shares were dealt is about those.
        let next = of_event(account, &["dealt"]).into_iter().map(Record::number);
        let next = next.filter(|number| *number > record.number()).min().unwrap_or(u64::MAX);
        let acknowledged = of_event(account, &["acknowledged"]).into_iter().filter(|other| {
            other.entry().text("by") == by && (record.number()..next).contains(&other.number())
        });
        let became = of_event(account, &["committed", "voided"])
            .into_iter()
            .filter(|other| other.entry().field("set") == entry.field("set"));
        let mut lines: Vec<u64> = [record]
            .into_iter()
            .chain(proved)
            .chain(acknowledged)
            .chain(became)
            .map(Record::number)
            .collect();
        lines.sort_unstable();
        Table::row([
            Cell::code(&entry.field("set").map(said).unwrap_or_default()),
            Cell::new(&place(record)),
            Cell::new(by.unwrap_or_default()),
            Cell::new(entry.text("custody").unwrap_or_default()),
            Cell::new(standing(account, entry.field("set")).word()),
            Cell::lines(&lines),
        ])
    });
    Section {
        heading: "Shares handed out".into(),
        about: "Each with the lines in which it was handed out, acknowledged and proved, and in which it began to count or became \
            void. A share itself is in no line."
            .into(),
        table: Table {
            head: &[
                ("Set", 36),
                ("Share", 14),
                ("Custodian", 18),
                ("Custody", 10),
                ("Opens", 10),
                ("Lines", 12),
            ],
            rows: rows.collect(),
        },
    }
}

fn checks(account: &Account) -> Section {
    let brought = of_event(account, &["share-accepted", "share-refused", "share-not-shown"]);
    let rows = brought.into_iter().map(|record| {
        let entry = record.entry();
        let result = match (entry.event(), entry.text("why")) {
            ("share-not-shown", _) => "NOT SHOWN".to_owned(),
            (_, Some(why)) => format!("REFUSED: {why}"),
            (_, None) => "good".to_owned(),
        };
        Table::row([
            Cell::new(entry.text("by").unwrap_or_default()),
            Cell::code(&entry.field("set").map(said).unwrap_or_default()),
            Cell::new(&place(record)),
            Cell::new(&result),
            Cell::lines(&[record.number()]),
        ])
    });
    Section {
        heading: "Shares brought".into(),
        about: "Each time that somebody showed a share. Which share it was, a refused one does not say."
            .into(),
        table: Table {
            head: &[("Who", 20), ("Set", 36), ("Share", 14), ("Result", 22), ("Line", 8)],
            rows: rows.collect(),
        },
    }
}

/// Which share of its set.
fn place(record: &Record) -> String {
    let entry = record.entry();
    let index = entry.number("index").map(|index| index.to_string()).unwrap_or_default();
    entry.text("group").map_or(index.clone(), |group| format!("{index} of {group}"))
}

fn devices(account: &Account) -> Section {
    let rows = of_event(account, &["device", "hsm-key", "fact"]).into_iter().filter_map(|record| {
        let entry = record.entry();
        let what = match (entry.event(), entry.text("name")) {
            ("fact", Some("hsm-opened")) => format!("{} gave its part", entry.text("value")?),
            ("fact", Some("hsm-key-made")) => format!("{} was made", entry.text("value")?),
            ("fact", _) => return None,
            (_, name) => entry.text("evidence").or(name)?.to_owned(),
        };
        let numbers = [("id", "object"), ("check value", "check")];
        let serial = entry.text("serial").map(|serial| format!("serial {serial}"));
        let numbers =
            numbers.iter().filter_map(|(name, field)| Some(format!("{name} {}", said(entry.field(field)?))));
        let numbers = serial.into_iter().chain(numbers).collect::<Vec<_>>().join(" · ");
        Some(Table::row([Cell::new(&what), Cell::code(&numbers), Cell::lines(&[record.number()])]))
    });
    Section {
        heading: "Devices and keys in HSMs".into(),
        about: "What lay on the table, which keys in HSMs opened or were made, and what tokens said of them."
            .into(),
        table: Table { head: &[("What", 62), ("Of the key", 28), ("Line", 10)], rows: rows.collect() },
    }
}

fn exceptions(account: &Account) -> Section {
    let rows = account.exceptions().map(|record| {
        let text = |name| Cell::new(record.entry().text(name).unwrap_or_default());
        Table::row([Cell::lines(&[record.number()]), text("step"), text("by"), text("what")])
    });
    Section {
        heading: "Exceptions".into(),
        about: "What went otherwise than planned, as it was written down then.".into(),
        table: Table {
            head: &[("Line", 8), ("Step", 16), ("Written by", 20), ("What", 56)],
            rows: rows.collect(),
        },
    }
}

fn framework(account: &Account, name: &str, about: &str, controls: &[Control]) -> Section {
    let rows = controls.iter().map(|control| {
        let shown = match shown(account, control) {
            Shown::In(lines) => Cell::lines(&lines),
            Shown::Not => Cell::faint("not shown by this transcript"),
            Shown::NotByThisKind => Cell::faint("not shown: no ceremony of this kind shows it"),
        };
        Table::row([Cell::head(control.number), Cell::new(control.asks), Cell::new(control.how), shown])
    });
    Section {
        heading: name.into(),
        about: about.into(),
        table: Table { head: CONTROLS, rows: rows.collect() },
    }
}

fn lines(account: &Account) -> Section {
    let rows = account.chain().records().iter().map(|record| {
        Table::row([
            Cell::anchor(record.number()),
            Cell::new(&record.at().for_people()),
            Cell::new(record.entry().event()),
            Cell::new(&if account.is_doubtful(record.number()) {
                format!("{DOUBTFUL} {}", fields(record))
            } else {
                fields(record)
            }),
        ])
    });
    Section {
        heading: "The transcript".into(),
        about: "Every line. What it says is under the signature of the seal.".into(),
        table: Table {
            head: &[("Line", 6), ("Time", 24), ("Event", 15), ("What", 55)],
            rows: rows.collect(),
        },
    }
}

fn fields(record: &Record) -> String {
    let fields = record.entry().fields().map(|(name, value)| format!("{name}: {}", said(value)));
    fields.collect::<Vec<_>>().join(" · ")
}

fn said(value: &Value) -> String {
    match value {
        Value::Text(text) => text.to_string(),
        Value::Number(number) => number.to_string(),
        Value::Flag(flag) => (if *flag { "yes" } else { "no" }).to_owned(),
        Value::Time(time) => time.for_people(),
        Value::Sha256(bytes) | Value::Hmac(bytes) => hexadecimal(bytes),
        Value::Id(bytes) => hexadecimal(bytes),
        Value::CheckValue(bytes) | Value::ObjectId(bytes) => hexadecimal(bytes),
        Value::PublicKey(key) => format!("{} {}", key.algorithm(), hexadecimal(key.as_bytes())),
        Value::Fingerprint(fingerprint) => fingerprint.to_string(),
        Value::Signature(signature) => hexadecimal(signature.as_bytes()),
    }
}

/// The records of these events.
fn of_event<'a>(account: &'a Account, events: &[&str]) -> Vec<&'a Record> {
    account.evidence().filter(|record| events.contains(&record.entry().event())).collect()
}

fn fact(name: &str, value: &str) -> Vec<Cell> {
    Table::row([Cell::head(name), Cell::new(value)])
}

const DOUBTFUL: &str = "[NO EVIDENCE: signed by nobody when the ceremony was interrupted]";
const CONTROLS: &[(&str, u8)] =
    &[("Control", 10), ("What it asks", 31), ("How a ceremony answers", 36), ("Shown in lines", 23)];

#[cfg(test)]
mod tests;
