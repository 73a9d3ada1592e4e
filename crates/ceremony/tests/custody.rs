//! Shares reach their custodians, and lie nowhere else.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::fs;
use std::io::{Cursor, Read as _};
use std::path::Path;

use age::armor::ArmoredReader;
use common::{Notes, People, hold, made, opens, plan, replacement};
use pgp::composed::{
    ArmorOptions, EncryptionCaps, KeyType, Message, SecretKeyParamsBuilder, SignedPublicKey, SignedSecretKey,
    SubkeyParamsBuilder,
};
use pgp::crypto::ecc_curve::ECCCurve;
use pgp::types::{KeyDetails as _, Password};
use strongroom::{Decoded, SlotError, SlotState, share_text};
use strongroom_ceremony::plan::Kind;
use strongroom_ceremony::run::conversation::{Console, Conversation as _, Plain};
use strongroom_ceremony::run::{CeremonyError, Ended, Setting, run};
use zeroize::Zeroizing;

/// Everything in a directory, as one heap of bytes.
fn contents(directory: &Path) -> Vec<u8> {
    let mut all = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        all.extend(if path.is_dir() { contents(&path) } else { fs::read(&path).unwrap() });
    }
    all
}

fn holds(heap: &[u8], text: &str) -> bool {
    heap.windows(text.len()).any(|window| window == text.as_bytes())
}

fn openpgp_key() -> (SignedSecretKey, String, String) {
    let mut subkey = SubkeyParamsBuilder::default();
    subkey.key_type(KeyType::ECDH(ECCCurve::Curve25519Legacy)).can_encrypt(EncryptionCaps::All);
    let mut parameters = SecretKeyParamsBuilder::default();
    parameters
        .key_type(KeyType::Ed25519Legacy)
        .can_certify(true)
        .can_encrypt(EncryptionCaps::None)
        .primary_user_id("Old 2 <old@example.org>".into())
        .subkeys(vec![subkey.build().unwrap()]);
    let secret = parameters.build().unwrap().generate(rand::rngs::OsRng).unwrap();
    let public = SignedPublicKey::from(secret.clone());
    let fingerprint = data_encoding::HEXLOWER.encode(public.fingerprint().as_bytes());
    let armoured = public.to_armored_string(ArmorOptions::default()).unwrap();
    (secret, armoured, fingerprint)
}

#[test]
fn no_share_lies_anywhere_but_with_its_custodian() {
    let directory = common::directory();
    let identity = age::x25519::Identity::generate();
    let (secret, armoured, fingerprint) = openpgp_key();
    let certificate = directory.path().join("old2.asc");
    fs::write(&certificate, armoured).unwrap();
    let age_custody = format!("custody = \"age\"\nrecipient = \"{}\"", identity.to_public());
    let openpgp_custody = format!(
        "custody = \"openpgp\"\ncertificate = \"{}\"\nfingerprint = \"{fingerprint}\"",
        certificate.display()
    );
    let custodians = [
        ("Old 1", "custodian", age_custody.as_str()),
        ("Old 2", "custodian", openpgp_custody.as_str()),
        ("Old 3", "custodian", "custody = \"paper\""),
    ];
    let plan =
        plan(directory.path(), "out", Kind::Create, "policy = \"3 of 3\"\nsuite = \"p-256\"\n", &custodians);
    let shares = directory.path().join("out/shares");
    let mut people = People { printer: Some(shares.clone()), ..People::default() };
    let mut notes = Notes::default();
    assert_eq!(run(&plan, Setting::default(), &mut people, &mut notes).unwrap(), Ended::Complete);

    let mut files: Vec<_> = fs::read_dir(&shares)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    assert_eq!(files, ["share-1-Old-1.age", "share-2-Old-2.asc"], "the printed page is erased");

    let file = fs::read(shares.join("share-1-Old-1.age")).unwrap();
    let decryptor = age::Decryptor::new(ArmoredReader::new(file.as_slice())).unwrap();
    let mut text = String::new();
    decryptor.decrypt(std::iter::once(&identity as _)).unwrap().read_to_string(&mut text).unwrap();
    people.shares.insert("Old 1".to_owned(), text.trim().to_owned().into());
    let file = fs::read(shares.join("share-2-Old-2.asc")).unwrap();
    let (message, _) = Message::from_armor(Cursor::new(file)).unwrap();
    let text = message.decrypt(&Password::empty(), &secret).unwrap().as_data_string().unwrap();
    people.shares.insert("Old 2".to_owned(), text.trim().to_owned().into());
    assert!(opens(directory.path(), &people.shares, "Old"), "the three of them open it");

    let mut heap = contents(directory.path());
    heap.extend(people.seen.as_bytes());
    heap.extend(notes.lines.concat().as_bytes());
    assert!(holds(&heap, "HandedOut"), "the control: the heap has what was recorded");
    for share in people.shares.values() {
        let letters: String = share.split_whitespace().collect();
        // The first 32 letters name the set, which is public.
        for canary in letters.as_bytes()[36..].chunks(8).filter(|canary| canary.len() == 8) {
            assert!(!holds(&heap, std::str::from_utf8(canary).unwrap()));
        }
    }
}

#[test]
fn certificate_that_was_exchanged_stops_the_ceremony_before_there_are_shares() {
    let directory = common::directory();
    let (_, armoured, _) = openpgp_key();
    fs::write(directory.path().join("a.asc"), armoured).unwrap();
    let custody = format!(
        "custody = \"openpgp\"\ncertificate = \"{}\"\nfingerprint = \"{}\"",
        directory.path().join("a.asc").display(),
        "0".repeat(40)
    );
    let plan = plan(
        directory.path(),
        "out",
        Kind::Create,
        "policy = \"1 of 1\"\n",
        &[("Old 1", "custodian", &custody)],
    );
    let error = hold(&plan, &mut People::default()).unwrap_err();
    assert!(matches!(error, CeremonyError::Custody(_)), "{error}");
    assert!(!directory.path().join("store").exists());
}

