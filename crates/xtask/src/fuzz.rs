//! Fuzzing the parsers that meet untrusted bytes, with libFuzzer, on stable Rust.
//!
//! The targets are ordinary libFuzzer programs, so `cargo fuzz` runs them too. This drives them without it: coverage
//! comes from LLVM's own pass, which needs no nightly compiler, and no sanitizer is built in (there is no `unsafe` in
//! the parsers; a panic, an overflow or a hang is what there is to find). Nothing is compiled with `--cfg fuzzing`,
//! because libraries weaken their cryptography under it.

use std::path::{Path, PathBuf};

use crate::arguments::Arguments;
use crate::machine;
use crate::shell::{self, Captured, Failure, Outcome, Program};
use crate::table::Table;
use crate::tidy::File;

pub(crate) fn command(arguments: &mut Arguments) -> Outcome {
    let (list, smoke, seed) = (arguments.flag("--list"), arguments.flag("--smoke"), arguments.flag("--seed"));
    let (seconds, hours) = (arguments.number("--seconds")?, arguments.number("--hours")?);
    let target = arguments.word();
    arguments.finish()?;
    match (target, list, smoke, seed) {
        (None, true, false, false) => {
            let mut table = Table::new(&["target", "parses"]);
            for (name, parses) in TARGETS {
                table.row([(*name).to_string(), (*parses).to_string()]);
            }
            print!("{}", table.text());
            Ok(())
        }
        (None, false, true, false) => run_smoke(seconds.unwrap_or(SMOKE_SECONDS)),
        (None, false, false, true) => write_seeds(),
        (Some(target), false, false, false) => {
            campaign(&target, seconds.or(hours.map(|hours| hours * SECONDS_PER_HOUR)))
        }
        _ => Err(Failure::new("say one of --list, --smoke, --seed, or one target; --help tells more")),
    }
}

fn run_smoke(seconds: f64) -> Outcome {
    let programs = build(TARGETS.iter().map(|(name, _)| *name))?;
    let mut table = Table::new(&["target", "runs", "seeds", "result"]);
    let mut broken = Vec::new();
    for (name, _) in TARGETS {
        let seeds = count_files(&corpus(name));
        if seeds == 0 {
            return Err(Failure::new(format!(
                "fuzz/corpus/{name} is empty: `cargo xtask fuzz --seed` fills it"
            )));
        }
        let captured = fuzz(&programs, name, Some(seconds))?.capture()?;
        let runs = statistic(&captured, "number_of_executed_units");
        // libFuzzer that executed nothing would exit with 0 as well.
        let passed = captured.success && runs >= seeds;
        if !passed {
            broken.push(*name);
            eprintln!("── {name}\n{}", captured.stderr);
        }
        let result = if passed { "passed" } else { "FAILED" };
        table.row([(*name).into(), runs.to_string(), seeds.to_string(), result.into()]);
    }
    println!("{}", table.text());
    println!("{} passed, {} failed", TARGETS.len() - broken.len(), broken.len());
    if broken.is_empty() {
        return Ok(());
    }
    Err(Failure::new(format!(
        "fuzzing found something in: {} (inputs lie in fuzz/artifacts)",
        broken.join(", ")
    )))
}

/// A long run of one target; what it found and how far it came goes into fuzz/RESULTS.md.
fn campaign(target: &str, seconds: Option<f64>) -> Outcome {
    let known = TARGETS.iter().any(|(name, _)| *name == target);
    if !known {
        return Err(Failure::new(format!("there is no fuzz target `{target}`; --list names them")));
    }
    let programs = build([target])?;
    let Some(seconds) = seconds else { return fuzz(&programs, target, None)?.run() };
    println!("{target}: fuzzing for {seconds:.0} s …");
    let captured = fuzz(&programs, target, Some(seconds))?.capture()?;
    let result = if captured.success { "nothing found" } else { "FOUND SOMETHING: see fuzz/artifacts" };
    let row = format!(
        "| {} | {target} | {:.2} | {} | {} | {result} |\n",
        machine::today(),
        seconds / SECONDS_PER_HOUR,
        statistic(&captured, "number_of_executed_units"),
        coverage(&captured.stderr).unwrap_or_else(|| "?".into()),
    );
    print!("{row}");
    let path = shell::root().join(RESULTS);
    let before = std::fs::read_to_string(&path).unwrap_or_else(|_| RESULTS_HEAD.into());
    shell::write_file(&path, &(before + &row))?;
    if captured.success {
        return Ok(());
    }
    eprintln!("{}", captured.stderr);
    Err(Failure::new(format!("{target} failed; the input lies in fuzz/artifacts/{target}")))
}

