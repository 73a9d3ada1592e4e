//! Kryoptic: a token in a file of SQL, with PKCS #11 3.0 and later.

use std::path::PathBuf;

use crate::directory::Directory;
use crate::environment::Claim;
use crate::error::TokenError;
use crate::programs;
use crate::token::{self, TestToken};

pub(crate) fn make(label: &str) -> Result<TestToken, TokenError> {
    let lib = library()?;
    let directory = Directory::new()?;
    let database = directory.store().join("token.sql");
    let environment = vec![("KRYOPTIC_CONF".to_string(), database.display().to_string())];
    let claim = Claim::set(&environment)?;
    token::initialise(&directory, &lib, &environment, label)?;
    let serial = token::serial(&directory, &lib, &environment, label)?;
    let (label, module) = (label.into(), lib.clone());
    Ok(TestToken { label, lib, module, serial, environment, server: None, directory, _claim: claim })
}

fn library() -> Result<PathBuf, TokenError> {
    let named = std::env::var_os("STRONGROOM_KRYOPTIC").map(PathBuf::from);
    named.filter(|file| file.is_file()).or_else(|| programs::near(BUILT)).ok_or_else(|| TokenError::Missing {
        what: "the module of Kryoptic".into(),
        remedy: programs::KRYOPTIC,
    })
}

/// Where `cargo xtask setup` puts it, below the target directory.
const BUILT: &str = "kryoptic/libkryoptic_pkcs11.so";
