//! `file encrypt` and `file decrypt`.

use std::collections::HashSet;
use std::fs::{self, DirBuilder, File, Metadata};
use std::io::{self, IsTerminal as _, Read, Write};
use std::os::fd::AsFd as _;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;
use strongroom_envelope::files::{FileError, NewFile};
use strongroom_envelope::stream::Options;
use strongroom_envelope::{Envelope, WrappedKey};

use super::batch::{Batch, Done, Outcome, Task, output_closed};
use super::keys::{Choice, Keys, WrappingKey};
use super::places::{self, Found, Place, encrypted_name, is_standard, plain_name};
use super::range::{Range, copy_range, parse_range, within};
use super::sink::Counted;
use crate::context::Context;
use crate::exit::{Failure, Kind};
use crate::text::{bytes, shown};

/// Encrypt files.
#[derive(Args)]
pub(crate) struct Encrypt {
    #[command(flatten)]
    choice: Choice,
    #[command(flatten)]
    which: Which,
}

/// Decrypt files.
#[derive(Args)]
pub(crate) struct Decrypt {
    #[command(flatten)]
    choice: Choice,
    #[command(flatten)]
    which: Which,
    /// Decrypt these bytes alone, counted from 0 and the last not included: `0..100`, `100..`, `..100`. Of one file, to
    /// stdout if --out does not say otherwise.
    #[arg(long, value_name = "A..B", value_parser = parse_range, conflicts_with_all = ["delete", "recursive"])]
    range: Option<Range>,
}

/// Which files, and where to.
#[derive(Args)]
struct Which {
    /// The files, and with --recursive directories; `-` for stdin, which goes to stdout.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Take the files in directories, too, and in those below.
    #[arg(long, short)]
    recursive: bool,
    /// Where to: a file, a directory, or `-` for stdout. With several files or --recursive it is a directory, in which trees
    /// come out as they are.
    #[arg(long, value_name = "PATH")]
    out: Option<PathBuf>,
    /// Replace files that are there.
    #[arg(long)]
    force: bool,
    /// Delete each original once what came of it is on the disk.
    #[arg(long)]
    delete: bool,
    /// What the file is and where it belongs: it decrypts only with the same text. It is not stored, and no secret.
    #[arg(long, value_name = "TEXT", default_value = "")]
    context: String,
}

impl Encrypt {
    pub(crate) fn run(self, context: &mut Context) -> Result<(), Failure> {
        let work = Work::new(self.which, context, Direction::Encrypt)?;
        if work.to_stdout && io::stdout().is_terminal() {
            return Err(Failure::usage(
                "an encrypted file would go to the terminal: give --out FILE, or pipe it elsewhere",
            ));
        }
        let mut keys = Keys::new(context, self.choice, None);
        let envelope = keys
            .chosen()?
            .ok_or_else(|| Failure::usage("say under which key: --key NAME, or --hsm 'hsm(TOKEN, KEY)'"))?;
        if work.from_stdin {
            return work.encrypt_stdin(&envelope);
        }
        work.each(&mut keys, |work, _, found| work.encrypt(&envelope, found))
    }
}

impl Decrypt {
    pub(crate) fn run(self, context: &mut Context) -> Result<(), Failure> {
        let work = Work::new(self.which, context, Direction::Decrypt(self.range))?;
        let mut keys = Keys::new(context, self.choice, None);
        if work.from_stdin {
            return work.decrypt_stdin(&mut keys);
        }
        work.each(&mut keys, Work::decrypt)
    }
}

#[derive(Clone, Copy)]
enum Direction {
    Encrypt,
    Decrypt(Option<Range>),
}

impl Direction {
    fn task(self) -> Task {
        match self {
            Self::Encrypt => Task::Encrypt,
            Self::Decrypt(_) => Task::Decrypt,
        }
    }
}

/// Where what comes of the files goes.
enum Destination {
    /// Beside each, under a name with or without the suffix.
    Beside,
    /// Destination a directory.
    Directory(PathBuf),
    File(PathBuf),
    Stdout,
}

/// One command at work.
struct Work {
    which: Which,
    direction: Direction,
    to: Destination,
    places: Vec<Place>,
    from_stdin: bool,
    to_stdout: bool,
    batch: Batch,
    /// What was written by now: two originals do not become one file.
    written: HashSet<PathBuf>,
}

/// What was written.
struct Written {
    bytes: u64,
    /// Where it is an encrypted file.
    header: Option<WrappedKey>,
}

