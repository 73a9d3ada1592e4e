//! The file that is written: without a name at first, and under its own only when it is whole.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use super::error::FileError;

/// A file that appears at its place whole or not at all.
///
/// Until [`keep`](Self::keep) it has no name, where the file system can do that (`O_TMPFILE`): then nothing is left of it
/// even if the process is killed. Elsewhere it lies beside its place meanwhile, as `NAME.PID.part`, and goes away when this is
/// dropped. Its owner alone can read it (0600).
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
        if to.file_name().is_none() {
            return Err(FileError::NoName(to.to_owned()));
        }
        match Self::unnamed(to) {
            Some(file) => Ok(file),
            // Where the directory is at fault, this one says how.
            None => Self::named(to),
        }
    }

    #[cfg(target_os = "linux")]
    fn unnamed(to: &Path) -> Option<Self> {
        use rustix::fs::{Mode, OFlags, openat};

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
            ErrorKind::AlreadyExists => FileError::create(&part, error),
            _ => FileError::create(to, error),
        })?;
        Ok(Self { file, to: to.to_owned(), part: Some(part), replaces: false })
    }

    /// Gives a file without a name this one, which nothing may have.
    #[cfg(target_os = "linux")]
    fn link_to(&self, name: &Path) -> Result<(), FileError> {
        use std::os::fd::AsRawFd as _;

        use rustix::fs::{AtFlags, linkat};

        let descriptor = format!("{DESCRIPTORS}/{}", self.file.as_raw_fd());
        linkat(CWD, descriptor, CWD, name, AtFlags::SYMLINK_FOLLOW).map_err(|error| refused(name, error))
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

fn part_of(to: &Path) -> Result<PathBuf, FileError> {
    let mut name = OsString::from(to.file_name().ok_or_else(|| FileError::NoName(to.to_owned()))?);
    name.push(format!(".{}.part", std::process::id()));
    Ok(to.with_file_name(name))
}

fn directory_of(to: &Path) -> &Path {
    to.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

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
}
