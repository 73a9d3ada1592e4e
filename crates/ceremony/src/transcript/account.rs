//! Reading a transcript that somebody else may have written.

use std::fmt;
use std::ops::RangeInclusive;

use strongroom_audit::{
    self as audit, Chain, Entry, Fingerprint, PublicKey, Record, Value, Verified, VerifyError,
};

use super::PURPOSE;
use super::entry::{
    ABORTED, EXCEPTION, KIND, OPENED, PLAN, REHEARSAL, REQUESTED_BY, RESUMED, STEP, STEP_DONE, TITLE,
    UNSIGNED,
};
use crate::plan::{Kind, Plan, Step};

/// How a ceremony ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Every step was done, and the witness signed off the last.
    Complete,
    /// Somebody ended it before its end.
    Aborted,
    /// It was interrupted, or waits, and had not gone on when the transcript was sealed.
    Unfinished,
}

/// A transcript whose seal was verified, of one ceremony.
#[derive(Clone, Debug)]
pub struct Account {
    verified: Verified,
    opening: Opening,
    outcome: Outcome,
    doubtful: Vec<RangeInclusive<u64>>,
}

/// What its first event says.
#[derive(Clone, Debug)]
struct Opening {
    kind: String,
    title: String,
    plan: [u8; 32],
    rehearsal: bool,
    requested_by: Option<String>,
}

impl Account {
    /// What the ceremony was for, in the plan's word.
    pub fn kind(&self) -> &str {
        &self.opening.kind
    }

    /// What people called it.
    pub fn title(&self) -> &str {
        &self.opening.title
    }

    /// The SHA-256 of the plan.
    pub fn plan(&self) -> &[u8; 32] {
        &self.opening.plan
    }

    /// Whether it was a rehearsal, which is evidence of nothing but practice.
    pub fn is_rehearsal(&self) -> bool {
        self.opening.rehearsal
    }

    /// Who asked for it, where its plan said so.
    pub fn requested_by(&self) -> Option<&str> {
        self.opening.requested_by.as_deref()
    }

    /// How it ended.
    pub fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// The key that sealed it.
    pub fn key(&self) -> &PublicKey {
        self.verified.key()
    }

    /// The whole chain.
    pub fn chain(&self) -> &Chain {
        self.verified.chain()
    }

    /// What is not as this plan has it. The keys of a rehearsal are thrown away, and no plan names them.
    pub fn mismatches(&self, plan: &Plan) -> Vec<Mismatch> {
        let mut found = Vec::new();
        if self.opening.plan != plan.hash() {
            found.push(Mismatch::AnotherPlan);
        }
        if self.opening.rehearsal {
            return found;
        }
        let sealing = plan.transcript.as_ref().map(|signing| &signing.fingerprint);
        if sealing != Some(&self.key().fingerprint()) {
            found.push(Mismatch::SealedByAnother);
        }
        let signed =
            || self.chain().signed().iter().filter_map(|signed| Some((signed.name()?, signed.key())));
        for (person, signing) in plan.signers() {
            let theirs = |(name, key): (&str, &PublicKey)| {
                name == person.name && key.fingerprint() == signing.fingerprint
            };
            if !signed().any(theirs) {
                found.push(Mismatch::NotSigned(person.name.clone()));
            }
        }
        for (name, key) in signed() {
            let of_plan = plan.person(name).and_then(|person| person.signing.as_ref());
            if of_plan.is_none_or(|signing| signing.fingerprint != key.fingerprint()) {
                found.push(Mismatch::SignedByAnother(name.to_owned()));
            }
        }
        found
    }

    /// The entries that are evidence. Left out are those that were written before an interruption and signed by nobody before the
    /// ceremony went on: somebody else may have written them meanwhile. What they tell was done again.
    pub fn evidence(&self) -> impl Iterator<Item = &Record> {
        self.chain().entries().filter(|record| !self.is_doubtful(record.number()))
    }

    /// Whether a line was signed by nobody when the ceremony was interrupted.
    pub fn is_doubtful(&self, line: u64) -> bool {
        is_within(&self.doubtful, line)
    }

    /// What went otherwise than planned.
    pub fn exceptions(&self) -> impl Iterator<Item = &Record> {
        self.evidence().filter(|record| record.entry().event() == EXCEPTION)
    }
}

/// What of a transcript is not as its plan has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mismatch {
    /// It is of another plan, or of another version of this one.
    AnotherPlan,
    /// The plan names another key that seals it, or none.
    SealedByAnother,
    /// Somebody whose key the plan names did not sign it.
    NotSigned(String),
    /// It is signed in the name of somebody by a key that is not the plan's for them.
    SignedByAnother(String),
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AnotherPlan => f.write_str("it is of another plan, or of another version of this one"),
            Self::SealedByAnother => f.write_str("it is sealed by a key that this plan does not name for it"),
            Self::NotSigned(name) => write!(f, "{name}, whose key the plan names, did not sign it"),
            Self::SignedByAnother(name) => {
                write!(f, "it is signed in the name of {name} by a key that the plan does not name for them")
            }
        }
    }
}

