//! Every call that a store makes to its token, answered with every code that a token has, and with lies.
//!
//! Each case is a process of its own: it opens a copy of one store and does one thing, while the fault shim answers one
//! chosen call otherwise. Then the copy is looked at by a process that knows nothing of it: the store must be there with all
//! it held, opened by its break-glass holders and by its token, whatever the case came to; no message may hold a secret;
//! and what was reported as done must have been done.
//!
//! `STRONGROOM_HSM_FAULTS=full` answers the first, the second and the last occurrence of each call, and all of them, with
//! every code; otherwise the first is answered with a few.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, missing_docs)]
#![allow(clippy::print_stdout, clippy::print_stderr, clippy::wildcard_imports)]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use common::{Shares, assert_clean, barrier_options, contents, hsm, policy, wait};
use strongroom::{DiskStorage, HsmKeys, Hsms, InitOptions, SealedStore, Store};
use strongroom_test_tokens::{FaultShim, TestToken};

fn main() -> ExitCode {
    if let Ok(operation) = std::env::var(OPERATION) {
        return child(&operation);
    }
    // What `cargo test` asks of every test program.
    if std::env::args().any(|argument| argument == "--list") {
        return ExitCode::SUCCESS;
    }
    // Short, it takes what is most told of tokens; a minute of processor time instead of many.
    let full = std::env::var("STRONGROOM_HSM_FAULTS").is_ok_and(|value| value == "full");
    let campaign = Campaign::new();
    let begun = Instant::now();
    let mut tally = Tally::default();
    let wanted = std::env::args().nth(1).filter(|word| !word.starts_with('-'));
    let operations = if full { OPERATIONS } else { CALLING };
    for operation in
        operations.iter().filter(|name| wanted.as_ref().is_none_or(|word| name.contains(word.as_str())))
    {
        campaign.run(operation, full, &mut tally);
    }
    tally.control(&campaign);
    println!(
        "evidence: id=hsm/faults figure={} cases over {} functions and {} answers: {} done all the same, {} refused, {} of \
         them lies; {} stores broken; {} s verdict={}",
        tally.cases,
        tally.functions.len(),
        tally.answers.len(),
        tally.done,
        tally.refused,
        tally.lies,
        tally.failures.len(),
        begun.elapsed().as_secs(),
        if tally.failures.is_empty() { "pass" } else { "fail" }
    );
    println!("{} passed, {} failed", tally.cases - tally.failures.len(), tally.failures.len());
    if tally.failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What is done to a copy of the store while the token fails.
fn child(operation: &str) -> ExitCode {
    let directory = std::env::var(DIRECTORY).unwrap();
    let shares = shares(Path::new(&std::env::var(SHARES).unwrap()));
    let hsms = hsms(Path::new(&std::env::var(CONFIG).unwrap()));
    let outcome = act(operation, Path::new(&directory), &shares, &hsms);
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::from(REFUSED)
        }
    }
}

fn act(operation: &str, directory: &Path, shares: &[String], hsms: &Arc<Hsms>) -> Result<(), String> {
    let said = |error: &dyn std::fmt::Display| error.to_string();
    if operation == "unseal" || operation == "rotate root" {
        let store = open(directory, Some(hsms), &[])?;
        if operation == "rotate root" {
            wait(store.rotate_root()).map_err(|error| said(&error))?;
        }
        wait(store.seal());
        return Ok(());
    }
    let at_hand: Arc<dyn HsmKeys> = Arc::<Hsms>::clone(hsms);
    let store = open(directory, None, &shares[..2])?.with_hsm(at_hand);
    match operation {
        "add a slot" => hsm::add(&store, "added", "all(hsm(main, root), 1 of 2)").map(drop)?,
        "verify" => {
            let id = store.slots().unwrap().find_by_label("token").unwrap().id();
            let silent = wait(store.verify_hsm(id)).map_err(|error| said(&error))?;
            silent.first().map_or(Ok(()), |error| Err(said(error)))?;
        }
        "rewrap a part" => {
            let id = store.slots().unwrap().find_by_label("token").unwrap().id();
            wait(store.rewrap_hsm(id)).map_err(|error| said(&error))?;
        }
        other => panic!("no operation {other}"),
    }
    wait(store.seal());
    Ok(())
}

