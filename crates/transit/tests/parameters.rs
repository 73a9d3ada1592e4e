//! Every parameter with every type of key: each combination either does what it says, or says what is wrong.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

mod common;

use common::*;
use strongroom_transit::algorithm::{
    HashAlgorithm, KeyType, Marshaling, OaepHash, RsaPadding, SaltLength, SignOptions,
};
use strongroom_transit::import::{ExportFormat, ExportKind};
use strongroom_transit::{
    DataKeyBits, DecryptOptions, EncryptOptions, Key, KeySpec, MacOptions, SignRequest, Transit, UseError,
};

/// What came of all combinations.
#[derive(Default)]
struct Tally {
    done: u32,
    refused: u32,
}

impl Tally {
    /// Notes the outcome; a refusal says something, and nothing of what it was given.
    fn note<T>(&mut self, outcome: Result<T, UseError>) -> Option<T> {
        match outcome {
            Ok(value) => {
                self.done += 1;
                Some(value)
            }
            Err(error) => {
                let text = error.to_string();
                assert!(text.len() > 10 && !text.contains("canary"), "{text}");
                let internal = matches!(error, UseError::Cipher | UseError::Usage(_) | UseError::Secret(_));
                assert!(!internal, "{error:?}");
                self.refused += 1;
                None
            }
        }
    }
}

fn keys(transit: &Transit) -> Vec<(KeySpec, Key)> {
    let mut keys = Vec::new();
    for key_type in KeyType::ALL {
        for (derived, convergent) in [(false, false), (true, false), (true, true), (false, true)] {
            let spec = KeySpec { derived, convergent, exportable: true, ..KeySpec::new(key_type) };
            let name = format!("{key_type}-{}", keys.len());
            match wait(transit.create(&name.parse().unwrap(), &spec)) {
                Ok(key) => keys.push((spec, key)),
                Err(error) => {
                    let possible = (!derived || key_type.supports_derivation())
                        && (!convergent || (derived && key_type.supports_convergent()));
                    assert!(!possible, "{key_type} {derived} {convergent}: {error}");
                }
            }
        }
    }
    keys
}

#[test]
fn every_combination_gives_a_result_or_a_reason() {
    let (_, transit) = Fixture::new();
    let keys = keys(&transit);
    // 18 plain ones, 5 types of symmetric encryption and Ed25519 derived, those 5 convergent.
    assert_eq!(keys.len(), 18 + 6 + 5);
    let mut tally = Tally::default();
    for (spec, key) in &keys {
        encryption(spec, key, &mut tally);
        signatures(spec, key, &mut tally);
        macs(key, &mut tally);
        encapsulation(spec, key, &mut tally);
        exports(&transit, key, &mut tally);
        garbage(key, &mut tally);
    }
    println!("{} combinations did something, {} were refused", tally.done, tally.refused);
    assert!(tally.done > 3000 && tally.refused > 10_000, "{} {}", tally.done, tally.refused);
}

