//! Finding and running what tokens are made of.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::error::TokenError;

/// A program to run to its end.
pub(crate) struct Program(Command);

impl Program {
    /// A program on the path; `remedy` tells how to install it.
    pub(crate) fn new(name: &str, remedy: &'static str) -> Result<Self, TokenError> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let found =
            std::env::split_paths(&path).map(|directory| directory.join(name)).find(|file| file.is_file());
        let program =
            found.ok_or_else(|| TokenError::Missing { what: format!("the program {name}"), remedy })?;
        let mut command = Command::new(program);
        command.stdin(Stdio::null());
        Ok(Self(command))
    }

    pub(crate) fn environment(mut self, variables: &[(String, String)]) -> Self {
        self.0.envs(variables.iter().map(|(name, value)| (name, value)));
        self
    }

    pub(crate) fn args<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.0.args(arguments);
        self
    }

    /// What it printed on standard output.
    pub(crate) fn run(mut self) -> Result<String, TokenError> {
        let command = format!("{:?}", self.0);
        let output = self.0.output().map_err(TokenError::io(format!("cannot start `{command}`")))?;
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() {
            return Ok(printed);
        }
        let complaint = String::from_utf8_lossy(&output.stderr);
        Err(TokenError::Program { command, printed: format!("{printed}\n{complaint}") })
    }
}

/// A library of the system: `relative` is tried below each directory for libraries.
pub(crate) fn library(relative: &[&str], remedy: &'static str) -> Result<PathBuf, TokenError> {
    let mut directories = vec![PathBuf::from("/usr/lib"), PathBuf::from("/usr/lib64")];
    // Debian keeps one directory for each architecture.
    if let Ok(entries) = std::fs::read_dir("/usr/lib") {
        directories.extend(entries.flatten().map(|entry| entry.path()));
    }
    let candidates =
        directories.iter().flat_map(|directory| relative.iter().map(|name| directory.join(name)));
    candidates.into_iter().find(|file| file.is_file()).ok_or_else(|| TokenError::Missing {
        what: format!("the library {}", relative.first().copied().unwrap_or_default()),
        remedy,
    })
}

/// A file below cargo's target directory, in which the running program lies too.
pub(crate) fn near(relative: &str) -> Option<PathBuf> {
    let program = std::env::current_exe().ok()?;
    program.ancestors().map(|directory| directory.join(relative)).find(|file| file.is_file())
}

pub(crate) const SOFTHSM: &str = "run `cargo xtask setup`, or `apt-get install softhsm2`";
pub(crate) const P11_KIT: &str = "run `cargo xtask setup`, or `apt-get install p11-kit p11-kit-modules`";
pub(crate) const NSS: &str = "run `cargo xtask setup`, or `apt-get install libnss3 libnss3-tools`";
pub(crate) const KRYOPTIC: &str = "`cargo xtask setup` builds it (with libclang-dev, libssl-dev and libsqlite3-dev), or STRONGROOM_KRYOPTIC names it";
pub(crate) const SHIM: &str =
    "`cargo build -p strongroom-fault-shim` builds it, as every build of these tests does";

#[cfg(test)]
mod tests {
    use super::{Program, SOFTHSM, library};

    #[test]
    fn missing_program_and_library_name_the_package_and_the_command() {
        let program = Program::new("softhsm2-no-such-util", SOFTHSM).err().unwrap().to_string();
        let library = library(&["no/such/library.so"], SOFTHSM).unwrap_err().to_string();
        for message in [program, library] {
            assert!(message.contains("cargo xtask setup"), "{message}");
            assert!(message.contains("softhsm2"), "{message}");
        }
    }

    #[test]
    fn program_that_fails_is_quoted() {
        let error =
            Program::new("sh", SOFTHSM).unwrap().args(["-c", "echo no room; exit 1"]).run().unwrap_err();
        assert!(error.to_string().contains("no room"), "{error}");
    }
}
