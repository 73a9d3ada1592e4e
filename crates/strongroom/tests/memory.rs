//! What a forced memory image of the process holds, and whether it leaves a core.
//!
//! The test starts its own program again as a child, which makes a store, works with it, and tells its keys with every
//! byte masked, so that telling leaves no copy. The parent then reads all of the child's memory, before sealing, where it
//! must find every key (the control), and after, where it must find none.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, missing_docs)]
#![allow(clippy::string_slice)]
#![allow(clippy::print_stdout, unsafe_code)]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::FileExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;

use common::*;
use strongroom::{DiskStorage, Storage, Store, protection};
use strongroom_barrier::SLOTS;
use strongroom_crypto::kdf;
use strongroom_crypto::record::{TermKeys as _, term_of};
use strongroom_crypto::secret::Secret;
use strongroom_seal::slot::SlotSet;
use strongroom_seal::unseal::{Collector, Opened};
use strongroom_shamir::combine;

#[test]
fn no_key_is_left_in_memory_after_sealing() {
    let directory = tempfile::tempdir().unwrap();
    let mut child = Conversation::begin("work", directory.path());
    let canaries = child.canaries();
    let before = image(child.id());
    let found: BTreeSet<&str> = search(&before, &canaries);
    let all: BTreeSet<&str> = canaries.keys().map(String::as_str).collect();
    assert_eq!(found, all, "the control: before sealing, the image holds every key");
    child.say("seal");
    child.expect("sealed");
    let after = image(child.id());
    let left = search(&after, &canaries);
    child.say("end");
    child.end();
    let megabytes = after.iter().map(Vec::len).sum::<usize>() >> 20;
    let verdict = if left.is_empty() { "pass" } else { "fail" };
    println!(
        "evidence: id=memory/sealed figure={} of {} keys in {megabytes} MiB of memory after sealing, all {} before \
         verdict={verdict}",
        left.len(),
        all.len(),
        found.len()
    );
    assert!(left.is_empty(), "left behind: {left:?}");
}

#[test]
fn hardened_process_leaves_no_core() {
    let directory = tempfile::tempdir().unwrap();
    let abort = |role| {
        let mut child = Conversation::begin(role, directory.path());
        let told = child.expect("dumpable");
        child.say("abort");
        (told, child.end())
    };
    let (told, status) = abort("hardened");
    let (control, control_status) = abort("plain");
    assert_eq!(status.signal(), Some(libc::SIGABRT));
    assert!(!status.core_dumped());
    assert_eq!(told, "dumpable 0 core 0");
    assert!(control.starts_with("dumpable 1 "), "the control: {control}");
    // Where the machine writes cores into the directory, there is the control's alone.
    let cores = fs::read_dir(directory.path()).unwrap().count();
    assert_eq!(cores, usize::from(control_status.core_dumped() && cores > 0));
    let dumped = |status: ExitStatus| if status.core_dumped() { "yes" } else { "no" };
    println!(
        "evidence: id=memory/core figure=hardened: {told}, dumped: {}; control: {control}, dumped: {} verdict=pass",
        dumped(status),
        dumped(control_status)
    );
}

/// What the child does; the other tests of this file start it.
#[test]
#[ignore = "a child process of the other tests"]
fn child() {
    let directory = std::env::var_os(DIRECTORY).expect("started by the other tests");
    let role = std::env::var(ROLE).unwrap();
    match role.as_str() {
        "work" => work(directory.as_ref()),
        "hardened" => {
            protection::harden().unwrap();
            core();
        }
        "plain" => {
            raise_core_limit();
            core();
        }
        _ => panic!("no such role"),
    }
}

fn work(directory: &std::path::Path) {
    let storage: Arc<dyn Storage> = Arc::new(DiskStorage::create(&directory.join("store")).unwrap());
    let (store, shares) = init(Arc::clone(&storage), options()).unwrap();
    busy(&store);
    wait(store.seal());
    drop(store);
    let store = unseal(Arc::clone(&storage), &shares[1..]).unwrap();
    busy(&store);
    let (slot, more) = add_slot(&store, "second").unwrap();
    let proved = prove(&store, slot, &more);
    wait(store.activate_slot(proved)).unwrap();
    let (mut sink, _) =
        wait(store.backup(std::io::sink(), |_, _| std::ops::ControlFlow::Continue(()))).unwrap();
    sink.flush().unwrap();
    let held = tell(&store, &storage, &shares);
    println!("ready");
    listen("seal");
    drop(held);
    wipe(shares);
    wipe(more);
    wait(store.seal());
    println!("sealed");
    listen("end");
    assert!(store.barrier().is_sealed());
}

