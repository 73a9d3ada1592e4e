//! Ceremonies with a root key that people and a token open together, on SoftHSM.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::fs;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use common::{HOLDERS, Notes, People, Shares, copy, plan_text, store_path};
use strongroom::pkcs11::KeySelector;
use strongroom::{DiskStorage, HsmKeys, Hsms, SealedStore, Store};
use strongroom_ceremony::hsm::hsms;
use strongroom_ceremony::plan::{Kind, Plan};
use strongroom_ceremony::run::{CeremonyError, Ended, Setting, run};
use strongroom_test_tokens::TestToken;

/// One token for all tests of this program: PKCS #11 knows one configuration for a process.
fn token() -> &'static TestToken {
    static TOKEN: OnceLock<TestToken> = OnceLock::new();
    TOKEN.get_or_init(|| TestToken::softhsm("ceremony").unwrap_or_else(|error| panic!("{error}")))
}

fn section(more: &str) -> String {
    let token = token();
    format!(
        "\n[hsm.A]\nlib = '{}'\ntoken_label = '{}'\npin = 'file://{}'\ngenerate_key = true\n{more}\n",
        token.lib().display(),
        token.label(),
        token.pin_file().display()
    )
}

const FIVE: [(&str, &str, &str); 5] = [
    ("Old 1", "custodian", "custody = \"screen\""),
    ("Old 2", "custodian", "custody = \"screen\""),
    ("Old 3", "custodian", "custody = \"screen\""),
    ("Old 4", "custodian", "custody = \"screen\""),
    ("Old 5", "custodian", "custody = \"screen\""),
];

fn with_hsm(directory: &Path, kind: Kind, words: &str, people: &[(&str, &str, &str)], more: &str) -> Plan {
    Plan::parse(&(plan_text(directory, kind.word(), kind, words, people) + &section(more))).unwrap()
}

fn creation(directory: &Path, key: &str) -> Plan {
    let words = format!("policy = \"all(3 of 5, hsm(A, {key}))\"\nsuite = \"p-256\"\n");
    with_hsm(directory, Kind::Create, &words, &FIVE, "")
}

fn hold(plan: &Plan, people: &mut People, notes: &mut Notes) -> Result<Ended, CeremonyError> {
    run(plan, Setting { hsm: Arc::new(hsms(plan).unwrap()), ..Setting::default() }, people, notes)
}

/// Opens the store with so many shares, and with the token or without.
fn open(directory: &Path, shares: &Shares, count: usize, hsm: Option<Arc<Hsms>>) -> Option<Store> {
    let storage = Arc::new(DiskStorage::open(&store_path(directory)).unwrap());
    let sealed = pollster::block_on(SealedStore::open(storage)).unwrap();
    let mut unsealing = sealed.unsealing();
    if let Some(hsm) = hsm {
        let hsm: Arc<dyn HsmKeys> = hsm;
        unsealing = unsealing.with_hsm(hsm);
        let refused = pollster::block_on(unsealing.ask_hsms()).unwrap();
        assert!(refused.is_empty(), "{}", refused[0]);
    }
    for share in shares.values().take(count) {
        unsealing.offer_text(share).unwrap();
    }
    unsealing.ready()?;
    Some(pollster::block_on(unsealing.unseal()).unwrap())
}

#[test]
fn store_of_five_and_a_token_opens_with_three_and_the_token_and_with_no_less() {
    let directory = tempfile::tempdir().unwrap();
    let plan = creation(directory.path(), "root");
    let (mut people, mut notes) = (People::default(), Notes::default());
    assert_eq!(hold(&plan, &mut people, &mut notes).unwrap(), Ended::Complete);
    assert_eq!(people.shares.len(), 5);

    let keys = Arc::new(hsms(&plan).unwrap());
    let opens = |count, hsm| open(directory.path(), &people.shares, count, hsm).is_some();
    assert!(opens(3, Some(Arc::clone(&keys))));
    assert!(!opens(2, Some(Arc::clone(&keys))), "two people and the token");
    assert!(!opens(5, None), "everybody, without the token");

    let evidence = notes.lines.iter().find(|line| line.contains("\"hsm-key\"")).expect("evidence");
    let expected = [token().serial(), "hsm(A, root)", "aes-256", "firmware", "check value"];
    assert!(expected.iter().all(|words| evidence.contains(words)), "{evidence}");
    let public = people.seen + &notes.lines.concat();
    assert!(!public.contains(token().pin()), "the PIN was written down");
}

