//! Listing a directory: keys alone are read, opened, sorted and paged.

use std::cmp::Ordering;
use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use zeroize::Zeroizing;

use crate::barrier::Barrier;
use crate::error::ReadError;
use crate::names::EntryName;
use crate::path::Directory;
use crate::place::{self, EntryPlace};

/// One line of a listing: the last segment of a value, or a directory.
///
/// Ordered as text, with the slash at a directory's end; no `Debug`, and wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Name {
    text: Zeroizing<String>,
}

impl Name {
    /// The name; a directory's ends in `/`.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it is a directory.
    pub fn is_directory(&self) -> bool {
        self.text.ends_with('/')
    }
}

impl From<EntryName> for Name {
    fn from(name: EntryName) -> Self {
        match name {
            EntryName::Value(text) => Self { text },
            EntryName::Directory(text) => Self { text: Zeroizing::new(format!("{}/", *text)) },
        }
    }
}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Name {
    fn cmp(&self, other: &Self) -> Ordering {
        self.text.cmp(&other.text)
    }
}

/// A part of a listing.
pub struct Page {
    /// In ascending order.
    pub names: Vec<Name>,
    /// Whether more follow: ask again after the last of these.
    pub more: bool,
}

impl Barrier {
    /// Up to `limit` names of a directory in ascending order, after `after`. A directory that is not there is empty.
    ///
    /// Storage keeps a directory in an order of its own, so a page costs a scan of the whole directory, in memory bounded
    /// by the page; directories of up to 65,536 names are kept sorted until the next commit, so that paging on is cheap.
    ///
    /// # Errors
    ///
    /// [`ReadError::Name`] when a name was damaged, forged or moved: the listing would be wrong.
    pub async fn list(
        &self,
        directory: &Directory,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page, ReadError> {
        let limit = limit.max(1);
        loop {
            let (generation, prefixes) = self.with_keys(|keys| {
                let prefix = |names: &crate::names::NamesCipher| {
                    place::directory_prefix(names.generation(), names.token(directory))
                };
                Ok((keys.keyring.generation(), keys.lookup_order().map(prefix).collect::<Vec<_>>()))
            })?;
            let before = self.sequence();
            if let Some(sorted) = self.shared().listings.find(directory, before) {
                return Ok(page(&sorted, after, limit));
            }
            let mut smallest = BTreeSet::new();
            let mut whole = true;
            for prefix in &prefixes {
                self.scan_names(
                    prefix,
                    |name| {
                        smallest.insert(name);
                        if smallest.len() > CACHED_NAMES.max(limit.saturating_add(1)) {
                            whole = false;
                            smallest.pop_last();
                        }
                    },
                    after,
                )
                .await?;
            }
            let sorted: Arc<[Name]> = smallest.into_iter().collect();
            let current = self.with_keys(|keys| {
                let current = keys.keyring.generation() == generation;
                // Kept while the keys are held, so that sealing, which clears the cache after taking them, clears it too.
                if current && whole && after.is_none() && self.sequence() == before {
                    self.shared().listings.keep(directory, before, Arc::clone(&sorted));
                }
                Ok(current)
            })?;
            // New keys may have taken over meanwhile: then the old ones found too little.
            if current {
                return Ok(page(&sorted, after, limit));
            }
        }
    }

    async fn scan_names(
        &self,
        prefix: &[u8],
        mut found: impl FnMut(Name),
        after: Option<&str>,
    ) -> Result<(), ReadError> {
        let mut cursor: Option<Vec<u8>> = None;
        loop {
            let mut keys = self.shared().storage.scan(prefix, cursor.as_deref(), SCAN_PAGE).await?;
            self.with_keys(|held| {
                for key in &keys {
                    let place = EntryPlace::parse(key).ok_or(ReadError::Name)?;
                    let Some(names) =
                        held.lookup_order().find(|names| names.generation() == place.generation)
                    else {
                        // That generation has been emptied since the scan.
                        continue;
                    };
                    let name = Name::from(names.open(&place)?);
                    if after.is_none_or(|after| name.as_str() > after) {
                        found(name);
                    }
                }
                Ok(())
            })?;
            match keys.pop() {
                Some(last) => cursor = Some(last),
                None => return Ok(()),
            }
        }
    }

    fn sequence(&self) -> u64 {
        self.shared().head.lock().unwrap_or_else(PoisonError::into_inner).sequence
    }
}

fn page(sorted: &[Name], after: Option<&str>, limit: usize) -> Page {
    let start = after.map_or(0, |after| sorted.partition_point(|name| name.as_str() <= after));
    let rest = sorted.get(start..).unwrap_or_default();
    Page { names: rest.iter().take(limit).cloned().collect(), more: rest.len() > limit }
}

/// Sorted listings of the last directories that were asked for, each good until the next commit.
#[derive(Default)]
pub(crate) struct ListingCache {
    kept: Mutex<VecDeque<Kept>>,
}

struct Kept {
    directory: Directory,
    sequence: u64,
    names: Arc<[Name]>,
}

impl ListingCache {
    fn find(&self, directory: &Directory, sequence: u64) -> Option<Arc<[Name]>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|listing| listing.sequence == sequence);
        kept.iter().find(|listing| listing.directory == *directory).map(|listing| Arc::clone(&listing.names))
    }

    fn keep(&self, directory: &Directory, sequence: u64, names: Arc<[Name]>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push_back(Kept { directory: directory.clone(), sequence, names });
        if kept.len() > CACHED_DIRECTORIES {
            kept.pop_front();
        }
    }

    pub(crate) fn clear(&self) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

const SCAN_PAGE: usize = 1024;
const CACHED_NAMES: usize = 65_536;
const CACHED_DIRECTORIES: usize = 4;
