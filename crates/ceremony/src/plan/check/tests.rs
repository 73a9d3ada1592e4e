use super::*;

fn plan(policy: &str, custodians: usize) -> Plan {
    let mut text = format!(
        "version = 1\nkind = \"create\"\ntitle = \"T\"\nstore = \"/nonexistent/store\"\noutput = \"o\"\npolicy = \"{policy}\"\n\
         steps = [\"open\", \"environment\", \"deal\", \"hand-out\", \"commit\", \"export\", \"close\"]\n"
    );
    for (name, role) in [("Ada", "administrator"), ("Grace", "witness"), ("Ida", "auditor")] {
        text.push_str(&format!(
            "[[people]]\nname = \"{name}\"\ninitials = \"{name}\"\nroles = [\"{role}\"]\n"
        ));
        text = text.replace("initials = \"Ada\"", "initials = \"A1\"");
        text = text
            .replace("initials = \"Grace\"", "initials = \"G1\"")
            .replace("initials = \"Ida\"", "initials = \"I1\"");
    }
    for number in 0..custodians {
        text.push_str(&format!(
            "[[people]]\nname = \"C{number}\"\ninitials = \"C{number}x\"\nroles = [\"custodian\"]\ncustody = \"screen\"\n"
        ));
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
    let custody = |recipient: &str| Some(Custody::Age { recipient: recipient.to_owned() });
    plan.people.last_mut().unwrap().custody = custody("age1nonsense");
    assert!(findings(&plan).iter().any(|finding| matches!(finding, Finding::Missing(_))));
}
