//! A directory of the operating system's.

use std::fs::{self, DirBuilder, Metadata, OpenOptions, Permissions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::OpenError;
use crate::io::{Disk, File, LockError, LockGuard, NoRoom};

/// A directory that only its owner can enter, with files that only their owner can read.
pub struct RealDisk {
    directory: PathBuf,
}

impl RealDisk {
    /// A directory that must be there.
    ///
    /// # Errors
    ///
    /// [`OpenError::NotFound`], and [`OpenError::Permission`] if others than the owner can write in it: whoever can
    /// swap files can roll the store back.
    pub fn open(directory: &Path) -> Result<Self, OpenError> {
        let metadata = match fs::metadata(directory) {
            Ok(metadata) if metadata.is_dir() => metadata,
            Ok(_) => return Err(OpenError::NotFound { directory: directory.to_owned() }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(OpenError::NotFound { directory: directory.to_owned() });
            }
            Err(source) => return Err(failed("looking at the directory", source)),
        };
        if metadata.mode() & WRITABLE_BY_OTHERS != 0 {
            return Err(OpenError::Permission {
                path: directory.to_owned(),
                problem: format!(
                    "can be written by other users (mode {:03o}); make it yours alone: chmod 700",
                    metadata.mode() & 0o777
                ),
            });
        }
        Ok(Self { directory: directory.to_owned() })
    }

    /// A directory that is made if it is not there. An empty one is closed to other users (0700).
    ///
    /// # Errors
    ///
    /// [`OpenError::Permission`] if it has files and is open to other users: those might need it as it is.
    pub fn create(directory: &Path) -> Result<Self, OpenError> {
        let close = || {
            fs::set_permissions(directory, Permissions::from_mode(DIRECTORY_MODE))
                .map_err(|source| failed("closing the directory to other users", source))
        };
        let looking = |source| failed("looking at the directory", source);
        match DirBuilder::new().mode(DIRECTORY_MODE).create(directory) {
            Ok(()) => {
                // The umask may have taken bits from us, too.
                close()?;
                sync_parent(directory).map_err(|source| failed("syncing the parent directory", source))?;
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let mode = fs::metadata(directory).map_err(looking)?.mode() & 0o777;
                if mode & OPEN_TO_OTHERS != 0 {
                    if fs::read_dir(directory).map_err(looking)?.next().is_some() {
                        return Err(OpenError::Permission {
                            path: directory.to_owned(),
                            problem: format!(
                                "has files and is open to other users (mode {mode:03o}); choose an empty or a new \
                                 directory, or make it yours alone: chmod 700"
                            ),
                        });
                    }
                    close()?;
                }
            }
            Err(source) => return Err(failed("making the directory", source)),
        }
        Self::open(directory)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }
}

impl Disk for RealDisk {
    fn directory(&self) -> PathBuf {
        self.directory.clone()
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn File>> {
        let file = OpenOptions::new().read(true).write(true).open(self.path(name))?;
        own(&file)?;
        hold(&file)?;
        Ok(Arc::new(RealFile(Held(file))))
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn File>> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(FILE_MODE)
            .open(self.path(name))?;
        own(&file)?;
        hold(&file)?;
        Ok(Arc::new(RealFile(Held(file))))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.path(from), self.path(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.path(name))
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.directory)? {
            // Names that are not text are not ours.
            if let Ok(name) = entry?.file_name().into_string() {
                names.push(name);
            }
        }
        Ok(names)
    }

    fn sync(&self) -> io::Result<()> {
        fs::File::open(&self.directory)?.sync_all()
    }

    fn lock(&self, name: &str) -> Result<LockGuard, LockError> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(FILE_MODE)
            .open(self.path(name))
            .map_err(LockError::Io)?;
        // flock(2): the system lets go of it when the process ends, so that no lock is left behind.
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                let pid = match (&file).take(16).read_to_string(&mut text) {
                    Ok(_) => text.trim().parse().ok(),
                    Err(_) => None,
                };
                return Err(LockError::Held { pid });
            }
            Err(TryLockError::Error(error)) => return Err(LockError::Io(error)),
        }
        own(&file).map_err(LockError::Io)?;
        // The note is for people; the lock does not depend on it, so a full disk does no harm here.
        match file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id())) {
            Ok(()) => Ok(Box::new(Held(file))),
            Err(error) if NoRoom::of(&error) == Some(NoRoom::Full) => Ok(Box::new(Held(file))),
            Err(error) => Err(LockError::Io(error)),
        }
    }
}

/// A file that is locked until this is dropped.
///
/// Closing would not do: a child of this process that has not yet become another program has the file open, and keeps the lock.
struct Held(fs::File);

impl Drop for Held {
    fn drop(&mut self) {
        // One that was not locked is left as it is.
        let _ = self.0.unlock();
    }
}

struct RealFile(Held);

impl File for RealFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.0.metadata()?.len())
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.0.0.read_exact_at(buffer, offset)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.0.0.write_all_at(bytes, offset)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.0.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.0.sync_data()
    }
}

/// Locks the file itself, too: somebody may remove the lock file of a store in use, and then make another one.
fn hold(file: &fs::File) -> io::Result<()> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(io::ErrorKind::WouldBlock.into()),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Closes a file to other users, whatever the umask or whoever copied it here made of it.
fn own(file: &fs::File) -> io::Result<()> {
    let metadata: Metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
    }
    if metadata.mode() & 0o777 == FILE_MODE {
        return Ok(());
    }
    file.set_permissions(Permissions::from_mode(FILE_MODE))
}

fn sync_parent(directory: &Path) -> io::Result<()> {
    let parent = match directory.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    fs::File::open(parent)?.sync_all()
}

fn failed(context: &str, source: io::Error) -> OpenError {
    OpenError::from_io(context, source)
}

const DIRECTORY_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;
const WRITABLE_BY_OTHERS: u32 = 0o022;
const OPEN_TO_OTHERS: u32 = 0o077;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lock_is_let_go_of_although_a_child_has_the_file_open() {
        let directory = tempfile::tempdir().unwrap();
        let disk = RealDisk::open(directory.path()).unwrap();
        let file = fs::File::create(directory.path().join("lock")).unwrap();
        file.try_lock().unwrap();
        // As a child has it: the same open file.
        let inherited = file.try_clone().unwrap();
        drop(file);
        assert!(matches!(disk.lock("lock"), Err(LockError::Held { .. })), "the control: closing does not do");
        drop(inherited);

        let file = fs::File::create(directory.path().join("lock")).unwrap();
        file.try_lock().unwrap();
        let _inherited = file.try_clone().unwrap();
        drop(Held(file));
        assert!(disk.lock("lock").is_ok());
    }
}
