use crate::plan::{Kind, Plan, PlanError, Role, Step};

const CREATE: &str = r#"
version = 1
kind = "create"
title = "Root key of the payments store"
store = "/srv/store"
output = "/run/ceremony"
policy = "groups(2 of {security: 2 of 2, operations: 1 of 1})"
steps = ["open", "environment", "deal", "hand-out", "acknowledge", "commit", "export", "close"]

[[people]]
name = "Ada Byron"
initials = "AB"
roles = ["administrator"]

[[people]]
name = "Grace Hopper"
initials = "GH"
roles = ["witness"]

[[people]]
name = "Alan Turing"
initials = "AT"
roles = ["custodian"]
group = "security"
custody = "screen"

[[people]]
name = "Mary Somerville"
initials = "MS"
roles = ["custodian"]
group = "security"
custody = "paper"

[[people]]
name = "Emmy Noether"
initials = "EN"
roles = ["custodian"]
group = "operations"
custody = "screen"
"#;

const REKEY: &str = r#"
version = 1
kind = "rekey"
title = "New holders"
store = "/srv/store"
output = "/run/ceremony"
policy = "1 of 1"
requested_by = "Ada"
cooling_off = "24h"
steps = ["open", "environment", "approve", "unseal", "deal", "hand-out", "cool-off", "prove", "commit", "export", "close"]

[[people]]
name = "Ada"
initials = "A"
roles = ["administrator", "approver"]

[[people]]
name = "Grace"
initials = "G"
roles = ["witness"]

[[people]]
name = "Alan"
initials = "T"
roles = ["approver", "holder"]

[[people]]
name = "Mary"
initials = "M"
roles = ["custodian"]
custody = "screen"
"#;

fn with(plan: &str, old: &str, new: &str) -> Result<Plan, PlanError> {
    assert!(plan.contains(old), "{old}");
    Plan::parse(&plan.replacen(old, new, 1))
}

#[test]
fn plan_says_what_it_says() {
    let plan = Plan::parse(CREATE).unwrap();
    assert_eq!(plan.kind, Kind::Create);
    assert_eq!(plan.steps.first(), Some(&Step::Open));
    assert_eq!(plan.custodian(Some("security"), 2).unwrap().name, "Mary Somerville");
    assert_eq!(plan.custodian(Some("operations"), 1).unwrap().name, "Emmy Noether");
    assert!(plan.custodian(Some("operations"), 2).is_none());
    assert!(plan.custodian(None, 1).is_none());
    assert_eq!(plan.with_role(Role::Custodian).count(), 3);
    assert_eq!(Plan::parse(REKEY).unwrap().cooling_off, 24 * 60 * 60);
}

#[test]
fn every_changed_byte_changes_the_hash() {
    let hash = Plan::parse(CREATE).unwrap().hash();
    assert_ne!(Plan::parse(&format!("{CREATE}\n")).unwrap().hash(), hash);
    assert_ne!(with(CREATE, "payments", "paymentz").unwrap().hash(), hash);
    assert_eq!(Plan::parse(CREATE).unwrap().hash(), hash);
}

#[test]
fn unknown_words_are_refused_with_their_line() {
    let error = with(CREATE, "kind =", "colour = \"red\"\nkind =").unwrap_err();
    assert!(matches!(error, PlanError::Syntax { line: Some(3), .. }), "{error:?}");
    assert!(with(CREATE, "initials = \"AB\"", "initials = \"AB\"\nage = 7").is_err());
}

#[test]
fn step_that_the_kind_does_not_have_is_refused() {
    let unknown = with(CREATE, "\"deal\"", "\"dance\"").unwrap_err();
    assert!(matches!(unknown, PlanError::Value { word: "steps", .. }), "{unknown:?}");
    let foreign = with(CREATE, "\"export\"", "\"destroy\", \"export\"").unwrap_err();
    assert!(matches!(foreign, PlanError::StepOutOfPlace { step: Step::Destroy, .. }), "{foreign:?}");
    let twice = with(CREATE, "\"deal\"", "\"deal\", \"deal\"").unwrap_err();
    assert!(matches!(twice, PlanError::StepOutOfPlace { step: Step::Deal, .. }), "{twice:?}");
}

