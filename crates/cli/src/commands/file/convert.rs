//! `file encrypt` and `file decrypt`.

use std::fs::{self, DirBuilder, File, Metadata};
use std::io::{self, IsTerminal as _, Read, Write};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use serde_json::json;
use strongroom_envelope::WrappedKey;
use strongroom_envelope::files::{FileError, NewFile};
use strongroom_envelope::stream::Options;

use super::batch::{Batch, Done, Outcome, output_closed, with_path};
use super::keys::{Choice, Keys};
use super::places::{self, Place, is_standard};
use super::plan::{Destination, Direction, Plan, Step, Which};
use super::range::{Range, copy_range, parse_range, within};
use super::reach::Reached;
use super::standard::{self, Counted};
use super::why;
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

impl Encrypt {
    pub(crate) fn run(self, context: &mut Context) -> Result<(), Failure> {
        let work = Work::new(self.which, context, Direction::Encrypt)?;
        if work.to_stdout && io::stdout().is_terminal() {
            return Err(Failure::usage(
                "an encrypted file would go to the terminal: give --out FILE, or pipe it elsewhere",
            ));
        }
        let mut keys = Keys::new(context, self.choice, None);
        if !keys.is_chosen() {
            return Err(Failure::usage("say under which key: --key NAME, or --hsm 'hsm(TOKEN, KEY)'"));
        }
        if work.from_stdin {
            return work.encrypt_stdin(&mut keys);
        }
        work.each(&mut keys, Work::encrypt)
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

/// One command at work.
struct Work {
    plan: Plan,
    places: Vec<Place>,
    from_stdin: bool,
    to_stdout: bool,
    batch: Batch,
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
        if from_stdin && which.out.as_ref().is_some_and(|out| out.is_dir()) {
            return Err(Failure::usage("--out is a directory: add to it what the file is to be called"));
        }
        let plan = Plan::new(which, direction, from_stdin || range);
        let which = &plan.which;
        let to_stdout = matches!(plan.to, Destination::Stdout);
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
        let bar_would_mix = to_stdout && io::stdout().is_terminal();
        let batch = if bar_would_mix { batch.without_bar() } else { batch };
        Ok(Self { plan, places, from_stdin, to_stdout, batch })
    }

    /// Does it to each file that needs it. No key is asked for before it is known that there is one.
    fn each(
        mut self,
        keys: &mut Keys<'_>,
        mut convert: impl FnMut(&mut Self, &mut Keys<'_>, &Step) -> Result<Outcome, Failure>,
    ) -> Result<(), Failure> {
        let places = std::mem::take(&mut self.places);
        for step in self.plan.steps(places, &mut self.batch)? {
            match convert(&mut self, keys, &step) {
                Err(failure) if keys.unusable() => return self.batch.stopped(self.to_stdout, failure),
                outcome => self.batch.take(&step.found.path, step.found.size, outcome),
            }
        }
        self.batch.end(self.to_stdout)
    }

    fn encrypt(&mut self, keys: &mut Keys<'_>, step: &Step) -> Result<Outcome, Failure> {
        let envelope = keys.chosen()?;
        let place = step.found.reach()?;
        let (source, before) = places::open(place.path(), false)?;
        let context = self.plan.which.context.clone();
        let target = self.target_of(step)?;
        let written = self.write(target.as_ref(), Some((&source, &before)), |sink| {
            envelope.encrypt_from(context.as_bytes(), &source, sink, &Options::default())?;
            Ok(())
        })?;
        let header = written.header.clone();
        self.finished(step, &place, &before, &written, header.as_ref())
    }

    fn decrypt(&mut self, keys: &mut Keys<'_>, step: &Step) -> Result<Outcome, Failure> {
        let place = step.found.reach()?;
        let (source, before) = places::open(place.path(), false)?;
        let header = places::header(&source)?;
        let envelope = keys.of_chosen(&header)?;
        let failed = |error| why::not_decrypted(error, &header);
        let mut reader = envelope.reader(self.plan.which.context.as_bytes(), &source).map_err(failed)?;
        let range = match self.plan.direction {
            Direction::Decrypt(Some(range)) => Some(within(range, reader.len())?),
            _ => None,
        };
        let target = self.target_of(step)?;
        let written = self.write(target.as_ref(), Some((&source, &before)), |sink| match range {
            Some((begin, end)) => copy_range(&mut reader, begin, end, sink),
            None => reader.copy_to(sink, &Options::default()).map(drop).map_err(Failure::from),
        })?;
        self.finished(step, &place, &before, &written, Some(&header))
    }

    fn encrypt_stdin(mut self, keys: &mut Keys<'_>) -> Result<(), Failure> {
        let source = standard::input()?;
        let envelope = keys.chosen()?;
        let target = self.target_of_stdin();
        let context = self.plan.which.context.clone();
        let to = target.as_deref().map(Target::named);
        let outcome = self.write(to.as_ref(), None, |sink| {
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
        let mut source = standard::input()?;
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
            .map_err(|error| Failure::io("it could not be read", &error))?;
        let header = places::header(&head)?;
        let envelope = keys.of_chosen(&header)?;
        let context = self.plan.which.context.clone();
        let written = self.write(target.map(Target::named).as_ref(), None, |sink| {
            let decrypted =
                envelope.decrypt(context.as_bytes(), head.chain(source), sink, &Options::default());
            decrypted.map(drop).map_err(|error| why::not_decrypted(error, &header))
        })?;
        Ok(Outcome::Done(self.done(Path::new("-"), 0, target, &written, Some(&header))))
    }

    fn target_of<'s>(&self, step: &'s Step) -> Result<Option<Target<'s>>, Failure> {
        let target = step.target.as_deref();
        target
            .map(|shown| Ok(Target { shown, place: self.plan.reach_target(&step.found, shown)? }))
            .transpose()
    }

    fn target_of_stdin(&self) -> Option<PathBuf> {
        self.plan.which.out.clone().filter(|out| !is_standard(out))
    }

    /// Writes a file, which is there when it is whole and synced; or stdout.
    fn write(
        &mut self,
        target: Option<&Target<'_>>,
        source: Option<(&File, &Metadata)>,
        fill: impl FnOnce(&mut (dyn Write + Send)) -> Result<(), Failure>,
    ) -> Result<Written, Failure> {
        let Some(target) = target else {
            let out = standard::output()?;
            let mut sink = Counted::new(&out, &self.batch);
            let filled = fill(&mut sink);
            // Whoever reads has enough, and nobody wants to read that.
            filled.map_err(|failure| if sink.closed { output_closed() } else { failure })?;
            return Ok(Written { bytes: sink.count, header: None });
        };
        if let Destination::Directory(_) = self.plan.to
            && let Some(parent) = target.shown.parent()
        {
            DirBuilder::new().recursive(true).mode(0o700).create(parent).map_err(|error| {
                Failure::io(format_args!("the directory {} could not be made", parent.display()), &error)
            })?;
        }
        let there = fs::symlink_metadata(target.place.path()).ok();
        if let (Some((_, source)), Some(there)) = (source, &there)
            && places::is_same(source, there)
        {
            return Err(Failure::usage("it would be written over itself: give another --out"));
        }
        // Also with --force: a device or a link is not what somebody means to replace.
        if there.is_some_and(|there| !there.is_file()) {
            let message = format!(
                "{} is no regular file, and was left as it is: give another --out",
                target.shown.display()
            );
            return Err(Failure::new(Kind::Conflict, message));
        }
        let place = target.place.path();
        let new = if self.plan.which.force { NewFile::replacing(place) } else { NewFile::at(place) };
        let new = new.map_err(|error| existing(error, target))?;
        let mut sink = Counted::new(new.file(), &self.batch);
        fill(&mut sink)?;
        let bytes = sink.count;
        if let Some((source, before)) = source {
            stay_older(new.file(), source, before)
                .map_err(|error| Failure::io("its time could not be set", &error))?;
        }
        let header = places::header(new.file()).ok();
        new.keep().map_err(|error| existing(error, target))?;
        Ok(Written { bytes, header })
    }

    /// Deletes the original if that was asked for, and tells what was done.
    fn finished(
        &self,
        step: &Step,
        place: &Reached,
        before: &Metadata,
        written: &Written,
        header: Option<&WrappedKey>,
    ) -> Result<Outcome, Failure> {
        let Step { found, target } = step;
        if self.plan.which.delete {
            delete(place.path(), before)?;
        }
        Ok(Outcome::Done(self.done(&found.path, found.size, target.as_deref(), written, header)))
    }

    fn done(
        &self,
        from: &Path,
        size: u64,
        to: Option<&Path>,
        written: &Written,
        header: Option<&WrappedKey>,
    ) -> Done {
        let mut fields = json!({
            "out": null, "bytes": written.bytes, "deleted": self.plan.which.delete,
            "key": header.map(WrappedKey::name), "version": header.map(WrappedKey::version),
        });
        fields = with_path(fields, "file", from);
        if let Some(to) = to {
            fields = with_path(fields, "out", to);
        }
        let under = match (self.plan.direction, header) {
            (Direction::Encrypt, Some(header)) => {
                format!(", under version {} of {}", header.version(), header.name())
            }
            _ => String::new(),
        };
        let to = to.map_or_else(String::new, |to| shown(to.display()));
        let line = format!(
            "{} {} as {}: {}{under}.",
            self.plan.direction.task().done(),
            shown(from.display()),
            to,
            bytes(written.bytes)
        );
        Done { fields, line, written: written.bytes, size }
    }
}

/// Where something is written, as it was named and as it is reached.
struct Target<'a> {
    shown: &'a Path,
    place: Reached,
}

impl<'a> Target<'a> {
    fn named(shown: &'a Path) -> Self {
        Self { shown, place: Reached::named(shown) }
    }
}

/// Lets a file be older than its original if somebody wrote to that while it was read: it is then not its present form.
fn stay_older(new: &File, source: &File, before: &Metadata) -> io::Result<()> {
    if places::is_unchanged(before, &source.metadata()?) {
        return Ok(());
    }
    let time = before.modified()?;
    new.set_modified(time.checked_sub(Duration::from_secs(1)).unwrap_or(time))
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

fn existing(error: FileError, target: &Target<'_>) -> Failure {
    let shown = target.shown;
    match error {
        FileError::Exists(path) if path == target.place.path() => {
            Failure::new(Kind::Conflict, format!("{} exists already: --force replaces it", shown.display()))
        }
        FileError::Create { source, .. } => FileError::Create { path: shown.to_owned(), source }.into(),
        error => error.into(),
    }
}

/// What a file's header may have: a sector and two slots of at most ten.
const LONGEST_HEADER: u64 = 21 * 512;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_of_a_file_that_was_written_to_meanwhile_is_older_than_it() {
        let directory = tempfile::tempdir().unwrap();
        let (path, new) = (directory.path().join("original"), directory.path().join("new"));
        fs::write(&path, b"value").unwrap();
        let (source, before) = places::open(&path, false).unwrap();
        let time = |file: &File| file.metadata().unwrap().modified().unwrap();
        let made =
            |new: &Path| File::create(new).and_then(|new| stay_older(&new, &source, &before).map(|()| new));
        assert!(time(&made(&new).unwrap()) >= time(&source), "the control");
        fs::write(&path, b"value, and more").unwrap();
        assert!(time(&made(&new).unwrap()) < time(&source));
    }

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
