//! Running other programs: what is run is shown first, and a failure says which command failed.

use std::ffi::OsString;
use std::fmt;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Why a command of this program ended without success, in words for the person who ran it.
#[derive(Debug)]
pub(crate) struct Failure(String);

pub(crate) type Outcome = Result<(), Failure>;

impl Failure {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }

    /// For `map_err`: says what was being done when the operating system refused.
    pub(crate) fn while_doing(what: impl fmt::Display) -> impl FnOnce(std::io::Error) -> Self {
        move |error| Self(format!("{what}: {error}"))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One program to run, in the workspace's root unless told otherwise, without standard input.
pub(crate) struct Program {
    command: Command,
    shown: Vec<String>,
}

/// What a program printed, and whether it succeeded.
pub(crate) struct Captured {
    pub(crate) success: bool,
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Program {
    pub(crate) fn new(name: impl Into<OsString>) -> Self {
        let name = name.into();
        let mut command = Command::new(&name);
        command.current_dir(root()).stdin(Stdio::null());
        Self { command, shown: vec![name.to_string_lossy().into_owned()] }
    }

    /// The cargo that runs this program.
    pub(crate) fn cargo() -> Self {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut program = Self::new(cargo);
        program.shown = vec!["cargo".into()];
        program
    }

    /// Several arguments, given as one string and parted at white space.
    pub(crate) fn words(mut self, words: &str) -> Self {
        for word in words.split_whitespace() {
            self = self.arg(word);
        }
        self
    }

    pub(crate) fn arg(mut self, argument: impl Into<OsString>) -> Self {
        let argument = argument.into();
        self.shown.push(argument.to_string_lossy().into_owned());
        self.command.arg(argument);
        self
    }

    pub(crate) fn args<A: Into<OsString>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        for argument in arguments {
            self = self.arg(argument);
        }
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl Into<OsString>) -> Self {
        let value = value.into();
        self.shown.insert(0, format!("{name}={:?}", value.to_string_lossy()));
        self.command.env(name, value);
        self
    }

    /// Runs it with its output going where ours goes.
    pub(crate) fn run(mut self) -> Outcome {
        let shown = self.shown.join(" ");
        println!("$ {shown}");
        let status =
            self.command.status().map_err(Failure::while_doing(format!("cannot start `{shown}`")))?;
        if status.success() { Ok(()) } else { Err(Failure(format!("`{shown}` failed ({status})"))) }
    }

    /// Runs it silently and returns what it printed; a program that fails is no error here.
    pub(crate) fn capture(mut self) -> Result<Captured, Failure> {
        let output = self
            .command
            .output()
            .map_err(Failure::while_doing(format!("cannot start `{}`", self.shown.join(" "))))?;
        Ok(Captured {
            success: output.status.success(),
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    /// Runs it and hands over each line of its standard output as it comes. Its other output goes where ours goes.
    /// Returns whether it succeeded.
    pub(crate) fn stream(mut self, mut line: impl FnMut(&str)) -> Result<bool, Failure> {
        let shown = self.shown.join(" ");
        eprintln!("$ {shown}");
        let starting = format!("cannot start `{shown}`");
        let mut child =
            self.command.stdout(Stdio::piped()).spawn().map_err(Failure::while_doing(starting))?;
        if let Some(stdout) = child.stdout.take() {
            for part in BufReader::new(stdout).split(b'\n') {
                let part = part.map_err(Failure::while_doing(format!("reading from `{shown}`")))?;
                line(&String::from_utf8_lossy(&part));
            }
        }
        let status = child.wait().map_err(Failure::while_doing(format!("waiting for `{shown}`")))?;
        Ok(status.success())
    }
}

/// Whether a program of this name can be started.
pub(crate) fn on_path(name: &str) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|directory| directory.join(name).is_file()))
}

/// The workspace's root directory.
pub(crate) fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.ancestors().nth(2).unwrap_or(manifest).to_path_buf()
}

/// Cargo's target directory, wherever the environment or a configuration put it.
pub(crate) fn target_directory() -> Result<PathBuf, Failure> {
    let captured = Program::cargo().words("metadata --no-deps --offline --format-version 1").capture()?;
    serde_json::from_str::<serde_json::Value>(&captured.stdout)
        .ok()
        .and_then(|metadata| metadata.get("target_directory")?.as_str().map(PathBuf::from))
        .ok_or_else(|| {
            Failure(format!("`cargo metadata` names no target directory: {}", captured.stderr.trim()))
        })
}

pub(crate) fn write_file(path: &Path, contents: &str) -> Outcome {
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory)
            .map_err(Failure::while_doing(format!("cannot make {}", directory.display())))?;
    }
    std::fs::write(path, contents).map_err(Failure::while_doing(format!("cannot write {}", path.display())))
}
