use std::collections::VecDeque;

use super::*;
use crate::plan::check::{Finding, findings};
use crate::plan::{Custody, Role};

/// Answers in order, and what was refused.
struct Answers {
    rest: VecDeque<String>,
    refused: Vec<String>,
}

impl Questions for Answers {
    fn ask(&mut self, question: &str, default: &str) -> Result<String, AskError> {
        let answer = self.rest.pop_front().ok_or_else(|| AskError::Gone(question.to_owned()))?;
        Ok(if answer.is_empty() { default.to_owned() } else { answer })
    }

    fn refuse(&mut self, why: &str) -> Result<(), AskError> {
        self.refused.push(why.to_owned());
        Ok(())
    }
}

fn answered(answers: &[&str]) -> (Result<String, Unfinished>, Vec<String>) {
    let rest = answers.iter().map(|answer| (*answer).to_owned()).collect();
    let mut questions = Answers { rest, refused: Vec::new() };
    let asked = ask(&mut questions);
    assert!(questions.rest.is_empty() || asked.is_err(), "answers are left: {:?}", questions.rest);
    (asked, questions.refused)
}

fn plan(answers: &[&str]) -> (Plan, String, Vec<String>) {
    let (text, refused) = answered(answers);
    let text = text.unwrap_or_else(|unfinished| panic!("{unfinished:?} after {refused:?}"));
    (Plan::parse(&text).unwrap(), text, refused)
}

#[test]
fn somebody_with_several_roles_is_asked_of_once_and_nobody_gets_two_shares() {
    let (plan, _, refused) = plan(&[
        "rekey",
        "New holders",
        "store",
        "out",
        "",
        "2 of 2",
        "Ada Byron",
        "24h",
        // Ada leads too, and cannot be the witness.
        "Ada Byron",
        "",
        "Ada Byron",
        "Grace Hopper",
        "",
        "",
        // Ada asked for it, and cannot be the other approver.
        "Ada Byron",
        "Emmy Noether",
        "",
        // Emmy gets one share and not the other; the initials of Ada are taken.
        "Emmy Noether",
        "",
        "Emmy Noether",
        "Alan Bell",
        "",
        "ab",
        "AlB",
        "Ada Byron",
        "Emmy Noether",
        "",
        "",
        "",
        "",
    ]);
    let people: Vec<_> =
        plan.people.iter().map(|person| (person.initials.as_str(), person.roles.len())).collect();
    assert_eq!(people, [("AB", 2), ("GH", 1), ("EN", 3), ("AlB", 1)]);
    assert_eq!(plan.requested_by.as_deref(), Some("Ada Byron"));
    assert_eq!(refused.len(), 4, "{refused:?}");
}

#[test]
fn whoever_asked_is_in_the_plan() {
    let (plan, ..) = plan(&[
        "destruction",
        "End",
        "store",
        "out",
        "",
        "Kurt G",
        "Lead",
        "L",
        "Wit",
        "W",
        "",
        "Other",
        "O",
        "Hold",
        "H",
        "",
        "",
        "",
        "",
        "",
    ]);
    assert!(plan.person("Kurt G").unwrap().is(Role::Approver));
}

const CREATE: [&str; 6] = ["create", "Payments", "store", "out", "", "2 of 2"];

