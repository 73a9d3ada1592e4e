//! The `strongroom` command line; `docs/CLI.md` says what it promises to people and scripts.
//!
//! | module | sole responsibility |
//! |---|---|
//! | `arguments` | the command line as it is typed |
//! | `commands` | one file for each family of commands |
//! | `context` | the options, the output, and the store once it is open |
//! | `shares` | collecting shares from files and people |
//! | `handout` | handing new shares out |
//! | `terminal` | questions to the person at `/dev/tty` |
//! | `screen` | a share on a screen of its own, which is cleared however it ends |
//! | `output` | the only place that writes to stdout and stderr, for people or in JSON |
//! | `exit` | sorting every error by kind, and so into exit codes |
//! | `demo` | real files through the life of a store, and the proof on its raw bytes |
//!
//! It knows the façade alone, has no cryptography and no `unsafe`, and blocks on one future at a time.

mod arguments;
mod commands;
mod context;
mod demo;
mod exit;
mod handout;
mod output;
mod progress;
mod screen;
mod shares;
mod terminal;
mod text;

use std::process::ExitCode;

use clap::Parser as _;

use crate::arguments::Arguments;
use crate::context::Context;
use crate::exit::Kind;
use crate::output::{Output, error_json};

fn main() -> ExitCode {
    quiet_panics();
    screen::watch_signals();
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return usage(&error),
    };
    let output = Output::new(arguments.global.json, arguments.global.quiet);
    let mut context = Context::new(arguments.global, output);
    let result = commands::run(arguments.command, &mut context);
    context.close();
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
    if error.use_stderr() && std::env::args_os().any(|argument| argument == "--json") {
        let _ = std::io::Write::write_fmt(
            &mut std::io::stderr(),
            format_args!("{}\n", error_json(Kind::Usage, error.to_string().trim())),
        );
        return ExitCode::from(Kind::Usage.code());
    }
    // Nobody can be told when the terminal is gone.
    let _ = error.print();
    if error.use_stderr() { ExitCode::from(Kind::Usage.code()) } else { ExitCode::SUCCESS }
}

/// A panic's message could carry a value, so only its place is told.
fn quiet_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let _ = std::io::Write::write_fmt(
            &mut std::io::stderr(),
            format_args!(
                "error: this is a fault in strongroom ({place}). The store is as safe as after a loss of power: what was \
                 acknowledged is kept. Run `strongroom check`, and report the fault\n"
            ),
        );
    }));
}
