//! `completions` and `man`.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::{Args, Command, CommandFactory as _};
use clap_complete::Shell;

use crate::arguments::Arguments;
use crate::exit;
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
        let mut command = Arguments::command().disable_help_subcommand(true);
        command.build();
        let pages = write_pages(&command, &self.directory).map_err(failed)?;
        let directory = self.directory.display().to_string();
        output.result(&serde_json::json!({ "directory": directory, "pages": pages }), || {
            vec![format!("Wrote {pages} manual pages into {directory}.")]
        })
    }
}

/// The page of a command and those of its subcommands; says how many.
fn write_pages(command: &Command, directory: &Path) -> io::Result<u64> {
    let mut pages = 1;
    for subcommand in command.get_subcommands().filter(|subcommand| !subcommand.is_hide_set()) {
        pages += write_pages(subcommand, directory)?;
    }
    let man = clap_mangen::Man::new(command.clone())
        .source(concat!("strongroom ", env!("CARGO_PKG_VERSION")))
        .manual("Strongroom");
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut page)?;
    }
    entries(
        &mut page,
        "EXIT STATUS",
        exit::HELP.lines().skip(1).filter_map(|line| line.trim().split_once(' ')),
    )?;
    entries(&mut page, "ENVIRONMENT", ENVIRONMENT.into_iter())?;
    fs::write(directory.join(man.get_filename()), page)?;
    Ok(pages)
}

/// A section of names with what they mean. No line begins with a dot or a quotation mark, which roff would obey.
fn entries<'a>(
    page: &mut Vec<u8>,
    title: &str,
    entries: impl Iterator<Item = (&'a str, &'a str)>,
) -> io::Result<()> {
    writeln!(page, ".SH \"{title}\"")?;
    for (name, meaning) in entries {
        writeln!(page, ".TP\n\\fB{name}\\fR\n{}", meaning.trim())?;
    }
    Ok(())
}

const ENVIRONMENT: [(&str, &str); 6] = [
    ("STRONGROOM_STORE", "as --store"),
    ("STRONGROOM_CONFIG", "as --config"),
    ("STRONGROOM_ALLOW_UNLOCKED", "as --allow-unlocked, unless it is empty, 0, false or no"),
    ("STRONGROOM_PADDING", "as --padding"),
    ("NO_COLOR", "where it is not empty, there are no colours"),
    ("TERM", "where it is dumb, there are no colours"),
];
