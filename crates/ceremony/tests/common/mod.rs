//! People, plans and places for the tests of whole ceremonies.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use strongroom::causes::StorageOpenError;
use strongroom::{
    DiskStorage, Locking, OpenError, Options, Plaintext, SealedStore, Secret, Store, protection,
};
use strongroom_ceremony::audit::{P256Key, Signer};
use strongroom_ceremony::plan::{Kind, Person, Plan, Step};
use strongroom_ceremony::run::conversation::{Conversation, Gone, Stage};
use strongroom_ceremony::run::record::{CosignError, Event, Record, RecordError, Trail};
use strongroom_ceremony::run::{CeremonyError, Ended, Seal, Setting, TRANSCRIPT, run};
use strongroom_ceremony::transcript::Transcript;
use zeroize::Zeroizing;

/// A directory in memory where the machine has that: a store's log is 32 MiB, and these tests make many stores.
pub(crate) fn directory() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// Whether tests are to try everything that they can, however long it takes.
pub(crate) fn thorough() -> bool {
    std::env::var_os("CEREMONY_EVERY_TURN").is_some()
}

pub(crate) type Shares = BTreeMap<String, Zeroizing<String>>;

/// People who do what is asked of them: the shares that they were shown are kept by their names, and typed again.
#[derive(Default)]
pub(crate) struct People {
    pub(crate) shares: Shares,
    pub(crate) initials: BTreeMap<String, String>,
    /// What is answered where a question says so.
    pub(crate) says: Vec<(&'static str, &'static str)>,
    pub(crate) store: String,
    /// Where pages appear before they are printed.
    pub(crate) printer: Option<PathBuf>,
    /// Everything that everybody saw.
    pub(crate) seen: String,
    /// How many times they were spoken to.
    pub(crate) turns: usize,
    /// After how many they are gone.
    pub(crate) leave_at: Option<usize>,
    /// Whether the process ends there, too.
    pub(crate) kill: bool,
    /// Where they write their shares down, a file each, so that these outlive the process.
    pub(crate) papers: Option<PathBuf>,
    /// Who says not to be there.
    pub(crate) absent: String,
    /// The step that they are at.
    pub(crate) at: Option<Step>,
    /// The step of each turn.
    pub(crate) steps: Vec<Option<Step>>,
}

impl People {
    fn turn(&mut self, text: &str) -> Result<(), Gone> {
        writeln!(self.seen, "{text}").unwrap();
        self.turns += 1;
        self.steps.push(self.at);
        if self.leave_at.is_some_and(|last| self.turns > last) {
            if self.kill {
                // Nothing in the process can do anything about it, and nothing in it is unwound.
                let own = std::process::id().to_string();
                std::process::Command::new("kill").args(["-KILL", &own]).status().unwrap();
                loop {
                    std::thread::park();
                }
            }
            return Err(Gone("the test ends it".to_owned()));
        }
        Ok(())
    }
}

impl Conversation for People {
    fn stage(&mut self, stage: &Stage<'_>) -> Result<(), Gone> {
        self.at = Some(stage.step);
        self.turn(&format!("== {} ==", stage.step))
    }

    fn tell(&mut self, text: &str) -> Result<(), Gone> {
        self.turn(text)
    }

    fn ask(&mut self, who: &Person, question: &str) -> Result<String, Gone> {
        self.turn(&format!("{}: {question}", who.name))?;
        if let Some(directory) = self.printer.as_ref().filter(|_| question.contains("page printed")) {
            let pages = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
            let page = pages
                .into_iter()
                .find(|path| path.extension().is_some_and(|ending| ending == "txt"))
                .unwrap();
            let page = std::fs::read_to_string(page).unwrap();
            let from = page.lines().skip_while(|line| !line.contains("sr1"));
            // Each row begins with the number of its first block.
            let rows = from.take(3).map(|row| row.trim().split_once(' ').unwrap().1);
            self.shares.insert(who.name.clone(), Zeroizing::new(rows.collect::<Vec<_>>().join(" ")));
        }
        if let Some((_, answer)) = self.says.iter().find(|(part, _)| question.contains(part)) {
            return Ok((*answer).to_owned());
        }
        Ok(if question.contains("are you here") && self.absent == who.name {
            "no".to_owned()
        } else if question.contains("initials") {
            self.initials.get(&who.name).unwrap_or(&who.initials).clone()
        } else if question.contains("be asked again?") {
            "no".to_owned()
        } else if question.contains("number of the store") {
            self.store.clone()
        } else {
            "yes".to_owned()
        })
    }

