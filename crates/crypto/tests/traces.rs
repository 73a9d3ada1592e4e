//! What a dropped key leaves in the process's memory: every writable page is searched.
//!
//! The needle is kept apart from its mask, so that the search does not find itself.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    missing_docs
)]

use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::sync::{Mutex, MutexGuard, PoisonError};

use strongroom_crypto::aead::{AeadKey, provider};
use strongroom_crypto::hpke::{KeyPair, Suite, seal_psk};
use strongroom_crypto::kdf;
use strongroom_crypto::mac::MacKey;
use strongroom_crypto::record::{Opener, RecordBuf, Sealer, StoreId, Term, TermKeys};
use strongroom_crypto::secret::{Secret, SecretBytes};
use strongroom_crypto::siv::SivKey;

#[test]
fn dropped_secret_leaves_no_trace() {
    check(|secret| secret.duplicate().unwrap());
    check(|secret| SecretBytes::copy_from_slice(secret.expose()).unwrap());
}

#[test]
fn dropped_aead_key_leaves_no_trace() {
    check(|secret| AeadKey::new(secret).unwrap());
    check(|secret| provider::rustcrypto::Key::new(secret).unwrap());
}

#[test]
fn used_aead_key_leaves_no_trace() {
    check(|secret| {
        let key = AeadKey::new(secret).unwrap();
        key.seal_in_place(&[0; 12], b"", &mut [0; 100]).unwrap();
        key
    });
}

#[test]
fn mac_key_leaves_no_trace() {
    check(|secret| {
        let key = MacKey::new(secret);
        let tag = key.mac(&[b"message"]);
        (secret.duplicate().unwrap(), key, tag)
    });
}

#[test]
fn siv_key_leaves_no_trace_of_either_half() {
    for first_half in [true, false] {
        check(|secret| {
            let whole = Secret::<64>::fill_with(|bytes| {
                let half = if first_half { &mut bytes[..32] } else { &mut bytes[32..] };
                half.copy_from_slice(secret.expose());
                Ok::<_, strongroom_crypto::secret::SecretError>(())
            });
            let key = SivKey::new(&whole.unwrap()).unwrap();
            let sealed = key.seal(b"directory", b"name").unwrap();
            key.open(b"directory", &sealed).unwrap();
            key
        });
    }
}

#[test]
fn hkdf_input_and_output_leave_no_trace() {
    check(|secret| {
        let derived = kdf::expand::<32>(secret, &[b"info"]).unwrap();
        let extracted = kdf::hkdf::<32>(b"salt", secret.expose(), &[b"info"]).unwrap();
        (secret.duplicate().unwrap(), derived, extracted)
    });
}

#[test]
fn hpke_seed_psk_and_plaintext_leave_no_trace() {
    for suite in [Suite::XWing, Suite::P256] {
        check(|secret| {
            let pair = KeyPair::derive(suite, secret).unwrap();
            let sealed = seal_psk(suite, pair.public_key(), secret, b"slot", b"", b"", secret).unwrap();
            (pair.open_psk(secret, b"slot", b"", b"", &sealed).unwrap(), pair)
        });
    }
}

#[test]
fn term_key_leaves_no_trace_after_sealing_and_opening() {
    check(|secret| {
        let mut sealer = Sealer::start(STORE, Term::new(1), secret).unwrap();
        let record = sealer.seal(b"place", b"value").unwrap();
        let opener = Opener::new(STORE);
        let keys = OneKey(secret.duplicate().unwrap());
        opener.open(&keys, b"place", &record).unwrap();
        (sealer, opener, keys)
    });
}

#[test]
fn session_key_leaves_no_trace_once_the_opener_forgets() {
    let _alone = alone();
    let keys = OneKey(Secret::random().unwrap());
    let mut sealer = Sealer::start(STORE, Term::new(1), &keys.0).unwrap();
    let record = sealer.seal(b"place", b"value").unwrap();
    let opener = Opener::new(STORE);
    opener.open(&keys, b"place", &record).unwrap();
    let info: [&[u8]; 5] = [b"strongroom record session", &[1, 1], &STORE.0, &[0, 0, 0, 1], &record[6..22]];
    let needle = Needle::of(&kdf::expand(&keys.0, &info).unwrap());
    assert!(needle.occurrences() >= 2, "the control: the sealer and the opener hold its schedule");
    drop(sealer);
    assert!(needle.occurrences() >= 1, "the control: the opener holds it still");
    opener.forget();
    let left = needle.occurrences();
    assert_eq!(left, 0);
    found(1, left);
}

#[test]
fn buffer_that_grew_and_was_dropped_unsealed_leaves_no_trace() {
    check(|secret| {
        let mut buffer = RecordBuf::new();
        buffer.push(secret.expose());
        // Grows several times, and is used again.
        (0..6).for_each(|_| buffer.push(&[1; 100]));
        buffer.clear();
        buffer.push(secret.expose());
        (0..6).for_each(|_| buffer.push(&[1; 1000]));
        buffer
    });
}