/// Builds the targets with coverage feedback and debug assertions; returns the directory of the programs.
fn build<'a>(targets: impl IntoIterator<Item = &'a str>) -> Result<PathBuf, Failure> {
    let (target_directory, host) = (shell::target_directory()?.join("fuzz"), host()?);
    let mut cargo = Program::cargo()
        .env("RUSTFLAGS", COVERAGE)
        .env("CARGO_TARGET_DIR", &target_directory)
        .words("build --release --manifest-path fuzz/Cargo.toml --target")
        // Naming the host keeps these flags away from build scripts and procedural macros.
        .arg(&host);
    for target in targets {
        cargo = cargo.arg("--bin").arg(target);
    }
    cargo.run()?;
    Ok(target_directory.join(host).join("release"))
}

/// The program of a target: what is new goes into the target directory, seeds and regressions are read.
fn fuzz(programs: &Path, target: &str, seconds: Option<f64>) -> Result<Program, Failure> {
    let found = shell::target_directory()?.join("fuzz/corpus").join(target);
    let artifacts = shell::root().join("fuzz/artifacts").join(target);
    let regressions = shell::root().join("fuzz/regressions").join(target);
    for directory in [&found, &artifacts] {
        std::fs::create_dir_all(directory)
            .map_err(Failure::while_doing(format!("cannot make {}", directory.display())))?;
    }
    let mut program = Program::new(programs.join(target))
        .words(&format!("-print_final_stats=1 -timeout=20 -rss_limit_mb=2048 -max_len={LONGEST_INPUT}"))
        .arg(format!("-artifact_prefix={}/", artifacts.display()))
        .arg(found)
        .arg(corpus(target));
    if let Some(seconds) = seconds {
        program = program.arg(format!("-max_total_time={:.0}", seconds.ceil()));
    }
    if regressions.is_dir() {
        program = program.arg(regressions);
    }
    Ok(program)
}

fn write_seeds() -> Outcome {
    Program::cargo()
        .env("CARGO_TARGET_DIR", shell::target_directory()?.join("fuzz-seeds"))
        .words("run --manifest-path fuzz/Cargo.toml --features seeds --bin seeds -- fuzz/corpus")
        .run()
}

fn corpus(target: &str) -> PathBuf {
    shell::root().join("fuzz/corpus").join(target)
}

fn count_files(directory: &Path) -> usize {
    std::fs::read_dir(directory)
        .map_or(0, |entries| entries.flatten().filter(|entry| entry.path().is_file()).count())
}

fn host() -> Result<String, Failure> {
    let printed = Program::new("rustc").arg("-vV").capture()?.stdout;
    let host = printed.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(String::from).ok_or_else(|| Failure::new("`rustc -vV` names no host"))
}

/// A figure of libFuzzer's closing statistics, 0 when there is none.
fn statistic(captured: &Captured, name: &str) -> usize {
    let lines = captured.stderr.lines().rev();
    let mut values =
        lines.filter_map(|line| line.strip_prefix("stat::")?.strip_prefix(name)?.strip_prefix(':'));
    values.next().and_then(|value| value.trim().parse().ok()).unwrap_or(0)
}

/// The last `cov: N` that libFuzzer printed.
fn coverage(stderr: &str) -> Option<String> {
    let (_, rest) = stderr.rsplit_once(" cov: ")?;
    rest.split_whitespace().next().map(String::from)
}

