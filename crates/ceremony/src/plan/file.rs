//! From the file's words to a plan that fits together.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde::Deserialize;
use strongroom::Policy;

use super::text::{Lookalikes, all_visible, plain};
use super::value::{self, allowances, duration, signing, software, suite};
use super::{Custody, Kind, Person, Plan, PlanError, Role, Step, VERSION};

/// The file, word by word.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Words {
    version: u32,
    kind: String,
    title: String,
    store: Option<PathBuf>,
    output: PathBuf,
    label: Option<String>,
    policy: Option<String>,
    suite: Option<String>,
    backup: Option<PathBuf>,
    slot_file: Option<PathBuf>,
    requested_by: Option<String>,
    cooling_off: Option<String>,
    software: Option<String>,
    transcript_key: Option<String>,
    transcript_fingerprint: Option<String>,
    #[serde(default)]
    devices: Vec<String>,
    #[serde(default)]
    allow: Vec<String>,
    steps: Vec<String>,
    people: Vec<FilePerson>,
    #[serde(default)]
    hsm: toml::Table,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FilePerson {
    name: String,
    initials: String,
    roles: Vec<String>,
    group: Option<String>,
    custody: Option<String>,
    recipient: Option<String>,
    certificate: Option<PathBuf>,
    fingerprint: Option<String>,
    signing_key: Option<String>,
    signing_fingerprint: Option<String>,
}

pub(super) fn parse(text: &str, hash: [u8; 32]) -> Result<Plan, PlanError> {
    // The library's whole message quotes lines; the short one says enough.
    let refused = |error: toml::de::Error| PlanError::Syntax {
        line: error.span().map(|span| line_of(text, span.start)),
        message: error.message().to_owned(),
    };
    // First, since every later error may repeat what stands in the file.
    all_visible(&toml::from_str(text).map_err(refused)?)?;
    let file: Words = toml::from_str(text).map_err(refused)?;
    if file.version != VERSION {
        return Err(PlanError::Version(file.version));
    }
    let kind = Kind::from_word(&file.kind).ok_or_else(|| PlanError::Value {
        word: "kind",
        value: file.kind.clone(),
        expected: Kind::ALL.map(Kind::word).join(", "),
    })?;
    words_fit(kind, &file)?;
    let steps = steps(kind, &file.steps)?;
    let people = file.people.into_iter().map(person).collect::<Result<Vec<_>, _>>()?;
    let plan = Plan {
        kind,
        title: plain("title", file.title)?,
        store: file.store,
        output: file.output,
        label: value::label(file.label.unwrap_or_else(|| "custodians".to_owned()))?,
        policy: file.policy.map(|policy| policy.parse::<Policy>()).transpose().map_err(PlanError::Policy)?,
        suite: suite(file.suite.as_deref())?,
        backup: file.backup,
        slot_file: file.slot_file,
        requested_by: file.requested_by.map(|name| plain("requested_by", name)).transpose()?,
        cooling_off: file.cooling_off.map_or(Ok(0), |text| duration(&text))?,
        software: file.software.map(|text| software(&text)).transpose()?,
        transcript: signing(
            ["transcript_key", "transcript_fingerprint"],
            file.transcript_key,
            file.transcript_fingerprint,
        )?,
        devices: file.devices.into_iter().map(|device| plain("devices", device)).collect::<Result<_, _>>()?,
        allow: allowances(&file.allow)?,
        people,
        steps,
        hsm: file.hsm,
        hash,
    };
    people_fit(&plan)?;
    approval_fits(&plan)?;
    custodians_fit(&plan)?;
    tokens_fit(&plan)?;
    Ok(plan)
}

/// Which words a kind needs, and which it has no use for.
fn words_fit(kind: Kind, file: &Words) -> Result<(), PlanError> {
    let there = [
        ("store", file.store.is_some(), Some(kind != Kind::ShareCheck)),
        ("policy", file.policy.is_some(), Some(kind.deals())),
        ("suite", file.suite.is_some(), if kind.deals() { None } else { Some(false) }),
        ("backup", file.backup.is_some(), Some(kind == Kind::Recovery)),
        ("slot_file", file.slot_file.is_some(), Some(kind == Kind::ShareCheck)),
        ("requested_by", file.requested_by.is_some(), if kind.needs_approval() { Some(true) } else { None }),
        (
            "cooling_off",
            file.cooling_off.is_some(),
            if matches!(kind, Kind::Rekey | Kind::SealChange) { None } else { Some(false) },
        ),
    ];
    for (word, is_there, wanted) in there {
        match wanted {
            Some(true) if !is_there => return Err(PlanError::Missing { kind, word }),
            Some(false) if is_there => return Err(PlanError::Unwanted { kind, word }),
            _ => {}
        }
    }
    Ok(())
}

