//! Many files, of which a bad one does not stop the others.

use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::exit::{Failure, Kind};
use crate::output::Output;
use crate::progress::Bar;
use crate::text::{bytes, counted, hex, shown};

/// What is done to files.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Task {
    Encrypt,
    Decrypt,
    Rewrap,
    Inspect,
}

impl Task {
    fn title(self) -> &'static str {
        match self {
            Self::Encrypt => "encrypting",
            Self::Decrypt => "decrypting",
            Self::Rewrap => "rewrapping",
            Self::Inspect => "inspecting",
        }
    }

    /// For sentences about what was done.
    pub(super) fn done(self) -> &'static str {
        match self {
            Self::Encrypt => "Encrypted",
            Self::Decrypt => "Decrypted",
            Self::Rewrap => "Rewrapped",
            Self::Inspect => "Inspected",
        }
    }
}

/// What became of a file.
pub(super) enum Outcome {
    /// What was asked for.
    Done(Done),
    /// Nothing, and why that is right.
    PassedOver(&'static str),
}

/// What was done.
pub(super) struct Done {
    /// What scripts read of it.
    pub(super) fields: Value,
    /// What people read of it, where it is the only one.
    pub(super) line: String,
    pub(super) written: u64,
    /// Of the original.
    pub(super) size: u64,
}

/// The files of one command: what has become of each.
pub(super) struct Batch {
    output: Output,
    task: Task,
    bar: Bar,
    /// Whether one file was named, whose failure is that of the command.
    alone: bool,
    /// How far the bar is after the files so far.
    reached: u64,
    done: Vec<Done>,
    passed_over: Vec<(PathBuf, &'static str)>,
    failed: Vec<Value>,
    last: Option<Failure>,
}

impl Batch {
    /// So many bytes are to be read in all, where that is known.
    pub(super) fn new(output: Output, task: Task, total: Option<u64>, alone: bool) -> Self {
        let bar = Bar::bytes(output, task.title(), total);
        Self {
            output,
            task,
            bar,
            alone,
            reached: 0,
            done: Vec::new(),
            passed_over: Vec::new(),
            failed: Vec::new(),
            last: None,
        }
    }

    /// Shows no bar: the terminal is where the data go.
    pub(super) fn without_bar(self) -> Self {
        Self { bar: Bar::hidden(), ..self }
    }

    /// So many bytes of the present file are done.
    pub(super) fn within(&self, bytes: u64) {
        self.bar.reached(self.reached.saturating_add(bytes));
    }

    /// Takes what has become of a file of that size.
    pub(super) fn take(&mut self, path: &Path, size: u64, outcome: Result<Outcome, Failure>) {
        self.reached = self.reached.saturating_add(size);
        match outcome {
            Ok(Outcome::Done(done)) => self.done.push(done),
            Ok(Outcome::PassedOver(why)) => self.passed_over.push((path.to_owned(), why)),
            Err(failure) if failure.message.is_empty() => self.last = Some(failure),
            Err(failure) => {
                let fields = json!({ "kind": failure.kind.name(), "message": failure.message });
                self.failed.push(with_path(fields, "file", path));
                let message = shown(format_args!("{}: {}", path.display(), failure.message));
                let failure = Failure::new(failure.kind, message);
                if !self.alone && !self.output.json {
                    self.bar.aside(|| self.output.failure(&failure));
                }
                self.last = Some(failure);
            }
        }
    }

    /// Tells what was done, unless the data themselves went to stdout; fails if any file has, with the code of the last.
    pub(super) fn end(self, data_on_stdout: bool) -> Result<(), Failure> {
        self.bar.clear();
        if !data_on_stdout {
            self.output
                .result(&self.value(), || if self.output.quiet { Vec::new() } else { self.lines() })?;
        }
        match self.last {
            None => Ok(()),
            Some(failure) if self.alone => Err(failure),
            Some(failure) => {
                let all = self.done.len() + self.passed_over.len() + self.failed.len();
                Err(Failure::new(failure.kind, format!("{} of {all} files failed", self.failed.len())))
            }
        }
    }

    /// Ends early, since every other file would fail for the same reason.
    pub(super) fn stopped(self, data_on_stdout: bool, why: Failure) -> Result<(), Failure> {
        if !self.done.is_empty() || !self.failed.is_empty() {
            // What was done is told first; that files failed is said by the reason.
            let _ = self.end(data_on_stdout);
        }
        Err(why)
    }

    fn value(&self) -> Value {
        let passed_over: Vec<Value> = self
            .passed_over
            .iter()
            .map(|(file, why)| with_path(json!({ "why": why }), "file", file))
            .collect();
        let files: Vec<&Value> = self.done.iter().map(|done| &done.fields).collect();
        json!({ "files": files, "passed_over": passed_over, "failed": self.failed })
    }

    fn lines(&self) -> Vec<String> {
        let sum = |of: fn(&Done) -> u64| bytes(self.done.iter().map(of).fold(0, u64::saturating_add));
        let mut lines: Vec<String> = match (self.task, self.done.as_slice()) {
            (Task::Inspect, _) | (_, [] | [_]) => self.done.iter().map(|done| done.line.clone()).collect(),
            (task, many) => {
                let files = counted(u64::try_from(many.len()).unwrap_or(u64::MAX), "file", "files");
                let (written, size) = (sum(|done| done.written), sum(|done| done.size));
                vec![format!("{} {files} of {size}: {written} written.", task.done())]
            }
        };
        lines.extend(passed_over_lines(&self.passed_over));
        if lines.is_empty() && self.failed.is_empty() {
            lines.push("There is no file.".to_owned());
        }
        lines
    }
}

/// One line for each reason.
fn passed_over_lines(passed_over: &[(PathBuf, &'static str)]) -> Vec<String> {
    if let [(file, why)] = passed_over {
        return vec![format!("Passed over {}: {why}.", shown(file.display()))];
    }
    let mut reasons: Vec<&'static str> = passed_over.iter().map(|(_, why)| *why).collect();
    reasons.sort_unstable();
    reasons.dedup();
    let line = |why: &'static str| {
        let count = passed_over.iter().filter(|(_, of)| *of == why).count();
        let files = counted(u64::try_from(count).unwrap_or(u64::MAX), "file", "files");
        format!("Passed over {files}: {why}.")
    };
    reasons.into_iter().map(line).collect()
}

/// What scripts read, with a path: as text, and byte by byte as well where that is no UTF-8 and the text not all of it.
pub(super) fn with_path(mut fields: Value, name: &str, path: &Path) -> Value {
    if let Value::Object(fields) = &mut fields {
        fields.insert(name.to_owned(), path.display().to_string().into());
        if path.to_str().is_none() {
            fields.insert(format!("{name}_hex"), hex(path.as_os_str().as_bytes()).into());
        }
    }
    fields
}

/// A failure that is nobody's to read: whoever took the output has enough of it.
pub(super) fn output_closed() -> Failure {
    Failure::new(Kind::Failure, "")
}
