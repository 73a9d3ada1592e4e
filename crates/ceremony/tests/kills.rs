//! A process that is killed (SIGKILL) at every step of every kind: the ceremony goes on in another process, and between the two
//! some quorum opens whatever store there is.
//!
//! A step's first turn, its last one and, in a long step, one between are tried; with `CEREMONY_EVERY_TURN` in the environment,
//! all of them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, RwLock};

use common::{
    CHANGE, HOLDERS, Notes, OLD, People, Shares, copy, created_store, made, opens, plan_text, store_path,
};
use strongroom::{DiskStorage, SealedStore};
use strongroom_ceremony::plan::{Kind, Plan, Step};
use strongroom_ceremony::run::{Ended, Setting, run};

/// A kind of ceremony, and what it begins with.
struct Case {
    kind: Kind,
    /// Lies in the directory before it begins.
    base: tempfile::TempDir,
    shares: Shares,
    store: String,
}

impl Case {
    /// Begins with a store and its holders.
    fn with_store(kind: Kind) -> Self {
        let _no_fork = FORKING.read().unwrap();
        let base = common::directory();
        let people = made(base.path());
        Self { kind, base, shares: people.shares, store: people.store }
    }

    fn text(&self, directory: &Path) -> String {
        let change = "policy = \"2 of 2\"\nsuite = \"p-256\"\ncooling_off = \"0s\"\n".to_owned();
        let within = |word: &str, name: &str| format!("{word} = \"{}\"\n", directory.join(name).display());
        let (words, people) = match self.kind {
            Kind::Create => ("policy = \"2 of 3\"\nsuite = \"p-256\"\n".to_owned(), OLD.as_slice()),
            Kind::Rekey | Kind::SealChange => (change, CHANGE.as_slice()),
            Kind::Recovery => (within("backup", "backup"), HOLDERS.as_slice()),
            Kind::ShareCheck => (within("slot_file", "slots.txt"), HOLDERS.as_slice()),
            _ => (String::new(), HOLDERS.as_slice()),
        };
        plan_text(directory, "out", self.kind, &words, people)
    }

    fn begin(&self, directory: &Path) -> Plan {
        copy(self.base.path(), directory);
        let papers = directory.join("papers");
        fs::create_dir(&papers).unwrap();
        for (name, share) in &self.shares {
            fs::write(papers.join(name), share.as_str()).unwrap();
        }
        let text = self.text(directory);
        fs::write(directory.join("plan.toml"), &text).unwrap();
        fs::write(directory.join("number"), &self.store).unwrap();
        Plan::parse(&text).unwrap()
    }

    /// The turns of an undisturbed ceremony that are tried.
    fn turns(&self) -> BTreeSet<usize> {
        let directory = common::directory();
        let plan = self.begin(directory.path());
        let _no_fork = FORKING.read().unwrap();
        let mut people = people(directory.path());
        let ended = run(&plan, Setting::default(), &mut people, &mut Notes::default()).unwrap();
        assert_eq!(ended, Ended::Complete);
        let steps: BTreeSet<Step> = people.steps.iter().copied().flatten().collect();
        assert_eq!(steps.len(), self.kind.steps().len(), "every step was gone through");
        if common::thorough() {
            return (0..people.turns).collect();
        }
        let mut tried = BTreeSet::from([0]);
        for step in steps {
            let of_step: Vec<usize> =
                (0..).zip(&people.steps).filter(|(_, at)| **at == Some(step)).map(|(turn, _)| turn).collect();
            let last = of_step.len() - 1;
            // The steps of a seal change are those of a rekey.
            let places = match self.kind {
                Kind::SealChange => [last; 3],
                _ if of_step.len() > 4 => [0, last / 2, last],
                _ => [0, last, last],
            };
            tried.extend(places.into_iter().filter_map(|place| of_step.get(place)));
        }
        tried
    }

    /// Kills it at every turn that is tried, holds `between` against what is there, and goes on.
    fn killed(&self, between: impl Fn(&Path, &Shares, usize), after: impl Fn(&Path, &Shares)) {
        let turns = self.turns();
        for turn in &turns {
            let directory = common::directory();
            let plan = self.begin(directory.path());
            let ended = spawned(directory.path(), *turn).wait().unwrap();
            let _no_fork = FORKING.read().unwrap();
            assert_eq!(ended.signal(), Some(9), "turn {turn}: it was killed, and ended in no other way");
            between(directory.path(), &people(directory.path()).shares, *turn);
            let mut again = people(directory.path());
            let ended = run(&plan, Setting::default(), &mut again, &mut Notes::default());
            let ended = ended.unwrap_or_else(|error| panic!("turn {turn}: {error}\n{}", again.seen));
            assert_eq!(ended, Ended::Complete, "turn {turn}");
            after(directory.path(), &again.shares);
        }
        println!("evidence: id=ceremony/kill-{} figure={} kills verdict=pass", self.kind, turns.len());
        assert!(turns.len() >= self.kind.steps().len());
    }
}

