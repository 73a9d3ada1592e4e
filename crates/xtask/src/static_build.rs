//! The ceremonies' program without HSMs, linked statically, and run where there is nothing but itself.

use std::fs;
use std::path::{Path, PathBuf};

use crate::arguments::Arguments;
use crate::shell::{self, Failure, Outcome, Program};

pub(crate) fn command(arguments: &mut Arguments) -> Outcome {
    arguments.finish()?;
    let target = shell::target_directory()?;
    let program = target.join(TARGET).join("release/strongroom-ceremony");
    Program::cargo().env("RUSTFLAGS", "-C target-feature=+crt-static").words(BUILD).run()?;
    let linked = Program::new("ldd").arg(&program).capture()?;
    if !(linked.stdout.clone() + &linked.stderr).contains(STATICALLY) {
        return Err(Failure::new(format!("it is not linked statically: {}", linked.stdout)));
    }
    let room = empty_room(&target, &program)?;
    for (words, code, says) in TRIALS {
        let ran = Program::new("chroot").arg(&room).arg("/strongroom-ceremony").words(words).capture()?;
        let said = ran.stdout + &ran.stderr;
        if ran.code != Some(*code) || !said.contains(says) {
            return Err(Failure::new(format!("`{words}` ended with {:?} and said: {said}", ran.code)));
        }
        println!("in an empty room, `strongroom-ceremony {words}`: as it must");
    }
    fs::remove_dir_all(&room).map_err(Failure::while_doing("the room could not be removed"))?;
    let bytes = fs::metadata(&program).map_err(Failure::while_doing("the program"))?.len();
    println!("{}: {STATICALLY}, {} MiB", program.display(), bytes >> 20);
    Ok(())
}

/// A directory that holds the program and two plans, to become the root of all that it sees.
fn empty_room(target: &Path, program: &Path) -> Result<PathBuf, Failure> {
    let failed = || Failure::while_doing("the empty room could not be made");
    let room = target.join("empty-room");
    let _ = fs::remove_dir_all(&room);
    fs::create_dir_all(&room).map_err(failed())?;
    fs::copy(program, room.join("strongroom-ceremony")).map_err(failed())?;
    fs::write(room.join("shares.toml"), PLAN).map_err(failed())?;
    fs::write(room.join("token.toml"), format!("{PLAN}\n[hsm.A]\nlib = \"/lib/a.so\"\n")).map_err(failed())?;
    Ok(room)
}

/// Words, exit code, and what is said.
const TRIALS: &[(&str, i32, &str)] = &[
    ("--version", 0, "strongroom-ceremony"),
    ("plan check /shares.toml", 0, "any 2 of 3 custodians together"),
    ("plan check /token.toml", 5, "built without"),
    (
        "verify /shares.toml --key 0000000000000000000000000000000000000000000000000000000000000000",
        6,
        "no evidence",
    ),
];
const TARGET: &str = "x86_64-unknown-linux-gnu";
const STATICALLY: &str = "statically linked";
const BUILD: &str = "build --locked --release --target x86_64-unknown-linux-gnu -p strongroom-cli --bin strongroom-ceremony \
                     --no-default-features";
const PLAN: &str = r#"version = 1
kind = "create"
title = "Root key"
store = "/store"
output = "/output"
policy = "2 of 3"
steps = ["open", "environment", "deal", "hand-out", "commit", "export", "close"]

[[people]]
name = "Ada"
initials = "AB"
roles = ["administrator"]

[[people]]
name = "Grace"
initials = "GH"
roles = ["witness"]

[[people]]
name = "Alan"
initials = "AT"
roles = ["custodian"]
custody = "screen"

[[people]]
name = "Mary"
initials = "MS"
roles = ["custodian"]
custody = "screen"

[[people]]
name = "Emmy"
initials = "EN"
roles = ["custodian"]
custody = "screen"
"#;