#[test]
fn opened_value_leaves_no_trace_in_memory_that_is_dropped_or_used_again() {
    check(|secret| {
        let keys = OneKey(Secret::random().unwrap());
        let mut sealer = Sealer::start(STORE, Term::new(1), &keys.0).unwrap();
        let opener = Opener::new(STORE);
        let mut buffer = RecordBuf::new();
        buffer.push(&[1; 32]);
        buffer.push(secret.expose());
        sealer.seal_in_place(b"value", &mut buffer).unwrap();
        let value = buffer.into_vec().unwrap();
        let short = sealer.seal(b"short", b"short").unwrap();
        let long = sealer.seal(b"long", &[1; 1000]).unwrap();
        let mut outputs = [Vec::new(), Vec::new(), Vec::new()];
        for output in &mut outputs {
            opener.open_into(&keys, b"value", &value, output).unwrap();
        }
        opener.open_into(&keys, b"short", &short, &mut outputs[0]).unwrap();
        opener.open_into(&keys, b"long", &long, &mut outputs[1]).unwrap();
        opener.open_into(&keys, b"elsewhere", &value, &mut outputs[2]).unwrap_err();
        // These stay, so that nothing is overwritten by chance before the search.
        KEPT.lock().unwrap().extend(outputs);
        opener.open(&keys, b"value", &value).unwrap()
    });
}

/// Makes something of a secret, and looks for the secret while it lives and after the drop.
fn check<T>(make: impl FnOnce(&Secret<32>) -> T) {
    let _alone = alone();
    let needle = Needle::random();
    let secret = needle.secret();
    let product = make(&secret);
    drop(secret);
    let alive = needle.occurrences();
    assert!(alive > 0, "the control: what lives is found");
    drop(product);
    let left = needle.occurrences();
    assert_eq!(left, 0, "what was dropped is not; it was found {alive} times before");
    found(alive, left);
}

/// Adds up the searches; with the last one, tells the sum.
fn found(alive: usize, left: usize) {
    static SUM: Mutex<[usize; 3]> = Mutex::new([0; 3]);
    let mut sum = SUM.lock().unwrap();
    for (sum, one) in sum.iter_mut().zip([1, alive, left]) {
        *sum += one;
    }
    let [searches, before, after] = *sum;
    if searches == SEARCHES {
        println!(
            "evidence: id=crypto/traces figure={searches} kinds of secret: found {before} times in memory while they live, {after} \
             times after the drop verdict={}",
            if before >= searches && after == 0 { "pass" } else { "fail" }
        );
    }
}

/// One search at a time, since each reads all memory.
fn alone() -> MutexGuard<'static, ()> {
    SEARCHING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A random secret, in two parts that must be joined to give it.
struct Needle {
    masked: [u8; 32],
    mask: [u8; 32],
}

impl Needle {
    fn random() -> Self {
        Self {
            masked: strongroom_crypto::random::array().unwrap(),
            mask: strongroom_crypto::random::array().unwrap(),
        }
    }

    fn of(secret: &Secret<32>) -> Self {
        let mut needle = Self::random();
        for (i, masked) in needle.masked.iter_mut().enumerate() {
            *masked = secret.expose()[i] ^ std::hint::black_box(needle.mask[i]);
        }
        needle
    }

    fn secret(&self) -> Secret<32> {
        Secret::fill_with(|bytes| {
            for (i, byte) in bytes.iter_mut().enumerate() {
                *byte = self.masked[i] ^ std::hint::black_box(self.mask[i]);
            }
            Ok::<_, strongroom_crypto::secret::SecretError>(())
        })
        .unwrap()
    }

    /// Places where half of the secret or more lies: 16 bytes are no accident.
    fn occurrences(&self) -> usize {
        let memory = File::open("/proc/self/mem").unwrap();
        let maps = fs::read_to_string("/proc/self/maps").unwrap();
        let mut page = Vec::new();
        let mut found = 0;
        for line in maps.lines() {
            let mut fields = line.split_whitespace();
            let (start, end) = fields.next().and_then(|range| range.split_once('-')).unwrap();
            if !fields.next().unwrap().starts_with("rw") {
                continue;
            }
            let (start, end) =
                (u64::from_str_radix(start, 16).unwrap(), u64::from_str_radix(end, 16).unwrap());
            page.resize(usize::try_from(end - start).unwrap(), 0);
            if memory.read_exact_at(&mut page, start).is_err() {
                continue;
            }
            // What was read holds the secret too, and must not be found by the next search.
            found += (0..2).map(|half| self.count(&page, half * 16)).sum::<usize>();
            page.fill(0);
        }
        std::hint::black_box(&page);
        found
    }

    fn count(&self, haystack: &[u8], from: usize) -> usize {
        let is = |window: &[u8]| (0..16).all(|i| window[i] == self.masked[from + i] ^ self.mask[from + i]);
        let first = self.masked[from] ^ self.mask[from];
        let starts = haystack.iter().enumerate().filter(|(_, byte)| **byte == first);
        starts.filter_map(|(at, _)| haystack.get(at..at + 16)).filter(|window| is(window)).count()
    }
}

struct OneKey(Secret<32>);

impl TermKeys for OneKey {
    fn key(&self, _: Term) -> Option<&Secret<32>> {
        Some(&self.0)
    }
}

/// How often this file searches for what was dropped.
const SEARCHES: usize = 15;
const STORE: StoreId = StoreId([1; 16]);
static KEPT: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());
static SEARCHING: Mutex<()> = Mutex::new(());
