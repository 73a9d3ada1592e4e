//! The file that is written: without a name at first, and under its own only when it is whole.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, RenameFlags, openat, renameat_with};
use rustix::io::Errno;
use strongroom_crypto::hash::sha256;

use super::error::FileError;

/// A file that appears at its place whole or not at all.
///
/// Until [`keep`](Self::keep) it has no name, where the file system can do that (`O_TMPFILE`): then nothing is left of it
/// if the process is killed. There is one exception: a link replaces nothing, so a file that takes another's place has a name
/// for the instant between a link and a rename, and a process that is killed just then leaves it, whole. On other file systems
/// it has that name all along. It is `.strongroom-HEX.part` beside the file's place, HEX made from the file's name. It goes
/// away when this is dropped; what a killed process left goes away when a file is next begun for the same place, as long as
/// the file system has locks, which tell it from one that is being written. Its owner alone can read it (0600).
pub struct NewFile {
    file: File,
    to: PathBuf,
    /// The name that it has meanwhile, if it has one.
    part: Option<PathBuf>,
    replaces: bool,
}

impl NewFile {
    /// Begins a file that is to be at `to`, where there must be none now nor when it is kept.
    ///
    /// # Errors
    ///
    /// [`FileError::Exists`], [`FileError::NoName`] and [`FileError::Create`].
    pub fn at(to: &Path) -> Result<Self, FileError> {
        if to.symlink_metadata().is_ok() {
            return Err(FileError::Exists(to.to_owned()));
        }
        Self::begin(to)
    }

    /// Begins a file that takes the place of the one at `to` when it is kept, if there is one then.
    ///
    /// # Errors
    ///
    /// [`FileError::NoName`] and [`FileError::Create`].
    pub fn replacing(to: &Path) -> Result<Self, FileError> {
        let mut new = Self::begin(to)?;
        new.replaces = true;
        Ok(new)
    }

    /// The file, to be written and read back.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Makes it durable and gives it its name.
    ///
    /// # Errors
    ///
    /// [`FileError::Exists`] and [`FileError::Create`]: the file is gone, unless it is the directory that could not be synced.
    pub fn keep(mut self) -> Result<(), FileError> {
        self.file.sync_all().map_err(|error| FileError::create(&self.to, error))?;
        match (self.part.clone(), self.replaces) {
            (None, false) => self.link_to(&self.to)?,
            (None, true) => {
                // A link never replaces anything, so it needs a name to be renamed from.
                let part = part_of(&self.to)?;
                remove_abandoned(&part);
                // From the first instant on others see that it is not abandoned.
                let _ = self.file.try_lock();
                self.link_to(&part)?;
                self.part = Some(part.clone());
                self.rename(&part)?;
            }
            (Some(part), true) => self.rename(&part)?,
            (Some(part), false) => self.rename_to_nothing(&part)?,
        }
        self.part = None;
        File::open(directory_of(&self.to))
            .and_then(|directory| directory.sync_all())
            .map_err(|error| FileError::create(&self.to, error))
    }

    fn begin(to: &Path) -> Result<Self, FileError> {
        remove_abandoned(&part_of(to)?);
        match Self::unnamed(to) {
            Some(file) => Ok(file),
            // Where the directory is at fault, this one says how.
            None => Self::named(to),
        }
    }

    #[cfg(target_os = "linux")]
    fn unnamed(to: &Path) -> Option<Self> {
        // Through these it gets its name in the end.
        if !Path::new(DESCRIPTORS).is_dir() {
            return None;
        }
        let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        let file = openat(CWD, directory_of(to), flags, Mode::RUSR | Mode::WUSR).ok()?;
        Some(Self { file: file.into(), to: to.to_owned(), part: None, replaces: false })
    }

    #[cfg(not(target_os = "linux"))]
    fn unnamed(_to: &Path) -> Option<Self> {
        None
    }

