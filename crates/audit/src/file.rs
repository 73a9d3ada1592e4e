//! A chain in a file, which survives crashes.
//!
//! Each record is synced before its call returns. What a crash can leave is a last line without its end: then nobody was
//! told that it is recorded. When the file is opened again, such a line is completed if all of it is there, and is otherwise
//! overwritten, in place, by a record that says how many bytes were cut and what their hash was. There is no moment at which a
//! line is gone and no record of it is there. A file that is damaged in any other way is refused.

use std::fmt;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use strongroom_crypto::hash::sha256;

use crate::chain;
use crate::record::MAX_LINE;
use crate::time::Time;
use crate::verify::{BadLines, Checker, End, Problem};
use crate::writer::{self, AppendError, Sink, Writer};

/// A file that this process alone writes.
pub struct FileSink(File);

impl Sink for FileSink {
    fn append(&mut self, line: &[u8]) -> io::Result<()> {
        self.0.write_all(line)?;
        self.0.sync_data()
    }
}

/// What was found at the end of a file that is gone on with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// A whole line.
    Whole,
    /// A whole line that lacked its line feed, which was added.
    Completed,
    /// A part of a line. It was cut, and a record says so.
    Cut {
        /// Its bytes.
        bytes: u64,
    },
    /// Nothing, or a part of the very first line: the chain was begun again, with another number.
    Begun,
}

/// Begins a chain in a new file, which its owner alone can read.
///
/// # Errors
///
/// [`FileError`], also when the file is there already.
pub fn create(path: &Path, at: Time, purpose: &str) -> Result<Writer<FileSink>, FileError> {
    let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path)?;
    let file = locked(file)?;
    // The name must outlive a loss of power before anything is said to be recorded under it.
    sync_directory(path)?;
    Ok(Writer::begin(FileSink(file), at, purpose)?)
}

/// Goes on with the chain in a file.
///
/// # Errors
///
/// [`FileError`]: damage that no crash leaves, another purpose, a seal, another process.
pub fn resume(path: &Path, at: Time, purpose: &str) -> Result<(Writer<FileSink>, Found), FileError> {
    let mut file = locked(OpenOptions::new().read(true).write(true).open(path)?)?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last.saturating_add(1));
    let (whole, torn) = bytes.split_at_checked(whole).unwrap_or_default();
    let mut checker = Checker::default();
    for line in whole.split_inclusive(|byte| *byte == b'\n') {
        let taken = checker.take(line.strip_suffix(b"\n").unwrap_or(line));
        taken.map_err(|problem| FileError::Damaged(BadLines { line: checker.next(), problem }))?;
    }
    if torn.len() > MAX_LINE {
        return Err(FileError::Damaged(BadLines { line: checker.next(), problem: Problem::Torn }));
    }
    let Some((id, found)) = checker.opened() else {
        if !FIRST_BYTES.starts_with(torn) && !torn.starts_with(FIRST_BYTES) {
            return Err(FileError::Damaged(BadLines { line: 1, problem: Problem::NotOpened }));
        }
        file.set_len(0)?;
        file.rewind()?;
        return Ok((Writer::begin(FileSink(file), at, purpose)?, Found::Begun));
    };
    if found.as_str() != purpose {
        return Err(FileError::OtherPurpose);
    }
    let tip = checker.tip();
    let end = |checker: &Checker| if checker.end() == End::Sealed { Err(FileError::Sealed) } else { Ok(()) };
    if torn.is_empty() {
        end(&checker)?;
        return Ok((Writer::at(FileSink(file), id, tip), Found::Whole));
    }
    if checker.take(torn).is_ok() {
        FileSink(file.try_clone()?).append(b"\n")?;
        end(&checker)?;
        return Ok((Writer::at(FileSink(file), id, checker.tip()), Found::Completed));
    }
    if checker.end() == End::Sealed {
        let problem = Problem::AfterSeal;
        return Err(FileError::Damaged(BadLines { line: checker.next(), problem }));
    }
    let cut = u64::try_from(torn.len()).unwrap_or(u64::MAX);
    let (record, line) = writer::line(tip, at, chain::repaired(cut, sha256(&[torn])));
    let from = u64::try_from(whole.len()).unwrap_or(u64::MAX);
    file.seek(SeekFrom::Start(from))?;
    file.write_all(line.as_bytes())?;
    let end = file.stream_position()?;
    file.sync_data()?;
    // Only now is the rest of a longer remainder dropped: until here it has no end, and would be recorded once more.
    file.set_len(end)?;
    file.sync_all()?;
    Ok((Writer::at(FileSink(file), id, chain::Tip::behind(&record)), Found::Cut { bytes: cut }))
}

fn locked(file: File) -> Result<File, FileError> {
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(FileError::InUse),
        Err(TryLockError::Error(error)) => Err(FileError::Io(error)),
    }
}

fn sync_directory(path: &Path) -> io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
}

/// Why a file cannot be written to.
#[derive(Debug)]
pub enum FileError {
    /// The operating system refused.
    Io(io::Error),
    /// Another process has it open.
    InUse,
    /// It is damaged in a way that no crash leaves.
    Damaged(BadLines),
    /// It is a record of something else.
    OtherPurpose,
    /// It is sealed.
    Sealed,
    /// The chain could not be begun.
    Append(AppendError),
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "the file could not be opened or written: {error}"),
            Self::InUse => f.write_str("another process writes to this file: end it first"),
            Self::Damaged(bad) => write!(
                f,
                "{bad}. No crash leaves a file so, and nothing was written to it: keep it as evidence, and begin another"
            ),
            Self::OtherPurpose => f.write_str("this file is a record of something else: choose another"),
            Self::Sealed => f.write_str("the file is sealed, and nothing can be added: begin another"),
            Self::Append(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for FileError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            Self::Damaged(error) => Some(error),
            Self::Append(error) => Some(error),
            Self::InUse | Self::OtherPurpose | Self::Sealed => None,
        }
    }
}

impl From<io::Error> for FileError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<AppendError> for FileError {
    fn from(error: AppendError) -> Self {
        Self::Append(error)
    }
}

/// Every chain begins so. A file without a line that begins otherwise is somebody else's, and is not overwritten.
const FIRST_BYTES: &[u8] = b"{\"at\":\"";
