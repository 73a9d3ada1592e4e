//! The worst day: another implementation, in Python, opens what this one made, with shares and a copy alone.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Mutex;

use common::{People, Shares, copy, hold, open, plan, store_path};
use strongroom::{Plaintext, SlotOptions, Store};
use strongroom_ceremony::plan::Kind;
use strongroom_ceremony::run::Ended;

const CUSTODIANS: [(&str, &str, &str); 5] = [
    ("Old 1", "custodian", "custody = \"screen\"\ngroup = \"security\""),
    ("Old 2", "custodian", "custody = \"screen\"\ngroup = \"security\""),
    ("Old 3", "custodian", "custody = \"screen\"\ngroup = \"security\""),
    ("Old 4", "custodian", "custody = \"screen\"\ngroup = \"operations\""),
    ("Old 5", "custodian", "custody = \"screen\"\ngroup = \"operations\""),
];

/// A store that a ceremony made, under X-Wing and with groups, with another slot that waits, and what is in it.
fn filled(directory: &Path) -> (Store, Shares, BTreeMap<String, Vec<u8>>) {
    let words = "policy = \"groups(2 of {security: 2 of 3, operations: 2 of 2})\"\n";
    let mut people = People::default();
    let ended = hold(&plan(directory, "create", Kind::Create, words, &CUSTODIANS), &mut people).unwrap();
    assert_eq!(ended, Ended::Complete);
    let store = open(directory, &people.shares, "Old").unwrap();
    let mut values = BTreeMap::new();
    for number in 0..300_usize {
        let path = format!("app/{}/db {number}/ключ", number % 17);
        let value = format!("value {number} ").repeat(1 + number % 200).into_bytes();
        put(&store, &path, value.clone());
        values.insert(path, value);
    }
    let waits =
        SlotOptions { cooling_off: "24h".parse().unwrap(), ..SlotOptions::new("2 of 3".parse().unwrap()) };
    pollster::block_on(store.add_slot("next", waits)).unwrap();
    pollster::block_on(store.rotate_root()).unwrap();
    pollster::block_on(store.barrier().rotate()).unwrap();
    put(&store, "after", b"the rotation".to_vec());
    values.insert("after".to_owned(), b"the rotation".to_vec());
    (store, people.shares, values)
}

fn put(store: &Store, path: &str, value: Vec<u8>) {
    pollster::block_on(store.barrier().put(path.parse().unwrap(), Plaintext::new(value))).unwrap();
}

/// The interpreter with the packages of `testvectors/requirements.txt`: that of `cargo xtask setup`, or the machine's own.
fn python() -> PathBuf {
    let prepared = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../venv/bin/python");
    let candidates = [prepared, PathBuf::from("python3")];
    let fits = |python: &PathBuf| {
        let tried = Command::new(python).args(["-c", "import cryptography, kyber_py"]).output();
        tried.is_ok_and(|output| output.status.success())
    };
    candidates.into_iter().find(fits).expect("no Python has the packages: run `cargo xtask setup`")
}

/// A process that is being started has, for a moment, the locks of every store that is open in this one. So the tests take
/// turns.
static TURNS: Mutex<()> = Mutex::new(());

fn recover(from: &Path, shares: &[&str]) -> Output {
    let directory = common::directory();
    let file = directory.path().join("shares");
    fs::write(&file, shares.join("\n")).unwrap();
    let program = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testvectors/recover.py");
    Command::new(python()).args(["-B", program]).args([from, &file]).output().unwrap()
}

fn values(output: &Output) -> BTreeMap<String, Vec<u8>> {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let value = |line: &str| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let value = data_encoding::BASE64.decode(line["value"].as_str().unwrap().as_bytes()).unwrap();
        (line["path"].as_str().unwrap().to_owned(), value)
    };
    text.lines().map(value).collect()
}

#[test]
fn another_implementation_recovers_every_value_from_shares_and_a_copy() {
    let _turn = TURNS.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let directory = common::directory();
    let (store, shares, expected) = filled(directory.path());
    let share = |name: &str| shares[name].as_str();
    let quorum = [share("Old 1"), share("Old 3"), share("Old 4"), share("Old 5")];

    let backup = directory.path().join("backup");
    let mut file = fs::File::create(&backup).unwrap();
    pollster::block_on(store.backup(&mut file, |_, _| ControlFlow::Continue(()))).unwrap();
    assert!(values(&recover(&backup, &quorum)) == expected);

    // What a process leaves that is killed now: the last changes are in the log alone.
    let killed = directory.path().join("killed");
    copy(&store_path(directory.path()), &killed);
    assert!(values(&recover(&killed, &quorum)) == expected);
    let count = expected.len();
    println!(
        "evidence: id=ceremony/recovery figure={count} of {count} values, from a backup and from a directory verdict=pass"
    );

    // A change that was acknowledged and then damaged is no reason to come out with what was before it.
    let log = ["log.0", "log.1"].map(|name| killed.join(name));
    let frames =
        |path: &&PathBuf| fs::read(path).unwrap().windows(4).filter(|bytes| *bytes == b"SRLF").count();
    let log = log.iter().max_by_key(frames).unwrap();
    let mut bytes = fs::read(log).unwrap();
    let second = (1024..bytes.len()).find(|place| bytes[*place..].starts_with(b"SRLF")).unwrap();
    bytes[second + 30] ^= 1;
    fs::write(log, bytes).unwrap();
    let said = String::from_utf8(recover(&killed, &quorum).stderr).unwrap();
    assert!(said.contains("the log is damaged"), "{said}");

    pollster::block_on(store.rewrap(|_| ControlFlow::Continue(()))).unwrap();
    pollster::block_on(store.seal());
    drop(store);
    assert!(values(&recover(&store_path(directory.path()), &quorum)) == expected);
}

#[test]
fn another_implementation_tells_too_few_shares_and_wrong_ones() {
    let _turn = TURNS.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let directory = common::directory();
    let (store, shares, _) = filled(directory.path());
    pollster::block_on(store.seal());
    drop(store);
    let other = common::directory();
    let foreign = common::made(other.path()).shares;
    let share = |name: &str| shares[name].as_str();
    let spoilt: String = share("Old 1").replace(' ', "").chars().rev().collect();
    for (given, why) in [
        (vec![share("Old 1"), share("Old 2"), share("Old 4")], "too few shares"),
        (vec![share("Old 1"), share("Old 2"), share("Old 3")], "too few shares"),
        (vec![foreign["Old 1"].as_str(), foreign["Old 2"].as_str()], "a share is of set"),
        (vec![spoilt.as_str()], "this is no share"),
    ] {
        let output = recover(&store_path(directory.path()), &given);
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && output.stdout.is_empty());
        assert!(said.contains(why), "{said}");
    }
}
