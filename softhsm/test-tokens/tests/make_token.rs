//! The script `softhsm/make-token` makes what it says, and refuses what it could not quote.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

fn make_token(label: &str, directory: &Path) -> Output {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../make-token");
    Command::new(script).arg(label).arg(directory).output().unwrap()
}

#[test]
fn script_makes_a_token_and_its_section_of_the_configuration() {
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("trial");
    let output = make_token("a trial", &directory);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let section = fs::read_to_string(directory.join("strongroom.toml")).unwrap();
    assert!(section.contains("[hsm.main]") && section.contains("token_label = \"a trial\""), "{section}");
    assert!(section.contains(&format!("pin_file = \"{}/pin\"", directory.display())), "{section}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("token_label = \"a trial\""));
    let mode = fs::metadata(directory.join("pin")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let slots = Command::new("softhsm2-util")
        .arg("--show-slots")
        .env("SOFTHSM2_CONF", directory.join("softhsm2.conf"))
        .output()
        .unwrap();
    let slots = String::from_utf8_lossy(&slots.stdout).into_owned();
    let lines = || slots.lines().filter_map(|line| line.split_once(':'));
    assert!(lines().any(|(name, value)| name.trim() == "Label" && value.trim() == "a trial"), "{slots}");
}

#[test]
fn script_refuses_a_directory_that_is_there_and_a_label_with_quotes() {
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("trial");
    for (label, directory) in [("fine", parent.path()), ("a\"b", &directory), ("", &directory)] {
        let output = make_token(label, directory);
        assert!(!output.status.success(), "{label}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("make-token: "));
    }
    assert!(!directory.exists());
}
