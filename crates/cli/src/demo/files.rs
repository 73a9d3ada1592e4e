//! The files that are protected.

use std::fs;
use std::path::{Path as FilePath, PathBuf};

use serde_json::{Value, json};
use strongroom::{MAX_VALUE, Path};

use crate::exit::Failure;
use crate::text::counted;

/// Files in memory, in the order of their paths.
pub(super) struct Files {
    files: Vec<File>,
    skipped: Skipped,
}

/// One file.
pub(super) struct File {
    pub(super) name: String,
    pub(super) path: Path,
    pub(super) contents: Vec<u8>,
}

/// What was left out, by reason.
#[derive(Default)]
struct Skipped {
    names: u64,
    large: u64,
    unreadable: u64,
    links: u64,
}

impl Files {
    /// Reads all regular files below a directory. `target` and `.git` are left out, and so is what links elsewhere.
    pub(super) fn read(directory: &FilePath) -> Result<Self, Failure> {
        let mut all = Self { files: Vec::new(), skipped: Skipped::default() };
        let failed = |error| Failure::io(format_args!("{} could not be read", directory.display()), &error);
        let mut to_visit = vec![(directory.to_owned(), String::new())];
        fs::read_dir(directory).map_err(failed)?;
        let mut room = TOTAL_MAX;
        while let Some((directory, prefix)) = to_visit.pop() {
            let Ok(entries) = fs::read_dir(&directory) else {
                all.skipped.unreadable += 1;
                continue;
            };
            for entry in entries.map_while(Result::ok) {
                let Ok(kind) = entry.file_type() else { continue };
                let Ok(segment) = entry.file_name().into_string() else {
                    all.skipped.names += 1;
                    continue;
                };
                let name = format!("{prefix}{segment}");
                if kind.is_dir() && !SKIPPED.contains(&segment.as_str()) {
                    to_visit.push((entry.path(), format!("{name}/")));
                } else if kind.is_file() {
                    all.take(name, &entry.path(), &mut room);
                } else if kind.is_symlink() {
                    all.skipped.links += 1;
                }
            }
        }
        all.files.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(all)
    }

    fn take(&mut self, name: String, file: &FilePath, room: &mut usize) {
        let Ok(path) = name.parse::<Path>() else {
            self.skipped.names += 1;
            return;
        };
        let Ok(length) = fs::metadata(file).map(|metadata| metadata.len()) else {
            self.skipped.unreadable += 1;
            return;
        };
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if length > MAX_VALUE || length > *room {
            self.skipped.large += 1;
            return;
        }
        match fs::read(file) {
            Ok(contents) if contents.len() <= MAX_VALUE => {
                *room = room.saturating_sub(contents.len());
                self.files.push(File { name, path, contents });
            }
            Ok(_) => self.skipped.large += 1,
            Err(_) => self.skipped.unreadable += 1,
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &File> {
        self.files.iter()
    }

    pub(super) fn as_slice(&self) -> &[File] {
        &self.files
    }

    pub(super) fn count(&self) -> u64 {
        u64::try_from(self.files.len()).unwrap_or(u64::MAX)
    }

    pub(super) fn bytes(&self) -> u64 {
        self.files.iter().map(|file| u64::try_from(file.contents.len()).unwrap_or(0)).sum()
    }

    pub(super) fn skipped_json(&self) -> Value {
        let Skipped { names, large, unreadable, links } = self.skipped;
        json!({ "names": names, "large": large, "unreadable": unreadable, "links": links })
    }

    pub(super) fn skipped_text(&self) -> String {
        let Skipped { names, large, unreadable, links } = self.skipped;
        if names + large + unreadable + links == 0 {
            return String::new();
        }
        format!(
            "; left out: {names} whose names are no paths, {large} too large, {unreadable} unreadable, {}",
            counted(links, "symbolic link", "symbolic links")
        )
    }
}

/// The directory of the workspace that the current directory is in.
pub(super) fn workspace_root() -> Result<PathBuf, Failure> {
    let here = std::env::current_dir()
        .map_err(|error| Failure::io("the current directory could not be found", &error))?;
    here.ancestors()
        .find(|directory| {
            fs::read_to_string(directory.join("Cargo.toml"))
                .is_ok_and(|manifest| manifest.lines().any(|line| line.trim() == "[workspace]"))
        })
        .map(PathBuf::from)
        .ok_or_else(|| {
            Failure::usage(
                "this is no Cargo workspace: say which directory to protect, `strongroom demo DIR`",
            )
        })
}

const SKIPPED: [&str; 2] = ["target", ".git"];
/// Everything is held in memory, to be compared in the end.
const TOTAL_MAX: usize = 1 << 30;