fn steps(kind: Kind, words: &[String]) -> Result<Vec<Step>, PlanError> {
    let mut expected = kind.steps().iter();
    let mut steps = Vec::with_capacity(words.len());
    for word in words {
        let step = Step::from_word(word).ok_or_else(|| PlanError::Value {
            word: "steps",
            value: word.clone(),
            expected: kind.steps().iter().map(|step| step.word()).collect::<Vec<_>>().join(", "),
        })?;
        loop {
            match expected.next() {
                Some(next) if *next == step => break,
                Some(skipped) if skipped.is_optional() => {}
                Some(skipped) if kind.steps().contains(&step) && !steps.contains(&step) => {
                    return Err(missed(kind, words, *skipped, step));
                }
                _ => return Err(PlanError::StepOutOfPlace { kind, step }),
            }
        }
        steps.push(step);
    }
    match expected.find(|step| !step.is_optional()) {
        Some(missing) => Err(PlanError::StepMissing { kind, step: *missing }),
        None => Ok(steps),
    }
}

/// Why `step` does not stand where `expected` should.
fn missed(kind: Kind, words: &[String], expected: Step, step: Step) -> PlanError {
    let place = |step: Step| kind.steps().iter().position(|other| *other == step);
    if place(step) < place(expected) {
        // It may be left out, and was; and then it comes after all.
        return PlanError::StepMisplaced { kind, step, before: expected };
    }
    if words.iter().any(|word| word == expected.word()) {
        return PlanError::StepMisplaced { kind, step: expected, before: step };
    }
    PlanError::StepMissing { kind, step: expected }
}

fn person(file: FilePerson) -> Result<Person, PlanError> {
    let name = plain("name", file.name)?;
    let wrong = |problem| PlanError::Person { name: name.clone(), problem };
    let mut roles = BTreeSet::new();
    for word in &file.roles {
        let role = Role::from_word(word).ok_or_else(|| PlanError::Value {
            word: "roles",
            value: word.clone(),
            expected: Role::ALL.map(Role::word).join(", "),
        })?;
        roles.insert(role);
    }
    if roles.is_empty() {
        return Err(wrong("no role: say what the person does"));
    }
    let initials = plain("initials", file.initials)?;
    value::initials(&initials).map_err(wrong)?;
    let group = file.group.map(|group| plain("group", group)).transpose()?;
    let custody = match file.custody.as_deref() {
        None => None,
        Some("age") => {
            let recipient = file.recipient.clone().ok_or_else(|| wrong("custody by age needs recipient"))?;
            Some(Custody::Age { recipient })
        }
        Some("openpgp") => {
            let certificate = file
                .certificate
                .clone()
                .ok_or_else(|| wrong("custody by OpenPGP needs certificate, a file"))?;
            let fingerprint = file.fingerprint.as_deref().ok_or_else(|| {
                wrong("custody by OpenPGP needs fingerprint, so that the file cannot be exchanged unnoticed")
            })?;
            let fingerprint = value::certificate_fingerprint(fingerprint).map_err(wrong)?;
            Some(Custody::OpenPgp { certificate, fingerprint })
        }
        Some("screen") => Some(Custody::Screen),
        Some("paper") => Some(Custody::Paper),
        Some(other) => {
            return Err(PlanError::Value {
                word: "custody",
                value: other.to_owned(),
                expected: "age, openpgp, screen or paper".to_owned(),
            });
        }
    };
    let is_age = matches!(custody, Some(Custody::Age { .. }));
    let is_openpgp = matches!(custody, Some(Custody::OpenPgp { .. }));
    if file.recipient.is_some() && !is_age {
        return Err(wrong("recipient belongs to custody by age"));
    }
    if (file.certificate.is_some() || file.fingerprint.is_some()) && !is_openpgp {
        return Err(wrong("certificate and fingerprint belong to custody by OpenPGP"));
    }
    let custodian = roles.contains(&Role::Custodian);
    if custodian && custody.is_none() {
        return Err(wrong("a custodian needs custody: age, openpgp, screen or paper"));
    }
    if !custodian && (custody.is_some() || group.is_some()) {
        return Err(wrong("custody and group are for those who are custodian"));
    }
    let signing =
        signing(["signing_key", "signing_fingerprint"], file.signing_key, file.signing_fingerprint)?;
    Ok(Person { name, initials, roles, group, custody, signing })
}

