//! Chains in files: what a crash leaves, what it does not, and who may write.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use common::{PURPOSE, at, key, lines, public, text};
use strongroom_audit::file::{FileError, Found, create, resume};
use strongroom_audit::{Chain, Entry, Problem, verify};
use strongroom_crypto::hash::sha256;

/// A file with three records.
fn made(directory: &Path) -> PathBuf {
    let path = directory.join("chain.jsonl");
    let mut writer = create(&path, at(0), PURPOSE).unwrap();
    writer.append(at(1), Entry::new("first").with("word", text("one"))).unwrap();
    writer.append(at(2), Entry::new("second").with("word", text("two"))).unwrap();
    path
}

#[test]
fn file_is_gone_on_with_and_sealed_and_is_its_owners_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = made(directory.path());
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let before = fs::read(&path).unwrap();
    let (mut writer, found) = resume(&path, at(3), PURPOSE).unwrap();
    assert_eq!(found, Found::Whole);
    assert_eq!(fs::read(&path).unwrap(), before);
    assert_eq!(writer.hash(), sha256(&[lines(&before)[2].as_bytes()]));
    writer.seal(at(3), &key(1)).unwrap();
    drop(writer);
    let after = fs::read(&path).unwrap();
    assert!(after.starts_with(&before));
    verify(&after, PURPOSE, &public(&key(1)).fingerprint()).unwrap();
    assert!(matches!(resume(&path, at(4), PURPOSE), Err(FileError::Sealed)));
    assert!(matches!(create(&path, at(4), PURPOSE), Err(FileError::Io(_))));
    assert_eq!(fs::read(&path).unwrap(), after);
}

#[test]
fn line_that_a_crash_tore_is_cut_with_a_record_of_it_or_completed() {
    let directory = tempfile::tempdir().unwrap();
    let good = fs::read(made(directory.path())).unwrap();
    let path = directory.path().join("torn.jsonl");
    let second = good.len() - lines(&good)[2].len();
    for length in second + 1..good.len() {
        fs::write(&path, &good[..length]).unwrap();
        let (mut writer, found) = resume(&path, at(3), PURPOSE).unwrap();
        writer.append(at(4), Entry::new("third")).unwrap();
        drop(writer);
        let after = fs::read(&path).unwrap();
        let chain = Chain::read(&after).unwrap();
        if length == good.len() - 1 {
            assert_eq!(found, Found::Completed);
            assert!(after.starts_with(&good));
            continue;
        }
        let torn = &good[second..length];
        assert_eq!(found, Found::Cut { bytes: u64::try_from(torn.len()).unwrap() });
        assert!(after.starts_with(&good[..second]));
        let repaired = chain.records()[2].entry();
        assert_eq!((repaired.event(), repaired.number("bytes")), ("chain-repaired", Some(torn.len() as u64)));
        assert_eq!(repaired.field("sha256"), Some(&strongroom_audit::Value::Sha256(sha256(&[torn]))));
        assert_eq!(chain.records()[3].entry().event(), "third");
    }
}

#[test]
fn crash_within_the_repair_of_a_crash_loses_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let good = fs::read(made(directory.path())).unwrap();
    let path = directory.path().join("torn.jsonl");
    // Longer than the record that will overwrite it, so that a rest of it stays behind.
    let torn = [&good[..], &b"{\"at\":\"2026".repeat(100)].concat();
    fs::write(&path, &torn).unwrap();
    drop(resume(&path, at(3), PURPOSE).unwrap());
    let repaired = fs::read(&path).unwrap();
    assert!(repaired.len() < torn.len());
    for written in good.len()..=repaired.len() {
        let state = [&repaired[..written], &torn[written..]].concat();
        fs::write(&path, state).unwrap();
        let (writer, found) = resume(&path, at(4), PURPOSE).unwrap();
        drop(writer);
        assert!(matches!(found, Found::Cut { .. }), "{found:?}");
        let chain = Chain::read(&fs::read(&path).unwrap()).unwrap();
        let repairs =
            chain.records().iter().filter(|record| record.entry().event() == "chain-repaired").count();
        assert_eq!(repairs, if written == repaired.len() { 2 } else { 1 });
        assert_eq!(chain.entries().count(), 2);
    }
}

#[test]
fn torn_first_line_begins_the_chain_anew_and_a_foreign_file_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let good = fs::read(made(directory.path())).unwrap();
    let path = directory.path().join("first.jsonl");
    let first = lines(&good)[0].len();
    for length in 0..first {
        fs::write(&path, &good[..length]).unwrap();
        let (writer, found) = resume(&path, at(3), PURPOSE).unwrap();
        drop(writer);
        assert_eq!(found, Found::Begun);
        assert_eq!(Chain::read(&fs::read(&path).unwrap()).unwrap().records().len(), 1);
    }
    for foreign in [&b"a letter without an end"[..], b"{\"at\": 1}", &[0; 20]] {
        fs::write(&path, foreign).unwrap();
        let found = resume(&path, at(3), PURPOSE).map(drop);
        assert!(
            matches!(&found, Err(FileError::Damaged(bad)) if bad.problem == Problem::NotOpened),
            "{found:?}"
        );
        assert_eq!(fs::read(&path).unwrap(), foreign);
    }
}

#[test]
fn damage_that_no_crash_leaves_is_refused_and_left_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let path = made(directory.path());
    let good = fs::read(&path).unwrap();
    let whole = lines(&good);
    let damaged = [
        [whole[0].as_str(), &whole[2], &whole[1]].concat(),
        [whole[0].as_str(), &whole[2]].concat(),
        whole.concat().replace("one", "two"),
        whole.concat() + "\n",
        whole.concat() + &"x".repeat(70_000),
    ];
    for bytes in damaged {
        fs::write(&path, &bytes).unwrap();
        assert!(matches!(resume(&path, at(3), PURPOSE), Err(FileError::Damaged(_))));
        assert_eq!(fs::read(&path).unwrap(), bytes.as_bytes());
    }
    fs::write(&path, &good).unwrap();
    assert!(matches!(resume(&path, at(3), "register"), Err(FileError::OtherPurpose)));
    assert_eq!(resume(&path, at(3), PURPOSE).unwrap().1, Found::Whole);
}

#[test]
fn something_behind_a_seal_is_no_crash() {
    let directory = tempfile::tempdir().unwrap();
    let path = made(directory.path());
    let (mut writer, _) = resume(&path, at(3), PURPOSE).unwrap();
    writer.seal(at(3), &key(1)).unwrap();
    drop(writer);
    let sealed = fs::read(&path).unwrap();
    let longer = [&sealed[..], b"{\"at\""].concat();
    fs::write(&path, &longer).unwrap();
    let found = resume(&path, at(4), PURPOSE).map(drop);
    assert!(matches!(&found, Err(FileError::Damaged(bad)) if bad.problem == Problem::AfterSeal), "{found:?}");
    assert_eq!(fs::read(&path).unwrap(), longer);
    // A seal that lacks its line feed alone is completed, and nothing follows it.
    fs::write(&path, &sealed[..sealed.len() - 1]).unwrap();
    assert!(matches!(resume(&path, at(4), PURPOSE), Err(FileError::Sealed)));
    assert_eq!(fs::read(&path).unwrap(), sealed);
}

#[test]
fn two_do_not_write_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let path = made(directory.path());
    let (first, _) = resume(&path, at(3), PURPOSE).unwrap();
    assert!(matches!(resume(&path, at(3), PURPOSE), Err(FileError::InUse)));
    drop(first);
    assert!(resume(&path, at(3), PURPOSE).is_ok());
}
