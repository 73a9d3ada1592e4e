//! Compares the pool with the bare token: unwrapping through [`TokenKey`] on the callers' threads, against the same decryption with
//! one session for each thread straight through the binding.
//!
//! `cargo run -p strongroom-pkcs11 --example throughput -- LIB TOKEN_LABEL PIN-FILE`
#![allow(clippy::print_stdout, clippy::cast_precision_loss)]

use std::error::Error;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::mechanism::Mechanism as Raw;
use cryptoki::mechanism::aead::GcmParams;
use cryptoki::object::Attribute;
use strongroom_crypto::secret::SecretBytes;
use strongroom_pkcs11::blob::Blob;
use strongroom_pkcs11::{Mechanism, PinSource, Token, TokenConfig, TokenKey};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [lib, label, pin_file] = arguments.as_slice() else {
        return Err("usage: throughput LIB TOKEN_LABEL PIN-FILE".into());
    };
    let mut config = TokenConfig::new(lib);
    config.token_label = Some(label.clone());
    config.pin = Some(PinSource::File(pin_file.into()));
    config.key_label = Some("throughput".into());
    config.mechanism = Some(Mechanism::AesGcm);
    config.generate_key = true;
    config.allow_weak_attributes = true;
    let key = Token::open(config)?.wrapping_key()?;
    let wrapped = key.wrap_key(&SecretBytes::copy_from_slice(&[7; 32])?, b"context")?;
    println!("threads  bare ops/s  pool ops/s  ratio (median of {ROUNDS} rounds)");
    for threads in [1, 2, 8] {
        let mut rounds = Vec::new();
        for _ in 0..ROUNDS {
            // Next to each other, so that both meet the same machine.
            let bare = bare(lib, &key, &wrapped, threads)?;
            let pool = rate(threads, || {
                let (key, wrapped) = (key.clone(), wrapped.clone());
                Ok(Box::new(move || key.unwrap_key(&wrapped, b"context").is_ok()))
            })?;
            rounds.push((pool / bare, bare, pool));
        }
        rounds.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (ratio, bare, pool) = rounds.get(ROUNDS / 2).copied().ok_or("no rounds")?;
        println!("{threads:7}  {bare:10.0}  {pool:10.0}  {ratio:5.3}");
    }
    Ok(())
}

type Operation = Box<dyn FnMut() -> bool + Send>;

/// The same decryption with a session of the thread's own. The process is logged in already.
fn bare(lib: &str, key: &TokenKey, wrapped: &[u8], threads: usize) -> Result<f64, Box<dyn Error>> {
    let binding = Pkcs11::new(lib)?;
    // The answer is that it is initialised.
    let _ = binding.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK));
    let blob = Blob::decode(wrapped).map_err(|_| "no blob")?;
    let slot = key.token().summary().slot.try_into()?;
    let (iv, sealed) = (blob.iv().to_vec(), blob.ciphertext().to_vec());
    let binding_of = blob.header().binding(b"context");
    rate(threads, || {
        let session = binding.open_ro_session(slot)?;
        let found = session.find_objects(&[Attribute::Id(blob.header().key_id().into())])?;
        let handle = *found.first().ok_or("no key")?;
        let (mut iv, sealed) = (iv.clone(), sealed.clone());
        Ok(Box::new(move || {
            let Ok(parameters) = GcmParams::new(&mut iv, &binding_of, 128.into()) else { return false };
            session.decrypt(&Raw::AesGcm(parameters), handle, &sealed).is_ok()
        }))
    })
}

/// Operations each second, over all threads.
fn rate(
    threads: usize,
    mut make: impl FnMut() -> Result<Operation, Box<dyn Error>>,
) -> Result<f64, Box<dyn Error>> {
    let operations = (0..threads).map(|_| make()).collect::<Result<Vec<_>, _>>()?;
    let (stop, good, bad) = (AtomicBool::new(false), AtomicU64::new(0), AtomicU64::new(0));
    let barrier = Barrier::new(threads + 1);
    let elapsed = std::thread::scope(|scope| {
        for mut operation in operations {
            let (stop, good, bad, barrier) = (&stop, &good, &bad, &barrier);
            scope.spawn(move || {
                barrier.wait();
                let (mut done, mut failed) = (0, 0);
                while !stop.load(Ordering::Relaxed) {
                    if operation() { done += 1 } else { failed += 1 }
                }
                good.fetch_add(done, Ordering::Relaxed);
                bad.fetch_add(failed, Ordering::Relaxed);
            });
        }
        barrier.wait();
        let start = Instant::now();
        std::thread::sleep(ROUND);
        stop.store(true, Ordering::Relaxed);
        start
    })
    .elapsed();
    if bad.load(Ordering::Relaxed) > 0 {
        return Err("an operation failed".into());
    }
    Ok(good.load(Ordering::Relaxed) as f64 / elapsed.as_secs_f64())
}

const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_millis(600);
