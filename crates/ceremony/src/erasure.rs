//! Files that must not outlive this process: pages with a share, from the moment they are written until they are printed.
//!
//! However the process ends that can do anything about it, they are overwritten and removed: an error or a panic drops their
//! guard, and whoever takes the process's signals calls [`erase_all`] before it ends. After `SIGKILL` they stay until the ceremony
//! goes on, which erases their directory.
//!
//! On a disk that moves what is written, overwriting erases nothing for certain: pages belong on a memory file system.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::fs::{Mode, OFlags};

use crate::custody::create_private;

/// Pages that are there until this is dropped.
#[derive(Default)]
pub(crate) struct Pages(Vec<PathBuf>);

impl Pages {
    /// Writes one more, which only its owner can read; never over another file.
    ///
    /// # Errors
    ///
    /// As the operating system says. What was written by then is erased with the others.
    pub(crate) fn write(&mut self, path: PathBuf, contents: &[u8]) -> io::Result<()> {
        // Held until it is written, so that nothing is written after `erase_all`.
        let mut registry = registry();
        let file = create_private(&path)?;
        self.0.push(path.clone());
        registry.0.push((path, file));
        registry.0.last().map_or(Ok(()), |(_, file)| write(file, contents))
    }

    /// Where they were written.
    pub(crate) fn paths(&self) -> &[PathBuf] {
        &self.0
    }

    /// Erases them. Those that were not at their place any more come back: they were overwritten wherever they are now.
    ///
    /// # Errors
    ///
    /// The first, once everything was tried.
    pub(crate) fn erase(mut self) -> io::Result<Vec<PathBuf>> {
        registry().erase(&std::mem::take(&mut self.0))
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        // Nobody can be told: there is an error already, which is why they were not erased in the ordinary way.
        let _ = registry().erase(&std::mem::take(&mut self.0));
    }
}

/// Erases every page, and no other is written as long as what comes back lives.
///
/// For the thread that takes the signals which end the process.
pub fn erase_all() -> Erased {
    let mut registry = registry();
    let all: Vec<PathBuf> = registry.0.iter().map(|(path, _)| path.clone()).collect();
    // The process ends, and has nobody to tell.
    let _ = registry.erase(&all);
    Erased { _registry: registry }
}

/// There are no pages, and none are written.
#[must_use = "pages can be written again once it is dropped"]
pub struct Erased {
    _registry: MutexGuard<'static, Registry>,
}

/// Overwrites what files there are in a directory, and removes it. Links are not followed.
///
/// # Errors
///
/// The first, once everything was tried; not when there is no such directory.
pub(crate) fn erase_directory(path: &Path) -> io::Result<()> {
    let entries = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Ok(metadata) if metadata.is_dir() => fs::read_dir(path)?,
        Ok(_) => return fs::remove_file(path),
        Err(error) => return Err(error),
    };
    let mut outcome = Ok(());
    for entry in entries {
        let path = entry?.path();
        let is_directory = fs::symlink_metadata(&path)?.is_dir();
        let erased = if is_directory { erase_directory(&path) } else { erase(&path).map(drop) };
        outcome = outcome.and(erased);
    }
    outcome?;
    fs::remove_dir(path)
}

/// The pages of this process, and where they were written. They stay open, so that one which was moved is overwritten too.
struct Registry(Vec<(PathBuf, File)>);

impl Registry {
    fn erase(&mut self, paths: &[PathBuf]) -> io::Result<Vec<PathBuf>> {
        let mut missing = Vec::new();
        let mut outcome = Ok(());
        for (path, file) in self.0.extract_if(.., |(path, _)| paths.contains(path)) {
            let overwritten = overwrite(&file);
            match erase(&path) {
                Ok(true) => {}
                Ok(false) => missing.push(path),
                Err(error) => outcome = outcome.and(Err(error)),
            }
            outcome = outcome.and(overwritten);
        }
        outcome.map(|()| missing)
    }
}

/// Overwrites a file and removes it, whatever it is now. `false` when nothing was there.
fn erase(path: &Path) -> io::Result<bool> {
    let overwritten = match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_file() => open_existing(path).and_then(|file| overwrite(&file)),
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    fs::remove_file(path)?;
    overwritten.map(|()| true)
}

/// It may have been exchanged since it was looked at: no link is followed, and nobody at the other end of a pipe waited for.
fn open_existing(path: &Path) -> io::Result<File> {
    let flags = OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    Ok(File::from(rustix::fs::open(path, flags, Mode::empty())?))
}

fn write(mut file: &File, contents: &[u8]) -> io::Result<()> {
    file.write_all(contents)?;
    file.sync_all()
}

