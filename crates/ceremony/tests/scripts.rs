//! Plays the ceremonies in `tests/scripts`: plans, and what is shown, asked and answered.
//!
//! ```text
//! --- plan
//! the plan file, in which $DIR is a directory of the script's own
//! --- talk
//! a script, as `run::conversation::Script` draws it
//! --- ends
//! complete, or cooling, or aborted, or the beginning of an error
//! ```
//!
//! Several ceremonies may follow each other in one file; shares keep their names. `$HSM` stands for the section of a SoftHSM
//! token, for which the feature `hsm` is needed. Between two ceremonies
//!
//! ```text
//! --- backup
//! names of shares, which open the store: it goes into $DIR/backup, and is lost
//! ```
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use common::Notes;
use strongroom_ceremony::plan::Plan;
use strongroom_ceremony::run::conversation::Script;
use strongroom_ceremony::run::{Ended, Setting, run};

/// The section of a token, which all scripts share.
#[cfg(feature = "hsm")]
#[expect(clippy::unnecessary_wraps, reason = "without the feature there is none")]
fn section() -> Option<String> {
    use strongroom_test_tokens::TestToken;
    static TOKEN: std::sync::OnceLock<TestToken> = std::sync::OnceLock::new();
    let token = TOKEN.get_or_init(|| TestToken::softhsm("scripts").unwrap_or_else(|error| panic!("{error}")));
    Some(format!(
        "[hsm.A]\nlib = '{}'\ntoken_label = '{}'\npin = 'file://{}'\ngenerate_key = true\n",
        token.lib().display(),
        token.label(),
        token.pin_file().display()
    ))
}

#[cfg(not(feature = "hsm"))]
fn section() -> Option<String> {
    None
}

fn setting(plan: &Plan) -> Setting {
    let rehearsal = plan.title.contains("rehearsal");
    #[cfg(feature = "hsm")]
    if !plan.hsm.is_empty() {
        let hsm = std::sync::Arc::new(strongroom_ceremony::hsm::hsms(plan).unwrap());
        return Setting { hsm, rehearsal, ..Setting::default() };
    }
    Setting { rehearsal, ..Setting::default() }
}

/// Writes a backup of the store, and loses it.
fn back_up(directory: &Path, known: &common::Shares, whose: &str) {
    let share = |name: &str| (name.to_owned(), known[name].clone());
    let shares = whose.trim().split(", ").map(share).collect();
    let store = common::open(directory, &shares, "").expect("these shares open the store");
    let mut backup = fs::File::create(directory.join("backup")).unwrap();
    pollster::block_on(store.backup(&mut backup, |_, _| std::ops::ControlFlow::Continue(()))).unwrap();
    pollster::block_on(store.seal());
    drop(store);
    fs::remove_dir_all(common::store_path(directory)).unwrap();
}

/// How many ceremonies it was. None where a script needs what this program was built without.
fn play(path: &Path) -> usize {
    let directory = common::directory();
    let mut text = fs::read_to_string(path).unwrap().replace("$DIR", directory.path().to_str().unwrap());
    if text.contains("$HSM") {
        let Some(section) = section() else { return 0 };
        text = text.replace("$HSM", &section);
    }
    let mut known = BTreeMap::new();
    let mut ceremonies = 0;
    let mut sections = text.split("--- ").skip(1);
    while let Some(section) = sections.next() {
        if let Some(whose) = section.strip_prefix("backup\n") {
            back_up(directory.path(), &known, whose);
            continue;
        }
        let plan = Plan::parse(section.strip_prefix("plan\n").expect("a plan")).unwrap();
        let talk = sections.next().and_then(|section| section.strip_prefix("talk\n")).expect("a talk");
        let ends = sections.next().and_then(|section| section.strip_prefix("ends\n")).expect("an end").trim();
        let mut script = Script::new(talk, known);
        let mut notes = Notes::default();
        let ended = match run(&plan, setting(&plan), &mut script, &mut notes) {
            Ok(Ended::Complete) => "complete".to_owned(),
            Ok(Ended::Cooling { .. }) => "cooling".to_owned(),
            Ok(Ended::Aborted) => "aborted".to_owned(),
            Err(error) => error.to_string(),
        };
        assert!(
            ended.starts_with(ends),
            "{}, ceremony {}: {ended}, expected {ends}\n{}",
            path.display(),
            ceremonies + 1,
            script.shown().join("\n")
        );
        assert_eq!(script.left(), None, "{}: the script goes on", path.display());
        let public = [script.shown().join("\n"), notes.lines.join("\n")].concat();
        known = script.into_kept();
        // Canary: of no share is anything but its set in what everybody saw, or in the transcript.
        for (name, share) in &known {
            let secret = share.split(' ').skip(6).filter(|block| block.len() == 6);
            for block in secret {
                assert!(!public.contains(block), "{}: {name}'s share was seen", path.display());
            }
        }
        ceremonies += 1;
    }
    ceremonies
}

#[test]
fn every_ceremony_goes_as_it_is_written() {
    let only = std::env::var("SCRIPT").ok();
    let mut scripts: Vec<_> = fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/scripts"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            only.as_ref().is_none_or(|only| path.file_stem().is_some_and(|stem| stem == only.as_str()))
        })
        .collect();
    scripts.sort();
    assert!(!scripts.is_empty());
    let played: usize = scripts.iter().map(|script| play(script)).sum();
    assert!(only.is_some() || played >= 6, "{played}");
    let files = scripts.len();
    println!(
        "evidence: id=ceremony/scripts figure={played} ceremonies of {files} files went as written verdict=pass"
    );
}

#[test]
fn ceremony_that_differs_from_its_script_is_noticed() {
    let directory = common::directory();
    let good = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/scripts/create.txt")).unwrap();
    let path = directory.path().join("wrong.txt");
    fs::write(&path, good.replacen("? Witness: step \"commit\"", "? Witness: step \"export\"", 1)).unwrap();
    assert!(std::panic::catch_unwind(|| play(&path)).is_err());
}
