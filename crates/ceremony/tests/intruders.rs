//! Somebody who can write where a ceremony works, and the shipped commands beside it: nothing is skipped, destroyed or taken for
//! done by that.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use common::{HOLDERS, People, held, hold, made, numbered, opens, plan, replacement, store_path};
use strongroom_ceremony::plan::{Kind, Plan};
use strongroom_ceremony::run::{CeremonyError, Ended, JournalError, TRANSCRIPT};
use strongroom_ceremony::transcript::{PURPOSE, Transcript, verify};

/// A rekey that stopped at the beginning of this step, after two new shares were handed out.
fn stopped_at(directory: &Path, step: &str) -> (People, Plan) {
    let mut people = made(directory);
    let rekey = replacement(directory, Kind::Rekey, "0s");
    let mut rehearsed = 0;
    loop {
        // The turn at which the step begins, found by going there.
        let copy = common::directory();
        common::copy(&store_path(directory), &store_path(copy.path()));
        let mut trying =
            People { shares: people.shares.clone(), leave_at: Some(rehearsed), ..People::default() };
        let _ = hold(&replacement(copy.path(), Kind::Rekey, "0s"), &mut trying);
        if trying.seen.contains(&format!("== {step} ==")) {
            break;
        }
        rehearsed += 1;
    }
    people.turns = 0;
    people.leave_at = Some(rehearsed);
    assert!(matches!(held(&rekey, &mut people, 1), Err(CeremonyError::Gone(_))));
    people.leave_at = None;
    (people, rekey)
}

fn journal(plan: &Plan) -> std::path::PathBuf {
    plan.output.join("journal.json")
}

fn is_not_vouched(ended: &Result<Ended, CeremonyError>) -> bool {
    matches!(ended, Err(CeremonyError::Journal(JournalError::NotVouched)))
}

#[test]
fn journal_that_somebody_changed_or_removed_is_not_gone_on_with() {
    let directory = common::directory();
    let (mut people, rekey) = stopped_at(directory.path(), "approve");
    let good = fs::read_to_string(journal(&rekey)).unwrap();
    assert!(good.contains("\"environment\""));
    for changed in [
        good.replace("\"environment\"", "\"environment\", \"approve\""),
        good.replace("\"facts\": {}", "\"facts\": { \"slot\": \"00112233445566778899aabbccddeeff\" }"),
        good.replace('\n', " "),
    ] {
        assert_ne!(changed, good);
        fs::write(journal(&rekey), &changed).unwrap();
        assert!(is_not_vouched(&held(&rekey, &mut people, 1)), "{changed}");
    }
    fs::remove_file(journal(&rekey)).unwrap();
    assert!(is_not_vouched(&held(&rekey, &mut people, 1)));
    // The control: as it was, it goes on to its end.
    fs::write(journal(&rekey), &good).unwrap();
    assert_eq!(held(&rekey, &mut people, 1).unwrap(), Ended::Complete);
    println!(
        "evidence: id=ceremony/journal figure=3 changed journals and a removed one refused verdict=pass"
    );
}

#[test]
fn transcript_that_somebody_wrote_anew_is_not_gone_on_with() {
    let directory = common::directory();
    let (mut people, rekey) = stopped_at(directory.path(), "deal");
    let path = rekey.output.join(TRANSCRIPT);
    let good = fs::read(&path).unwrap();
    fs::remove_file(&path).unwrap();
    assert!(is_not_vouched(&held(&rekey, &mut people, 1)), "removed");
    // Another ceremony of the same plan, held by whoever has another key.
    let elsewhere = common::directory();
    let forged = { stopped_at(elsewhere.path(), "deal").1.output.join(TRANSCRIPT) };
    fs::copy(&forged, &path).unwrap();
    let (transcript, _) = Transcript::open(&path, common::now, Some(numbered(1))).unwrap();
    drop(transcript);
    assert!(held(&rekey, &mut people, 1).is_err(), "another transcript");
    assert!(Transcript::open(&path, common::now, Some(numbered(2))).is_err(), "signed by another key");
    // Its signatures taken out, and chained anew: nothing in it counts.
    let unsigned = chained_anew(&good);
    fs::write(&path, unsigned).unwrap();
    assert!(is_not_vouched(&held(&rekey, &mut people, 1)), "without signatures");
    fs::write(&path, good).unwrap();
    assert_eq!(held(&rekey, &mut people, 1).unwrap(), Ended::Complete);
}

