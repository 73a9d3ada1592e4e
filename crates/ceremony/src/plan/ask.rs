//! Making a plan by answering questions.
//!
//! Each answer is held against what a plan may say when it is given, and asked for again with the reason. The answers become a
//! commented file, which people then review and change; it is not run from here.

mod answers;
mod draft;
mod hsms;
mod people;

use std::fmt;

use strongroom::Policy;

use super::text::{plain, visible};
use super::{Kind, Plan, PlanError, value};
use answers::{path, why};
use draft::Draft;

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
/// [`Unfinished`], with what was answered until then.
pub fn ask(questions: &mut dyn Questions) -> Result<String, Unfinished> {
    let mut interview = Interview { questions, draft: Draft::default() };
    let asked = interview.everything();
    finished(&interview.draft, asked)
}

fn finished(draft: &Draft, asked: Result<(), AskError>) -> Result<String, Unfinished> {
    match asked.and_then(|()| Plan::parse(&draft.text()).map_err(AskError::Plan)) {
        Ok(_) => Ok(draft.text()),
        Err(error) => Err(Unfinished { error, draft: draft.is_begun().then(|| draft.text()) }),
    }
}

/// The questions, and what was answered.
struct Interview<'a> {
    questions: &'a mut dyn Questions,
    draft: Draft,
}

impl Interview<'_> {
    fn everything(&mut self) -> Result<(), AskError> {
        let kinds = Kind::ALL.map(Kind::word).join(", ");
        let question = format!("What is the ceremony for? ({kinds})");
        let kind = self.parsed(&question, "create", |_, answer| {
            Kind::from_word(answer).ok_or_else(|| format!("choose one of {kinds}"))
        })?;
        self.draft.set_kind(kind);
        let title = self.parsed("What do people call it?", "Root key ceremony", |_, answer| {
            plain("title", answer.to_owned()).map_err(why)
        })?;
        self.draft.word("title", &title, "What people call it; it stands on every page.");
        let places = self.places(kind)?;
        let label = self.parsed("What is the slot called?", "custodians", |_, answer| {
            value::label(answer.to_owned()).map_err(why)
        })?;
        self.draft.word("label", &label, "The slot that is made, replaced or used.");
        let policy = self.policy(kind)?;
        if kind.needs_approval() {
            let requester = self.name("Who asked for it?", |_, _| None)?;
            self.draft.set_requester(&requester);
        }
        self.cooling_off(kind)?;
        self.people(kind, policy.as_ref())?;
        let signing = self.signing()?;
        self.software()?;
        self.hsms(kind, policy.as_ref(), &signing, &places, &label)
    }

    fn places(&mut self, kind: Kind) -> Result<Places, AskError> {
        let mut places = Places::default();
        if kind != Kind::ShareCheck {
            let store = self.path("store", "Which directory is the store's?", "/srv/strongroom/store")?;
            self.draft.word("store", &store, "The store's directory.");
            places.store = Some(store);
        }
        let output =
            self.path("output", "Where do pages, encrypted shares and the journal go?", "ceremony")?;
        self.draft.word(
            "output",
            &output,
            "The journal, the encrypted shares, the pages and the slot file. Best on a memory file system.",
        );
        match kind {
            Kind::Recovery => {
                let backup = self.path("backup", "Where is the backup?", "store.backup")?;
                self.draft.word("backup", &backup, "The copy that the store comes out of.");
                places.backup = Some(backup);
            }
            Kind::ShareCheck => {
                let question = "Where is the public slot file of the last ceremony?";
                let slots = self.path("slot_file", question, "slots.txt")?;
                self.draft.word("slot_file", &slots, "What the shares are held against.");
            }
            _ => {}
        }
        Ok(places)
    }

    fn policy(&mut self, kind: Kind) -> Result<Option<Policy>, AskError> {
        if !kind.deals() {
            return Ok(None);
        }
        let question = "Who can open the store afterwards? (3 of 5; groups(2 of {security: 2 of 3, operations: 1 of 2}); \
                        all(shamir(3 of 5), hsm(A, root)))";
        let policy = self.parsed(question, "3 of 5", |_, answer| {
            visible("policy", answer).map_err(why)?;
            answer.parse::<Policy>().map_err(|error| error.to_string())
        })?;
        self.draft.word("policy", &policy.to_string(), "Who can open the store afterwards.");
        self.draft.left_out(
            "How the root key is wrapped: x-wing, which withstands a quantum computer, or p-256.",
            &["suite = \"x-wing\""],
        );
        Ok(Some(policy))
    }

    fn cooling_off(&mut self, kind: Kind) -> Result<(), AskError> {
        if !matches!(kind, Kind::Rekey | Kind::SealChange) {
            return Ok(());
        }
        let question = "How long may people object before the commit? (e.g. 24h; 0s for not at all)";
        let time = self.parsed(question, "24h", |_, answer| {
            value::duration(answer).map_err(why)?;
            Ok(answer.to_owned())
        })?;
        self.draft.word("cooling_off", &time, "Between dealing and commit.");
        Ok(())
    }

    fn software(&mut self) -> Result<(), AskError> {
        let remark = "The SHA-256 of the reviewed program. Without it nobody compares.";
        let question = "Which SHA-256 does the reviewed program have? (nothing: nobody compares)";
        let hash = self.parsed(question, "", |_, answer| {
            if !answer.is_empty() {
                value::software(answer).map_err(why)?;
            }
            Ok(answer.to_owned())
        })?;
        match hash.as_str() {
            "" => self.draft.left_out(remark, &["software = \"…\""]),
            hash => self.draft.word("software", hash, remark),
        }
        Ok(())
    }

    fn path(&mut self, word: &'static str, question: &str, default: &str) -> Result<String, AskError> {
        self.parsed(question, default, |_, answer| path(word, answer))
    }

    fn line(&mut self, question: &str, default: &str) -> Result<String, AskError> {
        Ok(self.questions.ask(question, default)?.trim().to_owned())
    }

    /// Asks until the answer can be taken.
    fn parsed<T>(
        &mut self,
        question: &str,
        default: &str,
        parse: impl Fn(&Draft, &str) -> Result<T, String>,
    ) -> Result<T, AskError> {
        loop {
            let answer = self.line(question, default)?;
            match parse(&self.draft, &answer) {
                Ok(value) => return Ok(value),
                Err(why) => self.questions.refuse(&why)?,
            }
        }
    }
}

/// What may say which HSMs a store needs.
#[derive(Default)]
struct Places {
    store: Option<String>,
    backup: Option<String>,
}

/// A plan that was not finished.
#[derive(Debug)]
pub struct Unfinished {
    /// Why.
    pub error: AskError,
    /// The file as far as it was answered; nothing where nothing was.
    pub draft: Option<String>,
}

/// Why there is no plan.
#[derive(Debug)]
pub enum AskError {
    /// Nobody answers any more.
    Gone(String),
    /// The answers do not fit together.
    Plan(PlanError),
}

impl fmt::Display for AskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gone(why) => write!(f, "no plan was written, since {why}"),
            Self::Plan(error) => {
                write!(f, "no plan was written, since the answers do not fit together: {error}")
            }
        }
    }
}

impl std::error::Error for AskError {}

#[cfg(test)]
mod tests;
