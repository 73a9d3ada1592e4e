//! Events as entries of a chain.

use strongroom_audit::{Entry, Public, Time, Value};

use crate::plan::Person;
use crate::run::record::Event;
use crate::words;

/// The entry that says what the event says.
pub(super) fn of(event: &Event<'_>) -> Entry {
    match event {
        Event::Opened { kind, title, plan, rehearsal, requested_by } => Entry::new(OPENED)
            .with(KIND, text(kind.word()))
            .with(TITLE, text(title))
            .with(PLAN, Value::Sha256(*plan))
            .with(REHEARSAL, *rehearsal)
            .with_some(REQUESTED_BY, requested_by.map(text)),
        Event::Resumed { at, unsigned } => {
            Entry::new(RESUMED).with_some(STEP, at.map(|step| text(step.word()))).with(UNSIGNED, *unsigned)
        }
        Event::Software { version, hash } => Entry::new("software")
            .with("version", text(version))
            .with("sha256", Value::Sha256(*hash))
            .with("words", text(&words::of(hash))),
        Event::Unsafe { what } => Entry::new("unsafe").with("what", text(what)),
        Event::Present { person } => {
            Entry::new("present").with("name", name(person)).with("roles", roles(person))
        }
        Event::Absent { person } => {
            Entry::new("absent").with("name", name(person)).with("roles", roles(person))
        }
        Event::Device { device } => Entry::new("device").with("name", text(device)),
        Event::StepBegun { step } => Entry::new("step-begun").with(STEP, text(step.word())),
        Event::StepDone { step, witness, journal } => Entry::new(STEP_DONE)
            .with(STEP, text(step.word()))
            .with("witness", name(witness))
            .with(JOURNAL, Value::Sha256(*journal)),
        Event::Progress { journal } => Entry::new(PROGRESS).with(JOURNAL, Value::Sha256(*journal)),
        Event::Exception { step, by, what } => {
            Entry::new(EXCEPTION).with(STEP, text(step.word())).with("by", name(by)).with("what", text(what))
        }
        Event::Approved { by } => Entry::new("approved").with("by", name(by)),
        Event::ShareAccepted { set, group, index, by } => {
            share("share-accepted", set, *group, *index).with("by", name(by))
        }
        Event::NotShown { by } => Entry::new("share-not-shown").with("by", name(by)),
        Event::ShareRefused { by, why } => {
            Entry::new("share-refused").with("by", name(by)).with("why", text(why))
        }
        Event::Dealt { set, policy, shares } => Entry::new("dealt")
            .with("set", Value::Id(*set))
            .with("policy", text(policy))
            .with("shares", u64::try_from(*shares).unwrap_or(u64::MAX)),
        Event::Voided { set } => Entry::new("voided").with("set", Value::Id(*set)),
        Event::Waiting { set } => Entry::new("waiting").with("set", Value::Id(*set)),
        Event::HandedOut { set, group, index, threshold, to, custody } => {
            share("handed-out", set, *group, *index)
                .with("threshold", *threshold)
                .with("to", name(to))
                .with("custody", text(custody))
        }
        Event::Acknowledged { by } => Entry::new("acknowledged").with("by", name(by)),
        Event::Proved { by, set, group, index } => share("proved", set, *group, *index).with("by", name(by)),
        Event::CoolingOff { until } => Entry::new("cooling-off").with("until", Time::from_seconds(*until)),
        Event::Committed { store, set } => {
            Entry::new("committed").with("store", id_or_text(store)).with("set", Value::Id(*set))
        }
        Event::Fact { name: HSM_KEY, value } => hsm_key(value),
        Event::Fact { name, value } => fact(name, value),
        Event::Aborting { by, why } => Entry::new(ABORTING).with("by", name(by)).with("why", text(why)),
        Event::Aborted { by, why } => Entry::new(ABORTED).with("by", name(by)).with("why", text(why)),
        Event::Closed => Entry::new(CLOSED),
    }
}

