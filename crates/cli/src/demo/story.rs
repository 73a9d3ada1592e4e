//! The life of the demo's store.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use pollster::block_on;
use strongroom::share_text::{self, Decoded};
use strongroom::{
    Batch, Directory, DiskStorage, InitOptions, Plaintext, Preparation, SealedStore, ShareText, SlotOptions,
    SlotState, Store,
};
use zeroize::Zeroizing;

use super::files::{File, Files};
use super::steps::Steps;
use crate::commands::keys::rewrap;
use crate::commands::values::walk;
use crate::exit::{Failure, Kind};
use crate::handout::write_private;
use crate::output::Output;
use crate::progress::Bar;

/// The directory in which all of it happens; deleted in the end, unless it is to be kept.
pub(super) struct Workplace {
    path: PathBuf,
    keep: bool,
}

impl Workplace {
    pub(super) fn new(keep: Option<&FilePath>) -> Result<Self, Failure> {
        let unique = format!("strongroom-demo-{}", std::process::id());
        let path = keep.map_or_else(|| std::env::temp_dir().join(unique), FilePath::to_owned);
        DirBuilder::new().mode(0o700).create(&path).map_err(|error| {
            Failure::io(format_args!("the directory {} could not be made", path.display()), &error)
        })?;
        Ok(Self { path, keep: keep.is_some() })
    }

    pub(super) fn path(&self) -> &FilePath {
        &self.path
    }

    pub(super) fn store(&self) -> PathBuf {
        self.path.join("store")
    }

    /// Another store, in which nothing was put.
    pub(super) fn empty_store(&self) -> PathBuf {
        self.path.join("empty")
    }

    pub(super) fn control(&self) -> PathBuf {
        self.path.join("control")
    }
}

