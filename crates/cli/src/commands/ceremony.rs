//! `ceremony plan|run|verify|report|register|share-check`: what the crate `strongroom-ceremony` does, at this terminal.

mod register;
mod run;
mod transcript;

use std::fs::{self, OpenOptions};
use std::io::{self, BufRead as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use strongroom_ceremony::audit::Public;
use strongroom_ceremony::plan::ask::{AskError, Questions, Unfinished, ask};
use strongroom_ceremony::plan::check::{Finding, explained, findings};
use strongroom_ceremony::plan::{Person, Plan};
use strongroom_ceremony::register::{MAX_DAYS, Register, Share, YEAR};
use strongroom_ceremony::slot_file;

use super::share::{self, Against};
use crate::context::Context;
use crate::exit::{Failure, Kind};
use crate::output::Output;
use crate::text::hex;

/// Key ceremonies.
#[derive(Subcommand)]
pub(crate) enum Ceremony {
    /// Plans: what happens at a ceremony, who must come, and who can open the store afterwards.
    #[command(subcommand)]
    Plan(PlanCommand),
    /// Hold the ceremony that a plan describes.
    Run(run::Run),
    /// Check a transcript: whole, in order, and sealed by the key of this fingerprint. Works on any machine.
    Verify(transcript::Verify),
    /// Write what a transcript says for an auditor to read, once it was checked.
    Report(transcript::Report),
    /// The register: who holds which share, when each was last checked, and what is due.
    #[command(subcommand)]
    Register(register::Register),
    /// Check that a share is the right one: alone, offline, with the public slot file of the last ceremony.
    ShareCheck(ShareCheck),
}

/// Plans.
#[derive(Subcommand)]
pub(crate) enum PlanCommand {
    /// Ask what the ceremony is for and who comes, and write a plan to be reviewed.
    New(New),
    /// Say in plain words what a plan does, who must come, what is unwise, and what is missing.
    Check(Check),
}

/// Write a plan.
#[derive(Args)]
pub(crate) struct New {
    /// The file to write. None is overwritten.
    #[arg(value_name = "PLAN")]
    plan: PathBuf,
}

/// Explain a plan.
#[derive(Args)]
pub(crate) struct Check {
    /// The plan.
    #[arg(value_name = "PLAN")]
    plan: PathBuf,
}

/// Check a share.
#[derive(Args)]
pub(crate) struct ShareCheck {
    /// The public slot file (`slots.txt`).
    #[arg(long, value_name = "FILE", default_value = "slots.txt")]
    slots: PathBuf,
    /// Enter the check into this register: who showed the share, and when it is due again.
    #[arg(long, value_name = "FILE", requires_all = ["custodian", "signer"])]
    register: Option<PathBuf>,
    /// Who shows the share, as the register has it.
    #[arg(long, value_name = "NAME", requires = "register")]
    custodian: Option<String>,
    /// After how many days the share is due again, at most 366.
    #[arg(long, value_name = "DAYS", default_value_t = YEAR, value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_DAYS)))]
    days: u32,
    #[command(flatten)]
    by: register::By,
}

impl Ceremony {
    pub(crate) fn run(self, context: &mut Context) -> Result<(), Failure> {
        match self {
            Self::Plan(PlanCommand::New(new)) => new.run(context),
            Self::Plan(PlanCommand::Check(check)) => check.run(context.output),
            Self::Run(run) => run.run(context),
            Self::Verify(verify) => verify.run(context.output),
            Self::Report(report) => report.run(context.output),
            Self::Register(register) => register.run(context),
            Self::ShareCheck(check) => check.run(context),
        }
    }
}

impl New {
    fn run(self, context: &Context) -> Result<(), Failure> {
        let output = context.output;
        if self.plan.exists() {
            let message = format!("{} is there already: choose another name", self.plan.display());
            return Err(Failure::new(Kind::Conflict, message));
        }
        let text = ask(&mut Asking(output)).map_err(|unfinished| self.unfinished(unfinished))?;
        write_new(&self.plan, &text).map_err(|error| not_written(&self.plan, &error))?;
        let plan = Plan::parse(&text)?;
        let name = self.plan.display().to_string();
        let ceremonies = context.ceremonies;
        output.result(&json!({ "plan": name, "hash": hex(&plan.hash()) }), || {
            vec![format!(
                "Wrote {name}. Review and change it, then see what it does with `{ceremonies} plan check {name}`."
            )]
        })
    }
}

impl New {
    /// Keeps what was answered beside the plan's place.
    fn unfinished(&self, unfinished: Unfinished) -> Failure {
        let Unfinished { error, draft: Some(draft) } = unfinished else {
            return Failure::usage(format!("{}: begin again", unfinished.error));
        };
        // An error may have lines of its own.
        let why = error.to_string().replace('\n', "\n# ");
        match self.write_draft(&format!("# {why}\n{draft}")) {
            Ok(path) => Failure::usage(format!(
                "{error}. What was answered is in {}: complete it, and give it the plan's name",
                path.display()
            )),
            Err(failure) => failure,
        }
    }

    fn write_draft(&self, text: &str) -> Result<PathBuf, Failure> {
        let beside = |ending: &str| {
            let mut name = self.plan.clone().into_os_string();
            name.push(ending);
            PathBuf::from(name)
        };
        // An earlier draft has answers, too.
        let later = (2..100).map(|number| beside(&format!(".draft.{number}")));
        let mut path = beside(".draft");
        for next in later {
            match write_new(&path, text) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => path = next,
                Err(error) => return Err(not_written(&path, &error)),
                Ok(()) => return Ok(path),
            }
        }
        Err(Failure::new(Kind::Conflict, format!("{} is there already: remove old drafts", path.display())))
    }
}

