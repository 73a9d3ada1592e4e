//! Running several stages to the end and closing with a summary, so that one failure does not hide the next.

use std::time::{Duration, Instant};

use crate::shell::{Failure, Outcome};
use crate::table::Table;

/// Stages run so far.
pub(crate) struct Stages {
    what: &'static str,
    done: Vec<(String, Verdict, Duration)>,
}

enum Verdict {
    Passed,
    Failed(Failure),
    Skipped(&'static str),
}

impl Stages {
    pub(crate) fn new(what: &'static str) -> Self {
        Self { what, done: Vec::new() }
    }

    pub(crate) fn run(&mut self, name: &str, stage: impl FnOnce() -> Outcome) {
        println!("\n── {}: {name}", self.what);
        let start = Instant::now();
        let verdict = match stage() {
            Ok(()) => Verdict::Passed,
            Err(failure) => {
                eprintln!("error: {failure}");
                Verdict::Failed(failure)
            }
        };
        self.done.push((name.into(), verdict, start.elapsed()));
    }

    /// Notes a stage that was left out, so that the summary tells.
    pub(crate) fn skip(&mut self, name: &str, why: &'static str) {
        self.done.push((name.into(), Verdict::Skipped(why), Duration::ZERO));
    }

    /// Prints the summary; fails when a stage did.
    pub(crate) fn finish(self) -> Outcome {
        let mut table = Table::new(&["stage", "seconds", "verdict"]);
        let (mut passed, mut failed, mut skipped) = (0, Vec::new(), 0);
        for (name, verdict, took) in &self.done {
            let told = match verdict {
                Verdict::Passed => {
                    passed += 1;
                    "passed".to_string()
                }
                Verdict::Failed(failure) => {
                    failed.push(name.clone());
                    format!("FAILED: {failure}")
                }
                Verdict::Skipped(why) => {
                    skipped += 1;
                    format!("skipped: {why}")
                }
            };
            table.row([name.clone(), format!("{:.1}", took.as_secs_f64()), told]);
        }
        println!("\n── {}\n{}", self.what, table.text());
        println!("{passed} passed, {} failed, {skipped} skipped", failed.len());
        if failed.is_empty() {
            Ok(())
        } else {
            Err(Failure::new(format!("{} failed in: {}", self.what, failed.join(", "))))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Failure, Stages};

    #[test]
    fn one_failure_fails_the_whole_but_the_rest_still_runs() {
        let mut stages = Stages::new("trial");
        let mut ran = false;
        stages.run("first", || Err(Failure::new("broken")));
        stages.run("second", || {
            ran = true;
            Ok(())
        });
        let failure = stages.finish().unwrap_err().to_string();
        assert!(ran);
        assert_eq!(failure, "trial failed in: first");
    }
}