    fn secret(&mut self, who: &Person, question: &str) -> Result<Zeroizing<String>, Gone> {
        self.turn(&format!("{}: {question}", who.name))?;
        Ok(self.shares.get(&who.name).cloned().unwrap_or_default())
    }

    fn private(&mut self, who: &Person, _: &str, question: &str) -> Result<String, Gone> {
        self.turn(&format!("{}: {question}", who.name))?;
        Ok("yes".to_owned())
    }

    fn show_share(&mut self, who: &Person, heading: &str, share: &str) -> Result<(), Gone> {
        self.turn(&format!("{}: {heading}", who.name))?;
        if let Some(papers) = &self.papers {
            std::fs::write(papers.join(&who.name), share).unwrap();
        }
        self.shares.insert(who.name.clone(), Zeroizing::new(share.to_owned()));
        Ok(())
    }

    fn progress(&mut self, have: usize, need: usize) -> Result<(), Gone> {
        self.turn(&format!("{have}/{need}"))
    }
}

/// A transcript for tests.
#[derive(Default)]
pub(crate) struct Notes {
    pub(crate) lines: Vec<String>,
    /// After how many events there is no room for more.
    pub(crate) full_at: Option<usize>,
}

impl Record for Notes {
    fn record(&mut self, event: &Event<'_>) -> Result<(), RecordError> {
        if self.full_at.is_some_and(|last| self.lines.len() >= last) {
            return Err(RecordError("the test fills the disk".to_owned()));
        }
        self.lines.push(format!("{event:?}"));
        Ok(())
    }

    fn trail(&self) -> Trail {
        Trail::default()
    }

    fn cosign(&mut self, who: &Person, _: &dyn Signer) -> Result<(), CosignError> {
        self.lines.push(format!("cosigned by {}", who.name));
        Ok(())
    }
}

/// A plan of this kind, with the words and people that are given.
pub(crate) fn plan(
    directory: &Path,
    output: &str,
    kind: Kind,
    words: &str,
    people: &[(&str, &str, &str)],
) -> Plan {
    Plan::parse(&plan_text(directory, output, kind, words, people)).unwrap()
}

pub(crate) fn plan_text(
    directory: &Path,
    output: &str,
    kind: Kind,
    words: &str,
    people: &[(&str, &str, &str)],
) -> String {
    let steps: Vec<_> = kind.steps().iter().map(|step: &Step| format!("\"{step}\"")).collect();
    let mut text = format!(
        "version = 1\nkind = \"{kind}\"\ntitle = \"Ceremony {output}\"\noutput = \"{}\"\nsteps = [{}]\n\
         allow = [\"swap\", \"core-dumps\", \"debugger\"]\n",
        directory.join(output).display(),
        steps.join(", ")
    );
    if kind != Kind::ShareCheck {
        writeln!(text, "store = \"{}\"", directory.join("store").display()).unwrap();
    }
    if kind.needs_approval() {
        text.push_str("requested_by = \"Lead\"\n");
    }
    text.push_str(words);
    text.push_str(
        "\n[[people]]\nname = \"Lead\"\ninitials = \"L\"\nroles = [\"administrator\", \"approver\"]\n",
    );
    text.push_str("[[people]]\nname = \"Witness\"\ninitials = \"W\"\nroles = [\"witness\"]\n");
    if kind.needs_approval() {
        text.push_str("[[people]]\nname = \"Other\"\ninitials = \"O\"\nroles = [\"approver\"]\n");
    }
    for (place, (name, role, more)) in people.iter().enumerate() {
        writeln!(
            text,
            "[[people]]\nname = \"{name}\"\ninitials = \"i{place}\"\nroles = [\"{role}\"]\n{more}"
        )
        .unwrap();
    }
    text
}

pub(crate) const OLD: [(&str, &str, &str); 3] = [
    ("Old 1", "custodian", "custody = \"screen\""),
    ("Old 2", "custodian", "custody = \"screen\""),
    ("Old 3", "custodian", "custody = \"screen\""),
];

