//! Doing what a plan says, step by step.
//!
//! [`run`] is one state machine for all kinds: the plan lists the steps, each step is one function, and nothing that the plan
//! does not list can happen. After each step the witness signs off, the event is recorded with the hash of the journal that is to
//! be, and the journal is written; in this order, so that a step is never taken for done that nobody signed off.
//!
//! # Interruptions
//!
//! Whatever ends the process, the store is as its last commit left it, and there is one commit in which new shares begin to
//! count: before it the present ones open the store and the new ones nothing, after it the new ones do. A ceremony that is
//! started again with the same plan goes on after the last step that was signed off, if the transcript vouches for the journal.
//! A commit or restore that was made and not signed off is shown by opening the store, and then signed off. Shares that were made but not yet all
//! handed out exist nowhere any more; they are void, and new ones are dealt.

pub mod conversation;
mod dealing;
mod ending;
mod error;
mod journal;
pub mod places;
pub mod record;
mod rehearsal;
mod shares;
mod signing;
mod software;
mod store;

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use strongroom::{HsmKeys, NoHsm, Policy, Proved, Storage, Store};

pub use error::CeremonyError;
pub use journal::JournalError;
pub use signing::Seal;
pub use software::{Software, SoftwareError};

use crate::hsm::Tokens;
use crate::plan::{Person, Plan, Role, Step};
use conversation::{Conversation, Stage};
use dealing::Deal;
use journal::Journal;
use record::{Event, Record, Trail};
use store::{Recovering, Settled};

/// How a ceremony is held.
pub struct Setting {
    /// The HSMs that the plan names; in a rehearsal, those to throw away.
    pub hsm: Arc<dyn Tokens>,
    /// Everything against throw-away keys, in the directory `rehearsal` of the plan's output. Every page is marked.
    pub rehearsal: bool,
    /// Seconds since 1970.
    pub clock: fn() -> u64,
}

impl Default for Setting {
    /// The real thing, without HSMs, by the machine's clock.
    fn default() -> Self {
        Self { hsm: Arc::new(NoHsm), rehearsal: false, clock: machine_clock }
    }
}

/// How a ceremony ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Every step was done.
    Complete,
    /// The cooling-off time runs until then, in seconds since 1970. Start again with the same plan afterwards.
    Cooling {
        /// When it ends.
        until: u64,
    },
    /// Somebody ended it. What was prepared is void, and what was there before is as it was.
    Aborted,
}

/// Holds a ceremony, or goes on with one that was interrupted.
///
/// # Errors
///
/// [`CeremonyError`]. Whichever it is, the store has a quorum that opens it, and the ceremony can be started again.
pub fn run(
    plan: &Plan,
    setting: Setting,
    talk: &mut dyn Conversation,
    record: &mut dyn Record,
) -> Result<Ended, CeremonyError> {
    places::fit(plan)?;
    let output = if setting.rehearsal { plan.output.join("rehearsal") } else { plan.output.clone() };
    if setting.rehearsal {
        // It begins anew each time, since nothing in it is worth going on with.
        remove_directory(&output)
            .map_err(|error| CeremonyError::io("the last rehearsal could not be removed", error))?;
    }
    let made = DirBuilder::new().recursive(true).mode(0o700).create(&output);
    made.map_err(|error| CeremonyError::io("the output directory could not be made", error))?;
    places::is_ours(&output)?;
    let journal = Journal::open(&output, plan, setting.rehearsal).map_err(CeremonyError::Journal)?;
    let mut ceremony = Ceremony {
        plan,
        store: plan
            .store
            .as_ref()
            .map(|store| if setting.rehearsal { output.join("store") } else { places::real(store) }),
        output,
        setting,
        talk,
        record,
        journal,
        storage: None,
        open: None,
        deal: None,
        recovering: None,
        proved: None,
        found: BTreeSet::new(),
    };
    let ended = ceremony.hold();
    ceremony.seal();
    ended
}

/// Whether a ceremony was begun in the plan's output directory. Rehearsals do not count: they always begin anew.
pub fn is_begun(plan: &Plan) -> bool {
    journal::exists(&plan.output) || plan.output.join(TRANSCRIPT).exists()
}

/// The transcript's name in the output directory.
pub const TRANSCRIPT: &str = "transcript.jsonl";

/// A ceremony that is held.
struct Ceremony<'a> {
    plan: &'a Plan,
    store: Option<PathBuf>,
    output: PathBuf,
    setting: Setting,
    talk: &'a mut dyn Conversation,
    record: &'a mut dyn Record,
    journal: Journal,
    storage: Option<Arc<dyn Storage>>,
    open: Option<Store>,
    /// Shares that were made and are still to be handed out. They exist nowhere else.
    deal: Option<Deal>,
    recovering: Option<Recovering>,
    proved: Option<Proved>,
    /// Steps that were found done and not signed off.
    found: BTreeSet<Step>,
}

