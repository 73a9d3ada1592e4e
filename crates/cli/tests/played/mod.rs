//! Plays a script in which people sit at a terminal.

use std::process::Command;

/// Plays `tests/SCRIPT`, and passes on what it has to say.
pub(crate) fn play(script: &str) {
    let script = format!("{}/tests/{script}", env!("CARGO_MANIFEST_DIR"));
    let played = Command::new("python3").args(["-B", &script, env!("CARGO_BIN_EXE_strongroom")]).output();
    let played = played.unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let told = text(&played.stdout);
    assert!(played.status.success() && told.ends_with("ok\n"), "{told}\n{}", text(&played.stderr));
    println!("{told}");
}
