//! `ceremony run`.

use std::env;
use std::fs::{self, DirBuilder};
use std::io::{self, BufReader};
use std::os::unix::fs::DirBuilderExt as _;
#[cfg(feature = "hsm")]
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
#[cfg(feature = "hsm")]
use std::process;
use std::sync::Arc;

use clap::Args;
use serde_json::json;
use strongroom_ceremony::audit::Fingerprint;
use strongroom_ceremony::hsm::Tokens;
#[cfg(feature = "hsm")]
use strongroom_ceremony::hsm::{Rehearsal, hsms};
use strongroom_ceremony::plan::{Allowance, Plan};
use strongroom_ceremony::run::conversation::{Console, Conversation, Full, Plain};
use strongroom_ceremony::run::record::Record;
use strongroom_ceremony::run::{CeremonyError, Ended, Seal, Setting, TRANSCRIPT, is_begun, places, run};
use strongroom_ceremony::transcript::Transcript;
use zeroize::Zeroizing;

use super::read_plan;
#[cfg(feature = "hsm")]
use crate::config;
use crate::context::Context;
use crate::exit::{Failure, Kind};
use crate::output::Output;
use crate::screen::{Guarded, Screen};
use crate::signals::Farewell;
use crate::terminal;
use crate::text::hex;

/// Hold a ceremony.
#[derive(Args)]
pub(crate) struct Run {
    /// The plan.
    #[arg(value_name = "PLAN")]
    plan: PathBuf,
    /// Line by line, and not on the whole screen.
    #[arg(long)]
    plain: bool,
    /// Everything against a store, shares and SoftHSM tokens to throw away. Every page is marked.
    #[arg(long, conflicts_with = "resume")]
    rehearse: bool,
    /// Go on with a ceremony that was interrupted, or whose cooling-off time is over.
    #[arg(long)]
    resume: bool,
}

impl Run {
    pub(crate) fn run(self, context: &mut Context) -> Result<(), Failure> {
        let plan = read_plan(&self.plan)?;
        if !self.rehearse {
            self.check_place(&plan)?;
            if !terminal::is_present() {
                return Err(Failure::usage(
                    "a ceremony is held by people at a terminal, and there is none. A rehearsal (--rehearse) takes its answers \
                     from stdin",
                ));
            }
        }
        context.protect_with(plan.allow.contains(&Allowance::CoreDumps))?;
        let output = context.output;
        let hsm = self.tokens(&plan, output)?;
        let seal = Seal::of(&plan, hsm.as_ref(), self.rehearse)?;
        let setting = Setting { hsm, rehearsal: self.rehearse, ..Setting::default() };
        let path = self.transcript_path(&plan)?;
        let (mut transcript, _) = Transcript::open(&path, setting.clock, seal)?;
        let _farewell = Farewell::new(self.farewell(context.ceremonies));
        let ended = self.talk(&plan, setting, &mut transcript, output)?;
        let sealed = match ended {
            Ended::Cooling { .. } => None,
            Ended::Complete | Ended::Aborted => transcript.close().map_err(CeremonyError::unsigned)?,
        };
        tell(output, &plan, ended, &path, sealed, transcript.hash())
    }

    /// Whoever begins does not go on with something by mistake, and the other way round.
    fn check_place(&self, plan: &Plan) -> Result<(), Failure> {
        let output = plan.output.display();
        match (is_begun(plan), self.resume) {
            (true, false) => Err(Failure::new(
                Kind::Conflict,
                format!(
                    "a ceremony was begun in {output} already: go on with it by --resume, or give the plan another output \
                     directory"
                ),
            )),
            (false, true) => {
                let message = format!("no ceremony was begun in {output}: begin it without --resume");
                Err(Failure::new(Kind::NotFound, message))
            }
            _ => Ok(()),
        }
    }

    #[cfg(feature = "hsm")]
    fn tokens(&self, plan: &Plan, output: Output) -> Result<Arc<dyn Tokens>, Failure> {
        if !self.rehearse {
            let hsms = hsms(plan)?.asking(config::ask_pin).warning(move |text| output.warning(text));
            let hsms = Arc::new(hsms);
            hsms.mix_randomness();
            return Ok(hsms);
        }
        let variable = env::var_os(Rehearsal::VARIABLE);
        if let Some(rehearsal) = Rehearsal::prepared(plan, variable.as_deref().map(Path::new)) {
            return Ok(Arc::new(rehearsal.hsms(plan)?));
        }
        let Some(rehearsal) = Rehearsal::prepare(plan)? else { return Ok(Arc::new(strongroom::NoHsm)) };
        // SoftHSM reads the variable of its own process, so this command is started once more with it.
        let error = process::Command::new(OWN_PROGRAM)
            .args(env::args_os().skip(1))
            .env(Rehearsal::VARIABLE, rehearsal.configuration())
            .exec();
        Err(Failure::io("the rehearsal could not be started with its tokens", &error))
    }