/// The same lines without signatures, as a chain of its own.
fn chained_anew(bytes: &[u8]) -> Vec<u8> {
    use strongroom_audit::{Chain, Time, file};
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("anew");
    let chain = Chain::read(bytes).unwrap();
    let mut writer = file::create(&path, Time::from_seconds(0), chain.purpose()).unwrap();
    for record in chain.entries() {
        writer.append(record.at(), record.entry().clone()).unwrap();
    }
    drop(writer);
    fs::read(path).unwrap()
}

#[test]
fn transcript_tells_how_many_lines_were_not_signed_when_it_went_on() {
    let directory = common::directory();
    let (mut people, rekey) = stopped_at(directory.path(), "deal");
    assert_eq!(held(&rekey, &mut people, 1).unwrap(), Ended::Complete);
    let path = rekey.output.join(TRANSCRIPT);
    let (mut transcript, _) = Transcript::open(&path, common::now, Some(numbered(1))).unwrap();
    transcript.close().unwrap();
    let account = verify(&fs::read(path).unwrap(), numbered(1).fingerprint()).unwrap();
    let resumed = account.chain().entries().find(|record| record.entry().event() == "resumed").unwrap();
    assert!(resumed.entry().number("unsigned").unwrap() <= 1, "{:?}", resumed.entry());
    let signed = account.chain().signed().len();
    assert!(signed > Kind::Rekey.steps().len(), "{signed}");
}

#[test]
fn aborted_rekey_says_whether_its_shares_wait_and_ends_them_where_the_holders_come() {
    for (answer, waits) in [("yes", false), ("no", true)] {
        let directory = common::directory();
        let (mut people, rekey) = stopped_at(directory.path(), "prove");
        people.says = vec![("initials", "abort"), ("why?", "an objection"), ("open the store now", answer)];
        people.seen.clear();
        assert_eq!(held(&rekey, &mut people, 1).unwrap(), Ended::Aborted);
        let store = common::open(directory.path(), &people.shares, "Old").unwrap();
        assert_eq!(store.slots().unwrap().slots().len() == 2, waits);
        pollster::block_on(store.seal());
        drop(store);
        assert_eq!(people.seen.contains("waits in the store for up to seven days"), waits, "{}", people.seen);
        assert_eq!(people.seen.contains("are void"), !waits, "{}", people.seen);
        let told = fs::read_to_string(rekey.output.join(TRANSCRIPT)).unwrap();
        assert_eq!((told.contains("\"waiting\""), told.contains("\"voided\"")), (waits, !waits));
        // The reason is in the transcript, and nowhere else.
        assert!(
            told.contains("an objection")
                && !fs::read_to_string(journal(&rekey)).unwrap().contains("objection")
        );
        // It does not go on, with its journal or with the one before.
        people.says.clear();
        assert_eq!(held(&rekey, &mut people, 1).unwrap(), Ended::Aborted);
        assert!(opens(directory.path(), &people.shares, "Old"));
        assert!(!opens(directory.path(), &people.shares, "New"));
    }
}