#[test]
fn answers_become_a_plan_that_says_them() {
    let answers = [
        "make",
        "create",
        "Payments",
        "store",
        "out",
        "",
        "groups(2 of {a: 1 of 1, b: 1 of 1})",
        "Ada Byron",
        "",
        "Grace Hopper",
        "",
        "",
        "Alan",
        "paper",
        "AT",
        "Mary",
        "",
        "",
        "",
        "",
    ];
    let mut swapped = answers;
    swapped.swap(13, 14);
    assert!(answered(&swapped).0.is_err(), "the control: answers out of place");
    let (plan, text, _) = plan(&answers);
    assert_eq!(
        (plan.kind, plan.title.as_str(), plan.label.as_str()),
        (Kind::Create, "Payments", "custodians")
    );
    assert_eq!(plan.custodian(Some("a"), 1).unwrap().initials, "AT");
    assert_eq!(plan.custodian(Some("b"), 1).unwrap().name, "Mary");
    assert_eq!(plan.person("Ada Byron").unwrap().initials, "AB");
    assert!(plan.transcript.is_none() && plan.software.is_none());

    // What was left out stands where it can be put in.
    let digits = "0".repeat(64);
    let completed = text
        .replace("# software = \"…\"", &format!("software = \"{digits}\""))
        .replace("# transcript_fingerprint = \"…\"", &format!("transcript_fingerprint = \"{digits}\""))
        .replace("# transcript_key = \"hsm(TOKEN, KEY)\"", "transcript_key = \"hsm(A, log)\"")
        .replace("# suite = \"x-wing\"", "suite = \"p-256\"")
        + "[hsm.A]\nlib = \"/lib.so\"\n";
    let plan = Plan::parse(&completed).unwrap();
    assert!(plan.transcript.is_some() && plan.software.is_some() && plan.suite == strongroom::Suite::P256);
}

#[test]
fn plan_with_hsms_says_where_they_are_and_no_pin_that_was_not_given() {
    let [one, two] = ["1", "2"].map(|digit| digit.repeat(64));
    let (plan, text, refused) = plan(&[
        "create",
        "",
        "/nonexistent/store",
        "out",
        "",
        "all(2 of 2, hsm(main, root))",
        "Ada Byron",
        "",
        "Grace Hopper",
        "",
        "",
        "Alan",
        "",
        "",
        "Mary",
        "",
        "",
        // The transcript's key, and who co-signs.
        "transcript",
        "hsm(main, log)",
        "01",
        &one,
        "Emmy",
        "Grace Hopper",
        "hsm(card, grace)",
        &one,
        &two,
        "Grace Hopper",
        "",
        // Software, then the two HSMs.
        "7",
        "",
        "lib.so",
        "/nonexistent/main.so",
        "Main token",
        "1234",
        "file:///run/pin",
        "maybe",
        "no",
        "/nonexistent/card.so",
        "",
        "",
    ]);
    assert_eq!(plan.transcript.as_ref().unwrap().fingerprint.to_string(), one);
    let signer = plan.person("Grace Hopper").unwrap().signing.as_ref().unwrap();
    assert_eq!((signer.key.token(), signer.fingerprint.to_string()), ("card", two));
    let word =
        |token: &str, word: &str| plan.hsm[token].get(word).and_then(toml::Value::as_str).map(str::to_owned);
    assert_eq!(word("main", "pin").as_deref(), Some("file:///run/pin"));
    assert_eq!(word("main", "token_label").as_deref(), Some("Main token"));
    assert_eq!((word("card", "pin"), word("card", "token_label").as_deref()), (None, Some("card")));
    assert!(plan.hsm["main"].get("generate_key").is_none() && text.contains("# generate_key = true"));
    assert_eq!(refused.len(), 9, "{refused:?}");
    assert!(!refused.concat().contains("1234") && !text.contains("1234"), "a PIN was repeated");
    for finding in findings(&plan) {
        // Nothing is wrong but what this machine or this program lacks.
        let lacks =
            ["is not on this machine", "built without"].iter().any(|words| finding.text().contains(words));
        assert!(matches!(finding, Finding::Unwise(_)) || lacks, "{finding:?}");
    }
}

#[test]
fn drill_of_a_store_with_an_hsm_has_its_section() {
    let directory = tempfile::tempdir().unwrap();
    let store = directory.path().join("store");
    let (plan, _, refused) = plan(&[
        "unseal",
        "",
        store.to_str().unwrap(),
        "out",
        "",
        "Ada",
        "",
        "Grace",
        "",
        "",
        "Mary",
        "",
        "",
        "",
        "",
        "a(b",
        "main, a b, main",
        "/nonexistent/main.so",
        "",
        "",
        "/nonexistent/other.so",
        "",
        "",
    ]);
    assert_eq!(plan.hsm.keys().collect::<Vec<_>>(), ["a b", "main"]);
    assert_eq!(refused.len(), 1, "{refused:?}");
}