    #[cfg(not(feature = "hsm"))]
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "as with HSMs")]
    fn tokens(&self, _: &Plan, _: Output) -> Result<Arc<dyn Tokens>, Failure> {
        Ok(Arc::new(strongroom::NoHsm))
    }

    /// Where the transcript is: beside the rehearsal's directory, which is made anew, or within the ceremony's own.
    fn transcript_path(&self, plan: &Plan) -> Result<PathBuf, Failure> {
        places::fit(plan)?;
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&plan.output);
        made.map_err(|error| {
            Failure::io(format_args!("the directory {} could not be made", plan.output.display()), &error)
        })?;
        places::is_ours(&plan.output)?;
        if !self.rehearse {
            return Ok(plan.output.join(TRANSCRIPT));
        }
        let path = plan.output.join("rehearsal.jsonl");
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(Failure::io(format_args!("{} could not be removed", path.display()), &error))
            }
            _ => Ok(path),
        }
    }

    /// What is said when a signal ends it.
    fn farewell(&self, ceremonies: &str) -> String {
        let plan = self.plan.display();
        if self.rehearse {
            format!("The rehearsal stopped. `{ceremonies} run {plan} --rehearse` begins it anew.")
        } else {
            format!("The ceremony stopped. `{ceremonies} run {plan} --resume` goes on with it.")
        }
    }

    fn talk(
        &self,
        plan: &Plan,
        setting: Setting,
        record: &mut dyn Record,
        output: Output,
    ) -> Result<Ended, Failure> {
        if !terminal::is_present() {
            // One byte at a time, since the answers that do not show come from the same input.
            let input = BufReader::with_capacity(1, io::stdin());
            let console = Console::new(input, io::stdout(), Box::new(stdin_line));
            return hold(plan, setting, &mut Plain::new(console), record);
        }
        // One byte at a time, so that nothing is read ahead of its question.
        let input = BufReader::with_capacity(1, terminal::Lines::open()?);
        let [shown, typed] = [terminal::open(), terminal::open()];
        let (shown, typed) = (shown.map_err(terminal::unreadable)?, typed.map_err(terminal::unreadable)?);
        let console = Console::new(input, Guarded(shown), Box::new(terminal_line))
            .discarding(Box::new(move || terminal::discard(&typed)))
            .with_screens(Box::new(|| {
                let screen = Screen::enter().map_err(|failure| io::Error::other(failure.message))?;
                Ok(Box::new(screen))
            }));
        if self.plain || env::var_os("TERM").is_none_or(|term| term == "dumb") {
            return hold(plan, setting, &mut Plain::new(console), record);
        }
        let mut full = Full::new(console).map_err(|gone| Failure::new(Kind::Failure, gone.to_string()))?;
        let ended = hold(plan, setting, &mut full, record);
        for line in full.close() {
            output.note(&line);
        }
        ended
    }
}

fn hold(
    plan: &Plan,
    setting: Setting,
    people: &mut dyn Conversation,
    record: &mut dyn Record,
) -> Result<Ended, Failure> {
    Ok(run(plan, setting, people, record)?)
}

fn tell(
    output: Output,
    plan: &Plan,
    ended: Ended,
    path: &Path,
    sealed: Option<Fingerprint>,
    hash: [u8; 32],
) -> Result<(), Failure> {
    let (word, until, line) = match ended {
        Ended::Complete => ("complete", None, format!("\"{}\" is complete.", plan.title)),
        Ended::Cooling { until } => {
            let line = format!(
                "Go on with --resume when the cooling-off time is over. The transcript's last line has the hash {}: write it \
                 down, and compare it then.",
                hex(&hash)
            );
            ("cooling-off", Some(until), line)
        }
        Ended::Aborted => ("aborted", None, format!("\"{}\" was aborted.", plan.title)),
    };
    let key = sealed.map(|key| key.to_string());
    let (path, key_shown) = (path.display().to_string(), key.clone());
    let json = json!({ "ended": word, "until": until, "transcript": path, "sealed_by": key });
    output.result(&json, || {
        let sealed = key_shown.map_or_else(
            || format!("The transcript, {path}, is not sealed."),
            |key| format!("The transcript, {path}, is sealed by the key of fingerprint {key}."),
        );
        vec![line, sealed]
    })?;
    match ended {
        Ended::Aborted => Err(Failure::new(Kind::Failure, "")),
        Ended::Complete | Ended::Cooling { .. } => Ok(()),
    }
}

fn stdin_line() -> io::Result<Zeroizing<String>> {
    let mut line = Zeroizing::new(String::new());
    match io::stdin().read_line(&mut line)? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(line),
    }
}

fn terminal_line() -> io::Result<Zeroizing<String>> {
    match terminal::ask_hidden("") {
        Ok(Some(line)) => Ok(line),
        Ok(None) => Err(io::ErrorKind::UnexpectedEof.into()),
        Err(failure) => Err(io::Error::other(failure.message)),
    }
}

#[cfg(feature = "hsm")]
/// This program, even if another lies in its place by now.
const OWN_PROGRAM: &str = "/proc/self/exe";
