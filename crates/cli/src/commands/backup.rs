//! `backup create|inspect|verify`.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read as _, Write as _};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use pollster::block_on;
use serde_json::{Value, json};
use strongroom::backup::{Backup as Copy, VerifiedBackup};

use crate::context::Context;
use crate::exit::{Failure, Kind};
use crate::handout::create_private;
use crate::output::Output;
use crate::progress::Bar;
use crate::shares;
use crate::text::{bytes, counted, date, entries, slot_json, slot_line};

/// Copies of the store.
#[derive(Subcommand)]
pub(crate) enum Backup {
    /// Write a copy of the store as it is now, sealed as it is, opening every record on the way.
    Create(OfFile),
    /// Tell whose copy a backup is, of when, and which shares open it.
    Inspect(OfFile),
    /// Check everything in a backup. Takes the shares of its time.
    Verify(OfFile),
}

/// A backup.
#[derive(Args)]
pub(crate) struct OfFile {
    /// The file.
    file: PathBuf,
}

impl Backup {
    pub(crate) fn run(self, context: &mut Context) -> Result<(), Failure> {
        match self {
            Self::Create(OfFile { file }) => create(&file, context),
            Self::Inspect(OfFile { file }) => inspect(&file, context.output),
            Self::Verify(OfFile { file }) => {
                let (verified, about) = unseal(&file, context)?;
                let value =
                    json!({ "file": file.display().to_string(), "entries": verified.entries(), "ok": true });
                context.output.result(&value, || {
                    vec![format!(
                        "Nothing is wrong: {about}, {}, every record opened.",
                        entries(verified.entries())
                    )]
                })
            }
        }
    }
}

/// Writes beside the file first, so that a backup of that name is always a whole one.
fn create(path: &Path, context: &mut Context) -> Result<(), Failure> {
    let failed =
        |error| Failure::io(format_args!("the backup {} could not be written", path.display()), &error);
    if path.exists() {
        return Err(Failure::new(
            Kind::Conflict,
            format!("{} exists already and was left as it is: choose another name", path.display()),
        ));
    }
    let output = context.output;
    let store = context.store()?;
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    let part = PathBuf::from(part);
    remove_leftover(&part)?;
    let file = create_private(&part).map_err(|error| {
        Failure::io(format_args!("the backup could not be written to {}", part.display()), &error)
    })?;
    let bar = Bar::entries(output, "copying");
    let written = block_on(store.backup(BufWriter::new(file), |done, total| bar.at(done, total)));
    drop(bar);
    let finished = written.map_err(Failure::from).and_then(|(mut out, report)| {
        out.flush().and_then(|()| out.get_ref().sync_all()).map_err(failed)?;
        // A link refuses to write over a file that came meanwhile, which a rename would.
        fs::hard_link(&part, path).map_err(failed)?;
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(parent).and_then(|parent| parent.sync_all()).map_err(failed)?;
        Ok(report)
    });
    // Under its other name it is whole, or it is of no use.
    let _ = fs::remove_file(&part);
    let report = finished?;
    let value = json!({
        "file": path.display().to_string(), "store": store.id().to_string(), "sequence": report.sequence,
        "entries": report.entries, "bytes": report.bytes,
    });
    output.result(&value, || {
        vec![
            format!(
                "Wrote {}: commit {}, {}, {}; every record opened on the way.",
                path.display(),
                report.sequence,
                counted(report.entries, "record", "records"),
                bytes(report.bytes)
            ),
            "It opens with the shares and the HSM keys of today: keep it no longer than you trust those who hold them, and keep the keys."
                .to_owned(),
        ]
    })
}

/// Removes what a backup that was killed has left; nothing else that has this name.
fn remove_leftover(part: &Path) -> Result<(), Failure> {
    let failed = |error| {
        Failure::io(format_args!("{}, left by an earlier backup, is in the way", part.display()), &error)
    };
    let metadata = match fs::symlink_metadata(part) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        metadata => metadata.map_err(failed)?,
    };
    let mut start = Vec::new();
    if metadata.is_file() {
        let length = u64::try_from(MAGIC.len()).unwrap_or(u64::MAX);
        File::open(part).map_err(failed)?.take(length).read_to_end(&mut start).map_err(failed)?;
        if start.is_empty() || start == MAGIC {
            return fs::remove_file(part).map_err(failed);
        }
    }
    Err(Failure::new(
        Kind::Conflict,
        format!(
            "{} is in the way: the backup is written there first, and this is none that was interrupted. Move it away, or \
             choose another name",
            part.display()
        ),
    ))
}

fn inspect(path: &Path, output: Output) -> Result<(), Failure> {
    let backup = open_backup(path)?;
    let slots: Vec<Value> = backup.slots().slots().iter().map(slot_json).collect();
    let value = json!({
        "file": path.display().to_string(), "store": backup.store().to_string(), "created": backup.created(),
        "sequence": backup.sequence(), "slots": slots,
    });
    output.result(&value, || {
        let mut lines = vec![
            format!("{}   {}", output.bold("store"), backup.store()),
            format!("{}   {}, commit {}", output.bold("of   "), date(backup.created()), backup.sequence()),
            "It opens with the shares and HSM keys of these slots, as they were then:".to_owned(),
        ];
        lines.extend(backup.slots().slots().iter().map(|slot| format!("  {}", slot_line(slot))));
        lines.push("None of this is proved before `strongroom backup verify`.".to_owned());
        lines
    })
}

/// Reads what a backup tells to anybody.
pub(crate) fn open_backup(path: &Path) -> Result<Copy<File>, Failure> {
    let file = File::open(path).map_err(|error| {
        Failure::io(format_args!("the backup {} could not be read", path.display()), &error)
    })?;
    Ok(Copy::open(file)?)
}

/// Collects the shares of a backup's time and checks all of it.
pub(crate) fn unseal(path: &Path, context: &mut Context) -> Result<(VerifiedBackup<File>, String), Failure> {
    context.protect()?;
    let (output, hsm) = (context.output, context.hsm()?);
    let backup = open_backup(path)?;
    let about = format!("backup of store {} from {}", backup.store(), date(backup.created()));
    let sets: Vec<String> =
        backup.slots().slots().iter().map(|slot| format!("  {}", slot_line(slot))).collect();
    let mut unsealing = backup.unsealing();
    let files = &context.global.common.share_files;
    shares::collect(output, files, &hsm, &mut unsealing, &format!("the {about}")).map_err(|failure| {
        Failure::new(
            failure.kind,
            format!(
                "{}. It opens with the shares and HSM keys of its own time:\n{}",
                failure.message,
                sets.join("\n")
            ),
        )
    })?;
    let bar = Bar::entries(output, "checking");
    let verified = unsealing.verify(|done, total| bar.at(done, total))?;
    Ok((verified, about))
}

/// How a backup begins (`docs/FORMATS.md`).
const MAGIC: &[u8] = b"SRBACKUP";
