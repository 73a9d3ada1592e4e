//! The command line as it is typed.

use std::path::PathBuf;

use clap::builder::FalseyValueParser;
use clap::{Args, Parser, Subcommand};

#[cfg(feature = "hsm")]
use crate::commands::hsm;
use crate::commands::{
    backup, ceremony, check, file, generate, init, key, keys, rekey, restore, share, shell, slot, status,
    values,
};
use crate::{demo, exit};

/// Secrets behind a seal: a store that opens only when enough holders of shares come together.
///
/// Nothing in the store, no name and no value, can be read without them.
#[derive(Parser)]
#[command(name = "strongroom", version, after_help = exit::HELP, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Key ceremonies: root keys made, replaced, checked, recovered and destroyed by people in a room, by a reviewed plan.
///
/// It needs no network, and has none.
#[derive(Parser)]
#[command(name = "strongroom-ceremony", version, after_help = exit::HELP, max_term_width = 100)]
pub(crate) struct CeremonyArguments {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) command: ceremony::Ceremony,
}

/// Options of every command.
#[derive(Args, Clone)]
pub(crate) struct Global {
    /// The directory of the store.
    #[arg(
        long,
        global = true,
        env = "STRONGROOM_STORE",
        value_name = "DIR",
        default_value = "strongroom-store"
    )]
    pub(crate) store: PathBuf,
    #[command(flatten)]
    pub(crate) common: Common,
    /// Round the lengths of what is put into the store up to a multiple of so many bytes, so that the storage learns them less
    /// exactly. Files that `file` encrypts lie elsewhere, and show their sizes. Not remembered by the store: set the variable.
    #[arg(long, global = true, env = "STRONGROOM_PADDING", value_name = "BYTES", default_value_t = 0)]
    pub(crate) padding: u32,
}

/// Those that have nothing to do with the store.
#[derive(Args, Clone)]
pub(crate) struct Common {
    /// A file with shares, one on each line (`#` begins a remark); can be repeated. Without it they are asked for.
    #[arg(long = "share-file", global = true, value_name = "FILE")]
    pub(crate) share_files: Vec<PathBuf>,
    /// The configuration file, which says where HSMs are. [default: strongroom/config.toml in the user's configuration]
    #[cfg(feature = "hsm")]
    #[arg(long, global = true, env = "STRONGROOM_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Write one JSON value to stdout, and errors as JSON to stderr.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Go on where the machine cannot lock memory: keys may then reach its swap.
    #[arg(long, global = true, env = "STRONGROOM_ALLOW_UNLOCKED", value_parser = FalseyValueParser::new())]
    pub(crate) allow_unlocked: bool,
    /// Print results and errors alone.
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
}

impl Global {
    /// For commands that open no store of their own.
    pub(crate) fn without_store(common: Common) -> Self {
        Self { store: PathBuf::new(), common, padding: 0 }
    }
}

/// What to do.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Make a new store and hand out the shares that open it.
    Init(init::Init),
    /// Tell what a store is and who can open it; it stays sealed. With share files, tell its terms too.
    Status(status::Status),
    /// Slots: the ways to open the store, each with its own shares.
    #[command(subcommand)]
    Slot(slot::Slot),
    /// HSMs: tokens, what they can do, and the keys in them.
    #[cfg(feature = "hsm")]
    #[command(subcommand)]
    Hsm(hsm::Hsm),
    /// Shares.
    #[command(subcommand)]
    Share(share::Share),
    /// Put a value: from a file, from stdin, or from a prompt without echo; never from the command line.
    Put(values::Put),
    /// Read a value.
    Get(values::Get),
    /// List names.
    List(values::List),
    /// Delete a value.
    Delete(values::Delete),
    /// Named keys, with versions: what files are encrypted under.
    #[command(subcommand)]
    Key(key::Key),
    /// Files of any size, encrypted under a named key or one in an HSM.
    #[command(subcommand)]
    File(file::File),
    /// Replace the key under which values are sealed from now on, or the root key.
    Rotate(keys::Rotate),
    /// Seal anew whatever is under old keys, then destroy these. Can be interrupted: the next rewrap goes on.
    Rewrap(keys::Rewrap),
    /// Replace a slot's holders: deal new shares, have every new holder prove that theirs arrived, then let the old ones go.
    Rekey(rekey::Rekey),
    /// Read every record and say what is wrong where.
    Check(check::Check),
    /// Copies of the store.
    #[command(subcommand)]
    Backup(backup::Backup),
    /// Make a store from a backup, after everything in it was checked. Takes the shares of the backup's time.
    Restore(restore::Restore),
    /// Key ceremonies: root keys made, replaced, checked, recovered and destroyed by people in a room, by a reviewed plan.
    #[command(subcommand)]
    Ceremony(ceremony::Ceremony),
    /// Unseal once, then take commands line by line until `exit`, the end of input, or idleness.
    Shell(shell::Shell),
    /// Protect the files of a directory in a temporary store, and prove that nothing of them shows.
    Demo(demo::Demo),
    /// Print a completion script for a shell.
    Completions(generate::Completions),
    /// Write manual pages into a directory.
    Man(generate::Man),
}
