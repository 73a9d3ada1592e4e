//! Counting what is written.

use std::fs::File;
use std::io::{self, Write};

use super::batch::Batch;

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
