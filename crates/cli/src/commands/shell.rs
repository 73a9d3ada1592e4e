//! `shell`: unseals once, then takes commands line by line.

mod idle;
mod words;

use std::io::{self, BufRead as _, IsTerminal as _};
use std::time::Duration;

use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser};
use rustyline::error::ReadlineError;

use self::idle::{Session, Taken};
use crate::arguments::Command;
use crate::commands;
use crate::context::Context;
use crate::exit::{Failure, Kind};
use crate::output::Output;
use crate::signals;
use crate::terminal::Settings;
use crate::usage;

/// Take commands until `exit`.
#[derive(Args)]
pub(crate) struct Shell {
    /// Seal the store and end when no command comes for so many seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..))]
    idle: u64,
    /// In a script, go on after a command that failed; the exit code is that of the last failure.
    #[arg(long)]
    keep_going: bool,
}

/// One line.
#[derive(Parser)]
#[command(name = "strongroom", no_binary_name = true)]
struct Line {
    /// Write one JSON value for this command.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: LineCommand,
}

/// What a line can say.
#[derive(clap::Subcommand)]
enum LineCommand {
    /// Seal the store and end.
    #[command(visible_aliases = ["quit", "seal"])]
    Exit,
    #[command(flatten)]
    Command(Box<Command>),
}

/// Whether another line is wanted.
enum Next {
    Line,
    End,
}

impl Shell {
    pub(crate) fn run(self, context: &mut Context) -> Result<(), Failure> {
        if context.in_shell {
            return Err(Failure::usage("this is a shell already"));
        }
        context.store()?;
        context.in_shell = true;
        let interactive = io::stdin().is_terminal();
        let output = context.output;
        if interactive {
            output.note(&format!(
                "The store is open. `help` lists the commands, `exit` seals it, and so do {} seconds without a command.",
                self.idle
            ));
        }
        let outage = context.seal_after_outage()?;
        let session = Session::start(context, Duration::from_secs(self.idle), outage, interactive);
        let result =
            if interactive { Self::converse(context, &session) } else { self.script(context, &session) };
        session.end(context);
        context.in_shell = false;
        result
    }

    fn converse(context: &mut Context, session: &Session) -> Result<(), Failure> {
        let failed = |error: &ReadlineError| {
            Failure::new(Kind::Failure, format!("the terminal could not be read: {error}"))
        };
        // No history file: names are secrets too.
        let mut editor = rustyline::DefaultEditor::new().map_err(|error| failed(&error))?;
        loop {
            let settings = Settings::keep();
            let line = signals::stoppable(|| editor.readline("strongroom> "));
            drop(settings);
            let line = match line {
                Ok(line) => line,
                Err(ReadlineError::Interrupted) => continue,
                Err(ReadlineError::Eof) => return Ok(()),
                Err(error) => return Err(failed(&error)),
            };
            match Self::line(&line, context, session) {
                Ok(Next::Line) => {}
                Ok(Next::End) => return Ok(()),
                Err(failure) if session.is_over() => return Err(failure),
                Err(failure) => context.output.failure(&failure),
            }
        }
    }

    fn script(&self, context: &mut Context, session: &Session) -> Result<(), Failure> {
        let mut last = Ok(());
        let mut number = 0_u64;
        // Line by line without the lock, which a command that asks for a value would wait for.
        loop {
            let mut line = zeroize::Zeroizing::new(String::new());
            let read = io::stdin().lock().read_line(&mut line);
            if read.map_err(|error| Failure::io("the commands could not be read from stdin", &error))? == 0 {
                return last;
            }
            number += 1;
            match Self::line(&line, context, session) {
                Ok(Next::Line) => {}
                Ok(Next::End) => return last,
                Err(failure) => {
                    let failure = Failure::new(failure.kind, format!("line {number}: {}", failure.message));
                    if !self.keep_going || session.is_over() {
                        return Err(failure);
                    }
                    context.output.failure(&failure);
                    last = Err(Failure::new(failure.kind, "at least one command failed"));
                }
            }
        }
    }

    fn line(line: &str, context: &mut Context, session: &Session) -> Result<Next, Failure> {
        let words = words::split(line).map_err(Failure::usage)?;
        if words.is_empty() {
            return Ok(Next::Line);
        }
        let parsed = match parse(words) {
            Ok(parsed) => parsed,
            Err(error) if error.use_stderr() => return Err(Failure::usage(usage::message(&error))),
            Err(help) => {
                context.output.lines(&[help.to_string()])?;
                return Ok(Next::Line);
            }
        };
        let command = match parsed.command {
            LineCommand::Exit => {
                return Ok(Next::End);
            }
            LineCommand::Command(command) => *command,
        };
        if let Command::Init(_)
        | Command::Restore(_)
        | Command::Shell(_)
        | Command::Demo(_)
        | Command::Ceremony(_)
        | Command::Man(_) = command
        {
            return Err(Failure::usage("this works outside a shell only: leave it with `exit` first"));
        }
        if let Taken::Sealed(why) = session.take(context) {
            return Err(Failure::new(Kind::Sealed, why));
        }
        let before = context.output;
        if parsed.json {
            context.output = Output::new(true, before.quiet);
        }
        let result = commands::run(command, context);
        context.output = before;
        session.put_back(context);
        result.map(|()| Next::Line)
    }
}

/// Reads a line. Its help lists only what works in a shell.
fn parse(words: Vec<String>) -> Result<Line, clap::Error> {
    let hide = |command: clap::Command, name: &&'static str| {
        command.mut_subcommand(*name, |outside| outside.hide(true))
    };
    let command = OUTSIDE.iter().fold(Line::command(), hide);
    Line::from_arg_matches(&command.try_get_matches_from(words)?)
}

const OUTSIDE: [&str; 7] = ["init", "restore", "shell", "demo", "ceremony", "completions", "man"];