impl Work {
    fn new(which: Which, context: &Context, direction: Direction) -> Result<Self, Failure> {
        let from_stdin = which.files.iter().any(|file| is_standard(file));
        if from_stdin && which.files.len() > 1 {
            return Err(Failure::usage("`-` is stdin, and goes alone"));
        }
        if from_stdin && context.in_shell {
            return Err(Failure::usage("the commands themselves come from stdin here: name a file"));
        }
        if from_stdin && which.delete {
            return Err(Failure::usage("stdin has no original that --delete could delete"));
        }
        let range = matches!(direction, Direction::Decrypt(Some(_)));
        if range && (from_stdin || which.files.len() > 1) {
            return Err(Failure::usage("--range is for one file, and not for stdin"));
        }
        let places = if from_stdin { Vec::new() } else { places::find(&which.files, which.recursive) };
        let to = which.destination(from_stdin || range);
        let to_stdout = matches!(to, Destination::Stdout);
        if to_stdout && (which.files.len() > 1 || which.recursive) {
            return Err(Failure::usage("one file alone goes to stdout"));
        }
        if to_stdout && which.delete {
            return Err(Failure::usage(
                "nobody knows what becomes of stdout, so the original stays: give --out FILE, or leave --delete out",
            ));
        }
        if to_stdout && context.output.json {
            return Err(Failure::usage(
                "the data go to stdout, where --json would go as well: give --out FILE, or leave --json out",
            ));
        }
        let sizes = places.iter().map(|place| match place {
            Place::File(found) => found.size,
            _ => 0,
        });
        let total = sizes.fold(0_u64, u64::saturating_add);
        let alone = which.files.len() == 1 && !which.recursive;
        let batch = Batch::new(context.output, direction.task(), (!from_stdin).then_some(total), alone);
        Ok(Self { which, direction, to, places, from_stdin, to_stdout, batch, written: HashSet::new() })
    }

