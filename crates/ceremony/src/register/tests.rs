mod taking;

use std::cell::Cell;
use std::fs;
use std::path::PathBuf;

use strongroom_audit::{Entry, Value, VerifyError};

use super::*;
use crate::transcript::tests::{fingerprint, key};

thread_local! {
    static NOW: Cell<u64> = const { Cell::new(0) };
}

const DAY: u64 = 24 * 60 * 60;
const SET: [u8; 16] = [5; 16];

fn clock() -> u64 {
    NOW.get()
}

fn on_day(day: u64) -> Time {
    NOW.set(day * DAY);
    Time::from_seconds(day * DAY)
}

fn share(index: u8) -> Share {
    Share { set: SET, group: None, index }
}

fn trust(number: u8, unsigned: bool) -> Trust {
    Trust { key: fingerprint(&key(number)), unsigned }
}

/// A register with Ada's, Grace's and Mary's shares, entered on day 0.
fn three() -> (tempfile::TempDir, PathBuf, Register) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("register.jsonl");
    on_day(0);
    let (mut register, found) = Register::open(&path, clock, &trust(1, true)).unwrap();
    assert_eq!(found, Found::Begun);
    for (index, name) in [(1, "Ada"), (2, "Grace"), (3, "Mary")] {
        register.enter(share(index), name, YEAR).unwrap();
    }
    (directory, path, register)
}

fn rule(result: Result<(), RegisterError>) -> RuleError {
    match result {
        Err(RegisterError::Rule { line: None, rule }) => rule,
        other => panic!("{other:?}"),
    }
}

fn due(register: &Register, at: Time) -> Vec<u8> {
    register.holdings().due(at).into_iter().map(|(share, _)| share.index).collect()
}

#[test]
fn share_is_due_a_year_after_its_last_check_and_the_longest_due_comes_first() {
    let (_directory, _, mut register) = three();
    assert!(due(&register, on_day(364)).is_empty());
    on_day(100);
    register.checked(share(1), "Ada", YEAR).unwrap();
    on_day(20);
    register.checked(share(3), "Mary", 10).unwrap();
    assert_eq!(due(&register, on_day(365)), [3, 2]);
    assert!(due(&register, on_day(29)).is_empty());
    assert_eq!(due(&register, on_day(465)), [3, 2, 1]);
    let ada = register.holdings().share(&share(1)).unwrap();
    assert_eq!((ada.custodian(), ada.proved(), ada.due()), ("Ada", Some(on_day(100)), on_day(465)));
}

#[test]
fn failed_check_is_due_at_once_until_it_is_made_good() {
    let (_directory, _, mut register) = three();
    let at = on_day(50);
    register.failed(share(2), "Grace", "the envelope was empty").unwrap();
    assert_eq!(due(&register, at), [2]);
    assert!(register.holdings().share(&share(2)).unwrap().is_failed());
    register.checked(share(2), "Grace", YEAR).unwrap();
    assert!(due(&register, at).is_empty() && !register.holdings().share(&share(2)).unwrap().is_failed());
}

#[test]
fn successor_must_prove_at_once_and_the_predecessor_is_remembered() {
    let (_directory, _, mut register) = three();
    let at = on_day(10);
    register.succeed(share(1), "Ada", "Hedy").unwrap();
    let holding = register.holdings().share(&share(1)).unwrap();
    assert_eq!((holding.custodian(), holding.proved(), holding.is_handed_on()), ("Hedy", None, true));
    assert_eq!(holding.predecessors().collect::<Vec<_>>(), ["Ada"]);
    assert_eq!(due(&register, at), [1]);
    assert_eq!(rule(register.checked(share(1), "Ada", YEAR)), RuleError::OtherCustodian);
    register.checked(share(1), "Hedy", YEAR).unwrap();
    assert!(due(&register, at).is_empty());
}

#[test]
fn entry_that_does_not_fit_is_refused_and_nothing_is_written() {
    let (_directory, path, mut register) = three();
    let before = fs::read(&path).unwrap();
    let unknown = Share { group: Some(Public::new("security").unwrap()), ..share(1) };
    assert_eq!(rule(register.enter(share(1), "Hedy", YEAR)), RuleError::EnteredTwice);
    assert_eq!(rule(register.enter(share(0), "Hedy", YEAR)), RuleError::NoIndex);
    assert_eq!(rule(register.checked(unknown.clone(), "Ada", YEAR)), RuleError::UnknownShare);
    assert_eq!(rule(register.checked(share(1), "Mallory", YEAR)), RuleError::OtherCustodian);
    assert_eq!(rule(register.failed(share(1), "Grace", "gone")), RuleError::OtherCustodian);
    assert_eq!(rule(register.succeed(share(1), "Grace", "Hedy")), RuleError::OtherCustodian);
    assert_eq!(rule(register.succeed(share(1), "Ada", "Ada")), RuleError::SamePerson);
    assert_eq!(rule(register.end([6; 16])), RuleError::UnknownSet);
    assert_eq!(fs::read(&path).unwrap(), before);
    // The control: the same share in a group is another share.
    register.enter(unknown, "Hedy", YEAR).unwrap();
    assert!(fs::read(&path).unwrap().len() > before.len());
}

#[test]
fn ended_set_is_gone_and_does_not_come_back() {
    let (_directory, _, mut register) = three();
    register.enter(Share { set: [6; 16], ..share(1) }, "Hedy", YEAR).unwrap();
    register.end(SET).unwrap();
    assert_eq!(register.holdings().shares().count(), 1);
    assert_eq!(rule(register.checked(share(1), "Ada", YEAR)), RuleError::SetEnded);
    assert_eq!(rule(register.enter(share(4), "Ada", YEAR)), RuleError::SetEnded);
    assert_eq!(rule(register.end(SET)), RuleError::UnknownSet);
}