impl Drop for Workplace {
    fn drop(&mut self) {
        if !self.keep {
            // The system clears its directory of temporary files, too.
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

/// Shares as texts, for the proof, with the values in them.
pub(super) struct DealtShare {
    pub(super) text: Zeroizing<String>,
    pub(super) values: Zeroizing<Vec<u8>>,
}

/// Goes through it all. Returns every share that there ever was.
pub(super) fn run(
    workplace: &Workplace,
    files: &Files,
    steps: &mut Steps,
) -> Result<Vec<DealtShare>, Failure> {
    let output = steps.output();
    let size = |(): &()| (files.count(), files.bytes());
    let (store, mut shares) = steps.plain("make a store, 3 of 5", || init(&workplace.store()))?;
    steps.files("put every file", || put_all(output, &store, files), size)?;
    steps.plain("seal and close", || close(store))?;

    let path = workplace.store();
    steps.plain("2 shares: refused", || refused(&path, &shares, &[0, 3]))?;
    let store = steps.plain("open with shares 1, 2, 3", || open(&path, &shares, &[0, 1, 2]))?;
    steps.files("read and compare every file", || verify(output, &store, files), size)?;
    close(store)?;
    let store = steps.plain("open with shares 3, 4, 5", || open(&path, &shares, &[2, 3, 4]))?;
    steps.files("read and compare every file", || verify(output, &store, files), size)?;

    steps.plain("rotate: a new term", || Ok(block_on(store.barrier().rotate())?))?;
    let resealed = |outcome: &strongroom::RewrapOutcome| (outcome.report.resealed, outcome.report.bytes);
    let outcome = steps.measured("rewrap", "entries", || rewrap(output, &store), resealed)?;
    let destroyed = |outcome: &strongroom::RewrapOutcome| match outcome.destroyed.as_slice() {
        [] => Err(Failure::new(Kind::Failure, "the rewrap destroyed no term")),
        _ => Ok(()),
    };
    destroyed(&outcome)?;

    let new = steps.plain("rekey: 2 of 3 new holders", || rekey(&store))?;
    let outcome = steps.measured("rewrap", "entries", || rewrap(output, &store), resealed)?;
    destroyed(&outcome)?;
    close(store)?;
    steps.plain("the old shares: refused", || refused(&path, &shares, &[0, 1, 2]))?;
    let store = steps.plain("open with new shares 1, 3", || open(&path, &new, &[0, 2]))?;
    steps.files("read and compare every file", || verify(output, &store, files), size)?;
    steps.files("list every path", || list(&store, files), size)?;
    steps.measured("check every record", "entries", || check(output, &store), |checked| *checked)?;
    close(store)?;
    if workplace.keep {
        for (name, set) in [("old-shares.txt", &shares), ("shares.txt", &new)] {
            let text =
                Zeroizing::new(set.iter().map(|share| share.text.as_str()).collect::<Vec<_>>().join("\n"));
            let file = workplace.path().join(name);
            write_private(&file, text.as_bytes())
                .map_err(|error| Failure::io("the shares could not be written", &error))?;
        }
    }
    shares.extend(new);
    Ok(shares)
}

/// Makes a store. Its label is short, since labels lie in the clear.
pub(super) fn init(path: &FilePath) -> Result<(Store, Vec<DealtShare>), Failure> {
    let policy = strongroom::Policy::shamir(3, 5).map_err(|error| Failure::usage(error.to_string()))?;
    let storage = Arc::new(DiskStorage::create(path)?);
    let prepared = block_on(Preparation::new(storage, InitOptions::new("demo", policy)))?;
    let shares = texts(prepared.share_texts())?;
    Ok((block_on(prepared.commit())?, shares))
}

fn texts(shares: &[ShareText]) -> Result<Vec<DealtShare>, Failure> {
    let text = |share: &ShareText| {
        let text =
            share_text::encode(share).map_err(|error| Failure::new(Kind::Failure, error.to_string()))?;
        Ok(DealtShare { text, values: Zeroizing::new(share.share.y().expose().to_vec()) })
    };
    shares.iter().map(text).collect()
}

fn put_all(output: Output, store: &Store, files: &Files) -> Result<(), Failure> {
    let bar = Bar::entries(output, "putting");
    let mut done = 0;
    let mut rest = files.as_slice();
    while !rest.is_empty() {
        let mut size = 0;
        let batch_len = rest
            .iter()
            .take(BATCH_FILES)
            .take_while(|file| {
                let first = size == 0;
                size += file.contents.len().max(1);
                first || size <= BATCH_BYTES
            })
            .count();
        let (now, later) = rest.split_at_checked(batch_len).unwrap_or((rest, &[]));
        let batch = now.iter().fold(Batch::new(), |batch, file| {
            batch.put(file.path.clone(), Plaintext::new(file.contents.clone()))
        });
        block_on(store.barrier().commit(batch))?;
        rest = later;
        done += u64::try_from(now.len()).unwrap_or(0);
        let _ = bar.at(done, files.count());
    }
    Ok(())
}

#[expect(clippy::unnecessary_wraps, reason = "as all steps")]
fn close(store: Store) -> Result<(), Failure> {
    block_on(store.seal());
    drop(store);
    Ok(())
}

fn open(path: &FilePath, shares: &[DealtShare], which: &[usize]) -> Result<Store, Failure> {
    let storage = Arc::new(DiskStorage::open(path)?);
    let mut unsealing = block_on(SealedStore::open(storage))?.unsealing();
    for share in which.iter().filter_map(|index| shares.get(*index)) {
        unsealing.offer(decode(share)?)?;
    }
    Ok(block_on(unsealing.unseal())?)
}

fn decode(share: &DealtShare) -> Result<ShareText, Failure> {
    match share_text::decode(&share.text) {
        Ok(Decoded::Exact(share)) => Ok(share),
        _ => Err(Failure::new(Kind::Failure, "a share does not read as it was written")),
    }
}

/// These shares must not open the store.
fn refused(path: &FilePath, shares: &[DealtShare], which: &[usize]) -> Result<(), Failure> {
    match open(path, shares, which) {
        Err(failure) if failure.kind == Kind::Sealed => Ok(()),
        Err(failure) => Err(failure),
        Ok(_) => Err(Failure::new(Kind::Failure, "the store opened, and it must not have")),
    }
}

fn verify(output: Output, store: &Store, files: &Files) -> Result<(), Failure> {
    let bar = Bar::entries(output, "comparing");
    for (done, file) in (1..).zip(files.iter()) {
        let entry = block_on(store.barrier().get(&file.path))?;
        if entry.is_none_or(|entry| entry.value() != file.contents) {
            return Err(Failure::new(Kind::Damaged, "a file did not come back as it was put"));
        }
        let _ = bar.at(done, files.count());
    }
    Ok(())
}

fn rekey(store: &Store) -> Result<Vec<DealtShare>, Failure> {
    let policy = strongroom::Policy::shamir(2, 3).map_err(|error| Failure::usage(error.to_string()))?;
    let slots = store.slots()?;
    let missing = || Failure::new(Kind::NotFound, "the slot is missing");
    let old = slots.slots().iter().find(|slot| slot.state() == SlotState::Active).ok_or_else(missing)?;
    let dealt = block_on(store.add_replacement(old.id(), SlotOptions::new(policy)))?;
    let shares = texts(dealt.share_texts())?;
    let mut possession = store.possession(dealt.slot())?;
    for share in &shares {
        possession.offer(decode(share)?)?;
    }
    block_on(store.replace_slot(old.id(), possession.finish()?))?;
    Ok(shares)
}

fn list(store: &Store, files: &Files) -> Result<(), Failure> {
    let mut listed = Vec::new();
    walk(store, &Directory::root(), &mut |path| {
        listed.push(path);
        Ok(())
    })?;
    listed.sort();
    let expected: Vec<&str> = files.iter().map(|file: &File| file.name.as_str()).collect();
    if listed == expected {
        Ok(())
    } else {
        Err(Failure::new(Kind::Damaged, "the list differs from the files"))
    }
}

fn check(output: Output, store: &Store) -> Result<(u64, u64), Failure> {
    let bar = Bar::entries(output, "checking");
    let check = block_on(store.check(|done, total| bar.at(done, total)))?;
    if !check.is_clean() {
        return Err(Failure::new(Kind::Damaged, "the check found damage"));
    }
    Ok((check.entries.values + check.entries.directories, check.entries.bytes))
}

const BATCH_FILES: usize = 64;
const BATCH_BYTES: usize = 4 * 1024 * 1024;