#[test]
fn only_optional_steps_may_be_left_out() {
    assert!(with(CREATE, "\"acknowledge\", ", "").is_ok());
    for step in ["open", "environment", "deal", "hand-out", "commit", "export"] {
        let error = with(CREATE, &format!("\"{step}\", "), "").unwrap_err();
        assert!(matches!(error, PlanError::StepMissing { .. }), "{step}: {error:?}");
    }
    assert!(matches!(
        with(CREATE, ", \"close\"", "").unwrap_err(),
        PlanError::StepMissing { step: Step::Close, .. }
    ));
}

#[test]
fn every_custodian_gets_a_share_and_every_share_a_custodian() {
    for (old, new) in [
        ("security: 2 of 2", "security: 2 of 3"),
        ("security: 2 of 2", "security: 1 of 1"),
        ("group = \"operations\"", "group = \"security\""),
        ("group = \"operations\"\n", ""),
        ("groups(2 of {security: 2 of 2, operations: 1 of 1})", "2 of 3"),
    ] {
        let error = with(CREATE, old, new).unwrap_err();
        assert!(matches!(error, PlanError::Custodians { .. } | PlanError::Person { .. }), "{old}: {error:?}");
    }
}

#[test]
fn people_are_told_apart_and_roles_are_not_mixed() {
    assert!(matches!(with(CREATE, "Grace Hopper", "ada byron"), Err(PlanError::Repeated(_))));
    assert!(matches!(with(CREATE, "\"GH\"", "\"AB\""), Err(PlanError::Repeated(_))));
    assert!(matches!(
        with(CREATE, "[\"witness\"]", "[\"auditor\"]"),
        Err(PlanError::NobodyIs(Role::Witness))
    ));
    let both = with(CREATE, "[\"administrator\"]", "[\"administrator\", \"witness\"]");
    assert!(matches!(both, Err(PlanError::Person { .. })));
}

#[test]
fn requester_is_never_the_only_approver() {
    let alone = with(REKEY, "[\"approver\", \"holder\"]", "[\"holder\"]");
    assert!(matches!(alone, Err(PlanError::SoleApprover(_))), "{alone:?}");
    let stranger = with(REKEY, "requested_by = \"Ada\"", "requested_by = \"Eve\"");
    assert!(matches!(stranger, Err(PlanError::UnknownPerson(_))), "{stranger:?}");
    let nobody = with(REKEY, "requested_by = \"Ada\"\n", "");
    assert!(matches!(nobody, Err(PlanError::Missing { word: "requested_by", .. })), "{nobody:?}");
}

#[test]
fn cooling_off_time_ends_before_the_new_shares_do() {
    assert!(with(REKEY, "24h", "6d").is_ok());
    for wrong in ["", "24", "h", "-1h", "24 h", "7d", "+5s", "99999999999999999999d", "9999999999999999d"] {
        let error = with(REKEY, "24h", wrong).unwrap_err();
        assert!(matches!(error, PlanError::Value { word: "cooling_off", .. }), "{wrong}: {error:?}");
    }
}

#[test]
fn words_of_another_kind_are_refused() {
    let unwanted = with(CREATE, "kind =", "backup = \"b\"\nkind =");
    assert!(matches!(unwanted, Err(PlanError::Unwanted { word: "backup", .. })));
    let missing = with(CREATE, "store = \"/srv/store\"\n", "");
    assert!(matches!(missing, Err(PlanError::Missing { word: "store", .. })));
}

#[test]
fn token_without_a_section_is_refused() {
    let policy = "groups(2 of {security: 2 of 2, operations: 1 of 1})";
    let all = "all(groups(2 of {security: 2 of 2, operations: 1 of 1}), hsm(A, root))";
    assert!(matches!(with(CREATE, policy, all), Err(PlanError::UnknownToken(_))));
    let text =
        format!("{}\n[hsm.A]\nlib = \"/usr/lib/softhsm/libsofthsm2.so\"\n", CREATE.replace(policy, all));
    let plan = Plan::parse(&text).unwrap();
    assert!(plan.hsm_configuration().contains("[hsm.A]"), "{}", plan.hsm_configuration());
}

