//! How a stream is encrypted.

use std::num::NonZeroUsize;
use std::thread;

use crate::floe::Parameters;

/// How a stream is encrypted. The default suits most: segments of 64 KiB, as many threads as there are cores.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    parameters: Parameters,
    threads: Option<NonZeroUsize>,
}

impl Options {
    /// With sealed segments of so many bytes: what is read at random is decrypted a segment at a time, and each has 32 bytes
    /// beyond its plaintext. `None` outside [`MIN_SEGMENT`](crate::MIN_SEGMENT) to [`MAX_SEGMENT`](crate::MAX_SEGMENT).
    #[must_use]
    pub fn with_segments_of(self, bytes: u32) -> Option<Self> {
        Some(Self { parameters: Parameters::new(bytes)?, ..self })
    }

    /// With at most so many threads, the caller's among them.
    #[must_use]
    pub fn with_threads(self, threads: NonZeroUsize) -> Self {
        Self { threads: Some(threads), ..self }
    }

    pub(super) fn parameters(&self) -> Parameters {
        self.parameters
    }

    pub(super) fn threads(&self) -> usize {
        self.threads.or_else(|| thread::available_parallelism().ok()).map_or(1, NonZeroUsize::get)
    }
}

impl Default for Options {
    fn default() -> Self {
        Self { parameters: Parameters::DEFAULT, threads: None }
    }
}
