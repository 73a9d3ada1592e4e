//! The name of a key in an HSM, as policies use it.

use std::fmt;

use super::PolicyError;
use crate::name;

/// A key that an HSM holds: which token, and which key in it.
///
/// The token's name is the one that it has in the configuration of whoever opens the store, so that a token can be
/// replaced by a clone of it. The key's name is its `CKA_LABEL`. Both are bound into the slot: under another name the slot
/// does not open.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HsmKey {
    token: String,
    key: String,
}

impl HsmKey {
    /// The key of this label in the token of this name.
    ///
    /// # Errors
    ///
    /// [`PolicyError::HsmName`] when a name is empty, too long or has characters that it may not have.
    pub fn new(token: &str, key: &str) -> Result<Self, PolicyError> {
        for name in [token, key] {
            name::check_hsm(name).map_err(PolicyError::HsmName)?;
        }
        Ok(Self { token: token.to_owned(), key: key.to_owned() })
    }

    /// What the configuration calls the token.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The key's label.
    pub fn key(&self) -> &str {
        &self.key
    }
}

impl fmt::Display for HsmKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "hsm({}, {})", self.token, self.key)
    }
}