#[test]
fn text_that_would_deceive_is_refused() {
    for title in ["", " a", "a  b"] {
        let error = with(CREATE, "Root key of the payments store", title).unwrap_err();
        assert!(matches!(error, PlanError::Value { word: "title", .. }), "{title}: {error:?}");
    }
}

#[test]
fn label_that_no_slot_takes_is_refused() {
    let labelled = |label: &str| Plan::parse(&format!("label = \"{label}\"\n{CREATE}"));
    assert!(labelled(&"王".repeat(85)).is_ok());
    let error = labelled(&"王".repeat(86)).unwrap_err();
    assert!(matches!(error, PlanError::Value { word: "label", .. }), "{error:?}");
    // The control: that many bytes are a slot's limit.
    let options = |label: &str| strongroom::InitOptions::new(label, "2 of 2".parse().unwrap());
    let made = |label: &str| {
        let storage = std::sync::Arc::new(strongroom::MemoryStorage::new());
        pollster::block_on(strongroom::Preparation::new(storage, options(label))).is_ok()
    };
    assert!(made(&"王".repeat(85)) && !made(&"王".repeat(86)));
}

#[test]
fn character_that_nobody_sees_is_refused_in_every_string_with_the_name_of_its_word() {
    let hsm = "\n[hsm.A]\nlib = \"/lib.so\"\ntoken_label = \"t\"\npin = \"env://PIN\"\n";
    let plan = format!("devices = [\"bag 7\"]\nlabel = \"board\"\n{CREATE}{hsm}")
        .replace("custody = \"paper\"", "custody = \"openpgp\"\ncertificate = \"a.asc\"\nfingerprint = \"0\"")
        .replace("\"0\"", &format!("\"{}\"", "0".repeat(40)));
    assert!(Plan::parse(&plan).is_ok(), "the control");
    for (value, word) in [
        ("bag 7", "devices"),
        ("board", "label"),
        ("Root key of", "title"),
        ("/srv/store", "store"),
        ("/run/ceremony", "output"),
        ("security: 2 of 2", "policy"),
        ("open\", \"environment", "steps"),
        ("Ada Byron", "people.name"),
        ("AB", "people.initials"),
        ("administrator", "people.roles"),
        ("group = \"security", "people.group"),
        ("a.asc", "people.certificate"),
        ("custody = \"screen", "people.custody"),
        ("/lib.so", "hsm.A.lib"),
        ("token_label = \"t", "hsm.A.token_label"),
        ("env://PIN", "hsm.A.pin"),
    ] {
        for hidden in ["\\n", "\\u001B", "\\u2060", "\\u202E", "\\u00AD", "\\u3164", "\\u00A0", "\\U000E0041"]
        {
            let error = with(&plan, value, &format!("{value}{hidden}")).unwrap_err();
            assert!(
                matches!(&error, PlanError::Hidden { word: found, .. } if found == word),
                "{word}: {error:?}"
            );
            assert!(!error.to_string().chars().any(char::is_control), "{error}");
        }
    }
    for (key, of) in
        [("[hsm.A]", "[hsm.\"A\\n\"]"), ("token_label", "\"token\\u200B\""), ("label =", "\"la\\nbel\" =")]
    {
        let error = with(&plan, key, of).unwrap_err();
        assert!(matches!(&error, PlanError::Hidden { .. }), "{of}: {error:?}");
        assert!(!error.to_string().chars().any(char::is_control), "{error}");
    }
}

