//! Making a plan by answering questions.
//!
//! The answers become a commented file, which people then review and change; it is not run from here.

use std::fmt::{self, Write as _};

use strongroom::Policy;

use super::{Kind, PlanError, Role, Step, VERSION};

/// Asks one question; the answer is one line. Whoever implements it shows `default` and returns it for an empty answer.
pub trait Questions {
    /// Asks.
    ///
    /// # Errors
    ///
    /// [`AskError::Gone`], when there will be no answer.
    fn ask(&mut self, question: &str, default: &str) -> Result<String, AskError>;

    /// Says why an answer was not taken.
    ///
    /// # Errors
    ///
    /// [`AskError::Gone`].
    fn refuse(&mut self, why: &str) -> Result<(), AskError>;
}

/// Asks everything that a plan needs and writes it.
///
/// # Errors
///
/// [`AskError::Gone`]; [`AskError::Plan`] when the answers do not fit together, which names what to change.
pub fn ask(questions: &mut dyn Questions) -> Result<String, AskError> {
    let kinds = Kind::ALL.map(Kind::word).join(", ");
    let kind = parsed(questions, &format!("What is the ceremony for? ({kinds})"), "create", |answer| {
        Kind::from_word(answer).ok_or_else(|| format!("choose one of {kinds}"))
    })?;
    let title = line(questions, "What do people call it?", "Root key ceremony")?;
    let mut file = Draft::begin(kind, &title)?;
    if kind != Kind::ShareCheck {
        let store = line(questions, "Which directory is the store's?", "/srv/strongroom/store")?;
        file.word("store", &store, "The store's directory.")?;
    }
    let output = line(questions, "Where do pages, encrypted shares and the journal go?", "ceremony")?;
    file.word(
        "output",
        &output,
        "The journal, the encrypted shares, the pages and the slot file. Best on a memory file system.",
    )?;
    match kind {
        Kind::Recovery => {
            let backup = line(questions, "Where is the backup?", "store.backup")?;
            file.word("backup", &backup, "The copy that the store comes out of.")?;
        }
        Kind::ShareCheck => {
            let slots = line(questions, "Where is the public slot file of the last ceremony?", "slots.txt")?;
            file.word("slot_file", &slots, "What the shares are held against.")?;
        }
        _ => {}
    }
    let label = line(questions, "What is the slot called?", "custodians")?;
    file.word("label", &label, "The slot that is made, replaced or used.")?;
    let policy = if kind.deals() { Some(policy(questions)?) } else { None };
    if let Some(policy) = &policy {
        file.word("policy", &policy.to_string(), "Who can open the store afterwards.")?;
    }
    let requester = if kind.needs_approval() {
        let requester = named(questions, "Who asked for it?", |_| None)?;
        file.word("requested_by", &requester, "Cannot be the only one to approve.")?;
        Some(requester)
    } else {
        None
    };
    if matches!(kind, Kind::Rekey | Kind::SealChange) {
        let time = line(
            questions,
            "How long may people object before the commit? (e.g. 24h; 0s for not at all)",
            "24h",
        )?;
        file.word("cooling_off", &time, "Between dealing and commit.")?;
    }
    file.steps(kind)?;
    people(questions, &mut file, kind, policy.as_ref(), requester.as_deref())?;
    file.write_people()?;
    for token in policy.iter().flat_map(Policy::hsm_keys).map(strongroom::HsmKey::token) {
        let lib = line(questions, &format!("Where is the PKCS #11 library of the HSM \"{token}\"?"), "")?;
        write!(file.text, "\n[hsm.{}]\n", quoted(token))?;
        file.word("lib", &lib, "The words are those of the configuration file. Never a PIN.")?;
        file.word("pin", "env://STRONGROOM_PIN", "Where the PIN is, not the PIN.")?;
    }
    super::Plan::parse(&file.text).map_err(AskError::Plan)?;
    Ok(file.text)
}

fn policy(questions: &mut dyn Questions) -> Result<Policy, AskError> {
    let question = "Who can open the store afterwards? (3 of 5; groups(2 of {security: 2 of 3, operations: 1 of 2}); \
                    all(shamir(3 of 5), hsm(A, root)))";
    parsed(questions, question, "3 of 5", |answer| {
        answer.parse::<Policy>().map_err(|error| error.to_string())
    })
}