fn overwrite(mut file: &File) -> io::Result<()> {
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(0))?;
    io::copy(&mut io::repeat(0).take(length), &mut file)?;
    file.sync_all()
}

fn registry() -> MutexGuard<'static, Registry> {
    REGISTRY.lock().unwrap_or_else(PoisonError::into_inner)
}

static REGISTRY: Mutex<Registry> = Mutex::new(Registry(Vec::new()));

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// Two pages in a directory of their own, and a second name for the first one's bytes, which tells what became of them.
    fn written() -> (tempfile::TempDir, Pages, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let mut pages = Pages::default();
        for name in ["html", "txt"] {
            pages.write(directory.path().join(name), b"sr1 secret").unwrap();
        }
        let other = directory.path().join("other");
        fs::hard_link(directory.path().join("html"), &other).unwrap();
        assert_eq!(fs::read(&other).unwrap(), b"sr1 secret", "the control");
        (directory, pages, other)
    }

    fn names(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn dropped_pages_are_overwritten_and_gone() {
        let (directory, pages, other) = written();
        drop(pages);
        assert_eq!(names(directory.path()), ["other"]);
        assert_eq!(fs::read(other).unwrap(), [0; 10]);
    }

    #[test]
    fn page_that_was_moved_away_is_overwritten_there_and_the_others_are_erased() {
        let (directory, pages, other) = written();
        fs::rename(directory.path().join("html"), directory.path().join("moved")).unwrap();
        assert_eq!(pages.erase().unwrap(), [directory.path().join("html")]);
        assert_eq!(fs::read(other).unwrap(), [0; 10]);
        assert!(!directory.path().join("txt").exists());
    }

    #[test]
    fn page_that_was_exchanged_for_a_link_costs_nobody_a_file() {
        let (directory, pages, other) = written();
        let mine = directory.path().join("mine");
        fs::write(&mine, "mine").unwrap();
        fs::remove_file(directory.path().join("html")).unwrap();
        symlink(&mine, directory.path().join("html")).unwrap();
        assert!(pages.erase().unwrap().is_empty());
        assert_eq!(fs::read(other).unwrap(), [0; 10]);
        assert_eq!(fs::read(&mine).unwrap(), b"mine");
        assert!(fs::symlink_metadata(directory.path().join("html")).is_err());
    }

    #[test]
    fn failure_between_two_pages_leaves_neither() {
        let directory = tempfile::tempdir().unwrap();
        let mut pages = Pages::default();
        pages.write(directory.path().join("html"), b"sr1 secret").unwrap();
        fs::write(directory.path().join("txt"), "somebody else's").unwrap();
        assert!(pages.write(directory.path().join("txt"), b"sr1 secret").is_err());
        drop(pages);
        assert_eq!(names(directory.path()), ["txt"]);
        assert_eq!(fs::read(directory.path().join("txt")).unwrap(), b"somebody else's");
    }

    #[test]
    fn page_that_cannot_be_overwritten_keeps_no_other() {
        let full = File::options().write(true).open("/dev/full").unwrap();
        assert!(overwrite(&full).is_err(), "the control");
        let (directory, pages, other) = written();
        let mut registry = Registry(vec![(directory.path().join("full"), full)]);
        registry
            .0
            .append(&mut super::registry().0.extract_if(.., |(path, _)| pages.0.contains(path)).collect());
        let all: Vec<PathBuf> = registry.0.iter().map(|(path, _)| path.clone()).collect();
        assert!(registry.erase(&all).is_err());
        assert_eq!(names(directory.path()), ["other"]);
        assert_eq!(fs::read(other).unwrap(), [0; 10]);
    }

    #[test]
    fn leftovers_are_overwritten_and_links_are_not_followed() {
        let directory = tempfile::tempdir().unwrap();
        let shares = directory.path().join("shares");
        let (other, mine) = (directory.path().join("other"), directory.path().join("mine"));
        fs::create_dir_all(shares.join("deeper")).unwrap();
        for name in ["page", "deeper/page"] {
            fs::write(shares.join(name), "sr1 secret").unwrap();
        }
        fs::hard_link(shares.join("page"), &other).unwrap();
        fs::write(&mine, "mine").unwrap();
        symlink(&mine, shares.join("link")).unwrap();
        symlink(directory.path(), shares.join("up")).unwrap();
        erase_directory(&shares).unwrap();
        assert!(!shares.exists());
        assert_eq!(fs::read(&other).unwrap(), [0; 10]);
        assert_eq!(fs::read(&mine).unwrap(), b"mine");
        erase_directory(&shares).unwrap();
        symlink(directory.path(), &shares).unwrap();
        erase_directory(&shares).unwrap();
        assert_eq!(fs::read(&mine).unwrap(), b"mine", "a link in the directory's place");
    }
}