#[test]
fn lookalike_of_somebody_is_refused() {
    let other = |name: &str| with(CREATE, "Grace Hopper", name);
    assert!(other("Ada Bryon").is_ok(), "the control");
    for name in ["\\u0410da Byron", "Ada Byr\\u03BFn", "\\u0391DA BYRON", "\\uFF21da Byron"] {
        let error = other(name).unwrap_err();
        assert!(matches!(error, PlanError::Alike { .. }), "{name}: {error:?}");
        assert!(error.to_string().contains("<U+"), "{error}");
    }
    for name in
        ["Ada\\u2060 Byron", "Ada\\u200C Byron", "\\uFEFFAda Byron", "Ada\\u061C Byron", "Ada\\u115F Byron"]
    {
        assert!(matches!(other(name), Err(PlanError::Hidden { .. })), "{name}");
    }
    assert!(matches!(other("Ada  Byron"), Err(PlanError::Value { word: "name", .. })));
    let composed = CREATE.replace("Ada Byron", "Ren\u{e9}");
    assert!(matches!(with(&composed, "Grace Hopper", "Rene\u{301}"), Err(PlanError::Alike { .. })));
    assert!(matches!(with(CREATE, "\"GH\"", "\"\\u0410B\""), Err(PlanError::Alike { .. })));
}

#[test]
fn requester_does_not_approve_by_a_lookalike() {
    for name in ["Ad\\u2060a", "\\u0410da", "Ada\\u00AD", "Ada\\u3164"] {
        let error = with(REKEY, "name = \"Alan\"", &format!("name = \"{name}\"")).unwrap_err();
        assert!(matches!(error, PlanError::Alike { .. } | PlanError::Hidden { .. }), "{name}: {error:?}");
    }
}

#[test]
fn initials_that_answer_a_question_are_refused() {
    for initials in ["abort", "Abort", "yes", "NO", "y", "N", "\\u0443es"] {
        let error = with(CREATE, "\"GH\"", &format!("\"{initials}\"")).unwrap_err();
        assert!(matches!(error, PlanError::Person { .. }), "{initials}: {error:?}");
    }
    for initials in ["exception", "G H"] {
        assert!(with(CREATE, "\"GH\"", &format!("\"{initials}\"")).is_err(), "{initials}");
    }
    assert!(with(CREATE, "\"GH\"", "\"YN\"").is_ok(), "the control");
}

#[test]
fn step_at_the_wrong_place_is_not_called_missing() {
    for (old, new, step, before) in [
        ("\"unseal\", \"deal\"", "\"deal\", \"unseal\"", Step::Unseal, Step::Deal),
        ("\"prove\", \"commit\"", "\"commit\", \"prove\"", Step::Prove, Step::Commit),
        ("\"cool-off\", \"prove\"", "\"prove\", \"cool-off\"", Step::CoolOff, Step::Commit),
    ] {
        let error = with(REKEY, old, new).unwrap_err();
        assert!(error.to_string().contains("stands in the wrong place"), "{error}");
        assert!(
            matches!(error, PlanError::StepMisplaced { step: s, before: b, .. } if (s, b) == (step, before)),
            "{error:?}"
        );
    }
}

#[test]
fn version_of_another_time_is_refused() {
    assert!(matches!(with(CREATE, "version = 1", "version = 2"), Err(PlanError::Version(2))));
}

#[test]
fn custody_needs_its_words_and_no_others() {
    for wrong in [
        "custody = \"age\"",
        "custody = \"openpgp\"",
        "custody = \"openpgp\"\ncertificate = \"a.asc\"",
        "custody = \"openpgp\"\ncertificate = \"a.asc\"\nfingerprint = \"DEADBEEF\"",
        "custody = \"screen\"\nrecipient = \"age1\"",
        "custody = \"mail\"",
    ] {
        let error = with(CREATE, "custody = \"paper\"", wrong).unwrap_err();
        assert!(matches!(error, PlanError::Person { .. } | PlanError::Value { .. }), "{wrong}: {error:?}");
    }
}

#[test]
fn pin_in_a_plan_is_refused_and_not_repeated() {
    let section = |pin: &str| format!("{CREATE}\n[hsm.A]\npin = \"{pin}\"\n");
    let error = Plan::parse(&section("123456")).unwrap_err();
    assert!(matches!(error, PlanError::Pin) && !error.to_string().contains("123456"), "{error}");
    assert!(Plan::parse(&section("env://STRONGROOM_PIN")).is_ok());
}