    fn named(to: &Path) -> Result<Self, FileError> {
        let part = part_of(to)?;
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&part).map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => in_the_way(&part),
            _ => FileError::create(to, error),
        })?;
        // Somebody who looked before this lock was there may have taken it for abandoned.
        if matches!(file.try_lock(), Err(TryLockError::WouldBlock)) || !is_at(&file, &part) {
            return Err(in_the_way(&part));
        }
        Ok(Self { file, to: to.to_owned(), part: Some(part), replaces: false })
    }

    /// Gives a file without a name this one, which nothing may have.
    #[cfg(target_os = "linux")]
    fn link_to(&self, name: &Path) -> Result<(), FileError> {
        use std::os::fd::AsRawFd as _;

        use rustix::fs::{AtFlags, linkat};

        let descriptor = format!("{DESCRIPTORS}/{}", self.file.as_raw_fd());
        linkat(CWD, descriptor, CWD, name, AtFlags::SYMLINK_FOLLOW)
            .map_err(|error| if name == self.to { refused(name, error) } else { in_the_way(name) })
    }

    #[cfg(not(target_os = "linux"))]
    fn link_to(&self, name: &Path) -> Result<(), FileError> {
        Err(refused(name, Errno::NOSYS))
    }

    fn rename(&self, part: &Path) -> Result<(), FileError> {
        fs::rename(part, &self.to).map_err(|error| FileError::create(&self.to, error))
    }

    fn rename_to_nothing(&self, part: &Path) -> Result<(), FileError> {
        match renameat_with(CWD, part, CWD, &self.to, RenameFlags::NOREPLACE) {
            Ok(()) => Ok(()),
            // A file system that cannot promise it: looking first is the best there is.
            Err(Errno::INVAL | Errno::NOSYS) => {
                if self.to.symlink_metadata().is_ok() {
                    return Err(FileError::Exists(self.to.clone()));
                }
                self.rename(part)
            }
            Err(error) => Err(refused(&self.to, error)),
        }
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if let Some(part) = &self.part {
            // Nothing better can be done about it here, and the file has a name that shows what it is.
            let _ = fs::remove_file(part);
        }
    }
}

fn refused(name: &Path, error: Errno) -> FileError {
    match error {
        Errno::EXIST => FileError::Exists(name.to_owned()),
        error => FileError::create(name, error.into()),
    }
}

fn in_the_way(part: &Path) -> FileError {
    FileError::create(part, io::Error::new(ErrorKind::AlreadyExists, IN_THE_WAY))
}

/// As short for a long name as for a short one, and the same for the next process that writes the file.
fn part_of(to: &Path) -> Result<PathBuf, FileError> {
    let name = to.file_name().ok_or_else(|| FileError::NoName(to.to_owned()))?;
    let digest = sha256(&[name.as_encoded_bytes()]);
    let first = digest.first_chunk().copied().unwrap_or_default();
    Ok(to.with_file_name(format!(".strongroom-{:016x}.part", u64::from_be_bytes(first))))
}

/// Removes what a process that was killed has left. What is being written is locked.
fn remove_abandoned(part: &Path) {
    let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let Ok(file) = openat(CWD, part, flags, Mode::empty()).map(File::from) else { return };
    if file.try_lock().is_ok() && is_at(&file, part) {
        // What cannot be removed is in the way, and whoever needs the name is told.
        let _ = fs::remove_file(part);
    }
}

/// Whether this regular file is the one of that name.
fn is_at(file: &File, name: &Path) -> bool {
    let (Ok(file), Ok(named)) = (file.metadata(), name.symlink_metadata()) else { return false };
    file.is_file() && (file.dev(), file.ino()) == (named.dev(), named.ino())
}

