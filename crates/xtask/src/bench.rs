//! Figures, each beside the limit that was measured in the same run.
//!
//! Two kinds of programs measure, and [`PROGRAMS`] lists them all:
//!
//! - **criterion groups.** Their figures are read from criterion's own files. The id is criterion's full id
//!   (`record/seal/1024`: group, slash, parameter). A group with a throughput in bytes is shown in MiB/s, one with a
//!   throughput in elements in elements per second, any other in nanoseconds. [`LIMITS`] says which id limits which.
//! - **measuring programs** (whole stores, many writers). They print one line per figure on standard output:
//!
//!   ```text
//!   bench: id=storage/put/16-writers value=5120.5 unit=puts/s ratio=0.68 against=append + fdatasync
//!   ```
//!
//!   `ratio=-` and `against=-` where there is no limit to compare with. What they compare with is theirs to measure in
//!   the same run. With `--smoke` among their arguments they do everything once, as briefly as it goes; other arguments
//!   that they do not know (cargo passes `--bench`) they ignore.
//!
//! A ratio of 1 is the limit; below 1 is slower than it. A program that prints no figure is an error.

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::Value;

use crate::arguments::Arguments;
use crate::machine;
use crate::shell::{self, Failure, Outcome, Program};
use crate::table::Table;

pub(crate) fn command(arguments: &mut Arguments) -> Outcome {
    let (smoke, json, write) =
        (arguments.flag("--smoke"), arguments.flag("--json"), arguments.flag("--write"));
    let filter = arguments.word().unwrap_or_default();
    arguments.finish()?;
    if smoke && write {
        return Err(Failure::new(
            "a smoke run measures nothing worth keeping: --smoke and --write exclude each other",
        ));
    }
    let figures = measure(&filter, smoke)?;
    if json {
        let text = serde_json::to_string_pretty(&figures).map_err(|error| Failure::new(error.to_string()))?;
        println!("{text}");
    } else {
        print!("{}", table(&figures).text());
    }
    if write {
        shell::write_file(&shell::root().join(RESULTS), &results(&figures))?;
        eprintln!("written to {RESULTS}");
    }
    Ok(())
}

/// One row.
#[derive(Debug, PartialEq, Serialize)]
struct Figure {
    id: String,
    value: f64,
    unit: String,
    ratio: Option<f64>,
    against: Option<String>,
}

fn measure(filter: &str, smoke: bool) -> Result<Vec<Figure>, Failure> {
    let chosen: Vec<_> = PROGRAMS.iter().filter(|program| program.name.contains(filter)).collect();
    if chosen.is_empty() {
        return Err(Failure::new(format!("no measuring program has `{filter}` in its name")));
    }
    // Emptied first: a figure of an earlier run must not pass for one of this run.
    let criterion_home = shell::target_directory()?.join("xtask-criterion");
    if criterion_home.exists() {
        std::fs::remove_dir_all(&criterion_home)
            .map_err(Failure::while_doing(format!("cannot empty {}", criterion_home.display())))?;
    }
    let mut figures = Vec::new();
    for program in chosen {
        figures.extend(run(program, smoke, &criterion_home)?);
    }
    let measured = criterion_figures(&criterion_home)?;
    figures.extend(measured);
    Ok(figures)
}

fn run(program: &Measuring, smoke: bool, criterion_home: &Path) -> Result<Vec<Figure>, Failure> {
    let option = match (program.kind, smoke) {
        (Kind::Criterion, true) => "-- --test",
        (Kind::Criterion, false) => "-- --noplot",
        (Kind::Lines, true) => "-- --smoke",
        (Kind::Lines, false) => "",
    };
    let cargo = Program::cargo().env("CRITERION_HOME", criterion_home).words(program.cargo).words(option);
    let (mut figures, mut broken, mut groups) = (Vec::new(), None, 0_usize);
    let succeeded = cargo.stream(|line| {
        eprintln!("{line}");
        if line.starts_with("Testing ") || line.contains("time:   [") {
            groups += 1;
        }
        match parse(line) {
            None => {}
            Some(Ok(figure)) => figures.push(figure),
            Some(Err(why)) => broken = Some(why),
        }
    })?;
    if !succeeded {
        return Err(Failure::new(format!("the measuring program {} failed (above)", program.name)));
    }
    if let Some(why) = broken {
        return Err(Failure::new(format!("{}: {why}", program.name)));
    }
    let measured = if program.kind == Kind::Criterion { groups } else { figures.len() };
    if measured == 0 {
        return Err(Failure::new(format!("the measuring program {} printed no figure", program.name)));
    }
    Ok(figures)
}

