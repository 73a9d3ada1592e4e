//! NSS softokn: the token of Firefox.

use crate::directory::Directory;
use crate::environment::Claim;
use crate::error::TokenError;
use crate::programs::{self, Program};
use crate::shim;
use crate::token::{self, TestToken};

pub(crate) fn make(label: &str) -> Result<TestToken, TokenError> {
    let module = programs::library(&["libsoftokn3.so", "nss/libsoftokn3.so"], programs::NSS)?;
    let directory = Directory::new()?;
    let store = format!("sql:{}", directory.store().display());
    let pin = directory.pin_file();
    let certutil = Program::new("certutil", programs::NSS)?;
    certutil.args(["-N", "-d", &store, "-f"]).args([&pin]).run()?;
    let parameters = format!(
        "configdir='{store}' certPrefix='' keyPrefix='' secmod='secmod.db' flags= dbTokenDescription='{label}'"
    );
    let environment = vec![
        (shim::MODULE.to_string(), module.display().to_string()),
        (shim::PARAMETERS.to_string(), parameters),
    ];
    let claim = Claim::set(&environment)?;
    let lib = shim::library()?;
    let serial = token::serial(&directory, &lib, &environment, label)?;
    Ok(TestToken {
        label: label.into(),
        lib,
        module,
        serial,
        environment,
        server: None,
        directory,
        _claim: claim,
    })
}
