//! Small stores, their holders, and a storage that tests can look into.

#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![allow(missing_docs, unreachable_pub, clippy::unnecessary_wraps, clippy::print_stdout)]

#[cfg(feature = "hsm")]
pub mod hsm;
pub mod world;

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub use pollster::block_on as wait;
use strongroom::{
    Decoded, InitOptions, Options, Plaintext, Policy, Preparation, Proved, RewrapProgress, SealedStore,
    ShareText, SlotId, SlotOptions, Storage, Store, Suite, share_text,
};
use strongroom_storage::{self as storage, BoxFuture, MemoryStorage, Snapshot, Value};

/// Shares as their holders keep them.
pub type Shares = Vec<String>;

pub fn policy(text: &str) -> Policy {
    text.parse().unwrap()
}

/// A clock that tests turn. Each test file has one.
pub static NOW: AtomicU64 = AtomicU64::new(1_700_000_000);

pub fn options() -> InitOptions {
    InitOptions {
        suite: Suite::P256,
        barrier: barrier_options(),
        ..InitOptions::new("first", policy("2 of 3"))
    }
}

pub fn barrier_options() -> Options {
    Options { padding: 0, clock: || NOW.load(Ordering::SeqCst) }
}

pub fn init(storage: Arc<dyn Storage>, options: InitOptions) -> Result<(Store, Shares), String> {
    wait(async {
        let prepared = Preparation::new(storage, options).await.map_err(|error| error.to_string())?;
        let shares = prepared.shares().unwrap().iter().map(|share| share.to_string()).collect();
        Ok((prepared.commit().await.map_err(|error| error.to_string())?, shares))
    })
}

/// A store in memory.
pub fn fresh() -> (MemoryStorage, Store, Shares) {
    let storage = MemoryStorage::new();
    let (store, shares) = init(Arc::new(storage.clone()), options()).unwrap();
    (storage, store, shares)
}

pub fn share(text: &str) -> ShareText {
    match share_text::decode(text).map_err(|error| error.to_string()).unwrap() {
        Decoded::Exact(share) => share,
        Decoded::Corrected { .. } => panic!("a share with typing errors"),
    }
}

/// Unseals with these shares, all of which must be good ones.
pub fn unseal<'a>(
    storage: Arc<dyn Storage>,
    shares: impl IntoIterator<Item = &'a String>,
) -> Result<Store, String> {
    wait(async {
        let sealed = SealedStore::open(storage).await.map_err(|error| error.to_string())?;
        let mut unsealing = sealed.unsealing_with(barrier_options());
        for share in shares {
            unsealing.offer_text(share).map_err(|error| error.to_string())?;
        }
        unsealing.unseal().await.map_err(|error| error.to_string())
    })
}

/// Two of the first slot's holders.
pub fn open(storage: &MemoryStorage, shares: &[String]) -> Result<Store, String> {
    unseal(Arc::new(storage.clone()), &shares[..2])
}

/// Adds a slot of 2 of 3 and lets its holders prove possession.
pub fn add_slot(store: &Store, label: &str) -> Result<(SlotId, Shares), String> {
    add_slot_with(store, label, two_of_three())
}

/// What [`add_slot`] adds.
pub fn two_of_three() -> SlotOptions {
    SlotOptions { suite: Suite::P256, ..SlotOptions::new(policy("2 of 3")) }
}

pub fn add_slot_with(store: &Store, label: &str, options: SlotOptions) -> Result<(SlotId, Shares), String> {
    let dealt = wait(store.add_slot(label, options)).map_err(|error| error.to_string())?;
    Ok((dealt.slot(), dealt.shares().unwrap().iter().map(|share| share.to_string()).collect()))
}

pub fn prove(store: &Store, slot: SlotId, shares: &[String]) -> Proved {
    let mut possession = store.possession(slot).unwrap();
    for text in shares {
        possession.offer(share(text)).map_err(|error| error.to_string()).unwrap();
    }
    possession.finish().map_err(|error| error.to_string()).unwrap()
}

pub fn first_slot(store: &Store) -> SlotId {
    store.slots().unwrap().slots()[0].id()
}