/// Reads a `bench:` line, wherever in the line it begins; `None` for any other line.
fn parse(line: &str) -> Option<Result<Figure, String>> {
    let (_, rest) = line.split_once("bench: id=")?;
    let read = || {
        let (id, rest) = rest.split_once(" value=")?;
        let (value, rest) = rest.split_once(" unit=")?;
        let (unit, rest) = rest.split_once(" ratio=")?;
        let (ratio, against) = rest.split_once(" against=")?;
        let ratio = if ratio == "-" { None } else { Some(ratio.parse().ok()?) };
        let against = (against != "-").then(|| against.trim_end().to_string());
        Some(Figure { id: id.into(), value: value.parse().ok()?, unit: unit.into(), ratio, against })
    };
    Some(read().ok_or_else(|| format!("this line is no figure: {line}")))
}

/// What criterion measured, by id, with ratios to the limits among it.
fn criterion_figures(home: &Path) -> Result<Vec<Figure>, Failure> {
    let mut measured = Vec::new();
    for directory in directories_with(home, "benchmark.json") {
        let benchmark = json(&directory.join("benchmark.json"))?;
        let estimates = json(&directory.join("estimates.json"))?;
        let (Some(id), Some(nanoseconds)) = (
            benchmark.get("full_id").and_then(Value::as_str),
            estimates.pointer("/median/point_estimate").and_then(Value::as_f64),
        ) else {
            return Err(Failure::new(format!(
                "criterion's files in {} are not as expected",
                directory.display()
            )));
        };
        let throughput = benchmark.get("throughput").unwrap_or(&Value::Null);
        measured.push((id.to_string(), nanoseconds, unit(throughput, nanoseconds)));
    }
    measured.sort_by_key(|(id, ..)| natural(id));
    let time =
        |id: &str| measured.iter().find(|(other, ..)| other == id).map(|(_, nanoseconds, _)| *nanoseconds);
    let figure = |(id, nanoseconds, (value, unit)): &(String, f64, (f64, &str))| {
        let against = limit(id).filter(|limit| time(limit).is_some());
        let ratio = against.as_ref().and_then(|limit| time(limit)).map(|limit| limit / nanoseconds);
        Figure { id: id.clone(), value: *value, unit: (*unit).into(), ratio, against }
    };
    Ok(measured.iter().map(figure).collect())
}

fn unit(throughput: &Value, nanoseconds: f64) -> (f64, &'static str) {
    let of = |name: &str| throughput.get(name).and_then(Value::as_f64);
    if let Some(bytes) = of("Bytes") {
        return (bytes / nanoseconds * 1e9 / MEBIBYTE, "MiB/s");
    }
    match of("Elements") {
        Some(elements) => (elements / nanoseconds * 1e9, "1/s"),
        None => (nanoseconds, "ns"),
    }
}

fn limit(id: &str) -> Option<String> {
    LIMITS.iter().find_map(|(of, by)| id.strip_prefix(of).map(|rest| format!("{by}{rest}")))
}

/// Orders `record/seal/64` before `record/seal/1024`.
fn natural(id: &str) -> Vec<(u64, String)> {
    id.split('/').map(|part| (part.parse().unwrap_or(0), part.to_string())).collect()
}

fn directories_with(home: &Path, name: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut waiting = vec![home.to_path_buf()];
    while let Some(directory) = waiting.pop() {
        let Ok(entries) = std::fs::read_dir(&directory) else { continue };
        waiting.extend(entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()));
        // Criterion keeps the run before last beside it, under `base`.
        if directory.join(name).is_file() && directory.ends_with("new") {
            found.push(directory);
        }
    }
    found
}

fn json(path: &Path) -> Result<Value, Failure> {
    let reading = || format!("cannot read {}", path.display());
    let text = std::fs::read_to_string(path).map_err(Failure::while_doing(reading()))?;
    serde_json::from_str(&text).map_err(|error| Failure::new(format!("{}: {error}", reading())))
}

