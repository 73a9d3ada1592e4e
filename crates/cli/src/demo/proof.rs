//! The proof that the raw files of the closed store tell nothing, and the control that it would show.

use std::collections::HashSet;
use std::fs;
use std::path::Path as FilePath;

use serde_json::{Value, json};

use super::files::Files;
use super::search::{Names, SHORTEST_NAME, WINDOW, Windows, confirm, is_trivial, windows};
use super::steps::Steps;
use super::story::{self, DealtShare, Workplace};
use crate::exit::{Failure, Kind};
use crate::output::Output;
use crate::text::{bytes, counted};

/// What is looked for.
struct Needles<'a> {
    files: &'a Files,
    shares: &'a [DealtShare],
    paths: Names,
    segments: Names,
    contents: Windows,
    share_windows: Windows,
}

/// What was found.
#[derive(Default)]
struct Found {
    raw_files: u64,
    raw_bytes: u64,
    paths: HashSet<Vec<u8>>,
    segments: HashSet<Vec<u8>>,
    windows: HashSet<u128>,
    shares: HashSet<u128>,
}

/// The verdict.
pub(super) struct Proof {
    paths: usize,
    segments: usize,
    short: usize,
    windows: u64,
    trivial: u64,
    own: Found,
    share_windows: u64,
    found: Found,
    control: Found,
}

/// Searches the store, an empty one for what storage writes of its own, and a copy in which something was planted.
pub(super) fn run(
    workplace: &Workplace,
    files: &Files,
    shares: &[DealtShare],
    steps: &mut Steps,
) -> Result<Proof, Failure> {
    let sizes = |found: &Found| (0, found.raw_bytes);
    let needles = Needles::new(files, shares);
    let (empty, _) = story::init(&workplace.empty_store())?;
    drop(empty);
    let own =
        steps.measured("search an empty store", "", || needles.search(&workplace.empty_store()), sizes)?;
    let needles = needles.without(&own);
    let mut found =
        steps.measured("search every raw byte", "", || needles.search(&workplace.store()), sizes)?;
    found.windows.retain(|window| !own.windows.contains(window));
    plant(workplace, files, shares, &own)?;
    let mut control =
        steps.measured("search the control", "", || needles.search(&workplace.control()), sizes)?;
    control.windows.retain(|window| !own.windows.contains(window));
    let names = files.iter().map(|file| file.name.as_str()).collect::<HashSet<_>>();
    Ok(Proof {
        paths: needles.paths.len(),
        segments: needles.segments.len(),
        short: names.iter().filter(|name| name.len() < SHORTEST_NAME).count(),
        windows: needles.contents.looked_for,
        trivial: needles.contents.trivial,
        own,
        share_windows: needles.share_windows.looked_for,
        found,
        control,
    })
}

impl<'a> Needles<'a> {
    fn new(files: &'a Files, shares: &'a [DealtShare]) -> Self {
        let segments = files.iter().flat_map(|file| file.name.split('/'));
        Self {
            files,
            shares,
            paths: Names::new(files.iter().map(|file| file.name.as_bytes().to_vec())),
            segments: Names::new(
                segments
                    .filter(|segment| segment.len() >= LONG_SEGMENT)
                    .map(|segment| segment.as_bytes().to_vec()),
            ),
            contents: Windows::new(contents(files)),
            share_windows: Windows::new(share_forms(shares).iter().map(Vec::as_slice)),
        }
    }

    /// Without the names that an empty store has too.
    fn without(self, own: &Found) -> Self {
        Self { paths: self.paths.without(&own.paths), segments: self.segments.without(&own.segments), ..self }
    }

    fn search(&self, directory: &FilePath) -> Result<Found, Failure> {
        let failed = |error| Failure::io("a raw file could not be read", &error);
        let mut found = Found::default();
        let (mut windows, mut share_windows) = (HashSet::new(), HashSet::new());
        for entry in fs::read_dir(directory).map_err(failed)? {
            let raw = fs::read(entry.map_err(failed)?.path()).map_err(failed)?;
            found.raw_files += 1;
            found.raw_bytes += u64::try_from(raw.len()).unwrap_or(0);
            self.paths.find(&raw, &mut found.paths);
            self.segments.find(&raw, &mut found.segments);
            self.contents.find(&raw, &mut windows);
            self.share_windows.find(&raw, &mut share_windows);
        }
        found.windows = confirm(contents(self.files), &windows);
        found.shares = confirm(share_forms(self.shares).iter().map(Vec::as_slice), &share_windows);
        Ok(found)
    }
}

fn contents(files: &Files) -> impl Iterator<Item = &[u8]> + Clone {
    files.as_slice().iter().map(|file| file.contents.as_slice())
}

/// A share in each of its forms: text in lower and upper case, bytes, and hex.
fn share_forms(shares: &[DealtShare]) -> Vec<Vec<u8>> {
    shares
        .iter()
        .flat_map(|share| {
            [
                share.text.as_bytes().to_vec(),
                share.text.to_ascii_uppercase().into_bytes(),
                share.values.to_vec(),
                crate::text::hex(&share.values).into_bytes(),
            ]
        })
        .collect()
}

