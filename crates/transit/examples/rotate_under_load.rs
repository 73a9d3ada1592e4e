//! Rotates a key while four threads use it: no use fails, and everything still opens.
//!
//! `cargo run --release -p strongroom-transit --example rotate_under_load`

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::ScopedJoinHandle;

use strongroom_barrier::{Barrier, Options as BarrierOptions};
use strongroom_crypto::record::StoreId;
use strongroom_crypto::secret::Secret;
use strongroom_keyring::{Keyring, KeyringKey, RotationPolicy};
use strongroom_storage::MemoryStorage;
use strongroom_transit::algorithm::KeyType;
use strongroom_transit::{DecryptOptions, EncryptOptions, Key, KeySpec, MOUNT, Options, Transit};

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[allow(clippy::print_stdout, reason = "an example")]
fn main() -> Result<(), Failure> {
    let (uses, versions) = rotate_under_load(100)?;
    println!("{uses} uses during {versions} rotations, none of which failed");
    Ok(())
}

/// Rotates so many times under load; says how many uses there were, and how many versions there are.
///
/// # Errors
///
/// The first use that failed.
pub(crate) fn rotate_under_load(rotations: u32) -> Result<(u64, u32), Failure> {
    let transit = Transit::open(barrier()?, MOUNT.parse()?, Options::default())?;
    let name = "orders".parse()?;
    let key = pollster::block_on(transit.create(&name, &KeySpec::new(KeyType::Aes256Gcm96)))?;
    let (done, uses) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..4).map(|_| scope.spawn(|| use_until(&key, &done, &uses))).collect();
        let rotating = (0..rotations).try_for_each(|_| {
            // Each version is used before the next one comes.
            let before = uses.load(Ordering::Relaxed);
            while uses.load(Ordering::Relaxed) < before + 100
                && !workers.iter().any(ScopedJoinHandle::is_finished)
            {
                std::thread::yield_now();
            }
            pollster::block_on(transit.rotate(&name)).map(|_| ())
        });
        done.store(true, Ordering::Relaxed);
        for worker in workers {
            worker.join().map_err(|_| "a thread panicked")??;
        }
        rotating?;
        Ok((uses.load(Ordering::Relaxed), key.latest_version()?))
    })
}

fn use_until(key: &Key, done: &AtomicBool, uses: &AtomicU64) -> Result<(), Failure> {
    let mut kept = vec![key.encrypt(b"an order", &EncryptOptions::default())?];
    while !done.load(Ordering::Relaxed) {
        let sealed = key.encrypt(b"an order", &EncryptOptions::default())?;
        let oldest = kept.first().ok_or("nothing kept")?;
        for sealed in [&sealed, oldest] {
            if key.decrypt(sealed, &DecryptOptions::default())?.as_slice() != b"an order" {
                return Err("another plaintext came out".into());
            }
        }
        if uses.fetch_add(1, Ordering::Relaxed).is_multiple_of(1000) {
            kept.push(sealed);
        }
    }
    for (whose, outcome) in key.rewrap_stream(kept.into_iter().enumerate(), |_| EncryptOptions::default()) {
        let rewrapped = outcome.map_err(|error| format!("ciphertext {whose}: {error}"))?;
        key.decrypt(&rewrapped.ciphertext, &DecryptOptions::default())?;
    }
    Ok(())
}

fn barrier() -> Result<Barrier, Failure> {
    let store = StoreId([7; 16]);
    let root = Secret::random()?;
    let keyring = Keyring::create(store, RotationPolicy::NEVER, 0)?;
    let key = KeyringKey::derive(store, &root)?;
    let storage = Arc::new(MemoryStorage::new());
    Ok(pollster::block_on(Barrier::create(storage, keyring, key, Vec::new(), BarrierOptions::default()))?)
}
