//! What is taken from transcripts.

use super::*;
use crate::plan::{Kind, Person, Step};
use crate::run::record::{Event, Record as _};
use crate::transcript::tests::{before_close, seal, sealed};
use crate::transcript::{self, Transcript};

fn person(name: &str) -> Person {
    Person {
        name: name.to_owned(),
        initials: name.to_owned(),
        roles: [].into(),
        group: None,
        custody: None,
        signing: None,
    }
}

/// A ceremony in which Ada's share 1 was checked.
fn check_of(set: [u8; 16], rehearsal: bool, is_done: bool) -> Account {
    check_by(&[("Ada", 1)], set, rehearsal, is_done)
}

/// A ceremony in which these people brought shares of these indexes.
fn check_by(brought: &[(&str, u8)], set: [u8; 16], rehearsal: bool, is_done: bool) -> Account {
    let opened = Event::Opened {
        kind: Kind::ShareCheck,
        title: "Check",
        plan: [1; 32],
        rehearsal,
        requested_by: None,
    };
    let people: Vec<_> = brought.iter().map(|(name, index)| (person(name), *index)).collect();
    let accepted =
        people.iter().map(|(by, index)| Event::ShareAccepted { set, group: None, index: *index, by });
    let witness = person("Witness");
    let done = Event::StepDone { step: Step::Close, witness: &witness, journal: [3; 32] };
    let done = before_close(Kind::ShareCheck, &witness).into_iter().chain([done]).filter(|_| is_done);
    ceremony([opened].into_iter().chain(accepted).chain(done))
}

fn ceremony<'a>(events: impl IntoIterator<Item = Event<'a>>) -> Account {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("transcript.jsonl");
    let (mut transcript, _) = Transcript::open(&path, clock, seal(1)).unwrap();
    events.into_iter().for_each(|event| transcript.record(&event).unwrap());
    transcript.close().unwrap();
    transcript::verify(&fs::read(path).unwrap(), &fingerprint(&key(1))).unwrap()
}

#[test]
fn shares_of_a_ceremony_are_taken_from_its_transcript_once() {
    let (_directory, _, mut register) = three();
    let account = transcript::verify(&sealed(), &fingerprint(&key(1))).unwrap();
    let at =
        |event: &str| account.chain().entries().find(|record| record.entry().event() == event).unwrap().at();
    NOW.set(at("committed").seconds());
    // It was handed out and proved.
    assert_eq!(register.take(&account, YEAR).unwrap(), Taken { entries: 2, refused: vec![] });
    let taken = Share { set: [0x5A; 16], group: Some(Public::new("security").unwrap()), index: 2 };
    let holding = register.holdings().share(&taken).unwrap();
    assert_eq!((holding.custodian(), holding.due()), ("Ada & Co", at("proved").plus_days(YEAR)));
    assert_eq!(holding.proved(), Some(at("proved")));
    let again = refused(register.take(&account, YEAR));
    assert_eq!(
        again,
        [("Ada & Co", 2, RuleError::EnteredTwice), ("Ada & Co", 2, RuleError::NotNewer)].map(named)
    );
}

fn named((name, index, rule): (&str, u8, RuleError)) -> (String, u8, RuleError) {
    (name.to_owned(), index, rule)
}

/// Whose shares were not taken, where none was.
fn refused(result: Result<Taken, RegisterError>) -> Vec<(String, u8, RuleError)> {
    let Err(RegisterError::NoneTaken(refused)) = result else { panic!("{result:?}") };
    refused.iter().map(|refused| (refused.custodian.to_string(), refused.share.index, refused.rule)).collect()
}

