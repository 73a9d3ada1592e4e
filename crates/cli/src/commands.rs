//! One file for each family of commands.

pub(crate) mod backup;
pub(crate) mod ceremony;
pub(crate) mod check;
pub(crate) mod file;
pub(crate) mod generate;
#[cfg(feature = "hsm")]
pub(crate) mod hsm;
pub(crate) mod init;
pub(crate) mod key;
pub(crate) mod keys;
pub(crate) mod rekey;
pub(crate) mod restore;
pub(crate) mod share;
pub(crate) mod shell;
pub(crate) mod slot;
pub(crate) mod status;
pub(crate) mod values;

use crate::arguments::Command;
use crate::context::Context;
use crate::demo;
use crate::exit::Failure;

/// Runs a command.
pub(crate) fn run(command: Command, context: &mut Context) -> Result<(), Failure> {
    match command {
        Command::Init(command) => command.run(context),
        Command::Status(command) => command.run(context),
        Command::Slot(command) => command.run(context),
        #[cfg(feature = "hsm")]
        Command::Hsm(command) => command.run(context),
        Command::Share(command) => command.run(context),
        Command::Put(command) => command.run(context),
        Command::Get(command) => command.run(context),
        Command::List(command) => command.run(context),
        Command::Delete(command) => command.run(context),
        Command::Key(command) => command.run(context),
        Command::File(command) => command.run(context),
        Command::Rotate(command) => command.run(context),
        Command::Rewrap(command) => command.run(context),
        Command::Rekey(command) => command.run(context),
        Command::Check(command) => command.run(context),
        Command::Backup(command) => command.run(context),
        Command::Restore(command) => command.run(context),
        Command::Ceremony(command) => command.run(context),
        Command::Shell(command) => command.run(context),
        Command::Demo(command) => demo::run(&command, context),
        Command::Completions(command) => command.run(context.output),
        Command::Man(command) => command.run(context.output),
    }
}
