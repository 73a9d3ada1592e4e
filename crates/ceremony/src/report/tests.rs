use std::fs;

use super::*;
use crate::plan::{Kind, Person, Role, Step};
use crate::run::record::{Event, Record as _};
use crate::transcript::tests::{fingerprint, key, person, seal, sealed, story};
use crate::transcript::{Transcript, verify};

fn account() -> Account {
    verify(&sealed(), &fingerprint(&key(1))).unwrap()
}

/// What stands between two words, the first time.
fn between<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
    text.split_once(from).unwrap().1.split_once(to).unwrap().0
}

#[test]
fn page_needs_nothing_from_elsewhere_and_runs_nothing() {
    let html = html(&account());
    for outside in
        ["http:", "https:", "src=", "url(", "<script", "<link", "<img", "@import", "onload", "javascript:"]
    {
        assert!(!html.contains(outside), "{outside}");
    }
    assert!(html.contains("default-src 'none'"));
}

#[test]
fn everything_that_people_wrote_is_escaped() {
    let html = html(&account());
    assert!(html.contains("Root key of &lt;payments&gt;") && !html.contains("<payments>"));
    assert!(html.contains("the fire alarm &lt;rang&gt;") && !html.contains("<rang>"));
    assert!(html.contains("Ada &amp; Co") && !html.contains("Ada & Co"));
    let opened = ["<td", "<th", "<tr", "<table", "<section", "<h2", "<code", "<a "];
    for tag in opened {
        let name = tag.trim_start_matches('<').trim_end();
        let begun = html.matches(&format!("<{name}>")).count() + html.matches(&format!("<{name} ")).count();
        assert_eq!(begun, html.matches(&format!("</{name}>")).count(), "{name}");
    }
}

#[test]
fn every_link_leads_to_a_line_and_every_line_is_there() {
    let account = account();
    let html = html(&account);
    for record in account.chain().records() {
        assert_eq!(html.matches(&format!("id=\"line-{}\"", record.number())).count(), 1);
    }
    let mut links = 0;
    for link in html.split("href=\"#").skip(1) {
        let target = link.split_once('"').unwrap().0;
        assert!(html.contains(&format!("id=\"{target}\"")), "{target}");
        links += 1;
    }
    assert!(links > 50, "{links}");
}

#[test]
fn lines_that_follow_one_another_are_told_as_a_run() {
    for (numbers, told) in [(&[][..], ""), (&[7], "7"), (&[1, 2], "1–2"), (&[1, 3, 4, 5, 9], "1, 3–5, 9")]
    {
        assert_eq!(Cell::lines(numbers).plain(), told);
    }
}

#[test]
fn shares_and_keys_stand_with_what_is_known_of_them() {
    let html = html(&account());
    let handed_out = between(&html, "<h2>Shares handed out</h2>", "</section>");
    let row = between(handed_out, &"5a".repeat(16), "</tr>");
    let known = "<td>2 of security</td><td>Ada &amp; Co</td><td>paper</td><td>counts</td>";
    assert!(row.contains(known), "{row}");
    // Handed out, acknowledged, proved; committed.
    assert_eq!(row.matches("#line-").count(), 3, "{row}");
    assert!(html.contains(
        "serial 8f3a9c01b2d4e5f6 · id 000102030405060708090a0b0c0d0e0f10111213 · check value a1b2c3"
    ));
    assert!(html.contains("<td>groups(1 of {security: 2 of 3})</td>"));
    let brought = between(&html, "<h2>Shares brought</h2>", "</section>");
    assert!(brought.contains("<td>1 of security</td><td>good</td>"), "{brought}");
    assert!(brought.contains("<td>REFUSED: this share is of another set</td>"), "{brought}");
}

/// A ceremony of this kind.
fn ceremony<'a>(kind: Kind, requested_by: Option<&'a str>, events: &[Event<'a>]) -> Account {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("transcript.jsonl");
    let (mut transcript, _) = Transcript::open(&path, || 0, seal(1)).unwrap();
    let opened = Event::Opened { kind, title: "Ceremony", plan: [7; 32], rehearsal: false, requested_by };
    [opened].iter().chain(events).for_each(|event| transcript.record(event).unwrap());
    transcript.close().unwrap();
    verify(&fs::read(path).unwrap(), &fingerprint(&key(1))).unwrap()
}

