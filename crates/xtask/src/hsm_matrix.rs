//! What each token can do, and whether Strongroom can live with it: one process for each, since a module is initialised
//! once for a process.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::arguments::Arguments;
use crate::machine;
use crate::shell::{self, Failure, Outcome, Program};
use crate::table::Table;

pub(crate) fn command(arguments: &mut Arguments) -> Outcome {
    let (json, write) = (arguments.flag("--json"), arguments.flag("--write"));
    let only = arguments.word();
    arguments.finish()?;
    let chosen: Vec<&Kind> =
        KINDS.iter().filter(|kind| only.as_ref().is_none_or(|only| kind.name == only)).collect();
    if chosen.is_empty() {
        let names: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
        return Err(Failure::new(format!("there is no such token; the tokens are {}", names.join(", "))));
    }
    if write && only.is_some() {
        return Err(Failure::new("--write stores the table of all tokens: leave out the name"));
    }
    // Standard output is for the table alone.
    if !Program::cargo().words("xtask setup").stream(|line| eprintln!("{line}"))? {
        return Err(Failure::new("`cargo xtask setup` failed: it says above what is missing"));
    }
    if !Program::cargo().words(BUILD).stream(|line| eprintln!("{line}"))? {
        return Err(Failure::new("the probe does not build, so nothing is known"));
    }
    let columns = chosen.into_iter().map(probe).collect::<Result<Vec<_>, _>>()?;
    if json {
        let text = serde_json::to_string_pretty(&columns).map_err(|error| Failure::new(error.to_string()))?;
        println!("{text}");
    } else {
        println!("{}\n{}", capabilities(&columns).text(), life_cycle(&columns).text());
    }
    if write {
        shell::write_file(&shell::root().join(RESULTS), &results(&columns))?;
        eprintln!("written to {RESULTS}");
    }
    verdict(&columns)
}

/// A kind of token that `with-token` makes.
struct Kind {
    name: &'static str,
    title: &'static str,
}

/// What one token answered.
#[derive(Debug, Serialize)]
struct Column {
    token: &'static str,
    title: &'static str,
    #[serde(flatten)]
    probe: Probe,
}

/// What the probe prints.
#[derive(Debug, Deserialize, Serialize)]
struct Probe {
    /// The token's own words: manufacturer, model and firmware.
    describes_itself: String,
    /// What was tried, and what came of it.
    capabilities: Vec<Answer>,
    /// The steps of a key's life, in order.
    life_cycle: Vec<Step>,
}

#[derive(Debug, Deserialize, Serialize)]
struct Answer {
    name: String,
    answer: String,
}

#[derive(Debug, Deserialize, Serialize)]
struct Step {
    name: String,
    passed: bool,
    detail: String,
}

fn probe(kind: &Kind) -> Result<Column, Failure> {
    let mut printed = String::new();
    let succeeded = Program::cargo().words(WITH_TOKEN).arg(kind.name).words(PROBE).stream(|line| {
        printed.push_str(line);
        printed.push('\n');
    })?;
    if !succeeded {
        return Err(Failure::new(format!("the probe of {} failed (see above)", kind.title)));
    }
    let probe = serde_json::from_str(&printed)
        .map_err(|error| Failure::new(format!("the probe of {} printed no JSON: {error}", kind.title)))?;
    Ok(Column { token: kind.name, title: kind.title, probe })
}

/// Capabilities by tokens. A name that only some probes know gets a row too.
fn capabilities(columns: &[Column]) -> Table {
    let answers = |column: &Column, name: &str| {
        let found = column.probe.capabilities.iter().find(|answer| answer.name == name);
        found.map_or_else(|| "not tried".into(), |answer| answer.answer.clone())
    };
    let names = columns.iter().flat_map(|column| &column.probe.capabilities).map(|answer| &answer.name);
    by_token("capability", columns, names, answers)
}

fn life_cycle(columns: &[Column]) -> Table {
    let answers = |column: &Column, name: &str| {
        let found = column.probe.life_cycle.iter().find(|step| step.name == name);
        found.map_or_else(|| "not reached".into(), Step::told)
    };
    let names = columns.iter().flat_map(|column| &column.probe.life_cycle).map(|step| &step.name);
    by_token("step", columns, names, answers)
}

fn by_token<'a>(
    corner: &str,
    columns: &[Column],
    names: impl Iterator<Item = &'a String>,
    answer: impl Fn(&Column, &str) -> String,
) -> Table {
    let titles = columns.iter().map(|column| column.title);
    let mut table = Table::new(&std::iter::once(corner).chain(titles).collect::<Vec<_>>());
    let mut seen: Vec<&String> = Vec::new();
    for name in names {
        if seen.contains(&name) {
            continue;
        }
        seen.push(name);
        let cells = columns.iter().map(|column| answer(column, name));
        table.row(std::iter::once(name.clone()).chain(cells));
    }
    table
}

