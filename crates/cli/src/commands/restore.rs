//! `restore`.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use pollster::block_on;
use serde_json::json;
use strongroom::causes::StorageOpenError;
use strongroom::{DiskStorage, OpenError, SealedStore};

use super::backup::unseal;
use crate::context::Context;
use crate::exit::{Failure, Kind};
use crate::handout::write_private;
use crate::progress::Bar;
use crate::text::entries;

/// Make a store from a backup.
#[derive(Args)]
pub(crate) struct Restore {
    /// The backup. The store is made in --store, where there must not be one yet.
    file: PathBuf,
}

impl Restore {
    pub(crate) fn run(self, context: &mut Context) -> Result<(), Failure> {
        let output = context.output;
        let directory = context.directory().to_owned();
        clear(&directory)?;
        // Everything is checked before the first byte is written.
        let (verified, about) = unseal(&self.file, context)?;
        mark(&directory)?;
        let storage = DiskStorage::create(&directory)?;
        let bar = Bar::entries(output, "restoring");
        let restored = block_on(verified.restore(Arc::new(storage), |done, total| bar.at(done, total)));
        drop(bar);
        let report = restored.map_err(|error| {
            let failure = Failure::from(error);
            Failure::new(
                failure.kind,
                format!(
                    "{}. What lies in {} is no store: the next restore there clears it away",
                    failure.message,
                    directory.display()
                ),
            )
        })?;
        fs::remove_file(directory.join(UNFINISHED))
            .map_err(|error| Failure::io("the mark of an unfinished restore could not be removed", &error))?;
        let value = json!({
            "store": report.store.to_string(), "directory": directory.display().to_string(),
            "sequence": report.sequence, "entries": report.entries,
        });
        output.result(&value, || {
            vec![
                format!("Restored {} in {}: {about}.", entries(report.entries), directory.display()),
                "It opens with the shares and HSM keys of the backup's time. If others have replaced them since: `strongroom rekey`."
                    .to_owned(),
            ]
        })
    }
}

/// Whether a restore has begun to fill a directory, and has not come to its end.
pub(crate) fn is_unfinished(directory: &Path) -> bool {
    directory.join(UNFINISHED).exists()
}

/// Makes sure that the directory is absent or empty; what a restore that was interrupted has left there is removed.
fn clear(directory: &Path) -> Result<(), Failure> {
    let failed =
        |error| Failure::io(format_args!("the directory {} could not be read", directory.display()), &error);
    let mut names = Vec::new();
    match directory.read_dir() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => {
            for entry in entries.map_err(failed)? {
                names.push(entry.map_err(failed)?.file_name());
            }
        }
    }
    if names.is_empty() {
        return Ok(());
    }
    let marked = names.iter().any(|name| name == UNFINISHED);
    let foreign = names.iter().any(|name| name != UNFINISHED && !STORAGE.iter().any(|ours| name == ours));
    if !marked || foreign || holds_a_store(directory)? {
        return Err(Failure::new(
            Kind::Conflict,
            format!(
                "{} is not empty, and was left as it is: choose a new directory with --store",
                directory.display()
            ),
        ));
    }
    // The mark goes last: whatever interrupts this, the next restore goes on with it.
    let (marks, files): (Vec<_>, Vec<_>) = names.iter().partition(|name| *name == UNFINISHED);
    files.into_iter().chain(marks).try_for_each(|name| fs::remove_file(directory.join(name))).map_err(
        |error| {
            Failure::io(
                format_args!(
                    "what an interrupted restore left in {} could not be removed",
                    directory.display()
                ),
                &error,
            )
        },
    )
}

/// Whether the restore had come to its end, all but the mark.
fn holds_a_store(directory: &Path) -> Result<bool, Failure> {
    match DiskStorage::open(directory) {
        Ok(storage) => match block_on(SealedStore::open(Arc::new(storage))) {
            Err(OpenError::NoStore) => Ok(false),
            _ => Ok(true),
        },
        Err(StorageOpenError::NotFound { .. }) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Marks the directory as one that a restore has begun to fill.
fn mark(directory: &Path) -> Result<(), Failure> {
    let failed = |error| Failure::io(format_args!("{} could not be made", directory.display()), &error);
    DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(failed)?;
    fs::set_permissions(directory, fs::Permissions::from_mode(0o700)).map_err(failed)?;
    write_private(&directory.join(UNFINISHED), b"A restore fills this directory.\n").map_err(failed)
}

const UNFINISHED: &str = "restore-unfinished";
/// What storage makes in a directory.
const STORAGE: [&str; 5] = ["lock", "log.0", "log.1", "strongroom.redb", "strongroom.redb.new"];
