//! Keys over a barrier in memory or on disk.

#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![allow(missing_docs, unreachable_pub)]

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use pollster::block_on as wait;
use strongroom_barrier::{Barrier, Directory, KEYRING, Options as BarrierOptions};
use strongroom_crypto::record::StoreId;
use strongroom_crypto::secret::Secret;
use strongroom_keyring::{Keyring, KeyringKey, RotationPolicy};
use strongroom_storage::{MemoryStorage, Storage};
use strongroom_transit::algorithm::KeyType;
use strongroom_transit::{Key, KeyName, KeySpec, Options, Transit};

pub const STORE: StoreId = StoreId(*b"store under test");
pub const DAY: u64 = 24 * 60 * 60;

/// A store in memory, whose root key the test holds.
pub struct Fixture {
    pub storage: MemoryStorage,
    pub root: Secret<32>,
}

impl Fixture {
    pub fn new() -> (Self, Transit) {
        let fixture = Self { storage: MemoryStorage::new(), root: Secret::random().unwrap() };
        let barrier = create_barrier(Arc::new(fixture.storage.clone()), &fixture.root);
        let transit = transit(&barrier, Options::default());
        (fixture, transit)
    }

    /// As after a crash: what was in memory is gone.
    pub fn reopen(&self) -> Transit {
        transit(&open_barrier(Arc::new(self.storage.clone()), &self.root), Options::default())
    }
}

pub fn create_barrier(storage: Arc<dyn Storage>, root: &Secret<32>) -> Barrier {
    let keyring = Keyring::create(STORE, RotationPolicy::NEVER, 0).unwrap();
    let key = KeyringKey::derive(STORE, root).unwrap();
    wait(Barrier::create(storage, keyring, key, Vec::new(), options())).unwrap()
}

pub fn open_barrier(storage: Arc<dyn Storage>, root: &Secret<32>) -> Barrier {
    let record = wait(storage.get(KEYRING)).unwrap().unwrap();
    let key = KeyringKey::derive(STORE, root).unwrap();
    let keyring = key.open(KEYRING, &record).unwrap();
    wait(Barrier::open(storage, keyring, key, options())).unwrap()
}

pub fn transit(barrier: &Barrier, options: Options) -> Transit {
    Transit::open(barrier.clone(), mount(), options).unwrap()
}

pub fn mount() -> Directory {
    "transit".parse().unwrap()
}

fn options() -> BarrierOptions {
    BarrierOptions { clock: now, ..BarrierOptions::default() }
}

pub fn name(text: &str) -> KeyName {
    text.parse().unwrap()
}

pub fn create(transit: &Transit, text: &str, key_type: KeyType) -> Key {
    create_as(transit, text, &KeySpec::new(key_type))
}

pub fn create_as(transit: &Transit, text: &str, spec: &KeySpec) -> Key {
    wait(transit.create(&name(text), spec)).unwrap()
}

/// The tests' clock, which each process moves by itself.
pub fn now() -> u64 {
    1_000_000_000 + AHEAD.load(Ordering::Relaxed)
}

pub fn pass(seconds: u64) {
    AHEAD.fetch_add(seconds, Ordering::Relaxed);
}

/// Held by tests that depend on the clock: they run one after the other.
pub fn clock() -> MutexGuard<'static, ()> {
    CLOCK.lock().unwrap_or_else(PoisonError::into_inner)
}

static CLOCK: Mutex<()> = Mutex::new(());
static AHEAD: AtomicU64 = AtomicU64::new(0);