/// Where the table below, the manifest and the programs disagree: path and message.
pub(crate) fn registry_problems(files: &[File]) -> Vec<(String, String)> {
    let mut problems = Vec::new();
    let sources: Vec<&str> = files
        .iter()
        .filter_map(|file| file.path.strip_prefix("fuzz/fuzz_targets/")?.strip_suffix(".rs"))
        .collect();
    let manifest = files.iter().find(|file| file.path == "fuzz/Cargo.toml").map_or("", |file| &file.text);
    for (name, _) in TARGETS {
        if !sources.contains(name) {
            problems.push((
                format!("fuzz/fuzz_targets/{name}.rs"),
                "is in xtask's table of targets, but missing".into(),
            ));
        }
        if !manifest.contains(&format!("name = \"{name}\"")) {
            problems.push(("fuzz/Cargo.toml".into(), format!("has no [[bin]] for the target {name}")));
        }
    }
    for name in sources {
        if !TARGETS.iter().any(|(known, _)| *known == name) {
            let message = "is not in the table of crates/xtask/src/fuzz.rs, so nothing runs it";
            problems.push((format!("fuzz/fuzz_targets/{name}.rs"), message.into()));
        }
    }
    problems
}

/// Every parser that meets bytes which somebody else may have written.
const TARGETS: &[(&str, &str)] = &[
    ("record", "a sealed record, opened under a known key"),
    ("hpke", "a wrapped key, opened with a known slot's key pair"),
    ("share_text", "a share as a person types it"),
    ("vault_share", "a share in Vault's raw form"),
    ("policy", "a slot's policy in bytes"),
    ("policy_text", "a slot's policy as a person writes it"),
    ("slot_set", "the slots as they lie in storage"),
    ("hsm_wrapped", "what a key in an HSM wrapped"),
    ("keyring", "a keyring's plaintext"),
    ("head", "a head's plaintext"),
    ("path", "a path as a person writes it"),
    ("storage_key", "an entry's storage key and padded segment"),
    ("entry", "an entry's plaintext"),
    ("envelope_header", "the header of an encrypted object, in either form"),
    ("envelope_small", "a small encrypted object, opened under a key that binds nothing"),
    ("envelope_stream", "an encrypted stream, by every way it can be read"),
    ("rewrap_state", "how far a rewrap has come"),
    ("audit_chain", "an audit chain, whole and line by line"),
    ("backup", "a backup, up to its end"),
    ("log", "a store's log after a kill, patched"),
    ("log_replay", "a log's header, frames and changes"),
    ("named_key", "a named key's record"),
    ("named_key_backup", "a named key's backup"),
    ("named_key_text", "a ciphertext of a named key, as text and as bytes"),
    ("named_key_usage", "what a version of a named key has used"),
];

const COVERAGE: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares";

const SMOKE_SECONDS: f64 = 2.0;
const SECONDS_PER_HOUR: f64 = 3600.0;
const LONGEST_INPUT: usize = 65_536;
const RESULTS: &str = "fuzz/RESULTS.md";
const RESULTS_HEAD: &str = "# Fuzzing campaigns\n\n\
    Written by `cargo xtask fuzz TARGET --hours H`. Every crash found lies as an input in `fuzz/regressions`, which each\n\
    smoke run replays.\n\n\
    | date | target | hours | runs | coverage | result |\n| --- | --- | --- | --- | --- | --- |\n";

#[cfg(test)]
mod tests {
    use super::{TARGETS, coverage, registry_problems};
    use crate::tidy::File;

    #[test]
    fn program_that_nothing_runs_is_named() {
        let stray = File { path: "fuzz/fuzz_targets/stray.rs".into(), text: String::new() };
        let problems = registry_problems(&[stray]);
        assert!(problems.iter().any(|(path, _)| path == "fuzz/fuzz_targets/stray.rs"));
        // Each target of the table lacks its program and its place in the manifest here.
        assert_eq!(problems.len(), 1 + 2 * TARGETS.len());
    }

    #[test]
    fn last_coverage_is_read() {
        let printed = "#2\tINITED cov: 12 ft: 3\n#9\tNEW    cov: 15 ft: 4 corp: 2/3b\nDone 9 runs\n";
        assert_eq!(coverage(printed).as_deref(), Some("15"));
    }
}
