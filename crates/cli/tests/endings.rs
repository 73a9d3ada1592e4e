//! Ceremonies that end before their end, played by `tests/endings.py`.
#![allow(clippy::unwrap_used)]

use std::process::Command;

#[test]
fn ceremony_that_ends_early_leaves_no_share_behind_and_nobody_answers_for_others() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/endings.py");
    let played = Command::new("python3").args(["-B", script, env!("CARGO_BIN_EXE_strongroom")]).output();
    let played = played.unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(played.status.success(), "{}\n{}", text(&played.stdout), text(&played.stderr));
    assert_eq!(text(&played.stdout), "ok\n");
}
