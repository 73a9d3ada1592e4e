//! `ceremony verify` and `ceremony report`.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};
use strongroom_ceremony::audit::{Fingerprint, FingerprintError, Signed};
use strongroom_ceremony::report;
use strongroom_ceremony::transcript::{Account, Outcome, verify};

use super::read_plan;
use crate::exit::{Failure, Kind};
use crate::output::Output;
use crate::text::{hex, quoted};

/// A transcript, and the key that must have sealed it.
#[derive(Args)]
pub(crate) struct Sealed {
    /// The transcript.
    #[arg(value_name = "TRANSCRIPT")]
    transcript: PathBuf,
    /// The fingerprint of the key that must have sealed it, from the printed plan.
    #[arg(long, value_name = "FINGERPRINT", value_parser = parse_fingerprint)]
    key: Fingerprint,
    /// Hold it against the plan as well: its hash, the key that seals it, and the keys of those who co-sign.
    #[arg(long, value_name = "PLAN")]
    plan: Option<PathBuf>,
}

/// Check a transcript.
#[derive(Args)]
pub(crate) struct Verify {
    #[command(flatten)]
    sealed: Sealed,
}

/// Report on a transcript.
#[derive(Args)]
pub(crate) struct Report {
    #[command(flatten)]
    sealed: Sealed,
    /// Write a page of HTML into this file, instead of text to stdout. None is overwritten.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

impl Sealed {
    fn account(&self) -> Result<Account, Failure> {
        let path = self.transcript.display();
        let bytes = fs::read(&self.transcript)
            .map_err(|error| Failure::io(format_args!("the transcript {path} could not be read"), &error))?;
        let account = verify(&bytes, &self.key)?;
        let Some(plan) = &self.plan else { return Ok(account) };
        let wrong: Vec<String> =
            account.mismatches(&read_plan(plan)?).iter().map(ToString::to_string).collect();
        if wrong.is_empty() {
            return Ok(account);
        }
        let wrong = wrong.join("; ");
        Err(Failure::new(
            Kind::Damaged,
            format!("the transcript {path} is whole, but not as the plan {} has it: {wrong}", plan.display()),
        ))
    }
}

impl Verify {
    pub(crate) fn run(self, output: Output) -> Result<(), Failure> {
        let account = self.sealed.account()?;
        let outcome = outcome(account.outcome());
        let (entries, exceptions) = (account.chain().entries().count(), account.exceptions().count());
        let json = json!({
            "kind": account.kind(), "title": account.title(), "plan": hex(account.plan()), "outcome": outcome,
            "rehearsal": account.is_rehearsal(), "requested_by": account.requested_by(), "entries": entries, "exceptions": exceptions,
            "key": self.sealed.key.to_string(), "signed_by": account.chain().signed().iter().filter_map(signed_json).collect::<Vec<_>>(),
            "plan_compared": self.sealed.plan.is_some(),
        });
        output.result(&json, || {
            let rehearsal = if account.is_rehearsal() { ", a REHEARSAL" } else { "" };
            let mut lines = vec![
                format!("{}: the transcript is whole and sealed by this key.", output.good("Good")),
                format!("Ceremony: {} ({}{rehearsal}), {outcome}", quoted(account.title()), account.kind()),
                format!("Plan: {}", hex(account.plan())),
                format!("{entries} entries, {exceptions} of them exceptions"),
            ];
            for signed in account.chain().signed() {
                if let Some(name) = signed.name() {
                    lines.push(format!("Co-signed by {}, key {}", quoted(name), signed.key().fingerprint()));
                }
            }
            lines
        })
    }
}

impl Report {
    pub(crate) fn run(self, output: Output) -> Result<(), Failure> {
        let account = self.sealed.account()?;
        match &self.html {
            Some(path) => {
                write_new(path, &report::html(&account))?;
                let name = path.display().to_string();
                output.result(&json!({ "file": name }), || vec![format!("Wrote {name}.")])
            }
            None => output.lines(&report::text(&account).lines().map(str::to_owned).collect::<Vec<_>>()),
        }
    }
}

fn signed_json(signed: &Signed) -> Option<Value> {
    Some(json!({ "name": signed.name()?, "key": signed.key().fingerprint().to_string() }))
}

fn write_new(path: &Path, text: &str) -> Result<(), Failure> {
    let failed = |error| Failure::io(format_args!("{} could not be written", path.display()), &error);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o644).open(path).map_err(failed)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)
}

fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Complete => "complete",
        Outcome::Aborted => "aborted",
        Outcome::Unfinished => "unfinished",
    }
}

pub(super) fn parse_fingerprint(text: &str) -> Result<Fingerprint, String> {
    text.parse().map_err(|error: FingerprintError| error.to_string())
}
