//! Keys from their making to their destruction.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

mod common;

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::*;
use strongroom_crypto::secret::{Plaintext, Secret};
use strongroom_storage::DiskStorage;
use strongroom_transit::algorithm::{KeyType, OaepHash, PublicKey};
use strongroom_transit::import::{ExportFormat, ExportKind, WrappingKey};
use strongroom_transit::{
    AtLimit, ConfigChange, DecryptOptions, EncryptOptions, Incoming, Key, KeySpec, Limits, ManageError,
    Options, PolicyError, Transit, UseError, VersionState,
};

fn encrypt(key: &Key) -> Vec<u8> {
    key.encrypt(b"message", &EncryptOptions::default()).unwrap()
}

fn decrypt(key: &Key, ciphertext: &[u8]) -> Result<Vec<u8>, UseError> {
    Ok(key.decrypt(ciphertext, &DecryptOptions::default())?.as_slice().to_vec())
}

fn configure(transit: &Transit, key: &str, change: ConfigChange) -> Result<(), ManageError> {
    wait(transit.configure(&name(key), &change))
}

fn minimums(decryption: u32, encryption: u32) -> ConfigChange {
    ConfigChange {
        min_decryption_version: Some(decryption),
        min_encryption_version: Some(encryption),
        ..ConfigChange::default()
    }
}

#[test]
fn key_is_made_once_listed_and_found_after_a_restart() {
    let (fixture, transit) = Fixture::new();
    let key = create(&transit, "b", KeyType::Aes256Gcm96);
    create(&transit, "a", KeyType::Ed25519);
    let again = wait(transit.create(&name("b"), &KeySpec::new(KeyType::Aes128Gcm96)));
    assert!(matches!(again, Err(ManageError::Exists)));
    assert!(matches!(wait(transit.key(&name("c"))), Err(ManageError::NotFound)));
    let (names, more) = wait(transit.list(None, 1)).unwrap();
    assert_eq!((names, more), (vec![name("a")], true));
    assert_eq!(wait(transit.list(Some("a"), 5)).unwrap(), (vec![name("b")], false));
    let ciphertext = encrypt(&key);
    drop((key, transit));
    let transit = fixture.reopen();
    let key = wait(transit.key(&name("b"))).unwrap();
    assert_eq!(decrypt(&key, &ciphertext).unwrap(), b"message");
}

#[test]
fn rotation_keeps_the_old_versions_and_minimums_close_them() {
    let (_, transit) = Fixture::new();
    let key = create(&transit, "key", KeyType::Aes256Gcm96);
    let old = encrypt(&key);
    assert_eq!(wait(transit.rotate(&name("key"))).unwrap(), 2);
    let new = encrypt(&key);
    assert_eq!((&old[..4], &new[..4]), (&[0, 0, 0, 1][..], &[0, 0, 0, 2][..]));
    assert_eq!(decrypt(&key, &old).unwrap(), b"message");
    let first = EncryptOptions { version: Some(1), ..EncryptOptions::default() };
    assert_eq!(key.encrypt(b"x", &first).unwrap()[3], 1);

    assert!(matches!(
        configure(&transit, "key", minimums(3, 0)),
        Err(ManageError::Policy(PolicyError::BeyondLatest { latest: 2 }))
    ));
    assert!(matches!(
        configure(&transit, "key", minimums(2, 1)),
        Err(ManageError::Policy(PolicyError::EncryptionBelowDecryption))
    ));
    assert!(matches!(wait(transit.trim(&name("key"), 2)), Err(ManageError::Policy(PolicyError::TrimInUse))));
    configure(&transit, "key", minimums(2, 2)).unwrap();
    assert!(matches!(decrypt(&key, &old), Err(UseError::BelowMinimum { minimum: 2 })));
    assert!(matches!(key.encrypt(b"x", &first), Err(UseError::BelowMinimum { minimum: 2 })));
    // Not yet for ever.
    configure(&transit, "key", minimums(1, 2)).unwrap();
    assert_eq!(decrypt(&key, &old).unwrap(), b"message");
    configure(&transit, "key", minimums(2, 2)).unwrap();
    wait(transit.trim(&name("key"), 2)).unwrap();
    assert!(matches!(
        configure(&transit, "key", minimums(1, 2)),
        Err(ManageError::Policy(PolicyError::Trimmed { min_available: 2 }))
    ));
    assert!(matches!(decrypt(&key, &old), Err(UseError::Trimmed)));
    assert_eq!(decrypt(&key, &new).unwrap(), b"message");
    let missing = [&[0, 0, 0, 9], &new[4..]].concat();
    assert!(matches!(decrypt(&key, &missing), Err(UseError::NoVersion)));
}

