use std::fs;

use super::*;
use crate::run::record::Record as _;
use crate::transcript::tests::{fingerprint, key, seal, sealed, story};
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
    let row = between(&html, &"5a".repeat(16), "</tr>");
    assert!(row.contains("<td>2 of security</td><td>Ada &amp; Co</td><td>paper</td>"), "{row}");
    // Handed out, acknowledged, proved.
    assert_eq!(row.matches("#line-").count(), 2, "{row}");
    assert!(html.contains(
        "serial 8f3a9c01b2d4e5f6 · id 000102030405060708090a0b0c0d0e0f10111213 · check value a1b2c3"
    ));
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
    let acknowledged = of_event(&account, &["acknowledged"])[0].number();
    let row = between(&html, "<tr><th>3.7.8</th>", "</tr>");
    assert!(row.ends_with(&format!("<td><a href=\"#line-{acknowledged}\">{acknowledged}</a></td>")), "{row}");
    // The control: nothing was destroyed in this ceremony, and no row says so.
    assert!(between(&html, "<tr><th>CC6.5</th>", "</tr>").contains("not shown"));
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
    for control in FRAMEWORKS.iter().flat_map(|(_, _, rows)| *rows) {
        for event in control.shown_by {
            assert!(event.starts_with("fact/") || known.contains(event), "{}: {event}", control.number);
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
    let event = crate::run::record::Event::Opened {
        kind: crate::plan::Kind::Unseal,
        title: "Drill",
        plan: [7; 32],
        rehearsal: true,
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
