//! Every parameter with every type of key: each combination either does what it says, or says what is wrong.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    missing_docs
)]

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
    assert!(tally.done > 3000 && tally.refused > 10_000, "{} {}", tally.done, tally.refused);
    println!(
        "evidence: id=transit/parameters figure={} keys of every type: {} combinations did what they say, {} were refused with a \
         reason, no panic verdict=pass",
        keys.len(),
        tally.done,
        tally.refused
    );
}

#[test]
fn nonce_of_the_callers_is_refused_unless_the_key_is_convergent_and_has_no_say_then() {
    let (_, transit) = Fixture::new();
    let (mut refused, mut ignored) = (0, 0);
    for (spec, key) in keys(&transit).iter().filter(|(spec, _)| spec.key_type.supports_encryption()) {
        let context = if spec.derived { &b"context"[..] } else { b"" };
        let unasked = EncryptOptions { context, ..EncryptOptions::default() };
        for nonce in (1..=32).map(|len| vec![7; len]) {
            let options = EncryptOptions { nonce: &nonce, ..unasked };
            let batched = key.encrypt_batch([(&b"message"[..], options)]).remove(0);
            let mut appended = b"before".to_vec();
            let outcomes = [
                key.encrypt(b"message", &options),
                key.encrypt_text(b"message", &options).map(String::into_bytes),
                key.encrypt_into(b"message", &options, &mut appended).map(|()| appended.split_off(6)),
                key.data_key(DataKeyBits::B256, &options).map(|data_key| data_key.ciphertext),
                batched,
            ];
            if spec.convergent {
                assert!(outcomes.iter().all(Result::is_ok));
                assert_eq!(outcomes[0].as_ref().unwrap(), &key.encrypt(b"message", &unasked).unwrap());
                ignored += outcomes.len();
            } else {
                assert!(outcomes.iter().all(|outcome| matches!(outcome, Err(UseError::NonceGiven))));
                assert_eq!(appended, b"before");
                refused += outcomes.len();
            }
        }
        // The control: without a nonce each of them encrypts.
        assert!(key.encrypt(b"message", &unasked).is_ok());
    }
    // 8 plain types that encrypt and 5 derived ones; 5 convergent ones.
    assert_eq!((refused, ignored), ((8 + 5) * 32 * 5, 5 * 32 * 5));
    println!(
        "evidence: id=transit/caller-nonces figure={refused} of {refused} refused by keys that are not convergent, {ignored} without \
         effect on convergent ones verdict=pass"
    );
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

/// Which of the outcomes are errors.
fn failed<T>(outcomes: &[Result<T, UseError>]) -> Vec<usize> {
    outcomes.iter().enumerate().filter(|(_, outcome)| outcome.is_err()).map(|(at, _)| at).collect()
}

#[test]
fn every_batch_has_a_result_for_each_item_in_order() {
    const ITEMS: usize = 10;
    const BAD: usize = 3;
    let (_, transit) = Fixture::new();
    let inputs: Vec<Vec<u8>> = (0..ITEMS).map(|n| vec![u8::try_from(n).unwrap(); n]).collect();
    // The fourth names a version that there is not.
    let version = |n: usize| (n == BAD).then_some(9);
    let mut calls = 0;
    let mut whole = |failed: Vec<usize>| {
        assert_eq!(failed, [BAD]);
        calls += 1;
    };

    let key = create(&transit, "encrypting", KeyType::XChaCha20Poly1305);
    let sealing = |n| EncryptOptions { version: version(n), ..EncryptOptions::default() };
    let plain = || inputs.iter().enumerate().map(|(n, input)| (input.as_slice(), sealing(n)));
    let sealed = key.encrypt_batch(plain());
    let texts = key.encrypt_text_batch(plain());
    whole(failed(&sealed));
    whole(failed(&texts));
    whole(failed(&key.data_key_batch((0..ITEMS).map(|n| (DataKeyBits::B256, sealing(n))))));
    let sealed: Vec<Vec<u8>> = sealed.into_iter().map(Result::unwrap_or_default).collect();
    let texts: Vec<String> = texts.into_iter().map(Result::unwrap_or_default).collect();
    let opened =
        key.decrypt_batch(sealed.iter().map(|sealed| (sealed.as_slice(), DecryptOptions::default())));
    let opened_texts =
        key.decrypt_text_batch(texts.iter().map(|text| (text.as_str(), DecryptOptions::default())));
    for opened in [opened, opened_texts] {
        for (outcome, input) in opened.iter().zip(&inputs) {
            assert!(outcome.as_ref().is_err() || outcome.as_ref().unwrap().as_slice() == input);
        }
        whole(failed(&opened));
    }
    wait(transit.rotate(&name("encrypting"))).unwrap();
    let rewrapped = key.rewrap_batch(sealed.iter().map(|sealed| (sealed.as_slice(), sealing(0))));
    assert!(rewrapped.iter().flatten().all(|sealed| sealed[..4] == [0, 0, 0, 2]));
    whole(failed(&rewrapped));
    let rewrapped = key.rewrap_text_batch(texts.iter().map(|text| (text.as_str(), sealing(0))));
    assert!(rewrapped.iter().flatten().all(|text| text.starts_with("vault:v2:")));
    whole(failed(&rewrapped));

    let key = create(&transit, "signing", KeyType::Ed25519);
    let request = |n| SignRequest { version: version(n), ..SignRequest::default() };
    let asked = || inputs.iter().enumerate().map(|(n, input)| (input.as_slice(), request(n)));
    let signatures = key.sign_batch(asked());
    for (outcome, input) in signatures.iter().zip(&inputs) {
        let alone = key.sign(input, &SignRequest::default()).unwrap();
        assert!(outcome.as_ref().is_err() || *outcome.as_ref().unwrap() == alone, "in order");
    }
    whole(failed(&signatures));
    let texts = key.sign_text_batch(asked());
    whole(failed(&texts));
    let signatures: Vec<Vec<u8>> = signatures.into_iter().map(Result::unwrap_or_default).collect();
    let texts: Vec<String> = texts.into_iter().map(Result::unwrap_or_default).collect();
    let pairs = inputs.iter().zip(&signatures);
    let verified =
        key.verify_batch(pairs.map(|(input, made)| (input.as_slice(), made.as_slice(), request(0))));
    let pairs = inputs.iter().zip(&texts);
    let of_texts =
        key.verify_text_batch(pairs.map(|(input, made)| (input.as_slice(), made.as_str(), request(0))));
    for verified in [verified, of_texts] {
        assert!(verified.iter().flatten().all(|verified| *verified));
        whole(failed(&verified));
    }

    let options = |n| MacOptions { version: version(n), ..MacOptions::default() };
    let asked = || inputs.iter().enumerate().map(|(n, input)| (input.as_slice(), options(n)));
    let tags = key.hmac_batch(asked());
    let texts = key.hmac_text_batch(asked());
    whole(failed(&tags));
    whole(failed(&texts));
    let tags: Vec<Vec<u8>> = tags.into_iter().map(Result::unwrap_or_default).collect();
    let texts: Vec<String> = texts.into_iter().map(Result::unwrap_or_default).collect();
    let pairs = inputs.iter().zip(&tags);
    let verified =
        key.verify_hmac_batch(pairs.map(|(input, tag)| (input.as_slice(), tag.as_slice(), options(0))));
    let pairs = inputs.iter().zip(&texts);
    let of_texts =
        key.verify_hmac_text_batch(pairs.map(|(input, tag)| (input.as_slice(), tag.as_str(), options(0))));
    for verified in [verified, of_texts] {
        assert!(verified.iter().flatten().all(|verified| *verified));
        whole(failed(&verified));
    }

    let key = create(&transit, "encapsulating", KeyType::MlKem768);
    let versions: Vec<Option<u32>> = (0..ITEMS).map(version).collect();
    let given = key.encapsulate_batch(&versions);
    whole(failed(&given));
    let ciphertexts = given.iter().map(|given| given.as_ref().map_or(&[][..], |given| &given.ciphertext));
    let taken = key.decapsulate_batch(ciphertexts);
    for (taken, given) in taken.iter().zip(&given) {
        assert!(taken.is_err() || taken.as_ref().unwrap().ct_eq(&given.as_ref().unwrap().secret));
    }
    whole(failed(&taken));
    println!(
        "evidence: id=transit/batches figure={calls} operations on batches of {ITEMS} with a bad one: each item has its result, in order \
         verdict=pass"
    );
    assert_eq!(calls, 17);
}