fn spawned(directory: &Path, turn: usize) -> Child {
    let _alone = FORKING.write().unwrap();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "process_to_be_killed", "--ignored"])
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.envs([("CEREMONY", directory.as_os_str()), ("TURN", turn.to_string().as_ref())]).spawn().unwrap()
}

/// A process that is being started has, for a moment, the locks of every store that is open in this one. So there is none.
static FORKING: RwLock<()> = RwLock::new(());

/// People with what they have written down.
fn people(directory: &Path) -> People {
    let papers = directory.join("papers");
    let read = |path: &Path| fs::read_to_string(path).unwrap();
    let shares = fs::read_dir(&papers).unwrap().map(|entry| entry.unwrap().path());
    let shares = shares
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), read(&path).into()))
        .collect();
    People { shares, store: read(&directory.join("number")), papers: Some(papers), ..People::default() }
}

/// Holds a ceremony until it is killed. For the tests below alone.
#[test]
#[ignore = "a part of other tests"]
fn process_to_be_killed() {
    let directory = std::env::var_os("CEREMONY").expect("the place");
    let directory = Path::new(&directory);
    let plan = Plan::parse(&fs::read_to_string(directory.join("plan.toml")).unwrap()).unwrap();
    let turn = std::env::var("TURN").unwrap().parse().unwrap();
    let mut people = People { leave_at: Some(turn), kill: true, ..people(directory) };
    run(&plan, Setting::default(), &mut people, &mut Notes::default()).unwrap();
}

#[test]
fn killed_creation_leaves_a_store_that_its_quorum_opens_or_none() {
    let (shares, store) = (Shares::new(), String::new());
    let case = Case { kind: Kind::Create, base: common::directory(), shares, store };
    case.killed(
        |directory, shares, turn| {
            assert_eq!(created_store(directory), opens(directory, shares, "Old"), "turn {turn}");
        },
        |directory, shares| assert!(opens(directory, shares, "Old")),
    );
}

fn replaced(kind: Kind) {
    Case::with_store(kind).killed(
        |directory, shares, turn| {
            let (old, new) = (opens(directory, shares, "Old"), opens(directory, shares, "New"));
            assert!(old != new, "turn {turn}: old shares open it: {old}, new ones: {new}");
        },
        |directory, shares| {
            assert!(!opens(directory, shares, "Old"));
            assert!(opens(directory, shares, "New"));
        },
    );
}

#[test]
fn killed_rekey_leaves_exactly_one_set_in_force() {
    replaced(Kind::Rekey);
}

#[test]
fn killed_seal_change_leaves_exactly_one_set_in_force() {
    replaced(Kind::SealChange);
}

#[test]
fn killed_drill_changes_nothing() {
    Case::with_store(Kind::Unseal).killed(
        |directory, shares, _| assert!(opens(directory, shares, "Old")),
        |directory, shares| assert!(opens(directory, shares, "Old")),
    );
}

#[test]
fn killed_share_check_is_repeated() {
    let case = Case::with_store(Kind::ShareCheck);
    let path = store_path(case.base.path());
    let no_fork = FORKING.read().unwrap();
    let sealed = pollster::block_on(SealedStore::open(Arc::new(DiskStorage::open(&path).unwrap()))).unwrap();
    let slots = strongroom_ceremony::slot_file::encode(sealed.slots());
    drop((sealed, no_fork));
    fs::write(case.base.path().join("slots.txt"), slots).unwrap();
    case.killed(
        |directory, shares, _| assert!(opens(directory, shares, "Old")),
        |directory, shares| assert!(opens(directory, shares, "Old")),
    );
}

#[test]
fn killed_recovery_leaves_the_whole_store_or_none() {
    let case = Case::with_store(Kind::Recovery);
    let no_fork = FORKING.read().unwrap();
    let store = common::open(case.base.path(), &case.shares, "Old").unwrap();
    let mut backup = fs::File::create(case.base.path().join("backup")).unwrap();
    pollster::block_on(store.backup(&mut backup, |_, _| std::ops::ControlFlow::Continue(()))).unwrap();
    pollster::block_on(store.seal());
    drop((store, no_fork));
    fs::remove_dir_all(store_path(case.base.path())).unwrap();
    case.killed(
        |directory, shares, turn| {
            assert_eq!(store_path(directory).exists(), opens(directory, shares, "Old"), "turn {turn}");
        },
        |directory, shares| assert!(opens(directory, shares, "Old")),
    );
}

#[test]
fn killed_destruction_leaves_the_whole_store_or_nothing() {
    Case::with_store(Kind::Destruction).killed(
        |directory, shares, turn| {
            assert_eq!(store_path(directory).exists(), opens(directory, shares, "Old"), "turn {turn}");
        },
        |directory, _| {
            assert!(!store_path(directory).exists() && !directory.join("store.destroyed").exists());
        },
    );
}
