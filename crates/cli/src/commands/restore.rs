//! `restore`.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use pollster::block_on;
use serde_json::json;
use strongroom::DiskStorage;

use super::backup::unseal;
use crate::context::Context;
use crate::exit::Failure;
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
        if directory.exists() && directory.read_dir().is_ok_and(|mut files| files.next().is_some()) {
            return Err(Failure::new(
                crate::exit::Kind::Conflict,
                format!(
                    "{} is not empty, and was left as it is: choose a new directory with --store",
                    directory.display()
                ),
            ));
        }
        // Everything is checked before the first byte is written.
        let (verified, about) = unseal(&self.file, context)?;
        let storage = DiskStorage::create(&directory)?;
        let bar = Bar::entries(output, "restoring");
        let restored = block_on(verified.restore(Arc::new(storage), |done, total| bar.at(done, total)));
        drop(bar);
        let report = restored.map_err(|error| {
            let failure = Failure::from(error);
            Failure::new(
                failure.kind,
                format!("{}. What lies in {} is no store: delete it", failure.message, directory.display()),
            )
        })?;
        let value = json!({
            "store": report.store.to_string(), "directory": directory.display().to_string(),
            "sequence": report.sequence, "entries": report.entries,
        });
        output.result(&value, || {
            vec![
                format!("Restored {} in {}: {about}.", entries(report.entries), directory.display()),
                "It opens with the shares of the backup's time. If others have replaced them since: `strongroom rekey`."
                    .to_owned(),
            ]
        })
    }
}
