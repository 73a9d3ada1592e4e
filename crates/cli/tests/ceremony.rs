//! Whole ceremonies at a terminal, played by `tests/ceremony.py`.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::process::Command;

#[test]
fn ceremonies_go_right_at_a_terminal_and_leave_no_share_behind() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/ceremony.py");
    let played = Command::new("python3").args(["-B", script, env!("CARGO_BIN_EXE_strongroom")]).output();
    let played = played.unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(played.status.success(), "{}\n{}", text(&played.stdout), text(&played.stderr));
    let told = text(&played.stdout);
    assert!(told.ends_with("ok\n"), "{told}");
    println!("{told}");
}