pub fn put(store: &Store, name: &str, value: impl AsRef<[u8]>) -> Result<u64, String> {
    let value = Plaintext::new(value.as_ref().to_vec());
    let committed = wait(store.barrier().put(name.parse().unwrap(), value));
    committed.map(|committed| committed.sequence).map_err(|error| error.to_string())
}

pub fn get(store: &Store, name: &str) -> Option<Vec<u8>> {
    wait(store.barrier().get(&name.parse().unwrap())).unwrap().map(|entry| entry.value().to_vec())
}

pub fn go_on(_: RewrapProgress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

pub fn assert_clean(store: &Store) {
    let check = wait(store.check(|_, _| ControlFlow::Continue(()))).unwrap();
    assert!(check.is_clean(), "{check:?}");
}

/// Every path of the store and its value, by walking the directories.
pub fn contents(store: &Store) -> Result<std::collections::BTreeMap<String, Vec<u8>>, String> {
    let mut found = std::collections::BTreeMap::new();
    let mut to_visit = vec![String::new()];
    while let Some(directory) = to_visit.pop() {
        let page = wait(store.barrier().list(&directory.parse().unwrap(), None, usize::MAX))
            .map_err(|error| error.to_string())?;
        for name in page.names {
            let path = format!("{directory}{}", name.as_str());
            if name.is_directory() {
                to_visit.push(path);
                continue;
            }
            let entry = wait(store.barrier().get(&path.parse().unwrap()))
                .map_err(|error| format!("{path}: {error}"))?;
            let entry = entry.ok_or_else(|| format!("{path} is listed but not there"))?;
            found.insert(path, entry.value().to_vec());
        }
    }
    Ok(found)
}

pub fn keys(storage: &dyn Storage) -> Vec<Vec<u8>> {
    wait(storage.scan(b"", None, usize::MAX)).unwrap()
}

pub fn read(storage: &dyn Storage, key: &[u8]) -> Vec<u8> {
    wait(storage.get(key)).unwrap().expect("a value").to_vec()
}

pub fn write(storage: &dyn Storage, key: &[u8], value: &[u8]) {
    let mut batch = storage::Batch::new();
    batch.put(key.to_vec(), value.to_vec());
    wait(storage.commit(batch)).unwrap();
}

/// A storage of its own with the same contents: what an attacker has copied.
pub fn copy(storage: &dyn Storage) -> MemoryStorage {
    let copied = MemoryStorage::new();
    for key in keys(storage) {
        write(&copied, &key, &read(storage, &key));
    }
    copied
}

/// Memory that counts commits.
#[derive(Clone, Default)]
pub struct Counting {
    pub memory: MemoryStorage,
    pub commits: Arc<AtomicU64>,
}

impl Storage for Counting {
    fn get<'a>(&'a self, key: &'a [u8]) -> BoxFuture<'a, Result<Option<Value>, storage::ReadError>> {
        self.memory.get(key)
    }

    fn scan<'a>(
        &'a self,
        prefix: &'a [u8],
        after: Option<&'a [u8]>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Vec<u8>>, storage::ReadError>> {
        self.memory.scan(prefix, after, limit)
    }

    fn commit(&self, batch: storage::Batch) -> BoxFuture<'_, Result<(), storage::CommitError>> {
        self.commits.fetch_add(1, Ordering::SeqCst);
        self.memory.commit(batch)
    }

    fn snapshot(&self) -> BoxFuture<'_, Result<Arc<dyn Snapshot>, storage::ReadError>> {
        self.memory.snapshot()
    }

    fn kind(&self) -> &'static str {
        "counting"
    }
}

/// The error of something that cannot be shown.
pub fn refused<T, E>(outcome: Result<T, E>) -> E {
    match outcome {
        Ok(_) => panic!("this must be refused"),
        Err(error) => error,
    }
}

/// How large a campaign is: `normal`, unless the environment says otherwise.
pub fn campaign(variable: &str, normal: u64) -> u64 {
    std::env::var(variable).ok().and_then(|value| value.parse().ok()).unwrap_or(normal)
}
