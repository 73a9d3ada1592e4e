use std::path::Path;
use std::sync::Arc;

use strongroom::{DiskStorage, InitOptions, Preparation, Store, Suite};

use super::*;

fn plan(policy: &str, custodians: usize) -> Plan {
    let mut text = format!(
        "version = 1\nkind = \"create\"\ntitle = \"T\"\nstore = \"/nonexistent/store\"\noutput = \"o\"\npolicy = \"{policy}\"\n\
         steps = [\"open\", \"environment\", \"deal\", \"hand-out\", \"commit\", \"export\", \"close\"]\n"
    );
    for (name, initials, role) in
        [("Ada", "A1", "administrator"), ("Grace", "G1", "witness"), ("Ida", "I1", "auditor")]
    {
        write!(text, "[[people]]\nname = \"{name}\"\ninitials = \"{initials}\"\nroles = [\"{role}\"]\n")
            .unwrap();
    }
    for number in 0..custodians {
        write!(text, "[[people]]\nname = \"C{number}\"\ninitials = \"C{number}x\"\nroles = [\"custodian\"]\ncustody = \"screen\"\n").unwrap();
    }
    Plan::parse(&text).unwrap()
}

fn unwise(plan: &Plan, words: &str) -> bool {
    findings(plan).iter().any(|finding| matches!(finding, Finding::Unwise(text) if text.contains(words)))
}

#[test]
fn one_of_n_and_n_of_n_are_told_of_and_a_quorum_is_not() {
    assert!(unwise(&plan("1 of 3", 3), "any one holder opens the store alone"));
    assert!(unwise(&plan("3 of 3", 3), "one share that is lost"));
    let good = plan("2 of 3", 3);
    assert!(!unwise(&good, "any one holder") && !unwise(&good, "one share that is lost"));
}

#[cfg(not(feature = "hsm"))]
#[test]
fn program_without_hsms_says_that_it_is_the_wrong_one_for_a_plan_with_one() {
    let wrong = |plan: &Plan| findings(plan).iter().any(|finding| finding.text().contains("built without"));
    let mut plan = plan("2 of 3", 3);
    assert!(!wrong(&plan));
    plan.hsm.insert("A".to_owned(), toml::Table::new().into());
    assert!(wrong(&plan));
}

#[test]
fn plan_is_explained_with_who_must_come_and_what_happens() {
    let text = explained(&plan("2 of 3", 3));
    for words in
        ["any 2 of 3 custodians together", "Ada (A1): administrator", "4. hand-out:", "What is unwise:"]
    {
        assert!(text.contains(words), "{words} in {text}");
    }
    assert!(!text.contains("What is missing:"), "{text}");
}

#[test]
fn key_that_nothing_can_be_encrypted_to_is_missing() {
    let mut plan = plan("2 of 3", 3);
    plan.people.last_mut().unwrap().custody = Some(Custody::Age { recipient: "age1nonsense".to_owned() });
    assert!(findings(&plan).iter().any(|finding| matches!(finding, Finding::Missing(_))));
}

fn missing(plan: &Plan) -> Vec<String> {
    findings(plan)
        .iter()
        .filter(|finding| matches!(finding, Finding::Missing(_)))
        .map(|f| f.text().to_owned())
        .collect()
}

/// A store in the directory, of one slot that two holders open.
fn store(directory: &Path) -> Store {
    let storage = Arc::new(DiskStorage::create(directory).unwrap());
    let mut options = InitOptions::new("board", "2 of 2".parse().unwrap());
    options.suite = Suite::P256;
    pollster::block_on(pollster::block_on(Preparation::new(storage, options)).unwrap().commit()).unwrap()
}

#[test]
fn storage_without_a_store_is_no_obstacle_to_create_and_a_store_is() {
    let directory = tempfile::tempdir().unwrap();
    let mut plan = plan("2 of 3", 3);
    let place = directory.path().join("store");
    plan.store = Some(place.clone());
    assert_eq!(missing(&plan), [""; 0]);
    // As an interrupted ceremony leaves it.
    drop(DiskStorage::create(&place).unwrap());
    assert_eq!(missing(&plan), [""; 0]);
    assert!(!unwise(&plan, "holds other files"));
    std::fs::remove_dir_all(&place).unwrap();
    drop(store(&place));
    assert!(missing(&plan)[0].contains("there is a store in"), "{:?}", missing(&plan));
    std::fs::remove_dir_all(&place).unwrap();
    std::fs::create_dir(&place).unwrap();
    std::fs::write(place.join("x"), "").unwrap();
    assert_eq!(missing(&plan), [""; 0]);
    assert!(unwise(&plan, "holds other files"));
    std::fs::remove_dir_all(&place).unwrap();
    std::fs::write(&place, "").unwrap();
    assert!(missing(&plan)[0].contains("is no directory"));
}

fn existing(kind: &str, place: &Path, label: &str) -> Plan {
    let words = match kind {
        "unseal" => "steps = [\"open\", \"environment\", \"unseal\", \"close\"]",
        _ => {
            "requested_by = \"Ida\"\nsteps = [\"open\", \"environment\", \"approve\", \"unseal\", \"rotate\", \"export\", \"close\"]"
        }
    };
    let mut text = format!(
        "version = 1\nkind = \"{kind}\"\ntitle = \"T\"\nstore = \"{}\"\noutput = \"o\"\nlabel = \"{label}\"\n{words}\n",
        place.display()
    );
    for (name, role) in
        [("Ada", "administrator"), ("Grace", "witness"), ("Ida", "auditor"), ("Alan", "approver")]
    {
        write!(text, "[[people]]\nname = \"{name}\"\ninitials = \"{name}x\"\nroles = [\"{role}\"]\n")
            .unwrap();
    }
    Plan::parse(&text).unwrap()
}

#[test]
fn slots_of_a_store_on_this_machine_are_held_against_label() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().join("store");
    assert!(missing(&existing("unseal", &place, "board"))[0].contains("there is no store in"));
    let open = store(&place);
    // Whoever has it open may change it: nothing is said.
    assert_eq!(missing(&existing("hsm-key", &place, "bord")), [""; 0]);
    drop(open);
    assert!(
        missing(&existing("hsm-key", &place, "bord"))[0].contains("no active slot \"bord\", but \"board\"")
    );
    assert_eq!(missing(&existing("hsm-key", &place, "board")), [""; 0]);
    // A drill opens whichever slot it can.
    let drill = existing("unseal", &place, "bord");
    assert_eq!(missing(&drill), [""; 0]);
    assert!(unwise(&drill, "no active slot \"bord\""));
    assert!(!unwise(&existing("unseal", &place, "board"), "no active slot"));
}

#[test]
fn slot_file_is_read_before_the_holders_come() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("slots.txt");
    let store = store(&directory.path().join("store"));
    let plan = |label: &str| {
        let mut plan = existing("unseal", &directory.path().join("store"), label);
        (plan.kind, plan.store, plan.slot_file) = (crate::plan::Kind::ShareCheck, None, Some(path.clone()));
        plan
    };
    assert!(missing(&plan("board"))[0].contains("is not on this machine"));
    std::fs::write(&path, "strongroom slots 1\n").unwrap();
    assert!(missing(&plan("board"))[0].contains("damaged"));
    std::fs::write(&path, crate::slot_file::encode(&store.slots().unwrap())).unwrap();
    assert_eq!(missing(&plan("board")), [""; 0]);
    assert!(unwise(&plan("bord"), "no active slot \"bord\"") && !unwise(&plan("board"), "no active slot"));
}