/// The present holders and two new custodians.
pub(crate) const CHANGE: [(&str, &str, &str); 5] = [
    ("Old 1", "holder", ""),
    ("Old 2", "holder", ""),
    ("Old 3", "holder", ""),
    ("New 1", "custodian", "custody = \"screen\""),
    ("New 2", "custodian", "custody = \"screen\""),
];

pub(crate) const HOLDERS: [(&str, &str, &str); 3] =
    [("Old 1", "holder", ""), ("Old 2", "holder", ""), ("Old 3", "holder", "")];

pub(crate) fn creation(directory: &Path) -> Plan {
    plan(directory, "create", Kind::Create, "policy = \"2 of 3\"\nsuite = \"p-256\"\n", &OLD)
}

pub(crate) fn replacement(directory: &Path, kind: Kind, cooling_off: &str) -> Plan {
    let words = format!("policy = \"2 of 2\"\nsuite = \"p-256\"\ncooling_off = \"{cooling_off}\"\n");
    plan(directory, kind.word(), kind, &words, &CHANGE)
}

pub(crate) fn hold(plan: &Plan, people: &mut People) -> Result<Ended, CeremonyError> {
    run(plan, Setting::default(), people, &mut Notes::default())
}

/// With a transcript in its place, as the command line does it. The same number is the same key.
pub(crate) fn held(plan: &Plan, people: &mut People, key: u8) -> Result<Ended, CeremonyError> {
    std::fs::create_dir_all(&plan.output).unwrap();
    let path = plan.output.join(TRANSCRIPT);
    let (mut transcript, _) = Transcript::open(&path, now, Some(numbered(key))).unwrap();
    run(plan, Setting::default(), people, &mut transcript)
}

pub(crate) fn numbered(key: u8) -> Seal {
    protection::prepare(Locking::AllowUnlocked).unwrap();
    let key = P256Key::from_secret(Secret::from_array(&mut [key; 32]).unwrap()).unwrap();
    Seal::with(Box::new(key)).unwrap()
}

pub(crate) fn store_path(directory: &Path) -> PathBuf {
    directory.join("store")
}

/// Makes a store with a value in it; the old holders' shares come back.
pub(crate) fn made(directory: &Path) -> People {
    let mut people = People::default();
    assert_eq!(hold(&creation(directory), &mut people).unwrap(), Ended::Complete);
    let store = open(directory, &people.shares, "Old").expect("the new shares open the new store");
    people.store = store.id().to_string();
    let value = Plaintext::new(b"hunter2".to_vec());
    pollster::block_on(store.barrier().put("db/password".parse().unwrap(), value)).unwrap();
    pollster::block_on(store.seal());
    people
}

/// The storage, if there is any.
fn storage(directory: &Path) -> Option<DiskStorage> {
    match DiskStorage::open(&store_path(directory)) {
        Err(StorageOpenError::NotFound { .. }) => None,
        storage => Some(storage.unwrap()),
    }
}

/// Opens the store with the shares of those whose names begin so.
pub(crate) fn open(directory: &Path, shares: &Shares, whose: &str) -> Option<Store> {
    open_at(now, directory, shares, whose)
}

/// The same, by this clock.
pub(crate) fn open_at(clock: fn() -> u64, directory: &Path, shares: &Shares, whose: &str) -> Option<Store> {
    let storage = Arc::new(storage(directory)?);
    let sealed = match pollster::block_on(SealedStore::open(storage)) {
        Err(OpenError::NoStore) => return None,
        sealed => sealed.unwrap(),
    };
    let mut unsealing = sealed.unsealing_with(Options { clock, ..Options::default() });
    for (name, share) in shares {
        if name.starts_with(whose) {
            let _ = unsealing.offer_text(share);
        }
    }
    unsealing.ready()?;
    Some(pollster::block_on(unsealing.unseal()).unwrap())
}

pub(crate) fn opens(directory: &Path, shares: &Shares, whose: &str) -> bool {
    open(directory, shares, whose).is_some_and(|store| {
        pollster::block_on(store.seal());
        true
    })
}

pub(crate) fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

/// Copies a directory and what is in it.
pub(crate) fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Whether there is a store, and not only storage that was made for one.
pub(crate) fn created_store(directory: &Path) -> bool {
    let sealed = storage(directory).map(|storage| pollster::block_on(SealedStore::open(Arc::new(storage))));
    match sealed {
        None | Some(Err(OpenError::NoStore)) => false,
        Some(sealed) => {
            sealed.unwrap();
            true
        }
    }
}