fn busy(store: &Store) {
    for n in 0..40 {
        put(store, &format!("directory {}/value {n}", n % 5), [7; 100]).unwrap();
    }
    wait(store.barrier().rotate()).unwrap();
    wait(store.rewrap(go_on)).unwrap();
    assert!(contents(store).unwrap().len() >= 40);
    wait(store.barrier().rotate()).unwrap();
    put(store, "after", b"the rotation").unwrap();
    assert_clean(store);
}

/// Prints every key, masked, and keeps those alive that a running store holds for moments only.
fn tell(store: &Store, storage: &Arc<dyn Storage>, shares: &[String]) -> (Opened, Vec<Secret<32>>) {
    let slots = SlotSet::decode(&read(&**storage, SLOTS)).unwrap();
    let mut collector = Collector::new(slots);
    let mut held = Vec::new();
    let quorum: Vec<_> = shares[1..].iter().map(|text| share(text)).collect();
    let secret = combine(&quorum.iter().map(|share| &share.share).collect::<Vec<_>>()).unwrap();
    mask("slot secret", secret.expose());
    held.push(Secret::copy_from_slice(secret.expose()).unwrap());
    for (n, share) in quorum.into_iter().enumerate() {
        mask(&format!("share {n}"), share.share.y().expose());
        held.push(Secret::copy_from_slice(share.share.y().expose()).unwrap());
        collector.offer(share).map_err(|error| error.to_string()).unwrap();
    }
    let opened = collector.open().map_err(|error| error.to_string()).unwrap();
    let id = store.id();
    mask("root key", opened.root.expose());
    let keyring_key: Secret<32> =
        kdf::hkdf(id.as_bytes(), opened.root.expose(), &[b"strongroom keyring key"]).unwrap();
    mask("keyring key", keyring_key.expose());
    store
        .barrier()
        .with_keyring(|keyring| {
            for info in keyring.terms() {
                if let Some(key) = keyring.key(info.term) {
                    mask(&format!("term {}", info.term.get()), key.expose());
                }
            }
            let names = keyring.active_names().unwrap();
            mask("names key", names.key().expose());
            let label: &[u8] = b"strongroom names segment";
            let segments: Secret<64> =
                kdf::expand(names.key(), &[label, id.as_bytes(), &names.number().to_be_bytes()]).unwrap();
            mask("segment key", segments.expose());
            for slot in store.slots().unwrap().slots() {
                let psk = keyring.psk(*slot.id().as_bytes()).unwrap();
                mask(&format!("psk of {}", slot.label()), psk.expose());
            }
            // version, store, two generations, digest, two limits, root id.
            let encoded = keyring.encode().unwrap();
            mask("purpose key", &encoded.expose()[1 + 16 + 8 + 8 + 32 + 8 + 8 + 16..][..32]);
            // The key of every session in the store: the schedules in the cipher library's memory begin with it.
            let mut sessions = BTreeSet::new();
            for place in keys(&**storage).into_iter().filter(|place| place[0] == 1) {
                let record = read(&**storage, &place);
                let term = term_of(&record).unwrap();
                if sessions.insert(record[6..22].to_vec()) {
                    let info: [&[u8]; 5] = [
                        b"strongroom record session",
                        &record[..2],
                        id.as_bytes(),
                        &term.get().to_be_bytes(),
                        &record[6..22],
                    ];
                    let key: Secret<32> = kdf::expand(keyring.key(term).unwrap(), &info).unwrap();
                    mask(&format!("session {} of term {}", sessions.len(), term.get()), key.expose());
                }
            }
        })
        .unwrap();
    (opened, held)
}

/// Byte by byte, so that no copy arises.
fn mask(name: &str, key: &[u8]) {
    let mut line = format!("canary {name}=");
    for byte in key {
        write!(line, "{:02x}", byte ^ MASK).unwrap();
    }
    println!("{line}");
}

fn wipe(texts: Shares) {
    for text in texts {
        drop(zeroize::Zeroizing::new(text));
    }
}

fn listen(word: &str) {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
    assert_eq!(line.trim(), word);
}