fn open(directory: &Path, hsms: Option<&Arc<Hsms>>, shares: &[String]) -> Result<Store, String> {
    wait(async {
        let storage = Arc::new(DiskStorage::open(directory).map_err(|error| error.to_string())?);
        let sealed = SealedStore::open(storage).await.map_err(|error| error.to_string())?;
        let mut unsealing = sealed.unsealing_with(barrier_options());
        let mut silent = Vec::new();
        if let Some(hsms) = hsms {
            let at_hand: Arc<dyn HsmKeys> = Arc::<Hsms>::clone(hsms);
            unsealing = unsealing.with_hsm(at_hand);
            silent = unsealing.ask_hsms().await.map_err(|error| error.to_string())?;
        }
        for text in shares {
            unsealing.offer_text(text).map_err(|error| error.to_string())?;
        }
        unsealing.unseal().await.map_err(|error| {
            let said: Vec<String> = silent.iter().map(ToString::to_string).collect();
            format!("{error}: {}", said.join("; "))
        })
    })
}

fn hsms(config: &Path) -> Arc<Hsms> {
    let text = fs::read_to_string(config).unwrap();
    Arc::new(Hsms::new(text.parse().unwrap(), |_| None).unwrap())
}

fn shares(path: &Path) -> Shares {
    fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect()
}

/// One store, its token, and the shim between them.
struct Campaign {
    place: tempfile::TempDir,
    token: TestToken,
    shim: FaultShim,
    hsms: Arc<Hsms>,
    shares: Shares,
    held: BTreeMap<String, Vec<u8>>,
}

impl Campaign {
    fn new() -> Self {
        let token = TestToken::softhsm("faults").unwrap_or_else(|error| panic!("{error}"));
        let shim = FaultShim::over(&token).unwrap_or_else(|error| panic!("{error}"));
        // Thousands of copies: in memory where that can be, since no power is lost here.
        let memory = Path::new("/dev/shm");
        let place = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
        let config = format!(
            "[hsm.main]\nlib = '{}'\ntoken_label = \"faults\"\npin_file = '{}'\ntimeout = 5\nmax_parallel = 1\n",
            shim.lib().display(),
            token.pin_file().display()
        );
        fs::write(place.path().join("config.toml"), config).unwrap();
        let hsms = hsms(&place.path().join("config.toml"));
        hsm::generate(&hsms, "root", None);
        let storage = Arc::new(DiskStorage::create(&place.path().join("store")).unwrap());
        let first = InitOptions { label: "board".into(), policy: policy("2 of 3"), ..common::options() };
        let (store, shares) = common::init(storage, first).unwrap();
        let at_hand: Arc<dyn HsmKeys> = Arc::<Hsms>::clone(&hsms);
        let store = store.with_hsm(at_hand);
        hsm::add(&store, "token", "hsm(main, root)").unwrap();
        for n in 0..5 {
            common::put(&store, &format!("a/{n}"), format!("value {n}")).unwrap();
        }
        let held = contents(&store).unwrap();
        wait(store.seal());
        drop(store);
        fs::write(place.path().join("shares"), shares.join("\n")).unwrap();
        Self { place, token, shim, hsms, shares, held }
    }