/// Verifies a transcript: whole, sealed by the key of this fingerprint, and of one ceremony.
///
/// # Errors
///
/// [`TranscriptError`]. A transcript that is not sealed is none, however good it looks: lines may be missing at its end.
pub fn verify(bytes: &[u8], key: &Fingerprint) -> Result<Account, TranscriptError> {
    let verified = audit::verify(bytes, PURPOSE, key).map_err(TranscriptError::Chain)?;
    let mut records = verified.chain().entries();
    let opened =
        records.next().ok_or(TranscriptError::Story { line: 1, problem: StoryProblem::NothingHappened })?;
    let of_first = |problem| TranscriptError::Story { line: opened.number(), problem };
    let opening = Opening::of(opened.entry()).ok_or_else(|| of_first(StoryProblem::NotOpened))?;
    let doubtful = doubtful(verified.chain());
    let mut outcome = Outcome::Unfinished;
    let mut done = Vec::new();
    for record in records.filter(|record| !is_within(&doubtful, record.number())) {
        let told = |problem| Err(TranscriptError::Story { line: record.number(), problem });
        match record.entry().event() {
            OPENED if record.entry() != opened.entry() => return told(StoryProblem::AnotherCeremony),
            OPENED | RESUMED => {}
            _ if outcome != Outcome::Unfinished => return told(StoryProblem::AfterTheEnd),
            STEP_DONE => {
                let step = record.entry().text(STEP).and_then(Step::from_word);
                done.extend(step);
                if step == Some(Step::Close) {
                    if let Some(missing) = missing(&opening.kind, &done) {
                        return told(StoryProblem::StepMissing(missing));
                    }
                    outcome = Outcome::Complete;
                }
            }
            ABORTED => outcome = Outcome::Aborted,
            _ => {}
        }
    }
    Ok(Account { verified, opening, outcome, doubtful })
}

/// The lines that nobody had signed when the ceremony went on, as each `resumed` tells of those before its own `opened`. The last
/// comes first, since what stands in such lines says nothing of others.
fn doubtful(chain: &Chain) -> Vec<RangeInclusive<u64>> {
    let mut ranges: Vec<RangeInclusive<u64>> = Vec::new();
    let entries: Vec<&Record> = chain.entries().collect();
    for (place, record) in entries.iter().enumerate().rev() {
        if record.entry().event() != RESUMED || is_within(&ranges, record.number()) {
            continue;
        }
        let before = entries.get(..place).unwrap_or_default();
        let opened = before.iter().rev().find(|before| before.entry().event() == OPENED);
        let unsigned = record.entry().number(UNSIGNED).unwrap_or_default();
        if let (Some(opened), 1..) = (opened, unsigned) {
            ranges.push(opened.number().saturating_sub(unsigned)..=opened.number().saturating_sub(1));
        }
    }
    ranges
}

fn is_within(ranges: &[RangeInclusive<u64>], line: u64) -> bool {
    ranges.iter().any(|range| range.contains(&line))
}

/// A step that this kind of ceremony cannot do without and that was not signed off.
fn missing(kind: &str, done: &[Step]) -> Option<Step> {
    let steps = Kind::from_word(kind).map(Kind::steps).unwrap_or_default();
    steps.iter().copied().find(|step| !step.is_optional() && !done.contains(step))
}

impl Opening {
    fn of(entry: &Entry) -> Option<Self> {
        if entry.event() != OPENED {
            return None;
        }
        match (entry.field(PLAN)?, entry.field(REHEARSAL)?) {
            (Value::Sha256(plan), Value::Flag(rehearsal)) => Some(Self {
                kind: entry.text(KIND)?.to_owned(),
                title: entry.text(TITLE)?.to_owned(),
                plan: *plan,
                rehearsal: *rehearsal,
                requested_by: entry.text(REQUESTED_BY).map(str::to_owned),
            }),
            _ => None,
        }
    }
}

/// Why a file is no transcript of a ceremony.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TranscriptError {
    /// It is not whole, not sealed, or sealed by another key.
    Chain(VerifyError),
    /// It is whole and sealed, and does not tell of one ceremony.
    Story {
        /// The line.
        line: u64,
        /// Why.
        problem: StoryProblem,
    },
}

/// Why a chain that is whole and sealed does not tell of one ceremony.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoryProblem {
    /// Nothing is recorded.
    NothingHappened,
    /// It does not begin with the opening of a ceremony.
    NotOpened,
    /// A ceremony by another plan begins in the midst.
    AnotherCeremony,
    /// It was closed without a step that its kind cannot do without.
    StepMissing(Step),
    /// Something happened after the end.
    AfterTheEnd,
}

impl fmt::Display for TranscriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (line, why) = match self {
            Self::Chain(error) => return error.fmt(f),
            Self::Story { line, problem: StoryProblem::NothingHappened } => (line, "nothing is recorded"),
            Self::Story { line, problem: StoryProblem::NotOpened } => {
                (line, "it does not begin with the opening of a ceremony")
            }
            Self::Story { line, problem: StoryProblem::AnotherCeremony } => {
                (line, "a ceremony by another plan begins here")
            }
            Self::Story { line, problem: StoryProblem::StepMissing(step) } => {
                return write!(
                    f,
                    "line {line}: the ceremony was closed, and its step \"{step}\" was never signed off. The file is whole and \
                     sealed by the right key, but the program holds no such ceremony: ask who holds that key"
                );
            }
            Self::Story { line, problem: StoryProblem::AfterTheEnd } => {
                (line, "something happened after the ceremony had ended")
            }
        };
        write!(
            f,
            "line {line}: {why}. The file is whole and sealed by the right key, but tells of no ceremony that the program \
             could have held: ask who holds that key"
        )
    }
}

impl std::error::Error for TranscriptError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Chain(error) => Some(error),
            Self::Story { .. } => None,
        }
    }
}
