//! Files: encrypted and decrypted from path to path, and rewrapped where they lie.
//!
//! A file appears under its name whole or not at all: it is written without one first, and synced ([`NewFile`]). What does not
//! encrypt or decrypt to its end leaves nothing behind, and what exists already is not replaced unless that is asked for.

mod error;
mod new_file;
mod progress;

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::Path;

use crate::envelope::Envelope;
use crate::header::{Algorithm, PROLOGUE_LEN, Prologue};
use crate::key::{KeyEncryption, WrappedKey};
use crate::read_at::{ReadAt, read_exact_at};
use crate::stream::{self, Header, Options};

use progress::Progress;

pub use error::FileError;
pub use new_file::NewFile;

impl<K: KeyEncryption> Envelope<K> {
    /// Encrypts a file as a stream. `progress` gets the bytes written and those that there will be, and can stop it.
    ///
    /// The new file can be read by its owner alone (0600).
    ///
    /// # Errors
    ///
    /// [`FileError`]: there is then no file at `to`, or the one that was there before.
    pub fn encrypt_file(
        &self,
        associated: &[u8],
        from: &Path,
        to: &Path,
        options: &Options,
        progress: impl FnMut(u64, u64) -> ControlFlow<()> + Send,
    ) -> Result<(), FileError> {
        let source = open(from)?;
        let total = source.size().map_err(|error| FileError::open(from, error))?;
        write(to, progress, total, |sink| {
            // A pipe or a device has no length and no places, and what the kernel makes up when it is read has length 0.
            let done = if is_regular(&source) && total > 0 {
                self.encrypt_from(associated, &source, sink, options)
            } else {
                self.encrypt(associated, &source, sink, options)
            };
            done.map(drop).map_err(FileError::Encrypt)
        })
    }

    /// Decrypts a stream in a file. `progress` gets the bytes written and those that there will be, about, and can stop it.
    ///
    /// The new file can be read by its owner alone (0600).
    ///
    /// # Errors
    ///
    /// [`FileError`]: there is then no file at `to`, or the one that was there before.
    pub fn decrypt_file(
        &self,
        associated: &[u8],
        from: &Path,
        to: &Path,
        options: &Options,
        progress: impl FnMut(u64, u64) -> ControlFlow<()> + Send,
    ) -> Result<(), FileError> {
        let source = open(from)?;
        let total = source.size().map_err(|error| FileError::open(from, error))?;
        write(to, progress, total, |sink| {
            let done = if is_regular(&source) {
                self.decrypt_from(associated, &source, sink, options)
            } else {
                self.decrypt(associated, &source, sink, options)
            };
            done.map(drop).map_err(FileError::Decrypt)
        })
    }

    /// Wraps the data key of an encrypted file anew, where it lies, under the version of the key that is now in use. Whatever
    /// the file's size, two header slots are written, of 512 to 5,120 bytes each as the wrapped key is short or long; and one
    /// of them once more where a rewrap was interrupted. See [`stream`] for what a crash can do: nothing.
    ///
    /// # Errors
    ///
    /// [`FileError`]: the file decrypts as before, under the old key or the new one.
    pub fn rewrap_file(&self, path: &Path) -> Result<(), FileError> {
        self.rewrap_file_from(self.key(), path)
    }

    /// As [`rewrap_file`](Self::rewrap_file), for a file under another key.
    ///
    /// # Errors
    ///
    /// As [`rewrap_file`](Self::rewrap_file).
    pub fn rewrap_file_from(&self, old: &dyn KeyEncryption, path: &Path) -> Result<(), FileError> {
        let file = OpenOptions::new().read(true).write(true).open(path);
        let file = file.map_err(|error| FileError::open(path, error))?;
        // Two at once could write the same slot.
        file.try_lock().map_err(|error| FileError::locked(path, error))?;
        stream::rewrap_in_place(old, self.key(), &file).map_err(FileError::Rewrap)
    }
}

/// Reads the header of an encrypted file. Only opening proves it.
///
/// # Errors
///
/// [`FileError`], as far as the header shows.
pub fn inspect(path: &Path) -> Result<Header, FileError> {
    stream::inspect(&open(path)?).map_err(FileError::Decrypt)
}

/// The data key of an encrypted file as it is wrapped now. Only opening proves it.
///
/// # Errors
///
/// [`FileError`], as far as the header shows.
pub fn wrapped_key(path: &Path) -> Result<WrappedKey, FileError> {
    stream::wrapped_key(&open(path)?).map_err(FileError::Decrypt)
}

/// Which form of object the file or buffer begins as; `None` for anything else. Only opening proves it.
///
/// # Errors
///
/// When it cannot be read.
pub fn form(source: &(impl ReadAt + ?Sized)) -> io::Result<Option<Algorithm>> {
    let mut prologue = [0; PROLOGUE_LEN];
    let size = usize::try_from(source.size()?).unwrap_or(usize::MAX);
    let Some(start) = prologue.get_mut(..size.min(PROLOGUE_LEN)) else { return Ok(None) };
    read_exact_at(source, start, 0)?;
    Ok(Prologue::split(start).ok().map(|(prologue, _)| prologue.algorithm()))
}

fn write(
    to: &Path,
    progress: impl FnMut(u64, u64) -> ControlFlow<()> + Send,
    total: u64,
    fill: impl FnOnce(&mut (dyn Write + Send)) -> Result<(), FileError>,
) -> Result<(), FileError> {
    let new = NewFile::at(to)?;
    let mut sink = Progress::new(new.file(), total, progress);
    let outcome = fill(&mut sink);
    if sink.stopped() {
        return Err(FileError::Stopped);
    }
    outcome?;
    new.keep()
}

fn open(path: &Path) -> Result<File, FileError> {
    File::open(path).map_err(|error| FileError::open(path, error))
}

fn is_regular(file: &File) -> bool {
    file.metadata().is_ok_and(|metadata| metadata.is_file())
}