#[test]
fn each_state_allows_what_the_standard_says_and_survives_a_restart() {
    let _clock = clock();
    let (fixture, transit) = Fixture::new();
    let key = create(&transit, "key", KeyType::Aes256Gcm96);
    let set = |transit: &Transit, version, state| wait(transit.set_state(&name("key"), version, state));
    let old = encrypt(&key);
    assert_eq!(wait(transit.prepare_version(&name("key"))).unwrap(), 2);
    let second = EncryptOptions { version: Some(2), ..EncryptOptions::default() };
    assert!(matches!(key.encrypt(b"x", &second), Err(UseError::State(VersionState::PreActivation))));
    assert_eq!(encrypt(&key)[3], 1, "the prepared version is not in use");
    set(&transit, 2, VersionState::Active).unwrap();
    assert_eq!(encrypt(&key)[3], 2);

    set(&transit, 1, VersionState::Suspended).unwrap();
    assert!(matches!(decrypt(&key, &old), Err(UseError::State(VersionState::Suspended))));
    set(&transit, 1, VersionState::Active).unwrap();
    set(&transit, 1, VersionState::Deactivated).unwrap();
    let first = EncryptOptions { version: Some(1), ..EncryptOptions::default() };
    assert!(matches!(key.encrypt(b"x", &first), Err(UseError::State(VersionState::Deactivated))));
    assert_eq!(decrypt(&key, &old).unwrap(), b"message");
    assert!(matches!(set(&transit, 1, VersionState::Active), Err(ManageError::Transition { .. })));
    set(&transit, 2, VersionState::Compromised).unwrap();
    assert!(matches!(key.encrypt(b"x", &EncryptOptions::default()), Err(UseError::NoActiveVersion)));
    drop((key, transit));

    let transit = fixture.reopen();
    let key = wait(transit.key(&name("key"))).unwrap();
    assert!(matches!(key.encrypt(b"x", &EncryptOptions::default()), Err(UseError::NoActiveVersion)));
    assert_eq!(decrypt(&key, &old).unwrap(), b"message");
    assert!(matches!(set(&transit, 1, VersionState::Destroyed), Err(ManageError::TooSoon { .. })));
    pass(DAY);
    set(&transit, 1, VersionState::Destroyed).unwrap();
    assert!(matches!(decrypt(&key, &old), Err(UseError::State(VersionState::Destroyed))));
    let (_, versions) = wait(transit.info(&name("key"))).unwrap();
    let states: Vec<_> = versions.iter().map(|version| version.state).collect();
    assert_eq!(states, [VersionState::Destroyed, VersionState::Compromised]);
    // An active version is not destroyed, however old.
    wait(transit.rotate(&name("key"))).unwrap();
    pass(DAY);
    assert!(matches!(set(&transit, 3, VersionState::Destroyed), Err(ManageError::Transition { .. })));
}

