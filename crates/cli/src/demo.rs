//! `demo`: real files through the whole life of a store, and the proof that nothing of them shows.

mod files;
mod proof;
mod search;
mod steps;
mod story;

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use self::files::{Files, workspace_root};
use self::steps::Steps;
use self::story::Workplace;
use crate::context::Context;
use crate::exit::{Failure, Kind};
use crate::text::{bytes, counted, seconds};

/// Protect the files of a directory.
#[derive(Args)]
pub(crate) struct Demo {
    /// The directory. [default: the source of the Cargo workspace that you are in]
    directory: Option<PathBuf>,
    /// Keep the store and its shares in this new directory, instead of deleting them.
    #[arg(long, value_name = "PATH")]
    keep: Option<PathBuf>,
}

/// Runs it.
pub(crate) fn run(demo: &Demo, context: &mut Context) -> Result<(), Failure> {
    let output = context.output;
    let directory = match &demo.directory {
        Some(directory) => directory.clone(),
        None => workspace_root()?,
    };
    context.protect()?;
    let mut steps = Steps::new(output);
    let files =
        steps.files("read the files", || Files::read(&directory), |files| (files.count(), files.bytes()))?;
    if files.count() == 0 {
        return Err(Failure::new(Kind::NotFound, format!("{} has no files to protect", directory.display())));
    }
    let workplace = Workplace::new(demo.keep.as_deref())?;
    let shares = story::run(&workplace, &files, &mut steps)?;
    let proof = proof::run(&workplace, &files, &shares, &mut steps)?;
    let total = steps.total();
    let ok = proof.holds();
    let value = json!({
        "directory": directory.display().to_string(),
        "files": files.count(),
        "bytes": files.bytes(),
        "skipped": files.skipped_json(),
        "steps": steps.json(),
        "proof": proof.json(),
        "seconds": total.as_secs_f64(),
        "ok": ok,
    });
    output.result(&value, || {
        let mut lines = vec![
            format!(
                "{}: {} ({}){}",
                directory.display(),
                counted(files.count(), "file", "files"),
                bytes(files.bytes()),
                files.skipped_text()
            ),
            String::new(),
        ];
        lines.extend(steps.table());
        lines.push(String::new());
        lines.extend(proof.lines(output));
        lines.push(format!("All in {}.", seconds(total)));
        if demo.keep.is_some() {
            lines.push(format!("Kept in {}.", workplace.path().display()));
        }
        lines
    })?;
    if ok { Ok(()) } else { Err(Failure::new(Kind::Damaged, "the proof failed: the lines above say where")) }
}
