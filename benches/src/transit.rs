//! Named keys against the bare cipher, with policy, versions and the durable count switched on.
//!
//! The bare cipher seals and opens in place, in buffers that stay: what a handle does besides is choosing the version, checking, counting,
//! drawing a nonce, allocating and copying.

pub mod signatures;

use std::hint::black_box;
use std::sync::{Arc, Barrier as Starter};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use strongroom::MemoryStorage;
use strongroom_transit::algorithm::KeyType;
use strongroom_transit::{DecryptOptions, EncryptOptions, Key, KeySpec, MOUNT, Options, Transit};

use crate::turns::{Turn, processor_time, wall_time};

/// Plaintext lengths in bytes.
pub const SIZES: [usize; 5] = [64, 256, 1024, 4096, 16_384];
/// Items of a batch.
pub const BATCHES: [usize; 3] = [1, 100, 10_000];

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Keys of a store in memory.
///
/// # Errors
///
/// As the store says.
pub fn keys() -> Result<Transit, Failure> {
    let (store, _) = crate::store::create(Arc::new(MemoryStorage::new()))?;
    Ok(Transit::open(store.barrier().clone(), MOUNT.parse()?, Options::default())?)
}

/// A new key.
///
/// # Errors
///
/// As the store says.
pub fn key(transit: &Transit, key_type: KeyType) -> Result<Key, Failure> {
    let name = key_type.name().parse()?;
    match pollster::block_on(transit.key(&name)) {
        Ok(key) => Ok(key),
        Err(_) => Ok(pollster::block_on(transit.create(&name, &KeySpec::new(key_type)))?),
    }
}

/// A named key and the bare cipher, on messages of one size.
pub struct Messages {
    key: Key,
    bare: LessSafeKey,
    plaintext: Vec<u8>,
    buffers: Vec<Vec<u8>>,
    sealed: Vec<Vec<u8>>,
    texts: Vec<String>,
    counter: u64,
}

/// What a handle is asked to do.
#[derive(Clone, Copy)]
pub enum Form {
    /// Bytes in a new buffer.
    Bytes,
    /// Bytes in a buffer of the caller's.
    Into,
    /// Vault's text.
    Text,
}

impl Messages {
    /// Prepares as many buffers as stay within the cache.
    ///
    /// # Errors
    ///
    /// As the store says.
    pub fn new(transit: &Transit, size: usize) -> Result<Self, Failure> {
        let count = (256 * 1024 / size).clamp(16, 256);
        let key = key(transit, KeyType::Aes256Gcm96)?;
        let plaintext = vec![5; size];
        let options = EncryptOptions::default();
        let sealed = (0..count).map(|_| key.encrypt(&plaintext, &options)).collect::<Result<Vec<_>, _>>()?;
        let texts =
            (0..count).map(|_| key.encrypt_text(&plaintext, &options)).collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            key,
            bare: bare()?,
            plaintext,
            buffers: vec![vec![0; size + 16]; count],
            sealed,
            texts,
            counter: 0,
        })
    }

    /// How many messages one turn does.
    pub fn count(&self) -> usize {
        self.buffers.len()
    }

    /// One turn of encryption.
    ///
    /// # Errors
    ///
    /// Not with a key that works.
    pub fn encrypt(&mut self, form: Form) -> Result<Turn, Failure> {
        let options = EncryptOptions::default();
        let mut done = Ok(());
        let mut out = Vec::with_capacity(self.plaintext.len() + 64);
        let ours = processor_time(|| {
            for _ in 0..self.buffers.len() {
                done = match form {
                    Form::Bytes => {
                        self.key.encrypt(&self.plaintext, &options).map(|sealed| drop(black_box(sealed)))
                    }
                    Form::Text => {
                        self.key.encrypt_text(&self.plaintext, &options).map(|text| drop(black_box(text)))
                    }
                    Form::Into => {
                        out.clear();
                        self.key.encrypt_into(&self.plaintext, &options, &mut out)
                    }
                };
                if done.is_err() {
                    return;
                }
            }
        });
        done?;
        let mut done = Ok(());
        let limit = processor_time(|| done = self.bare_seal());
        done?;
        Ok(Turn { ours, limit })
    }

    /// One turn of decryption.
    ///
    /// # Errors
    ///
    /// Not with a key that works.
    pub fn decrypt(&mut self, form: Form) -> Result<Turn, Failure> {
        let options = DecryptOptions::default();
        self.bare_seal()?;
        let mut done = Ok(());
        let ours = processor_time(|| {
            for (sealed, text) in self.sealed.iter().zip(&self.texts) {
                done = match form {
                    Form::Bytes | Form::Into => self.key.decrypt(sealed, &options),
                    Form::Text => self.key.decrypt_text(text, &options),
                }
                .map(|plaintext| drop(black_box(plaintext)));
                if done.is_err() {
                    return;
                }
            }
        });
        done?;
        let mut done = Ok(());
        let limit = processor_time(|| done = self.bare_open());
        done?;
        Ok(Turn { ours, limit })
    }

    fn bare_seal(&mut self) -> Result<(), Failure> {
        let size = self.plaintext.len();
        for buffer in &mut self.buffers {
            self.counter += 1;
            let (body, tag) = buffer.split_at_mut_checked(size).ok_or("a short buffer")?;
            let sealed = self.bare.seal_in_place_separate_tag(nonce(self.counter), Aad::empty(), body);
            tag.copy_from_slice(sealed.map_err(|_| "the bare cipher does not seal")?.as_ref());
        }
        Ok(())
    }

    fn bare_open(&mut self) -> Result<(), Failure> {
        let first = self.counter - u64::try_from(self.buffers.len())?;
        for (at, buffer) in (1..).zip(&mut self.buffers) {
            let opened = self.bare.open_in_place(nonce(first + at), Aad::empty(), buffer);
            black_box(opened.map_err(|_| "the bare cipher does not open")?);
        }
        Ok(())
    }
}