/// What became of a step.
enum Outcome {
    Done,
    Cooling { until: u64 },
    Aborted,
}

impl<'a> Ceremony<'a> {
    fn hold(&mut self) -> Result<Ended, CeremonyError> {
        let (trail, found) = (self.record.trail(), self.journal.found());
        if !trail.aborted && !trail.vouches(found) {
            return Err(JournalError::NotVouched.into());
        }
        self.event(&Event::Opened {
            kind: self.plan.kind,
            title: &self.plan.title,
            plan: self.plan.hash(),
            rehearsal: self.setting.rehearsal,
            requested_by: self.plan.requested_by.as_deref(),
        })?;
        if self.setting.rehearsal {
            self.stage()?;
        }
        if trail.aborted || self.journal.fact(ABORTED).is_some() {
            self.event(&Event::Resumed { at: None, unsigned: trail.unsigned })?;
            if !trail.aborted {
                let by = self.one(Role::Administrator)?;
                self.event(&Event::Aborted { by, why: "before an interruption" })?;
            }
            self.talk.tell(WAS_ABORTED)?;
            return Ok(Ended::Aborted);
        }
        if found.is_none() {
            self.note(|_| {})?;
        } else if let Some(ended) = self.resumed(&trail)? {
            return Ok(ended);
        }
        let steps = self.plan.steps.clone();
        for (place, step) in steps.iter().copied().enumerate() {
            // Who is there, and on what machine, is asked each time.
            let always = matches!(step, Step::Open | Step::Environment);
            if self.journal.is_done(step) && !always {
                continue;
            }
            self.talk.stage(&Stage {
                title: &self.plan.title,
                step,
                number: place.saturating_add(1),
                steps: &steps,
                rehearsal: self.setting.rehearsal,
            })?;
            self.event(&Event::StepBegun { step })?;
            let outcome = if self.found.remove(&step) { self.show_found(step)? } else { self.step(step)? };
            let outcome = if let Outcome::Done = outcome { self.sign_off(step)? } else { outcome };
            match outcome {
                Outcome::Done => {}
                Outcome::Cooling { until } => return Ok(Ended::Cooling { until }),
                Outcome::Aborted => return Ok(Ended::Aborted),
            }
        }
        Ok(Ended::Complete)
    }

    /// Goes on where an earlier start ended, or says how it ended.
    fn resumed(&mut self, trail: &Trail) -> Result<Option<Ended>, CeremonyError> {
        let unsigned = trail.unsigned;
        let at = self.plan.steps.iter().copied().find(|step| !self.journal.is_done(*step));
        self.event(&Event::Resumed { at, unsigned })?;
        if let Some(signed) = &trail.signed {
            self.talk.tell(&format!(
                "The transcript was signed up to a line whose hash is {}. If it stopped by itself, it told the same.",
                hexadecimal(signed)
            ))?;
        }
        if trail.aborting {
            let witness = self.one(Role::Witness)?;
            if self
                .talk
                .confirm(witness, "it was about to be aborted when it stopped: is it to be aborted?")?
            {
                self.abort(witness, "as it was to be before an interruption")?;
                return Ok(Some(Ended::Aborted));
            }
            let what = "the abort that was asked for before the interruption was taken back";
            self.event(&Event::Exception { step: Step::Open, by: witness, what })?;
        }
        let settled = self.settle()?;
        let at = self.plan.steps.iter().copied().find(|step| !self.journal.is_done(*step));
        if let Some(ended) = self.overtaken(settled)? {
            return Ok(Some(ended));
        }
        let Some(step) = at else {
            self.talk.tell("This ceremony is complete.")?;
            return Ok(Some(Ended::Complete));
        };
        if step == Step::CoolOff
            && let Outcome::Cooling { until } = self.cool_off()?
        {
            return Ok(Some(Ended::Cooling { until }));
        }
        self.talk.tell(&format!("This ceremony was begun before. It goes on with \"{step}\"."))?;
        if unsigned > 0 {
            self.talk.tell(&format!(
                "The last {unsigned} lines of the transcript were written before the interruption and signed by nobody. The \
                 transcript says so."
            ))?;
        }
        Ok(None)
    }

    /// Ends a ceremony whose new shares took effect, or were removed, in another way than by it.
    fn overtaken(&mut self, settled: Settled) -> Result<Option<Ended>, CeremonyError> {
        let administrator = self.one(Role::Administrator)?;
        match settled {
            Settled::Here => return Ok(None),
            Settled::Elsewhere(set) => {
                self.event(&Event::Fact { name: "committed", value: "outside this ceremony" })?;
                self.talk.tell(&format!(
                    "The shares of set {} took effect outside this ceremony. They open the store now: keep them. The ceremony ends.",
                    hexadecimal(&set)
                ))?;
                self.end(administrator, "the new shares took effect outside this ceremony")?;
            }
            Settled::Removed => {
                self.void()?;
                self.talk.tell("The new shares were removed from the store outside this ceremony, which ends. The present ones stay.")?;
                self.end(administrator, "the new shares were removed outside this ceremony")?;
            }
        }
        Ok(Some(Ended::Aborted))
    }

