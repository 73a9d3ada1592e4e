//! Which files are converted, and where what comes of each goes: settled before anything is asked for or written.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;

use super::batch::{Batch, Outcome, Task};
use super::places::{self, Found, Place, encrypted_name, is_standard, plain_name};
use super::range::Range;
use super::reach::Reached;
use crate::exit::{Failure, Kind};

/// Which files, and where to.
#[derive(Args)]
pub(super) struct Which {
    /// The files, and with --recursive directories; `-` for stdin, which goes to stdout.
    #[arg(required = true, value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,
    /// Take the files in directories, too, and in those below.
    #[arg(long, short)]
    pub(super) recursive: bool,
    /// Where to: a file, a directory, or `-` for stdout. With several files or --recursive it is a directory, in which trees
    /// come out as they are.
    #[arg(long, value_name = "PATH")]
    pub(super) out: Option<PathBuf>,
    /// Replace files that are there, though none that is to be converted itself.
    #[arg(long)]
    pub(super) force: bool,
    /// Delete each original once what came of it is on the disk.
    #[arg(long)]
    pub(super) delete: bool,
    /// What the file is and where it belongs: it decrypts only with the same text. It is not stored, and no secret.
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(super) context: String,
}

#[derive(Clone, Copy)]
pub(super) enum Direction {
    Encrypt,
    Decrypt(Option<Range>),
}

impl Direction {
    pub(super) fn task(self) -> Task {
        match self {
            Self::Encrypt => Task::Encrypt,
            Self::Decrypt(_) => Task::Decrypt,
        }
    }
}

/// Where what comes of the files goes.
pub(super) enum Destination {
    /// Beside each, under a name with or without the suffix.
    Beside,
    Directory(PathBuf),
    File(PathBuf),
    Stdout,
}

impl Destination {
    fn of(which: &Which, stdout_by_default: bool) -> Self {
        match &which.out {
            None if stdout_by_default => Self::Stdout,
            None => Self::Beside,
            Some(out) if is_standard(out) => Self::Stdout,
            Some(out) if which.files.len() > 1 || which.recursive || out.is_dir() => {
                Self::Directory(out.clone())
            }
            Some(out) => Self::File(out.clone()),
        }
    }
}

/// What one command is to do.
pub(super) struct Plan {
    pub(super) which: Which,
    pub(super) direction: Direction,
    pub(super) to: Destination,
}

/// A file that is to be converted.
pub(super) struct Step {
    pub(super) found: Found,
    /// Where what comes of it goes; `None` is stdout.
    pub(super) target: Option<PathBuf>,
}

impl Plan {
    pub(super) fn new(which: Which, direction: Direction, stdout_by_default: bool) -> Self {
        let to = Destination::of(&which, stdout_by_default);
        Self { which, direction, to }
    }

    /// Looks at the files. Those that fail or need nothing are dealt with by this.
    ///
    /// Fails where two would become one, or one would be written over another: then nothing is done at all.
    pub(super) fn steps(&self, places: Vec<Place>, batch: &mut Batch) -> Result<Vec<Step>, Failure> {
        let mut steps = Vec::new();
        for place in places {
            let (path, size, outcome) = match place {
                Place::File(found) => match self.look_at(&found) {
                    Ok(Look::Convert(target)) => {
                        steps.push(Step { found, target });
                        continue;
                    }
                    Ok(Look::PassOver(why)) => (found.path, found.size, Ok(Outcome::PassedOver(why))),
                    Err(failure) => (found.path, found.size, Err(failure)),
                },
                Place::Other(path, why) => (path, 0, Ok(Outcome::PassedOver(why))),
                Place::Refused(path, failure) => (path, 0, Err(failure)),
            };
            batch.take(&path, size, outcome);
        }
        self.check_apart(&steps)?;
        Ok(steps)
    }

    fn look_at(&self, found: &Found) -> Result<Look, Failure> {
        match self.direction {
            Direction::Encrypt => self.look_at_plain(found),
            Direction::Decrypt(_) => match places::encrypted(found)? {
                Some(_) => self.target(found).map(Look::Convert),
                None => Ok(Look::PassOver("not encrypted")),
            },
        }
    }

    fn look_at_plain(&self, found: &Found) -> Result<Look, Failure> {
        let (source, metadata) = places::open(found.reach()?.path(), false)?;
        match (places::is_encrypted(&source), found.in_directory()) {
            (true, true) => return Ok(Look::PassOver("encrypted already")),
            (true, false) => {
                return Err(Failure::new(
                    Kind::Conflict,
                    "it begins as an encrypted file does, so it was left as it is: `strongroom file encrypt - --out FILE` \
                     encrypts whatever comes from stdin, should that be meant",
                ));
            }
            (false, _) => {}
        }
        let target = self.target(found)?;
        // What was interrupted goes on, and what is done every night finds what is new. With --delete it is told that the
        // original is still there.
        let may_be_done = found.in_directory() && !self.which.force && !self.which.delete;
        let done = target.as_ref().filter(|_| may_be_done);
        let done = done.map(|target| self.reach_target(found, target)).transpose()?;
        if done.is_some_and(|target| places::is_encrypted_since(&metadata, target.path())) {
            return Ok(Look::PassOver("the encrypted form is there already, and not older"));
        }
        Ok(Look::Convert(target))
    }

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

    /// Where what comes of a file goes.
    pub(super) fn reach_target(&self, found: &Found, target: &Path) -> Result<Reached, Failure> {
        match &self.to {
            Destination::Beside => found.reach_beside(target),
            _ => Ok(Reached::named(target)),
        }
    }

    fn check_apart(&self, steps: &[Step]) -> Result<(), Failure> {
        let named = self.which.files.iter().map(PathBuf::as_path);
        let inputs = steps.iter().map(|step| step.found.path.as_path()).chain(named);
        let inputs: HashSet<PathBuf> = inputs.map(resolved).collect();
        let mut targets = HashMap::new();
        for Step { found, target } in steps {
            let Some(target) = target else { continue };
            let place = resolved(target);
            // One that would be written over itself is refused by itself.
            if self.which.force && inputs.contains(&place) && place != resolved(&found.path) {
                return Err(Failure::new(
                    Kind::Conflict,
                    format!(
                        "{} would be written over {}, which is one of these files as well; nothing was done: give another --out, \
                         or name fewer files",
                        found.path.display(),
                        target.display()
                    ),
                ));
            }
            if let Some(other) = targets.insert(place, &found.path) {
                return Err(Failure::new(
                    Kind::Conflict,
                    format!(
                        "{} and {} would both become {}; nothing was done: give each another --out, in a command of its own",
                        other.display(),
                        found.path.display(),
                        target.display()
                    ),
                ));
            }
        }
        Ok(())
    }
}

enum Look {
    Convert(Option<PathBuf>),
    PassOver(&'static str),
}

/// A path by which two names of one place are the same.
fn resolved(path: &Path) -> PathBuf {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let parent = fs::canonicalize(parent).unwrap_or_else(|_| parent.to_owned());
    path.file_name().map_or_else(|| parent.clone(), |name| parent.join(name))
}
