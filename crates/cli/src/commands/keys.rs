//! `rotate` and `rewrap`.

use clap::{Args, ValueEnum};
use pollster::block_on;
use serde_json::{Value, json};
use strongroom::{RewrapOutcome, Store};

use crate::context::Context;
use crate::exit::{Failure, Kind};
use crate::output::Output;
use crate::progress::Bar;
use crate::text::{bytes, date, entries, rate, rounded, seconds};

/// Replace a key.
#[derive(Args)]
pub(crate) struct Rotate {
    /// Which key.
    #[arg(value_enum, default_value_t = What::Term)]
    what: What,
}

/// What is rotated.
#[derive(Clone, Copy, ValueEnum)]
enum What {
    /// The term: the key under which values are sealed from now on.
    Term,
    /// The root key, which the slots wrap. Shares stay what they are.
    Root,
}

impl Rotate {
    pub(crate) fn run(self, context: &mut Context) -> Result<(), Failure> {
        let output = context.output;
        let store = context.store()?;
        match self.what {
            What::Term => {
                let term = block_on(store.barrier().rotate())?.get();
                output.result(&json!({ "term": term }), || {
                    vec![
                        format!("New values are sealed under term {term} from now on."),
                        "`strongroom rewrap` seals the old ones anew and destroys their keys.".to_owned(),
                    ]
                })
            }
            What::Root => {
                block_on(store.rotate_root())?;
                let generation = store.slots()?.generation();
                output.result(&json!({ "root_generation": generation }), || {
                    vec![format!(
                        "There is a new root key (generation {generation}). The shares stay what they are."
                    )]
                })
            }
        }
    }
}

/// Seal anew what is under old keys.
#[derive(Args)]
pub(crate) struct Rewrap {}

impl Rewrap {
    #[expect(clippy::unused_self, reason = "as all commands")]
    pub(crate) fn run(self, context: &mut Context) -> Result<(), Failure> {
        let output = context.output;
        let outcome = rewrap(output, context.store()?)?;
        output.result(&outcome_json(&outcome), || outcome_lines(&outcome))
    }
}

/// Rewraps with a bar.
pub(crate) fn rewrap(output: Output, store: &Store) -> Result<RewrapOutcome, Failure> {
    let bar = Bar::entries(output, "rewrapping");
    let outcome = block_on(store.rewrap(|progress| {
        bar.title(match progress.phase {
            "names" => "moving",
            "proof" => "proving",
            _ => "rewrapping",
        });
        bar.at(progress.done, progress.total)
    }));
    outcome.map_err(|error| {
        let failure = Failure::from(error);
        match failure.kind {
            Kind::NoRoom => Failure::new(
                failure.kind,
                format!(
                    "{}. A rewrap needs about as much free room as the values that it seals anew take; make room, and \
                     `strongroom rewrap` goes on where it stopped",
                    failure.message
                ),
            ),
            _ => failure,
        }
    })
}

/// A rewrap's report in JSON.
pub(crate) fn outcome_json(outcome: &RewrapOutcome) -> Value {
    let report = &outcome.report;
    let destroyed: Vec<Value> = outcome
        .destroyed
        .iter()
        .map(|term| {
            json!({
                "term": term.term.get(), "installed": term.installed, "destroyed": term.left, "seals": term.seals,
            })
        })
        .collect();
    json!({
        "term": report.target.get(),
        "resealed": report.resealed,
        "moved": report.moved,
        "resealed_before": report.before,
        "proved": report.proved,
        "bytes": report.bytes,
        "seconds": report.elapsed.as_secs_f64(),
        "entries_per_second": rate(report.resealed, report.elapsed),
        "destroyed": destroyed,
        "root_generation": outcome.root_generation,
    })
}

/// The same, for people.
pub(crate) fn outcome_lines(outcome: &RewrapOutcome) -> Vec<String> {
    let report = &outcome.report;
    let pace = rate(report.resealed, report.elapsed)
        .filter(|_| report.resealed > 0)
        .map(|rate| format!(", {} entries/s", rounded(rate)))
        .unwrap_or_default();
    let earlier = match report.before {
        0 => String::new(),
        before => format!(", {before} more by earlier runs"),
    };
    let mut lines = vec![
        format!(
            "Sealed anew: {} ({}) in {}{pace}{earlier}.",
            entries(report.resealed),
            bytes(report.bytes),
            seconds(report.elapsed)
        ),
        format!("Proved: all {} are under term {}.", entries(report.proved), report.target.get()),
    ];
    lines.extend(outcome.destroyed.iter().map(|term| {
        format!(
            "Destroyed: the key of term {}, in use since {}, which had sealed {} records.",
            term.term.get(),
            date(term.installed),
            term.seals
        )
    }));
    if !outcome.destroyed.is_empty() {
        lines.push(
            "Images and backups from before stay readable to whoever has them and the shares of their time: destroy them \
             when they are no longer needed."
                .to_owned(),
        );
    }
    lines
}
