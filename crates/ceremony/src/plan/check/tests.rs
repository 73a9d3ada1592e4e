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