    fn run(&self, operation: &str, full: bool, tally: &mut Tally) {
        // What it calls when nothing fails.
        self.shim.clear().unwrap();
        self.shim.forget_trace().unwrap();
        let fine = self.attempt(operation);
        assert_eq!(fine.code, Some(0), "{operation} without a fault: {}", fine.said);
        let mut calls: BTreeMap<String, usize> = BTreeMap::new();
        self.shim.trace().into_iter().for_each(|function| *calls.entry(function).or_default() += 1);
        assert!(!calls.is_empty(), "{operation} calls the token");
        let functions = calls.len();
        for (function, times) in calls {
            tally.functions.insert(function.clone());
            let codes = if full { CODES } else { MOST_TOLD };
            for answer in codes.iter().chain(LIES) {
                let occurrences: Vec<String> = if full {
                    // In between they are alike.
                    BTreeSet::from([1, 2.min(times), times])
                        .iter()
                        .map(usize::to_string)
                        .chain(["*".into()])
                        .collect()
                } else {
                    vec!["1".to_owned()]
                };
                for occurrence in occurrences {
                    let rule = format!("{function} {occurrence} {answer}");
                    // The list of functions is the module's code: one that lies there can do anything in this process.
                    if function == "C_GetFunctionList" && *answer == "CKR_OK" && occurrence != "*" {
                        continue;
                    }
                    // A lie about what is not given out is no rule.
                    if self.shim.plan(&rule).is_ok() {
                        self.case(operation, &function, &rule, answer, tally);
                    }
                }
            }
        }
        eprintln!("{operation}: {functions} functions; {} cases so far", tally.cases);
    }

    fn case(&self, operation: &str, function: &str, rule: &str, answer: &str, tally: &mut Tally) {
        self.shim.forget_trace().unwrap();
        let attempt = self.attempt(operation);
        let struck = self.shim.struck();
        self.shim.clear().unwrap();
        if struck == 0 {
            // A lie about a call that gave nothing out this time.
            return;
        }
        tally.cases += 1;
        tally.answers.insert(answer.to_owned());
        let mut wrong = Vec::new();
        match attempt.code {
            Some(0) => tally.done += 1,
            Some(code) if code == i32::from(REFUSED) => tally.refused += 1,
            other => wrong.push(format!("it ended with {other:?}")),
        }
        if LIES.contains(&answer) {
            tally.lies += 1;
        }
        for secret in
            [self.token.pin(), self.token.so_pin()].into_iter().chain(self.shares.iter().map(String::as_str))
        {
            if attempt.said.contains(secret) {
                wrong.push("a message holds a secret".to_owned());
            }
        }
        if attempt.said.contains("panicked") {
            wrong.push("it panicked".to_owned());
        }
        if function == "C_Login" && PINS.contains(&answer) && struck != 1 {
            wrong.push(format!("a refused PIN was tried {struck} times"));
        }
        if let Err(why) = self.look(operation, attempt.code == Some(0)) {
            wrong.push(why);
        }
        if !wrong.is_empty() {
            let failure = format!("{operation}, {rule}: {}\n  it said: {}", wrong.join("; "), attempt.said);
            eprintln!("{failure}");
            tally.failures.push(failure);
        }
    }

