//! Which files are meant, and where what comes of them goes.

use std::ffi::OsStr;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;
use strongroom_envelope::files::form;
use strongroom_envelope::stream::{DecryptError, wrapped_key};
use strongroom_envelope::{ReadAt, WrappedKey};

use super::reach::{Reached, Root};
use crate::exit::{Failure, Kind};

/// A file that was named, or found in a directory that was.
pub(super) struct Found {
    pub(super) path: PathBuf,
    /// Below the directory that was named; of a file that was, its name.
    pub(super) below: PathBuf,
    pub(super) size: u64,
    /// The directory that was named, if the file was found and not named itself.
    root: Option<Root>,
}

impl Found {
    /// Whether it was found and not named: then what does not fit is passed over.
    pub(super) fn in_directory(&self) -> bool {
        self.root.is_some()
    }

    /// Where it is.
    pub(super) fn reach(&self) -> Result<Reached, Failure> {
        self.reach_beside(&self.path)
    }

    /// Where something is, or is to be, that has another name in the same directory.
    pub(super) fn reach_beside(&self, path: &Path) -> Result<Reached, Failure> {
        match (&self.root, path.file_name()) {
            (Some(root), Some(name)) => {
                root.reach(&self.below.with_file_name(name)).map_err(|error| unreadable(&error))
            }
            _ => Ok(Reached::named(path)),
        }
    }
}

/// Something that was named or found.
pub(super) enum Place {
    File(Found),
    /// What is no file, in a directory.
    Other(PathBuf, &'static str),
    /// What cannot be taken.
    Refused(PathBuf, Failure),
}

/// The files that are meant, in the order in which they were named, those in directories by name.
pub(super) fn find(named: &[PathBuf], recursive: bool) -> Vec<Place> {
    let mut places = Vec::new();
    for path in named {
        let metadata = match fs::symlink_metadata(path) {
            Ok(metadata) => metadata,
            Err(error) => {
                places.push(Place::Refused(path.clone(), unreadable(&error)));
                continue;
            }
        };
        if metadata.is_file() {
            let below = path.file_name().map_or_else(|| path.clone(), PathBuf::from);
            places.push(Place::File(Found { path: path.clone(), below, size: metadata.len(), root: None }));
        } else if metadata.is_dir() && recursive {
            match Root::open(path) {
                Ok(root) => walk(&root, path, Path::new(""), &mut places),
                Err(error) => places.push(Place::Refused(path.clone(), unreadable(&error))),
            }
        } else {
            places.push(Place::Refused(path.clone(), no_file(&metadata)));
        }
    }
    places
}

fn walk(root: &Root, directory: &Path, below: &Path, places: &mut Vec<Place>) {
    let entries = fs::read_dir(directory).and_then(Iterator::collect::<io::Result<Vec<_>>>);
    let mut entries = match entries {
        Ok(entries) => entries,
        Err(error) => {
            places.push(Place::Refused(directory.to_owned(), unreadable(&error)));
            return;
        }
    };
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let (path, below) = (entry.path(), below.join(entry.file_name()));
        // Of the entry itself: a link is not followed.
        match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => walk(root, &path, &below, places),
            Ok(metadata) if metadata.is_file() => {
                let root = Some(root.clone());
                places.push(Place::File(Found { path, below, size: metadata.len(), root }));
            }
            Ok(metadata) if metadata.is_symlink() => places.push(Place::Other(path, "a symbolic link")),
            Ok(_) => places.push(Place::Other(path, "no regular file")),
            Err(error) => places.push(Place::Refused(path, unreadable(&error))),
        }
    }
}

/// Opens a file that is one: what has become a link or a pipe since it was found is not followed.
pub(super) fn open(path: &Path, write: bool) -> Result<(File, Metadata), Failure> {
    let flags = OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK;
    let file = OpenOptions::new().read(true).write(write).custom_flags(flags.bits()).open(path);
    let what = if write { "it could not be opened for writing" } else { UNREADABLE };
    let file = file.map_err(|error| Failure::io(what, &error))?;
    let metadata = file.metadata().map_err(|error| unreadable(&error))?;
    if metadata.is_file() { Ok((file, metadata)) } else { Err(no_file(&metadata)) }
}

/// The wrapped data key in the header of an encrypted file. Only decrypting proves it.
pub(super) fn header(source: &(impl ReadAt + ?Sized)) -> Result<WrappedKey, Failure> {
    match wrapped_key(source) {
        // Most files of a few bytes were never encrypted.
        Err(DecryptError::Truncated) if form(source).is_ok_and(|form| form.is_none()) => Err(Failure::new(
            Kind::Damaged,
            "this is no encrypted file of Strongroom, or one that was cut off in its first bytes",
        )),
        header => Ok(header?),
    }
}