#[test]
fn share_that_was_proved_twice_was_proved_the_last_time() {
    let (directory, _, mut register) = three();
    let (ada, witness) = (person("Ada"), person("Witness"));
    let path = directory.path().join("transcript.jsonl");
    let (mut transcript, _) = Transcript::open(&path, clock, seal(1)).unwrap();
    let mut on = |day, event| {
        on_day(day);
        transcript.record(&event).unwrap();
    };
    let (set, other) = ([6; 16], [7; 16]);
    on(
        1,
        Event::Opened {
            kind: Kind::Rekey,
            title: "Rekey",
            plan: [1; 32],
            rehearsal: false,
            requested_by: None,
        },
    );
    // The first set was void before anybody used it: its proof is no proof of the second.
    on(2, Event::Proved { by: &ada, set: other, group: None, index: 1 });
    on(3, Event::HandedOut { set, group: None, index: 1, threshold: 1, to: &ada, custody: "paper" });
    on(4, Event::Proved { by: &ada, set, group: None, index: 1 });
    on(6, Event::Proved { by: &ada, set, group: None, index: 1 });
    on(7, Event::Committed { store: "x", set });
    for event in before_close(Kind::Rekey, &witness) {
        on(7, event);
    }
    on(8, Event::StepDone { step: Step::Close, witness: &witness, journal: [3; 32] });
    transcript.close().unwrap();
    let account = transcript::verify(&fs::read(path).unwrap(), &fingerprint(&key(1))).unwrap();
    on_day(9);
    assert_eq!(register.take(&account, YEAR).unwrap().entries, 2);
    let holding = register.holdings().share(&Share { set, ..share(1) }).unwrap();
    assert_eq!((holding.proved(), holding.due()), (Some(on_day(6)), on_day(371)));
}

