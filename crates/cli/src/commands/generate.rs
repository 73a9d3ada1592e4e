//! `completions` and `man`.

use std::fs;
use std::path::PathBuf;

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use crate::arguments::Arguments;
use crate::exit::Failure;
use crate::output::Output;

/// Print a completion script.
#[derive(Args)]
pub(crate) struct Completions {
    /// The shell.
    #[arg(value_enum)]
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(self, output: Output) -> Result<(), Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Arguments::command(), "strongroom", &mut script);
        output.raw(&script)
    }
}

/// Write manual pages.
#[derive(Args)]
pub(crate) struct Man {
    /// The directory, made if it is not there.
    directory: PathBuf,
}

impl Man {
    pub(crate) fn run(self, output: Output) -> Result<(), Failure> {
        let failed = |error| Failure::io("the manual pages could not be written", &error);
        fs::create_dir_all(&self.directory).map_err(failed)?;
        clap_mangen::generate_to(Arguments::command(), &self.directory).map_err(failed)?;
        let pages = fs::read_dir(&self.directory).map_err(failed)?.count();
        let directory = self.directory.display().to_string();
        output.result(&serde_json::json!({ "directory": directory, "pages": pages }), || {
            vec![format!("Wrote {pages} manual pages into {directory}.")]
        })
    }
}