    /// Does it to a fresh copy of the store, in a process of its own.
    fn attempt(&self, operation: &str) -> Attempt {
        let copy = self.place.path().join("copy");
        let _ = fs::remove_dir_all(&copy);
        copy_directory(&self.place.path().join("store"), &copy);
        let mut process = Command::new(std::env::current_exe().unwrap())
            .env(OPERATION, operation)
            .env(DIRECTORY, &copy)
            .env(CONFIG, self.place.path().join("config.toml"))
            .env(SHARES, self.place.path().join("shares"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let begun = Instant::now();
        while process.try_wait().unwrap().is_none() {
            if begun.elapsed() > PATIENCE {
                process.kill().unwrap();
                break;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        let output = process.wait_with_output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        Attempt { code: output.status.code(), said: String::from_utf8_lossy(&said).into_owned() }
    }

    /// What is left must be whole: to its holders, and to its token once that works again.
    fn look(&self, operation: &str, done: bool) -> Result<(), String> {
        let copy = self.place.path().join("copy");
        let labels = {
            let store = open(&copy, None, &self.shares[..2])
                .map_err(|error| format!("the holders are out: {error}"))?;
            if contents(&store)? != self.held {
                return Err("what it held is not there".to_owned());
            }
            assert_clean(&store);
            let slots = store.slots().map_err(|error| error.to_string())?;
            slots
                .slots()
                .iter()
                .map(|slot| format!("{} {}", slot.label(), slot.state()))
                .collect::<BTreeSet<_>>()
        };
        let store =
            open(&copy, Some(&self.hsms), &[]).map_err(|error| format!("the token is out: {error}"))?;
        let added = store.slots().unwrap().find_by_label("added").map(strongroom::Slot::id);
        if let Some(id) = added {
            let silent = wait(store.verify_hsm(id)).map_err(|error| error.to_string())?;
            if let Some(error) = silent.first() {
                return Err(format!("a slot was committed that does not open: {error}"));
            }
        }
        let is_active = labels.contains("added active");
        if operation == "add a slot" && done != is_active {
            return Err(format!("it said done = {done}, and the slots are {labels:?}"));
        }
        Ok(())
    }
}

struct Attempt {
    code: Option<i32>,
    said: String,
}

#[derive(Default)]
struct Tally {
    cases: usize,
    done: usize,
    refused: usize,
    lies: usize,
    functions: BTreeSet<String>,
    answers: BTreeSet<String>,
    failures: Vec<String>,
}

impl Tally {
    /// The look would see a store whose token is out, and one that lost something.
    fn control(&mut self, campaign: &Campaign) {
        self.cases += 1;
        let _ = campaign.attempt("unseal");
        let copy = campaign.place.path().join("copy");
        let store = open(&copy, None, &campaign.shares[..2]).unwrap();
        let slot = store.slots().unwrap().find_by_label("token").unwrap().id();
        wait(store.remove_slot(slot)).unwrap();
        drop(store);
        let blind = campaign.look("unseal", true).is_ok();
        let _ = campaign.attempt("unseal");
        let store = open(&copy, None, &campaign.shares[..2]).unwrap();
        wait(store.barrier().delete("a/1".parse().unwrap())).unwrap();
        drop(store);
        if blind || campaign.look("unseal", true).is_ok() {
            self.failures.push("the control was not caught".to_owned());
        }
    }
}

fn copy_directory(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    fs::set_permissions(to, fs::metadata(from).unwrap().permissions()).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

/// Rotating the root key calls no token by itself, and verifying does what unsealing does.
const CALLING: &[&str] = &["unseal", "add a slot", "rewrap a part"];
const OPERATIONS: &[&str] = &["unseal", "add a slot", "rotate root", "rewrap a part", "verify"];
const CODES: &[&str] = &[
    "CKR_HOST_MEMORY",
    "CKR_GENERAL_ERROR",
    "CKR_FUNCTION_FAILED",
    "CKR_ARGUMENTS_BAD",
    "CKR_DEVICE_ERROR",
    "CKR_DEVICE_MEMORY",
    "CKR_DEVICE_REMOVED",
    "CKR_FUNCTION_NOT_SUPPORTED",
    "CKR_KEY_HANDLE_INVALID",
    "CKR_MECHANISM_INVALID",
    "CKR_OBJECT_HANDLE_INVALID",
    "CKR_PIN_INCORRECT",
    "CKR_PIN_LOCKED",
    "CKR_SESSION_HANDLE_INVALID",
    "CKR_TOKEN_NOT_PRESENT",
    "CKR_USER_NOT_LOGGED_IN",
    "CKR_CRYPTOKI_NOT_INITIALIZED",
    "0x80000042",
];
const MOST_TOLD: &[&str] =
    &["CKR_GENERAL_ERROR", "CKR_DEVICE_ERROR", "CKR_PIN_INCORRECT", "CKR_SESSION_HANDLE_INVALID"];
/// Success, and something that is not so.
const LIES: &[&str] = &["CKR_OK", "garbage", "short", "zero"];
const PINS: &[&str] = &["CKR_PIN_INCORRECT", "CKR_PIN_LOCKED"];
const REFUSED: u8 = 3;
const PATIENCE: Duration = Duration::from_secs(120);
const OPERATION: &str = "STRONGROOM_CASE_OPERATION";
const DIRECTORY: &str = "STRONGROOM_CASE_DIRECTORY";
const CONFIG: &str = "STRONGROOM_CASE_CONFIG";
const SHARES: &str = "STRONGROOM_CASE_SHARES";
