//! The fault shim before a token.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use strongroom_fault_shim::plan::Plan;

use crate::environment::Claim;
use crate::error::TokenError;
use crate::programs;
use crate::token::TestToken;

/// A module that passes calls on to a token's, except for those that a plan names.
///
/// The format of plans is told at [`strongroom_fault_shim::plan`]; one line such as `C_Encrypt 3 CKR_DEVICE_ERROR` is
/// enough.
#[derive(Debug)]
pub struct FaultShim {
    lib: PathBuf,
    plan: PathBuf,
    trace: PathBuf,
    environment: Vec<(String, String)>,
    plans: AtomicU64,
    _claim: Claim,
}

impl FaultShim {
    /// Makes the shim stand before this token. Nothing is planned yet.
    ///
    /// # Errors
    ///
    /// [`TokenError::Missing`] when the shim was not built, [`TokenError::Taken`] when this process has another one.
    pub fn over(token: &TestToken) -> Result<Self, TokenError> {
        let lib = library()?;
        let (plan, trace) = (token.directory().join("plan"), token.directory().join("trace"));
        let mut variables = vec![
            (PLAN.to_string(), plan.display().to_string()),
            (TRACE.to_string(), trace.display().to_string()),
        ];
        if token.lib != lib {
            variables.push((MODULE.to_string(), token.module.display().to_string()));
        }
        let claim = Claim::set(&variables)?;
        let environment = token.environment.iter().cloned().chain(variables).collect();
        Ok(Self { lib, plan, trace, environment, plans: AtomicU64::new(0), _claim: claim })
    }

    /// The module to load in place of the token's.
    pub fn lib(&self) -> &Path {
        &self.lib
    }

    /// The environment variables for the shim and the token behind it.
    pub fn environment(&self) -> Vec<(String, String)> {
        self.environment.clone()
    }

    /// Puts a plan in force, from the next call on and in every process; counting starts anew, even when the text is
    /// that of the last plan.
    ///
    /// # Errors
    ///
    /// [`TokenError::Plan`] names the line that is no rule; nothing has changed then.
    pub fn plan(&self, text: &str) -> Result<(), TokenError> {
        Plan::parse(text)?;
        let number = self.plans.fetch_add(1, Ordering::Relaxed);
        let new = self.plan.with_extension("new");
        // Renamed into its place, so that no call reads half a plan.
        fs::write(&new, format!("# Plan {number}.\n{text}\n"))
            .and_then(|()| fs::rename(&new, &self.plan))
            .map_err(TokenError::io(format!("cannot write {}", self.plan.display())))
    }

    /// Ends the plan: every call is passed on.
    ///
    /// # Errors
    ///
    /// [`TokenError::Io`]
    pub fn clear(&self) -> Result<(), TokenError> {
        remove(&self.plan)
    }

    /// The names of the functions called so far, in order.
    pub fn trace(&self) -> Vec<String> {
        self.calls().iter().filter_map(|line| line.split(' ').next()).map(String::from).collect()
    }

    /// How many calls a plan has answered so far: a test of a fault that never struck shows nothing.
    pub fn struck(&self) -> usize {
        self.calls().iter().filter(|line| line.contains(' ')).count()
    }

    /// Begins the trace anew.
    ///
    /// # Errors
    ///
    /// [`TokenError::Io`]
    pub fn forget_trace(&self) -> Result<(), TokenError> {
        remove(&self.trace)
    }

    fn calls(&self) -> Vec<String> {
        fs::read_to_string(&self.trace).unwrap_or_default().lines().map(String::from).collect()
    }
}

fn remove(path: &Path) -> Result<(), TokenError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(TokenError::io(format!("cannot remove {}", path.display()))(error))
        }
        _ => Ok(()),
    }
}

/// The shim's library, which cargo builds along with this crate and leaves beside the program that uses it.
pub(crate) fn library() -> Result<PathBuf, TokenError> {
    let program = std::env::current_exe().map_err(TokenError::io("cannot find the running program"))?;
    // Tests lie in `deps` themselves, examples beside it, and programs above it.
    let near = program.ancestors().skip(1).take(2);
    let places = near.flat_map(|directory| [directory.to_path_buf(), directory.join("deps")]);
    places.map(|directory| directory.join(LIBRARY)).find(|file| file.is_file()).ok_or_else(|| {
        TokenError::Missing { what: format!("the fault shim, {LIBRARY},"), remedy: programs::SHIM }
    })
}

const LIBRARY: &str = "libstrongroom_fault_shim.so";

pub(crate) const MODULE: &str = "STRONGROOM_FAULT_MODULE";
pub(crate) const PARAMETERS: &str = "STRONGROOM_FAULT_PARAMETERS";
const PLAN: &str = "STRONGROOM_FAULT_PLAN";
const TRACE: &str = "STRONGROOM_FAULT_TRACE";