#[test]
fn deleted_key_rests_until_it_is_restored_or_destroyed_in_due_time() {
    let _clock = clock();
    let (fixture, transit) = Fixture::new();
    let key = create(&transit, "key", KeyType::Aes256Gcm96);
    let ciphertext = encrypt(&key);
    assert!(matches!(wait(transit.delete(&name("key"))), Err(ManageError::DeletionNotAllowed)));
    let allow = ConfigChange { deletion_allowed: Some(true), ..ConfigChange::default() };
    configure(&transit, "key", allow).unwrap();
    let early = wait(transit.schedule_destruction(&name("key"), now() + 100 * DAY));
    assert!(matches!(early, Err(ManageError::NotDeleted)));
    wait(transit.delete(&name("key"))).unwrap();
    assert!(matches!(decrypt(&key, &ciphertext), Err(UseError::Deleted)));
    assert!(matches!(wait(transit.rotate(&name("key"))), Err(ManageError::Deleted)));
    wait(transit.restore_deleted(&name("key"))).unwrap();
    assert_eq!(decrypt(&key, &ciphertext).unwrap(), b"message");

    wait(transit.delete(&name("key"))).unwrap();
    let at = now() + DAY;
    let soon = wait(transit.schedule_destruction(&name("key"), at - 1));
    assert!(matches!(soon, Err(ManageError::TooSoon { earliest }) if earliest == at));
    wait(transit.schedule_destruction(&name("key"), at)).unwrap();
    assert!(!wait(transit.destroy_if_due(&name("key"))).unwrap());
    drop(transit);
    let transit = fixture.reopen();
    assert_eq!(wait(transit.destroy_due()).unwrap(), 0);
    assert!(wait(transit.info(&name("key"))).is_ok());
    drop(transit);
    pass(DAY);
    // Whoever asks for it now is too late, whether or not the sweep was there first.
    let transit = fixture.reopen();
    assert!(matches!(wait(transit.key(&name("key"))), Err(ManageError::NotFound)));
    assert!(matches!(wait(transit.info(&name("key"))), Err(ManageError::NotFound)));
}

#[test]
fn key_that_nobody_uses_is_destroyed_by_the_sweep_and_a_damaged_record_stops_nothing() {
    let _clock = clock();
    let (fixture, transit) = Fixture::new();
    let allow = ConfigChange { deletion_allowed: Some(true), ..ConfigChange::default() };
    for key in ["a", "c"] {
        create(&transit, key, KeyType::Aes256Gcm96);
        configure(&transit, key, allow).unwrap();
        wait(transit.delete(&name(key))).unwrap();
        wait(transit.schedule_destruction(&name(key), now() + DAY)).unwrap();
    }
    let damaged = mount().child("keys").unwrap().value("b").unwrap();
    wait(transit.barrier().put(damaged, Plaintext::new(vec![0]))).unwrap();
    drop(transit);
    pass(DAY);
    let transit = fixture.reopen();
    let names = || wait(transit.list(None, 10)).unwrap().0;
    // Not at once: who has restored an older copy of the store has time to bring the key back.
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(names(), ["a", "b", "c"].map(name));
    wait(transit.restore_deleted(&name("a"))).unwrap();
    pass(60);
    until(|| names() == ["a", "b"].map(name));
    assert!(matches!(wait(transit.destroy_due()), Err(ManageError::Record(_))));
}

#[test]
fn busy_key_is_still_rotated_by_age() {
    let _clock = clock();
    let (_, transit) = Fixture::new();
    // Blocks so small that the thread that looks after the keys is asked for another one all the time.
    let limits = Limits { operations: Some(1 << 24), bytes: None, at_limit: AtLimit::Refuse };
    let spec = KeySpec { auto_rotate_period: Some(DAY), limits, ..KeySpec::new(KeyType::Aes256Gcm96) };
    let key = create_as(&transit, "key", &spec);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                encrypt(&key);
            }
        });
        pass(DAY);
        let rotated = happens(|| key.latest_version().unwrap() == 2);
        done.store(true, Ordering::Relaxed);
        assert!(rotated);
    });
}

#[test]
fn key_in_use_is_destroyed_when_its_time_comes() {
    let _clock = clock();
    let (_, transit) = Fixture::new();
    let key = create(&transit, "key", KeyType::Aes256Gcm96);
    let allow = ConfigChange { deletion_allowed: Some(true), ..ConfigChange::default() };
    configure(&transit, "key", allow).unwrap();
    wait(transit.delete(&name("key"))).unwrap();
    wait(transit.schedule_destruction(&name("key"), now() + DAY)).unwrap();
    pass(DAY);
    until(|| matches!(key.policy(), Err(UseError::NotFound)));
    assert!(matches!(wait(transit.key(&name("key"))), Err(ManageError::NotFound)));
}