fn encryption(spec: &KeySpec, key: &Key, tally: &mut Tally) {
    for context in [&b""[..], b"canary context"] {
        for associated_data in [&b""[..], b"canary data"] {
            for version in [None, Some(0), Some(1), Some(2), Some(u32::MAX)] {
                for nonce in [&b""[..], &[7; 12], &[7; 24]] {
                    for plaintext in [&b""[..], b"canary plaintext", &[1; 400]] {
                        for oaep_hash in [OaepHash::Sha1, OaepHash::Sha256, OaepHash::Sha512] {
                            if oaep_hash != OaepHash::Sha256 && !spec.key_type.is_rsa() {
                                continue;
                            }
                            let options =
                                EncryptOptions { context, associated_data, version, nonce, oaep_hash };
                            let ciphertext = tally.note(key.encrypt(plaintext, &options));
                            let text = tally.note(key.encrypt_text(plaintext, &options));
                            assert_eq!(ciphertext.is_some(), text.is_some());
                            let data_key = tally.note(key.data_key(DataKeyBits::B256, &options));
                            let unasked = EncryptOptions { nonce: b"", ..options };
                            let options = DecryptOptions { context, associated_data, oaep_hash };
                            if let (Some(ciphertext), Some(text)) = (ciphertext, text) {
                                // A convergent key's ciphertext is what it is without a nonce of the caller's.
                                assert!(
                                    nonce.is_empty()
                                        || spec.convergent
                                            && key.encrypt(plaintext, &unasked).unwrap() == ciphertext,
                                    "a nonce of the caller's was taken"
                                );
                                assert_eq!(spec.derived, !context.is_empty());
                                let opened = tally.note(key.decrypt(&ciphertext, &options)).unwrap();
                                assert_eq!(opened.as_slice(), plaintext);
                                let opened = tally.note(key.decrypt_text(&text, &options)).unwrap();
                                assert_eq!(opened.as_slice(), plaintext);
                                let renewed = EncryptOptions {
                                    oaep_hash,
                                    context,
                                    associated_data,
                                    ..Default::default()
                                };
                                tally.note(key.rewrap(&ciphertext, &renewed)).unwrap();
                            }
                            if let Some(data_key) = data_key {
                                let opened = tally.note(key.decrypt(&data_key.ciphertext, &options)).unwrap();
                                assert_eq!(opened.as_slice(), data_key.plaintext.expose());
                            }
                        }
                    }
                }
            }
        }
    }
}

fn signatures(spec: &KeySpec, key: &Key, tally: &mut Tally) {
    let hashes = HashAlgorithm::ALL.into_iter().map(Some).chain([None]);
    for hash in hashes {
        for prehashed in [false, true] {
            for marshaling in [Marshaling::Asn1, Marshaling::Jws] {
                for rsa_padding in [
                    RsaPadding::Pkcs1v15,
                    RsaPadding::Pss(SaltLength::Auto),
                    RsaPadding::Pss(SaltLength::Hash),
                    RsaPadding::Pss(SaltLength::Bytes(20)),
                    RsaPadding::Pss(SaltLength::Bytes(u16::MAX)),
                ] {
                    if rsa_padding != RsaPadding::Pkcs1v15 && !spec.key_type.is_rsa() {
                        continue;
                    }
                    for context in [&b""[..], b"canary"] {
                        for input in [&b""[..], b"canary", &[7; 32], &[7; 64]] {
                            let options = SignOptions { hash, prehashed, rsa_padding, marshaling };
                            let request = SignRequest { context, version: None, options };
                            let Some(signature) = tally.note(key.sign_text(input, &request)) else {
                                continue;
                            };
                            assert_eq!(tally.note(key.verify_text(input, &signature, &request)), Some(true));
                            let other = SignRequest {
                                options: SignOptions { prehashed: false, ..options },
                                ..request
                            };
                            if !prehashed {
                                assert_eq!(
                                    tally.note(key.verify_text(b"other", &signature, &other)),
                                    Some(false)
                                );
                            }
                        }
                    }
                }
            }
        }
    }
}

fn macs(key: &Key, tally: &mut Tally) {
    for hash in HashAlgorithm::ALL {
        for version in [None, Some(0), Some(1), Some(2)] {
            let options = MacOptions { hash, version };
            let Some(tag) = tally.note(key.hmac_text(b"canary", &options)) else { continue };
            assert_eq!(tally.note(key.verify_hmac_text(b"canary", &tag, &options)), Some(true));
            assert_eq!(tally.note(key.verify_hmac_text(b"other", &tag, &options)), Some(false));
        }
    }
}

fn encapsulation(spec: &KeySpec, key: &Key, tally: &mut Tally) {
    for version in [None, Some(0), Some(1), Some(2)] {
        let Some(given) = tally.note(key.encapsulate(version)) else { continue };
        assert!(spec.key_type.supports_encapsulation());
        let taken = tally.note(key.decapsulate(&given.ciphertext)).unwrap();
        assert!(taken.ct_eq(&given.secret));
        let taken = tally.note(key.decapsulate_text(&given.text().unwrap())).unwrap();
        assert!(taken.ct_eq(&given.secret));
    }
}

