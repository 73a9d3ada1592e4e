//! Restoring a backup: what it gives, and what it never takes back.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

mod common;

use common::*;
use strongroom_crypto::hash::sha256;
use strongroom_transit::algorithm::KeyType;
use strongroom_transit::{
    AtLimit, ConfigChange, DecryptOptions, EncryptOptions, Key, KeySpec, Limits, ManageError, Transit,
    UseError, VersionState,
};

fn spec(key_type: KeyType) -> KeySpec {
    KeySpec { exportable: true, allow_plaintext_backup: true, ..KeySpec::new(key_type) }
}

fn backup(transit: &Transit, key: &str) -> Vec<u8> {
    wait(transit.backup(&name(key))).unwrap().as_slice().to_vec()
}

fn restore(transit: &Transit, key: &str, backup: &[u8], force: bool) -> Result<Key, ManageError> {
    wait(transit.restore(Some(&name(key)), backup, force))
}

fn encrypt(key: &Key) -> Result<Vec<u8>, UseError> {
    key.encrypt(b"message", &EncryptOptions::default())
}

fn opens(key: &Key, ciphertext: &[u8]) -> bool {
    key.decrypt(ciphertext, &DecryptOptions::default()).is_ok()
}

fn delete(transit: &Transit, key: &str) {
    let allow = ConfigChange { deletion_allowed: Some(true), ..ConfigChange::default() };
    wait(transit.configure(&name(key), &allow)).unwrap();
    wait(transit.delete(&name(key))).unwrap();
}

fn minimums(transit: &Transit, minimum: u32) {
    let change = ConfigChange {
        min_decryption_version: Some(minimum),
        min_encryption_version: Some(minimum),
        ..ConfigChange::default()
    };
    wait(transit.configure(&name("key"), &change)).unwrap();
}

/// A backup that says that its last version has done so many operations.
fn claiming(backup: &[u8], operations: u64) -> Vec<u8> {
    let mut content = backup[..backup.len() - 32].to_vec();
    let at = content.len() - 16;
    content[at..at + 8].copy_from_slice(&operations.to_be_bytes());
    let checksum = sha256(&[&content]);
    [content.as_slice(), &checksum].concat()
}

fn reserved(transit: &Transit) -> u64 {
    wait(transit.info(&name("key"))).unwrap().1[0].reserved.operations
}

#[test]
fn refused_restore_uses_nothing_up() {
    let (_, transit) = Fixture::new();
    let limits = Limits { operations: Some(1000), bytes: None, at_limit: AtLimit::Refuse };
    let key = create_as(&transit, "key", &KeySpec { limits, ..spec(KeyType::Aes256Gcm96) });
    let used_up = claiming(&backup(&transit, "key"), 1000);
    assert!(matches!(restore(&transit, "key", &used_up, false), Err(ManageError::Exists)));
    create(&transit, "other", KeyType::Aes256Gcm96);
    assert!(matches!(restore(&transit, "other", &used_up, true), Err(ManageError::OtherKey)));
    encrypt(&key).unwrap();
    // More than any version of the type can have done.
    let impossible = claiming(&backup(&transit, "key"), (1 << 32) + 1);
    assert!(matches!(restore(&transit, "copy", &impossible, false), Err(ManageError::Backup)));
    encrypt(&key).unwrap();
    // The control: a restore that is done does raise the count.
    assert!(reserved(&transit) < 1000);
    restore(&transit, "copy", &used_up, false).unwrap();
    assert_eq!(reserved(&transit), 1000);
}

#[test]
fn key_in_use_is_not_replaced_by_another() {
    let _clock = clock();
    let (_, transit) = Fixture::new();
    let victim = create(&transit, "key", KeyType::Aes256Gcm96);
    let ciphertext = encrypt(&victim).unwrap();
    create_as(&transit, "mine", &spec(KeyType::Aes256Gcm96));
    create_as(&transit, "signing", &spec(KeyType::Ed25519));
    for other in ["mine", "signing"] {
        let outcome = restore(&transit, "key", &backup(&transit, other), true);
        assert!(matches!(outcome, Err(ManageError::OtherKey)));
    }
    assert!(opens(&victim, &ciphertext));
    // Deletion and its delay are what it takes.
    delete(&transit, "key");
    let mine = backup(&transit, "mine");
    assert!(matches!(restore(&transit, "key", &mine, true), Err(ManageError::TooSoon { .. })));
    pass(DAY);
    let replaced = restore(&transit, "key", &mine, true).unwrap();
    let mine = wait(transit.key(&name("mine"))).unwrap();
    assert!(opens(&mine, &encrypt(&replaced).unwrap()));
}