/// A set's number, an index and a group say which share; what it is never comes here.
fn share(event: &str, set: &[u8; 16], group: Option<&str>, index: u8) -> Entry {
    Entry::new(event).with("set", Value::Id(*set)).with_some("group", group.map(text)).with("index", index)
}

/// Hashes and numbers among the facts are known by name: anything else that looks like one could be a key, and is withheld.
fn fact(name: &str, value: &str) -> Entry {
    let value = match name {
        "slot-file" | "backup" => bytes(value).map_or_else(|| text(value).into(), Value::Sha256),
        "restored-store" | "store-to-destroy" | "backup-of-store" => id_or_text(value),
        _ => text(value).into(),
    };
    Entry::new(FACT).with("name", text(name)).with("value", value)
}

fn id_or_text(hex: &str) -> Value {
    bytes(hex).map_or_else(|| text(hex).into(), Value::Id)
}

fn bytes<const N: usize>(hex: &str) -> Option<[u8; N]> {
    data_encoding::HEXLOWER.decode(hex.as_bytes()).ok()?.try_into().ok()
}

/// The token's serial number and the key's id and check value, which may look like keys, have fields of their own.
fn hsm_key(evidence: &str) -> Entry {
    let (evidence, serial) = without_serial(evidence);
    let (evidence, object) = without(&evidence, " id ");
    let (evidence, check) = without(&evidence, "check value ");
    Entry::new(HSM_KEY)
        .with("evidence", text(&evidence))
        .with_some("serial", serial.map(text))
        .with_some("object", object.filter(|id| id.len() <= 64).map(Value::ObjectId))
        .with_some("check", check.filter(|value| value.len() <= 32).map(Value::CheckValue))
}

fn without_serial(evidence: &str) -> (String, Option<&str>) {
    let parts = evidence.split_once(SERIAL).and_then(|(before, rest)| Some((before, rest.split_once(',')?)));
    match parts {
        // PKCS #11 has 16 characters for it.
        Some((before, (serial, behind))) if serial.len() <= 16 => {
            (format!("{before}{SERIAL}(beside),{behind}"), Some(serial))
        }
        _ => (evidence.to_owned(), None),
    }
}

/// The text without the hexadecimal digits behind the word, and their bytes.
fn without(text: &str, word: &str) -> (String, Option<Vec<u8>>) {
    let whole = || (text.to_owned(), None);
    let Some((before, rest)) = text.split_once(word) else { return whole() };
    let end = rest.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(rest.len());
    let Some((digits, behind)) = rest.split_at_checked(end) else { return whole() };
    match data_encoding::HEXLOWER_PERMISSIVE.decode(digits.as_bytes()) {
        Ok(bytes) if !bytes.is_empty() => (format!("{before}{word}(beside){behind}"), Some(bytes)),
        _ => whole(),
    }
}

fn name(person: &Person) -> Public {
    text(&person.name)
}

fn roles(person: &Person) -> Public {
    text(&person.roles.iter().map(|role| role.word()).collect::<Vec<_>>().join(", "))
}

fn text(text: &str) -> Public {
    Public::redacted(text)
}

pub(super) const OPENED: &str = "opened";
pub(super) const RESUMED: &str = "resumed";
pub(super) const ABORTED: &str = "aborted";
pub(super) const ABORTING: &str = "aborting";
pub(super) const EXCEPTION: &str = "exception";
pub(super) const KIND: &str = "kind";
pub(super) const TITLE: &str = "title";
pub(super) const PLAN: &str = "plan";
pub(super) const REHEARSAL: &str = "rehearsal";
pub(super) const REQUESTED_BY: &str = "requested-by";
pub(super) const UNSIGNED: &str = "unsigned";
pub(super) const STEP: &str = "step";
pub(super) const STEP_DONE: &str = "step-done";
pub(super) const PROGRESS: &str = "progress";
pub(super) const JOURNAL: &str = "journal";
const CLOSED: &str = "closed";
const HSM_KEY: &str = "hsm-key";
const SERIAL: &str = "token serial ";
const FACT: &str = "fact";