    /// Does it to each file.
    fn each(
        mut self,
        keys: &mut Keys<'_>,
        mut convert: impl FnMut(&mut Self, &mut Keys<'_>, &Found) -> Result<Outcome, Failure>,
    ) -> Result<(), Failure> {
        for place in std::mem::take(&mut self.places) {
            match place {
                Place::File(found) => {
                    let outcome = convert(&mut self, keys, &found);
                    match outcome {
                        Err(failure) if keys.unusable() => {
                            return self.batch.stopped(self.to_stdout, failure);
                        }
                        outcome => self.batch.take(&found.path, found.size, outcome),
                    }
                }
                Place::Other(path, why) => self.batch.take(&path, 0, Ok(Outcome::PassedOver(why))),
                Place::Refused(path, failure) => self.batch.take(&path, 0, Err(failure)),
            }
        }
        self.batch.end(self.to_stdout)
    }

    fn encrypt(&mut self, envelope: &Envelope<WrappingKey>, found: &Found) -> Result<Outcome, Failure> {
        let (source, before) = places::open(&found.path, false)?;
        if places::is_encrypted(&source)? {
            return Ok(Outcome::PassedOver("encrypted already"));
        }
        let target = self.target(found)?;
        let context = self.which.context.clone();
        let written = self.write(target.as_deref(), Some(&before), |sink| {
            envelope.encrypt_from(context.as_bytes(), &source, sink, &Options::default())?;
            Ok(())
        })?;
        let header = written.header.clone();
        self.finished(found, target.as_deref(), &before, &written, header.as_ref())
    }

    fn decrypt(&mut self, keys: &mut Keys<'_>, found: &Found) -> Result<Outcome, Failure> {
        let (source, before) = places::open(&found.path, false)?;
        if places::is_other(found, &source)? {
            return Ok(Outcome::PassedOver("not encrypted"));
        }
        let header = places::header(&source)?;
        let target = self.target(found)?;
        let envelope = keys.of_chosen(&header)?;
        let mut reader = envelope.reader(self.which.context.as_bytes(), &source)?;
        let range = match self.direction {
            Direction::Decrypt(Some(range)) => Some(within(range, reader.len())?),
            _ => None,
        };
        let written = self.write(target.as_deref(), Some(&before), |sink| match range {
            Some((begin, end)) => copy_range(&mut reader, begin, end, sink),
            None => reader.copy_to(sink, &Options::default()).map(drop).map_err(Failure::from),
        })?;
        self.finished(found, target.as_deref(), &before, &written, Some(&header))
    }

    fn encrypt_stdin(mut self, envelope: &Envelope<WrappingKey>) -> Result<(), Failure> {
        let source = standard_input()?;
        let target = self.target_of_stdin();
        let context = self.which.context.clone();
        let outcome = self.write(target.as_deref(), None, |sink| {
            envelope.encrypt(context.as_bytes(), source, sink, &Options::default())?;
            Ok(())
        });
        let outcome = outcome.map(|written| {
            let header = written.header.clone();
            Outcome::Done(self.done(Path::new("-"), 0, target.as_deref(), &written, header.as_ref()))
        });
        self.batch.take(Path::new("-"), 0, outcome);
        self.batch.end(self.to_stdout)
    }

    fn decrypt_stdin(mut self, keys: &mut Keys<'_>) -> Result<(), Failure> {
        let mut source = standard_input()?;
        let target = self.target_of_stdin();
        let outcome = self.decrypt_from_stdin(keys, &mut source, target.as_deref());
        match outcome {
            Err(failure) if keys.unusable() => self.batch.stopped(self.to_stdout, failure),
            outcome => {
                self.batch.take(Path::new("-"), 0, outcome);
                self.batch.end(self.to_stdout)
            }
        }
    }

    fn decrypt_from_stdin(
        &mut self,
        keys: &mut Keys<'_>,
        source: &mut File,
        target: Option<&Path>,
    ) -> Result<Outcome, Failure> {
        // Enough to see which key it needs, which is asked for before anything is decrypted.
        let mut head = Vec::new();
        Read::by_ref(source)
            .take(LONGEST_HEADER)
            .read_to_end(&mut head)
            .map_err(|error| unreadable(&error))?;
        let header = places::header(&head)?;
        let envelope = keys.of_chosen(&header)?;
        let context = self.which.context.clone();
        let written = self.write(target, None, |sink| {
            envelope.decrypt(context.as_bytes(), head.chain(source), sink, &Options::default())?;
            Ok(())
        })?;
        Ok(Outcome::Done(self.done(Path::new("-"), 0, target, &written, Some(&header))))
    }

    /// Where what comes of a file goes; `None` is stdout.
    fn target(&self, found: &Found) -> Result<Option<PathBuf>, Failure> {
        let renamed = |path: &Path| match self.direction {
            Direction::Encrypt => Some(encrypted_name(path)),
            Direction::Decrypt(_) => plain_name(path),
        };
        match &self.to {
            Destination::Stdout => Ok(None),
            Destination::File(path) => Ok(Some(path.clone())),
            Destination::Directory(directory) => {
                let below = renamed(&found.below).unwrap_or_else(|| found.below.clone());
                Ok(Some(directory.join(below)))
            }
            Destination::Beside => renamed(&found.path).map(Some).ok_or_else(|| {
                Failure::usage(
                    "its name does not end in .srf: say with --out what the decrypted file is to be called",
                )
            }),
        }
    }

    fn target_of_stdin(&self) -> Option<PathBuf> {
        self.which.out.clone().filter(|out| !is_standard(out))
    }

    /// Writes a file, which is there when it is whole and synced; or stdout.
    fn write(
        &mut self,
        target: Option<&Path>,
        source: Option<&Metadata>,
        fill: impl FnOnce(&mut (dyn Write + Send)) -> Result<(), Failure>,
    ) -> Result<Written, Failure> {
        let Some(target) = target else {
            let out = io::stdout().as_fd().try_clone_to_owned().map(File::from);
            let out = out.map_err(|error| Failure::io("stdout could not be written", &error))?;
            let mut sink = Counted::new(&out, &self.batch);
            let filled = fill(&mut sink);
            // Whoever reads has enough, and nobody wants to read that.
            filled.map_err(|failure| if sink.closed { output_closed() } else { failure })?;
            return Ok(Written { bytes: sink.count, header: None });
        };
        if let Destination::Directory(_) = self.to
            && let Some(parent) = target.parent()
        {
            DirBuilder::new().recursive(true).mode(0o700).create(parent).map_err(|error| {
                Failure::io(format_args!("the directory {} could not be made", parent.display()), &error)
            })?;
        }
        let there = fs::symlink_metadata(target).ok();
        if let (Some(source), Some(there)) = (source, &there)
            && places::is_same(source, there)
        {
            return Err(Failure::usage("it would be written over itself: give another --out"));
        }
        // Also with --force: a device or a link is not what somebody means to replace.
        if there.is_some_and(|there| !there.is_file()) {
            let message =
                format!("{} is no regular file, and was left as it is: give another --out", target.display());
            return Err(Failure::new(Kind::Conflict, message));
        }
        let place = resolved(target);
        if self.written.contains(&place) {
            let message =
                format!("another of these files became {} already: give another --out", target.display());
            return Err(Failure::new(Kind::Conflict, message));
        }
        let new = if self.which.force { NewFile::replacing(target) } else { NewFile::at(target) };
        let new = new.map_err(|error| existing(error, target))?;
        let mut sink = Counted::new(new.file(), &self.batch);
        fill(&mut sink)?;
        let bytes = sink.count;
        let header = places::header(new.file()).ok();
        new.keep().map_err(|error| existing(error, target))?;
        self.written.insert(place);
        Ok(Written { bytes, header })
    }

    /// Deletes the original if that was asked for, and tells what was done.
    fn finished(
        &self,
        found: &Found,
        target: Option<&Path>,
        before: &Metadata,
        written: &Written,
        header: Option<&WrappedKey>,
    ) -> Result<Outcome, Failure> {
        if self.which.delete {
            delete(&found.path, before)?;
        }
        Ok(Outcome::Done(self.done(&found.path, found.size, target, written, header)))
    }

    fn done(
        &self,
        from: &Path,
        size: u64,
        to: Option<&Path>,
        written: &Written,
        header: Option<&WrappedKey>,
    ) -> Done {
        let (from, to) = (from.display().to_string(), to.map(|to| to.display().to_string()));
        let fields = json!({
            "file": from, "out": to, "bytes": written.bytes, "deleted": self.which.delete,
            "key": header.map(WrappedKey::name), "version": header.map(WrappedKey::version),
        });
        let under = match (self.direction, header) {
            (Direction::Encrypt, Some(header)) => {
                format!(", under version {} of {}", header.version(), header.name())
            }
            _ => String::new(),
        };
        let to = to.unwrap_or_default();
        let line = format!(
            "{} {} as {}: {}{under}.",
            self.direction.task().done(),
            shown(from),
            shown(to),
            bytes(written.bytes)
        );
        Done { fields, line, written: written.bytes, size }
    }
}

impl Which {
    fn destination(&self, stdout_by_default: bool) -> Destination {
        match &self.out {
            None if stdout_by_default => Destination::Stdout,
            None => Destination::Beside,
            Some(out) if is_standard(out) => Destination::Stdout,
            Some(out) if self.files.len() > 1 || self.recursive || out.is_dir() => {
                Destination::Directory(out.clone())
            }
            Some(out) => Destination::File(out.clone()),
        }
    }
}

/// Deletes an original of which the disk has the other form, unless somebody wrote to it meanwhile.
fn delete(path: &Path, before: &Metadata) -> Result<(), Failure> {
    let failed = |error: io::Error| Failure::io("it is done, but the original could not be deleted", &error);
    let now = fs::symlink_metadata(path).map_err(failed)?;
    if !places::is_unchanged(before, &now) {
        return Err(Failure::new(
            Kind::Conflict,
            "it was written to meanwhile, so the original was kept: do it again, with --force",
        ));
    }
    fs::remove_file(path).map_err(failed)
}

/// The file without the buffer of the standard library, which would keep plaintext.
fn standard_input() -> Result<File, Failure> {
    io::stdin().as_fd().try_clone_to_owned().map(File::from).map_err(|error| unreadable(&error))
}

/// A path by which two names of one place are the same.
fn resolved(path: &Path) -> PathBuf {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let parent = fs::canonicalize(parent).unwrap_or_else(|_| parent.to_owned());
    path.file_name().map_or_else(|| parent.clone(), |name| parent.join(name))
}

fn existing(error: FileError, target: &Path) -> Failure {
    match error {
        FileError::Exists(path) if path == target => {
            Failure::new(Kind::Conflict, format!("{} exists already: --force replaces it", target.display()))
        }
        error => error.into(),
    }
}

fn unreadable(error: &io::Error) -> Failure {
    Failure::io("it could not be read", error)
}

/// What a file's header may have: a sector and two slots of at most ten.
const LONGEST_HEADER: u64 = 21 * 512;
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn original_that_was_written_to_meanwhile_is_kept() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("original");
        fs::write(&path, b"value").unwrap();
        let (_, before) = places::open(&path, false).unwrap();
        fs::write(&path, b"value, and more").unwrap();
        assert_eq!(delete(&path, &before).unwrap_err().kind, Kind::Conflict);
        let (_, before) = places::open(&path, false).unwrap();
        fs::rename(&path, directory.path().join("elsewhere")).unwrap();
        fs::write(&path, b"value, and more").unwrap();
        assert_eq!(delete(&path, &before).unwrap_err().kind, Kind::Conflict);
        let (_, before) = places::open(&path, false).unwrap();
        delete(&path, &before).unwrap();
        assert!(!path.exists(), "the control");
    }
}
