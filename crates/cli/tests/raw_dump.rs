//! The demo's proof on the project's own source, told as evidence.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, missing_docs)]

use std::path::Path;
use std::process::Command;

use serde_json::Value;

#[test]
fn raw_dump_of_the_demo_shows_nothing_and_its_control_shows() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_strongroom"))
        .args(["--json", "demo"])
        .arg(source)
        .output()
        .expect("the demo runs");
    let text = String::from_utf8_lossy(&output.stdout);
    let told: Value = serde_json::from_str(&text)
        .unwrap_or_else(|error| panic!("{error}: {text}{}", String::from_utf8_lossy(&output.stderr)));
    let proof = &told["proof"];
    let number = |value: &Value| value.as_u64().unwrap_or_else(|| panic!("{value} is no number in {proof}"));
    let four = |part: &str| KINDS.map(|kind| number(&proof[part][kind]));
    let (looked_for, found, control) = (four("looked_for"), four("found"), four("control_found"));
    let holds = output.status.success()
        && told["ok"] == true
        && looked_for.iter().all(|count| *count > 0)
        && found.iter().all(|count| *count == 0)
        && control.iter().all(|count| *count > 0);
    let list = |counts: [u64; 4]| {
        let parts: Vec<String> =
            counts.iter().zip(WORDS).map(|(count, word)| format!("{count} {word}")).collect();
        parts.join(", ")
    };
    println!(
        "evidence: id=demo/raw-dump figure={} files in {} raw bytes: looked for {}; found {}; with a plant, found {} verdict={}",
        number(&told["files"]),
        number(&proof["raw_bytes"]),
        list(looked_for),
        list(found),
        list(control),
        if holds { "pass" } else { "fail" }
    );
    assert!(holds, "{proof}");
}

const KINDS: [&str; 4] = ["paths", "segments", "windows", "share_windows"];
const WORDS: [&str; 4] = ["paths", "segments", "windows of contents", "windows of shares"];
