//! Ceremonies with a root key that people and a token open together, on SoftHSM.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout
)]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, OnceLock, RwLock};

use common::{HOLDERS, Notes, People, Shares, copy, plan_text, store_path};
use strongroom::pkcs11::KeySelector;
use strongroom::{DiskStorage, HsmKeys, Hsms, SealedStore, Store};
use strongroom_ceremony::hsm::hsms;
use strongroom_ceremony::plan::ask::{AskError, Questions, ask};
use strongroom_ceremony::plan::check::{Finding, findings};
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
    let directory = common::directory();
    let plan = creation(directory.path(), "root");
    let _no_fork = FORKING.read().unwrap();
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

/// Answers what it must about a drill, and otherwise nothing.
struct Defaults(PathBuf);

impl Questions for Defaults {
    fn ask(&mut self, question: &str, default: &str) -> Result<String, AskError> {
        let words =
            [("What is the ceremony", "unseal"), ("Who leads", "Ada"), ("Who is the witness", "Grace")];
        if question.starts_with("Which directory") {
            return Ok(self.0.display().to_string());
        }
        let answer = words.iter().find(|(words, _)| question.starts_with(words));
        Ok(answer.map_or(default, |(_, answer)| answer).to_owned())
    }

    fn refuse(&mut self, why: &str) -> Result<(), AskError> {
        panic!("{why}")
    }
}

#[test]
fn drill_asks_the_token_and_three_holders_and_a_drill_without_the_token_says_so() {
    let directory = common::directory();
    let drilled = creation(directory.path(), "drill");
    let _no_fork = FORKING.read().unwrap();
    let mut people = People::default();
    let made = hold(&drilled, &mut people, &mut Notes::default()).unwrap();
    assert_eq!(made, Ended::Complete);

    let drill = with_hsm(directory.path(), Kind::Unseal, "", &HOLDERS, "");
    let mut holders = People { shares: people.shares.clone(), ..People::default() };
    let mut notes = Notes::default();
    assert_eq!(hold(&drill, &mut holders, &mut notes).unwrap(), Ended::Complete);
    assert!(holders.seen.contains("3/3"), "{}", holders.seen);
    let opened = notes.lines.iter().filter(|line| line.contains("hsm-opened")).collect::<Vec<_>>();
    assert!(opened.len() == 1 && opened[0].contains("hsm(A, drill)"), "{opened:?}");

    let text = plan_text(directory.path(), "alone", Kind::Unseal, "", &HOLDERS);
    let needs = |plan: &Plan| {
        let said = "slot \"custodians\" needs the HSM \"A\", and the plan has no section [hsm.A]";
        findings(plan).iter().any(|finding| matches!(finding, Finding::Missing(text) if text.contains(said)))
    };
    assert!(needs(&Plan::parse(&text).unwrap()), "the check says it before");
    assert!(!needs(&drill));
    // Whoever has a plan written is asked about the HSM that the store names.
    let asked = ask(&mut Defaults(store_path(directory.path()))).unwrap();
    assert!(
        Plan::parse(&asked).unwrap().hsm.contains_key("A") && !needs(&Plan::parse(&asked).unwrap()),
        "{asked}"
    );
    let mut holders = People { shares: people.shares, ..People::default() };
    let alone = run(&Plan::parse(&text).unwrap(), Setting::default(), &mut holders, &mut Notes::default());
    let error = alone.unwrap_err().to_string();
    assert!(error.contains("hsm(A, drill)"), "{error}");
}

/// Rotates a key until it is killed. For the test below alone.
#[test]
#[ignore = "a part of another test"]
fn process_to_be_killed() {
    let directory = std::env::var_os("CEREMONY").expect("the place");
    let plan = fs::read_to_string(Path::new(&directory).join("plan.toml")).unwrap();
    let shares: BTreeMap<String, String> =
        serde_json::from_slice(&fs::read(Path::new(&directory).join("shares")).unwrap()).unwrap();
    let shares = shares.into_iter().map(|(name, share)| (name, share.into())).collect();
    let turn = std::env::var("TURN").unwrap().parse().unwrap();
    let mut people = People { shares, leave_at: Some(turn), kill: true, ..People::default() };
    hold(&Plan::parse(&plan).unwrap(), &mut people, &mut Notes::default()).unwrap();
}

fn killed(directory: &Path, turn: usize) -> Option<i32> {
    let mut child = {
        let _alone = FORKING.write().unwrap();
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "process_to_be_killed", "--ignored"]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
            .envs([("CEREMONY", directory.as_os_str()), ("TURN", turn.to_string().as_ref())])
            .spawn()
            .unwrap()
    };
    child.wait().unwrap().signal()
}

/// A process that is being started has, for a moment, the locks of every store that is open in this one. So there is none.
static FORKING: RwLock<()> = RwLock::new(());

#[test]
fn key_is_made_and_rotated_whenever_the_rotation_is_killed() {
    let base = common::directory();
    let (people, keys, mut notes) = {
        let creation = creation(base.path(), "rotated");
        let _no_fork = FORKING.read().unwrap();
        let mut people = People::default();
        assert_eq!(hold(&creation, &mut people, &mut Notes::default()).unwrap(), Ended::Complete);
        (people, Arc::new(hsms(&creation).unwrap()), Notes::default())
    };
    let of_key = |id: u8| KeySelector { label: Some("rotated".to_owned()), id: Some(vec![id]) };
    let mut turns = 0;
    for turn in (0..).step_by(if common::thorough() { 1 } else { 3 }) {
        let directory = common::directory();
        copy(&store_path(base.path()), &store_path(directory.path()));
        let id = u8::try_from(turn + 1).unwrap();
        let more = section(&format!("key_id = \"{id:02x}\""));
        let text = plan_text(directory.path(), "rotation", Kind::HsmKey, "", &HOLDERS) + &more;
        let plan = Plan::parse(&text).unwrap();
        let shares: BTreeMap<_, _> =
            people.shares.iter().map(|(name, share)| (name.as_str(), share.as_str())).collect();
        fs::write(directory.path().join("plan.toml"), text).unwrap();
        fs::write(directory.path().join("shares"), serde_json::to_vec(&shares).unwrap()).unwrap();
        let killed = killed(directory.path(), turn);
        if killed.is_none() {
            break;
        }
        turns += 1;
        assert_eq!(killed, Some(9), "turn {turn}");
        let _no_fork = FORKING.read().unwrap();
        let wrapped = |directory: &Path| {
            let store = open(directory, &people.shares, 3, Some(Arc::clone(&keys)));
            let store = store.expect("three people and the token open it");
            let wrapped = store.slots().unwrap().slots()[0].hsm_wrapped().to_vec();
            pollster::block_on(store.seal());
            wrapped
        };
        wrapped(directory.path());
        let mut again = People { shares: people.shares.clone(), ..People::default() };
        let ended = hold(&plan, &mut again, &mut notes);
        assert_eq!(ended.unwrap_or_else(|error| panic!("turn {turn}: {error}")), Ended::Complete);
        assert!(wrapped(directory.path()) != wrapped(base.path()), "turn {turn}: the part is wrapped anew");
        assert_eq!(keys.token("A").unwrap().find(&of_key(id)).unwrap().len(), 1, "turn {turn}");
    }
    println!("evidence: id=ceremony/kill-hsm-key figure={turns} kills verdict=pass");
    assert!(turns > Kind::HsmKey.steps().len(), "{turns}");
    let made = notes.lines.iter().filter(|line| line.contains("hsm-key-made")).count();
    assert!(made > 2, "some of them were killed before the key was made: {made}");
}
