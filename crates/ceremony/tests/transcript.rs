//! Whole ceremonies and what their transcripts and reports say of them, and do not say.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::fs;
use std::path::Path;

use common::{People, Shares, creation, made, numbered, replacement};
use strongroom_audit::Fingerprint;
use strongroom_ceremony::plan::{Kind, Plan};
use strongroom_ceremony::report;
use strongroom_ceremony::run::{CeremonyError, Ended, JournalError, Setting, run};
use strongroom_ceremony::transcript::{Account, Outcome, Transcript, verify};

fn fingerprint() -> Fingerprint {
    *numbered(1).fingerprint()
}

fn held(plan: &Plan, people: &mut People, path: &Path) -> Result<Ended, CeremonyError> {
    let (mut transcript, _) = Transcript::open(path, common::now, Some(numbered(1))).unwrap();
    run(plan, Setting::default(), people, &mut transcript)
}

/// Seals the transcript as it is, and verifies it.
fn account(path: &Path) -> Account {
    let (mut transcript, _) = Transcript::open(path, common::now, Some(numbered(1))).unwrap();
    assert_eq!(transcript.close().unwrap(), Some(fingerprint()));
    verify(&fs::read(path).unwrap(), &fingerprint()).unwrap()
}

fn count(account: &Account, event: &str) -> usize {
    account.chain().entries().filter(|record| record.entry().event() == event).count()
}

/// Any twelve letters in a row of any share, as it is printed or as it is typed.
fn says_a_share(text: &str, shares: &Shares) -> bool {
    let letters = |text: &str| text.to_lowercase().replace([' ', '\n'], "");
    let text = letters(text);
    shares.values().any(|share| {
        let share = letters(share);
        (0..share.len() - 12).filter_map(|place| share.get(place..place + 12)).any(|part| text.contains(part))
    })
}

#[test]
fn creation_and_rekey_are_told_whole_and_no_share_is_in_transcript_or_report() {
    let directory = common::directory();
    let path = directory.path().join("created.jsonl");
    let mut people = People::default();
    assert_eq!(held(&creation(directory.path()), &mut people, &path).unwrap(), Ended::Complete);
    let created = account(&path);
    assert_eq!((created.kind(), created.outcome()), ("create", Outcome::Complete));
    assert_eq!(
        [count(&created, "dealt"), count(&created, "handed-out"), count(&created, "committed")],
        [1, 3, 1]
    );
    let steps = Kind::Create.steps().len();
    assert_eq!([count(&created, "step-begun"), count(&created, "step-done")], [steps, steps]);

    people.absent = "Other".to_owned();
    let path = directory.path().join("rekeyed.jsonl");
    let plan = replacement(directory.path(), Kind::Rekey, "0s");
    assert_eq!(held(&plan, &mut people, &path).unwrap(), Ended::Complete);
    let rekeyed = account(&path);
    assert_eq!([count(&rekeyed, "approved"), count(&rekeyed, "proved")], [2, 2]);
    assert_eq!((rekeyed.plan(), rekeyed.requested_by()), (&plan.hash(), Some("Lead")));
    assert_eq!([count(&rekeyed, "absent"), count(&created, "absent")], [1, 0]);
    // Nobody wrote an exception.
    assert_eq!(count(&rekeyed, "exception"), 0);

    assert_eq!(people.shares.len(), 5);
    for told in [&created, &rekeyed] {
        let lines: String = told.chain().records().iter().map(strongroom_audit::Record::line).collect();
        for text in [&lines, &report::html(told), &report::text(told)] {
            assert!(!says_a_share(text, &people.shares));
            // The control: with a piece of one share in its midst, the same text would be found out.
            let share = people.shares.values().next().unwrap();
            assert!(says_a_share(&format!("{text}{}", share.get(20..40).unwrap()), &people.shares));
        }
    }
    fs::write(Path::new(env!("CARGO_TARGET_TMPDIR")).join("report.html"), report::html(&rekeyed)).unwrap();
}

#[test]
fn ceremony_that_was_left_goes_on_in_the_same_transcript() {
    let directory = common::directory();
    let path = directory.path().join("transcript.jsonl");
    let plan = creation(directory.path());
    let mut people = People { leave_at: Some(25), ..People::default() };
    assert!(held(&plan, &mut people, &path).is_err());
    let before = fs::read(&path).unwrap();
    let mut people = People::default();
    assert_eq!(held(&plan, &mut people, &path).unwrap(), Ended::Complete);
    assert!(fs::read(&path).unwrap().starts_with(&before));
    let account = account(&path);
    assert_eq!([count(&account, "opened"), count(&account, "resumed"), count(&account, "closed")], [2, 1, 1]);
    assert_eq!(account.outcome(), Outcome::Complete);
}

#[test]
fn transcript_of_another_ceremony_is_not_gone_on_with() {
    let directory = common::directory();
    let path = directory.path().join("transcript.jsonl");
    let mut people = made(directory.path());
    people.leave_at = Some(people.turns + 10);
    let rekey = replacement(directory.path(), Kind::Rekey, "0s");
    assert!(held(&rekey, &mut people, &path).is_err());
    let before = fs::read(&path).unwrap();
    let change = replacement(directory.path(), Kind::SealChange, "0s");
    people.leave_at = None;
    let refused = held(&change, &mut people, &path);
    assert!(matches!(&refused, Err(CeremonyError::Journal(JournalError::NotVouched))), "{refused:?}");
    assert_eq!(fs::read(&path).unwrap(), before);
    assert_eq!(held(&rekey, &mut people, &path).unwrap(), Ended::Complete);
    assert_eq!(account(&path).plan(), &rekey.hash());
}