fn core() {
    // SAFETY: PR_GET_DUMPABLE takes no argument and touches no memory of ours.
    let dumpable = unsafe { libc::prctl(libc::PR_GET_DUMPABLE) };
    println!("dumpable {dumpable} core {}", core_limit().rlim_cur);
    listen("abort");
    std::process::abort();
}

fn core_limit() -> libc::rlimit {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is a valid place for the answer.
    assert_eq!(unsafe { libc::getrlimit(libc::RLIMIT_CORE, &raw mut limit) }, 0);
    limit
}

fn raise_core_limit() {
    let limit = core_limit();
    let limit = libc::rlimit { rlim_cur: limit.rlim_max, ..limit };
    // SAFETY: `limit` is a valid rlimit that outlives the call.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_CORE, &raw const limit) }, 0);
}

/// A child and what is said to and by it.
struct Conversation {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Conversation {
    fn begin(role: &str, directory: &std::path::Path) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "child", "--nocapture", "--test-threads=1"])
            .env(ROLE, role)
            .env(DIRECTORY, directory)
            .current_dir(directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    fn id(&self) -> u32 {
        self.child.id()
    }

    fn say(&mut self, word: &str) {
        writeln!(self.child.stdin.as_mut().unwrap(), "{word}").unwrap();
    }

    /// Reads on to a line with this word; gives the line from there on.
    fn expect(&mut self, word: &str) -> String {
        loop {
            let line = self.lines.next().expect("the child still speaks").unwrap();
            if let Some(at) = line.find(word) {
                return line[at..].to_owned();
            }
        }
    }

    fn canaries(&mut self) -> BTreeMap<String, Vec<u8>> {
        let mut canaries = BTreeMap::new();
        loop {
            let line = self.lines.next().expect("the child still speaks").unwrap();
            if line == "ready" {
                return canaries;
            }
            if let Some((_, canary)) = line.split_once("canary ") {
                let (name, masked) = canary.split_once('=').unwrap();
                let bytes = (0..masked.len() / 2)
                    .map(|at| u8::from_str_radix(&masked[2 * at..2 * at + 2], 16).unwrap() ^ MASK);
                canaries.insert(name.to_owned(), bytes.collect());
            }
        }
    }

    fn end(mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }
}

/// Every readable mapping of a process.
fn image(process: u32) -> Vec<Vec<u8>> {
    let memory = File::open(format!("/proc/{process}/mem")).expect("the right to read a child's memory");
    let maps = fs::read_to_string(format!("/proc/{process}/maps")).unwrap();
    let mut regions = Vec::new();
    for line in maps.lines().filter(|line| line.split(' ').nth(1).is_some_and(|flags| flags.starts_with('r')))
    {
        let (start, end) = line.split(' ').next().unwrap().split_once('-').unwrap();
        let (start, end) = (u64::from_str_radix(start, 16).unwrap(), u64::from_str_radix(end, 16).unwrap());
        let mut bytes = vec![0; usize::try_from(end - start).unwrap()];
        match memory.read_exact_at(&mut bytes, start) {
            Ok(()) => regions.push(bytes),
            // The kernel's own pages are not readable so.
            Err(_) if line.contains("[v") => {}
            Err(error) => panic!("{line}: {error}"),
        }
    }
    regions
}

/// Whose keys are there, be it only a half (16 bytes) of one.
fn search<'a>(image: &[Vec<u8>], canaries: &'a BTreeMap<String, Vec<u8>>) -> BTreeSet<&'a str> {
    let mut halves: BTreeMap<[u8; 16], &str> = BTreeMap::new();
    for (name, key) in canaries {
        for half in key.chunks_exact(16) {
            halves.insert(half.try_into().unwrap(), name);
        }
    }
    let mut begins = vec![false; 1 << 16];
    for half in halves.keys() {
        begins[usize::from(u16::from_be_bytes([half[0], half[1]]))] = true;
    }
    let mut found = BTreeSet::new();
    for region in image {
        for (at, pair) in region.windows(2).enumerate() {
            if begins[usize::from(u16::from_be_bytes([pair[0], pair[1]]))]
                && let Some(window) = region.get(at..at + 16)
                && let Some(name) = halves.get(window)
            {
                found.insert(*name);
            }
        }
    }
    found
}

const ROLE: &str = "STRONGROOM_TEST_ROLE";
const DIRECTORY: &str = "STRONGROOM_TEST_DIRECTORY";
const MASK: u8 = 0xa5;
