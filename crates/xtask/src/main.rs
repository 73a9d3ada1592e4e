//! The commands of the project itself: `cargo xtask COMMAND`.
//!
//! Needs nothing but cargo to start, and builds in seconds: all heavy work is done by programs that it runs.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program that talks to a person on a terminal"
)]

mod arguments;
mod bench;
mod evidence;
mod fuzz;
mod hsm_faults;
mod hsm_matrix;
mod kryoptic;
mod lint;
mod machine;
mod memcheck;
mod setup;
mod shell;
mod stages;
mod static_build;
mod table;
mod test;
mod tidy;
mod vectors;

use std::process::ExitCode;

use arguments::Arguments;
use shell::{Failure, Outcome};

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let name = words.next().unwrap_or_else(|| "help".into());
    if ["help", "--help", "-h"].contains(&name.as_str()) {
        print!("{}", overview());
        return ExitCode::SUCCESS;
    }
    let Some(command) = COMMANDS.iter().find(|command| command.name == name) else {
        eprintln!("error: there is no command `{name}`\n\n{}", overview());
        return ExitCode::from(2);
    };
    let words: Vec<String> = words.collect();
    if words.iter().any(|word| word == "--help" || word == "-h") {
        println!("cargo xtask {} {}\n\n{}", command.name, command.usage, command.help);
        return ExitCode::SUCCESS;
    }
    let mut arguments = Arguments::new(words);
    match (command.run)(&mut arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn overview() -> String {
    let line = |command: &Command| {
        format!("  {:<10} {}\n", command.name, command.help.lines().next().unwrap_or_default())
    };
    let lines: String = COMMANDS.iter().map(line).collect();
    format!("cargo xtask COMMAND [OPTIONS]\n\n{lines}\ncargo xtask COMMAND --help tells more.\n")
}

struct Command {
    name: &'static str,
    usage: &'static str,
    help: &'static str,
    run: fn(&mut Arguments) -> Outcome,
}

const COMMANDS: &[Command] = &[
    Command {
        name: "setup",
        usage: "[--check]",
        help: "Says what the tests need on a fresh Debian machine, and installs what is missing.\n\
               System packages come from apt-get, as root; otherwise the exact command is printed and this fails.\n\
               Python packages go into a virtual environment in cargo's target directory, never into the system.\n\
               Kryoptic, a token for the tests, is built there once, from its source in the registry.\n\n\
               --check   only reports; fails when something is missing",
        run: setup::command,
    },
    Command {
        name: "test",
        usage: "[--quick]",
        help: "Runs setup, then everything that proves the workspace.\n\
               All tests with all features, doc tests, the pure-Rust provider alone, the vectors' independent\n\
               implementation in Python, and the constant-time check under valgrind.\n\n\
               --quick   leaves out what needs a second build (named in the closing summary)",
        run: test::command,
    },
    Command {
        name: "lint",
        usage: "",
        help: "Formatting, clippy with warnings denied, and tidy.",
        run: lint::command,
    },
    Command {
        name: "doc",
        usage: "",
        help: "Builds the documentation of the workspace's own crates with warnings denied.",
        run: lint::doc,
    },
    Command {
        name: "tidy",
        usage: "",
        help: "Checks the architecture: who depends on whom, where `unsafe` may be, what lies where.",
        run: tidy::command,
    },
    Command {
        name: "memcheck",
        usage: "",
        help: "Splits and combines a poisoned secret under valgrind: no branch or address may depend on it.\n\
               A table-driven control must be caught, or the check itself is broken.",
        run: memcheck::command,
    },
    Command {
        name: "vectors",
        usage: "",
        help: "Holds the test vectors against the independent implementation in Python.\n\
               `cargo xtask setup` installs what that needs.",
        run: vectors::command,
    },
    Command {
        name: "fuzz",
        usage: "--list | --smoke [--seconds N] | --seed | TARGET [--hours H | --seconds N]",
        help: "Fuzzes the parsers that meet untrusted bytes (libFuzzer, on stable Rust).\n\n\
               --list       names the targets\n\
               --smoke      builds all targets and runs each for N seconds (2 unless told) from its seed corpus\n\
               --seed       writes the seed corpora anew into fuzz/corpus\n\
               TARGET       runs one target until stopped, or for H hours; the result is noted in fuzz/RESULTS.md.\n\
               \x20            What it finds stays in the target directory; copy a crash into fuzz/regressions/TARGET",
        run: fuzz::command,
    },
    Command {
        name: "bench",
        usage: "[--smoke] [--json] [--write] [FILTER]",
        help: "Measures, and prints each figure beside its ratio to the limit measured in the same run.\n\n\
               --smoke   runs everything once and as briefly as it goes: proves that it runs, not how fast\n\
               --json    prints an array of {\"id\",\"value\",\"unit\",\"ratio\",\"against\"} and nothing else on standard output\n\
               --write   stores the table in benches/RESULTS.md with machine and date\n\
               FILTER    measures only programs with this in their name",
        run: bench::command,
    },
    Command {
        name: "evidence",
        usage: "[--json] [--write] [FILTER]",
        help: "Runs the short form of every proof and prints id, figure, requirement and verdict.\n\
               Fails when a proof fails, and when one prints nothing.\n\n\
               --json    prints an array of {\"id\",\"figure\",\"requirement\",\"verdict\",\"command\"} on standard output\n\
               --write   stores the table in docs/EVIDENCE.md with machine and date\n\
               FILTER    runs only proofs with this in their id",
        run: evidence::command,
    },
    Command {
        name: "static",
        usage: "",
        help: "Builds the ceremonies' program without HSMs, linked statically, and runs it where there is nothing else.\n\
               Several minutes, since everything is built anew; as root, for chroot.",
        run: static_build::command,
    },
    Command {
        name: "hsm-faults",
        usage: "[--write]",
        help: "Answers each call that a store makes to its token with every code and with lies, and looks what becomes of it.\n\
               Twenty minutes; `cargo xtask test` runs a short form.\n\n\
               --write   stores the result in docs/HSM-FAULTS.md with machine and date",
        run: hsm_faults::command,
    },
    Command {
        name: "hsm-matrix",
        usage: "[--json] [--write] [TOKEN]",
        help: "Tries what each token can do, takes a key through its life there, and prints the table.\n\
               Every token is real, is made for this, and is removed. Fails when a step of a key's life fails.\n\n\
               --json    prints an array, one object for each token, and nothing else on standard output\n\
               --write   stores the tables in docs/HSM-MATRIX.md with machine and date\n\
               TOKEN     tries this one alone: softhsm, kryoptic, nss or network",
        run: hsm_matrix::command,
    },
];
