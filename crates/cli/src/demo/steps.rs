//! The table of what was done, and how fast.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::exit::Failure;
use crate::output::Output;
use crate::text::{bytes, rate, rounded, seconds};

/// What was done so far.
pub(super) struct Steps {
    output: Output,
    started: Instant,
    done: Vec<Step>,
}

struct Step {
    name: String,
    count: u64,
    unit: &'static str,
    bytes: u64,
    time: Duration,
}

impl Steps {
    pub(super) fn new(output: Output) -> Self {
        Self { output, started: Instant::now(), done: Vec::new() }
    }

    pub(super) fn output(&self) -> Output {
        self.output
    }

    /// Does something with files; `measure` tells their number and bytes.
    pub(super) fn files<T>(
        &mut self,
        name: &str,
        work: impl FnOnce() -> Result<T, Failure>,
        measure: impl FnOnce(&T) -> (u64, u64),
    ) -> Result<T, Failure> {
        self.measured(name, "files", work, measure)
    }

    /// Does something that has no rate.
    pub(super) fn plain<T>(
        &mut self,
        name: &str,
        work: impl FnOnce() -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        self.measured(name, "", work, |_| (0, 0))
    }

    /// Does something with a number of things; `measure` tells how many, and their bytes.
    pub(super) fn measured<T>(
        &mut self,
        name: &str,
        unit: &'static str,
        work: impl FnOnce() -> Result<T, Failure>,
        measure: impl FnOnce(&T) -> (u64, u64),
    ) -> Result<T, Failure> {
        let begun = Instant::now();
        let result =
            work().map_err(|failure| Failure::new(failure.kind, format!("{name}: {}", failure.message)))?;
        let time = begun.elapsed();
        let (count, bytes) = measure(&result);
        self.done.push(Step { name: name.to_owned(), count, unit, bytes, time });
        Ok(result)
    }

    pub(super) fn total(&self) -> Duration {
        self.started.elapsed()
    }

    pub(super) fn json(&self) -> Value {
        let step = |step: &Step| {
            json!({
                "step": step.name,
                "count": (!step.unit.is_empty()).then_some(step.count),
                "unit": (!step.unit.is_empty()).then_some(step.unit),
                "bytes": (step.bytes > 0).then_some(step.bytes),
                "seconds": step.time.as_secs_f64(),
                "per_second": rate(step.count, step.time).filter(|_| step.count > 0),
                "bytes_per_second": rate(step.bytes, step.time).filter(|_| step.bytes > 0),
            })
        };
        self.done.iter().map(step).collect()
    }

    pub(super) fn table(&self) -> Vec<String> {
        let width = self.done.iter().map(|step| step.name.chars().count()).max().unwrap_or(0);
        let heading = format!(
            "{:<width$}  {:>16}  {:>9}  {:>18}  {:>12}",
            "step", "count", "time", "rate", "throughput"
        );
        let mut lines = vec![self.output.bold(&heading)];
        lines.extend(self.done.iter().map(|step| {
            let mut count = String::new();
            let mut pace = String::new();
            if !step.unit.is_empty() {
                count = format!("{} {}", step.count, step.unit);
                pace = rate(step.count, step.time)
                    .map(|rate| format!("{} {}/s", rounded(rate), step.unit))
                    .unwrap_or_default();
            }
            let throughput = rate(step.bytes, step.time).filter(|_| step.bytes > 0);
            let throughput = throughput.map(|rate| format!("{}/s", bytes(rate))).unwrap_or_default();
            format!(
                "{:<width$}  {count:>16}  {:>9}  {pace:>18}  {throughput:>12}",
                step.name,
                seconds(step.time)
            )
            .trim_end()
            .to_owned()
        }));
        lines
    }
}
