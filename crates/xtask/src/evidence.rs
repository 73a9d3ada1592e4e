//! The short form of every proof: what an auditor runs first.
//!
//! A proof is a test, an example or a command that prints one line on standard output, as often by way of
//! `cargo test … -- --nocapture`:
//!
//! ```text
//! evidence: id=shamir/subsets figure=8,160 subsets recover, 4,072 smaller ones do not verdict=pass
//! ```
//!
//! The figure is free text, counted when the proof ran and never typed; the verdict is `pass` or `fail`. [`PROOFS`] is the registry: an id, the requirement in
//! words, and the cargo command that prints the line. Proofs with the same command share one run of it. A proof fails
//! when it says so, when its command fails, and when it prints nothing: a test that was silently skipped proves nothing.
//! So does a line whose id is not in the registry, and an id that was printed twice.

#[cfg(test)]
mod catalogue;
mod proofs;

use serde::Serialize;

use self::proofs::{BUILD, PROOFS, Proof};
use crate::arguments::Arguments;
use crate::machine;
use crate::shell::{self, Failure, Outcome, Program};
use crate::table::Table;

pub(crate) fn command(arguments: &mut Arguments) -> Outcome {
    let (json, write) = (arguments.flag("--json"), arguments.flag("--write"));
    let filter = arguments.word().unwrap_or_default();
    arguments.finish()?;
    let chosen: Vec<&Proof> = PROOFS.iter().filter(|proof| proof.id.contains(&filter)).collect();
    if chosen.is_empty() {
        return Err(Failure::new(format!("no proof has `{filter}` in its id")));
    }
    // What memcheck and the vectors need; standard output is for the table alone.
    if !Program::cargo().words("xtask setup").stream(|line| eprintln!("{line}"))? {
        return Err(Failure::new("`cargo xtask setup` failed: it says above what is missing"));
    }
    if filter.is_empty() && !Program::cargo().words(BUILD).stream(|line| eprintln!("{line}"))? {
        return Err(Failure::new("the tests do not build, so nothing is proved"));
    }
    let rows = prove(&chosen)?;
    if json {
        let text = serde_json::to_string_pretty(&rows).map_err(|error| Failure::new(error.to_string()))?;
        println!("{text}");
    } else {
        print!("{}", table(&rows).text());
    }
    if write {
        shell::write_file(&shell::root().join(RESULTS), &results(&rows))?;
        eprintln!("written to {RESULTS}");
    }
    let failed: Vec<&str> =
        rows.iter().filter(|row| row.verdict != PASS).map(|row| row.id.as_str()).collect();
    eprintln!("{} passed, {} failed", rows.len() - failed.len(), failed.len());
    if failed.is_empty() { Ok(()) } else { Err(Failure::new(format!("not proved: {}", failed.join(", ")))) }
}

/// One proof, carried out.
#[derive(Debug, Serialize)]
struct Row {
    id: String,
    figure: String,
    requirement: String,
    verdict: &'static str,
    command: String,
}

/// A line that a proof printed.
#[derive(Debug, PartialEq)]
struct Line {
    id: String,
    figure: String,
    pass: bool,
}

fn prove(proofs: &[&Proof]) -> Result<Vec<Row>, Failure> {
    let mut rows = Vec::new();
    let mut commands: Vec<&str> = Vec::new();
    for proof in proofs {
        if !commands.contains(&proof.cargo) {
            commands.push(proof.cargo);
        }
    }
    for command in commands {
        let mut lines = Vec::new();
        let succeeded = Program::cargo().words(command).stream(|line| {
            eprintln!("{line}");
            lines.extend(parse(line));
        })?;
        rows.extend(judge(command, proofs, &lines, succeeded));
    }
    // In the order of the registry, whatever ran first; what it does not know comes last.
    rows.sort_by_key(|row| proofs.iter().position(|proof| proof.id == row.id).unwrap_or(proofs.len()));
    Ok(rows)
}