fn people(
    questions: &mut dyn Questions,
    file: &mut Draft,
    kind: Kind,
    policy: Option<&Policy>,
    requester: Option<&str>,
) -> Result<(), AskError> {
    let leader = named(questions, "Who leads?", |_| None)?;
    file.person(questions, &leader, Role::Administrator, Vec::new())?;
    let witness = named(questions, "Who is the witness, and signs each step off?", |name| {
        (name == leader).then(|| "whoever leads cannot be the witness too".to_owned())
    })?;
    file.person(questions, &witness, Role::Witness, Vec::new())?;
    let auditor = line(questions, "Who is auditor? (nothing for nobody)", "")?;
    if !auditor.is_empty() {
        file.person(questions, &auditor, Role::Auditor, Vec::new())?;
    }
    if let Some(requester) = requester {
        let approver = named(questions, "Who approves, other than the one who asked?", |name| {
            (name == requester).then(|| format!("{name} asked for it: somebody else must approve"))
        })?;
        file.person(questions, &approver, Role::Approver, Vec::new())?;
    }
    for leaf in policy.iter().flat_map(|policy| policy.leaves()) {
        for index in 1..=leaf.quorum.shares() {
            let of = leaf.name.map(|name| format!(" of group {name}")).unwrap_or_default();
            let name = named(questions, &format!("Who gets share {index}{of}?"), |name| {
                file.is(name, Role::Custodian).then(|| format!("{name} gets one already"))
            })?;
            let words = custody(questions, &name, leaf.name)?;
            file.person(questions, &name, Role::Custodian, words)?;
        }
    }
    if kind != Kind::Create {
        holders(questions, file)?;
    }
    // Whoever asked and does nothing else may come and say why.
    match requester {
        Some(requester) if !file.has(requester) => {
            file.person(questions, requester, Role::Approver, Vec::new())
        }
        _ => Ok(()),
    }
}

fn holders(questions: &mut dyn Questions, file: &mut Draft) -> Result<(), AskError> {
    loop {
        let name = line(questions, "Who brings a present share? (nothing when that was all)", "")?;
        if name.is_empty() {
            return Ok(());
        }
        file.person(questions, &name, Role::Holder, Vec::new())?;
    }
}

/// The words that say how a custodian gets a share.
fn custody(
    questions: &mut dyn Questions,
    name: &str,
    group: Option<&str>,
) -> Result<Vec<(&'static str, String)>, AskError> {
    let question = format!("How does {name} get it? (an age recipient, a certificate file, screen or paper)");
    let custody = line(questions, &question, "screen")?;
    let mut words = Vec::new();
    if let Some(group) = group {
        words.push(("group", group.to_owned()));
    }
    match custody.as_str() {
        "screen" | "paper" => words.push(("custody", custody)),
        recipient if recipient.starts_with("age1") => {
            words.extend([("custody", "age".to_owned()), ("recipient", custody)]);
        }
        _ => {
            let fingerprint = line(questions, "What is the certificate's fingerprint?", "")?;
            words.extend([
                ("custody", "openpgp".to_owned()),
                ("certificate", custody),
                ("fingerprint", fingerprint),
            ]);
        }
    }
    Ok(words)
}

/// A name, and one that is not refused.
fn named(
    questions: &mut dyn Questions,
    question: &str,
    refused: impl Fn(&str) -> Option<String>,
) -> Result<String, AskError> {
    parsed(questions, question, "", |answer| match refused(answer) {
        Some(why) => Err(why),
        None if answer.is_empty() => Err("somebody must be named".to_owned()),
        None => Ok(answer.to_owned()),
    })
}

/// The file as far as it is written.
struct Draft {
    text: String,
    people: Vec<Drafted>,
}

