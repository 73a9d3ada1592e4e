//! Audit chains as the independent implementation in `testvectors/` makes them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::panic
)]

use strongroom_audit::{Fingerprint, Problem, Verified, VerifyError, verify, verify_growing};

#[path = "../../../testvectors/reader.rs"]
mod reader;

use reader::{Vector, Vectors};

fn verified(vector: Vector<'_>) -> Result<Verified, VerifyError> {
    let key = Fingerprint::from_bytes(vector.array("key"));
    verify(&vector.bytes("chain"), vector.text("purpose"), &key)
}

#[test]
fn chains_of_the_other_implementation_are_good() {
    let run = Vectors::load("audit_chains.json").run("sealed", |vector| {
        let verified = verified(vector).unwrap_or_else(|error| panic!("{}: {error}", vector.name()));
        let records = verified.chain().records();
        assert_eq!(records.len(), vector.number::<usize>("lines"));
        let lines: String = records.iter().map(|record| record.line() + "\n").collect();
        assert_eq!(lines.as_bytes(), vector.bytes("chain"));
    });
    assert_eq!(run, 6);
}

#[test]
fn growing_chains_of_the_other_implementation_are_good_up_to_a_checkpoint() {
    let run = Vectors::load("audit_chains.json").run("growing", |vector| {
        assert!(matches!(vector.refusal(verified(vector)), VerifyError::Unfinished { .. }));
        let key = Fingerprint::from_bytes(vector.array("key"));
        let growing = verify_growing(&vector.bytes("chain"), vector.text("purpose"), &key);
        assert_eq!(growing.is_ok(), vector.0["good"].as_bool().unwrap(), "{}", vector.name());
    });
    assert_eq!(run, 2);
}

#[test]
fn what_the_other_implementation_refuses_is_refused_for_the_same_reason() {
    let run = Vectors::load("audit_chains.json").run("refused", |vector| {
        let found = match vector.refusal(verified(vector)) {
            VerifyError::Unfinished { .. } => "unfinished",
            VerifyError::OtherKey { .. } => "another key",
            VerifyError::OtherPurpose { .. } => "purpose",
            VerifyError::Damaged(bad) => match bad.problem {
                Problem::Missing => "missing",
                Problem::Torn => "torn",
                Problem::Bad(_) => "no record",
                Problem::Number { .. } => "number",
                Problem::Previous => "previous",
                Problem::NotOpened => "not opened",
                Problem::OpenedTwice => "opened twice",
                Problem::NotOfChain => "none of the chain's own",
                Problem::Signature => "signature",
                Problem::AfterSeal => "behind the seal",
            },
        };
        assert_eq!(found, vector.text("reason"), "{}", vector.name());
    });
    assert_eq!(run, 38);
}