#[test]
fn check_is_taken_from_a_transcript_and_an_old_one_puts_nothing_off() {
    let (_directory, path, mut register) = three();
    on_day(30);
    let account = check_of(SET, false, true);
    on_day(300);
    assert_eq!(register.take(&account, YEAR).unwrap().entries, 1);
    let holding = register.holdings().share(&share(1)).unwrap();
    assert_eq!((holding.due(), holding.proved()), (on_day(395), Some(on_day(30))));
    assert!(text(register.holdings(), on_day(300)).contains("proved on 1970-01-31; due on 1971-01-31"));
    on_day(900);
    let before = fs::read(&path).unwrap();
    let unknown = register.take(&check_of([9; 16], false, true), YEAR);
    assert_eq!(refused(unknown), [("Ada", 1, RuleError::UnknownShare)].map(named));
    assert_eq!(rule(register.take(&check_of(SET, true, true), YEAR).map(drop)), RuleError::Rehearsal);
    assert_eq!(rule(register.take(&check_of(SET, false, false), YEAR).map(drop)), RuleError::NotComplete);
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn check_that_is_not_newer_than_what_is_known_changes_nothing() {
    let (_directory, path, mut register) = three();
    on_day(30);
    let old = check_by(&[("Ada", 1), ("Grace", 2)], SET, false, true);
    on_day(40);
    register.checked(share(1), "Ada", YEAR).unwrap();
    register.failed(share(2), "Grace", "the envelope was empty").unwrap();
    on_day(50);
    let (before, known) = (fs::read(&path).unwrap(), register.holdings().clone());
    let expected = [("Ada", 1, RuleError::NotNewer), ("Grace", 2, RuleError::NotNewer)].map(named);
    assert_eq!(refused(register.take(&old, YEAR)), expected);
    assert_eq!((fs::read(&path).unwrap(), register.holdings()), (before, &known));
    // The control: a newer one counts, and makes the failure good.
    let new = check_by(&[("Ada", 1), ("Grace", 2)], SET, false, true);
    assert_eq!(register.take(&new, YEAR).unwrap().entries, 2);
    assert!(!register.holdings().share(&share(2)).unwrap().is_failed());
    // Neither does a predecessor's old check count for the custodian who got the share back.
    on_day(60);
    register.succeed(share(1), "Ada", "Hedy").unwrap();
    register.succeed(share(1), "Hedy", "Ada").unwrap();
    assert_eq!(
        refused(register.take(&new, YEAR)),
        [("Ada", 1, RuleError::NotNewer), ("Grace", 2, RuleError::NotNewer)].map(named)
    );
    assert_eq!(register.holdings().share(&share(1)).unwrap().proved(), None);
}

#[test]
fn one_who_brought_anothers_share_does_not_cost_the_others_their_checks() {
    let (_directory, path, mut register) = three();
    on_day(30);
    let account = check_by(&[("Mary", 2), ("Ada", 1), ("Hedy", 3)], SET, false, true);
    on_day(31);
    let taken = register.take(&account, YEAR).unwrap();
    let told: Vec<_> = taken.refused.iter().map(Refused::to_string).collect();
    assert_eq!(taken.entries, 1);
    assert!(
        told[0].starts_with("Mary, share 2 of set 0505") && told[0].contains("register succeed"),
        "{told:?}"
    );
    assert!(told[1].starts_with("Hedy, share 3 of set 0505"), "{told:?}");
    assert_eq!(register.holdings().share(&share(1)).unwrap().proved(), Some(on_day(30)));
    assert_eq!(register.holdings().share(&share(2)).unwrap().proved(), None);
    // Once the succession is entered, the same transcript has what was left.
    on_day(32);
    register.succeed(share(3), "Mary", "Hedy").unwrap();
    let taken = register.take(&account, YEAR).unwrap();
    assert_eq!((taken.entries, taken.refused.len()), (1, 2));
    assert_eq!(register.holdings().share(&share(3)).unwrap().proved(), Some(on_day(30)));
    register.sign(&key(1)).unwrap();
    let known = register.holdings().clone();
    drop(register);
    assert_eq!(verify(&fs::read(&path).unwrap(), &fingerprint(&key(1))).unwrap(), known);
}

#[test]
fn check_is_put_off_by_a_year_at_most_and_lies_in_no_future() {
    let (_directory, path, mut register) = three();
    on_day(30);
    let account = check_of(SET, false, true);
    assert_eq!(rule(register.checked(share(1), "Ada", 367)), RuleError::TooLong);
    assert_eq!(rule(register.enter(share(9), "Ada", 367)), RuleError::TooLong);
    assert_eq!(rule(register.take(&account, 367).map(drop)), RuleError::TooLong);
    // A line that somebody wrote without these functions.
    let set = Value::Id(SET);
    let entry = |proved: Time, due: Time| {
        let entry = Entry::new("share-checked").with("set", set.clone()).with("index", 1_u64);
        entry.with("custodian", Public::new("Ada").unwrap()).with("proved", proved).with("due", due)
    };
    drop(register);
    for (entry, expected) in [
        (entry(on_day(30), on_day(397)), Some(RuleError::TooLong)),
        (entry(on_day(32), on_day(40)), Some(RuleError::FromTheFuture)),
        (entry(on_day(31), on_day(397)), None),
    ] {
        let copy = path.with_extension("copy");
        fs::copy(&path, &copy).unwrap();
        let (mut writer, _) = file::resume(&copy, on_day(30), PURPOSE).unwrap();
        writer.append(on_day(30), entry).unwrap();
        writer.sign(on_day(30), &key(1)).unwrap();
        drop(writer);
        let found = match verify(&fs::read(&copy).unwrap(), &fingerprint(&key(1))) {
            Err(RegisterError::Rule { line: Some(5), rule }) => Some(rule),
            other => other.map(|_| None).unwrap(),
        };
        assert_eq!(found, expected);
        fs::remove_file(copy).unwrap();
    }
    on_day(28);
    let (mut register, _) = Register::open(&path, clock, &trust(1, true)).unwrap();
    assert_eq!(refused(register.take(&account, YEAR)), [("Ada", 1, RuleError::FromTheFuture)].map(named));
}

#[test]
fn whoever_showed_no_share_at_a_check_has_failed_it_until_it_is_shown() {
    let (_directory, _, mut register) = three();
    let mary = person("Mary");
    on_day(10);
    let opened = Event::Opened {
        kind: Kind::ShareCheck,
        title: "Check",
        plan: [1; 32],
        rehearsal: false,
        requested_by: None,
    };
    let done = Event::StepDone { step: Step::Close, witness: &mary, journal: [3; 32] };
    let steps = before_close(Kind::ShareCheck, &mary).into_iter().chain([done]);
    let account = ceremony([opened, Event::NotShown { by: &mary }].into_iter().chain(steps));
    on_day(11);
    assert_eq!(register.take(&account, YEAR).unwrap().entries, 1);
    assert!(register.holdings().share(&share(3)).unwrap().is_failed());
    assert!(!register.holdings().share(&share(1)).unwrap().is_failed());
    // Shown afterwards; the old check, taken again, changes nothing.
    on_day(12);
    register.checked(share(3), "Mary", YEAR).unwrap();
    assert!(register.take(&account, YEAR).is_err());
    assert!(!register.holdings().share(&share(3)).unwrap().is_failed());
}