    /// A change that was made before the interruption: whoever can open the store shows it.
    fn show_found(&mut self, step: Step) -> Result<Outcome, CeremonyError> {
        self.event(&Event::Fact { name: "interrupted", value: &format!("after {step}") })?;
        self.talk.tell(&format!(
            "\"{step}\" was done before the interruption, and not signed off. Its holders open the store now, to show that it is so."
        ))?;
        self.show_open(step)?;
        Ok(Outcome::Done)
    }

    /// Changes the journal: the transcript vouches for it first.
    fn note(&mut self, change: impl FnOnce(&mut Journal)) -> Result<(), CeremonyError> {
        change(&mut self.journal);
        let bytes = self.journal.encode()?;
        self.event(&Event::Progress { journal: journal::sha256(&bytes) })?;
        Ok(self.journal.write(&bytes)?)
    }

    fn step(&mut self, step: Step) -> Result<Outcome, CeremonyError> {
        match step {
            Step::Open => self.check_off()?,
            Step::Environment => self.environment()?,
            Step::Approve => return self.approve(),
            Step::Unseal => self.unseal()?,
            Step::Rotate => self.rotate()?,
            Step::Deal => self.deal()?,
            Step::HandOut => self.hand_out()?,
            Step::Acknowledge => return self.acknowledge(),
            Step::CoolOff => return self.cool_off(),
            Step::Prove => self.prove()?,
            Step::Commit => self.commit()?,
            Step::Rewrap => self.rewrap()?,
            Step::Check => self.check()?,
            Step::CheckShares => self.check_shares()?,
            Step::Verify => self.verify()?,
            Step::Restore => self.restore()?,
            Step::Confirm => return self.confirm_store(),
            Step::Destroy => self.destroy()?,
            Step::Export => self.export()?,
            Step::Close => self.close()?,
        }
        Ok(Outcome::Done)
    }

    /// People and devices.
    fn check_off(&mut self) -> Result<(), CeremonyError> {
        let plan = self.plan;
        let administrator = self.one(Role::Administrator)?;
        self.talk.tell(&format!("Plan: {}", plan.title))?;
        self.talk.tell(&format!("Plan hash: {}", hexadecimal(&plan.hash())))?;
        if !self.talk.confirm(administrator, "is this the hash on the printed plan that was reviewed?")? {
            return Err(CeremonyError::AnotherPlan);
        }
        for person in &plan.people {
            // Custodians and holders may come when their turn does.
            let needed = [Role::Administrator, Role::Witness, Role::Approver, Role::Operator, Role::Auditor];
            if !needed.iter().any(|role| person.is(*role)) {
                continue;
            }
            if self.talk.confirm(person, "are you here, and have you read the plan?")? {
                self.event(&Event::Present { person })?;
            } else if person.is(Role::Administrator) || person.is(Role::Witness) {
                return Err(CeremonyError::Absent(person.name.clone()));
            } else {
                self.event(&Event::Absent { person })?;
            }
        }
        let witness = self.one(Role::Witness)?;
        for device in &plan.devices {
            if !self
                .talk
                .confirm(witness, &format!("is this device here, with its seal unbroken: {device}?"))?
            {
                return Err(CeremonyError::Absent(device.clone()));
            }
            self.event(&Event::Device { device })?;
        }
        Ok(())
    }

    /// Whoever asked cannot be the only one: each yes counts, and one must be somebody else's.
    fn approve(&mut self) -> Result<Outcome, CeremonyError> {
        let plan = self.plan;
        let requester = plan.requested_by.as_deref().unwrap_or_default();
        let mut others = 0;
        for person in plan.with_role(Role::Approver) {
            let question = format!("do you approve \"{}\" ({})?", plan.title, plan.kind);
            while !self.talk.confirm(person, &question)? {
                if self.talk.confirm(person, "then the ceremony ends here, and nothing changes: is it so?")? {
                    return self.abort(person, "an approver said no");
                }
            }
            self.event(&Event::Approved { by: person })?;
            if person.name != requester {
                others += 1;
            }
        }
        if others == 0 {
            return Err(CeremonyError::SoleApprover);
        }
        Ok(Outcome::Done)
    }

