//! Who comes, and how each custodian gets a share.

use strongroom::Policy;

use super::answers::{Way, certificate, way, why};
use super::draft::Draft;
use super::{AskError, Interview};
use crate::plan::text::{plain, spelled};
use crate::plan::{Custody, Kind, Role};

impl Interview<'_> {
    pub(super) fn people(&mut self, kind: Kind, policy: Option<&Policy>) -> Result<(), AskError> {
        let leader = self.name("Who leads?", |_, _| None)?;
        self.person(&leader, Role::Administrator)?;
        let witness = self.name("Who is the witness, and signs each step off?", |draft, name| {
            let leads = draft.is(name, Role::Administrator);
            leads.then(|| "whoever leads cannot be the witness too".to_owned())
        })?;
        self.person(&witness, Role::Witness)?;
        if let Some(auditor) = self.name_or_nobody("Who is auditor? (nothing for nobody)", |_| None)? {
            self.person(&auditor, Role::Auditor)?;
        }
        if kind.needs_approval() {
            let approver = self.name("Who approves, other than the one who asked?", |draft, name| {
                let asked = draft.requester() == Some(name);
                asked.then(|| format!("{name} asked for it: somebody else must approve"))
            })?;
            self.person(&approver, Role::Approver)?;
        }
        for leaf in policy.iter().flat_map(|policy| policy.leaves()) {
            for index in 1..=leaf.quorum.shares() {
                self.custodian(leaf.name, index)?;
            }
        }
        if kind != Kind::Create {
            self.holders(kind)?;
        }
        // Whoever asked and does nothing else may come and say why.
        match self.draft.requester().map(str::to_owned) {
            Some(requester) if !self.draft.has(&requester) => self.person(&requester, Role::Approver),
            _ => Ok(()),
        }
    }

    fn custodian(&mut self, group: Option<&str>, index: u8) -> Result<(), AskError> {
        let of = group.map(|name| format!(" of group {name}")).unwrap_or_default();
        let name = self.name(&format!("Who gets share {index}{of}?"), |draft, name| {
            draft.is(name, Role::Custodian).then(|| format!("{name} gets one already"))
        })?;
        let custody = self.custody(&name)?;
        self.person(&name, Role::Custodian)?;
        let mut words = Vec::new();
        if let Some(group) = group {
            words.push(("group", group.to_owned()));
        }
        words.push(("custody", custody.word().to_owned()));
        match custody {
            Custody::Age { recipient } => words.push(("recipient", recipient)),
            Custody::OpenPgp { certificate, fingerprint } => words
                .extend([("certificate", certificate.display().to_string()), ("fingerprint", fingerprint)]),
            Custody::Screen | Custody::Paper => {}
        }
        self.draft.person_words(&name, words);
        Ok(())
    }

    /// How a custodian gets a share.
    fn custody(&mut self, name: &str) -> Result<Custody, AskError> {
        let question =
            format!("How does {name} get it? (an age recipient, a certificate file, screen or paper)");
        loop {
            let file = match self.parsed(&question, "screen", |_, answer| way(answer))? {
                Way::Known(custody) => return Ok(custody),
                Way::Certificate(file) => file,
            };
            let fingerprint = "What is the certificate's fingerprint? (nothing to answer anew how it comes)";
            let custody = self.parsed(fingerprint, "", |_, answer| {
                if answer.is_empty() { Ok(None) } else { certificate(&file, answer).map(Some) }
            })?;
            if let Some(custody) = custody {
                return Ok(custody);
            }
        }
    }

    fn holders(&mut self, kind: Kind) -> Result<(), AskError> {
        let question = "Who brings a present share? (nothing when that was all)";
        while let Some(name) = self.name_or_nobody(question, |draft| {
            let nobody = kind == Kind::ShareCheck && !draft.anybody_is(Role::Holder);
            nobody.then(|| "somebody's share must be checked".to_owned())
        })? {
            self.person(&name, Role::Holder)?;
        }
        Ok(())
    }

    /// A name, and one that is not refused.
    pub(super) fn name(
        &mut self,
        question: &str,
        refused: impl Fn(&Draft, &str) -> Option<String>,
    ) -> Result<String, AskError> {
        self.parsed(question, "", |draft, answer| {
            if answer.is_empty() {
                return Err("somebody must be named".to_owned());
            }
            let name = name_in(draft, answer)?;
            refused(draft, &name).map_or(Ok(name), Err)
        })
    }

    /// A name, or nothing where nobody may be missing.
    pub(super) fn name_or_nobody(
        &mut self,
        question: &str,
        refused: impl Fn(&Draft) -> Option<String>,
    ) -> Result<Option<String>, AskError> {
        self.parsed(question, "", |draft, answer| {
            if answer.is_empty() {
                return refused(draft).map_or(Ok(None), Err);
            }
            name_in(draft, answer).map(Some)
        })
    }

    /// Adds a role to whoever has the name. Of somebody new the initials are asked.
    fn person(&mut self, name: &str, role: Role) -> Result<(), AskError> {
        let initials = if self.draft.has(name) {
            String::new()
        } else {
            let question = format!("What are the initials of {name}?");
            let guess = guess(&self.draft, name);
            self.parsed(&question, &guess, |draft, answer| {
                let initials = plain("initials", answer.to_owned()).map_err(why)?;
                draft.initials_fit(name, &initials)?;
                Ok(initials)
            })?
        };
        self.draft.person(name, &initials, role);
        Ok(())
    }
}

/// A name that may stand in the plan: that of somebody who does already, or one like nobody's.
fn name_in(draft: &Draft, answer: &str) -> Result<String, String> {
    let name = plain("name", answer.to_owned()).map_err(why)?;
    if draft.has(&name) || draft.requester() == Some(name.as_str()) {
        return Ok(name);
    }
    match draft.taken().like(&name) {
        Some(other) => Err(format!(
            "{} could be taken for {}, who is named already: write the same name, or one that nobody mistakes for it",
            spelled(&name),
            spelled(other)
        )),
        None => Ok(name),
    }
}

/// Initials that nobody has: those of the name's parts, else with more letters of the last one.
fn guess(draft: &Draft, name: &str) -> String {
    let initials: String = name.split_whitespace().filter_map(|part| part.chars().next()).collect();
    let mut more = name.split_whitespace().next_back().unwrap_or_default().chars().skip(1);
    let mut guess = initials;
    loop {
        if draft.initials_fit(name, &guess).is_ok() {
            return guess;
        }
        match more.next() {
            Some(letter) => guess.push(letter),
            None => return String::new(),
        }
    }
}
