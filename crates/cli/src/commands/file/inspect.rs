//! `file inspect`.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use strongroom_envelope::stream::{self, HeaderSlots};

use super::batch::{Batch, Done, Outcome, Task, with_path};
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
        if self.files.iter().any(|file| places::is_standard(file)) {
            return Err(Failure::usage(
                "files are inspected, and not stdin: name them (one that is called `-`: ./-)",
            ));
        }
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
    let Some((file, metadata, header)) = places::encrypted(found)? else {
        return Ok(Outcome::PassedOver("not encrypted"));
    };
    let spare = stream::inspect(&file)?.slots() == HeaderSlots::Alike;
    let (key, size) = (shown(header.name()), metadata.len());
    let path = shown(found.path.display());
    let note = if spare {
        ""
    } else {
        "; one of its two headers is damaged or older: `strongroom file rewrap` mends it"
    };
    let line = format!("{path}: version {} of {key}, {}{note}", header.version(), bytes(size));
    let fields = json!({
        "key": header.name(), "version": header.version(), "size": size, "spare_header": spare,
    });
    let fields = with_path(fields, "file", &found.path);
    Ok(Outcome::Done(Done { fields, line, written: 0, size }))
}
