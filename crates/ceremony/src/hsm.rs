//! HSMs at a ceremony: beside wrapping, they make the key that a plan names, and say what their keys are.
//!
//! The plan's sections `[hsm.NAME]` are the whole configuration: no environment variable changes them. A PIN comes from where
//! they say, or from a person.

#[cfg(feature = "hsm")]
mod rehearsal;
#[cfg(feature = "hsm")]
mod tokens;

use std::path::Path;

use strongroom::{HsmKey, HsmKeys, NoHsm};
use strongroom_audit::Signer;

use crate::run::CeremonyError;

#[cfg(feature = "hsm")]
pub use rehearsal::{Rehearsal, RehearsalError};
#[cfg(feature = "hsm")]
pub(crate) use tokens::checked;
#[cfg(feature = "hsm")]
pub use tokens::hsms;

/// The HSMs of a ceremony.
pub trait Tokens: HsmKeys {
    /// Makes the key if the configuration gives its id, says that it may be made, and it is not there. Whether it was made.
    ///
    /// # Errors
    ///
    /// [`CeremonyError::Hsm`]: what is in the HSM is as it was.
    fn make(&self, key: &HsmKey) -> Result<bool, CeremonyError>;

    /// What an auditor wants to know of a key, after it was tried: the token's serial number and firmware, the key's kind, id,
    /// attributes and check value. Nothing of it is secret.
    ///
    /// # Errors
    ///
    /// [`CeremonyError::Hsm`] when the key is not there or does not work.
    fn evidence(&self, key: &HsmKey) -> Result<String, CeremonyError>;

    /// A key that signs.
    ///
    /// # Errors
    ///
    /// [`CeremonyError::Hsm`] when it is not there, or signs nothing.
    fn signer(&self, key: &HsmKey) -> Result<Box<dyn Signer>, CeremonyError>;
}

impl Tokens for NoHsm {
    fn make(&self, _: &HsmKey) -> Result<bool, CeremonyError> {
        Ok(false)
    }

    fn evidence(&self, key: &HsmKey) -> Result<String, CeremonyError> {
        Err(without(key))
    }

    fn signer(&self, key: &HsmKey) -> Result<Box<dyn Signer>, CeremonyError> {
        Err(without(key))
    }
}

/// Where SoftHSM's module is on this machine.
pub(crate) fn softhsm() -> Option<&'static str> {
    SOFTHSM.into_iter().find(|path| Path::new(path).exists())
}

fn without(key: &HsmKey) -> CeremonyError {
    CeremonyError::Hsm(format!("this program was built without HSMs, and {key} cannot be reached"))
}

const SOFTHSM: [&str; 5] = [
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
];
