//! Why a text is no plan.

use std::fmt;

use strongroom::causes::PolicyParseError;

use super::text::spelled;
use super::{Kind, Step, VERSION};

/// Why a plan is refused. Nothing was begun.
#[derive(Debug)]
pub enum PlanError {
    /// It is not TOML, has an unknown word, or lacks one.
    Syntax {
        /// The line, counted from 1.
        line: Option<usize>,
        /// What the reader of the file says.
        message: String,
    },
    /// A version that this program does not read.
    Version(u32),
    /// A value that its word does not take.
    Value {
        /// The word.
        word: &'static str,
        /// What stands there.
        value: String,
        /// What may stand there.
        expected: String,
    },
    /// A character that nobody sees, or that alters what stands beside it.
    Hidden {
        /// The word, with those around it.
        word: String,
        /// The character.
        character: char,
        /// Its place in the value, counted from 1.
        place: usize,
    },
    /// The policy's text.
    Policy(PolicyParseError),
    /// The kind needs a word that is not there.
    Missing {
        /// The kind.
        kind: Kind,
        /// The word.
        word: &'static str,
    },
    /// The kind has no use for a word that is there.
    Unwanted {
        /// The kind.
        kind: Kind,
        /// The word.
        word: &'static str,
    },
    /// A step that the kind does not have, or at this place.
    StepOutOfPlace {
        /// The kind.
        kind: Kind,
        /// The step.
        step: Step,
    },
    /// A step is listed, and at the wrong place.
    StepMisplaced {
        /// The kind.
        kind: Kind,
        /// The step.
        step: Step,
        /// One that it comes before.
        before: Step,
    },
    /// A step is not listed, and the kind cannot do without it.
    StepMissing {
        /// The kind.
        kind: Kind,
        /// The step.
        step: Step,
    },
    /// Two people have this name or these initials.
    Repeated(String),
    /// Names or initials that look alike.
    Alike {
        /// One of them.
        one: String,
        /// The other.
        other: String,
    },
    /// Nobody has a role that the kind needs.
    NobodyIs(super::Role),
    /// Custodians and shares do not come out even.
    Custodians {
        /// The group, where there are groups.
        group: Option<String>,
        /// How many shares there are.
        shares: usize,
        /// How many custodians.
        custodians: usize,
    },
    /// What a person's entry says does not fit together.
    Person {
        /// Who.
        name: String,
        /// What is wrong and what to do.
        problem: &'static str,
    },
    /// A name that stands nowhere among the people.
    UnknownPerson(String),
    /// The requester would be the only one to approve.
    SoleApprover(String),
    /// The policy names a token that has no section.
    UnknownToken(String),
    /// Of two words that belong together one is not there.
    Incomplete {
        /// The word that is there.
        word: &'static str,
        /// The other.
        other: &'static str,
    },
    /// A PIN stands in the plan.
    Pin,
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax { line: Some(line), message } => write!(f, "line {line} of the plan: {message}"),
            Self::Syntax { line: None, message } => write!(f, "the plan: {message}"),
            Self::Version(version) => write!(
                f,
                "the plan has version {version}, and this program reads version {VERSION}: use the program that it was \
                 written for, or write it anew"
            ),
            Self::Value { word, value, expected } => {
                write!(f, "{word} = {value:?} is not understood: write {expected}")
            }
            Self::Hidden { word, character, place } => write!(
                f,
                "{word} has the character U+{:04X} at place {place}, which is not seen where it is shown, or alters what stands \
                 beside it: type it anew, in one line and with plain spaces",
                u32::from(*character)
            ),
            Self::Policy(error) => write!(f, "the policy is not understood: {error}"),
            Self::Missing { kind, word } => write!(f, "a plan of kind {kind} needs {word}: add it"),
            Self::Unwanted { kind, word } => write!(f, "a plan of kind {kind} has no use for {word}: take it out"),
            Self::StepOutOfPlace { kind, step } => {
                write!(f, "step \"{step}\" does not belong there: the steps of {kind} are, in order, ")?;
                list_steps(f, *kind)
            }
            Self::StepMisplaced { kind, step, before } => {
                write!(
                    f,
                    "step \"{step}\" stands in the wrong place, since it comes before \"{before}\": the steps of {kind} are, in order, "
                )?;
                list_steps(f, *kind)
            }
            Self::StepMissing { kind, step } => {
                write!(f, "step \"{step}\" is not listed, and {kind} cannot do without it: its steps are, in order, ")?;
                list_steps(f, *kind)
            }
            Self::Repeated(name) => {
                write!(f, "two people are called {name:?}: give each a name and initials of their own")
            }
            Self::Alike { one, other } => write!(
                f,
                "{} and {} could be taken for each other: give each person a name and initials that look like nobody else's",
                spelled(one),
                spelled(other)
            ),
            Self::NobodyIs(role) => write!(f, "nobody is {}: name somebody who is", role.word()),
            Self::Custodians { group, shares, custodians } => {
                match group {
                    Some(group) => write!(f, "group \"{group}\"")?,
                    None => f.write_str("the policy")?,
                }
                write!(
                    f,
                    " has {shares} shares, and {custodians} custodians are named for them: every custodian gets exactly one"
                )
            }
            Self::Person { name, problem } => write!(f, "{name}: {problem}"),
            Self::UnknownPerson(name) => {
                write!(f, "{name:?} stands nowhere under [[people]]: write the name as it is there")
            }
            Self::SoleApprover(name) => write!(
                f,
                "{name} asked for this and would be the only one to approve: name another approver"
            ),
            Self::Incomplete { word, other } => write!(f, "{word} needs {other} beside it: add it"),
            Self::Pin => f.write_str(
                "a PIN does not belong into a plan, and this one must be changed now: write where it is, as in \
                 pin = \"env://STRONGROOM_PIN\"",
            ),
            Self::UnknownToken(name) => {
                write!(f, "the plan names the token {name:?}, and has no section [hsm.{name}]: add it")
            }
        }
    }
}

impl std::error::Error for PlanError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Policy(error) => Some(error),
            _ => None,
        }
    }
}

fn list_steps(f: &mut fmt::Formatter<'_>, kind: Kind) -> fmt::Result {
    for (place, step) in kind.steps().iter().enumerate() {
        let separator = if place == 0 { "" } else { ", " };
        let optional = if step.is_optional() { " (may be left out)" } else { "" };
        write!(f, "{separator}{step}{optional}")?;
    }
    Ok(())
}
