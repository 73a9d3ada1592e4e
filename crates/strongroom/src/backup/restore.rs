//! The way back: look, unseal, verify, and only then write.

use std::collections::BTreeMap;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::ops::ControlFlow;
use std::sync::Arc;

use strongroom_barrier::{HEAD, Head, KEYRING, REWRAP, RecordOpener, SLOTS};
use strongroom_crypto::mac::MacKey;
use strongroom_crypto::record::{self, StoreId, Term};
use strongroom_keyring::{Keyring, NamesGeneration};
use strongroom_seal::hsm::{HsmKeys, HsmPartError};
use strongroom_seal::slot::{SlotId, SlotSet};
use strongroom_seal::unseal::{Accepted, Collector, Progress, ShareError, ShareIdentity, verify_share};
use strongroom_shamir::Share;
use strongroom_shamir::text::ShareText;
use strongroom_storage::{self as storage, Storage};

use super::counts_agree;
use super::error::RestoreError;
use super::format::{Header, Item, Reader};
use crate::error::UnsealError;
use crate::hsm;
use crate::unseal::open_keyring;

/// A backup as anybody sees it: which store, when, and which shares open it.
pub struct Backup<R> {
    input: R,
    header: Header,
    slots: SlotSet,
}

impl<R: Read + Seek> Backup<R> {
    /// Reads the header.
    ///
    /// # Errors
    ///
    /// [`RestoreError::NotABackup`] and its like.
    pub fn open(mut input: R) -> Result<Self, RestoreError> {
        input.seek(SeekFrom::Start(0))?;
        let (_, header, slots) = Reader::begin(BufReader::new(&mut input))?;
        Ok(Self { input, header, slots })
    }

    /// The store that it is a copy of.
    pub fn store(&self) -> StoreId {
        self.header.store
    }

    /// When it was made, in seconds since 1970.
    pub fn created(&self) -> u64 {
        self.header.created
    }

    /// The commit of which it is the state.
    pub fn sequence(&self) -> u64 {
        self.header.sequence
    }

    /// The slots whose shares open it.
    pub fn slots(&self) -> &SlotSet {
        &self.slots
    }

    /// Tells which share of this backup a share is, without a quorum.
    ///
    /// # Errors
    ///
    /// [`ShareError`] names what is wrong with it.
    pub fn verify_share(&self, share: &ShareText) -> Result<ShareIdentity, ShareError> {
        verify_share(&self.slots, share)
    }

    /// Begins to collect shares.
    pub fn unsealing(self) -> BackupUnsealing<R> {
        BackupUnsealing { collector: Collector::new(self.slots.clone()), backup: self }
    }
}

/// A backup whose shares are being collected.
pub struct BackupUnsealing<R> {
    backup: Backup<R>,
    collector: Collector,
}

impl<R: Read + Seek> BackupUnsealing<R> {
    /// Takes a share.
    ///
    /// # Errors
    ///
    /// [`ShareError`] names what is wrong with it; those taken before stay.
    pub fn offer(&mut self, share: ShareText) -> Result<Accepted, ShareError> {
        self.collector.offer(share)
    }

    /// Takes a share in Vault's raw form.
    ///
    /// # Errors
    ///
    /// As [`BackupUnsealing::offer`].
    pub fn offer_vault(&mut self, slot: Option<SlotId>, share: Share) -> Result<Accepted, ShareError> {
        self.collector.offer_vault(slot, share)
    }

    /// Has HSMs open what they can, as [`Unsealing::ask_hsms`](crate::Unsealing::ask_hsms) does.
    ///
    /// # Errors
    ///
    /// When no thread can be had.
    pub async fn ask_hsms(&mut self, hsm: Arc<dyn HsmKeys>) -> io::Result<Vec<HsmPartError>> {
        let (secrets, errors) = hsm::ask(hsm, self.collector.hsm_parts()).await?;
        for secret in secrets {
            self.collector.take_hsm(secret);
        }
        Ok(errors)
    }

