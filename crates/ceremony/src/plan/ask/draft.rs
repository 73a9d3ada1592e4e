//! The file as far as it is answered.

use std::fmt::{self, Write as _};

use crate::plan::text::Lookalikes;
use crate::plan::{Kind, Role, Step, VERSION, value};

/// What was answered. Words above all sections are written before the first one, whenever they were asked for.
#[derive(Default)]
pub(super) struct Draft {
    kind: Option<Kind>,
    words: String,
    people: Vec<Drafted>,
    requester: Option<String>,
    tokens: String,
}

/// Somebody who takes part, perhaps in several roles.
struct Drafted {
    name: String,
    initials: String,
    roles: Vec<Role>,
    words: Vec<(&'static str, String)>,
}

impl Draft {
    pub(super) fn is_begun(&self) -> bool {
        self.kind.is_some()
    }

    pub(super) fn set_kind(&mut self, kind: Kind) {
        self.kind = Some(kind);
        self.word("kind", kind.word(), "What it is for.");
    }

    pub(super) fn set_requester(&mut self, name: &str) {
        self.requester = Some(name.to_owned());
        self.word("requested_by", name, "Cannot be the only one to approve.");
    }

    pub(super) fn requester(&self) -> Option<&str> {
        self.requester.as_deref()
    }

    pub(super) fn word(&mut self, word: &str, value: &str, remark: &str) {
        line(&mut self.words, format_args!("# {remark}\n{word} = {}", quoted(value)));
    }

    /// Words that were not given, with what they would look like.
    pub(super) fn left_out(&mut self, remark: &str, words: &[&str]) {
        self.words.push_str(&commented(remark, words));
    }

    pub(super) fn section(&mut self, token: &str) {
        let is_bare = token.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c));
        let name = if is_bare { token.to_owned() } else { quoted(token) };
        line(&mut self.tokens, format_args!("\n[hsm.{name}]"));
    }

    pub(super) fn token_word(&mut self, word: &str, value: &str) {
        line(&mut self.tokens, format_args!("{word} = {}", quoted(value)));
    }

    pub(super) fn token_flag(&mut self, word: &str) {
        line(&mut self.tokens, format_args!("{word} = true"));
    }

    pub(super) fn token_left_out(&mut self, remark: &str, words: &[&str]) {
        self.tokens.push_str(&commented(remark, words));
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.people.iter().any(|person| person.name == name)
    }

    pub(super) fn is(&self, name: &str, role: Role) -> bool {
        self.people.iter().any(|person| person.name == name && person.roles.contains(&role))
    }

    pub(super) fn anybody_is(&self, role: Role) -> bool {
        self.people.iter().any(|person| person.roles.contains(&role))
    }

    /// What the person's entry says, if it says it.
    pub(super) fn says(&self, name: &str, word: &str) -> bool {
        let said = |person: &Drafted| person.words.iter().any(|(said, _)| *said == word);
        self.people.iter().any(|person| person.name == name && said(person))
    }

    /// Everybody's names and initials.
    pub(super) fn taken(&self) -> Lookalikes {
        let people = self.people.iter().flat_map(|person| [person.name.as_str(), person.initials.as_str()]);
        Lookalikes::of(people.chain(self.requester()))
    }

    /// Whether these initials may be those of somebody new of this name.
    pub(super) fn initials_fit(&self, name: &str, initials: &str) -> Result<(), String> {
        value::initials(initials)?;
        let mut taken = self.taken();
        taken.insert(name);
        match taken.like(initials) {
            Some(other) => {
                Err(format!("{initials} could be taken for {other}, which means somebody already"))
            }
            None => Ok(()),
        }
    }

    /// Adds somebody new, or a role and its words to whoever has the name.
    pub(super) fn person(&mut self, name: &str, initials: &str, role: Role) {
        match self.people.iter_mut().find(|person| person.name == name) {
            Some(person) if person.roles.contains(&role) => {}
            Some(person) => person.roles.push(role),
            None => {
                let (name, initials) = (name.to_owned(), initials.to_owned());
                self.people.push(Drafted { name, initials, roles: vec![role], words: Vec::new() });
            }
        }
    }

    pub(super) fn person_words(&mut self, name: &str, words: Vec<(&'static str, String)>) {
        if let Some(person) = self.people.iter_mut().find(|person| person.name == name) {
            person.words.extend(words);
        }
    }

    /// The file.
    pub(super) fn text(&self) -> String {
        let mut text = format!(
            "# A plan for a key ceremony. Review it, have it signed, and compare its hash when the ceremony begins.\n\
             version = {VERSION}\n{}",
            self.words
        );
        if let Some(kind) = self.kind {
            text.push_str("# Nothing but these steps can happen, in this order.\nsteps = [\n");
            for step in kind.steps() {
                let optional = if Step::is_optional(*step) { " May be left out." } else { "" };
                line(&mut text, format_args!("    \"{step}\", # {}{optional}", step.explained()));
            }
            text.push_str("]\n");
        }
        text.push_str(
            "# What lies on the table, by serial number.\ndevices = []\n\
             # Unsafe things that are allowed: swap, core-dumps, debugger.\nallow = []\n",
        );
        if !self.people.iter().any(|person| person.words.iter().any(|(word, _)| *word == SIGNING_KEY)) {
            text.push('\n');
            text.push_str(&commented(
                "Whoever has a key of their own in an HSM may co-sign the transcript, by these words below the others:",
                &[EXAMPLE_SIGNING_KEY, EXAMPLE_SIGNING_FINGERPRINT],
            ));
        }
        for person in &self.people {
            let roles: Vec<_> = person.roles.iter().map(|role| quoted(role.word())).collect();
            let (name, initials) = (quoted(&person.name), quoted(&person.initials));
            line(&mut text, format_args!("\n[[people]]\nname = {name}\ninitials = {initials}"));
            line(&mut text, format_args!("roles = [{}]", roles.join(", ")));
            for (word, value) in &person.words {
                line(&mut text, format_args!("{word} = {}", quoted(value)));
            }
        }
        text + &self.tokens
    }
}

fn line(text: &mut String, line: fmt::Arguments<'_>) {
    // Writing into a string does not fail.
    let _ = writeln!(text, "{line}");
}

fn commented(remark: &str, words: &[&str]) -> String {
    let mut text = format!("# {remark}\n");
    for word in words {
        line(&mut text, format_args!("# {word}"));
    }
    text
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

pub(super) const SIGNING_KEY: &str = "signing_key";
const EXAMPLE_SIGNING_KEY: &str = "signing_key = \"hsm(TOKEN, KEY)\"";
const EXAMPLE_SIGNING_FINGERPRINT: &str = "signing_fingerprint = \"…\"";
