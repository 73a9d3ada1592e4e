//! The `strongroom` command line; `docs/CLI.md` says what it promises to people and scripts. `strongroom-ceremony` is the part of
//! it that `docs/CEREMONY.md` is about: the rest is not linked into it.
//!
//! | module | sole responsibility |
//! |---|---|
//! | `arguments` | the command line as it is typed |
//! | `commands` | one file for each family of commands |
//! | `config` | the configuration file, and the HSMs that it names
//! | `context` | the options, the output, and the store once it is open |
//! | `shares` | collecting shares from files and people |
//! | `handout` | handing new shares out |
//! | `terminal` | questions to the person at `/dev/tty` |
//! | `signals` | what is cleared, erased and restored before a signal ends the process |
//! | `screen` | a share on a screen of its own, which is cleared however it ends |
//! | `output` | the only place that writes to stdout and stderr, for people or in JSON |
//! | `usage` | what is said about a wrong command line |
//! | `exit` | sorting every error by kind, and so into exit codes |
//! | `demo` | real files through the life of a store, and the proof on its raw bytes |
//!
//! It knows the façade, envelopes, named keys and ceremonies, has no cryptography and no `unsafe`, and blocks on one future at a time.

mod arguments;
mod commands;
#[cfg(feature = "hsm")]
mod config;
mod context;
mod demo;
mod exit;
mod handout;
mod output;
mod progress;
mod screen;
mod shares;
mod signals;
mod terminal;
mod text;
mod usage;

use std::io::{self, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};

use clap::Parser;
use clap::error::ErrorKind;
use strongroom::protection::panic_is_contained;

use crate::arguments::{Arguments, CeremonyArguments, Global};
use crate::context::Context;
use crate::exit::{Failure, Kind};
use crate::output::Output;

/// The program `strongroom`: does what the process's arguments say.
pub fn strongroom() -> ExitCode {
    program("strongroom ceremony", |Arguments { global, command }| {
        (global, |context: &mut Context| commands::run(command, context))
    })
}

/// The program `strongroom-ceremony`.
pub fn ceremony() -> ExitCode {
    program("strongroom-ceremony", |CeremonyArguments { common, command }| {
        (Global::without_store(common), |context: &mut Context| command.run(context))
    })
}

fn program<A: Parser, C>(ceremonies: &'static str, split: impl FnOnce(A) -> (Global, C)) -> ExitCode
where
    C: FnOnce(&mut Context) -> Result<(), Failure>,
{
    quiet_panics();
    signals::watch();
    let (global, command) = match A::try_parse() {
        Ok(arguments) => split(arguments),
        Err(error) => return usage(&error),
    };
    let output = Output::new(global.common.json, global.common.quiet);
    let result = guarded(|| {
        let mut context = Context::new(global, output, ceremonies);
        let result = command(&mut context);
        context.close();
        result
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output.failure(&failure);
            ExitCode::from(failure.kind.code())
        }
    }
}

/// `--help` and `--version` are no errors; a wrong command line is one, in JSON too if that was asked for.
fn usage(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() || error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        // Nobody can be told when the terminal is gone.
        let _ = error.print();
        return if error.use_stderr() { ExitCode::from(Kind::Usage.code()) } else { ExitCode::SUCCESS };
    }
    let json = std::env::args_os().any(|argument| argument == "--json");
    let failure = Failure::usage(usage::message(error));
    Output::new(json, false).failure(&failure);
    ExitCode::from(failure.kind.code())
}

/// Does the work. A panic in it is a failure like others: it wipes the keys on its way.
fn guarded(work: impl FnOnce() -> Result<(), Failure>) -> Result<(), Failure> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        let place = PANICKED.lock().unwrap_or_else(PoisonError::into_inner).take().unwrap_or_default();
        Err(Failure::new(
            Kind::Failure,
            format!(
                "this is a fault in strongroom ({place}): please report it. Whether the command was carried out is not known; \
                 `strongroom check` tells what state the store is in"
            ),
        ))
    })
}

/// A panic's message could carry a value, so only its place is told.
fn quiet_panics() {
    std::panic::set_hook(Box::new(|panic| {
        // Storage makes an error of it, which says what is damaged.
        if panic_is_contained() {
            return;
        }
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        if std::thread::current().name() != Some(MAIN_THREAD) {
            let _ =
                writeln!(io::stderr(), "a thread of strongroom ended by a fault ({place}): please report it");
        }
        *PANICKED.lock().unwrap_or_else(PoisonError::into_inner) = Some(place);
    }));
}

/// Where the last panic was.
static PANICKED: Mutex<Option<String>> = Mutex::new(None);
/// As the standard library calls it.
const MAIN_THREAD: &str = "main";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_a_failure_that_repeats_no_value() {
        quiet_panics();
        let value = String::from("hunter2");
        let failure = guarded(|| panic!("{value}")).unwrap_err();
        assert_eq!(failure.kind, Kind::Failure);
        assert!(failure.message.contains("lib.rs:") && !failure.message.contains("hunter2"), "{failure}");
        assert!(guarded(|| Ok(())).is_ok());
    }
}
