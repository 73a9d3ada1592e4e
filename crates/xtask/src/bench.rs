//! Figures, each beside the limit that was measured in the same run.
//!
//! A measuring program prints one line per figure on standard output:
//!
//! ```text
//! bench: id=storage/put/16-writers value=5120.5 unit=puts/s ratio=0.68 against=append + fdatasync
//! ```
//!
//! `ratio=-` and `against=-` where there is no limit to compare with. What it compares with is its own to measure, in
//! the same run; a ratio of 1 is the limit, below 1 is slower than it. With `--smoke` among its arguments it does
//! everything once, as briefly as it goes. [`PROGRAMS`] lists all of them, and one that prints no figure is an error, as
//! is an id that appears twice.
//!
//! [`GROUPS`] are criterion's: the same work for somebody who changes one piece and wants to see it (`cargo bench`). A
//! smoke run runs each once, so that they do not rot; the figures are the measuring programs' alone.

use serde::Serialize;

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
    let mut figures = Vec::new();
    for program in chosen {
        figures.extend(run(program, smoke)?);
    }
    if smoke && filter.is_empty() {
        for groups in GROUPS {
            let tested =
                Program::cargo().words(groups).words("-- --test").stream(|line| eprintln!("{line}"))?;
            if !tested {
                return Err(Failure::new(format!("`cargo {groups}` failed (above)")));
            }
        }
    }
    let mut ids: Vec<&str> = figures.iter().map(|figure| figure.id.as_str()).collect();
    ids.sort_unstable();
    match ids.iter().zip(ids.iter().skip(1)).find(|(id, next)| id == next) {
        Some((id, _)) => Err(Failure::new(format!("more than one figure is called {id}"))),
        None => Ok(figures),
    }
}

fn run(program: &Measuring, smoke: bool) -> Result<Vec<Figure>, Failure> {
    let option = if smoke { "-- --smoke" } else { "" };
    let (mut figures, mut broken) = (Vec::new(), None);
    let succeeded = Program::cargo().words(program.cargo).words(option).stream(|line| {
        eprintln!("{line}");
        match parse(line) {
            None => {}
            Some(Ok(figure)) => figures.push(figure),
            Some(Err(why)) => broken = Some(why),
        }
    })?;
    match broken {
        Some(why) => Err(Failure::new(format!("{}: {why}", program.name))),
        None if !succeeded => {
            Err(Failure::new(format!("the measuring program {} failed (above)", program.name)))
        }
        None if figures.is_empty() => {
            Err(Failure::new(format!("the measuring program {} printed no figure", program.name)))
        }
        None => Ok(figures),
    }
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
}

/// All of them; later work adds its rows here.
const PROGRAMS: &[Measuring] = &[
    Measuring { name: "measure", cargo: "run --release -p strongroom-benches --bin measure" },
    // Beside the bare calls, which only that crate may make.
    Measuring { name: "hsm", cargo: "run --release -p strongroom-pkcs11 --example throughput" },
];

/// The words after `cargo` for each set of criterion groups.
const GROUPS: &[&str] = &["bench -p strongroom-benches --bench strongroom"];

const RESULTS: &str = "benches/RESULTS.md";

#[cfg(test)]
mod tests {
    use super::{Figure, parse};

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
}