/// Writes a file that is not there yet.
fn write_new(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o644).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

fn not_written(path: &Path, error: &io::Error) -> Failure {
    Failure::io(format_args!("{} could not be written", path.display()), error)
}

/// Questions on stderr, answers from stdin.
struct Asking(Output);

impl Questions for Asking {
    fn ask(&mut self, question: &str, default: &str) -> Result<String, AskError> {
        let default_shown = if default.is_empty() { String::new() } else { format!(" [{default}]") };
        self.0.prompt(&format!("{question}{default_shown} "));
        let mut line = String::new();
        match io::stdin().lock().read_line(&mut line) {
            Ok(0) => Err(AskError::Gone("the answers ended".to_owned())),
            Ok(_) if line.trim().is_empty() => Ok(default.to_owned()),
            Ok(_) => Ok(line.trim().to_owned()),
            Err(error) => Err(AskError::Gone(error.to_string())),
        }
    }

    fn refuse(&mut self, why: &str) -> Result<(), AskError> {
        self.0.prompt(&format!("Not understood: {why}.\n"));
        Ok(())
    }
}

impl Check {
    fn run(self, output: Output) -> Result<(), Failure> {
        let plan = read_plan(&self.plan)?;
        let findings = findings(&plan);
        let texts = |wanted: bool| -> Vec<&str> {
            let is_missing = |finding: &&Finding| matches!(finding, Finding::Missing(_)) == wanted;
            findings.iter().filter(is_missing).map(Finding::text).collect()
        };
        let (missing, unwise) = (texts(true), texts(false));
        let json = json!({
            "kind": plan.kind.word(),
            "title": plan.title,
            "hash": hex(&plan.hash()),
            "policy": plan.policy.as_ref().map(ToString::to_string),
            "people": plan.people.iter().map(person_json).collect::<Vec<_>>(),
            "steps": plan.steps.iter().map(|step| step.word()).collect::<Vec<_>>(),
            "missing": missing,
            "unwise": unwise,
        });
        output.result(&json, || explained(&plan).lines().map(str::to_owned).collect())?;
        match missing.len() {
            0 => Ok(()),
            1 => Err(Failure::new(Kind::Conflict, "the ceremony would not go through: one thing is missing")),
            many => {
                let message = format!("the ceremony would not go through: {many} things are missing");
                Err(Failure::new(Kind::Conflict, message))
            }
        }
    }
}

fn person_json(person: &Person) -> Value {
    json!({
        "name": person.name,
        "initials": person.initials,
        "roles": person.roles.iter().map(|role| role.word()).collect::<Vec<_>>(),
        "group": person.group,
        "custody": person.custody.as_ref().map(strongroom_ceremony::plan::Custody::word),
    })
}

impl ShareCheck {
    fn run(self, context: &mut Context) -> Result<(), Failure> {
        let text = fs::read_to_string(&self.slots).map_err(|error| {
            Failure::io(format_args!("the slot file {} could not be read", self.slots.display()), &error)
        })?;
        let against = Against::Slots(Box::new(slot_file::decode(&text)?));
        let (Some(path), Some(custodian)) = (&self.register, &self.custodian) else {
            return share::check(context, against).map(drop);
        };
        // What would stop it stops it before anybody types a share.
        let mut open = self.by.open(context, path)?;
        if let Err(failure) = self.enter(context, against, &mut open.register, custodian) {
            open.leave(path);
            return Err(failure);
        }
        let key = open.sign()?;
        context
            .output
            .note(&format!("Entered into {}, and signed by the key of fingerprint {key}.", path.display()));
        Ok(())
    }

    fn enter(
        &self,
        context: &mut Context,
        against: Against,
        register: &mut Register,
        custodian: &str,
    ) -> Result<(), Failure> {
        let shown = share::check(context, against).map_err(|failure| {
            let ceremonies = context.ceremonies;
            let hint = format!("; if it stays so, enter that with `{ceremonies} register fail`");
            Failure::new(failure.kind, failure.message + &hint)
        })?;
        let [(set, shown)] = shown.as_slice() else {
            return Err(Failure::usage("each custodian shows one share: nothing was entered"));
        };
        let group = shown.group.as_deref().map(Public::redacted);
        Ok(register.checked(Share { set: *set, group, index: shown.index }, custodian, self.days)?)
    }
}

fn read_plan(path: &Path) -> Result<Plan, Failure> {
    let text = fs::read_to_string(path);
    let text = text.map_err(|error| {
        Failure::io(format_args!("the plan {} could not be read", path.display()), &error)
    })?;
    Ok(Plan::parse(&text)?)
}
