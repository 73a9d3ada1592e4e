//! The redb file: what has been checkpointed.

use std::io;
use std::ops::Bound;
use std::sync::Arc;

use redb::{Durability, ReadOnlyTable, ReadableDatabase, ReadableTable, StorageError, TableDefinition};

use crate::disk::backend::Backend;
use crate::disk::checkpoint::Progress;
use crate::disk::contain::contain;
use crate::io::File;
use crate::log::{LogId, Position};
use crate::{OpenError, ReadError, Value};

pub(super) struct Database {
    /// Gone once it is closed.
    redb: Option<redb::Database>,
    backend: Backend,
}

/// redb writes when it is dropped, and may panic over damaged pages there too.
impl Drop for Database {
    fn drop(&mut self) {
        let redb = self.redb.take();
        // Whoever wants to hear of errors closes it.
        let _ = contain(|| {
            drop(redb);
            Ok::<(), redb::Error>(())
        });
    }
}

impl Database {
    /// Makes a database in an empty file.
    pub(super) fn create(
        file: Arc<dyn File>,
        cache_size: usize,
        progress: &Arc<Progress>,
        log: &LogId,
    ) -> Result<Self, OpenError> {
        let database = Self::on(file, cache_size, progress)?;
        database
            .transaction(Position::default(), |_, about| {
                about.insert(FORMAT, [FORMAT_VERSION].as_slice())?;
                about.insert(LOG, log.as_slice())?;
                Ok(())
            })
            .map_err(|error| OpenError::from(read_error("making the database", error)))?;
        Ok(database)
    }

    pub(super) fn open(
        file: Arc<dyn File>,
        cache_size: usize,
        progress: &Arc<Progress>,
    ) -> Result<Self, OpenError> {
        let length = file.len().map_err(|source| OpenError::from_io("reading the database", source))?;
        if length == 0 {
            // redb would make a new one.
            return Err(OpenError::Corrupt("the database file is empty".to_owned()));
        }
        Self::on(file, cache_size, progress)
    }

    fn on(file: Arc<dyn File>, cache_size: usize, progress: &Arc<Progress>) -> Result<Self, OpenError> {
        let backend = Backend::new(file, Arc::clone(progress));
        let redb = contain(|| {
            let opened = redb::Builder::new().set_cache_size(cache_size).create_with_backend(backend.clone());
            Ok::<_, redb::Error>(opened?)
        })
        .map_err(|error| OpenError::from(read_error("opening the database", error)))?;
        backend.stop_deferring();
        Ok(Self { redb: Some(redb), backend })
    }

    /// Makes durable what opening has found and noted. Nothing that the log holds may be overwritten before.
    pub(super) fn settle(&self) -> Result<(), ReadError> {
        let context = || "writing the database".to_owned();
        self.backend.settle().map_err(|source| ReadError::Io { context: context(), source })
    }

    /// Which log belongs to the database, and how much of it the database has.
    pub(super) fn about(&self) -> Result<(LogId, Position), OpenError> {
        let [format, log, position] = contain(|| {
            let table = self.redb()?.begin_read()?.open_table(ABOUT)?;
            let value = |name| Ok::<_, redb::Error>(table.get(name)?.map(|value| value.value().to_vec()));
            Ok::<_, redb::Error>([value(FORMAT)?, value(LOG)?, value(POSITION)?])
        })
        .map_err(|error| OpenError::from(read_error("reading the database", error)))?;
        let missing = |name| OpenError::Corrupt(format!("the database has no entry \"{name}\""));
        let odd = |name| OpenError::Corrupt(format!("the database's entry \"{name}\" makes no sense"));
        if format.ok_or_else(|| missing(FORMAT))? != [FORMAT_VERSION] {
            return Err(OpenError::Corrupt(
                "the database is of a version that this program does not know".into(),
            ));
        }
        let log = log.ok_or_else(|| missing(LOG))?.try_into().map_err(|_| odd(LOG))?;
        let position = position.ok_or_else(|| missing(POSITION))?;
        let (sequence, checksum) = position.split_first_chunk::<8>().ok_or_else(|| odd(POSITION))?;
        let checksum = <[u8; 4]>::try_from(checksum).map_err(|_| odd(POSITION))?;
        let position =
            Position { sequence: u64::from_be_bytes(*sequence), checksum: u32::from_be_bytes(checksum) };
        Ok((log, position))
    }