/// Somebody who takes part, perhaps in several roles.
struct Drafted {
    name: String,
    initials: String,
    roles: Vec<Role>,
    words: Vec<(&'static str, String)>,
}

impl Draft {
    fn begin(kind: Kind, title: &str) -> Result<Self, AskError> {
        let mut text = String::new();
        writeln!(
            text,
            "# A plan for a key ceremony. Review it, have it signed, and compare its hash when the ceremony begins."
        )?;
        writeln!(text, "version = {VERSION}")?;
        let mut draft = Self { text, people: Vec::new() };
        draft.word("kind", kind.word(), "What it is for.")?;
        draft.word("title", title, "What people call it; it stands on every page.")?;
        Ok(draft)
    }

    fn word(&mut self, word: &str, value: &str, remark: &str) -> Result<(), AskError> {
        writeln!(self.text, "# {remark}\n{word} = {}", quoted(value))?;
        Ok(())
    }

    fn steps(&mut self, kind: Kind) -> Result<(), AskError> {
        writeln!(self.text, "# Nothing but these steps can happen, in this order.\nsteps = [")?;
        for step in kind.steps() {
            let optional = if Step::is_optional(*step) { " May be left out." } else { "" };
            writeln!(self.text, "    \"{step}\", # {}{optional}", step.explained())?;
        }
        writeln!(
            self.text,
            "]\n# The SHA-256 of the reviewed program. Without it nobody compares.\n# software = \"…\"\n\
             # What lies on the table, by serial number.\ndevices = []\n# Unsafe things that are allowed: swap, core-dumps, debugger.\n\
             allow = []"
        )?;
        Ok(())
    }

    fn has(&self, name: &str) -> bool {
        self.people.iter().any(|person| person.name == name)
    }

    fn is(&self, name: &str, role: Role) -> bool {
        self.people.iter().any(|person| person.name == name && person.roles.contains(&role))
    }

