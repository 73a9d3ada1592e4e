//! Damage in storage that people write over: the store goes on, and opens again.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

mod common;

use common::*;
use strongroom_barrier::{Barrier, HEAD, Head};

/// The storage key of the one value in the root.
fn only_entry(fixture: &Fixture) -> Vec<u8> {
    let mut entries = keys(&fixture.storage, &[1]);
    assert_eq!(entries.len(), 1);
    entries.remove(0)
}

fn with_value() -> (Fixture, Barrier, Vec<u8>) {
    let (fixture, barrier) = Fixture::new();
    put(&barrier, "a", "genuine");
    let key = only_entry(&fixture);
    (fixture, barrier, key)
}

#[test]
fn record_that_claims_another_term_can_be_written_over_and_the_store_opens_again() {
    // Term 0 is no term, 2 is none yet: a head that listed the first would not open any more.
    for claimed in [0_u32, 2, u32::MAX] {
        for remove in [false, true] {
            let (fixture, barrier, key) = with_value();
            let mut record = read(&fixture.storage, &key);
            record[2..6].copy_from_slice(&claimed.to_be_bytes());
            write(&fixture.storage, &key, &record);
            if remove {
                delete(&barrier, "a");
            } else {
                put(&barrier, "a", "new");
            }
            put(&barrier, "b", "later");
            drop(barrier);
            let barrier = fixture.open();
            assert_eq!(get(&barrier, "b").unwrap(), b"later");
            assert_eq!(get(&barrier, "a").is_none(), remove);
            let head = barrier.open_record(HEAD, &read(&fixture.storage, HEAD)).unwrap();
            assert_eq!(Head::decode(head.as_slice()).unwrap().terms.len(), 1);
        }
    }
}