#[test]
fn shares_that_took_effect_elsewhere_end_the_ceremony_unsealed_as_complete() {
    let directory = common::directory();
    let (mut people, rekey) = stopped_at(directory.path(), "prove");
    let store = common::open(directory.path(), &people.shares, "Old").unwrap();
    let slots = store.slots().unwrap();
    let [old, new] = [0, 1].map(|place| slots.slots()[place].id());
    let mut possession = store.possession(new).unwrap();
    for (name, share) in &people.shares {
        if name.starts_with("New") {
            let strongroom::Decoded::Exact(share) = strongroom::share_text::decode(share).unwrap() else {
                panic!("a share as it was shown");
            };
            possession.offer(share).unwrap();
        }
    }
    pollster::block_on(store.replace_slot(old, possession.finish().unwrap())).unwrap();
    pollster::block_on(store.seal());
    drop(store);
    people.seen.clear();
    assert_eq!(held(&rekey, &mut people, 1).unwrap(), Ended::Aborted);
    let told = fs::read_to_string(rekey.output.join(TRANSCRIPT)).unwrap();
    assert!(told.contains("outside this ceremony") && !told.contains("\"closed\""), "{told}");
    // They are the shares in force, and nobody is told to destroy them.
    assert!(people.seen.contains("They open the store now: keep them"), "{}", people.seen);
    assert!(!people.seen.contains("destroys it") && !told.contains("voided"), "{}", people.seen);
    assert!(opens(directory.path(), &people.shares, "New"));
}

#[test]
fn slot_that_was_removed_elsewhere_is_an_objection() {
    let directory = common::directory();
    let (mut people, rekey) = stopped_at(directory.path(), "prove");
    let store = common::open(directory.path(), &people.shares, "Old").unwrap();
    let waiting = store.slots().unwrap().slots()[1].id();
    pollster::block_on(store.remove_slot(waiting)).unwrap();
    pollster::block_on(store.seal());
    drop(store);
    assert_eq!(held(&rekey, &mut people, 1).unwrap(), Ended::Aborted);
    assert!(opens(directory.path(), &people.shares, "Old"));
    assert!(
        fs::read_to_string(rekey.output.join(TRANSCRIPT)).unwrap().contains("removed outside this ceremony")
    );
}

#[test]
fn lines_that_nobody_signed_when_it_was_interrupted_are_no_evidence() {
    let directory = common::directory();
    let (mut people, rekey) = stopped_at(directory.path(), "approve");
    let path = rekey.output.join(TRANSCRIPT);
    // Somebody's own lines, rightly chained: an approval, the end, an abort.
    let (mut forged, _) = strongroom_audit::file::resume(&path, at(0), PURPOSE).unwrap();
    let line = |event| strongroom_audit::Entry::new(event).with("by", text("Mallory"));
    for entry in [line("approved"), line("aborted").with("why", text("x")), line("share-accepted")] {
        forged.append(at(0), entry).unwrap();
    }
    drop(forged);
    assert_eq!(held(&rekey, &mut people, 1).unwrap(), Ended::Complete);
    let (mut transcript, _) = Transcript::open(&path, common::now, Some(numbered(1))).unwrap();
    transcript.close().unwrap();
    let account = verify(&fs::read(path).unwrap(), numbered(1).fingerprint()).unwrap();
    let by_mallory = |record: &&strongroom_audit::Record| record.entry().text("by") == Some("Mallory");
    assert_eq!(account.chain().entries().filter(by_mallory).count(), 3, "the control: they are there");
    assert_eq!(account.evidence().filter(by_mallory).count(), 0);
    assert_eq!(account.evidence().filter(|record| record.entry().event() == "approved").count(), 2);
    let html = strongroom_ceremony::report::html(&account);
    assert_eq!(
        html.matches("NO EVIDENCE").count(),
        account.chain().entries().filter(|record| account.is_doubtful(record.number())).count()
    );
}

fn at(seconds: u64) -> strongroom_audit::Time {
    strongroom_audit::Time::from_seconds(seconds)
}

fn text(text: &str) -> strongroom_audit::Public {
    strongroom_audit::Public::new(text).unwrap()
}

