//! Limits: never exceeded, whoever counts, and never forgotten.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    missing_docs
)]

mod common;

use std::sync::atomic::{AtomicU64, Ordering};

use common::*;
use strongroom_transit::algorithm::{KeyType, RsaPadding, SaltLength, SignOptions};
use strongroom_transit::{
    AtLimit, ConfigChange, DecryptOptions, EncryptOptions, Key, KeySpec, Limits, MacOptions, SignRequest,
    Transit, UseError,
};

fn limited(operations: Option<u64>, bytes: Option<u64>, at_limit: AtLimit) -> KeySpec {
    KeySpec { limits: Limits { operations, bytes, at_limit }, ..KeySpec::new(KeyType::Aes256Gcm96) }
}

/// How many messages of this length the key still encrypts.
fn encrypt_until_refused(key: &Key, len: usize) -> u64 {
    let plaintext = vec![0; len];
    let mut done = 0;
    loop {
        match key.encrypt(&plaintext, &EncryptOptions::default()) {
            Ok(_) => done += 1,
            Err(UseError::Exhausted) => return done,
            Err(error) => panic!("{error}"),
        }
    }
}

fn reserved(transit: &Transit, key: &str) -> Vec<(u64, u64)> {
    let (_, versions) = wait(transit.info(&name(key))).unwrap();
    versions.iter().map(|version| (version.reserved.operations, version.reserved.bytes)).collect()
}

#[test]
fn operations_stop_exactly_at_the_limit() {
    for limit in [0, 1, 3, 1000, 5000] {
        let (_, transit) = Fixture::new();
        let key = create_as(&transit, "key", &limited(Some(limit), None, AtLimit::Refuse));
        assert_eq!(encrypt_until_refused(&key, 10), limit);
        assert_eq!(encrypt_until_refused(&key, 0), 0);
        assert_eq!(reserved(&transit, "key")[0].0, limit);
        // What it made still opens, and a rotation helps.
        wait(transit.rotate(&name("key"))).unwrap();
        assert_eq!(encrypt_until_refused(&key, 10), limit);
    }
}

#[test]
fn bytes_stop_at_the_last_message_that_fits() {
    let (_, transit) = Fixture::new();
    let key = create_as(&transit, "key", &limited(None, Some(1005), AtLimit::Refuse));
    assert_eq!(encrypt_until_refused(&key, 10), 100);
    assert_eq!(encrypt_until_refused(&key, 6), 0);
    assert_eq!(encrypt_until_refused(&key, 5), 1);
    assert_eq!(encrypt_until_refused(&key, 1), 0);
}

#[test]
fn signatures_and_macs_count_and_opening_does_not() {
    let (_, transit) = Fixture::new();
    let spec = KeySpec {
        limits: Limits { operations: Some(4), bytes: None, at_limit: AtLimit::Refuse },
        ..KeySpec::new(KeyType::Ed25519)
    };
    let key = create_as(&transit, "key", &spec);
    let signature = key.sign(b"message", &SignRequest::default()).unwrap();
    let tag = key.hmac(b"message", &MacOptions::default()).unwrap();
    for _ in 0..100 {
        assert!(key.verify(b"message", &signature, &SignRequest::default()).unwrap());
        assert!(key.verify_hmac(b"message", &tag, &MacOptions::default()).unwrap());
    }
    key.sign(b"message", &SignRequest::default()).unwrap();
    key.hmac(b"message", &MacOptions::default()).unwrap();
    assert!(matches!(key.sign(b"message", &SignRequest::default()), Err(UseError::Exhausted)));
    assert!(matches!(key.hmac(b"message", &MacOptions::default()), Err(UseError::Exhausted)));
}

