//! `file rewrap`.

use std::fs::TryLockError;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use clap::Args;
use serde_json::json;
use strongroom::HsmKey;
use strongroom_envelope::ReadAt;
use strongroom_envelope::stream::{Area, HeaderSlots, check_header, inspect, rewrap_in_place};

use super::batch::{Batch, Done, Outcome, Task, with_path};
use super::keys::{Choice, Keys, parse_hsm};
use super::places::{self, Found, Place};
use super::why;
use crate::context::Context;
use crate::exit::{Failure, Kind};
use crate::text::{bytes, shown};

/// Rewrap files.
#[derive(Args)]
pub(crate) struct Rewrap {
    /// The key to be under from now on; without it, the newest version of the one that each file is under.
    #[command(flatten)]
    choice: Choice,
    /// The key in an HSM that files are under now, where that is another than --hsm names. (Named keys are found by
    /// themselves.)
    #[arg(long, value_name = "hsm(TOKEN, KEY)", value_parser = parse_hsm)]
    from_hsm: Option<HsmKey>,
    /// The files, and with --recursive directories.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Take the files in directories, too, and in those below.
    #[arg(long, short)]
    recursive: bool,
}

impl Rewrap {
    pub(crate) fn run(self, context: &mut Context) -> Result<(), Failure> {
        if self.files.iter().any(|file| places::is_standard(file)) {
            return Err(Failure::usage(
                "files are rewrapped where they lie, which stdin is not: name them (one that is called `-`: ./-)",
            ));
        }
        let alone = self.files.len() == 1 && !self.recursive;
        let mut batch = Batch::new(context.output, Task::Rewrap, None, alone);
        let mut keys = Keys::new(context, self.choice, self.from_hsm);
        // Looked at before a key is asked for, and before they are opened for writing, which a plain file need not allow.
        let mut encrypted = Vec::new();
        for place in places::find(&self.files, self.recursive) {
            match place {
                Place::File(found) => match places::encrypted(&found) {
                    Ok(Some(_)) => encrypted.push(found),
                    Ok(None) => batch.take(&found.path, 0, Ok(Outcome::PassedOver("not encrypted"))),
                    Err(failure) => batch.take(&found.path, 0, Err(failure)),
                },
                Place::Other(path, why) => batch.take(&path, 0, Ok(Outcome::PassedOver(why))),
                Place::Refused(path, failure) => batch.take(&path, 0, Err(failure)),
            }
        }
        for found in encrypted {
            match rewrap(&mut keys, &found) {
                Err(failure) if keys.unusable() => return batch.stopped(false, failure),
                outcome => batch.take(&found.path, 0, outcome),
            }
        }
        batch.end(false)
    }
}

fn rewrap(keys: &mut Keys<'_>, found: &Found) -> Result<Outcome, Failure> {
    let new = if keys.is_chosen() { Some(keys.chosen()?) } else { None };
    let place = found.reach()?;
    let (file, _) = places::open(place.path(), false)?;
    let header = places::header(&file)?;
    // Without its spare, the header under an old version may still be there.
    if inspect(&file)?.slots() == HeaderSlots::Alike && keys.is_newest(&header)? {
        // One of another store may have the same names.
        check_header(keys.of(&header)?.key(), &file).map_err(|error| why::not_decrypted(error, &header))?;
        return Ok(Outcome::PassedOver("under the newest version already"));
    }
    let (file, metadata) = places::open(place.path(), true)?;
    // Two at once could write the same slot.
    file.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => {
            Failure::new(Kind::InUse, "somebody else is rewrapping it: wait for that to end")
        }
        TryLockError::Error(error) => Failure::io("it could not be locked", &error),
    })?;
    let before = places::header(&file)?;
    let old = keys.of(&before)?;
    let new = new.unwrap_or_else(|| old.clone());
    let written = AtomicU64::new(0);
    rewrap_in_place(old.key(), new.key(), &Counted { file: &file, written: &written })
        .map_err(|error| why::not_rewrapped(error, &before))?;
    let after = places::header(&file)?;
    let (written, size) = (written.load(Ordering::Relaxed), metadata.len());
    let fields = json!({
        "key": after.name(), "version": after.version(), "from_key": before.name(),
        "from_version": before.version(), "bytes_written": written, "size": size,
    });
    let fields = with_path(fields, "file", &found.path);
    let line = format!(
        "Rewrapped {}: from version {} of {} to version {} of {}; {written} bytes written of {}.",
        shown(found.path.display()),
        before.version(),
        before.name(),
        after.version(),
        after.name(),
        bytes(size)
    );
    Ok(Outcome::Done(Done { fields, line, written, size }))
}

/// Counts what is written.
struct Counted<'a> {
    file: &'a std::fs::File,
    written: &'a AtomicU64,
}

impl ReadAt for Counted<'_> {
    fn size(&self) -> io::Result<u64> {
        self.file.size()
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        ReadAt::read_at(self.file, buffer, offset)
    }
}

impl Area for Counted<'_> {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        Area::write_at(self.file, bytes, offset)?;
        self.written.fetch_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX), Ordering::Relaxed);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync()
    }
}