#[test]
fn age_rotates_a_key_in_use_and_one_that_is_found_later() {
    let _clock = clock();
    let (fixture, transit) = Fixture::new();
    let spec = KeySpec { auto_rotate_period: Some(DAY), ..KeySpec::new(KeyType::Aes256Gcm96) };
    let key = create_as(&transit, "key", &spec);
    pass(DAY);
    until(|| key.latest_version().unwrap() == 2);
    drop((key, transit));
    pass(DAY);
    let key = wait(fixture.reopen().key(&name("key"))).unwrap();
    assert_eq!(key.latest_version().unwrap(), 3);
}

#[test]
fn store_is_free_as_soon_as_the_last_handle_is_dropped() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store");
    let root = Secret::random().unwrap();
    let transit = common::transit(
        &create_barrier(Arc::new(DiskStorage::create(&path).unwrap()), &root),
        Options::default(),
    );
    // So many that the thread that looks after them is still going through them when the handles are dropped.
    for n in 0..200 {
        create(&transit, &format!("key-{n}"), KeyType::Aes256Gcm96);
    }
    drop(transit);
    for n in 0..40 {
        let disk = Arc::new(DiskStorage::open(&path).unwrap());
        let transit = common::transit(&open_barrier(disk, &root), Options::default());
        let key = wait(transit.key(&name("key-7"))).unwrap();
        std::thread::sleep(Duration::from_micros(n * 100));
        drop(transit);
        drop(key);
    }
}

#[test]
fn key_that_was_trimmed_elsewhere_keeps_its_numbers() {
    let (fixture, transit) = Fixture::new();
    let spec = KeySpec::new(KeyType::Aes256Gcm96);
    // As whoever had the key under number 3 would have it.
    let there = wait(transit.import(&name("there"), &spec, Incoming::Bytes(&[7; 32]), false)).unwrap();
    let text = there.encrypt_text(b"message", &EncryptOptions::default()).unwrap().replace(":v1:", ":v3:");
    let first = NonZeroU32::new(3).unwrap();
    let key =
        wait(transit.import_from(&name("key"), &spec, Incoming::Bytes(&[7; 32]), false, first)).unwrap();
    assert_eq!(key.decrypt_text(&text, &DecryptOptions::default()).unwrap().as_slice(), b"message");
    assert!(matches!(there.decrypt_text(&text, &DecryptOptions::default()), Err(UseError::NoVersion)));
    assert_eq!(wait(transit.import_version(&name("key"), Incoming::Bytes(&[8; 32]))).unwrap(), 4);
    assert_eq!(encrypt(&key)[3], 4);
    let key = wait(fixture.reopen().key(&name("key"))).unwrap();
    assert_eq!(key.decrypt_text(&text, &DecryptOptions::default()).unwrap().as_slice(), b"message");
}

#[test]
fn export_gives_versions_out_of_use_and_none_that_was_never_in_use() {
    let (_, transit) = Fixture::new();
    let spec = KeySpec { exportable: true, ..KeySpec::new(KeyType::Aes256Gcm96) };
    create_as(&transit, "key", &spec);
    wait(transit.rotate(&name("key"))).unwrap();
    wait(transit.prepare_version(&name("key"))).unwrap();
    wait(transit.set_state(&name("key"), 1, VersionState::Suspended)).unwrap();
    let exported =
        wait(transit.export(&name("key"), ExportKind::EncryptionKey, ExportFormat::Default, None)).unwrap();
    assert_eq!(exported.iter().map(|key| key.version).collect::<Vec<_>>(), [1, 2]);
}

fn until(condition: impl Fn() -> bool) {
    assert!(happens(condition), "it did not happen within a minute");
}

