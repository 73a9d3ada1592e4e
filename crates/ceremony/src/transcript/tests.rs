use std::collections::BTreeSet;

use strongroom::{Locking, Secret, protection};
use strongroom_audit::{P256Key, PublicKey, Signer as _, Value, VerifyError};

use super::*;
use crate::plan::{Kind, Person, Role, Step};

pub(crate) fn key(number: u8) -> P256Key {
    protection::prepare(Locking::AllowUnlocked).unwrap();
    P256Key::from_secret(Secret::from_array(&mut [number; 32]).unwrap()).unwrap()
}

pub(crate) fn fingerprint(key: &P256Key) -> strongroom_audit::Fingerprint {
    PublicKey::new(key.algorithm(), key.public_key()).unwrap().fingerprint()
}

pub(crate) fn person(name: &str, roles: &[Role]) -> Person {
    Person {
        name: name.to_owned(),
        initials: name.chars().take(2).collect(),
        roles: roles.iter().copied().collect::<BTreeSet<_>>(),
        group: None,
        custody: None,
        signing: None,
    }
}

fn opened(plan: u8) -> Event<'static> {
    Event::Opened {
        kind: Kind::Create,
        title: "Root key of <payments>",
        plan: [plan; 32],
        rehearsal: false,
        requested_by: None,
    }
}

/// Every kind of event, in an order in which a ceremony could tell them.
pub(crate) fn story(tell: &mut dyn FnMut(&Event<'_>)) {
    let (ada, grace) =
        (person("Ada & Co", &[Role::Custodian]), person("Grace", &[Role::Witness, Role::Auditor]));
    let (set, group) = ([0x5A; 16], Some("security"));
    let evidence = "production:root-2026: token serial 8f3a9c01b2d4e5f6, SoftHSM project SoftHSM v2, firmware 2.6; aes-256 id \
        000102030405060708090a0b0c0d0e0f10111213, CKA_SENSITIVE true; check value a1b2c3";
    tell(&opened(7));
    tell(&Event::Software { version: "0.1.0", hash: [9; 32] });
    tell(&Event::Unsafe { what: "swap" });
    tell(&Event::Present { person: &grace });
    tell(&Event::Absent { person: &ada });
    tell(&Event::Device { device: "laptop 0042" });
    tell(&Event::StepBegun { step: Step::Deal });
    tell(&Event::StepDone { step: Step::Deal, witness: &grace, journal: [3; 32] });
    tell(&Event::Exception { step: Step::Deal, by: &grace, what: "the fire alarm <rang>" });
    tell(&Event::Approved { by: &grace });
    tell(&Event::ShareAccepted { set, group, index: 1, by: &ada });
    tell(&Event::ShareRefused { by: &ada, why: "this share is of another set" });
    tell(&Event::Dealt { set, policy: "groups(1 of {security: 2 of 3})", shares: 3 });
    tell(&Event::Voided { set: [0x11; 16] });
    tell(&Event::HandedOut { set, group, index: 2, threshold: 2, to: &ada, custody: "paper" });
    tell(&Event::Acknowledged { by: &ada });
    tell(&Event::Proved { by: &ada, set, group, index: 2 });
    tell(&Event::CoolingOff { until: 1_800_000_000 });
    tell(&opened(7));
    tell(&Event::Resumed { at: Some(Step::Commit), unsigned: 0 });
    tell(&Event::Committed { store: "000102030405060708090a0b0c0d0e0f", set });
    tell(&Event::Fact { name: "hsm-key", value: evidence });
    tell(&Event::Fact { name: "slot-file", value: &"ab".repeat(32) });
    tell(&Event::NotShown { by: &ada });
    tell(&Event::Waiting { set: [0x11; 16] });
    tell(&Event::Progress { journal: [2; 32] });
    before_close(Kind::Create, &grace).iter().for_each(&mut *tell);
    tell(&Event::Closed);
    tell(&Event::StepDone { step: Step::Close, witness: &grace, journal: [3; 32] });
}

/// The steps that a kind cannot do without, signed off, but for the last.
pub(crate) fn before_close(kind: Kind, witness: &Person) -> Vec<Event<'_>> {
    let steps = kind.steps().iter().copied().filter(|step| !step.is_optional() && *step != Step::Close);
    steps.map(|step| Event::StepDone { step, witness, journal: [3; 32] }).collect()
}

/// A transcript's own key.
#[expect(clippy::unnecessary_wraps, reason = "as a transcript takes it")]
pub(crate) fn seal(number: u8) -> Option<Seal> {
    Some(Seal::with(Box::new(key(number))).unwrap())
}

/// A transcript of the story, sealed by key 1 and co-signed by key 2.
pub(crate) fn sealed() -> Vec<u8> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("transcript.jsonl");
    let (mut transcript, found) = Transcript::open(&path, || 1_795_631_400, seal(1)).unwrap();
    assert_eq!(found, Found::Begun);
    story(&mut |event| transcript.record(event).unwrap());
    transcript.cosign(&person("Grace", &[Role::Witness]), &key(2)).unwrap();
    transcript.close().unwrap();
    fs::read(path).unwrap()
}