impl Step {
    fn told(&self) -> String {
        match (self.passed, self.detail.as_str()) {
            (true, "") => "yes".into(),
            (true, detail) => detail.into(),
            (false, detail) => format!("FAILED: {detail}"),
        }
    }
}

/// A token may lack much, but what Strongroom does with it must go well.
fn verdict(columns: &[Column]) -> Outcome {
    let mut failed = Vec::new();
    for column in columns {
        if column.probe.life_cycle.is_empty() {
            failed.push(format!("{}: no step was reached", column.title));
        }
        let steps = column.probe.life_cycle.iter().filter(|step| !step.passed);
        failed.extend(steps.map(|step| format!("{}: {}: {}", column.title, step.name, step.detail)));
    }
    if failed.is_empty() { Ok(()) } else { Err(Failure::new(failed.join("; "))) }
}

fn results(columns: &[Column]) -> String {
    let mut text = String::from(
        "# Tokens and what they can do\n\nWritten by `cargo xtask hsm-matrix --write`. What is configured for which HSM is in \
         [HSM.md](HSM.md).\n\n",
    );
    text.push_str(&machine::description());
    for column in columns {
        let _ = writeln!(text, "- {}: {}", column.title, column.probe.describes_itself);
    }
    text.push_str(
        "\n## Capabilities\n\nTried by calling the module, not read from its list of mechanisms.\n\n",
    );
    text.push_str(&capabilities(columns).markdown());
    text.push_str("\n## A key's life\n\nThrough the crate `strongroom-pkcs11`, in a process of its own.\n\n");
    text.push_str(&life_cycle(columns).markdown());
    text
}

const KINDS: &[Kind] = &[
    Kind { name: "softhsm", title: "SoftHSM" },
    Kind { name: "kryoptic", title: "Kryoptic" },
    Kind { name: "nss", title: "NSS softokn" },
    Kind { name: "network", title: "SoftHSM over p11-kit" },
];

const BUILD: &str = "build --quiet --examples -p strongroom-test-tokens -p strongroom-pkcs11";
const WITH_TOKEN: &str = "run --quiet -p strongroom-test-tokens --example with-token --";
const PROBE: &str =
    "cargo run --quiet -p strongroom-pkcs11 --example capabilities -- {lib} {label} {pin-file}";
const RESULTS: &str = "docs/HSM-MATRIX.md";

#[cfg(test)]
mod tests {
    use super::{Column, capabilities, life_cycle, verdict};

    fn column(title: &'static str, json: &str) -> Column {
        Column { token: title, title, probe: serde_json::from_str(json).unwrap() }
    }

    const ONE: &str = r#"{"describes_itself": "one", "capabilities": [{"name": "GCM", "answer": "yes"}],
        "life_cycle": [{"name": "generate", "passed": true, "detail": ""}]}"#;
    const OTHER: &str = r#"{"describes_itself": "other", "capabilities": [{"name": "GCM", "answer": "no"},
        {"name": "KWP", "answer": "yes"}], "life_cycle": [{"name": "generate", "passed": true, "detail": "RSA"},
        {"name": "sign", "passed": false, "detail": "CKR_MECHANISM_INVALID"}]}"#;

    #[test]
    fn every_capability_has_a_row_and_every_token_a_column() {
        let columns = [column("A", ONE), column("B", OTHER)];
        assert_eq!(
            capabilities(&columns).markdown(),
            "| capability | A         | B   |\n| ---------- | --------- | --- |\n\
             | GCM        | yes       | no  |\n| KWP        | not tried | yes |\n"
        );
        let steps = life_cycle(&columns).markdown();
        assert!(steps.contains("| generate | yes         | RSA "), "{steps}");
        assert!(steps.contains("| sign     | not reached | FAILED: CKR_MECHANISM_INVALID |"), "{steps}");
    }

    #[test]
    fn failed_step_and_token_without_steps_fail_the_whole() {
        assert!(verdict(&[column("A", ONE)]).is_ok());
        let failure = verdict(&[column("A", ONE), column("B", OTHER)]).unwrap_err().to_string();
        assert_eq!(failure, "B: sign: CKR_MECHANISM_INVALID");
        let none = r#"{"describes_itself": "", "capabilities": [], "life_cycle": []}"#;
        assert!(verdict(&[column("A", none)]).is_err());
    }
}