fn shown_of(account: &Account, number: &str) -> Shown {
    let mut rows = FRAMEWORKS.iter().flat_map(|(_, _, rows)| *rows);
    shown(account, rows.find(|control| control.number == number).unwrap())
}

const SET: [u8; 16] = [9; 16];
const OLD: [u8; 16] = [8; 16];

/// What a rekey tells, up to the commit, in which these people brought the old shares and approved.
fn rekey<'a>(holders: [&'a Person; 2], approver: &'a Person, ada: &'a Person) -> Vec<Event<'a>> {
    let accepted = |index, by| Event::ShareAccepted { set: OLD, group: None, index, by };
    vec![
        Event::Software { version: "1", hash: [1; 32] },
        Event::Present { person: approver },
        Event::Approved { by: approver },
        accepted(1, holders[0]),
        accepted(2, holders[1]),
        Event::Dealt { set: SET, policy: "1 of 1", shares: 1 },
        Event::HandedOut { set: SET, group: None, index: 1, threshold: 1, to: ada, custody: "paper" },
        Event::Acknowledged { by: ada },
        Event::StepDone { step: Step::Acknowledge, witness: ada, journal: [3; 32] },
        Event::Proved { by: ada, set: SET, group: None, index: 1 },
    ]
}

#[test]
fn creation_shows_no_change_no_approval_and_no_dual_control() {
    let account = account();
    assert_eq!(account.kind(), "create");
    for number in ["3.7.4", "3.7.5", "3.7.6", "5.3", "8.2.3", "8.3.4", "CC6.3", "CC6.5", "CC8.1"] {
        assert_eq!(shown_of(&account, number), Shown::NotByThisKind, "{number}");
        let row = format!("<tr><th>{number}</th>");
        assert!(between(&html(&account), &row, "</tr>").contains("no ceremony of this kind"), "{number}");
    }
    // The control: what a creation does show.
    for number in ["3.6.1.2", "3.7.1", "3.7.2", "8.1.5.2", "9.4", "CC6.1", "CC6.2"] {
        assert!(matches!(shown_of(&account, number), Shown::In(_)), "{number}");
    }
}

#[test]
fn row_whose_needs_are_not_all_there_is_not_shown() {
    let names = ["Ada", "Grace", "Alan"].map(|name| person(name, &[]));
    let [ada, grace, alan] = &names;
    let committed = Event::Committed { store: "x", set: SET };
    let whole = |holders, approver| {
        let mut events = rekey(holders, approver, ada);
        events.push(committed.clone());
        events
    };
    let good = ceremony(Kind::Rekey, Some("Alan"), &whole([ada, alan], grace));
    for number in ["3.7.4", "3.7.5", "3.7.6", "3.7.8", "8.2.3", "9.3", "CC6.2", "CC6.3", "CC8.1"] {
        assert!(matches!(shown_of(&good, number), Shown::In(_)), "{number}");
    }
    // Opened stands in line 2: approved is 5, the shares are 6 and 7, a step that ended 11, its signature 12, the commit 14.
    assert_eq!(shown_of(&good, "3.7.6"), Shown::In(vec![5, 6, 7, 11]));
    assert_eq!(shown_of(&good, "CC6.3"), Shown::In(vec![5, 14]));
    // Not committed: nothing was changed, and nobody got what counts.
    let aborted = Event::Aborted { by: ada, why: "fire" };
    let events: Vec<_> = rekey([ada, alan], grace, ada).into_iter().chain([aborted]).collect();
    let aborted = ceremony(Kind::Rekey, Some("Alan"), &events);
    for number in ["3.7.2", "3.7.4", "3.7.5", "8.1.5.2", "8.2.3", "CC6.2", "CC6.3", "CC8.1"] {
        assert_eq!(shown_of(&aborted, number), Shown::Not, "{number}");
    }
    assert!(html(&aborted).contains("Aborted before its end by Ada: fire."));
    // Approved by the requester alone, or by somebody where nobody knows who asked.
    for requester in [Some("Grace"), None] {
        let account = ceremony(Kind::Rekey, requester, &whole([ada, alan], grace));
        for number in ["3.7.6", "CC6.2", "CC6.3", "CC8.1"] {
            assert_eq!(shown_of(&account, number), Shown::Not, "{number}");
        }
        assert_eq!(html(&account).contains("<th>Requested by</th>"), requester.is_some());
    }
    // One person brought both shares; that others showed new ones does not make up for it.
    let mut events = whole([ada, ada], grace);
    events.push(Event::ShareAccepted { set: SET, group: None, index: 2, by: grace });
    assert_eq!(shown_of(&ceremony(Kind::Rekey, Some("Alan"), &events), "3.7.6"), Shown::Not);
    // No old key was destroyed.
    let none = Event::Fact { name: "terms-destroyed", value: "0" };
    let one = Event::Fact { name: "terms-destroyed", value: "1" };
    for (fact, expected) in [(none, Shown::Not), (one, Shown::In(vec![15]))] {
        let mut events = whole([ada, alan], grace);
        events.push(fact);
        assert_eq!(shown_of(&ceremony(Kind::Rekey, Some("Alan"), &events), "8.3.4"), expected);
    }
}