#[test]
fn cooling_off_is_not_shortened_by_the_journal() {
    let directory = common::directory();
    let mut people = made(directory.path());
    let plan = replacement(directory.path(), Kind::Rekey, "24h");
    assert!(matches!(hold(&plan, &mut people).unwrap(), Ended::Cooling { .. }));
    let journal = directory.path().join("rekey/journal.json");
    let text = fs::read_to_string(&journal).unwrap();
    fs::write(&journal, text.replace("\"acknowledge\"", "\"acknowledge\",\"cool-off\"")).unwrap();
    let error = hold(&plan, &mut people).unwrap_err();
    assert!(error.to_string().contains("cooling-off time is not over"), "{error}");
    assert!(opens(directory.path(), &people.shares, "Old"));
    // The control: a day later it goes through.
    fs::write(&journal, text).unwrap();
    let later = || common::now() + 24 * 60 * 60 + 60;
    let setting = Setting { clock: later, ..Setting::default() };
    let ended = run(&plan, setting, &mut people, &mut Notes::default()).unwrap();
    assert_eq!(ended, Ended::Complete);
    assert!(opens(directory.path(), &people.shares, "New"));
}

#[test]
fn cooling_off_holds_whatever_else_is_used_to_end_the_change() {
    let directory = common::directory();
    let mut people = made(directory.path());
    let plan = replacement(directory.path(), Kind::Rekey, "24h");
    let Ended::Cooling { until } = hold(&plan, &mut people).unwrap() else { panic!("it waits for nothing") };
    // As `strongroom rekey finish` does it: with the shares of all, and without the plan.
    let finish = |clock| {
        let store = common::open_at(clock, directory.path(), &people.shares, "Old").unwrap();
        let slots = store.slots().unwrap();
        let of = |state| slots.slots().iter().find(|slot| slot.state() == state).unwrap();
        let (old, new) = (of(SlotState::Active), of(SlotState::Pending));
        assert_eq!(new.not_before(), until);
        let mut possession = store.possession(new.id()).unwrap();
        for (_, share) in people.shares.iter().filter(|(name, _)| name.starts_with("New")) {
            let Decoded::Exact(share) = share_text::decode(share).unwrap() else {
                panic!("a mistyped share")
            };
            possession.offer(share).unwrap();
        }
        let replaced = pollster::block_on(store.replace_slot(old.id(), possession.finish().unwrap()));
        pollster::block_on(store.seal());
        replaced
    };
    let early = finish(common::now).unwrap_err();
    assert!(matches!(early, SlotError::CoolingOff { until: told, .. } if told == until), "{early}");
    assert!(opens(directory.path(), &people.shares, "Old"));
    // The control: a day later it goes through.
    finish(|| common::now() + 24 * 60 * 60 + 60).unwrap();
    assert!(opens(directory.path(), &people.shares, "New"));
}

#[test]
fn journal_of_another_plan_is_not_gone_on_with() {
    let directory = common::directory();
    let mut people = made(directory.path());
    let other = plan(directory.path(), "create", Kind::Unseal, "", &common::HOLDERS);
    assert!(matches!(hold(&other, &mut people), Err(CeremonyError::Journal(_))));
}

#[test]
fn rehearsal_touches_neither_the_store_nor_the_real_shares() {
    let directory = common::directory();
    let first = made(directory.path());
    // Opening a storage writes into its file, so what it holds is compared: slots and head are sealed anew by any change.
    let state = || {
        let store = common::open(directory.path(), &first.shares, "Old").unwrap();
        let state = (store.slots().unwrap().encode(), store.barrier().status().unwrap().sequence);
        pollster::block_on(store.seal());
        state
    };
    let before = state();
    for kind in [Kind::Rekey, Kind::SealChange] {
        let plan = replacement(directory.path(), kind, "24h");
        let mut people = People::default();
        let setting = Setting { rehearsal: true, ..Setting::default() };
        assert_eq!(run(&plan, setting, &mut people, &mut Notes::default()).unwrap(), Ended::Complete);
        assert!(people.seen.contains("REHEARSAL") && people.seen.contains("worth nothing"));
        assert!(!opens(directory.path(), &people.shares, "New"));
    }
    let plan = plan(directory.path(), "destruction", Kind::Destruction, "", &common::HOLDERS);
    let setting = Setting { rehearsal: true, ..Setting::default() };
    let aborted = run(&plan, setting, &mut People::default(), &mut Notes::default()).unwrap();
    assert_eq!(aborted, Ended::Aborted, "the number of the real store is not that of the rehearsal's");
    assert!(state() == before);
}

#[test]
fn plain_prompt_leaves_no_share_in_the_scroll_back() {
    let share = "sr1qqq abcdef ghjklm";
    let person = replacement(Path::new("/nonexistent"), Kind::Rekey, "0s").people[0].clone();
    let mut screen = Vec::new();
    let secret = Box::new(|| Ok(Zeroizing::new("ghjklm".to_owned())));
    Plain::new(Console::new(Cursor::new(b"\n".to_vec()), &mut screen, secret))
        .show_share(&person, "Share", share)
        .unwrap();
    let screen = String::from_utf8(screen).unwrap();
    let (before, rest) = screen.split_once("\x1b[?1049h").unwrap();
    let (apart, after) = rest.split_once("\x1b[?1049l").unwrap();
    assert!(apart.contains("\n   1  sr1qqq  abcdef  ghjklm\n"), "the control");
    assert!(!before.contains("ghjklm") && !after.contains("ghjklm"));
}
