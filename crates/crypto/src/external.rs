//! Keys and randomness that live outside this process: in an HSM, in a service.
//!
//! The upper layers know these traits and not what stands behind them. `strongroom-pkcs11` implements them for tokens.

use std::error::Error;
use std::fmt;

use crate::secret::SecretBytes;

/// Wraps keys under a key that it never shows.
pub trait KeyWrapper: Send + Sync {
    /// Encrypts `key` so that only the same `context` opens it again. What comes out says of itself which key made it
    /// and how, so that it opens for as long as that key exists.
    ///
    /// # Errors
    ///
    /// [`ExternalError`]; nothing has to be undone.
    fn wrap(&self, key: &SecretBytes, context: &[u8]) -> Result<Vec<u8>, ExternalError>;

    /// Opens what [`wrap`](Self::wrap) made, under the same context.
    ///
    /// # Errors
    ///
    /// [`ExternalFault::Rejected`] where the bytes were not made by this key for this context.
    fn unwrap(&self, wrapped: &[u8], context: &[u8]) -> Result<SecretBytes, ExternalError>;
}

/// A generator of random bytes outside this process.
pub trait EntropySource: Send + Sync {
    /// Fills the whole buffer.
    ///
    /// # Errors
    ///
    /// [`ExternalError`]. The buffer must then not be used.
    fn fill(&self, buffer: &mut [u8]) -> Result<(), ExternalError>;
}

/// Whose fault it is, and so what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExternalFault {
    /// It does not answer now and may again: wait, or use another way.
    Unavailable,
    /// It refuses this caller: a wrong PIN, a missing key, a setting. Waiting does not help; a person must act.
    Refused,
    /// It answers, and says that what it was given was not made by this key for this context.
    Rejected,
    /// It answered, and the answer was wrong: do not trust it.
    Misbehaved,
}

/// Why something outside this process did not do what it was asked. The message names the place and what to do, never a
/// secret.
#[derive(Debug)]
pub struct ExternalError {
    fault: ExternalFault,
    source: Box<dyn Error + Send + Sync>,
}

impl ExternalError {
    /// An error of this kind, with what was said about it.
    pub fn new(fault: ExternalFault, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { fault, source: source.into() }
    }

    /// Whose fault it is.
    pub fn fault(&self) -> ExternalFault {
        self.fault
    }
}

impl fmt::Display for ExternalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.source.fmt(f)
    }
}

impl Error for ExternalError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(self.source.as_ref())
    }
}