fn exports(transit: &Transit, key: &Key, tally: &mut Tally) {
    for kind in ExportKind::ALL {
        for format in ExportFormat::ALL {
            for version in [None, Some(0), Some(1), Some(2)] {
                match wait(transit.export(key.name(), kind, format, version)) {
                    Ok(exported) => {
                        assert_eq!(exported.len(), 1);
                        tally.done += 1;
                    }
                    Err(error) => {
                        assert!(error.to_string().len() > 10);
                        tally.refused += 1;
                    }
                }
            }
        }
    }
}

/// Ciphertexts, signatures and tags that are none.
fn garbage(key: &Key, tally: &mut Tally) {
    let mut bytes: Vec<Vec<u8>> = (0..64).map(|len| vec![0; len]).collect();
    bytes.extend((0..64).map(|len| [&[0, 0, 0, 1][..], &vec![0xff; len]].concat()));
    bytes.extend([256, 384, 512, 1088, 1568, 2420].map(|len| [&[0, 0, 0, 1][..], &vec![1; len]].concat()));
    for bytes in &bytes {
        for context in [&b""[..], b"canary"] {
            let decrypted = key.decrypt(bytes, &DecryptOptions { context, ..Default::default() });
            assert!(tally.note(decrypted).is_none());
            let request = SignRequest { context, ..Default::default() };
            assert_ne!(tally.note(key.verify(b"canary", bytes, &request)), Some(true));
        }
        assert_ne!(tally.note(key.verify_hmac(b"canary", bytes, &MacOptions::default())), Some(true));
        // ML-KEM gives a secret for whatever has the right length: one that nobody has.
        tally.note(key.decapsulate(bytes));
    }
    for text in ["", "vault:", "vault:v1:", "vault:v1:AA==", "vault:v9:AA==", "vault:v1:%%", "v1:AA=="] {
        assert!(tally.note(key.decrypt_text(text, &DecryptOptions::default())).is_none());
        assert_ne!(tally.note(key.verify_text(b"", text, &SignRequest::default())), Some(true));
        assert_ne!(tally.note(key.verify_hmac_text(b"", text, &MacOptions::default())), Some(true));
        assert!(tally.note(key.decapsulate_text(text)).is_none());
    }
}

#[test]
fn batches_keep_their_order_and_one_bad_item_is_alone() {
    let (_, transit) = Fixture::new();
    let key = create(&transit, "key", KeyType::Aes256Gcm96);
    let bad = EncryptOptions { version: Some(9), ..EncryptOptions::default() };
    let items = (0..100_u8).map(|n| {
        (if n == 50 { &[][..] } else { b"canary" }, if n % 10 == 3 { bad } else { EncryptOptions::default() })
    });
    let sealed = key.encrypt_batch(items.clone());
    for (n, outcome) in sealed.iter().enumerate() {
        assert_eq!(outcome.is_err(), n % 10 == 3, "{n}");
    }
    let texts = key.encrypt_text_batch(items);
    assert_eq!(texts.iter().filter(|outcome| outcome.is_err()).count(), 10);
    let good: Vec<&[u8]> = sealed.iter().flatten().map(Vec::as_slice).collect();
    let mut asked: Vec<_> = good.iter().map(|sealed| (*sealed, DecryptOptions::default())).collect();
    asked.insert(1, (b"none", DecryptOptions::default()));
    let opened = key.decrypt_batch(asked);
    assert_eq!(opened.iter().filter(|outcome| outcome.is_err()).count(), 1);
    assert!(opened[1].is_err());
    assert_eq!(opened.iter().flatten().filter(|plaintext| plaintext.is_empty()).count(), 1);
}