#[test]
fn void_shares_are_marked_and_take_no_acknowledgement_from_those_that_count() {
    let ada = person("Ada", &[]);
    let hand_out = |set| {
        [
            Event::Dealt { set, policy: "1 of 1", shares: 1 },
            Event::HandedOut { set, group: None, index: 1, threshold: 1, to: &ada, custody: "paper" },
        ]
    };
    let mut events = hand_out(OLD).to_vec();
    events.push(Event::Voided { set: OLD });
    events.extend(hand_out(SET));
    events.push(Event::Acknowledged { by: &ada });
    let table =
        |account: &Account| between(&html(account), "<h2>Shares handed out</h2>", "</section>").to_owned();
    let rows = table(&ceremony(Kind::Create, None, &events));
    let (void, waits) =
        (between(&rows, &"08".repeat(16), "</tr>"), between(&rows, &"09".repeat(16), "</tr>"));
    // Handed out in line 4, void in 5; handed out in 7, acknowledged in 8.
    assert!(
        void.contains("<td>VOID</td>") && void.contains("#line-5") && !void.contains("#line-8"),
        "{void}"
    );
    assert!(waits.contains("<td>not yet</td>") && waits.contains("#line-8"), "{waits}");
    events.push(Event::Committed { store: "x", set: SET });
    let rows = table(&ceremony(Kind::Create, None, &events));
    assert!(between(&rows, &"09".repeat(16), "</tr>").contains("<td>counts</td>"), "{rows}");
    assert!(between(&rows, &"08".repeat(16), "</tr>").contains("<td>VOID</td>"), "{rows}");
}

#[test]
fn whoever_was_absent_is_no_exception_that_somebody_wrote() {
    let (ada, grace) = (person("Ada", &[Role::Approver]), person("Grace", &[Role::Approver]));
    let events = [
        Event::Absent { person: &ada },
        Event::Absent { person: &grace },
        Event::Resumed { at: None, unsigned: 0 },
        Event::Present { person: &grace },
    ];
    let html = html(&ceremony(Kind::Rekey, None, &events));
    let people = between(&html, "<h2>People</h2>", "</section>");
    assert!(between(people, "<td>Ada</td>", "</tr>").contains("<td>ABSENT</td>"), "{people}");
    assert!(between(people, "<td>Grace</td>", "</tr>").contains("<td>not each time</td>"), "{people}");
    assert!(between(&html, "<h2>Exceptions</h2>", "</section>").contains("None."));
}

