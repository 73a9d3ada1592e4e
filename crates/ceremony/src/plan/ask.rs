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
    if kind.needs_approval() {
        let requester = line(questions, "Who asked for it?", "")?;
        file.word("requested_by", &requester, "Cannot be the only one to approve.")?;
    }
    if matches!(kind, Kind::Rekey | Kind::SealChange) {
        let time = line(
            questions,
            "How long may people object before the commit? (e.g. 24h; 0s for not at all)",
            "24h",
        )?;
        file.word("cooling_off", &time, "Between dealing and commit.")?;
    }
    file.steps(kind)?;
    people(questions, &mut file, kind, policy.as_ref())?;
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
) -> Result<(), AskError> {
    person(questions, file, Role::Administrator, "Who leads?")?;
    person(questions, file, Role::Witness, "Who is the witness, and signs each step off?")?;
    let auditor = line(questions, "Who is auditor? (nothing for nobody)", "")?;
    if !auditor.is_empty() {
        file.person(questions, &auditor, Role::Auditor, &[])?;
    }
    if kind.needs_approval() {
        person(questions, file, Role::Approver, "Who approves, other than the one who asked?")?;
    }
    for leaf in policy.iter().flat_map(|policy| policy.leaves()) {
        for index in 1..=leaf.quorum.shares() {
            let of = leaf.name.map(|name| format!(" of group {name}")).unwrap_or_default();
            let name = line(questions, &format!("Who gets share {index}{of}?"), "")?;
            let custody = parsed(
                questions,
                &format!("How does {name} get it? (an age recipient, a certificate file, screen or paper)"),
                "screen",
                |answer| if answer.is_empty() { Err("say how".to_owned()) } else { Ok(answer.to_owned()) },
            )?;
            let mut words = Vec::new();
            if let Some(group) = leaf.name {
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
            file.person(questions, &name, Role::Custodian, &words)?;
        }
    }
    if kind == Kind::Create {
        return Ok(());
    }
    loop {
        let name = line(questions, "Who brings a present share? (nothing when that was all)", "")?;
        if name.is_empty() {
            return Ok(());
        }
        file.person(questions, &name, Role::Holder, &[])?;
    }
}

fn person(
    questions: &mut dyn Questions,
    file: &mut Draft,
    role: Role,
    question: &str,
) -> Result<(), AskError> {
    let name = parsed(questions, question, "", |answer| {
        if answer.is_empty() { Err("somebody must be".to_owned()) } else { Ok(answer.to_owned()) }
    })?;
    file.person(questions, &name, role, &[])
}

/// The file as far as it is written.
struct Draft {
    text: String,
}

impl Draft {
    fn begin(kind: Kind, title: &str) -> Result<Self, AskError> {
        let mut text = String::new();
        writeln!(
            text,
            "# A plan for a key ceremony. Review it, have it signed, and compare its hash when the ceremony begins."
        )?;
        writeln!(text, "version = {VERSION}")?;
        let mut draft = Self { text };
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

    fn person(
        &mut self,
        questions: &mut dyn Questions,
        name: &str,
        role: Role,
        words: &[(&str, String)],
    ) -> Result<(), AskError> {
        let guess: String = name.split_whitespace().filter_map(|part| part.chars().next()).collect();
        let initials = line(questions, &format!("What are the initials of {name}?"), &guess)?;
        write!(self.text, "\n[[people]]\nname = {}\ninitials = {}\n", quoted(name), quoted(&initials))?;
        writeln!(self.text, "roles = [\"{}\"]", role.word())?;
        for (word, value) in words {
            writeln!(self.text, "{word} = {}", quoted(value))?;
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