#[test]
fn custody_that_nothing_comes_of_is_asked_for_again() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("mary.asc");
    std::fs::write(&file, "no certificate").unwrap();
    let people = ["Ada", "", "Grace", "", "", "Alan"];
    let recipient = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";
    let secret = "AGE-SECRET-KEY-1QQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQ";
    let zeros = "0".repeat(40);
    let custody = [
        "papr",
        "age1nonsense",
        secret,
        // A certificate's file that holds none: given up.
        file.to_str().unwrap(),
        "DEADBEEF",
        &zeros,
        "",
        "PAPER",
        "",
        "Mary",
        recipient,
        "",
        "",
        "",
    ];
    let (plan, _, refused) = plan(&[&CREATE[..], &people, &custody].concat());
    let of = |name: &str| plan.person(name).unwrap().custody.clone();
    assert_eq!(of("Alan"), Some(Custody::Paper));
    assert_eq!(of("Mary"), Some(Custody::Age { recipient: recipient.to_owned() }));
    assert_eq!(refused.len(), 5, "{refused:?}");
    assert!(refused[0].contains("no file of this name") && !refused.concat().contains(secret), "{refused:?}");
}

#[test]
fn names_and_initials_that_a_plan_refuses_are_refused_at_once() {
    let people = [
        // A character that nobody sees; a command; a lookalike; one that was taken, in the default as well.
        "Ad\u{2060}a",
        "Ada",
        "abort",
        "",
        "\u{410}da",
        "ada",
        "Ala Y",
        "AL",
        "",
        "Adam",
        "",
        "A",
        "",
        "Ala Yo",
        "",
        "",
        "",
        "",
    ];
    let (plan, _, refused) = plan(&[&CREATE[..], &people].concat());
    let initials: Vec<_> = plan.people.iter().map(|person| person.initials.as_str()).collect();
    assert_eq!(initials, ["A", "AL", "Ad", "AY"], "{refused:?}");
    assert_eq!(refused.len(), 5, "{refused:?}");
}

#[test]
fn share_check_has_a_holder() {
    let (plan, _, refused) = plan(&[
        "share-check",
        "",
        "out",
        "slots.txt",
        "",
        "Ada",
        "",
        "Grace",
        "",
        "",
        "",
        "Mary",
        "",
        "",
        "",
        "",
    ]);
    assert!(plan.person("Mary").unwrap().is(Role::Holder));
    assert_eq!(refused, ["somebody's share must be checked"]);
}

#[test]
fn what_was_answered_is_kept() {
    let unfinished = answered(&[&CREATE[..], &["Ada Byron", "", "Grace"]].concat()).0.unwrap_err();
    assert!(matches!(unfinished.error, AskError::Gone(_)));
    let draft = unfinished.draft.unwrap();
    for words in
        ["kind = \"create\"", "title = \"Payments\"", "policy = ", "name = \"Ada Byron\"", "\"commit\""]
    {
        assert!(draft.contains(words), "{words} in {draft}");
    }
    // It is a file that can be read, and that lacks what was not asked.
    let lacking = Plan::parse(&draft).unwrap_err();
    assert!(matches!(lacking, PlanError::NobodyIs(Role::Witness)), "{lacking}");
    assert!(answered(&[]).0.unwrap_err().draft.is_none());
}

#[test]
fn answers_that_do_not_fit_together_are_kept_with_the_error() {
    let rest = CREATE.iter().map(|answer| (*answer).to_owned()).collect();
    let mut questions = Answers { rest, refused: Vec::new() };
    let mut interview = Interview { questions: &mut questions, draft: Draft::default() };
    assert!(interview.everything().is_err());
    let unfinished = finished(&interview.draft, Ok(())).unwrap_err();
    assert!(matches!(unfinished.error, AskError::Plan(_)), "{unfinished:?}");
    assert!(unfinished.draft.unwrap().contains("Payments"));
}
