//! Why a token could not be made.

use std::fmt;
use std::io;

use strongroom_fault_shim::plan::PlanError;

/// Why a test token cannot be made or changed.
#[derive(Debug)]
pub enum TokenError {
    /// Something is not installed.
    Missing {
        /// The program or library.
        what: String,
        /// How to get it.
        remedy: &'static str,
    },
    /// This process has a token that uses the same environment variable.
    Taken {
        /// The variable.
        variable: String,
    },
    /// A program that makes tokens failed.
    Program {
        /// The program with its arguments.
        command: String,
        /// What it printed.
        printed: String,
    },
    /// The module does not list the token that was just made.
    NoToken {
        /// The label that was looked for.
        label: String,
        /// What the module lists.
        printed: String,
    },
    /// The token is not behind a server.
    NoServer,
    /// The plan for the fault shim has a line that is no rule.
    Plan(PlanError),
    /// The operating system refused.
    Io {
        /// What was being done.
        doing: String,
        /// What it said.
        error: io::Error,
    },
}

impl TokenError {
    /// For `map_err`.
    pub(crate) fn io(doing: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        move |error| Self::Io { doing: doing.into(), error }
    }
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { what, remedy } => write!(f, "{what} is missing: {remedy}"),
            Self::Taken { variable } => write!(
                f,
                "{variable} is in use by another token of this process: let tests of one program share a token, \
                 or drop the first one"
            ),
            Self::Program { command, printed } => write!(f, "`{command}` failed: {}", printed.trim()),
            Self::NoToken { label, printed } => {
                write!(f, "no slot has a token with the label `{label}`:\n{}", printed.trim())
            }
            Self::NoServer => {
                write!(f, "only a network token has a server: make one with TestToken::network")
            }
            Self::Plan(error) => error.fmt(f),
            Self::Io { doing, error } => write!(f, "{doing}: {error}"),
        }
    }
}

impl std::error::Error for TokenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Plan(error) => Some(error),
            Self::Io { error, .. } => Some(error),
            _ => None,
        }
    }
}

impl From<PlanError> for TokenError {
    fn from(error: PlanError) -> Self {
        Self::Plan(error)
    }
}