fn table(figures: &[Figure]) -> Table {
    let mut table = Table::new(&["id", "value", "unit", "ratio", "against"]);
    for figure in figures {
        table.row([
            figure.id.clone(),
            rounded(figure.value),
            figure.unit.clone(),
            figure.ratio.map_or_else(|| "–".into(), |ratio| format!("{ratio:.2}")),
            figure.against.clone().unwrap_or_else(|| "–".into()),
        ]);
    }
    table
}

fn rounded(value: f64) -> String {
    if value.abs() >= 100.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}

fn results(figures: &[Figure]) -> String {
    let mut text = String::from(
        "# Measurements\n\nWritten by `cargo xtask bench --write`. A ratio compares with the limit measured in the same run; 1 is the limit.\n\n",
    );
    text.push_str(&machine::description());
    text.push_str(&table(figures).markdown());
    text
}

/// A program that measures.
struct Measuring {
    name: &'static str,
    /// The words after `cargo`, up to the program's own arguments.
    cargo: &'static str,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq)]
#[expect(dead_code, reason = "each kind is used as soon as a program of it is listed below")]
enum Kind {
    Criterion,
    Lines,
}

/// All of them; later work adds its rows here.
const PROGRAMS: &[Measuring] = &[];

/// Which criterion id limits which: the rest of the id, after these prefixes, is the same.
const LIMITS: &[(&str, &str)] = &[("record/seal/", "raw-aead/seal/"), ("record/open/", "raw-aead/open/")];

const MEBIBYTE: f64 = 1_048_576.0;
const RESULTS: &str = "benches/RESULTS.md";

#[cfg(test)]
mod tests {
    use super::{Figure, criterion_figures, natural, parse};

    #[test]
    fn line_of_a_measuring_program_is_read() {
        let line =
            "bench: id=storage/put/16-writers value=5120.5 unit=puts/s ratio=0.68 against=append + fdatasync";
        let expected = Figure {
            id: "storage/put/16-writers".into(),
            value: 5120.5,
            unit: "puts/s".into(),
            ratio: Some(0.68),
            against: Some("append + fdatasync".into()),
        };
        assert_eq!(parse(line), Some(Ok(expected)));
        let free = parse("test x ... bench: id=a value=1 unit=ms ratio=- against=-").unwrap().unwrap();
        assert_eq!((free.ratio, free.against), (None, None));
    }

    #[test]
    fn line_that_is_broken_is_an_error_and_any_other_is_ignored() {
        assert!(parse("bench: id=a value=fast unit=ms ratio=- against=-").unwrap().is_err());
        assert!(parse("bench: id=a value=1").unwrap().is_err());
        assert!(parse("running 3 tests").is_none());
    }

    #[test]
    fn ids_are_ordered_by_number() {
        let mut ids = ["record/seal/1024", "record/seal/64", "record/open/64"];
        ids.sort_by_key(|id| natural(id));
        assert_eq!(ids, ["record/open/64", "record/seal/64", "record/seal/1024"]);
    }

    #[test]
    fn ratio_compares_with_the_limit_of_the_same_run() {
        let home = crate::shell::target_directory().unwrap().join("xtask-test-criterion");
        for (id, nanoseconds) in [("record/seal/1024", 200.0), ("raw-aead/seal/1024", 150.0)] {
            let directory = home.join(id.replace('/', "_")).join("new");
            let benchmark = format!("{{\"full_id\":\"{id}\",\"throughput\":{{\"Bytes\":1024}}}}");
            crate::shell::write_file(&directory.join("benchmark.json"), &benchmark).unwrap();
            let estimates = format!("{{\"median\":{{\"point_estimate\":{nanoseconds}}}}}");
            crate::shell::write_file(&directory.join("estimates.json"), &estimates).unwrap();
        }
        let figures = criterion_figures(&home).unwrap();
        std::fs::remove_dir_all(&home).unwrap();
        assert_eq!(figures.len(), 2);
        assert_eq!((figures[1].id.as_str(), figures[1].ratio), ("record/seal/1024", Some(0.75)));
        assert_eq!(figures[0].ratio, None);
        assert!((figures[1].value - 4882.8125).abs() < 0.001);
    }
}