    /// Stores changes and how far they go in the log, in one durable transaction.
    pub(super) fn apply<'a>(
        &self,
        changes: impl Iterator<Item = (&'a [u8], Option<&'a [u8]>)>,
        position: Position,
    ) -> Result<(), redb::Error> {
        self.transaction(position, |records, _| {
            for (key, value) in changes {
                match value {
                    Some(value) => records.insert(key, value)?,
                    None => records.remove(key)?,
                };
            }
            Ok(())
        })
    }

    fn transaction(
        &self,
        position: Position,
        change: impl FnOnce(&mut Records<'_>, &mut About<'_>) -> Result<(), StorageError>,
    ) -> Result<(), redb::Error> {
        contain(|| {
            let mut transaction = self.redb()?.begin_write()?;
            transaction.set_durability(Durability::Immediate)?;
            // So that opening after a kill need not walk the whole file; includes the two-phase commit.
            transaction.set_quick_repair(true);
            {
                let mut records = transaction.open_table(RECORDS)?;
                let mut about = transaction.open_table(ABOUT)?;
                change(&mut records, &mut about)?;
                let mut encoded = position.sequence.to_be_bytes().to_vec();
                encoded.extend_from_slice(&position.checksum.to_be_bytes());
                about.insert(POSITION, encoded.as_slice())?;
            }
            transaction.commit()?;
            Ok(())
        })
    }

    /// The database as it is now.
    pub(super) fn view(&self) -> Result<View, redb::Error> {
        contain(|| {
            let records = self.redb()?.begin_read()?.open_table(RECORDS)?;
            Ok(View { records })
        })
    }

    pub(super) fn close(mut self) -> Result<(), redb::Error> {
        let redb = self.redb.take();
        contain(|| redb.map_or(Ok(()), |redb| Ok(redb.close()?)))
    }

    fn redb(&self) -> Result<&redb::Database, redb::Error> {
        self.redb.as_ref().ok_or(redb::Error::DatabaseClosed)
    }
}

type Records<'a> = redb::Table<'a, &'static [u8], &'static [u8]>;
type About<'a> = redb::Table<'a, &'static str, &'static [u8]>;

/// The database as it was.
pub(super) struct View {
    records: ReadOnlyTable<&'static [u8], &'static [u8]>,
}

impl View {
    pub(super) fn get(&self, key: &[u8]) -> Result<Option<Value>, ReadError> {
        contain(|| Ok(ReadableTable::get(&self.records, key)?.map(|value| Value::from(value.value()))))
            .map_err(reading)
    }

    pub(super) fn keys(&self, start: Bound<&[u8]>) -> Result<Keys<'_>, ReadError> {
        let range = (start, Bound::Unbounded);
        let range = contain(|| Ok(ReadableTable::range::<&[u8]>(&self.records, range)?)).map_err(reading)?;
        Ok(Keys { range })
    }
}

/// Keys in order.
pub(super) struct Keys<'a> {
    range: redb::Range<'a, &'static [u8], &'static [u8]>,
}

impl Keys<'_> {
    /// The next key, if it has the prefix.
    pub(super) fn next_key(&mut self, prefix: &[u8]) -> Result<Option<Vec<u8>>, ReadError> {
        contain(|| {
            let Some((key, _)) = self.range.next().transpose()? else { return Ok(None) };
            Ok(key.value().starts_with(prefix).then(|| key.value().to_vec()))
        })
        .map_err(reading)
    }
}

fn reading(error: redb::Error) -> ReadError {
    read_error("reading the database", error)
}

pub(super) fn read_error(context: &str, error: redb::Error) -> ReadError {
    match error {
        redb::Error::Io(source) if source.kind() == io::ErrorKind::InvalidData => {
            ReadError::Corrupt(format!("the database file cannot be understood ({source})"))
        }
        redb::Error::Io(source) => ReadError::Io { context: context.to_owned(), source },
        redb::Error::PreviousIo => ReadError::Io {
            context: context.to_owned(),
            source: io::Error::other("the disk failed earlier; reopen the storage"),
        },
        redb::Error::DatabaseClosed => ReadError::Closed,
        other => ReadError::Corrupt(format!("the database file is damaged ({other})")),
    }
}

const RECORDS: TableDefinition<'static, &'static [u8], &'static [u8]> = TableDefinition::new("records");
const ABOUT: TableDefinition<'static, &'static str, &'static [u8]> = TableDefinition::new("about");
const FORMAT: &str = "format";
const LOG: &str = "log";
const POSITION: &str = "position";
const FORMAT_VERSION: u8 = 1;
