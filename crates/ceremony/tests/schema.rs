//! The published schema says what the parser says: the same words, and the same values where they are listed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use serde_json::Value;
use strongroom_ceremony::plan::check::{Finding, findings};
use strongroom_ceremony::plan::{Kind, Plan, PlanError, Role, Step};

fn schema() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/ceremony-plan.schema.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn listed(value: &Value) -> Vec<String> {
    value["enum"].as_array().unwrap().iter().map(|word| word.as_str().unwrap().to_owned()).collect()
}

#[test]
fn listed_values_are_those_of_the_types() {
    let schema = schema();
    let words = &schema["properties"];
    assert_eq!(listed(&words["kind"]), Kind::ALL.map(Kind::word));
    assert_eq!(listed(&words["steps"]["items"]), Step::ALL.map(Step::word));
    assert_eq!(listed(&words["people"]["items"]["properties"]["roles"]["items"]), Role::ALL.map(Role::word));
}

/// What the parser says of a file that holds this one word beside what every file needs.
fn refused(line: &str, section: &str) -> Option<String> {
    let text = format!(
        "version = 1\nkind = \"create\"\ntitle = \"t\"\noutput = \"o\"\nsteps = []\n{line}\n[[people]]\nname = \"a\"\n\
         initials = \"a\"\nroles = [\"witness\"]\n{section}\n"
    );
    match Plan::parse(&text) {
        Err(PlanError::Syntax { message, .. }) => Some(message),
        _ => None,
    }
}

#[test]
fn every_word_of_the_schema_is_known_to_the_parser_and_no_other() {
    let schema = schema();
    let given = ["version", "kind", "title", "output", "steps", "people", "name", "initials", "roles"];
    let example = |word: &Value| match word["type"].as_str() {
        Some("array") => "[]",
        Some("object") => "{}",
        _ => "\"w\"",
    };
    let words = schema["properties"].as_object().unwrap();
    for (word, value) in words.iter().filter(|(word, _)| !given.contains(&word.as_str())) {
        assert_eq!(refused(&format!("{word} = {}", example(value)), ""), None, "{word}");
    }
    let person = schema["properties"]["people"]["items"]["properties"].as_object().unwrap();
    for (word, value) in person.iter().filter(|(word, _)| !given.contains(&word.as_str())) {
        assert_eq!(refused("", &format!("{word} = {}", example(value))), None, "{word}");
    }
    for (line, section) in [("colour = \"red\"", ""), ("", "colour = \"red\"")] {
        let message = refused(line, section).expect("an unknown word is refused");
        // The parser lists the words that it knows; each of them is in the schema.
        let known: Vec<&str> = message.split('`').skip(3).step_by(2).collect();
        let expected = if section.is_empty() { words } else { person };
        assert_eq!(known.len(), expected.len(), "{message}");
        for word in known {
            assert!(expected.contains_key(word), "{word}");
        }
    }
}

#[test]
fn published_example_is_a_plan_that_must_be_completed() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/examples/create.toml");
    let text = std::fs::read_to_string(path).unwrap();
    let plan = Plan::parse(&text).unwrap();
    assert_eq!(plan.kind, Kind::Create);
    assert_eq!(plan.with_role(Role::Custodian).count(), 5);
    assert_eq!(plan.policy.as_ref().unwrap().hsm_keys().count(), 1);
    assert!(plan.transcript.is_some() && plan.signers().count() == 1);
    let ways: std::collections::BTreeSet<_> =
        plan.people.iter().filter_map(|person| Some(person.custody.as_ref()?.word())).collect();
    assert_eq!(ways.len(), 4, "{ways:?}");
    // Nobody gets a share to a key that stands in an example.
    let missing: Vec<String> = findings(&plan)
        .iter()
        .filter(|f| matches!(f, Finding::Missing(_)))
        .map(|f| f.text().to_owned())
        .collect();
    for name in ["Alan Turing", "Mary Somerville", "Emmy Noether"] {
        assert!(missing.iter().any(|text| text.starts_with(name)), "{name}: {missing:?}");
    }
}

#[test]
fn patterns_of_texts_are_those_of_the_parser() {
    // Single spaces, and none at the ends: what the parser's own tests show.
    let schema = schema();
    let person = &schema["properties"]["people"]["items"]["properties"];
    for value in
        [&schema["properties"]["title"], &schema["properties"]["label"], &person["name"], &person["group"]]
    {
        assert_eq!(value["pattern"], "^\\S+( \\S+)*$");
    }
    assert_eq!(person["initials"]["pattern"], "^\\S+$");
}