fn happens(condition: impl Fn() -> bool) -> bool {
    (0..600).any(|_| {
        let happened = condition();
        if !happened {
            std::thread::sleep(Duration::from_millis(100));
        }
        happened
    })
}

#[test]
fn two_managers_do_not_overwrite_each_other() {
    let (_, first) = Fixture::new();
    create(&first, "key", KeyType::Aes256Gcm96);
    let second = transit(first.barrier(), Options::default());
    std::thread::scope(|scope| {
        for transit in [&first, &second] {
            scope.spawn(|| {
                for _ in 0..20 {
                    wait(transit.rotate(&name("key"))).unwrap();
                }
            });
        }
    });
    let (_, versions) = wait(first.info(&name("key"))).unwrap();
    assert_eq!(versions.len(), 41);
    // A manager that has not changed the key since sees it when it reads it again.
    let key = wait(second.key(&name("key"))).unwrap();
    wait(first.rotate(&name("key"))).unwrap();
    wait(second.reload(&name("key"))).unwrap();
    assert_eq!(key.latest_version().unwrap(), 42);
}

#[test]
fn what_another_manager_changes_holds_within_a_second() {
    let _clock = clock();
    let (_, first) = Fixture::new();
    create(&first, "key", KeyType::Aes256Gcm96);
    let second = transit(first.barrier(), Options::default());
    let key = wait(second.key(&name("key"))).unwrap();
    let try_encrypt = || key.encrypt(b"message", &EncryptOptions::default());
    try_encrypt().unwrap();
    wait(first.rotate(&name("key"))).unwrap();
    until(|| key.latest_version().unwrap() == 2);
    for version in [1, 2] {
        wait(first.set_state(&name("key"), version, VersionState::Compromised)).unwrap();
    }
    until(|| matches!(try_encrypt(), Err(UseError::NoActiveVersion)));
    configure(&first, "key", ConfigChange { deletion_allowed: Some(true), ..ConfigChange::default() })
        .unwrap();
    wait(first.delete(&name("key"))).unwrap();
    until(|| matches!(try_encrypt(), Err(UseError::Deleted)));
    wait(first.schedule_destruction(&name("key"), now() + DAY)).unwrap();
    pass(DAY);
    // Unless the thread that looks after the keys was first.
    let _ = wait(first.destroy_if_due(&name("key")));
    until(|| matches!(try_encrypt(), Err(UseError::NotFound)));
}

#[test]
fn handle_does_not_move_to_another_key_of_its_name() {
    let _clock = clock();
    let (_, first) = Fixture::new();
    create(&first, "key", KeyType::Aes256Gcm96);
    let second = transit(first.barrier(), Options::default());
    let key = wait(second.key(&name("key"))).unwrap();
    encrypt(&key);
    configure(&first, "key", ConfigChange { deletion_allowed: Some(true), ..ConfigChange::default() })
        .unwrap();
    wait(first.delete(&name("key"))).unwrap();
    wait(first.schedule_destruction(&name("key"), now() + DAY)).unwrap();
    pass(DAY);
    let _ = wait(first.destroy_if_due(&name("key")));
    create(&first, "key", KeyType::Aes256Gcm96);
    wait(second.reload(&name("key"))).unwrap();
    assert!(matches!(key.encrypt(b"", &EncryptOptions::default()), Err(UseError::NotFound)));
    encrypt(&wait(second.key(&name("key"))).unwrap());
}

#[test]
fn limit_that_another_manager_lowers_holds_from_the_next_block_on() {
    let (_, first) = Fixture::new();
    // Blocks of one operation.
    let limits = |operations| Limits { operations: Some(operations), bytes: None, at_limit: AtLimit::Refuse };
    let spec = KeySpec { limits: limits(1000), ..KeySpec::new(KeyType::Aes256Gcm96) };
    create_as(&first, "key", &spec);
    let second = transit(first.barrier(), Options::default());
    let key = wait(second.key(&name("key"))).unwrap();
    let count = || (0..100).take_while(|_| key.encrypt(b"", &EncryptOptions::default()).is_ok()).count();
    assert_eq!(count(), 100, "the control");
    // And one that was reserved ahead of time, at most.
    let lower = ConfigChange { limits: Some(limits(50)), ..ConfigChange::default() };
    configure(&first, "key", lower).unwrap();
    assert!(count() <= 1);
}