/// What was told, sealed by key 1, whether or not a transcript would take it.
fn told(events: &[Event<'_>]) -> Vec<u8> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("transcript.jsonl");
    let at = Time::from_seconds(0);
    let mut writer = file::create(&path, at, PURPOSE).unwrap();
    for event in events {
        writer.append(at, entry::of(event)).unwrap();
    }
    writer.seal(at, &key(1)).unwrap();
    fs::read(path).unwrap()
}

#[test]
fn whole_ceremony_is_verified_by_fingerprint_alone() {
    let bytes = sealed();
    let account = verify(&bytes, &fingerprint(&key(1))).unwrap();
    assert_eq!((account.kind(), account.title()), ("create", "Root key of <payments>"));
    assert_eq!(
        (account.plan(), account.is_rehearsal(), account.outcome()),
        (&[7; 32], false, Outcome::Complete)
    );
    assert_eq!((account.exceptions().count(), account.requested_by()), (1, None));
    let mut events = 0;
    story(&mut |_| events += 1);
    assert_eq!(account.chain().entries().count(), events);
    let hsm = account.chain().entries().find(|record| record.entry().event() == "hsm-key").unwrap();
    assert_eq!(hsm.entry().field("object"), Some(&Value::ObjectId((0..20).collect())));
    assert_eq!(hsm.entry().field("check"), Some(&Value::CheckValue(vec![0xA1, 0xB2, 0xC3])));
    assert_eq!(hsm.entry().text("serial"), Some("8f3a9c01b2d4e5f6"));
    let evidence = hsm.entry().text("evidence").unwrap();
    assert!(evidence.starts_with("production:root-2026: token serial (beside), SoftHSM"), "{evidence}");
    assert!(evidence.ends_with("id (beside), CKA_SENSITIVE true; check value (beside)"), "{evidence}");
}

#[test]
fn transcript_that_another_key_sealed_is_refused_and_one_without_a_seal_too() {
    let bytes = sealed();
    let found = fingerprint(&key(1));
    for other in [2, 3] {
        let refused = verify(&bytes, &fingerprint(&key(other))).map(drop);
        assert_eq!(refused, Err(TranscriptError::Chain(VerifyError::OtherKey { found })));
    }
    let text = std::str::from_utf8(&bytes).unwrap();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    for count in 1..lines.len() {
        let refused = verify(lines[..count].concat().as_bytes(), &found).map(drop);
        assert_eq!(refused, Err(TranscriptError::Chain(VerifyError::Unfinished { lines: count })));
    }
    assert!(verify(lines.concat().as_bytes(), &found).is_ok());
}

#[test]
fn each_line_that_is_changed_removed_inserted_or_swapped_is_detected() {
    // Without the signatures in between, which take long to verify so many times; `audit/tests` has those.
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("transcript.jsonl");
    let at = Time::from_seconds(0);
    let mut writer = file::create(&path, at, PURPOSE).unwrap();
    story(&mut |event| {
        writer.append(at, entry::of(event)).unwrap();
    });
    writer.seal(at, &key(1)).unwrap();
    let bytes = fs::read(path).unwrap();
    let own = fingerprint(&key(1));
    let lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
    let is_refused =
        |lines: &[&[u8]]| matches!(verify(&lines.concat(), &own), Err(TranscriptError::Chain(_)));
    assert!(!is_refused(&lines));
    for place in 0..lines.len() {
        let mut changed = lines[place].to_vec();
        for byte in 0..changed.len() {
            changed[byte] ^= 1;
            assert!(
                is_refused(&[&lines[..place], &[&changed], &lines[place + 1..]].concat()),
                "{place}:{byte}"
            );
            changed[byte] ^= 1;
        }
        assert!(is_refused(&[&lines[..place], &lines[place + 1..]].concat()));
        assert!(is_refused(&[&lines[..place], &[lines[place]], &lines[place..]].concat()));
        for other in place + 1..lines.len() {
            let mut swapped = lines.clone();
            swapped.swap(place, other);
            assert!(is_refused(&swapped));
        }
    }
}

#[test]
fn what_looks_like_a_key_is_withheld_wherever_a_person_may_have_typed_it() {
    let share = "sr1qpz ry9x8g f2tvdw 0s3jn5 4khce6 mua7lq pzry9x 8gf2tv dw0s3j n54khc";
    let key = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
    let ada = person("Ada", &[Role::Custodian]);
    for canary in [share, key] {
        let of_person = Person { name: canary.to_owned(), ..ada.clone() };
        let events = [
            Event::Opened {
                kind: Kind::Create,
                title: canary,
                plan: [7; 32],
                rehearsal: true,
                requested_by: Some(canary),
            },
            Event::Software { version: canary, hash: [9; 32] },
            Event::Unsafe { what: canary },
            Event::Present { person: &of_person },
            Event::Absent { person: &of_person },
            Event::Device { device: canary },
            Event::Exception { step: Step::Deal, by: &of_person, what: canary },
            Event::ShareRefused { by: &ada, why: canary },
            Event::Dealt { set: [1; 16], policy: canary, shares: 3 },
            Event::HandedOut {
                set: [1; 16],
                group: Some(canary),
                index: 1,
                threshold: 1,
                to: &ada,
                custody: "paper",
            },
            Event::Committed { store: canary, set: [1; 16] },
            Event::Fact { name: "hsm-key", value: canary },
            Event::Fact { name: "restored-store", value: canary },
            Event::Fact { name: "anything", value: canary },
            Event::Aborted { by: &ada, why: canary },
        ];
        let bytes = told(&events);
        let text = std::str::from_utf8(&bytes).unwrap();
        assert!(!text.contains(canary), "{text}");
        assert_eq!(text.matches("withheld").count(), events.len() + 2);
        assert!(verify(&bytes, &fingerprint(&self::key(1))).is_ok());
    }
}

#[test]
fn story_that_no_ceremony_has_is_told_with_its_line() {
    let own = fingerprint(&key(1));
    let ada = person("Ada", &[Role::Custodian]);
    let aborted = Event::Aborted { by: &ada, why: "fire" };
    let done = Event::StepDone { step: Step::Close, witness: &ada, journal: [3; 32] };
    let approved = Event::Approved { by: &ada };
    let steps = before_close(Kind::Create, &ada);
    let held = [vec![opened(1)], steps, vec![Event::Closed, done.clone()]].concat();
    let after = u64::try_from(held.len()).unwrap() + 2;
    let mut without_commit = held.clone();
    without_commit.retain(|event| !matches!(event, Event::StepDone { step: Step::Commit, .. }));
    for (events, line, problem) in [
        (vec![], 1, StoryProblem::NothingHappened),
        (vec![Event::Closed], 2, StoryProblem::NotOpened),
        (vec![opened(1), opened(2)], 3, StoryProblem::AnotherCeremony),
        ([held.clone(), vec![Event::Closed]].concat(), after, StoryProblem::AfterTheEnd),
        ([held.clone(), vec![opened(1), approved.clone()]].concat(), after + 1, StoryProblem::AfterTheEnd),
        (vec![opened(1), done.clone()], 3, StoryProblem::StepMissing(Step::Open)),
        (without_commit, after - 2, StoryProblem::StepMissing(Step::Commit)),
        (vec![opened(1), aborted.clone(), approved], 4, StoryProblem::AfterTheEnd),
    ] {
        let found = verify(&told(&events), &own).map(drop);
        assert_eq!(found, Err(TranscriptError::Story { line, problem }));
    }
    for (events, outcome) in [
        (vec![opened(1)], Outcome::Unfinished),
        // The witness is asked after it was closed, and an interruption there asks everything again.
        (vec![opened(1), Event::Closed, opened(1), Event::Closed], Outcome::Unfinished),
        (vec![opened(1), opened(1), Event::Resumed { at: None, unsigned: 0 }, aborted], Outcome::Aborted),
        ([held, vec![opened(1), Event::Resumed { at: None, unsigned: 0 }]].concat(), Outcome::Complete),
    ] {
        assert_eq!(verify(&told(&events), &own).unwrap().outcome(), outcome);
    }
}

#[test]
fn interrupted_transcript_goes_on_and_a_sealed_one_does_not() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("transcript.jsonl");
    let (mut transcript, _) = Transcript::open(&path, || 5, seal(1)).unwrap();
    transcript.record(&opened(1)).unwrap();
    let (id, hash) = (*transcript.id(), transcript.hash());
    drop(transcript);
    let torn = [fs::read(&path).unwrap(), b"{\"at\":\"20".to_vec()].concat();
    fs::write(&path, torn).unwrap();
    let (mut transcript, found) = Transcript::open(&path, || 6, seal(1)).unwrap();
    assert_eq!((found, transcript.id()), (Found::Cut { bytes: 9 }, &id));
    assert_ne!(transcript.hash(), hash);
    transcript.record(&Event::Closed).unwrap();
    transcript.close().unwrap();
    assert!(transcript.record(&Event::Closed).is_err());
    drop(transcript);
    assert!(matches!(Transcript::open(&path, || 7, seal(1)), Err(OpenError::File(FileError::Sealed))));
    let account = verify(&fs::read(&path).unwrap(), &fingerprint(&key(1))).unwrap();
    assert_eq!(account.chain().records().len(), 5);
}

#[test]
fn transcript_takes_no_other_ceremony() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("transcript.jsonl");
    let (mut transcript, _) = Transcript::open(&path, || 5, seal(1)).unwrap();
    transcript.record(&opened(1)).unwrap();
    assert!(transcript.record(&opened(2)).is_err());
    drop(transcript);
    let (mut transcript, _) = Transcript::open(&path, || 6, seal(1)).unwrap();
    let before = fs::read(&path).unwrap();
    assert_eq!(transcript.record(&opened(2)), Err(RecordError(ANOTHER.to_owned())));
    assert_eq!(fs::read(&path).unwrap(), before);
    transcript.record(&opened(1)).unwrap();
}
