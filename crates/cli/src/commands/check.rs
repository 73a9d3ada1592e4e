//! `check`.

use clap::Args;
use pollster::block_on;
use serde_json::{Value, json};
use strongroom::StoreCheck;

use crate::context::Context;
use crate::exit::{Failure, Kind};
use crate::progress::Bar;
use crate::text::{bytes, counted, entries, hex};

/// Read everything.
#[derive(Args)]
pub(crate) struct Check {}

impl Check {
    #[expect(clippy::unused_self, reason = "as all commands")]
    pub(crate) fn run(self, context: &mut Context) -> Result<(), Failure> {
        let output = context.output;
        let store = context.store()?;
        let bar = Bar::entries(output, "checking");
        let check = block_on(store.check(|done, total| bar.at(done, total)))?;
        drop(bar);
        output.result(&check_json(&check), || {
            let report = &check.entries;
            let mut lines: Vec<String> = report
                .findings
                .iter()
                .map(|finding| {
                    let place = finding
                        .path
                        .clone()
                        .unwrap_or_else(|| format!("storage key {}", hex(&finding.place)));
                    format!("{} {place}: {}", output.bad("damaged"), finding.problem)
                })
                .collect();
            if !check.slots_intact {
                lines.push(format!(
                    "{} the slots in storage are not those of the keyring",
                    output.bad("damaged")
                ));
            }
            if !check.keyring_intact {
                lines.push(format!("{} the keyring in storage does not open", output.bad("damaged")));
            }
            let verdict =
                if check.is_clean() { output.good("Nothing is wrong") } else { output.bad("Damaged") };
            lines.push(format!(
                "{verdict}: {} of {}, {}; slots and keyring compared.",
                counted(report.values, "value", "values"),
                bytes(report.bytes),
                counted(report.directories, "directory", "directories")
            ));
            lines
        })?;
        if check.is_clean() {
            return Ok(());
        }
        let found = check.entries.found + u64::from(!check.slots_intact) + u64::from(!check.keyring_intact);
        let verb = if found == 1 { "is" } else { "are" };
        Err(Failure::new(
            Kind::Damaged,
            format!(
                "{} {verb} damaged. The rest can be read: save it, then restore the store from a backup",
                entries(found)
            ),
        ))
    }
}

fn check_json(check: &StoreCheck) -> Value {
    let report = &check.entries;
    let findings: Vec<Value> = report
        .findings
        .iter()
        .map(|finding| {
            json!({ "place": hex(&finding.place), "path": finding.path, "problem": finding.problem.to_string() })
        })
        .collect();
    let terms: Vec<Value> = report
        .by_term
        .iter()
        .map(|(term, entries)| json!({ "term": term.get(), "entries": entries }))
        .collect();
    json!({
        "clean": check.is_clean(),
        "values": report.values,
        "directories": report.directories,
        "bytes": report.bytes,
        "terms": terms,
        "slots_intact": check.slots_intact,
        "keyring_intact": check.keyring_intact,
        "found": report.found,
        "findings": findings,
    })
}