#[test]
fn key_made_while_one_of_its_name_is_destroyed_lives() {
    let _clock = clock();
    let (_, transit) = Fixture::new();
    let allow = ConfigChange { deletion_allowed: Some(true), ..ConfigChange::default() };
    let create = || wait(transit.create(&name("key"), &KeySpec::new(KeyType::Aes256Gcm96)));
    let mut old = create().unwrap();
    for _ in 0..200 {
        configure(&transit, "key", allow).unwrap();
        wait(transit.delete(&name("key"))).unwrap();
        pass(2 * DAY);
        wait(transit.schedule_destruction(&name("key"), now())).unwrap();
        let made = Mutex::new(None);
        std::thread::scope(|scope| {
            // So many that one of them waits for the name when it becomes free.
            for _ in 0..4 {
                scope.spawn(|| {
                    while made.lock().unwrap().is_none() {
                        match create() {
                            Ok(key) => *made.lock().unwrap() = Some(key),
                            Err(ManageError::Exists) => {}
                            Err(error) => panic!("{error}"),
                        }
                    }
                });
            }
            // The thread that looks after the keys may be first.
            let _ = wait(transit.destroy_if_due(&name("key")));
        });
        let new = made.into_inner().unwrap().unwrap();
        encrypt(&new);
        assert!(matches!(old.encrypt(b"", &EncryptOptions::default()), Err(UseError::NotFound)));
        old = new;
    }
}

#[test]
fn keys_are_gone_at_once_when_they_or_their_barrier_is_sealed() {
    let (_, transit) = Fixture::new();
    let key = create(&transit, "key", KeyType::Aes256Gcm96);
    let second = common::transit(transit.barrier(), Options::default());
    let other = wait(second.key(&name("key"))).unwrap();
    transit.seal();
    assert!(matches!(key.encrypt(b"", &EncryptOptions::default()), Err(UseError::Sealed)));
    assert!(matches!(wait(transit.key(&name("key"))), Err(ManageError::Sealed)));
    assert!(matches!(wait(transit.rotate(&name("key"))), Err(ManageError::Sealed)));
    other.encrypt(b"", &EncryptOptions::default()).unwrap();
    transit.barrier().wipe();
    assert!(matches!(other.encrypt(b"", &EncryptOptions::default()), Err(UseError::Sealed)));
    let late = common::transit(transit.barrier(), Options::default());
    assert!(matches!(wait(late.key(&name("key"))), Err(ManageError::Sealed)));
}

#[test]
fn nothing_leaves_without_the_policy_and_the_policy_never_closes_again() {
    let (_, transit) = Fixture::new();
    create(&transit, "key", KeyType::Ed25519);
    let export =
        |kind| wait(transit.export(&name("key"), kind, ExportFormat::Default, None)).map(|keys| keys.len());
    for kind in [ExportKind::SigningKey, ExportKind::HmacKey, ExportKind::EncryptionKey] {
        assert!(matches!(export(kind), Err(ManageError::NotExportable)));
    }
    assert_eq!(export(ExportKind::PublicKey).unwrap(), 1);
    assert!(matches!(wait(transit.backup(&name("key"))), Err(ManageError::BackupNotAllowed)));
    let open = ConfigChange {
        exportable: Some(true),
        allow_plaintext_backup: Some(true),
        ..ConfigChange::default()
    };
    configure(&transit, "key", open).unwrap();
    assert_eq!(export(ExportKind::SigningKey).unwrap(), 1);
    assert!(matches!(export(ExportKind::EncryptionKey), Err(ManageError::Export(_))));
    let close = ConfigChange { exportable: Some(false), ..ConfigChange::default() };
    assert!(matches!(configure(&transit, "key", close), Err(ManageError::Policy(PolicyError::OneWay))));
}

