//! `put`, `get`, `list` and `delete`.

use std::fs::{self, File};
use std::io::{self, IsTerminal as _, Read};
use std::path::PathBuf;

use clap::Args;
use pollster::block_on;
use serde_json::{Value, json};
use strongroom::{
    Batch, CommitError, Condition, Directory, Entry, MAX_VALUE, Name, Page, Path, Plaintext, Store,
};
use zeroize::Zeroizing;

use crate::context::Context;
use crate::exit::{Failure, Kind};
use crate::handout::create_private;
use crate::terminal;

/// Put a value.
#[derive(Args)]
pub(crate) struct Put {
    /// The name of the value: segments joined by slashes, like `team/database/password`.
    path: String,
    /// Where the value is: a file, or `-` for stdin. Every byte of it counts, a line feed at the end too.
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Put it only if there is no value of that name.
    #[arg(long, conflicts_with = "if_revision")]
    if_absent: bool,
    /// Put it only if the value there is of this revision (as `get --json` and `put` tell it).
    #[arg(long, value_name = "N")]
    if_revision: Option<u64>,
}

impl Put {
    pub(crate) fn run(self, context: &mut Context) -> Result<(), Failure> {
        let path: Path = self.path.parse()?;
        check_not_system(&path)?;
        let output = context.output;
        context.protect()?;
        let value = self.value(context.in_shell)?;
        let condition = match (self.if_absent, self.if_revision) {
            (true, _) => Condition::Absent,
            (_, Some(revision)) => Condition::Revision(revision),
            _ => Condition::Any,
        };
        let store = context.store()?;
        let batch = Batch::new().put_if(path, value, condition);
        let committed = block_on(store.barrier().commit(batch)).map_err(|error| match error {
            CommitError::Condition { .. } => Failure::new(
                Kind::Conflict,
                match condition {
                    Condition::Absent => "there is a value of that name already, and it was left as it is",
                    _ => "the value is of another revision by now, and it was left as it is: read it again and decide anew",
                },
            ),
            error => error.into(),
        })?;
        let value = json!({ "path": self.path, "revision": committed.sequence });
        output.result(&value, || {
            if output.quiet {
                Vec::new()
            } else {
                vec![format!("Put {} (revision {}).", self.path, committed.sequence)]
            }
        })
    }

    fn value(&self, in_shell: bool) -> Result<Plaintext, Failure> {
        let stdin = self.file.as_ref().is_some_and(|file| file.as_os_str() == "-");
        match &self.file {
            Some(path) if !stdin => {
                let failed = |error| {
                    Failure::io(format_args!("the value in {} could not be read", path.display()), &error)
                };
                let file = File::open(path).map_err(failed)?;
                let length = file.metadata().map_err(failed)?.len();
                read_value(file, usize::try_from(length).unwrap_or(0)).map_err(failed)
            }
            None if terminal::is_present() && io::stdin().is_terminal() => prompt(),
            _ if in_shell => Err(Failure::usage(
                "the commands themselves come from stdin here: give the value with --file FILE",
            )),
            None if io::stdin().is_terminal() => {
                Err(Failure::usage("there is no terminal to ask at: give the value with --file FILE"))
            }
            _ => read_value(io::stdin().lock(), 0)
                .map_err(|error| Failure::io("the value could not be read from stdin", &error)),
        }
    }
}

/// Asks twice, since nobody sees what is typed.
fn prompt() -> Result<Plaintext, Failure> {
    let cancelled = || Failure::new(Kind::Failure, "nothing was put");
    let value = terminal::ask_hidden("Value (it does not show): ")?.ok_or_else(cancelled)?;
    let again = terminal::ask_hidden("Once more: ")?.ok_or_else(cancelled)?;
    if *value != *again {
        return Err(Failure::usage("the two differ, so nothing was put: try again"));
    }
    Ok(Plaintext::new(value.as_bytes().to_vec()))
}