#[test]
fn what_is_refused_neither_counts_nor_rotates() {
    let (_, transit) = Fixture::new();
    let limits = Limits { operations: Some(5), bytes: None, at_limit: AtLimit::Rotate };
    let key = |text: &str, key_type| create_as(&transit, text, &KeySpec { limits, ..KeySpec::new(key_type) });
    let aes = key("aes", KeyType::Aes256Gcm96);
    let plain = EncryptOptions::default();
    let derived = EncryptOptions { context: b"unexpected", ..plain };
    let nonce = EncryptOptions { nonce: &[1; 12], ..plain };
    let signing = key("signing", KeyType::EcdsaP256);
    let prehashed = SignOptions { prehashed: true, ..SignOptions::default() };
    let no_digest = SignRequest { options: prehashed, ..SignRequest::default() };
    let rsa = key("rsa", KeyType::Rsa2048);
    let salt = SignOptions { rsa_padding: RsaPadding::Pss(SaltLength::Bytes(500)), ..SignOptions::default() };
    let salt = SignRequest { options: salt, ..SignRequest::default() };
    for _ in 0..20 {
        assert!(aes.sign(b"message", &SignRequest::default()).is_err());
        assert!(aes.encapsulate(None).is_err());
        assert!(aes.encrypt(b"message", &derived).is_err());
        assert!(aes.encrypt(b"message", &nonce).is_err());
        assert!(aes.encrypt_batch([(&b"message"[..], derived); 7]).iter().all(Result::is_err));
        assert!(signing.sign(b"no digest", &no_digest).is_err());
        assert!(signing.encrypt(b"message", &plain).is_err());
        assert!(rsa.sign(b"message", &salt).is_err());
        assert!(rsa.encrypt(&[0; 300], &plain).is_err());
    }
    for key in [&aes, &signing, &rsa] {
        assert_eq!(key.latest_version().unwrap(), 1);
        assert_eq!(reserved(&transit, key.name().as_str())[0].0, 0);
    }
    // The control: what is done counts, also beside what is refused in one batch.
    let mixed = aes.encrypt_batch([(&b"message"[..], plain), (b"message", derived), (b"message", plain)]);
    assert_eq!(mixed.iter().filter(|outcome| outcome.is_ok()).count(), 2);
    for _ in 0..4 {
        aes.encrypt(b"message", &plain).unwrap();
    }
    assert_eq!(aes.latest_version().unwrap(), 2);
}

#[test]
fn many_threads_and_two_managers_share_one_limit() {
    let (_, first) = Fixture::new();
    let spec = limited(Some(20_000), None, AtLimit::Refuse);
    let key = create_as(&first, "key", &spec);
    // As two mounts of a server would be.
    let second = common::transit(first.barrier(), strongroom_transit::Options::default());
    let other = wait(second.key(&name("key"))).unwrap();
    let done = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for key in [&key, &key, &other, &other] {
            scope.spawn(|| {
                done.fetch_add(encrypt_until_refused(key, 3), Ordering::Relaxed);
            });
        }
    });
    let done = done.into_inner();
    assert!(done <= 20_000, "{done}");
    // Each manager may be left with a part of a block that the other would have needed.
    assert!(done >= 20_000 - 20_000 / 1024, "{done}");
    assert_eq!(reserved(&first, "key")[0].0, 20_000);
    println!(
        "evidence: id=transit/limit-shared figure={done} operations of 20000 by 4 threads over 2 managers, then every one refused \
         verdict=pass"
    );
}

#[test]
fn restart_loses_the_rest_of_a_block_and_gives_nothing_back() {
    let (fixture, transit) = Fixture::new();
    let limit = 102_400;
    create_as(&transit, "key", &limited(Some(limit), None, AtLimit::Refuse));
    drop(transit);
    let (mut done, mut before) = (0, 0);
    for _ in 0..20 {
        let transit = fixture.reopen();
        let key = wait(transit.key(&name("key"))).unwrap();
        key.encrypt(b"one", &EncryptOptions::default()).unwrap();
        done += 1;
        let now = reserved(&transit, "key")[0].0;
        assert!(now > before && now >= done, "{before} {now}");
        before = now;
    }
    let transit = fixture.reopen();
    let key = wait(transit.key(&name("key"))).unwrap();
    done += encrypt_until_refused(&key, 1);
    assert!(done <= limit - 20 * (limit / 1024 - 1), "what a restart lost was not used again: {done}");
    assert_eq!(reserved(&transit, "key")[0].0, limit);
}