/// One turn of a batch of so many plaintexts of 256 bytes, and the bare cipher on as many.
///
/// # Errors
///
/// Not with a key that works.
pub fn batch(key: &Key, bare: &LessSafeKey, items: usize) -> Result<Turn, Failure> {
    let plaintexts = vec![[7_u8; 256]; items];
    let rounds = (1000 / items).max(1);
    let mut done = true;
    let ours = processor_time(|| {
        for _ in 0..rounds {
            let items = plaintexts.iter().map(|plaintext| (plaintext.as_slice(), EncryptOptions::default()));
            let sealed = key.encrypt_batch(items);
            done &= sealed.iter().all(Result::is_ok);
            black_box(sealed);
        }
    });
    let mut buffers = plaintexts;
    let limit = processor_time(|| {
        for _ in 0..rounds {
            for (counter, buffer) in (0..).zip(&mut buffers) {
                done &= bare.seal_in_place_separate_tag(nonce(counter), Aad::empty(), buffer).is_ok();
            }
        }
    });
    if done { Ok(Turn { ours, limit }) } else { Err("an item failed".into()) }
}

/// The same for decryption.
///
/// # Errors
///
/// Not with a key that works.
pub fn batch_of_ciphertexts(key: &Key, bare: &LessSafeKey, items: usize) -> Result<Turn, Failure> {
    let sealed = key.encrypt(&[7; 256], &EncryptOptions::default())?;
    let sealed = vec![sealed; items];
    let rounds = (1000 / items).max(1);
    let mut done = true;
    let ours = processor_time(|| {
        for _ in 0..rounds {
            let items = sealed.iter().map(|sealed| (sealed.as_slice(), DecryptOptions::default()));
            let opened = key.decrypt_batch(items);
            done &= opened.iter().all(Result::is_ok);
            black_box(opened);
        }
    });
    let mut buffers = vec![vec![7; 256]; rounds * items];
    for (counter, buffer) in (0..).zip(&mut buffers) {
        done &= bare.seal_in_place_append_tag(nonce(counter), Aad::empty(), buffer).is_ok();
    }
    let limit = processor_time(|| {
        for (counter, buffer) in (0..).zip(&mut buffers) {
            done &= bare.open_in_place(nonce(counter), Aad::empty(), buffer).is_ok();
        }
    });
    if done { Ok(Turn { ours, limit }) } else { Err("an item failed".into()) }
}

/// How many times as much two threads do as one, of a named key and of the bare cipher.
#[derive(Clone, Copy)]
pub struct Scaling {
    /// Of a named key.
    pub ours: f64,
    /// Of the bare cipher.
    pub limit: f64,
}

/// Scaling on messages of this size: on the wall, which tells all there is where nobody else is on the machine; and as what
/// each operation costs in processor time, which sees caches that are fought over, whoever else is there, but no waiting.
///
/// # Errors
///
/// Not with a key that works.
pub fn scaling(key: &Key, size: usize, rounds: usize) -> Result<[Scaling; 2], Failure> {
    let bare = bare()?;
    let plaintext = vec![7; size];
    let ours = |_: u64, out: &mut Vec<u8>| {
        out.clear();
        key.encrypt_into(&plaintext, &EncryptOptions::default(), out).is_ok()
    };
    let limit = |counter: u64, out: &mut Vec<u8>| {
        out.clear();
        out.extend_from_slice(&plaintext);
        bare.seal_in_place_append_tag(nonce(counter), Aad::empty(), out).is_ok()
    };
    let (ours_alone, limit_alone) = (threads(1, rounds, &ours), threads(1, rounds, &limit));
    let (ours_both, limit_both) = (threads(2, rounds, &ours), threads(2, rounds, &limit));
    let scaling = |times: fn(Spent) -> f64, more: f64| Scaling {
        ours: more * times(ours_alone) / times(ours_both),
        limit: more * times(limit_alone) / times(limit_both),
    };
    Ok([scaling(|spent| spent.wall, 2.0), scaling(|spent| spent.processor, 4.0)])
}

/// Seconds that all of the threads took together.
#[derive(Clone, Copy)]
struct Spent {
    wall: f64,
    processor: f64,
}

/// Each of so many threads does as many rounds.
fn threads(count: usize, rounds: usize, work: &(impl Fn(u64, &mut Vec<u8>) -> bool + Sync)) -> Spent {
    let starter = Starter::new(count + 1);
    let mut spent = Spent { wall: 0.0, processor: 0.0 };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..count)
            .map(|_| {
                scope.spawn(|| {
                    let mut out = Vec::with_capacity(1 << 16);
                    starter.wait();
                    processor_time(|| {
                        for counter in (0..).take(rounds) {
                            black_box(work(counter, &mut out));
                        }
                    })
                })
            })
            .collect();
        starter.wait();
        spent.wall = wall_time(|| {
            spent.processor = workers.into_iter().filter_map(|worker| worker.join().ok()).sum();
        });
    });
    spent
}

/// The bare cipher.
///
/// # Errors
///
/// Without memory.
pub fn bare() -> Result<LessSafeKey, Failure> {
    UnboundKey::new(&AES_256_GCM, &[3; 32]).map(LessSafeKey::new).map_err(|_| "no bare cipher".into())
}

fn nonce(counter: u64) -> Nonce {
    let mut nonce = [0; 12];
    nonce.iter_mut().skip(4).zip(counter.to_be_bytes()).for_each(|(to, from)| *to = from);
    Nonce::assume_unique_for_key(nonce)
}