/// The verdicts on the proofs of one command, from what it printed.
fn judge(command: &str, proofs: &[&Proof], lines: &[Line], succeeded: bool) -> Vec<Row> {
    let of_command = proofs.iter().filter(|proof| proof.cargo == command);
    let mut rows: Vec<Row> = of_command
        .map(|proof| {
            let mut printed = lines.iter().filter(|line| line.id == proof.id);
            let (figure, pass) = match (printed.next(), printed.next()) {
                (None, _) => ("printed nothing".to_string(), false),
                (Some(_), Some(_)) => ("printed more than once".to_string(), false),
                (Some(line), None) if !succeeded => (format!("{}; its command failed", line.figure), false),
                (Some(line), None) => (line.figure.clone(), line.pass),
            };
            row(proof.id, figure, proof.requirement, pass, command)
        })
        .collect();
    for line in lines {
        if !PROOFS.iter().chain(proofs.iter().copied()).any(|proof| proof.id == line.id) {
            rows.push(row(&line.id, line.figure.clone(), "(not in the registry)", false, command));
        }
    }
    rows
}

fn row(id: &str, figure: String, requirement: &str, pass: bool, command: &str) -> Row {
    let verdict = if pass { PASS } else { "fail" };
    Row {
        id: id.into(),
        figure,
        requirement: requirement.into(),
        verdict,
        command: format!("cargo {command}"),
    }
}

/// Reads an `evidence:` line, wherever in the line it begins. One that is misspelt counts as a failure, not as nothing.
fn parse(line: &str) -> Option<Line> {
    let (_, rest) = line.split_once("evidence: id=")?;
    let (id, rest) = rest.split_once(" figure=").unwrap_or((rest.trim(), ""));
    let (figure, verdict) = rest.rsplit_once(" verdict=").unwrap_or((rest, ""));
    Some(Line { id: id.into(), figure: figure.into(), pass: verdict.trim() == PASS })
}

fn table(rows: &[Row]) -> Table {
    let mut table = Table::new(&["id", "figure", "requirement", "verdict"]);
    for row in rows {
        table.row([row.id.clone(), row.figure.clone(), row.requirement.clone(), row.verdict.to_string()]);
    }
    table
}

fn results(rows: &[Row]) -> String {
    let mut text = String::from("# Evidence\n\nWritten by `cargo xtask evidence --write`.\n\n");
    text.push_str(&machine::description());
    text.push_str(&table(rows).markdown());
    text
}

const PASS: &str = "pass";
const RESULTS: &str = "docs/EVIDENCE.md";

#[cfg(test)]
mod tests {
    use super::{Line, PROOFS, Proof, judge, parse};

    const CLAIM: Proof = Proof { id: "a/b", requirement: "holds", cargo: "test" };

    fn verdict(printed: &[&str], succeeded: bool) -> &'static str {
        let lines: Vec<Line> = printed.iter().filter_map(|line| parse(line)).collect();
        judge("test", &[&CLAIM], &lines, succeeded)[0].verdict
    }

    #[test]
    fn line_is_read_wherever_it_begins() {
        let line = parse("test x ... evidence: id=a/b figure=12 points = all verdict=pass").unwrap();
        assert_eq!(line, Line { id: "a/b".into(), figure: "12 points = all".into(), pass: true });
    }

    #[test]
    fn proof_passes_only_when_it_says_so_once_and_its_command_succeeds() {
        let good = "evidence: id=a/b figure=1 verdict=pass";
        assert_eq!(verdict(&[good], true), "pass");
        assert_eq!(verdict(&[good], false), "fail");
        assert_eq!(verdict(&[good, good], true), "fail");
        assert_eq!(verdict(&["evidence: id=a/b figure=1 verdict=fail"], true), "fail");
        assert_eq!(verdict(&["evidence: id=a/b verdict pass"], true), "fail");
    }

    #[test]
    fn proof_that_printed_nothing_fails() {
        assert_eq!(verdict(&["test result: ok. 0 passed"], true), "fail");
    }

    #[test]
    fn line_that_no_row_names_is_a_failure() {
        let lines = [Line { id: "stray".into(), figure: String::new(), pass: true }];
        let rows = judge("test", &[&CLAIM], &lines, true);
        assert!(rows.iter().any(|row| row.id == "stray" && row.verdict == "fail"));
    }

    #[test]
    fn ids_are_unique() {
        let mut ids: Vec<_> = PROOFS.iter().map(|proof| proof.id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), PROOFS.len());
    }
}