#[test]
fn backup_comes_back_whole_and_a_damaged_one_not_at_all() {
    let (_, transit) = Fixture::new();
    let spec = KeySpec {
        exportable: true,
        allow_plaintext_backup: true,
        ..KeySpec::new(KeyType::XChaCha20Poly1305)
    };
    let key = create_as(&transit, "key", &spec);
    let old = encrypt(&key);
    wait(transit.rotate(&name("key"))).unwrap();
    let new = encrypt(&key);
    let backup = wait(transit.backup(&name("key"))).unwrap();
    let exists = wait(transit.restore(None, backup.as_slice(), false));
    assert!(matches!(exists, Err(ManageError::Exists)));
    let (_, elsewhere) = Fixture::new();
    let there = wait(elsewhere.restore(None, backup.as_slice(), false)).unwrap();
    assert_eq!((there.name(), there.latest_version().unwrap()), (&name("key"), 2));
    for ciphertext in [&old, &new] {
        assert_eq!(decrypt(&there, ciphertext).unwrap(), b"message");
    }
    for at in 0..backup.len() {
        let prefix = wait(elsewhere.restore(Some(&name("x")), &backup.as_slice()[..at], true));
        assert!(matches!(prefix, Err(ManageError::Backup)));
        let mut changed = backup.as_slice().to_vec();
        changed[at] ^= 1;
        let changed = wait(elsewhere.restore(Some(&name("x")), &changed, true));
        assert!(matches!(changed, Err(ManageError::Backup)));
    }
    let longer = [backup.as_slice(), &[0]].concat();
    assert!(matches!(wait(elsewhere.restore(None, &longer, true)), Err(ManageError::Backup)));
}

#[test]
fn key_comes_in_wrapped_and_rotates_only_if_that_was_said() {
    let (fixture, transit) = Fixture::new();
    let pem = wait(transit.wrapping_key()).unwrap();
    assert_eq!(wait(fixture.reopen().wrapping_key()).unwrap(), pem);
    let recipient = PublicKey::from_pem(KeyType::Rsa4096, &pem).unwrap();
    let wrap = |key: &[u8]| WrappingKey::wrap(&recipient, OaepHash::Sha256, key).unwrap();
    let spec = KeySpec { exportable: true, ..KeySpec::new(KeyType::Aes256Gcm96) };
    let blob = wrap(&[7; 32]);
    let incoming = Incoming::Wrapped { blob: &blob, hash: OaepHash::Sha256 };
    // The first opening was on another manager, which drew the key; this one must agree.
    let transit = fixture.reopen();
    wait(transit.import(&name("key"), &spec, incoming, false)).unwrap();
    let exported =
        wait(transit.export(&name("key"), ExportKind::EncryptionKey, ExportFormat::Default, None)).unwrap();
    assert_eq!(*exported[0].text, data_encoding::BASE64.encode(&[7; 32]));
    assert!(matches!(wait(transit.rotate(&name("key"))), Err(ManageError::RotationNotAllowed)));
    let next = Incoming::Bytes(&[8; 32]);
    assert_eq!(wait(transit.import_version(&name("key"), next)).unwrap(), 2);
    // The same key as another version would count apart, and each would open the other's ciphertexts.
    for (bytes, version) in [(&[7; 32], 1), (&[8; 32], 2)] {
        let same = wait(transit.import_version(&name("key"), Incoming::Bytes(bytes)));
        assert!(matches!(same, Err(ManageError::SameKey { version: found }) if found == version));
    }
    let wrong = Incoming::Wrapped { blob: &blob, hash: OaepHash::Sha384 };
    assert!(matches!(wait(transit.import(&name("wrong"), &spec, wrong, false)), Err(ManageError::Unwrap(_))));
    let short = wait(transit.import(&name("short"), &spec, Incoming::Bytes(&[7; 16]), true));
    assert!(matches!(short, Err(ManageError::Import(_))));
    create(&transit, "own", KeyType::Aes256Gcm96);
    assert!(matches!(wait(transit.import_version(&name("own"), next)), Err(ManageError::NotImported)));
}