    /// Adds a role, and its words, to whoever has the name. Of somebody new the initials are asked.
    fn person(
        &mut self,
        questions: &mut dyn Questions,
        name: &str,
        role: Role,
        words: Vec<(&'static str, String)>,
    ) -> Result<(), AskError> {
        if let Some(person) = self.people.iter_mut().find(|person| person.name == name) {
            if !person.roles.contains(&role) {
                person.roles.push(role);
            }
            person.words.extend(words);
            return Ok(());
        }
        let guess: String = name.split_whitespace().filter_map(|part| part.chars().next()).collect();
        let taken = |initials: &str| {
            let taken = |text: &str| text.to_lowercase() == initials.to_lowercase();
            self.people.iter().any(|person| taken(&person.initials) || taken(&person.name)) || taken(name)
        };
        let question = format!("What are the initials of {name}?");
        let initials = parsed(questions, &question, &guess, |answer| {
            if taken(answer) {
                Err(format!("{answer} means somebody already"))
            } else {
                Ok(answer.to_owned())
            }
        })?;
        self.people.push(Drafted { name: name.to_owned(), initials, roles: vec![role], words });
        Ok(())
    }

    fn write_people(&mut self) -> Result<(), AskError> {
        for person in &self.people {
            let roles: Vec<_> = person.roles.iter().map(|role| quoted(role.word())).collect();
            let (name, initials) = (quoted(&person.name), quoted(&person.initials));
            write!(self.text, "\n[[people]]\nname = {name}\ninitials = {initials}\n")?;
            writeln!(self.text, "roles = [{}]", roles.join(", "))?;
            for (word, value) in &person.words {
                writeln!(self.text, "{word} = {}", quoted(value))?;
            }
        }
        Ok(())
    }
}

fn line(questions: &mut dyn Questions, question: &str, default: &str) -> Result<String, AskError> {
    Ok(questions.ask(question, default)?.trim().to_owned())
}

fn parsed<T>(
    questions: &mut dyn Questions,
    question: &str,
    default: &str,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Result<T, AskError> {
    loop {
        match parse(&line(questions, question, default)?) {
            Ok(value) => return Ok(value),
            Err(why) => questions.refuse(&why)?,
        }
    }
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// Why no plan was written.
#[derive(Debug)]
pub enum AskError {
    /// Nobody answers any more.
    Gone(String),
    /// The answers do not fit together.
    Plan(PlanError),
    /// Text could not be put together.
    Text(fmt::Error),
}

impl fmt::Display for AskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gone(why) => write!(f, "no plan was written, since {why}: begin again"),
            Self::Plan(error) => {
                write!(f, "no plan was written, since the answers do not fit together: {error}")
            }
            Self::Text(_) => f.write_str("no plan was written: begin again"),
        }
    }
}

impl std::error::Error for AskError {}

impl From<fmt::Error> for AskError {
    fn from(error: fmt::Error) -> Self {
        Self::Text(error)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;
    use crate::plan::Plan;

    struct Answers(VecDeque<&'static str>);

    impl Questions for Answers {
        fn ask(&mut self, question: &str, default: &str) -> Result<String, AskError> {
            let answer = self.0.pop_front().ok_or_else(|| AskError::Gone(question.to_owned()))?;
            Ok(if answer.is_empty() { default.to_owned() } else { answer.to_owned() })
        }

        fn refuse(&mut self, _: &str) -> Result<(), AskError> {
            Ok(())
        }
    }

    #[test]
    fn somebody_with_several_roles_is_asked_of_once_and_nobody_gets_two_shares() {
        let answers = [
            "rekey",
            "New holders",
            "store",
            "out",
            "",
            "2 of 2",
            "Ada Byron",
            "24h",
            // Ada leads too, and cannot be the witness.
            "Ada Byron",
            "",
            "Ada Byron",
            "Grace Hopper",
            "",
            "",
            // Ada asked for it, and cannot be the other approver.
            "Ada Byron",
            "Emmy Noether",
            "",
            // Emmy gets one share and not the other; the initials of Ada are taken.
            "Emmy Noether",
            "",
            "Emmy Noether",
            "Alan Bell",
            "",
            "ab",
            "AlB",
            "Ada Byron",
            "Emmy Noether",
            "",
        ];
        let plan = Plan::parse(&ask(&mut Answers(answers.into())).unwrap()).unwrap();
        let people: Vec<_> =
            plan.people.iter().map(|person| (person.initials.as_str(), person.roles.len())).collect();
        assert_eq!(people, [("AB", 2), ("GH", 1), ("EN", 3), ("AlB", 1)]);
        assert_eq!(plan.requested_by.as_deref(), Some("Ada Byron"));
    }

    #[test]
    fn whoever_asked_is_in_the_plan() {
        let answers = [
            "destruction",
            "End",
            "store",
            "out",
            "",
            "Kurt G",
            "Lead",
            "L",
            "Wit",
            "W",
            "",
            "Other",
            "O",
            "Hold",
            "H",
            "",
            "",
        ];
        let plan = Plan::parse(&ask(&mut Answers(answers.into())).unwrap()).unwrap();
        assert!(plan.person("Kurt G").unwrap().is(Role::Approver));
    }

    #[test]
    fn answers_become_a_plan_that_says_them() {
        let answers = [
            "make",
            "create",
            "Payments",
            "store",
            "out",
            "",
            "groups(2 of {a: 1 of 1, b: 1 of 1})",
            "Ada Byron",
            "",
            "Grace Hopper",
            "",
            "",
            "Alan",
            "AT",
            "paper",
            "Mary",
            "",
        ];
        let order = [
            "make",
            "create",
            "Payments",
            "store",
            "out",
            "",
            "groups(2 of {a: 1 of 1, b: 1 of 1})",
            "Ada Byron",
            "",
            "Grace Hopper",
            "",
            "",
            "Alan",
            "paper",
            "AT",
            "Mary",
            "",
            "",
        ];
        assert!(ask(&mut Answers(answers.into())).is_err(), "the control: answers out of place");
        let text = ask(&mut Answers(order.into())).unwrap();
        let plan = Plan::parse(&text).unwrap();
        assert_eq!(
            (plan.kind, plan.title.as_str(), plan.label.as_str()),
            (Kind::Create, "Payments", "custodians")
        );
        assert_eq!(plan.custodian(Some("a"), 1).unwrap().initials, "AT");
        assert_eq!(plan.custodian(Some("b"), 1).unwrap().name, "Mary");
        assert_eq!(plan.person("Ada Byron").unwrap().initials, "AB");
    }
}
