//! Runs the scripts in `tests/scripts`: what is typed, and what must come back.
//!
//! ```text
//! # a remark
//! % a line of sh that is put before every command that follows
//! $ a command for sh, in a directory of the script's own
//! a line of stdout, in which [..] stands for any text
//! ...
//! 2> a line of stderr
//! exit 4
//! ```
//!
//! A line `...` (or `2> ...`) stands for any number of lines. Without `exit` the command must succeed; what it does not say
//! of stderr must not come.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// A command and what it must do.
struct Step {
    line: usize,
    prelude: String,
    command: String,
    stdout: Vec<String>,
    stderr: Vec<String>,
    exit: i32,
}

fn parse(script: &str) -> Vec<Step> {
    let mut prelude = String::new();
    let mut steps: Vec<Step> = Vec::new();
    for (line, text) in (1..).zip(script.lines()) {
        if let Some(more) = text.strip_prefix("% ") {
            writeln!(prelude, "{more}").unwrap();
        } else if let Some(command) = text.strip_prefix("$ ") {
            steps.push(Step {
                line,
                prelude: prelude.clone(),
                command: command.to_owned(),
                stdout: Vec::new(),
                stderr: Vec::new(),
                exit: 0,
            });
        } else if text.is_empty() || text.starts_with("# ") {
        } else {
            let step = steps.last_mut().unwrap_or_else(|| panic!("line {line} comes before any command"));
            if let Some(code) = text.strip_prefix("exit ") {
                step.exit = code.parse().unwrap();
            } else if let Some(error) = text.strip_prefix("2> ") {
                step.stderr.push(error.to_owned());
            } else {
                step.stdout.push(text.to_owned());
            }
        }
    }
    steps
}

/// Whether the lines are those that were expected.
fn lines_match(expected: &[String], lines: &[&str]) -> bool {
    match (expected.split_first(), lines.split_first()) {
        (None, None) => true,
        (Some((any, rest)), line) if any == "..." => {
            lines_match(rest, lines) || line.is_some_and(|(_, later)| lines_match(expected, later))
        }
        (Some((pattern, rest)), Some((line, later))) => {
            line_matches(pattern, line) && lines_match(rest, later)
        }
        _ => false,
    }
}

fn line_matches(pattern: &str, line: &str) -> bool {
    let mut parts = pattern.split("[..]");
    let Some(mut rest) = line.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        let Some(at) = rest.find(part) else { return false };
        rest = rest.get(at + part.len()..).unwrap_or_default();
    }
    false
}

fn run(script: &Path) -> Vec<String> {
    let directory = tempfile::tempdir().unwrap();
    let binary = Path::new(env!("CARGO_BIN_EXE_strongroom"));
    let path =
        format!("{}:{}", binary.parent().unwrap().display(), std::env::var("PATH").unwrap_or_default());
    let mut failures = Vec::new();
    for step in parse(&fs::read_to_string(script).unwrap()) {
        let output = Command::new("sh")
            .args(["-c", &format!("{}{}", step.prelude, step.command)])
            .current_dir(directory.path())
            .env_clear()
            .envs([("PATH", path.as_str()), ("LC_ALL", "C.UTF-8"), ("STRONGROOM_STORE", "store")])
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        let out: Vec<&str> = stdout.lines().filter(|line| !line.is_empty()).collect();
        // Whether the machine swaps is not the test's business.
        let err: Vec<&str> =
            stderr.lines().filter(|line| !line.is_empty() && !line.contains("this machine swaps")).collect();
        let code = output.status.code().unwrap_or(-1);
        if code != step.exit || !lines_match(&step.stdout, &out) || !lines_match(&step.stderr, &err) {
            failures.push(format!(
                "{}:{}: $ {}\nstdout:\n{}\nstderr:\n{}\nexit {code}, expected {}\nexpected stdout {:#?}\nexpected stderr {:#?}",
                script.display(),
                step.line,
                step.command,
                stdout.trim_end(),
                stderr.trim_end(),
                step.exit,
                step.stdout,
                step.stderr
            ));
        }
    }
    failures
}

#[test]
fn every_script_does_what_it_says() {
    let only = std::env::var("SCRIPT").ok();
    let mut scripts: Vec<_> = fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/scripts"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .filter(|path| {
            only.as_ref().is_none_or(|only| path.file_stem().is_some_and(|stem| stem == only.as_str()))
        })
        .collect();
    scripts.sort();
    assert!(!scripts.is_empty());
    let failures: Vec<String> = std::thread::scope(|scope| {
        let running: Vec<_> = scripts.iter().map(|script| scope.spawn(|| run(script))).collect();
        running.into_iter().flat_map(|script| script.join().unwrap()).collect()
    });
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

#[test]
fn the_runner_notices_what_differs() {
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    assert!(lines_match(&lines("a\n...\nc [..] e"), &["a", "b", "b", "c d e"]));
    assert!(!lines_match(&lines("a\n...\nc [..] e"), &["a", "b", "c d f"]));
    assert!(!lines_match(&lines("a"), &["a", "b"]));
    assert!(!lines_match(&lines("a\nb"), &["a"]));
    assert!(line_matches("[..]\"kind\":\"usage\"[..]", "{\"error\":{\"kind\":\"usage\"}}"));
    assert!(!line_matches("ab[..]bc", "abc"));
}