    /// The slots whose shares open it.
    pub fn slots(&self) -> &SlotSet {
        &self.backup.slots
    }

    /// How far each slot is.
    pub fn progress(&self) -> Vec<Progress> {
        self.collector.progress()
    }

    /// The slot whose policy is met, if there is one.
    pub fn ready(&self) -> Option<SlotId> {
        self.collector.ready()
    }

    /// Reads the whole backup and checks everything: seal, keyring, head, every record, every count, and the code over
    /// the whole. Writes nothing. `progress` gets the entries read and those that there are, and can stop it.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong.
    pub fn verify(
        mut self,
        mut progress: impl FnMut(u64, u64) -> ControlFlow<()>,
    ) -> Result<VerifiedBackup<R>, RestoreError> {
        let opened = self.collector.open().map_err(UnsealError::Slot).map_err(RestoreError::Unseal)?;
        let Backup { mut input, header, .. } = self.backup;
        input.seek(SeekFrom::Start(0))?;
        let (mut reader, again, _) = Reader::begin(BufReader::new(&mut input))?;
        if again.slots != header.slots {
            return Err(RestoreError::Changed);
        }
        let system = System::read(&mut reader)?;
        if system.slots != header.slots {
            return Err(RestoreError::Mixed);
        }
        let digest = SlotSet::digest(&header.slots);
        let (keyring, _) = open_keyring(&opened, &digest, &system.keyring).map_err(RestoreError::Unseal)?;
        let records = RecordOpener::new(header.store, &keyring);
        let plaintext = records.open(HEAD, &system.head).map_err(RestoreError::HeadRecord)?;
        let head = Head::decode(plaintext.as_slice()).map_err(RestoreError::Head)?;
        agree(&head, &keyring, &header)?;
        if let Some(state) = &system.rewrap {
            records.open(REWRAP, state).map_err(|error| RestoreError::Record { entry: 0, error })?;
        }
        let mut entries = 0;
        let mut by_term: BTreeMap<Term, u64> = BTreeMap::new();
        let mut next = system.next;
        loop {
            match next {
                Item::Entry { key, value } => {
                    entries += 1;
                    let error = |error| RestoreError::Record { entry: entries, error };
                    *by_term.entry(record::term_of(&value).map_err(error)?).or_default() += 1;
                    records.open(&key, &value).map_err(error)?;
                }
                Item::End { digest, code } => {
                    let key = keyring.purpose_key("backup").map_err(|_| RestoreError::Forged)?;
                    if !MacKey::new(&key).verify(&[&digest], &code) {
                        return Err(RestoreError::Forged);
                    }
                    compare(&head, &by_term)?;
                    return Ok(VerifiedBackup { input, header, digest, entries });
                }
            }
            if entries % PROGRESS_STEP == 0 && progress(entries, head.live()).is_break() {
                return Err(RestoreError::Stopped);
            }
            next = reader.next_item()?;
        }
    }
}

/// The system entries, which come first in a backup since entries are in order.
struct System {
    head: Vec<u8>,
    keyring: Vec<u8>,
    slots: Vec<u8>,
    rewrap: Option<Vec<u8>>,
    /// The first item that is none of them.
    next: Item,
}

impl System {
    fn read<R: Read>(reader: &mut Reader<R>) -> Result<Self, RestoreError> {
        let (mut head, mut keyring, mut slots, mut rewrap) = (None, None, None, None);
        let next = loop {
            match reader.next_item()? {
                Item::Entry { key, value } if key == HEAD => head = Some(value),
                Item::Entry { key, value } if key == KEYRING => keyring = Some(value),
                Item::Entry { key, value } if key == SLOTS => slots = Some(value),
                Item::Entry { key, value } if key == REWRAP => rewrap = Some(value),
                Item::Entry { key, .. } if key.first() == Some(&0) => {
                    return Err(RestoreError::Damaged("an unknown system entry"));
                }
                item => break item,
            }
        };
        let missing = RestoreError::Damaged("its head, keyring or slots are missing");
        match (head, keyring, slots) {
            (Some(head), Some(keyring), Some(slots)) => Ok(Self { head, keyring, slots, rewrap, next }),
            _ => Err(missing),
        }
    }
}

