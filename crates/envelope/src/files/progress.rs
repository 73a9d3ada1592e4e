//! Counts what is written, and lets the caller stop it.

use std::fs::File;
use std::io::{self, Write};
use std::ops::ControlFlow;

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
