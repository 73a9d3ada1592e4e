//! stdin and stdout, as files without the buffers of the standard library, which would keep plaintext; and a sink that counts.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::MetadataExt as _;

use nix::fcntl::{FcntlArg, OFlag, fcntl};

use super::batch::Batch;
use crate::exit::Failure;

/// stdin.
pub(super) fn input() -> Result<File, Failure> {
    let file = file(io::stdin().as_fd()).map_err(|error| Failure::io("stdin could not be read", &error))?;
    file.ok_or_else(|| {
        Failure::usage("stdin is closed, so nothing comes from there: name a file, or pipe one in")
    })
}

/// stdout.
pub(super) fn output() -> Result<File, Failure> {
    let file =
        file(io::stdout().as_fd()).map_err(|error| Failure::io("stdout could not be written", &error))?;
    file.ok_or_else(|| {
        Failure::usage("stdout is closed, so what goes there is lost: give --out FILE, or pipe it on")
    })
}

/// `None` where it was closed when the process began: the runtime then opened the null device for both reading and writing,
/// which a shell's redirection does not.
fn file(descriptor: BorrowedFd<'_>) -> io::Result<Option<File>> {
    let file = File::from(descriptor.try_clone_to_owned()?);
    let mode = OFlag::from_bits_truncate(fcntl(&file, FcntlArg::F_GETFL)?) & OFlag::O_ACCMODE;
    let device = file.metadata()?.rdev();
    let is_null = || std::fs::metadata("/dev/null").is_ok_and(|null| null.rdev() == device);
    Ok((mode != OFlag::O_RDWR || !is_null()).then_some(file))
}

/// Counts what goes through it.
pub(super) struct Counted<'a> {
    file: &'a File,
    batch: &'a Batch,
    pub(super) count: u64,
    /// Whether nobody reads it any more.
    pub(super) closed: bool,
}

impl<'a> Counted<'a> {
    pub(super) fn new(file: &'a File, batch: &'a Batch) -> Self {
        Self { file, batch, count: 0, closed: false }
    }
}

impl Write for Counted<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes);
        self.closed |= written.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::BrokenPipe);
        let written = written?;
        self.count = self.count.saturating_add(u64::try_from(written).unwrap_or(u64::MAX));
        self.batch.within(self.count);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