fn people_fit(plan: &Plan) -> Result<(), PlanError> {
    let mut seen = Lookalikes::default();
    for word in plan.people.iter().flat_map(|person| [&person.name, &person.initials]) {
        match seen.like(word) {
            Some(other) if other.to_lowercase() == word.to_lowercase() => {
                return Err(PlanError::Repeated(word.clone()));
            }
            Some(other) => return Err(PlanError::Alike { one: other.to_owned(), other: word.clone() }),
            None => seen.insert(word),
        }
    }
    let holders = match plan.kind {
        Kind::Create => false,
        _ => !plan.steps.contains(&Step::Unseal) || plan.with_role(Role::Holder).next().is_none(),
    };
    for role in [Role::Administrator, Role::Witness] {
        if plan.with_role(role).next().is_none() {
            return Err(PlanError::NobodyIs(role));
        }
    }
    // A store that HSMs alone open has no holders, and `check` says what that means.
    if plan.kind == Kind::ShareCheck && holders && plan.with_role(Role::Holder).next().is_none() {
        return Err(PlanError::NobodyIs(Role::Holder));
    }
    for person in plan.with_role(Role::Administrator) {
        if person.is(Role::Witness) {
            let problem = "whoever leads cannot be the witness too: name another witness";
            return Err(PlanError::Person { name: person.name.clone(), problem });
        }
    }
    // One key for two would say nothing of who signed.
    let mut keys: Vec<_> = plan.transcript.iter().map(|transcript| &transcript.fingerprint).collect();
    for (person, signing) in plan.signers() {
        if keys.contains(&&signing.fingerprint) {
            let problem =
                "this signing_fingerprint is another's already: everybody signs with a key of their own";
            return Err(PlanError::Person { name: person.name.clone(), problem });
        }
        keys.push(&signing.fingerprint);
    }
    match &plan.requested_by {
        Some(name) if plan.person(name).is_none() => Err(PlanError::UnknownPerson(name.clone())),
        _ => Ok(()),
    }
}

fn approval_fits(plan: &Plan) -> Result<(), PlanError> {
    if !plan.kind.needs_approval() {
        return Ok(());
    }
    let requester = plan.requested_by.as_deref().unwrap_or_default();
    let mut approvers = plan.with_role(Role::Approver).peekable();
    if approvers.peek().is_none() {
        return Err(PlanError::NobodyIs(Role::Approver));
    }
    if approvers.all(|person| person.name == requester) {
        return Err(PlanError::SoleApprover(requester.to_owned()));
    }
    Ok(())
}

fn custodians_fit(plan: &Plan) -> Result<(), PlanError> {
    let Some(policy) = &plan.policy else {
        return match plan.with_role(Role::Custodian).next() {
            Some(person) => Err(PlanError::Person {
                name: person.name.clone(),
                problem: "nobody gets a share at this kind of ceremony: whoever brings one is a holder",
            }),
            None => Ok(()),
        };
    };
    for leaf in policy.leaves() {
        let custodians =
            plan.with_role(Role::Custodian).filter(|person| person.group.as_deref() == leaf.name).count();
        let shares = usize::from(leaf.quorum.shares());
        if custodians != shares {
            return Err(PlanError::Custodians { group: leaf.name.map(str::to_owned), shares, custodians });
        }
    }
    let known = |group: Option<&str>| policy.leaves().any(|leaf| leaf.name == group);
    match plan.with_role(Role::Custodian).find(|person| !known(person.group.as_deref())) {
        Some(person) => Err(PlanError::Person {
            name: person.name.clone(),
            problem: "the policy has no such group: give each custodian one of its groups, and none where it has none",
        }),
        None => Ok(()),
    }
}

fn tokens_fit(plan: &Plan) -> Result<(), PlanError> {
    for section in plan.hsm.values() {
        section.get("pin").and_then(toml::Value::as_str).map_or(Ok(()), value::pin)?;
    }
    let keys = plan.policy.iter().flat_map(Policy::hsm_keys);
    let keys = keys.chain(plan.transcript.iter().map(|transcript| &transcript.key));
    let keys = keys.chain(plan.signers().map(|(_, signing)| &signing.key));
    match keys.map(strongroom::HsmKey::token).find(|token| !plan.hsm.contains_key(*token)) {
        Some(token) => Err(PlanError::UnknownToken(token.to_owned())),
        None => Ok(()),
    }
}

fn line_of(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests;