fn directory_of(to: &Path) -> &Path {
    to.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

const IN_THE_WAY: &str =
    "somebody else is writing this file, or was killed while doing so: wait for that to end, or delete it";
#[cfg(target_os = "linux")]
const DESCRIPTORS: &str = "/proc/self/fd";

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    type Begin = fn(&Path) -> Option<NewFile>;

    /// Both ways, of which a file system may have only the second.
    fn ways() -> Vec<Begin> {
        let directory = tempfile::tempdir().unwrap();
        let named: Begin = |to| Some(NewFile::named(to).unwrap());
        match NewFile::unnamed(&directory.path().join("trial")) {
            Some(_) => vec![NewFile::unnamed, named],
            None => vec![named],
        }
    }

    fn names(directory: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(directory)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn kept_file_is_there_and_a_dropped_one_leaves_nothing() {
        for begin in ways() {
            let directory = tempfile::tempdir().unwrap();
            let to = directory.path().join("new");
            let new = begin(&to).unwrap();
            new.file().write_all(b"half").unwrap();
            assert!(!to.exists());
            drop(new);
            assert!(names(directory.path()).is_empty());
            let new = begin(&to).unwrap();
            new.file().write_all(b"whole").unwrap();
            new.keep().unwrap();
            assert_eq!(
                (fs::read(&to).unwrap(), names(directory.path())),
                (b"whole".into(), vec!["new".to_owned()])
            );
        }
    }

    #[test]
    fn what_came_meanwhile_is_replaced_only_where_that_was_asked_for() {
        for begin in ways() {
            let directory = tempfile::tempdir().unwrap();
            let to = directory.path().join("new");
            let new = begin(&to).unwrap();
            fs::write(&to, b"other").unwrap();
            assert!(matches!(new.keep(), Err(FileError::Exists(path)) if path == to));
            assert_eq!(fs::read(&to).unwrap(), b"other");
            let mut new = begin(&to).unwrap();
            new.replaces = true;
            new.file().write_all(b"new").unwrap();
            assert_eq!(fs::read(&to).unwrap(), b"other");
            new.keep().unwrap();
            assert_eq!(
                (fs::read(&to).unwrap(), names(directory.path())),
                (b"new".into(), vec!["new".to_owned()])
            );
        }
    }

    #[test]
    fn what_a_killed_process_left_goes_away_and_what_is_being_written_stays() {
        for begin in [NewFile::at, NewFile::replacing] {
            let directory = tempfile::tempdir().unwrap();
            let to = directory.path().join("new");
            let left = part_of(&to).unwrap();
            fs::write(&left, b"left").unwrap();
            drop(begin(&to).unwrap());
            assert!(names(directory.path()).is_empty());
            // The control: the same file, while somebody has it locked.
            fs::write(&left, b"being written").unwrap();
            let other = File::open(&left).unwrap();
            other.lock().unwrap();
            let _ = begin(&to);
            assert_eq!(fs::read(&left).unwrap(), b"being written");
        }
    }

    #[test]
    fn two_that_replace_one_file_at_once_do_not_harm_each_other() {
        for begin in ways() {
            let directory = tempfile::tempdir().unwrap();
            let to = directory.path().join("new");
            let mut first = NewFile::named(&to).unwrap();
            first.replaces = true;
            let second = NewFile::replacing(&to).and_then(NewFile::keep);
            assert!(matches!(second, Err(FileError::Create { path, .. }) if path == part_of(&to).unwrap()));
            first.keep().unwrap();
            assert_eq!(names(directory.path()), ["new"]);
            let mut third = begin(&to).unwrap();
            third.replaces = true;
            third.keep().unwrap();
            assert_eq!(names(directory.path()), ["new"]);
        }
    }

    #[test]
    fn link_where_the_part_would_be_is_neither_followed_nor_removed() {
        let directory = tempfile::tempdir().unwrap();
        let (to, other) = (directory.path().join("new"), directory.path().join("other"));
        fs::write(&other, b"kept").unwrap();
        std::os::unix::fs::symlink(&other, part_of(&to).unwrap()).unwrap();
        assert!(NewFile::replacing(&to).and_then(NewFile::keep).is_err());
        assert_eq!((fs::read(&other).unwrap(), names(directory.path()).len()), (b"kept".into(), 2));
    }

    #[test]
    fn name_may_be_as_long_as_names_are() {
        for begin in ways() {
            let directory = tempfile::tempdir().unwrap();
            let to = directory.path().join("n".repeat(255));
            fs::write(&to, b"old").unwrap();
            let mut new = begin(&to).unwrap();
            new.replaces = true;
            new.file().write_all(b"new").unwrap();
            new.keep().unwrap();
            assert_eq!((fs::read(&to).unwrap(), names(directory.path()).len()), (b"new".into(), 1));
        }
    }
}
