//! Keys that are held elsewhere: in an HSM, in a service.

use std::sync::Arc;

use strongroom_crypto::external::{ExternalError, KeyWrapper};
use strongroom_crypto::sign::Signer;

use crate::version::HeldReference;

/// Finds the key that a reference stands for. Whoever opens the keys injects it: this crate knows no token.
///
/// It is asked at every use, so it should keep what it found.
pub trait HeldKeys: Send + Sync {
    /// A key that wraps: see [`KeyKind::HeldWrapping`](crate::KeyKind::HeldWrapping).
    ///
    /// # Errors
    ///
    /// [`ExternalError`] where there is none of that reference, or it does not answer.
    fn wrapper(&self, reference: &HeldReference) -> Result<Arc<dyn KeyWrapper>, ExternalError>;

    /// A key that signs: see [`KeyKind::HeldSigning`](crate::KeyKind::HeldSigning).
    ///
    /// # Errors
    ///
    /// As [`wrapper`](Self::wrapper).
    fn signer(&self, reference: &HeldReference) -> Result<Arc<dyn Signer>, ExternalError>;
}
