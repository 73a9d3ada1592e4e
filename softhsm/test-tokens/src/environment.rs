//! The variables by which modules find their tokens.

#![allow(
    unsafe_code,
    reason = "a module reads the variables of its own process, so a test has to set them there"
)]

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::error::TokenError;

/// Variables set for one token. Nobody else in this process may set them until this is dropped.
#[derive(Debug)]
pub(crate) struct Claim(Vec<String>);

impl Claim {
    /// Sets the variables.
    pub(crate) fn set(variables: &[(String, String)]) -> Result<Self, TokenError> {
        let mut taken = taken();
        if let Some((name, _)) = variables.iter().find(|(name, _)| taken.contains(name)) {
            return Err(TokenError::Taken { variable: name.clone() });
        }
        for (name, value) in variables {
            taken.insert(name.clone());
            // SAFETY: Rust's own readers are locked out. Modules and libraries in C read the environment when they are
            // loaded and initialised, which for these variables comes after this, in a process that runs tests.
            unsafe { std::env::set_var(name, value) };
        }
        Ok(Self(variables.iter().map(|(name, _)| name.clone()).collect()))
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut taken = taken();
        for name in &self.0 {
            taken.remove(name);
            // SAFETY: as in `set`; the token that the variable led to is gone.
            unsafe { std::env::remove_var(name) };
        }
    }
}

fn taken() -> MutexGuard<'static, BTreeSet<String>> {
    TAKEN.lock().unwrap_or_else(PoisonError::into_inner)
}

static TAKEN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

#[cfg(test)]
mod tests {
    use super::Claim;
    use crate::error::TokenError;

    #[test]
    fn variable_is_set_for_one_token_at_a_time() {
        const NAME: &str = "STRONGROOM_TEST_TOKENS_CLAIM";
        let variable = |value: &str| [(NAME.to_string(), value.to_string())];
        let first = Claim::set(&variable("first")).unwrap();
        assert!(
            matches!(Claim::set(&variable("second")), Err(TokenError::Taken { variable }) if variable == NAME)
        );
        assert_eq!(std::env::var(NAME).as_deref(), Ok("first"));
        drop(first);
        assert!(std::env::var(NAME).is_err());
        let _second = Claim::set(&variable("second")).unwrap();
        assert_eq!(std::env::var(NAME).as_deref(), Ok("second"));
    }
}
