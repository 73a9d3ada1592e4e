//! `ceremony verify` and `ceremony report`.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;
use strongroom_ceremony::audit::{Fingerprint, FingerprintError};
use strongroom_ceremony::report;
use strongroom_ceremony::transcript::{Account, Outcome, verify};

use crate::exit::Failure;
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
        Ok(verify(&bytes, &self.key)?)
    }
}

impl Verify {
    pub(crate) fn run(self, output: Output) -> Result<(), Failure> {
        let account = self.sealed.account()?;
        let outcome = outcome(account.outcome());
        let (lines, exceptions) = (account.chain().entries().count(), account.exceptions().count());
        let json = json!({
            "kind": account.kind(), "title": account.title(), "plan": hex(account.plan()), "outcome": outcome,
            "rehearsal": account.is_rehearsal(), "entries": lines, "exceptions": exceptions,
            "key": self.sealed.key.to_string(),
        });
        output.result(&json, || {
            let rehearsal = if account.is_rehearsal() { ", a REHEARSAL" } else { "" };
            vec![
                format!("{}: the transcript is whole and sealed by this key.", output.good("Good")),
                format!("Ceremony: {} ({}{rehearsal}), {outcome}", quoted(account.title()), account.kind()),
                format!("Plan: {}", hex(account.plan())),
                format!("{lines} entries, {exceptions} of them exceptions"),
            ]
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