#[test]
fn key_is_rotated_at_its_limit_and_goes_on() {
    let (fixture, transit) = Fixture::new();
    let key = create_as(&transit, "key", &limited(Some(100), None, AtLimit::Rotate));
    let ciphertexts: Vec<_> =
        (0..1000).map(|_| key.encrypt(b"message", &EncryptOptions::default()).unwrap()).collect();
    assert_eq!(key.latest_version().unwrap(), 10);
    let mut counts = [0; 11];
    for ciphertext in &ciphertexts {
        counts[usize::from(ciphertext[3])] += 1;
        assert_eq!(key.decrypt(ciphertext, &DecryptOptions::default()).unwrap().as_slice(), b"message");
    }
    assert_eq!(counts, [0, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100]);
    // A version that is named is not replaced by another.
    let first = EncryptOptions { version: Some(1), ..EncryptOptions::default() };
    assert!(matches!(key.encrypt(b"message", &first), Err(UseError::Exhausted)));
    drop((key, transit));
    let key = wait(fixture.reopen().key(&name("key"))).unwrap();
    key.encrypt(b"message", &EncryptOptions::default()).unwrap();
    assert_eq!(key.latest_version().unwrap(), 11);
}

#[test]
fn message_longer_than_any_version_may_protect_rotates_nothing() {
    let (_, transit) = Fixture::new();
    let key = create_as(&transit, "key", &limited(None, Some(100), AtLimit::Rotate));
    assert!(matches!(key.encrypt(&[0; 101], &EncryptOptions::default()), Err(UseError::Exhausted)));
    assert_eq!(key.latest_version().unwrap(), 1);
    let none = create_as(&transit, "none", &limited(Some(0), None, AtLimit::Rotate));
    assert!(matches!(none.encrypt(b"", &EncryptOptions::default()), Err(UseError::Exhausted)));
    assert_eq!(none.latest_version().unwrap(), 1);
}

#[test]
fn threads_at_the_limit_rotate_once() {
    let (_, transit) = Fixture::new();
    let key = create_as(&transit, "key", &limited(Some(1000), None, AtLimit::Rotate));
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..500 {
                    key.encrypt(b"message", &EncryptOptions::default()).unwrap();
                }
            });
        }
    });
    assert_eq!(key.latest_version().unwrap(), 4);
    assert_eq!(reserved(&transit, "key").iter().map(|(operations, _)| operations).sum::<u64>(), 4000);
}

#[test]
fn lowered_limit_holds_for_what_was_reserved_already() {
    let (_, transit) = Fixture::new();
    let key = create_as(&transit, "key", &limited(Some(1 << 20), None, AtLimit::Refuse));
    for _ in 0..10 {
        key.encrypt(b"message", &EncryptOptions::default()).unwrap();
    }
    let lower = Limits { operations: Some(10), bytes: None, at_limit: AtLimit::Refuse };
    let change = ConfigChange { limits: Some(lower), ..ConfigChange::default() };
    wait(transit.configure(&name("key"), &change)).unwrap();
    assert_eq!(encrypt_until_refused(&key, 1), 0);
}

#[test]
fn backup_gives_no_operation_back() {
    let (_, transit) = Fixture::new();
    let spec = KeySpec {
        exportable: true,
        allow_plaintext_backup: true,
        ..limited(Some(10), None, AtLimit::Refuse)
    };
    let key = create_as(&transit, "key", &spec);
    let backup = wait(transit.backup(&name("key"))).unwrap();
    assert_eq!(encrypt_until_refused(&key, 1), 10);
    let again = wait(transit.restore(Some(&name("again")), backup.as_slice(), false)).unwrap();
    assert_eq!(encrypt_until_refused(&again, 1), 0);
    let over = wait(transit.restore(None, backup.as_slice(), true)).unwrap();
    assert_eq!(encrypt_until_refused(&over, 1), 0);
    // Not even when the key was destroyed meanwhile.
    let deletable = ConfigChange { deletion_allowed: Some(true), ..ConfigChange::default() };
    wait(transit.configure(&name("key"), &deletable)).unwrap();
    wait(transit.delete(&name("key"))).unwrap();
    pass(2 * DAY);
    wait(transit.schedule_destruction(&name("key"), now())).unwrap();
    assert!(wait(transit.destroy_if_due(&name("key"))).unwrap());
    let back = wait(transit.restore(None, backup.as_slice(), false)).unwrap();
    assert_eq!(encrypt_until_refused(&back, 1), 0);
    // Another store goes on from what the backup knew.
    let used_up = wait(transit.backup(&name("key"))).unwrap();
    let (_, elsewhere) = Fixture::new();
    let there = wait(elsewhere.restore(None, used_up.as_slice(), false)).unwrap();
    assert_eq!(encrypt_until_refused(&there, 1), 0);
}
