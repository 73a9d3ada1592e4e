//! The way to a file below a directory that was named, on which no link is followed.
//!
//! Whoever can write to a directory can put a link, or another directory, in the place of one that was found there: while shares
//! are asked for he has time. So the directory that was named is kept open, and each step down from it opens what it finds
//! there and follows nothing. A file is then taken by its name in the directory that was reached, by way of `/proc/self/fd`.

use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use nix::fcntl::OFlag;

/// A directory that was named.
#[derive(Clone)]
pub(super) struct Root(Arc<File>);

/// A place for a name in a directory that stays the same one, wherever it is moved.
pub(super) struct Reached {
    path: PathBuf,
    /// Open for as long as the path is used.
    _directory: Option<File>,
}

impl Root {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self(Arc::new(directory(path)?)))
    }

    /// The place of what lies below, in the directory that it lies in now.
    pub(super) fn reach(&self, below: &Path) -> io::Result<Reached> {
        let name = |component| match component {
            Component::Normal(name) => Ok(name),
            _ => Err(io::Error::from(io::ErrorKind::InvalidInput)),
        };
        let mut components = below.components();
        let last = name(components.next_back().unwrap_or(Component::CurDir))?;
        let mut reached = self.0.try_clone()?;
        for component in components {
            reached = directory(&within(&reached, name(component)?))?;
        }
        Ok(Reached { path: within(&reached, last), _directory: Some(reached) })
    }
}

impl Reached {
    /// A place that was named itself.
    pub(super) fn named(path: &Path) -> Self {
        Self { path: path.to_owned(), _directory: None }
    }

    /// By which it is opened, made and removed; not for people.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

fn directory(path: &Path) -> io::Result<File> {
    let flags = OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW;
    OpenOptions::new().read(true).custom_flags(flags.bits()).open(path)
}

fn within(directory: &File, name: &OsStr) -> PathBuf {
    Path::new("/proc/self/fd").join(directory.as_raw_fd().to_string()).join(name)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn link_that_takes_the_place_of_a_directory_is_not_followed() {
        let place = tempfile::tempdir().unwrap();
        let path = |name: &str| place.path().join(name);
        for directory in ["tree/sub", "outside"] {
            fs::create_dir_all(path(directory)).unwrap();
            fs::write(path(directory).join("file"), directory).unwrap();
        }
        let root = Root::open(&path("tree")).unwrap();
        let (file, deep) = (Path::new("sub/file"), Path::new("file"));
        let reached = root.reach(file).unwrap();
        assert_eq!(fs::read(reached.path()).unwrap(), b"tree/sub");

        fs::rename(path("tree/sub"), path("moved")).unwrap();
        symlink(path("outside"), path("tree/sub")).unwrap();
        assert_eq!(fs::read(path("tree/sub/file")).unwrap(), b"outside", "the control: by its name");
        assert!(root.reach(file).is_err());
        // What was reached before is the same file as ever.
        assert_eq!(fs::read(reached.path()).unwrap(), b"tree/sub");

        // The directory that was named may be moved and replaced, too.
        fs::rename(path("tree"), path("away")).unwrap();
        symlink(path("outside"), path("tree")).unwrap();
        assert!(root.reach(deep).is_ok_and(|reached| fs::read(reached.path()).is_err()));
        assert!(Root::open(&path("tree")).is_err());
        for wrong in ["", "..", "sub/../file", "/file"] {
            assert!(root.reach(Path::new(wrong)).is_err(), "{wrong:?}");
        }
    }
}
