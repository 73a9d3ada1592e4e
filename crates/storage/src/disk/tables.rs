//! What is stored, as readers see it: two tables in memory over the database.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::collections::btree_map::Range;
use std::ops::Bound;
use std::sync::{Arc, PoisonError, RwLock};

use crate::disk::checkpoint::Progress;
use crate::disk::database::View;
use crate::disk::queue::Queue;
use crate::log::Position;
use crate::memory::scan_start;
use crate::{BoxFuture, ReadError, Snapshot, Value};

/// Changes by key; `None` removes.
pub(super) type Table = BTreeMap<Vec<u8>, Option<Value>>;

/// What the handle and the threads share.
pub(super) struct Shared {
    pub(super) queue: Queue,
    pub(super) progress: Arc<Progress>,
    tables: RwLock<Tables>,
}

/// Everything as of one instant: the upper tables win.
#[derive(Clone)]
struct Tables {
    /// What the active log segment holds.
    active: Arc<Table>,
    /// What the other segment holds, while it is being checkpointed.
    frozen: Option<Frozen>,
    /// The database as the last checkpoint left it.
    view: Arc<View>,
}

/// A table that changes no more, and the last frame that went into it.
#[derive(Clone)]
pub(super) struct Frozen {
    pub(super) table: Arc<Table>,
    pub(super) position: Position,
}

impl Shared {
    pub(super) fn new(progress: Arc<Progress>, active: Table, frozen: Option<Frozen>, view: View) -> Self {
        let tables = Tables { active: Arc::new(active), frozen, view: Arc::new(view) };
        Self { queue: Queue::default(), progress, tables: RwLock::new(tables) }
    }

    pub(super) fn get(&self, key: &[u8]) -> Result<Option<Value>, ReadError> {
        let view = {
            let tables = self.read();
            if let Some(found) = tables.find(key) {
                return Ok(found.clone());
            }
            Arc::clone(&tables.view)
        };
        view.get(key)
    }

    pub(super) fn scan(
        &self,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Vec<u8>>, ReadError> {
        // The lock is held for the tables in memory only: cloning them would make the next commit copy them.
        let (upper, view) = {
            let tables = self.read();
            (tables.upper_keys(prefix, after, limit), Arc::clone(&tables.view))
        };
        merge(upper, &view, prefix, after, limit)
    }

    pub(super) fn snapshot(&self) -> DiskSnapshot {
        DiskSnapshot(self.read().clone())
    }

    /// Lets readers see changes that have become durable.
    pub(super) fn apply(&self, changes: impl Iterator<Item = (Vec<u8>, Option<Value>)>) {
        let mut tables = self.write();
        Arc::make_mut(&mut tables.active).extend(changes);
    }

    /// Makes the active table the frozen one. There must not be a frozen one.
    pub(super) fn freeze(&self, position: Position) {
        let mut tables = self.write();
        let table = std::mem::take(&mut tables.active);
        tables.frozen = Some(Frozen { table, position });
    }

    pub(super) fn frozen(&self) -> Option<Frozen> {
        self.read().frozen.clone()
    }

    pub(super) fn has_active_changes(&self) -> bool {
        !self.read().active.is_empty()
    }

    /// The frozen table is in the database: reads it from there from now on.
    pub(super) fn thaw(&self, view: View) {
        let old = {
            let mut tables = self.write();
            (tables.frozen.take(), std::mem::replace(&mut tables.view, Arc::new(view)))
        };
        // Freeing thousands of values takes a while: not under the lock.
        drop(old);
    }

    // A panic cannot leave the tables half changed in a way that matters: the committer would have ended with it.
    fn read(&self) -> std::sync::RwLockReadGuard<'_, Tables> {
        self.tables.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, Tables> {
        self.tables.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tables {
    /// What the tables in memory say about a key: nothing, or its value, or that it is gone.
    fn find(&self, key: &[u8]) -> Option<&Option<Value>> {
        let frozen = || self.frozen.as_ref().and_then(|frozen| frozen.table.get(key));
        self.active.get(key).or_else(frozen)
    }

    /// The keys in memory, in order, and whether they are live: as many as a scan of `limit` keys could need.
    fn upper_keys(&self, prefix: &[u8], after: Option<&[u8]>, limit: usize) -> Vec<(Vec<u8>, bool)> {
        let range = (scan_start(prefix, after), Bound::Unbounded);
        let mut keys = Overlay {
            upper: self.active.range::<[u8], _>(range).peekable(),
            lower: self.frozen.as_ref().map(|frozen| frozen.table.range::<[u8], _>(range).peekable()),
        };
        let mut found = Vec::new();
        let mut live = 0;
        while live < limit {
            let Some((key, value)) = keys.next().filter(|(key, _)| key.starts_with(prefix)) else { break };
            live += usize::from(value.is_some());
            found.push((key.clone(), value.is_some()));
        }
        found
    }
}

type Entries<'a> = std::iter::Peekable<Range<'a, Vec<u8>, Option<Value>>>;

/// Two tables as one: where both have a key, the upper one counts.
struct Overlay<'a> {
    upper: Entries<'a>,
    lower: Option<Entries<'a>>,
}

impl<'a> Iterator for Overlay<'a> {
    type Item = (&'a Vec<u8>, &'a Option<Value>);

    fn next(&mut self) -> Option<Self::Item> {
        let Some(lower) = &mut self.lower else { return self.upper.next() };
        let order = match (self.upper.peek(), lower.peek()) {
            (Some((up, _)), Some((low, _))) => up.cmp(low),
            (Some(_), None) => Ordering::Less,
            (None, _) => Ordering::Greater,
        };
        match order {
            Ordering::Less => self.upper.next(),
            Ordering::Greater => lower.next(),
            Ordering::Equal => {
                lower.next();
                self.upper.next()
            }
        }
    }
}

fn merge(
    upper: Vec<(Vec<u8>, bool)>,
    view: &View,
    prefix: &[u8],
    after: Option<&[u8]>,
    limit: usize,
) -> Result<Vec<Vec<u8>>, ReadError> {
    let mut keys = Vec::new();
    let mut upper = upper.into_iter().peekable();
    let mut below = view.keys(scan_start(prefix, after))?;
    let mut next_below = below.next_key(prefix)?;
    while keys.len() < limit {
        match (upper.peek(), &next_below) {
            (None, None) => break,
            (Some((up, _)), Some(low)) if low < up => {}
            (Some((up, _)), low) => {
                if low.as_ref() == Some(up) {
                    next_below = below.next_key(prefix)?;
                }
                keys.extend(upper.next().and_then(|(key, live)| live.then_some(key)));
                continue;
            }
            (None, Some(_)) => {}
        }
        keys.extend(next_below.take());
        next_below = below.next_key(prefix)?;
    }
    Ok(keys)
}

/// The tables as they were; commits go on elsewhere.
pub(super) struct DiskSnapshot(Tables);

impl Snapshot for DiskSnapshot {
    fn get<'a>(&'a self, key: &'a [u8]) -> BoxFuture<'a, Result<Option<Value>, ReadError>> {
        Box::pin(async move {
            match self.0.find(key) {
                Some(found) => Ok(found.clone()),
                None => self.0.view.get(key),
            }
        })
    }

    fn scan<'a>(
        &'a self,
        prefix: &'a [u8],
        after: Option<&'a [u8]>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Vec<u8>>, ReadError>> {
        Box::pin(async move {
            let upper = self.0.upper_keys(prefix, after, limit);
            merge(upper, &self.0.view, prefix, after, limit)
        })
    }
}