#[test]
fn register_is_read_again_as_it_was_and_goes_on() {
    let (_directory, path, mut register) = three();
    register.succeed(share(1), "Ada", "Hedy").unwrap();
    register.sign(&key(1)).unwrap();
    let holdings = register.holdings().clone();
    drop(register);
    assert_eq!(verify(&fs::read(&path).unwrap(), &fingerprint(&key(1))).unwrap(), holdings);
    let (mut register, found) = Register::open(&path, clock, &trust(1, true)).unwrap();
    assert_eq!((found, register.holdings()), (Found::Whole, &holdings));
    register.checked(share(1), "Hedy", YEAR).unwrap();
    drop(register);
    // What nobody signed yet is no evidence, and another key is not the register's.
    let bytes = fs::read(&path).unwrap();
    let unfinished = verify(&bytes, &fingerprint(&key(1)));
    assert!(
        matches!(unfinished, Err(RegisterError::Verify(VerifyError::Unfinished { lines: 7 }))),
        "{unfinished:?}"
    );
    let (mut register, _) = Register::open(&path, clock, &trust(1, true)).unwrap();
    register.sign(&key(2)).unwrap();
    drop(register);
    let bytes = fs::read(&path).unwrap();
    let other = verify(&bytes, &fingerprint(&key(1)));
    assert!(matches!(other, Err(RegisterError::Verify(VerifyError::OtherKey { .. }))), "{other:?}");
    assert!(verify(&bytes, &fingerprint(&key(2))).is_ok());
}

#[test]
fn nothing_is_added_behind_what_the_registers_key_did_not_sign() {
    let (_directory, path, mut register) = three();
    let refused = |trust: &Trust| match Register::open(&path, clock, trust).map(drop) {
        Err(RegisterError::Untrusted(error)) => Some(error),
        other => {
            other.unwrap();
            None
        }
    };
    drop(register);
    // Begun and never signed: an interrupted command, or somebody else's work.
    assert!(matches!(refused(&trust(1, false)), Some(VerifyError::Unfinished { .. })));
    register = Register::open(&path, clock, &trust(1, true)).unwrap().0;
    register.sign(&key(1)).unwrap();
    drop(register);
    assert_eq!(refused(&trust(1, false)), None);
    for unsigned in [false, true] {
        assert!(matches!(refused(&trust(2, unsigned)), Some(VerifyError::OtherKey { .. })));
    }
    // A line that somebody adds without the key.
    let (mut forged, _) = Register::open(&path, clock, &trust(1, true)).unwrap();
    forged.succeed(share(1), "Ada", "Eve").unwrap();
    drop(forged);
    assert!(matches!(refused(&trust(1, false)), Some(VerifyError::Unfinished { .. })));
    assert_eq!(refused(&trust(1, true)), None);
}

#[test]
fn line_that_no_register_holds_is_named() {
    let odd = [
        Entry::new("share-stolen"),
        Entry::new("set-ended").with("set", Value::Sha256([0; 32])),
        Entry::new("set-ended").with("set", Value::Id(SET)).with("why", Public::new("fun").unwrap()),
        Entry::new("share-checked").with("set", Value::Id(SET)).with("index", 1_u64),
        Entry::new("share-entered")
            .with("set", Value::Id(SET))
            .with("index", 256_u64)
            .with("custodian", Public::new("Ada").unwrap())
            .with("due", Time::from_seconds(0)),
    ];
    for entry in odd {
        let (_directory, path, register) = three();
        drop(register);
        let (mut writer, _) = file::resume(&path, on_day(1), PURPOSE).unwrap();
        writer.append(on_day(1), entry).unwrap();
        writer.sign(on_day(1), &key(1)).unwrap();
        drop(writer);
        let found = verify(&fs::read(&path).unwrap(), &fingerprint(&key(1)));
        let expected = matches!(found, Err(RegisterError::Rule { line: Some(5), rule: RuleError::NoEntry }));
        assert!(expected, "{found:?}");
        assert!(matches!(
            Register::open(&path, clock, &trust(1, true)),
            Err(RegisterError::Rule { line: Some(5), .. })
        ));
    }
}

#[test]
fn share_that_was_typed_in_the_place_of_a_name_does_not_enter() {
    let (_directory, path, mut register) = three();
    let secret = "sr1qpz ry9x8g f2tvdw 0s3jn5 4khce6 mua7lq pzry9x 8gf2tv dw0s3j n54khc";
    register.enter(share(9), secret, YEAR).unwrap();
    register.failed(share(1), "Ada", secret).unwrap();
    assert!(!fs::read_to_string(&path).unwrap().contains(secret));
}

#[test]
fn text_tells_what_is_due_and_who_may_have_kept_a_share() {
    let (_directory, _, mut register) = three();
    on_day(10);
    register.checked(share(1), "Ada", YEAR).unwrap();
    register.succeed(share(2), "Grace", "Hedy").unwrap();
    register.failed(share(3), "Mary", "lost").unwrap();
    let told = text(register.holdings(), on_day(11));
    assert!(told.starts_with("3 shares, 2 of them due on 1970-01-12\n"), "{told}");
    assert!(told.contains("Hedy, share 2\n") && told.contains("held before by Grace: "), "{told}");
    assert!(told.contains("  not proved yet; DUE since 1970-01-11\n"), "{told}");
    assert!(told.contains("  not proved yet; FAILED, due since 1970-01-11\n"), "{told}");
    assert!(told.contains("  proved on 1970-01-11; due on 1971-01-11\n"), "{told}");
}