fn agree(head: &Head, keyring: &Keyring, header: &Header) -> Result<(), RestoreError> {
    let leaving = keyring.leaving_names().map_or(0, NamesGeneration::number);
    let names = keyring.active_names().map_or(0, NamesGeneration::number);
    let same = head.keyring == keyring.generation()
        && head.slots == keyring.slots().0
        && head.names == names
        && head.leaving_names == leaving
        && head.sequence == header.sequence;
    if same { Ok(()) } else { Err(RestoreError::Mixed) }
}

fn compare(head: &Head, by_term: &BTreeMap<Term, u64>) -> Result<(), RestoreError> {
    if counts_agree(head, by_term) {
        Ok(())
    } else {
        Err(RestoreError::Count { expected: head.live(), found: by_term.values().sum() })
    }
}

/// A backup in which everything was checked.
pub struct VerifiedBackup<R> {
    input: R,
    header: Header,
    digest: [u8; 32],
    entries: u64,
}

/// What was restored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestoreReport {
    /// The store.
    pub store: StoreId,
    /// The commit of which it has the state again.
    pub sequence: u64,
    /// Values and directories.
    pub entries: u64,
}

impl<R: Read + Seek> VerifiedBackup<R> {
    /// Values and directories.
    pub fn entries(&self) -> u64 {
        self.entries
    }

    /// Writes the store into empty storage. Slots, keyring and head come last, in one commit, after the file was found to
    /// be the one that was verified: what is interrupted is no store.
    ///
    /// # Errors
    ///
    /// [`RestoreError::NotEmpty`], [`RestoreError::Changed`], and what storage says.
    pub async fn restore(
        mut self,
        target: Arc<dyn Storage>,
        mut progress: impl FnMut(u64, u64) -> ControlFlow<()>,
    ) -> Result<RestoreReport, RestoreError> {
        if !target.scan(b"", None, 1).await.map_err(RestoreError::Storage)?.is_empty() {
            return Err(RestoreError::NotEmpty);
        }
        self.input.seek(SeekFrom::Start(0))?;
        let (mut reader, _, _) = Reader::begin(BufReader::new(&mut self.input))?;
        let mut system = storage::Batch::new();
        for place in [HEAD, KEYRING, SLOTS] {
            system.require_equal(place, None);
        }
        let (mut batch, mut size, mut done) = (storage::Batch::new(), 0, 0);
        loop {
            match reader.next_item()? {
                Item::Entry { key, value } if key.first() == Some(&0) => {
                    system.put(key, value);
                }
                Item::Entry { key, value } => {
                    size += key.len() + value.len();
                    batch.put(key, value);
                    done += 1;
                    if size > BATCH_BYTES || batch.len() >= BATCH_ENTRIES {
                        target.commit(std::mem::take(&mut batch)).await.map_err(RestoreError::Commit)?;
                        size = 0;
                        if progress(done, self.entries).is_break() {
                            return Err(RestoreError::Stopped);
                        }
                    }
                }
                Item::End { digest, .. } if digest == self.digest => break,
                Item::End { .. } => return Err(RestoreError::Changed),
            }
        }
        if !batch.is_empty() {
            target.commit(batch).await.map_err(RestoreError::Commit)?;
        }
        target.commit(system).await.map_err(RestoreError::Commit)?;
        Ok(RestoreReport { store: self.header.store, sequence: self.header.sequence, entries: self.entries })
    }
}

const PROGRESS_STEP: u64 = 512;
const BATCH_BYTES: usize = 4 * 1024 * 1024;
const BATCH_ENTRIES: usize = 512;