/// An encrypted file, and its header; `None` where one was found, not named, that does not begin as one.
pub(super) fn encrypted(found: &Found) -> Result<Option<(File, Metadata, WrappedKey)>, Failure> {
    let (file, metadata) = open(found.reach()?.path(), false)?;
    if found.in_directory() && form(&file).map_err(|error| unreadable(&error))?.is_none() {
        return Ok(None);
    }
    let header = header(&file)?;
    Ok(Some((file, metadata, header)))
}

/// Whether a file is encrypted: it has a whole header, and not just the first bytes of one.
pub(super) fn is_encrypted(file: &File) -> bool {
    wrapped_key(file).is_ok()
}

/// Whether at that place there is an encrypted file that is not older than the original.
pub(super) fn is_encrypted_since(original: &Metadata, place: &Path) -> bool {
    let time = |metadata: &Metadata| (metadata.mtime(), metadata.mtime_nsec());
    open(place, false).is_ok_and(|(file, metadata)| is_encrypted(&file) && time(&metadata) >= time(original))
}

/// Whether both are one file, which has not been written to in between.
pub(super) fn is_unchanged(before: &Metadata, now: &Metadata) -> bool {
    // The time of the last change as well: who writes can put that of the last writing back.
    let state = |metadata: &Metadata| {
        let changed = (metadata.ctime(), metadata.ctime_nsec());
        (metadata.len(), metadata.mtime(), metadata.mtime_nsec(), changed)
    };
    is_same(before, now) && state(before) == state(now)
}

/// Whether both are one file.
pub(super) fn is_same(one: &Metadata, other: &Metadata) -> bool {
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

/// The name of an encrypted file.
pub(super) fn encrypted_name(plain: &Path) -> PathBuf {
    let mut name = plain.as_os_str().to_owned();
    name.push(SUFFIX);
    PathBuf::from(name)
}

/// The name of what was encrypted, where it shows.
pub(super) fn plain_name(encrypted: &Path) -> Option<PathBuf> {
    let name = encrypted.file_name()?.as_bytes().strip_suffix(SUFFIX.as_bytes())?;
    (!name.is_empty()).then(|| encrypted.with_file_name(OsStr::from_bytes(name)))
}

/// Whether stdin or stdout is meant.
pub(super) fn is_standard(path: &Path) -> bool {
    path.as_os_str() == "-"
}

fn no_file(metadata: &Metadata) -> Failure {
    Failure::usage(if metadata.is_dir() {
        "it is a directory: --recursive takes the files in it"
    } else if metadata.is_symlink() {
        "it is a symbolic link, and none is followed: name the file that it leads to"
    } else {
        "it is no regular file: pipe what it gives into `-`"
    })
}

fn unreadable(error: &io::Error) -> Failure {
    Failure::io(UNREADABLE, error)
}

const UNREADABLE: &str = "it could not be read";
/// What an encrypted file's name ends in.
const SUFFIX: &str = ".srf";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_gain_and_lose_the_suffix() {
        for plain in ["a", "d/a.txt", ".hidden", "a.srf"] {
            assert_eq!(plain_name(&encrypted_name(Path::new(plain))).unwrap(), Path::new(plain));
        }
        for other in ["a", "d/.srf", "a.SRF", "a.srf.part", ".."] {
            assert_eq!(plain_name(Path::new(other)), None, "{other}");
        }
    }

    #[test]
    fn links_are_not_followed_even_where_one_takes_the_place_of_a_file() {
        let directory = tempfile::tempdir().unwrap();
        let (file, link) = (directory.path().join("file"), directory.path().join("link"));
        fs::write(&file, b"x").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        assert!(open(&file, false).is_ok() && open(&link, false).is_err());
        let places = find(&[directory.path().to_owned()], true);
        let kinds: Vec<&str> = places
            .iter()
            .map(|place| match place {
                Place::File(_) => "file",
                Place::Other(_, what) => what,
                Place::Refused(..) => "refused",
            })
            .collect();
        assert_eq!(kinds, ["file", "a symbolic link"]);
    }

    #[test]
    fn file_that_was_written_to_is_told_from_one_that_was_not() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        fs::write(&path, b"x").unwrap();
        let (_, before) = open(&path, false).unwrap();
        assert!(is_unchanged(&before, &fs::symlink_metadata(&path).unwrap()));
        fs::write(&path, b"xy").unwrap();
        assert!(!is_unchanged(&before, &fs::symlink_metadata(&path).unwrap()));
    }
}
