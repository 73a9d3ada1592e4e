//! The file that is written: beside its name first, and under it only when it is whole.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use super::error::FileError;

/// A file that goes away unless it is kept.
pub(super) struct Output {
    file: File,
    part: PathBuf,
    to: PathBuf,
    kept: bool,
}

impl Output {
    /// Begins a file that is to be at `to`, where there must be none.
    pub(super) fn beside(to: &Path) -> Result<Self, FileError> {
        if to.symlink_metadata().is_ok() {
            return Err(FileError::Exists(to.to_owned()));
        }
        let mut name = OsString::from(to.file_name().ok_or_else(|| FileError::NoName(to.to_owned()))?);
        name.push(format!(".{}.part", std::process::id()));
        let part = to.with_file_name(name);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&part).map_err(|error| FileError::create(&part, error))?;
        Ok(Self { file, part, to: to.to_owned(), kept: false })
    }

    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// Makes it durable and gives it its name.
    pub(super) fn keep(mut self) -> Result<(), FileError> {
        let failed = |error| FileError::create(&self.to, error);
        self.file.sync_all().map_err(failed)?;
        match renameat_with(CWD, &self.part, CWD, &self.to, RenameFlags::NOREPLACE) {
            Ok(()) => {}
            Err(Errno::EXIST) => return Err(FileError::Exists(self.to.clone())),
            // A file system that cannot promise it: looking first is the best there is.
            Err(Errno::INVAL | Errno::NOSYS) => {
                if self.to.symlink_metadata().is_ok() {
                    return Err(FileError::Exists(self.to.clone()));
                }
                fs::rename(&self.part, &self.to).map_err(failed)?;
            }
            Err(error) => return Err(failed(error.into())),
        }
        self.kept = true;
        let parent = self.to.parent().filter(|parent| !parent.as_os_str().is_empty());
        File::open(parent.unwrap_or(Path::new(".")))
            .and_then(|directory| directory.sync_all())
            .map_err(failed)
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        if !self.kept {
            // Nothing better can be done about it here, and the file has a name that shows what it is.
            let _ = fs::remove_file(&self.part);
        }
    }
}

/// Counts what is written and asks whether to go on.
pub(super) struct Progress<'f, P> {
    file: &'f File,
    done: u64,
    total: u64,
    ask: P,
    stopped: bool,
}

impl<'f, P: FnMut(u64, u64) -> ControlFlow<()>> Progress<'f, P> {
    pub(super) fn new(file: &'f File, total: u64, ask: P) -> Self {
        Self { file, done: 0, total, ask, stopped: false }
    }

    pub(super) fn stopped(&self) -> bool {
        self.stopped
    }
}

impl<P: FnMut(u64, u64) -> ControlFlow<()>> Write for Progress<'_, P> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.done = self.done.saturating_add(u64::try_from(written).unwrap_or(u64::MAX));
        if (self.ask)(self.done, self.total.max(self.done)).is_break() {
            self.stopped = true;
            return Err(io::Error::other("stopped"));
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
