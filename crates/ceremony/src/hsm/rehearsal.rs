//! Tokens to throw away: SoftHSM in the plan's output directory, in the place of each HSM that the plan names.
//!
//! SoftHSM reads where its tokens are from the variable [`Rehearsal::VARIABLE`], so a rehearsal is held by a process that was
//! started with it.

use std::fmt;
use std::fmt::Write as _;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use strongroom::{HsmConfigError, Hsms};

use crate::custody::write_private;
use crate::plan::Plan;

/// The tokens of a rehearsal.
pub struct Rehearsal {
    directory: PathBuf,
}

impl Rehearsal {
    /// Where SoftHSM looks for its configuration.
    pub const VARIABLE: &'static str = "SOFTHSM2_CONF";

    /// Makes the tokens anew. `None` where the plan names no HSM.
    ///
    /// # Errors
    ///
    /// [`RehearsalError`], above all where SoftHSM is not installed.
    pub fn prepare(plan: &Plan) -> Result<Option<Self>, RehearsalError> {
        if plan.hsm.is_empty() {
            return Ok(None);
        }
        let directory = plan.output.join(DIRECTORY);
        match fs::remove_dir_all(&directory) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(RehearsalError::Files(error));
            }
            _ => {}
        }
        let made = DirBuilder::new().recursive(true).mode(0o700).create(directory.join("tokens"));
        made.map_err(RehearsalError::Files)?;
        let rehearsal = Self { directory: fs::canonicalize(&directory).map_err(RehearsalError::Files)? };
        rehearsal.write("pin", PIN)?;
        rehearsal.write(
            "softhsm2.conf",
            &format!(
                "directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\nlibrary.reset_on_fork = true\n",
                rehearsal.directory.join("tokens").display()
            ),
        )?;
        for name in plan.hsm.keys() {
            rehearsal.make_token(name)?;
        }
        Ok(Some(rehearsal))
    }

    /// The tokens that [`prepare`](Self::prepare) made for this process, if it was started with the variable.
    pub fn prepared(plan: &Plan, variable: Option<&Path>) -> Option<Self> {
        let directory = fs::canonicalize(plan.output.join(DIRECTORY)).ok()?;
        let rehearsal = Self { directory };
        (variable? == rehearsal.configuration() && rehearsal.configuration().exists()).then_some(rehearsal)
    }

    /// The value of the variable.
    pub fn configuration(&self) -> PathBuf {
        self.directory.join("softhsm2.conf")
    }

    /// The HSMs of the plan, each of them a token to throw away. Keys are made as they are needed.
    ///
    /// # Errors
    ///
    /// [`RehearsalError`].
    pub fn hsms(&self, plan: &Plan) -> Result<Hsms, RehearsalError> {
        let lib = library(plan).ok_or(RehearsalError::NotInstalled)?;
        let mut file = String::new();
        for (name, section) in &plan.hsm {
            let text = |text: &str| toml::Value::String(text.to_owned());
            let (lib, pin) = (lib.display().to_string(), self.directory.join("pin").display().to_string());
            // Writing into a string does not fail.
            let _ = write!(
                file,
                "[hsm.{}]\nlib = {}\ntoken_label = {}\npin_file = {}\ngenerate_key = true\n",
                text(name),
                text(&lib),
                text(name),
                text(&pin)
            );
            if let Some(id) = section.get("key_id") {
                let _ = writeln!(file, "key_id = {id}");
            }
        }
        let file = file.parse().map_err(RehearsalError::Config)?;
        Hsms::new(file, |_| None).map_err(RehearsalError::Config)
    }

    fn write(&self, name: &str, text: &str) -> Result<(), RehearsalError> {
        write_private(&self.directory.join(name), text.as_bytes()).map_err(RehearsalError::Files)
    }

    fn make_token(&self, label: &str) -> Result<(), RehearsalError> {
        let made = Command::new("softhsm2-util")
            .args(["--init-token", "--free", "--label", label, "--so-pin", PIN, "--pin", PIN])
            .env(Self::VARIABLE, self.configuration())
            .stdin(Stdio::null())
            .output();
        match made {
            Ok(made) if made.status.success() => Ok(()),
            Ok(made) => Err(RehearsalError::Refused(String::from_utf8_lossy(&made.stderr).trim().to_owned())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(RehearsalError::NotInstalled),
            Err(error) => Err(RehearsalError::Files(error)),
        }
    }
}

/// SoftHSM's library: the plan's own where that is SoftHSM, or where it is usually installed.
fn library(plan: &Plan) -> Option<PathBuf> {
    let named = plan.hsm.values().filter_map(|section| section.get("lib")?.as_str()).map(PathBuf::from);
    let is_softhsm = |path: &PathBuf| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("libsofthsm2"))
    };
    named.filter(is_softhsm).find(|path| path.exists()).or_else(|| super::softhsm().map(PathBuf::from))
}

/// Why there are no tokens for a rehearsal.
#[derive(Debug)]
pub enum RehearsalError {
    /// SoftHSM is not there.
    NotInstalled,
    /// SoftHSM made no token.
    Refused(String),
    /// The configuration that comes out of the plan.
    Config(HsmConfigError),
    /// The operating system refused.
    Files(io::Error),
}

impl fmt::Display for RehearsalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotInstalled => f.write_str(
                "a rehearsal puts SoftHSM in the place of the plan's HSMs, and it is not installed: install softhsm2 (on Debian, \
                 apt-get install softhsm2)",
            ),
            Self::Refused(why) => write!(f, "SoftHSM made no token for the rehearsal: {why}"),
            Self::Config(error) => error.fmt(f),
            Self::Files(error) => write!(f, "the tokens of the rehearsal could not be made: {error}"),
        }
    }
}

impl std::error::Error for RehearsalError {}

const DIRECTORY: &str = "rehearsal-tokens";
/// It guards keys that are worth nothing.
const PIN: &str = "12345678";
