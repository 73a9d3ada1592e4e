//! A plan in plain words: what will happen, who must come, what is unwise, what is missing.

pub(super) mod places;

use std::fmt::Write as _;

use strongroom::Policy;

use super::{Allowance, Custody, Kind, Plan, Role};
use crate::custody;

/// Something about a plan that people should know before they sign it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// The ceremony would not go through.
    Missing(String),
    /// It would, but it is unwise.
    Unwise(String),
}

impl Finding {
    /// What it is.
    pub fn text(&self) -> &str {
        match self {
            Self::Missing(text) | Self::Unwise(text) => text,
        }
    }
}

/// Holds a plan against what is there (files, keys, the slots of a store) and against what is wise.
///
/// Changes nothing. A store on this machine is opened for a moment, without shares, unless another process has it open.
pub fn findings(plan: &Plan) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(policy) = &plan.policy {
        quorums(policy, &mut findings);
    }
    for person in plan.with_role(Role::Custodian) {
        let Some(custody) = &person.custody else { continue };
        if let Err(error) = custody::Recipient::of(custody) {
            findings.push(Finding::Missing(format!("{}: {error}", person.name)));
        }
        match custody {
            Custody::Age { recipient } if custody::is_hybrid(recipient) => {}
            Custody::Age { .. } | Custody::OpenPgp { .. } => findings.push(Finding::Unwise(format!(
                "{}'s share is encrypted to a key that a quantum computer could break: whoever keeps the file may read it \
                 then; take a recipient that begins with age1pq1",
                person.name
            ))),
            Custody::Paper => findings.push(Finding::Unwise(format!(
                "{}'s share is printed: the printer must be off every network and forget what it printed",
                person.name
            ))),
            Custody::Screen => {}
        }
    }
    if plan.software.is_none() {
        findings.push(Finding::Unwise(
            "software is not given, so nobody compares the program with the one that was reviewed".to_owned(),
        ));
    }
    if plan.transcript.is_none() {
        findings.push(Finding::Unwise(
            "transcript_key is not given, so nobody signs the transcript, and whoever has the file can alter it".to_owned(),
        ));
    }
    for allowance in &plan.allow {
        findings.push(Finding::Unwise(match allowance {
            Allowance::Swap => "swap is allowed: secrets could be written to a disk".to_owned(),
            Allowance::CoreDumps => {
                "core dumps are allowed: a crash could write secrets to a disk".to_owned()
            }
            Allowance::Debugger => "a debugger is allowed: whoever attaches one sees every secret".to_owned(),
        }));
    }
    if matches!(plan.kind, Kind::Rekey | Kind::SealChange) && plan.cooling_off == 0 {
        findings.push(Finding::Unwise(
            "no cooling-off time: a change that was forced or forged is done before anybody can object"
                .to_owned(),
        ));
    }
    if plan.with_role(Role::Auditor).next().is_none() {
        findings.push(Finding::Unwise(
            "nobody is auditor: nobody watches for those who are not there".to_owned(),
        ));
    }
    tokens(plan, &mut findings);
    places::find(plan, &mut findings);
    findings
}

#[cfg(feature = "hsm")]
fn tokens(plan: &Plan, findings: &mut Vec<Finding>) {
    let checked = crate::hsm::checked(plan);
    findings.extend(checked.into_iter().map(|error| Finding::Missing(error.to_string())));
    for (name, section) in &plan.hsm {
        let lib = section.get("lib").and_then(toml::Value::as_str);
        if let Some(lib) = lib.filter(|lib| !std::path::Path::new(lib).exists()) {
            findings.push(Finding::Missing(format!(
                "the module {lib} of [hsm.{name}] is not on this machine: install it, or correct lib"
            )));
        }
    }
}

#[cfg(not(feature = "hsm"))]
fn tokens(plan: &Plan, findings: &mut Vec<Finding>) {
    if !plan.hsm_configuration().is_empty() {
        findings.push(Finding::Missing(
            "the plan names an HSM, and this program was built without: take the one with HSMs".to_owned(),
        ));
    }
}

fn quorums(policy: &Policy, findings: &mut Vec<Finding>) {
    for leaf in policy.leaves() {
        let (threshold, shares) = (leaf.quorum.threshold(), leaf.quorum.shares());
        let whose = leaf.name.map_or_else(|| "the policy".to_owned(), |name| format!("group \"{name}\""));
        let alone = leaf.name.is_none() && policy.hsm_keys().next().is_none();
        if threshold == 1 && alone {
            findings.push(Finding::Unwise(format!(
                "{whose} needs 1 of {shares}: any one holder opens the store alone, and no share can be checked"
            )));
        } else if threshold == 1 {
            findings.push(Finding::Unwise(format!(
                "{whose} needs 1 of {shares}: any one holder is enough for it"
            )));
        }
        if threshold == shares && shares > 1 {
            findings.push(Finding::Unwise(format!(
                "{whose} needs all of {shares}: one share that is lost is enough to lock the store for ever"
            )));
        }
        if shares == 1 {
            findings.push(Finding::Unwise(format!(
                "{whose} has a single share: nothing stands in when it is lost"
            )));
        }
    }
    if policy.sharing().is_none() {
        findings.push(Finding::Unwise(
            "HSMs alone open the store: whoever reaches them needs nobody's consent, and with them the store is lost; add a \
             slot with shares beside it"
                .to_owned(),
        ));
    }
}

