//! A barrier over memory, whose keys the test holds.

#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![allow(missing_docs, unreachable_pub)]

use std::ops::ControlFlow;
use std::sync::Arc;

pub use pollster::block_on as wait;
use strongroom_barrier::{
    Barrier, Batch, CheckReport, Directory, Entry, KEYRING, KeyringChange, OpenBarrierError, Options, Path,
    RewrapProgress,
};
use strongroom_crypto::record::{StoreId, Term};
use strongroom_crypto::secret::{Plaintext, Secret};
use strongroom_keyring::{Keyring, KeyringKey, RotationPolicy, TermState};
use strongroom_storage::{MemoryStorage, Storage};

pub const STORE: StoreId = StoreId(*b"store under test");

/// A store in memory and the root key that opens it.
pub struct Fixture {
    pub storage: MemoryStorage,
    pub root: Secret<32>,
    pub options: Options,
}

impl Fixture {
    pub fn new() -> (Self, Barrier) {
        Self::with(RotationPolicy::NEVER, Options::default())
    }

    pub fn with(rotation: RotationPolicy, options: Options) -> (Self, Barrier) {
        let fixture = Self { storage: MemoryStorage::new(), root: Secret::random().unwrap(), options };
        let barrier = fixture.create_on(Arc::new(fixture.storage.clone()), rotation).unwrap();
        (fixture, barrier)
    }

    pub fn create_on(
        &self,
        storage: Arc<dyn Storage>,
        rotation: RotationPolicy,
    ) -> Result<Barrier, OpenBarrierError> {
        let keyring = Keyring::create(STORE, rotation, (self.options.clock)()).unwrap();
        wait(Barrier::create(storage, keyring, self.key(), Vec::new(), self.options))
    }

    pub fn open(&self) -> Barrier {
        self.open_on(&self.storage).unwrap()
    }

    /// Opens what lies in `storage` as the façade does: keyring first, then head.
    pub fn open_on(&self, storage: &MemoryStorage) -> Result<Barrier, String> {
        let record = wait(storage.get(KEYRING)).unwrap().ok_or("no keyring")?;
        let key = self.key();
        let keyring = key.open(KEYRING, &record).map_err(|error| error.to_string())?;
        wait(Barrier::open(Arc::new(storage.clone()), keyring, key, self.options))
            .map_err(|error| error.to_string())
    }

    fn key(&self) -> KeyringKey {
        KeyringKey::derive(STORE, &self.root).unwrap()
    }
}

pub fn path(text: &str) -> Path {
    text.parse().unwrap()
}

pub fn directory(text: &str) -> Directory {
    text.parse().unwrap()
}

pub fn plain(value: impl AsRef<[u8]>) -> Plaintext {
    Plaintext::new(value.as_ref().to_vec())
}

pub fn put(barrier: &Barrier, name: &str, value: impl AsRef<[u8]>) -> u64 {
    wait(barrier.put(path(name), plain(value))).unwrap().sequence
}

pub fn delete(barrier: &Barrier, name: &str) {
    wait(barrier.delete(path(name))).unwrap();
}

pub fn get(barrier: &Barrier, name: &str) -> Option<Vec<u8>> {
    entry(barrier, name).map(|entry| entry.value().to_vec())
}

pub fn entry(barrier: &Barrier, name: &str) -> Option<Entry> {
    wait(barrier.get(&path(name))).unwrap()
}

/// A whole directory, read in pages of `limit`.
pub fn list(barrier: &Barrier, name: &str, limit: usize) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    loop {
        let page = wait(barrier.list(&directory(name), names.last().map(String::as_str), limit)).unwrap();
        assert!(page.names.len() <= limit);
        assert!(!page.more || page.names.len() == limit, "a page that is not the last is full");
        names.extend(page.names.iter().map(|name| name.as_str().to_owned()));
        if !page.more {
            return names;
        }
    }
}

pub fn check(barrier: &Barrier) -> CheckReport {
    wait(barrier.check(|_, _| ControlFlow::Continue(()))).unwrap()
}

pub fn assert_clean(barrier: &Barrier) -> CheckReport {
    let report = check(barrier);
    assert!(report.is_clean(), "{:?}", report.findings);
    assert_eq!(report.values + report.directories, barrier.status().unwrap().entries);
    report
}

/// A new term and a new generation of names in one commit, as after a change of holders.
pub fn change_names(barrier: &Barrier) {
    let now = barrier.now();
    wait(barrier.change_keyring(move |keyring, _| {
        let mut next = keyring.next()?;
        next.install_term(now)?;
        next.install_names()?;
        Ok(KeyringChange { keyring: next, key: None, puts: Vec::new() })
    }))
    .unwrap();
}

/// What the façade does when a rewrap has come to its end.
pub fn destroy_old_terms(barrier: &Barrier) -> Vec<Term> {
    let status = barrier.status().unwrap();
    let old: Vec<_> =
        status.terms.iter().filter(|term| term.info.state == TermState::Deactivated).copied().collect();
    let terms: Vec<Term> = old.iter().map(|term| term.info.term).collect();
    wait(barrier.change_keyring(move |keyring, _| {
        let mut next = keyring.next()?;
        for term in &old {
            next.destroy_term(term.info.term, term.usage.seals, 0)?;
        }
        next.drop_leaving_names();
        Ok(KeyringChange { keyring: next, key: None, puts: Vec::new() })
    }))
    .unwrap();
    terms
}

pub fn go_on(_: RewrapProgress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

pub fn batch() -> Batch {
    Batch::new()
}

/// All keys that begin with `prefix`.
pub fn keys(storage: &dyn Storage, prefix: &[u8]) -> Vec<Vec<u8>> {
    wait(storage.scan(prefix, None, usize::MAX)).unwrap()
}

pub fn read(storage: &dyn Storage, key: &[u8]) -> Vec<u8> {
    wait(storage.get(key)).unwrap().expect("a value").to_vec()
}

pub fn write(storage: &dyn Storage, key: &[u8], value: &[u8]) {
    let mut batch = strongroom_storage::Batch::new();
    batch.put(key.to_vec(), value.to_vec());
    wait(storage.commit(batch)).unwrap();
}

pub fn erase(storage: &dyn Storage, key: &[u8]) {
    let mut batch = strongroom_storage::Batch::new();
    batch.delete(key.to_vec());
    wait(storage.commit(batch)).unwrap();
}

/// A storage of its own with the same contents.
pub fn copy(storage: &MemoryStorage) -> MemoryStorage {
    let copied = MemoryStorage::new();
    for key in keys(storage, b"") {
        write(&copied, &key, &read(storage, &key));
    }
    copied
}

/// The error of something that cannot be shown.
pub fn refused<T, E>(outcome: Result<T, E>) -> E {
    match outcome {
        Ok(_) => panic!("this must be refused"),
        Err(error) => error,
    }
}
