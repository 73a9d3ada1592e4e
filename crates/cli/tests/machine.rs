//! Machines that no ceremony is held on, played by `tests/machine.py`.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::process::Command;

#[test]
fn unsafe_machine_is_refused_unless_the_plan_allows_it_and_then_recorded() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/machine.py");
    let played = Command::new("python3").args(["-B", script, env!("CARGO_BIN_EXE_strongroom")]).output();
    let played = played.unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(played.status.success(), "{}\n{}", text(&played.stdout), text(&played.stderr));
    let told = text(&played.stdout);
    assert!(told.ends_with("ok\n"), "{told}");
    println!("{told}");
}
