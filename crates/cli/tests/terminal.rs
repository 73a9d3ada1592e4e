//! A person at a terminal, played by `tests/terminal.py`.
#![allow(clippy::unwrap_used)]

use std::process::Command;

#[test]
fn shares_are_shown_once_typed_without_echo_corrected_and_proved() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/terminal.py");
    let output =
        Command::new("python3").args(["-B", script, env!("CARGO_BIN_EXE_strongroom")]).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}\n{}", text(&output.stdout), text(&output.stderr));
    assert_eq!(text(&output.stdout), "ok\n");
}
