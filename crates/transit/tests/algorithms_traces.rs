//! What dropped key material leaves in the process's memory: every writable page is searched, for the secret's bytes
//! in both orders, since libraries keep numbers the other way round.
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

use strongroom_crypto::random;
use strongroom_transit::algorithm::{
    GenerateOptions, HashAlgorithm, KeyType, Material, OaepHash, SignOptions,
};
use strongroom_transit::import::{ExportFormat, ExportKind, WrappingKey};

/// One test, since each search reads all memory.
#[test]
fn dropped_material_leaves_no_trace_however_it_was_used() {
    let (mut alive, mut searches) = (0, 0);
    for kind in KeyType::ALL {
        let key = Material::generate(kind, &GenerateOptions::default()).unwrap();
        let needles = needles(&key);
        use_it(&key);
        for needle in &needles {
            let found = needle.occurrences();
            assert!(found > 0, "{kind}: the control: what lives is found");
            alive += found;
        }
        drop(key);
        for needle in &needles {
            assert_eq!(needle.occurrences(), 0, "{kind}");
            searches += 1;
        }
    }
    println!(
        "evidence: id=transit/traces figure={searches} secrets of 18 types: found {alive} times in memory while they live, 0 times \
         after the drop verdict=pass"
    );
    assert_eq!(searches, 18 + 3 * 2);
}

/// The key, in pieces of 32 bytes or less; of RSA, pieces of the private exponent and of both primes.
fn needles(key: &Material) -> Vec<Needle> {
    let stored = key.encode().unwrap();
    let key_starts = if key.key_type() == KeyType::Hmac { 4 } else { 36 };
    let body = &stored.expose()[key_starts..];
    let len = body.len();
    match key.key_type() {
        // RSAPrivateKey ends with p, q, and three numbers as long as these; d stands before them.
        kind if kind.is_rsa() => {
            let half = len / 9;
            [len / 2 - half, len - 5 * half + half / 4, len - 4 * half + half / 4]
                .map(|at| Needle::of(&body[at..at + 32]))
                .into()
        }
        // The scalar, without the public point; P-521's first bytes are zeros, often.
        KeyType::EcdsaP521 => vec![Needle::of(&body[2..34])],
        kind if kind.symmetric_key_len() == Some(16) => vec![Needle::of(&body[..16])],
        _ => vec![Needle::of(&body[..32])],
    }
}

/// All that can be done with a key.
fn use_it(key: &Material) {
    let options = SignOptions::default();
    let again = Material::decode(key.encode().unwrap().expose()).unwrap();
    let form = key.to_import_form().unwrap();
    drop(Material::import(key.key_type(), &form).unwrap());
    for kind in ExportKind::ALL {
        for format in ExportFormat::ALL {
            drop(key.export(kind, format));
        }
    }
    drop(key.hmac(HashAlgorithm::Sha2_256, b"text"));
    if let Ok(signature) = key.sign(b"text", &options) {
        again.verify(b"text", &signature, &options).unwrap();
    }
    if let Ok(aead) = key.aead() {
        let sealed = aead.seal(&vec![1; aead.nonce_len()], b"", b"text").unwrap();
        aead.open(b"", &sealed).unwrap();
        drop(key.derive_convergent(b"context").unwrap().seal(b"", b"text").unwrap());
    }
    drop(key.derive_signing(b"context"));
    if let Some(public) = key.public_key() {
        if let Ok(ciphertext) = public.encrypt(OaepHash::Sha256, b"text") {
            key.decrypt(OaepHash::Sha256, &ciphertext).unwrap();
            drop(WrappingKey::wrap(public, OaepHash::Sha256, &form).unwrap());
        }
        if let Ok((ciphertext, _)) = public.encapsulate() {
            drop(key.decapsulate(&ciphertext).unwrap());
        }
    }
}

/// A secret, in two parts that must be joined to give it.
struct Needle {
    masked: Vec<u8>,
    mask: Vec<u8>,
}

impl Needle {
    fn of(secret: &[u8]) -> Self {
        let mask = random::array::<32>().unwrap()[..secret.len()].to_vec();
        let masked =
            secret.iter().zip(&mask).map(|(secret, mask)| secret ^ std::hint::black_box(mask)).collect();
        Self { masked, mask }
    }

    /// Places where 16 bytes of it lie, in either order: that is no accident.
    fn occurrences(&self) -> usize {
        let memory = File::open("/proc/self/mem").unwrap();
        let maps = fs::read_to_string("/proc/self/maps").unwrap();
        // Small and of one size: a buffer that grows leaves copies of what it held, which is all memory.
        let mut piece = vec![0; PIECE + OVERLAP];
        let mut found = 0;
        for line in maps.lines() {
            let mut fields = line.split_whitespace();
            let (start, end) = fields.next().and_then(|range| range.split_once('-')).unwrap();
            if !fields.next().unwrap().starts_with("rw") {
                continue;
            }
            let (start, end) =
                (u64::from_str_radix(start, 16).unwrap(), u64::from_str_radix(end, 16).unwrap());
            for at in (start..end).step_by(PIECE) {
                let len = usize::try_from(end - at).unwrap().min(piece.len());
                let piece = &mut piece[..len];
                if memory.read_exact_at(piece, at).is_err() {
                    break;
                }
                for half in 0..self.masked.len() / 16 {
                    for backwards in [false, true] {
                        found += self.count(piece, half * 16, backwards);
                    }
                }
                // What was read holds the secret too, and must not be found by the next search.
                piece.fill(0);
                std::hint::black_box(piece);
            }
        }
        found
    }

    fn count(&self, haystack: &[u8], from: usize, backwards: bool) -> usize {
        let at = |i: usize| {
            let index = if backwards { from + 15 - i } else { from + i };
            self.masked[index] ^ self.mask[index]
        };
        let is = |window: &[u8]| (0..16).all(|i| window[i] == at(i));
        let first = at(0);
        let starts = haystack.iter().enumerate().filter(|(_, byte)| **byte == first);
        starts.filter_map(|(start, _)| haystack.get(start..start + 16)).filter(|window| is(window)).count()
    }
}

const PIECE: usize = 1 << 16;
/// One byte less than what is searched for, so that what lies across two pieces is found once.
const OVERLAP: usize = 15;
