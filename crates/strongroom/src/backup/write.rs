//! Writing a backup of a store in use.

use std::collections::BTreeMap;
use std::io::Write;
use std::ops::ControlFlow;
use std::sync::Arc;

use strongroom_barrier::{HEAD, Head, KEYRING, REWRAP, ReadError, SLOTS};
use strongroom_crypto::mac::MacKey;
use strongroom_crypto::record::{self, OpenError, Term};
use strongroom_seal::slot::SlotSet;
use strongroom_storage::Snapshot;

use super::counts_agree;
use super::error::BackupError;
use super::format::{Header, Writer};
use crate::store::Store;

/// What a backup holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupReport {
    /// The commit of which it is the state.
    pub sequence: u64,
    /// Entries of storage, all of which opened.
    pub entries: u64,
    /// The size of the backup.
    pub bytes: u64,
}

impl Store {
    /// Writes a backup of this moment while the store goes on, opening every record on the way.
    ///
    /// `progress` gets the entries written and those that there are, and can stop it. What is written blocks the calling thread.
    ///
    /// # Errors
    ///
    /// [`BackupError`]: then the file is no backup.
    pub async fn backup<W: Write>(
        &self,
        out: W,
        mut progress: impl FnMut(u64, u64) -> ControlFlow<()>,
    ) -> Result<(W, BackupReport), BackupError> {
        let barrier = self.barrier();
        let snapshot = barrier.storage().snapshot().await?;
        let head = self.verified_head(&snapshot).await?;
        let slots = snapshot.get(SLOTS).await?.ok_or(BackupError::Incomplete)?;
        let keyring = snapshot.get(KEYRING).await?.ok_or(BackupError::Incomplete)?;
        let (in_use, key) = barrier.with_keyring(|keyring| {
            let matches =
                keyring.generation() == head.keyring && *keyring.slots().1 == SlotSet::digest(&slots);
            (matches, keyring.purpose_key("backup"))
        })?;
        if !in_use || !barrier.keyring_opens(&keyring)? {
            return Err(BackupError::KeysChanged);
        }
        let key = MacKey::new(&key.map_err(|_| BackupError::KeysChanged)?);
        let header =
            Header { store: self.id(), created: self.now(), sequence: head.sequence, slots: slots.to_vec() };
        let mut writer = Writer::begin(out, &header)?;
        let (mut written, total) = (0, head.live());
        let mut by_term: BTreeMap<Term, u64> = BTreeMap::new();
        let mut cursor: Option<Vec<u8>> = None;
        loop {
            let mut keys = snapshot.scan(b"", cursor.as_deref(), PAGE).await?;
            for key in &keys {
                let value = snapshot.get(key).await?.ok_or(BackupError::Incomplete)?;
                if ![HEAD, KEYRING, SLOTS].contains(&key.as_slice()) {
                    self.verify(key, &value)?;
                    if key.as_slice() != REWRAP {
                        *by_term.entry(record::term_of(&value).map_err(BackupError::Record)?).or_default() +=
                            1;
                        written += 1;
                    }
                }
                writer.entry(key, &value)?;
            }
            if progress(written, total).is_break() {
                return Err(BackupError::Write(std::io::ErrorKind::Interrupted.into()));
            }
            match keys.pop() {
                Some(last) => cursor = Some(last),
                None => break,
            }
        }
        if !counts_agree(&head, &by_term) {
            return Err(BackupError::Count { expected: total, found: written });
        }
        let (out, entries, bytes) = writer.finish(|digest| key.mac(&[digest]))?;
        Ok((out, BackupReport { sequence: head.sequence, entries, bytes }))
    }

    async fn verified_head(&self, snapshot: &Arc<dyn Snapshot>) -> Result<Head, BackupError> {
        let record = snapshot.get(HEAD).await?.ok_or(BackupError::Incomplete)?;
        let plaintext = self.barrier().open_record(HEAD, &record).map_err(record_error)?;
        Head::decode(plaintext.as_slice()).map_err(|_| BackupError::Incomplete)
    }

    fn verify(&self, place: &[u8], record: &[u8]) -> Result<(), BackupError> {
        self.barrier().open_record(place, record).map(drop).map_err(record_error)
    }
}

fn record_error(error: ReadError) -> BackupError {
    match error {
        ReadError::Record(OpenError::UnknownTerm(_)) => BackupError::KeysChanged,
        ReadError::Record(error) => BackupError::Record(error),
        error => BackupError::Read(error),
    }
}

const PAGE: usize = 512;
