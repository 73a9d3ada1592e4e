//! SoftHSM: a token in files.

use std::path::PathBuf;

use crate::directory::Directory;
use crate::environment::Claim;
use crate::error::TokenError;
use crate::programs;
use crate::token::{self, TestToken};

pub(crate) fn make(label: &str) -> Result<TestToken, TokenError> {
    let lib = library()?;
    let directory = Directory::new()?;
    let environment = environment(&directory);
    let claim = Claim::set(&environment)?;
    token::initialise(&directory, &lib, &environment, label)?;
    let serial = token::serial(&directory, &lib, &environment, label)?;
    let (label, module) = (label.into(), lib.clone());
    Ok(TestToken { label, lib, module, serial, environment, server: None, directory, _claim: claim })
}

pub(crate) fn library() -> Result<PathBuf, TokenError> {
    programs::library(&["softhsm/libsofthsm2.so", "libsofthsm2.so"], programs::SOFTHSM)
}

/// The variable by which SoftHSM finds its configuration, which every test token's directory has.
pub(crate) fn environment(directory: &Directory) -> Vec<(String, String)> {
    vec![("SOFTHSM2_CONF".into(), directory.softhsm_configuration().display().to_string())]
}
