//! `status`.

use clap::Args;
use serde_json::{Value, json};
use strongroom::{RotationPolicy, TermState, TermStatus};

use crate::context::Context;
use crate::exit::Failure;
use crate::text::{date, entries, slot_json, slot_line};

/// Tell what a store is.
#[derive(Args)]
pub(crate) struct Status {}

impl Status {
    #[expect(clippy::unused_self, reason = "as all commands")]
    pub(crate) fn run(self, context: &mut Context) -> Result<(), Failure> {
        let output = context.output;
        if !context.global.common.share_files.is_empty() {
            context.store()?;
        }
        let sealed = context.sealed()?;
        let open = match &context.session {
            Some(store) => Some(store.barrier().status()?),
            None => None,
        };
        let slots: Vec<Value> = sealed.slots().slots().iter().map(slot_json).collect();
        let value = json!({
            "store": sealed.store().to_string(),
            "directory": context.directory().display().to_string(),
            "sealed": open.is_none(),
            "slots_generation": sealed.slots().generation(),
            "slots": slots,
            "open": open.as_ref().map(open_json),
        });
        output.result(&value, || {
            let mut lines = vec![
                format!("{}  {}", output.bold("store"), sealed.store()),
                format!("{}  {}", output.bold("in   "), context.directory().display()),
                format!("{}  {}", output.bold("state"), if open.is_none() { "sealed" } else { "open" }),
            ];
            lines.extend(
                sealed
                    .slots()
                    .slots()
                    .iter()
                    .map(|slot| format!("{}  {}", output.bold("slot "), slot_line(slot))),
            );
            if let Some(status) = &open {
                lines.push(format!(
                    "{}  {}, commit {}, keyring {}, names {}",
                    output.bold("holds"),
                    entries(status.entries),
                    status.sequence,
                    status.keyring_generation,
                    status.names_generation
                ));
                lines.extend(
                    status.terms.iter().map(|term| format!("{}  {}", output.bold("term "), term_line(term))),
                );
                if status.rewrap_pending {
                    lines.push(
                        "Some entries may still be under old keys: `strongroom rewrap` seals them anew."
                            .into(),
                    );
                }
            }
            lines
        })
    }
}

fn open_json(status: &strongroom::Status) -> Value {
    let RotationPolicy { max_age, max_seals } = status.rotation;
    json!({
        "sequence": status.sequence,
        "entries": status.entries,
        "keyring_generation": status.keyring_generation,
        "names_generation": status.names_generation,
        "leaving_names_generation": status.leaving_names_generation,
        "active_term": status.active_term.get(),
        "rewrap_pending": status.rewrap_pending,
        "rotation": { "max_age_seconds": max_age, "max_seals": max_seals },
        "terms": status.terms.iter().map(term_json).collect::<Vec<_>>(),
    })
}

/// A term's number, state, dates and counts.
pub(crate) fn term_json(term: &TermStatus) -> Value {
    let info = term.info;
    json!({
        "term": info.term.get(),
        "state": info.state.name(),
        "installed": info.installed,
        "left": (info.left > 0).then_some(info.left),
        "entries": term.usage.live,
        "seals": if info.state == TermState::Destroyed { info.seals } else { term.usage.seals },
    })
}

fn term_line(term: &TermStatus) -> String {
    let info = term.info;
    let left = match info.state {
        TermState::Active => String::new(),
        _ => format!(", {} {}", info.state.name(), date(info.left)),
    };
    // The front cuts the word "term" and its number's blank.
    format!("{}; since {}{left}", term.to_string().trim_start_matches("term "), date(info.installed))
}