/// Reads to the end, and leaves no copy behind when the buffer grows. One byte more than fits shows that it is too long.
fn read_value(mut input: impl Read, expected: usize) -> io::Result<Plaintext> {
    let mut value = Zeroizing::new(Vec::with_capacity(expected.clamp(4096, MAX_VALUE) + 1));
    loop {
        let room = value.capacity() - value.len();
        let wanted = u64::try_from(room).unwrap_or(u64::MAX);
        let read = input.by_ref().take(wanted).read_to_end(&mut value)?;
        if read < room || value.len() > MAX_VALUE {
            return Ok(Plaintext::from(value));
        }
        let mut larger = Zeroizing::new(Vec::with_capacity(value.capacity() * 2));
        larger.extend_from_slice(&value);
        value = larger;
    }
}

/// Read a value.
#[derive(Args)]
pub(crate) struct Get {
    /// The name of the value.
    path: String,
    /// Write it to a file that only you can read, instead of to stdout.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Write over a file that is there.
    #[arg(long, requires = "out")]
    force: bool,
}

impl Get {
    pub(crate) fn run(self, context: &mut Context) -> Result<(), Failure> {
        let path: Path = self.path.parse()?;
        check_not_system(&path)?;
        let output = context.output;
        let store = context.store()?;
        let entry = block_on(store.barrier().get(&path))?.ok_or_else(no_value)?;
        if let Some(file) = &self.out {
            self.write(file, entry.value()).map_err(|error| {
                if error.kind() == io::ErrorKind::AlreadyExists {
                    let message = format!("{} exists already: --force writes over it", file.display());
                    return Failure::new(Kind::Conflict, message);
                }
                Failure::io(format_args!("{} could not be written", file.display()), &error)
            })?;
            let value = json!({
                "path": self.path, "revision": entry.revision(), "file": file.display().to_string(),
            });
            return output.result(&value, Vec::new);
        }
        if output.json {
            let text = Zeroizing::new(format!("{}\n", value_json(&self.path, &entry)));
            return output.raw(text.as_bytes());
        }
        output.raw(entry.value())
    }

    fn write(&self, file: &std::path::Path, value: &[u8]) -> io::Result<()> {
        if self.force && file.is_file() {
            fs::remove_file(file)?;
        }
        let mut out = create_private(file)?;
        io::Write::write_all(&mut out, value)?;
        out.sync_all()
    }
}

fn value_json(path: &str, entry: &Entry) -> Value {
    let (key, value) = match std::str::from_utf8(entry.value()) {
        Ok(text) => ("value", text.to_owned()),
        Err(_) => ("value_base64", data_encoding::BASE64.encode(entry.value())),
    };
    json!({ "path": path, "revision": entry.revision(), key: value })
}

fn no_value() -> Failure {
    Failure::new(
        Kind::NotFound,
        "there is no value of that name: `strongroom list` shows those that there are",
    )
}

/// List names.
#[derive(Args)]
pub(crate) struct List {
    /// The directory; without it, the whole tree's top.
    #[arg(default_value = "")]
    directory: String,
    /// List everything below it, with whole paths.
    #[arg(long, short)]
    recursive: bool,
    /// Begin after this name.
    #[arg(long, value_name = "NAME", conflicts_with = "recursive")]
    after: Option<String>,
    /// List at most so many names.
    #[arg(long, value_name = "N", conflicts_with = "recursive")]
    limit: Option<usize>,
}

impl List {
    pub(crate) fn run(self, context: &mut Context) -> Result<(), Failure> {
        let directory: Directory = self.directory.parse()?;
        check_not_system(&directory)?;
        let output = context.output;
        let store = context.store()?;
        if self.recursive {
            let mut paths = Vec::new();
            walk(store, &directory, &mut |path| {
                if output.json {
                    paths.push(json!(path));
                    Ok(())
                } else {
                    output.lines(&[path])
                }
            })?;
            return if output.json {
                output.result(&json!({ "directory": directory.to_string(), "paths": paths }), Vec::new)
            } else {
                Ok(())
            };
        }
        let limit = self.limit.unwrap_or(usize::MAX - 1);
        let page = page_of_values(store, &directory, self.after.as_deref(), limit)?;
        if page.names.is_empty() && !self.directory.is_empty() && self.after.is_none() && limit > 0 {
            return Err(no_directory(store, &self.directory));
        }
        let names: Vec<Value> = page.names.iter().map(name_json).collect();
        let value = json!({ "directory": directory.to_string(), "names": names, "more": page.more });
        output.result(&value, || page.names.iter().map(|name| name.as_str().to_owned()).collect())?;
        if let (true, false, Some(last)) = (page.more, output.json, page.names.last()) {
            output.note(&format!("More follow: --after '{}'", last.as_str()));
        }
        Ok(())
    }
}