    /// The witness signs the step off, or writes an exception down first, or ends the ceremony.
    fn sign_off(&mut self, step: Step) -> Result<Outcome, CeremonyError> {
        let witness = self.one(Role::Witness)?;
        let question = format!("step \"{step}\" is done; your initials (or exception, or abort)");
        loop {
            let answer = self.talk.ask(witness, &question)?;
            match answer.trim().to_lowercase().as_str() {
                answer if answer == witness.initials.to_lowercase() => break,
                "exception" => {
                    let what = self.talk.ask(witness, "what went otherwise than planned?")?;
                    self.event(&Event::Exception { step, by: witness, what: what.trim() })?;
                }
                "abort" if self.is_final(step) => {
                    self.talk.tell(
                        "The change is made already and cannot be aborted: write an exception instead.",
                    )?;
                }
                "abort" => {
                    let why = self.talk.ask(witness, "why? (nothing: the ceremony goes on)")?;
                    if !why.trim().is_empty() {
                        return self.abort(witness, why.trim());
                    }
                }
                _ => self.talk.tell(&format!("These are not the initials of {}.", witness.name))?,
            }
        }
        self.journal.done(step);
        let bytes = self.journal.encode()?;
        self.event(&Event::StepDone { step, witness, journal: journal::sha256(&bytes) })?;
        self.journal.write(&bytes)?;
        Ok(Outcome::Done)
    }

    /// Whether the change is made once this step is done.
    fn is_final(&self, step: Step) -> bool {
        let made = [Step::Commit, Step::Rotate, Step::Restore, Step::Destroy];
        let at = |wanted: Step| self.plan.steps.iter().position(|step| *step == wanted);
        made.into_iter().filter_map(at).any(|made| at(step).is_some_and(|step| step >= made))
    }

    fn abort(&mut self, by: &Person, why: &str) -> Result<Outcome, CeremonyError> {
        // First of all, since what follows may need a key that is not there.
        self.event(&Event::Aborting { by, why })?;
        self.end_pending()?;
        self.void()?;
        self.end(by, why)?;
        self.talk.tell("The ceremony is aborted. What opened the store before opens it still.")?;
        Ok(Outcome::Aborted)
    }

    fn end(&mut self, by: &Person, why: &str) -> Result<(), CeremonyError> {
        // The reason stands in the transcript alone, which withholds what looks like a share.
        self.note(|journal| journal.set_fact(ABORTED, "yes"))?;
        self.event(&Event::Aborted { by, why })
    }

    fn close(&mut self) -> Result<(), CeremonyError> {
        self.seal();
        let sealed = if self.store.is_some() { " The store is sealed." } else { "" };
        self.talk.tell(&format!("\"{}\" is complete.{sealed}", self.plan.title))?;
        self.event(&Event::Closed)?;
        self.cosign()
    }

    fn one(&self, role: Role) -> Result<&'a Person, CeremonyError> {
        self.plan.with_role(role).next().ok_or(CeremonyError::NobodyIs(role))
    }

    fn event(&mut self, event: &Event<'_>) -> Result<(), CeremonyError> {
        self.record.record(event).map_err(CeremonyError::Record)
    }

    /// A rehearsal does not wait.
    fn cooling_off(&self) -> u64 {
        if self.setting.rehearsal { 0 } else { self.plan.cooling_off }
    }

    fn hsm(&self) -> Arc<dyn HsmKeys> {
        let hsm: Arc<dyn HsmKeys> = Arc::<dyn Tokens>::clone(&self.setting.hsm);
        hsm
    }

    /// Writes down what the policy's keys in HSMs are.
    fn hsm_evidence(&mut self, policy: &Policy) -> Result<(), CeremonyError> {
        for key in policy.hsm_keys() {
            let evidence = self.setting.hsm.evidence(key)?;
            self.event(&Event::Fact { name: "hsm-key", value: &evidence })?;
            self.talk.tell(&format!("HSM key {evidence}"))?;
        }
        Ok(())
    }

    fn now(&self) -> u64 {
        (self.setting.clock)()
    }

    fn seal(&mut self) {
        if let Some(store) = self.open.take() {
            pollster::block_on(store.seal());
        }
        self.storage = None;
        self.deal = None;
        self.recovering = None;
        self.proved = None;
    }
}

const WAS_ABORTED: &str =
    "This ceremony was aborted, and does not go on: make a new plan with an output directory of its own.";

/// Bytes in lower-case hexadecimal.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

/// Seconds as one would say them.
pub(crate) fn duration(seconds: u64) -> String {
    let units = [(24 * 60 * 60, "d"), (60 * 60, "h"), (60, "min")];
    match units.into_iter().find(|(unit, _)| seconds >= *unit && seconds.is_multiple_of(*unit)) {
        Some((unit, name)) => format!("{} {name}", seconds / unit),
        None => format!("{seconds} s"),
    }
}

fn machine_clock() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Removes a directory and what is in it, if it is there.
fn remove_directory(path: &std::path::Path) -> std::io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

const ABORTED: &str = "aborted";
