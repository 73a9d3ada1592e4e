//! The architecture, checked: what no compiler says and reviews forget.
//!
//! Each rule is a function over file texts, so that its test can hand it a broken one.

mod layers;
mod locks;
mod manifests;
mod sources;
mod tree;

use std::fmt;

use crate::arguments::Arguments;
use crate::fuzz;
use crate::shell::{self, Failure, Outcome};

pub(crate) fn command(arguments: &mut Arguments) -> Outcome {
    arguments.finish()?;
    check()
}

/// Prints every problem; fails when one is more than a warning.
pub(crate) fn check() -> Outcome {
    let root = shell::root();
    let files = tree::read(&root)?;
    let mut problems = tree::check_top_level(&tree::top_level(&root)?);
    for file in &files {
        problems.extend(sources::check(file));
        if file.path.ends_with("Cargo.toml") {
            problems.extend(manifests::check(file));
        }
        if file.path.ends_with("Cargo.lock") {
            problems.extend(locks::check(file));
        }
    }
    problems.extend(
        fuzz::registry_problems(&files).into_iter().map(|(path, message)| Problem::new(&path, message)),
    );
    let (warnings, errors): (Vec<_>, Vec<_>) = problems.into_iter().partition(|problem| problem.only_warns);
    for problem in warnings.iter().chain(&errors) {
        eprintln!("{problem}");
    }
    println!("tidy: {} files, {} errors, {} warnings", files.len(), errors.len(), warnings.len());
    if errors.is_empty() { Ok(()) } else { Err(Failure::new("the tree is not tidy (see above)")) }
}

/// A text file of the repository, its path relative to the root.
pub(crate) struct File {
    pub(crate) path: String,
    pub(crate) text: String,
}

/// What is wrong, and where.
#[derive(Debug)]
struct Problem {
    path: String,
    line: Option<usize>,
    message: String,
    only_warns: bool,
}

impl Problem {
    fn new(path: &str, message: impl Into<String>) -> Self {
        Self { path: path.into(), line: None, message: message.into(), only_warns: false }
    }

    fn at(mut self, line: usize) -> Self {
        self.line = Some(line);
        self
    }

    fn warning(mut self) -> Self {
        self.only_warns = true;
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.only_warns { "warning" } else { "error" };
        match self.line {
            Some(line) => write!(f, "{}:{line}: {kind}: {}", self.path, self.message),
            None => write!(f, "{}: {kind}: {}", self.path, self.message),
        }
    }
}