/// Copies the raw files and writes a path, 16 bytes of a content and a share into the middle of the largest.
fn plant(workplace: &Workplace, files: &Files, shares: &[DealtShare], own: &Found) -> Result<(), Failure> {
    let failed = |error| Failure::io("the control could not be made", &error);
    let control = workplace.control();
    fs::create_dir(&control).map_err(failed)?;
    let mut largest = (0, control.clone());
    for entry in fs::read_dir(workplace.store()).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let copy = control.join(entry.file_name());
        let size = fs::copy(entry.path(), &copy).map_err(failed)?;
        if size > largest.0 {
            largest = (size, copy);
        }
    }
    let nothing =
        || Failure::new(Kind::Failure, "the files have nothing that could be planted in the control");
    let path = files.iter().map(|file| &file.name).max_by_key(|name| name.len()).ok_or_else(nothing)?;
    let content = contents(files)
        .flat_map(windows)
        .find(|window| !is_trivial(*window) && !own.windows.contains(window));
    let share = shares.last().ok_or_else(nothing)?;
    let mut raw = fs::read(&largest.1).map_err(failed)?;
    let middle = raw.len() / 2;
    let mut planted = path.as_bytes().to_vec();
    planted.extend(content.map(u128::to_be_bytes).unwrap_or_default());
    planted.extend_from_slice(share.text.as_bytes());
    raw.splice(middle..(middle + planted.len()).min(raw.len()), planted);
    fs::write(&largest.1, raw).map_err(failed)
}

impl Found {
    fn json(&self) -> Value {
        json!({
            "paths": self.paths.len(), "segments": self.segments.len(), "windows": self.windows.len(),
            "share_windows": self.shares.len(),
        })
    }

    fn is_empty(&self) -> bool {
        self.paths.is_empty() && self.segments.is_empty() && self.windows.is_empty() && self.shares.is_empty()
    }

    fn text(&self) -> String {
        format!(
            "{}, {}, {} of contents, {} of shares",
            counted(count(self.paths.len()), "path", "paths"),
            counted(count(self.segments.len()), "segment", "segments"),
            counted(count(self.windows.len()), "window", "windows"),
            count(self.shares.len())
        )
    }
}

impl Proof {
    /// Whether nothing shows, and the control did.
    pub(super) fn holds(&self) -> bool {
        self.found.is_empty() && self.control_works()
    }

    /// What could be looked for was planted, and found.
    fn control_works(&self) -> bool {
        let seen = |looked_for: u64, found: usize| looked_for == 0 || found > 0;
        seen(count(self.paths), self.control.paths.len())
            && seen(self.windows, self.control.windows.len())
            && !self.control.shares.is_empty()
    }

    pub(super) fn json(&self) -> Value {
        json!({
            "raw_files": self.found.raw_files,
            "raw_bytes": self.found.raw_bytes,
            "looked_for": {
                "paths": self.paths, "segments": self.segments, "windows": self.windows,
                "share_windows": self.share_windows,
            },
            "excluded": {
                "short_paths": self.short, "trivial_windows": self.trivial, "in_an_empty_store": self.own.json(),
            },
            "found": self.found.json(),
            "control_found": self.control.json(),
        })
    }

    pub(super) fn lines(&self, output: Output) -> Vec<String> {
        let verdict = |good: bool, text: &str| if good { output.good(text) } else { output.bad(text) };
        let mut lines = vec![
            format!(
                "Looked at every byte of {} raw files ({}) for {} paths, {} segments of {LONG_SEGMENT} bytes or more, {} \
                 windows of {WINDOW} bytes of the contents, and {} of the shares.",
                self.found.raw_files,
                bytes(self.found.raw_bytes),
                self.paths,
                self.segments,
                self.windows,
                self.share_windows
            ),
            format!(
                "Left out: {} windows of zeros or of two characters alone, {} shorter than {SHORTEST_NAME} bytes, and \
                 what an empty store has too ({}).",
                self.trivial,
                counted(count(self.short), "path", "paths"),
                self.own.text()
            ),
            format!(
                "{}: {}.",
                verdict(
                    self.found.is_empty(),
                    if self.found.is_empty() { "Nothing of it shows" } else { "It shows" }
                ),
                self.found.text()
            ),
            format!(
                "{}: with one path, {WINDOW} bytes and one share planted, {}.",
                verdict(self.control_works(), "The control"),
                self.control.text()
            ),
        ];
        let shown = |name: &Vec<u8>| name.escape_ascii().to_string();
        let mut named: Vec<String> = self.own.paths.iter().chain(&self.own.segments).map(shown).collect();
        named.extend(self.own.windows.iter().map(|window| window.to_be_bytes().escape_ascii().to_string()));
        named.sort();
        if let Some(first) = named.first() {
            lines.push(format!("An empty store has, for example, \"{first}\"."));
        }
        lines.extend(
            self.found
                .paths
                .iter()
                .chain(&self.found.segments)
                .map(|name| format!("  shows: {}", shown(name))),
        );
        lines
    }
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

/// Shorter ones chance would find, and many are words that storage has of its own.
const LONG_SEGMENT: usize = 8;