#[test]
fn store_and_output_within_each_other_are_refused_before_anything_is_removed() {
    let directory = common::directory();
    let people = made(directory.path());
    let store = store_path(directory.path());
    symlink(&store, directory.path().join("link")).unwrap();
    for output in ["store", "store/out", ".", "link/out", "store/../store/out"] {
        let plan = plan(directory.path(), output, Kind::Unseal, "", &HOLDERS);
        let refused = hold(&plan, &mut People { shares: people.shares.clone(), ..People::default() });
        assert!(matches!(refused, Err(CeremonyError::Misfit(_))), "{output}: {refused:?}");
        assert!(opens(directory.path(), &people.shares, "Old"), "{output}");
    }
}

#[test]
fn output_that_others_can_write_is_refused() {
    let directory = common::directory();
    let mut people = made(directory.path());
    let plan = plan(directory.path(), "out", Kind::Unseal, "", &HOLDERS);
    fs::create_dir(&plan.output).unwrap();
    for mode in [0o777, 0o770, 0o702] {
        fs::set_permissions(&plan.output, fs::Permissions::from_mode(mode)).unwrap();
        assert!(matches!(hold(&plan, &mut people), Err(CeremonyError::Writable(_))), "{mode:o}");
    }
    fs::set_permissions(&plan.output, fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(hold(&plan, &mut people).unwrap(), Ended::Complete);
}

#[test]
fn destruction_destroys_the_store_and_nothing_that_lay_beside_it() {
    let directory = common::directory();
    let mut people = made(directory.path());
    let beside = directory.path().join("store.destroyed");
    fs::create_dir(&beside).unwrap();
    let destruction = plan(directory.path(), "end", Kind::Destruction, "", &HOLDERS);
    assert!(matches!(hold(&destruction, &mut people), Err(CeremonyError::Taken(_))));
    assert!(beside.exists() && opens(directory.path(), &people.shares, "Old"));
    fs::remove_dir(&beside).unwrap();
    // By a link to it, too, and not the link alone.
    let real = directory.path().join("elsewhere");
    fs::rename(store_path(directory.path()), &real).unwrap();
    symlink(&real, store_path(directory.path())).unwrap();
    let destruction = plan(directory.path(), "end2", Kind::Destruction, "", &HOLDERS);
    assert_eq!(hold(&destruction, &mut people).unwrap(), Ended::Complete);
    assert!(!real.exists());
}

#[test]
fn recovery_takes_no_store_that_it_did_not_write() {
    let directory = common::directory();
    let mut people = made(directory.path());
    let store = common::open(directory.path(), &people.shares, "Old").unwrap();
    let mut backup = fs::File::create(directory.path().join("backup")).unwrap();
    pollster::block_on(store.backup(&mut backup, |_, _| std::ops::ControlFlow::Continue(()))).unwrap();
    pollster::block_on(store.seal());
    drop(store);
    fs::remove_dir_all(store_path(directory.path())).unwrap();
    let words = format!("backup = \"{}\"\n", directory.path().join("backup").display());
    let recovery = plan(directory.path(), "recovery", Kind::Recovery, &words, &HOLDERS);
    people.turns = 0;
    people.leave_at = Some(8);
    assert!(matches!(held(&recovery, &mut people, 1), Err(CeremonyError::Gone(_))));
    people.leave_at = None;
    // Somebody's own store at its place: it is no restored one.
    let planted = common::directory();
    made(planted.path());
    common::copy(&store_path(planted.path()), &store_path(directory.path()));
    assert!(matches!(held(&recovery, &mut people, 1), Err(CeremonyError::Misfit(_))));
    assert!(!opens(directory.path(), &people.shares, "Old"));
    fs::remove_dir_all(store_path(directory.path())).unwrap();
    // Something where the store is written before it is moved.
    let beside = directory.path().join("store.restoring");
    fs::create_dir(&beside).unwrap();
    assert!(matches!(held(&recovery, &mut people, 1), Err(CeremonyError::Taken(_))));
    assert!(beside.exists());
    fs::remove_dir(&beside).unwrap();
    assert_eq!(held(&recovery, &mut people, 1).unwrap(), Ended::Complete);
    assert!(opens(directory.path(), &people.shares, "Old"));
}
