//! Envelope encryption in ten lines, under a named key that is rotated meanwhile.
//!
//! `cargo run -p strongroom-transit --example envelope`

use std::sync::Arc;

use strongroom_barrier::{Barrier, Options as BarrierOptions};
use strongroom_crypto::record::StoreId;
use strongroom_crypto::secret::Secret;
use strongroom_envelope::Envelope;
use strongroom_keyring::{Keyring, KeyringKey, RotationPolicy};
use strongroom_storage::MemoryStorage;
use strongroom_transit::algorithm::KeyType;
use strongroom_transit::{KeySpec, MOUNT, Options, Transit};

type Failure = Box<dyn std::error::Error + Send + Sync>;

async fn store_and_fetch(transit: &Transit) -> Result<(), Failure> {
    let name = "invoices".parse()?;
    let envelope = Envelope::new(transit.create(&name, &KeySpec::new(KeyType::Aes256Gcm96)).await?);

    let sealed = envelope.seal(b"invoice 4711", b"9.99 EUR")?;
    transit.rotate(&name).await?;
    let sealed = envelope.rewrap(&sealed)?;
    let opened = envelope.open(b"invoice 4711", &sealed)?;
    assert_eq!(opened.as_slice(), b"9.99 EUR");
    Ok(())
}

pub(crate) fn main() -> Result<(), Failure> {
    let transit = Transit::open(barrier()?, MOUNT.parse()?, Options::default())?;
    pollster::block_on(store_and_fetch(&transit))
}

/// A store in memory: `strongroom` opens one on disk, behind shares or an HSM.
fn barrier() -> Result<Barrier, Failure> {
    let store = StoreId([7; 16]);
    let root = Secret::random()?;
    let keyring = Keyring::create(store, RotationPolicy::NEVER, 0)?;
    let key = KeyringKey::derive(store, &root)?;
    let storage = Arc::new(MemoryStorage::new());
    Ok(pollster::block_on(Barrier::create(storage, keyring, key, Vec::new(), BarrierOptions::default()))?)
}