/// The plan as a text to be read before it is signed.
pub fn explained(plan: &Plan) -> String {
    let mut text = String::new();
    // Writing into a string does not fail.
    let _ = write_explained(plan, &mut text);
    text
}

fn write_explained(plan: &Plan, text: &mut String) -> std::fmt::Result {
    writeln!(text, "{}", plan.title)?;
    writeln!(text, "\nWhat this is: {}", purpose(plan.kind))?;
    writeln!(text, "Plan hash: {}", crate::run::hexadecimal(&plan.hash()))?;
    if let Some(store) = &plan.store {
        writeln!(text, "Store: {}", store.display())?;
    }
    if let Some(policy) = &plan.policy {
        writeln!(text, "Afterwards slot \"{}\" opens it: {}", plan.label, in_words(policy))?;
    }
    if let Some(transcript) = &plan.transcript {
        writeln!(
            text,
            "The transcript is signed by {}, fingerprint {}",
            transcript.key, transcript.fingerprint
        )?;
    }
    if let Some(name) = &plan.requested_by {
        writeln!(text, "Asked for by: {name}")?;
    }
    if plan.cooling_off > 0 {
        writeln!(text, "Cooling-off time: {}", crate::run::duration(plan.cooling_off))?;
    }
    writeln!(text, "\nWho must come:")?;
    for person in &plan.people {
        let roles: Vec<_> = person.roles.iter().map(|role| role.word()).collect();
        write!(text, "  {} ({}): {}", person.name, person.initials, roles.join(", "))?;
        if let Some(group) = &person.group {
            write!(text, " of group {group}")?;
        }
        if let Some(custody) = &person.custody {
            write!(text, "; {}", delivery(custody))?;
        }
        if let Some(signing) = &person.signing {
            write!(
                text,
                "; co-signs the transcript with {}, fingerprint {}",
                signing.key, signing.fingerprint
            )?;
        }
        writeln!(text)?;
    }
    if !plan.devices.is_empty() {
        writeln!(text, "\nWhat must be on the table:")?;
        for device in &plan.devices {
            writeln!(text, "  {device}")?;
        }
    }
    writeln!(text, "\nWhat will happen:")?;
    for (number, step) in (1..).zip(&plan.steps) {
        writeln!(text, "  {number}. {step}: {}", step.explained())?;
    }
    let findings = findings(plan);
    let missing: Vec<_> = findings.iter().filter(|finding| matches!(finding, Finding::Missing(_))).collect();
    if !missing.is_empty() {
        writeln!(text, "\nWhat is missing:")?;
    }
    for finding in &missing {
        if let Finding::Missing(what) = finding {
            writeln!(text, "  {what}")?;
        }
    }
    if missing.len() < findings.len() {
        writeln!(text, "\nWhat is unwise:")?;
    }
    for finding in &findings {
        if let Finding::Unwise(what) = finding {
            writeln!(text, "  {what}")?;
        }
    }
    Ok(())
}

fn purpose(kind: Kind) -> &'static str {
    match kind {
        Kind::Create => "a new store is made, with a new root key whose shares go to the custodians.",
        Kind::Unseal => "holders open the store, everything in it is checked, and it is sealed again.",
        Kind::ShareCheck => "each holder proves alone that the share is the right one. No store is needed.",
        Kind::Rekey => "new custodians take the place of the present holders. Old shares end at the commit.",
        Kind::HsmKey => "the keys in HSMs behind a slot are replaced. Shares stay as they are.",
        Kind::SealChange => "another seal takes the place of the present one, which ends at the commit.",
        Kind::Recovery => "a store is written out of a backup, with shares of the backup's time.",
        Kind::Destruction => "the store is destroyed. Nobody can bring it back but from a copy and shares.",
    }
}

fn delivery(custody: &Custody) -> &'static str {
    match custody {
        Custody::Age { .. } => "the share comes as a file encrypted to an age recipient",
        Custody::OpenPgp { .. } => "the share comes as a file encrypted to an OpenPGP certificate",
        Custody::Screen => "the share is shown once, on a cleared screen, and written down",
        Custody::Paper => "the share is printed",
    }
}

/// A policy as one would say it.
pub fn in_words(policy: &Policy) -> String {
    match policy {
        Policy::Shamir(quorum) => {
            format!("any {} of {} custodians together", quorum.threshold(), quorum.shares())
        }
        Policy::Groups { required, groups, .. } => {
            let groups: Vec<_> = groups
                .iter()
                .map(|group| {
                    let quorum = group.quorum();
                    format!("{} ({} of its {})", group.name(), quorum.threshold(), quorum.shares())
                })
                .collect();
            format!("{required} of the groups {}", groups.join(", "))
        }
        Policy::Hsm(key) => format!("the key \"{}\" in the HSM \"{}\"", key.key(), key.token()),
        Policy::All { members, .. } => {
            members.iter().map(in_words).collect::<Vec<_>>().join(", and at the same time ")
        }
    }
}

#[cfg(test)]
mod tests;