/// Nothing lies below that name; a value of it there may be.
fn no_directory(store: &Store, name: &str) -> Failure {
    let value =
        name.parse::<Path>().ok().and_then(|path| block_on(store.barrier().get(&path)).ok()).flatten();
    Failure::new(
        Kind::NotFound,
        match value {
            Some(_) => "there is a value of that name, and no directory: `strongroom get` reads it",
            None => "there is no directory of that name: `strongroom list` shows those that there are",
        },
    )
}

/// A page without what is the store's own, in whose place comes what follows.
fn page_of_values(
    store: &Store,
    directory: &Directory,
    after: Option<&str>,
    limit: usize,
) -> Result<Page, Failure> {
    let mut page = block_on(store.barrier().list(directory, after, limit))?;
    if let Some(at) = page.names.iter().position(|name| is_system(directory, name)) {
        let last = page.names.last().map(|name| name.as_str().to_owned());
        page.names.remove(at);
        if page.more {
            let next = block_on(store.barrier().list(directory, last.as_deref(), 1))?;
            page.names.extend(next.names);
            page.more = next.more;
        }
    }
    Ok(page)
}

/// Whether that is where the store keeps what is its own.
fn is_system(directory: &Directory, name: &Name) -> bool {
    name.as_str() == SYSTEM && directory.to_string().is_empty()
}

fn name_json(name: &Name) -> Value {
    json!({ "name": name.as_str(), "directory": name.is_directory() })
}

/// Calls `found` with the path of every value below a directory, in order.
pub(crate) fn walk(
    store: &Store,
    directory: &Directory,
    found: &mut impl FnMut(String) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut after: Option<String> = None;
    loop {
        let page = block_on(store.barrier().list(directory, after.as_deref(), PAGE))?;
        for name in page.names.iter().filter(|name| !is_system(directory, name)) {
            match name.as_str().strip_suffix('/') {
                Some(child) => walk(store, &directory.child(child)?, found)?,
                None => found(format!("{directory}{}", name.as_str()))?,
            }
        }
        match page.names.last() {
            Some(last) if page.more => after = Some(last.as_str().to_owned()),
            _ => return Ok(()),
        }
    }
}

/// Delete a value.
#[derive(Args)]
pub(crate) struct Delete {
    /// The name of the value.
    path: String,
}

impl Delete {
    pub(crate) fn run(self, context: &mut Context) -> Result<(), Failure> {
        let path: Path = self.path.parse()?;
        check_not_system(&path)?;
        let output = context.output;
        let store = context.store()?;
        let Some(entry) = block_on(store.barrier().get(&path))? else { return Err(no_value()) };
        let batch = Batch::new().delete_if(path, Condition::Revision(entry.revision()));
        let committed = block_on(store.barrier().commit(batch))?;
        let value = json!({ "path": self.path, "sequence": committed.sequence });
        output.result(
            &value,
            || if output.quiet { Vec::new() } else { vec![format!("Deleted {}.", self.path)] },
        )
    }
}

/// Refuses what is no value of anybody's: named keys lie there, which `get` must not show.
fn check_not_system(place: &impl ToString) -> Result<(), Failure> {
    if !place.to_string().starts_with(SYSTEM) {
        return Ok(());
    }
    Err(Failure::usage(
        "what lies below `sys/` is the store's own: `strongroom key list` shows named keys; choose another name for a value",
    ))
}

/// What is the store's own begins so.
pub(super) const SYSTEM: &str = "sys/";
const PAGE: usize = 4096;