#[test]
fn key_in_an_hsm_that_opened_the_store_is_told() {
    let opened = Event::Fact { name: "hsm-opened", value: "hsm(main, root-2026)" };
    let clean = Event::Fact { name: "store-check", value: "clean" };
    let account = ceremony(Kind::Unseal, None, &[opened, clean]);
    let html = html(&account);
    let devices = between(&html, "<h2>Devices and keys in HSMs</h2>", "</section>");
    assert!(devices.contains("hsm(main, root-2026) gave its part"), "{devices}");
    assert_eq!(shown_of(&account, "8.2.2"), Shown::In(vec![3, 4]));
    assert_eq!(shown_of(&account, "3.7.6"), Shown::Not);
}

#[test]
fn each_control_has_a_row_with_the_lines_that_show_it() {
    let account = account();
    let (html, text) = (html(&account), text(&account));
    for control in FRAMEWORKS.iter().flat_map(|(_, _, rows)| *rows) {
        let row = between(&html, &format!("<tr><th>{}</th>", control.number), "</tr>");
        assert!(row.contains("#line-") != row.contains("not shown"), "{}", control.number);
        assert!(text.contains(&format!("Control: {}\n", control.number)));
    }
    // Somebody acknowledged, and nobody signed the step off.
    assert!(between(&html, "<tr><th>3.7.8</th>", "</tr>").contains("not shown by this transcript"));
}

#[test]
fn every_event_that_a_control_names_is_one_of_a_transcript() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("transcript.jsonl");
    let (mut transcript, _) = Transcript::open(&path, || 0, seal(1)).unwrap();
    story(&mut |event| transcript.record(event).unwrap());
    drop(transcript);
    let chain = strongroom_audit::Chain::read(&fs::read(&path).unwrap()).unwrap();
    let known: Vec<&str> = chain.entries().map(|record| record.entry().event()).chain(["aborted"]).collect();
    let run: String = ["store.rs", "ending.rs", "../run.rs"]
        .map(|file| fs::read_to_string(format!("{}/src/run/{file}", env!("CARGO_MANIFEST_DIR"))).unwrap())
        .concat();
    for control in FRAMEWORKS.iter().flat_map(|(_, _, rows)| *rows) {
        assert!(!control.ways.is_empty() && control.ways.iter().all(|way| !way.needs.is_empty()));
        for way in control.ways {
            for event in way.needs.iter().chain([&way.beside]).flat_map(|names| *names) {
                let is_known = match event.split_once('/') {
                    Some(("fact", name)) => run.contains(&format!("name: \"{name}\"")),
                    Some((event, _)) => known.contains(&event),
                    None => known.contains(event),
                };
                assert!(is_known, "{}: {event}", control.number);
            }
        }
    }
}

#[test]
fn rehearsal_is_marked_in_both_forms_and_the_real_thing_is_not() {
    let real = account();
    assert!(!html(&real).contains("REHEARSAL") && !text(&real).contains("REHEARSAL"));
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("transcript.jsonl");
    let (mut transcript, _) = Transcript::open(&path, || 0, seal(1)).unwrap();
    let event = Event::Opened {
        kind: Kind::Unseal,
        title: "Drill",
        plan: [7; 32],
        rehearsal: true,
        requested_by: None,
    };
    transcript.record(&event).unwrap();
    transcript.close().unwrap();
    let account = verify(&fs::read(path).unwrap(), &fingerprint(&key(1))).unwrap();
    for page in [html(&account), text(&account)] {
        assert!(page.contains("REHEARSAL") && page.contains("Unfinished"), "{page}");
    }
}

#[test]
fn text_says_the_same_in_lines_of_a_hundred_columns() {
    let account = account();
    let text = text(&account);
    for line in text.lines() {
        let words = line.trim_start().split(' ').count();
        assert!(line.chars().count() <= 100 || words == 1, "{line}");
        assert!(!line.ends_with(' '), "{line:?}");
    }
    for said in [
        "the fire alarm <rang>",
        "Ada & Co",
        "Complete: every step was done",
        &account.key().fingerprint().to_string(),
    ] {
        assert!(text.contains(said), "{said}");
    }
}