#[test]
fn drill_asks_the_token_and_three_holders_and_a_drill_without_the_token_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let mut people = People::default();
    let made = hold(&creation(directory.path(), "drill"), &mut people, &mut Notes::default()).unwrap();
    assert_eq!(made, Ended::Complete);

    let drill = with_hsm(directory.path(), Kind::Unseal, "", &HOLDERS, "");
    let mut holders = People { shares: people.shares.clone(), ..People::default() };
    assert_eq!(hold(&drill, &mut holders, &mut Notes::default()).unwrap(), Ended::Complete);
    assert!(holders.seen.contains("3/3"), "{}", holders.seen);

    let text = plan_text(directory.path(), "alone", Kind::Unseal, "", &HOLDERS);
    let mut holders = People { shares: people.shares, ..People::default() };
    let alone = run(&Plan::parse(&text).unwrap(), Setting::default(), &mut holders, &mut Notes::default());
    let error = alone.unwrap_err().to_string();
    assert!(error.contains("hsm(A, drill)"), "{error}");
}

#[test]
fn key_is_made_and_rotated_and_an_interrupted_rotation_goes_on() {
    let base = tempfile::tempdir().unwrap();
    let (mut people, mut notes) = (People::default(), Notes::default());
    let made = hold(&creation(base.path(), "rotated"), &mut people, &mut notes).unwrap();
    assert_eq!(made, Ended::Complete);
    let keys = Arc::new(hsms(&creation(base.path(), "rotated")).unwrap());
    let of_key = |id: u8| KeySelector { label: Some("rotated".to_owned()), id: Some(vec![id]) };

    for turns in (0..).step_by(3) {
        let directory = tempfile::tempdir().unwrap();
        copy(&store_path(base.path()), &store_path(directory.path()));
        let id = u8::try_from(turns + 1).unwrap();
        let plan = with_hsm(directory.path(), Kind::HsmKey, "", &HOLDERS, &format!("key_id = \"{id:02x}\""));
        let shares = || people.shares.clone();
        let wrapped = || {
            let store =
                open(directory.path(), &shares(), 3, Some(Arc::clone(&keys))).expect("a quorum opens it");
            let wrapped = store.slots().unwrap().slots()[0].hsm_wrapped().to_vec();
            pollster::block_on(store.seal());
            wrapped
        };
        let before = wrapped();
        let mut first = People { shares: shares(), leave_at: Some(turns), ..People::default() };
        match hold(&plan, &mut first, &mut Notes::default()) {
            Ok(ended) => {
                assert_eq!(ended, Ended::Complete);
                assert!(turns > 15);
                break;
            }
            Err(CeremonyError::Gone(_)) => {}
            Err(error) => panic!("turn {turns}: {error}"),
        }
        wrapped();
        let mut again = People { shares: shares(), ..People::default() };
        let ended = hold(&plan, &mut again, &mut notes);
        assert_eq!(ended.unwrap_or_else(|error| panic!("turn {turns}: {error}")), Ended::Complete);
        assert!(wrapped() != before, "turn {turns}: the part is wrapped anew");
        assert_eq!(keys.token("A").unwrap().find(&of_key(id)).unwrap().len(), 1, "turn {turns}");
    }
    let made = notes.lines.iter().filter(|line| line.contains("hsm-key-made")).count();
    assert!(made > 2, "{made}");
    let last = notes.lines.iter().rev().find(|line| line.contains("\"hsm-key\"")).unwrap();
    assert!(fs::exists(base.path()).unwrap() && !last.contains("id 01,"), "{last}");
}
