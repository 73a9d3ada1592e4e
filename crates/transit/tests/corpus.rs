//! Every seed and every input that ever broke a parser, given to the fuzz targets again in each test run.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, missing_docs)]
#![allow(clippy::print_stdout, dead_code, unreachable_pub)]

use std::fs;
use std::path::{Path, PathBuf};

#[path = "../../../fuzz/src/named.rs"]
#[allow(
    clippy::all,
    clippy::pedantic,
    clippy::restriction,
    unused_imports,
    reason = "belongs to another workspace"
)]
mod targets;

fn inputs(kind: &str, target: &str) -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz").join(kind).join(target);
    let mut files: Vec<PathBuf> = fs::read_dir(directory)
        .map_or(Vec::new(), |found| found.map(|entry| entry.unwrap().path()).collect());
    files.sort();
    files
}

#[test]
fn seeds_are_accepted_and_what_once_broke_a_parser_breaks_none() {
    let (mut seeds, mut refused, mut regressions, mut cut) = (0, 0, 0, 0);
    for (name, target) in targets::NAMED_TARGETS {
        let corpus = inputs("corpus", name);
        assert!(!corpus.is_empty(), "no seeds for {name}");
        for seed in corpus {
            let bytes = fs::read(&seed).unwrap();
            let accepted = target(&bytes);
            assert!(accepted, "{} is not accepted", seed.display());
            seeds += usize::from(accepted);
            // Cut anywhere, it may be refused, but nothing may panic.
            for length in (0..bytes.len()).step_by(1 + bytes.len() / 200) {
                refused += usize::from(!target(&bytes[..length]));
                cut += 1;
            }
        }
        for regression in inputs("regressions", name) {
            target(&fs::read(regression).unwrap());
            regressions += 1;
        }
    }
    println!(
        "evidence: id=fuzz/named-keys figure={seeds} seeds accepted by {} parsers, {regressions} regressions replayed, {refused} of \
         {cut} cut seeds refused, no panic verdict={}",
        targets::NAMED_TARGETS.len(),
        if seeds > 0 && refused > 0 { "pass" } else { "fail" }
    );
}
