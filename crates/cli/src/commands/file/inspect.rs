//! `file inspect`.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::batch::{Batch, Done, Outcome, Task};
use super::places::{self, Found, Place};
use crate::exit::Failure;
use crate::output::Output;
use crate::text::{bytes, shown};

/// Tell what files are under.
#[derive(Args)]
pub(crate) struct Inspect {
    /// The files, and with --recursive directories.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Take the encrypted files in directories, too, and in those below.
    #[arg(long, short)]
    recursive: bool,
}

impl Inspect {
    pub(crate) fn run(self, output: Output) -> Result<(), Failure> {
        let alone = self.files.len() == 1 && !self.recursive;
        let mut batch = Batch::new(output, Task::Inspect, None, alone);
        for place in places::find(&self.files, self.recursive) {
            match place {
                Place::File(found) => batch.take(&found.path, 0, inspect(&found)),
                Place::Other(path, why) => batch.take(&path, 0, Ok(Outcome::PassedOver(why))),
                Place::Refused(path, failure) => batch.take(&path, 0, Err(failure)),
            }
        }
        batch.end(false)
    }
}

fn inspect(found: &Found) -> Result<Outcome, Failure> {
    let (file, metadata) = places::open(&found.path, false)?;
    if places::is_other(found, &file)? {
        return Ok(Outcome::PassedOver("not encrypted"));
    }
    let header = places::header(&file)?;
    let (path, key, size) = (found.path.display().to_string(), shown(header.name()), metadata.len());
    let line = format!("{}: version {} of {key}, {}", shown(&path), header.version(), bytes(size));
    let fields = json!({ "file": path, "key": header.name(), "version": header.version(), "size": size });
    Ok(Outcome::Done(Done { fields, line, written: 0, size }))
}
