//! Whole stores that the independent implementation in `testvectors/` made, restored from its backups with its shares.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::panic,
    missing_docs
)]

use std::io::Cursor;
use std::ops::ControlFlow;
use std::sync::Arc;

use pollster::block_on;
use strongroom::backup::{Backup, RestoreError};
use strongroom::{MemoryStorage, SealedStore};
use strongroom_shamir::text::{Decoded, ShareText, decode};

#[path = "../../../testvectors/reader.rs"]
mod reader;

use reader::{Vector, Vectors};

#[test]
fn store_of_the_other_implementation_is_restored_and_read() {
    let run = Vectors::load("backups.json").run("accepted", |vector| {
        let backup = Backup::open(Cursor::new(vector.bytes("file"))).unwrap();
        assert_eq!(backup.store().0, vector.array("store_id"));
        assert_eq!(backup.created(), vector.number::<u64>("created"));
        assert_eq!(backup.sequence(), vector.number::<u64>("sequence"));

        // Two of the three holders of the first slot restore it; the other slot's only holder unseals it.
        let slots = vector.part("slot_set").list("slots");
        let mut unsealing = backup.unsealing();
        for share in &slots[0].list("shares")[1..] {
            unsealing.offer(typed(share.text("text"))).unwrap();
        }
        let verified = unsealing.verify(|_, _| ControlFlow::Continue(())).unwrap();
        let entries = vector.list("entries");
        assert_eq!(verified.entries(), u64::try_from(entries.len()).unwrap());
        let storage = Arc::new(MemoryStorage::new());
        block_on(verified.restore(storage.clone(), |_, _| ControlFlow::Continue(()))).unwrap();

        let mut unsealing = block_on(SealedStore::open(storage)).unwrap().unsealing();
        unsealing.offer_text(slots[1].list("shares")[0].text("text")).unwrap();
        let store = block_on(unsealing.unseal()).unwrap();
        for expected in entries.iter().filter(|entry| entry.has("value")) {
            let entry =
                block_on(store.barrier().get(&expected.text("path").parse().unwrap())).unwrap().unwrap();
            assert_eq!(entry.value(), expected.bytes("value"), "{}", expected.text("path"));
            assert_eq!(entry.revision(), expected.number::<u64>("revision"), "{}", expected.text("path"));
        }
        let listed = |directory: &str| {
            let page = block_on(store.barrier().list(&directory.parse().unwrap(), None, 10)).unwrap();
            page.names.iter().map(|name| name.as_str().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(listed(""), ["database/", "empty", "readme"]);
        assert_eq!(listed("database"), ["password", "replicas/"]);
        assert_eq!(listed("database/replicas"), ["eu-central"]);
        let check = block_on(store.check(|_, _| ControlFlow::Continue(()))).unwrap();
        assert!(check.is_clean(), "{check:?}");
    });
    assert_eq!(run, 2);
}

#[test]
fn backups_that_the_other_implementation_refuses_are_refused_alike() {
    let vectors = Vectors::load("backups.json");
    let mut shares = Vec::new();
    vectors.run("accepted", |vector| {
        // The refused ones come from the store whose slots are of P-256.
        if vector.name() == "P-256" {
            let board = vector.part("slot_set").list("slots")[0].list("shares");
            shares = board.iter().map(|share| share.text("text").to_owned()).collect();
        }
    });
    let run = vectors.run("refused", |vector| {
        let said = match attempt(vector, &shares) {
            RestoreError::NotABackup => "wrong magic; truncated",
            RestoreError::Version(_) => "unknown version",
            RestoreError::Truncated => "truncated",
            RestoreError::Damaged("the checksum of its header") => "checksum of the header does not match",
            RestoreError::Damaged("entries out of order") => "keys are not ascending",
            RestoreError::Damaged("the number of its entries") => "count does not match",
            RestoreError::Damaged("bytes after its end") => "bytes after the end",
            // A record is opened before the whole is authenticated.
            RestoreError::Forged | RestoreError::HeadRecord(_) | RestoreError::Record { .. } => {
                "authentication code does not match"
            }
            error => panic!("{}: {error}", vector.name()),
        };
        assert!(said.contains(vector.text("reason")), "{}: {said}", vector.name());
    });
    assert_eq!(run, 16);
}

fn attempt(vector: Vector<'_>, shares: &[String]) -> RestoreError {
    let backup = match Backup::open(Cursor::new(vector.bytes("file"))) {
        Ok(backup) => backup,
        Err(error) => return error,
    };
    let mut unsealing = backup.unsealing();
    for share in &shares[..2] {
        unsealing.offer(typed(share)).unwrap();
    }
    vector.refusal(unsealing.verify(|_, _| ControlFlow::Continue(())))
}

fn typed(text: &str) -> ShareText {
    match decode(text) {
        Ok(Decoded::Exact(share)) => share,
        _ => panic!("the vector's share is not right"),
    }
}