#[test]
fn versions_that_the_key_lacks_do_not_come_in_under_its_name() {
    let (_, transit) = Fixture::new();
    create_as(&transit, "key", &spec(KeyType::Aes256Gcm96));
    let old = backup(&transit, "key");
    // The same key with a version that only whoever made the copy knows.
    restore(&transit, "copy", &old, false).unwrap();
    wait(transit.rotate(&name("copy"))).unwrap();
    let longer = backup(&transit, "copy");
    assert!(matches!(restore(&transit, "key", &longer, true), Err(ManageError::OtherKey)));
    // The control: what the key holds is no reason.
    restore(&transit, "key", &old, true).unwrap();
}

#[test]
fn backup_over_its_own_key_leads_no_state_and_no_minimum_back() {
    let _clock = clock();
    let (_, transit) = Fixture::new();
    let key = create_as(&transit, "key", &spec(KeyType::Aes256Gcm96));
    let first = encrypt(&key).unwrap();
    wait(transit.rotate(&name("key"))).unwrap();
    let second = encrypt(&key).unwrap();
    let old = backup(&transit, "key");
    wait(transit.rotate(&name("key"))).unwrap();
    wait(transit.set_state(&name("key"), 2, VersionState::Compromised)).unwrap();
    minimums(&transit, 2);
    wait(transit.trim(&name("key"), 2)).unwrap();
    let facts = || {
        let (policy, versions) = wait(transit.info(&name("key"))).unwrap();
        (policy, versions.iter().map(|version| (version.version, version.state)).collect::<Vec<_>>())
    };
    let before = facts();
    restore(&transit, "key", &old, true).unwrap();
    assert_eq!(facts(), before);
    assert!(!opens(&key, &first), "trimmed");
    assert_eq!(encrypt(&key).unwrap()[3], 3, "the newer version is still there");
    let by_second = EncryptOptions { version: Some(2), ..EncryptOptions::default() };
    assert!(matches!(key.encrypt(b"", &by_second), Err(UseError::State(VersionState::Compromised))));
    assert!(opens(&key, &second));
    // Nor where the key was deleted, which a restore undoes.
    delete(&transit, "key");
    restore(&transit, "key", &old, true).unwrap();
    assert_eq!(facts().1, before.1);
    assert_eq!(encrypt(&key).unwrap()[3], 3);
    // The control: in a store that never knew the key, the backup is what it was.
    let (_, elsewhere) = Fixture::new();
    let there = restore(&elsewhere, "key", &old, false).unwrap();
    assert!(opens(&there, &first));
    there.encrypt(b"", &by_second).unwrap();
}

#[test]
fn backup_over_its_own_key_brings_what_is_stricter_in_it() {
    let (_, transit) = Fixture::new();
    let key = create_as(&transit, "key", &spec(KeyType::Aes256Gcm96));
    wait(transit.rotate(&name("key"))).unwrap();
    let old = backup(&transit, "key");
    wait(transit.set_state(&name("key"), 1, VersionState::Deactivated)).unwrap();
    minimums(&transit, 2);
    let new = backup(&transit, "key");
    // A store that is older than the newer backup.
    let (_, elsewhere) = Fixture::new();
    restore(&elsewhere, "key", &old, false).unwrap();
    let there = restore(&elsewhere, "key", &new, true).unwrap();
    let (policy, versions) = wait(elsewhere.info(&name("key"))).unwrap();
    assert_eq!((policy.min_decryption_version, policy.min_encryption_version), (2, 2));
    assert_eq!([versions[0].state, versions[1].state], [VersionState::Deactivated, VersionState::Active]);
    assert!(opens(&there, &encrypt(&key).unwrap()));
}
