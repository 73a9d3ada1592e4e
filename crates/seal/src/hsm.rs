//! The part of a slot that a key in an HSM opens.
//!
//! Each key in a policy guards a 32-byte secret of its own, drawn when the slot is made, wrapped by that key and kept in the
//! slot's header. The slot's KEK comes from the secrets of all parts of the policy. Beside the wrapped secret lies a
//! commitment, a hash, so that a token that answers wrongly is told from shares that are wrong, and is caught before
//! anything is written that depends on its answer.

use std::fmt;

use strongroom_crypto::external::{ExternalError, ExternalFault};
use strongroom_crypto::record::StoreId;
use strongroom_crypto::secret::SecretBytes;

use crate::binding;
use crate::policy::HsmKey;
use crate::recombine::Hand;
use crate::slot::{Slot, SlotId, SlotSet};

/// The keys that policies name, wherever they are. Calls may block for as long as a token takes.
pub trait HsmKeys: Send + Sync {
    /// Wraps a secret so that only this key opens it, and only for this context.
    ///
    /// # Errors
    ///
    /// [`ExternalError`]; nothing has to be undone.
    fn wrap(&self, key: &HsmKey, secret: &SecretBytes, context: &[u8]) -> Result<Vec<u8>, ExternalError>;

    /// Opens what [`wrap`](Self::wrap) made, with the very key and mechanism that it was made with.
    ///
    /// # Errors
    ///
    /// [`ExternalError`]. No answer is trusted: it is held against the slot's commitment.
    fn unwrap(&self, key: &HsmKey, wrapped: &[u8], context: &[u8]) -> Result<SecretBytes, ExternalError>;
}

/// No HSM: for stores whose policies name none.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoHsm;

impl HsmKeys for NoHsm {
    fn wrap(&self, key: &HsmKey, _: &SecretBytes, _: &[u8]) -> Result<Vec<u8>, ExternalError> {
        Err(no_hsm(key))
    }

    fn unwrap(&self, key: &HsmKey, _: &[u8], _: &[u8]) -> Result<SecretBytes, ExternalError> {
        Err(no_hsm(key))
    }
}

fn no_hsm(key: &HsmKey) -> ExternalError {
    let message = format!("no HSM is configured: say where the token \"{}\" is", key.token());
    ExternalError::new(ExternalFault::Refused, message)
}

/// A secret of a slot, wrapped: the question that its HSM must answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HsmPart {
    slot: SlotId,
    set: [u8; 16],
    label: String,
    number: u8,
    key: HsmKey,
    wrapped: Vec<u8>,
    context: [u8; 32],
    commitment: [u8; 32],
    store: StoreId,
}

/// The secret of one part, as its HSM gave it, and checked.
pub struct HsmSecret {
    pub(crate) slot: SlotId,
    pub(crate) set: [u8; 16],
    pub(crate) number: u8,
    pub(crate) key: HsmKey,
    pub(crate) secret: SecretBytes,
}

impl HsmPart {
    /// The parts of a slot that HSMs open, in the order of its policy.
    pub(crate) fn of(store: StoreId, slot: &Slot) -> Vec<Self> {
        let numbered = (1..=u8::MAX).zip(slot.policy().hsm_keys());
        let parts = numbered.zip(slot.hsm_wrapped()).zip(slot.hsm_commitments());
        parts
            .map(|(((number, key), wrapped), commitment)| Self {
                slot: slot.id(),
                set: slot.set_id(),
                label: slot.label().to_owned(),
                number,
                key: key.clone(),
                wrapped: wrapped.clone(),
                context: binding::hsm_context(store, slot.id(), number, slot.policy()),
                commitment: *commitment,
                store,
            })
            .collect()
    }

    /// Whether this part has been given already.
    pub(crate) fn is_in(&self, slot: SlotId, hand: &Hand) -> bool {
        self.slot == slot && hand.holds_hsm(self.number)
    }

    /// The slot.
    pub fn slot(&self) -> SlotId {
        self.slot
    }

    /// What people call the slot.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The key that opens it.
    pub fn key(&self) -> &HsmKey {
        &self.key
    }

    /// The secret, wrapped by that key.
    pub fn wrapped(&self) -> &[u8] {
        &self.wrapped
    }

    /// Has the HSM unwrap the secret, and holds the answer against the commitment. Blocks.
    ///
    /// # Errors
    ///
    /// [`HsmPartError::Hsm`] is what the HSM says, [`HsmPartError::WrongSecret`] what it should not have said.
    pub fn unwrap(&self, hsm: &dyn HsmKeys) -> Result<HsmSecret, HsmPartError> {
        let failed = |error| HsmPartError::Hsm { key: self.key.clone(), label: self.label.clone(), error };
        let secret = hsm.unwrap(&self.key, &self.wrapped, &self.context).map_err(failed)?;
        self.check(&secret)?;
        Ok(HsmSecret { slot: self.slot, set: self.set, number: self.number, key: self.key.clone(), secret })
    }

    /// Has the HSM wrap the secret anew with the key that it now uses for this name, and proves that this opens. Blocks.
    ///
    /// # Errors
    ///
    /// As [`unwrap`](Self::unwrap).
    fn rewrap(&self, hsm: &dyn HsmKeys) -> Result<Vec<u8>, HsmPartError> {
        let opened = self.unwrap(hsm)?;
        wrap(hsm, &self.key, &self.label, &opened.secret, &self.context).map(|(wrapped, _)| wrapped)
    }

    fn check(&self, secret: &SecretBytes) -> Result<(), HsmPartError> {
        // A commitment is no secret, so the time of comparing it tells nothing.
        let commitment = binding::hsm_commitment(self.store, self.slot, self.number, secret.expose());
        if secret.len() == SECRET_LEN && commitment == self.commitment {
            Ok(())
        } else {
            Err(HsmPartError::WrongSecret { key: self.key.clone(), label: self.label.clone() })
        }
    }
}

impl HsmSecret {
    /// The slot.
    pub fn slot(&self) -> SlotId {
        self.slot
    }

    /// The key that gave it.
    pub fn key(&self) -> &HsmKey {
        &self.key
    }
}

impl SlotSet {
    /// What HSMs must answer to open these slots.
    pub fn hsm_parts(&self, slot: &Slot) -> Vec<HsmPart> {
        HsmPart::of(self.store(), slot)
    }

    /// The slot of this id with the secrets of its HSM parts wrapped anew, by the keys that the HSM now uses for their
    /// names. The secrets stay, and so do the shares and the slot's keys. Blocks.
    ///
    /// # Errors
    ///
    /// [`HsmPartError`]; `None` where there is no such slot. Nothing has changed anywhere.
    pub fn hsm_rewrapped(&self, slot: SlotId, hsm: &dyn HsmKeys) -> Option<Result<Slot, HsmPartError>> {
        let slot = self.find(slot)?;
        let wrapped: Result<Vec<_>, _> = self.hsm_parts(slot).iter().map(|part| part.rewrap(hsm)).collect();
        Some(wrapped.map(|wrapped| slot.clone().with_hsm_wrapped(wrapped)))
    }
}

/// Has the HSM wrap a secret for a slot, and proves that it opens: what it then unwrapped comes back too.
pub(crate) fn wrap(
    hsm: &dyn HsmKeys,
    key: &HsmKey,
    label: &str,
    secret: &SecretBytes,
    context: &[u8],
) -> Result<(Vec<u8>, SecretBytes), HsmPartError> {
    let failed = |error| HsmPartError::Hsm { key: key.clone(), label: label.to_owned(), error };
    let wrapped = hsm.wrap(key, secret, context).map_err(failed)?;
    if wrapped.is_empty() || wrapped.len() > MAX_WRAPPED {
        return Err(HsmPartError::Length { key: key.clone(), length: wrapped.len() });
    }
    let again = hsm.unwrap(key, &wrapped, context).map_err(failed)?;
    if again.ct_eq(secret) {
        Ok((wrapped, again))
    } else {
        Err(HsmPartError::WrongSecret { key: key.clone(), label: label.to_owned() })
    }
}

/// Why an HSM does not open its part of a slot. The slot stays as it is.
#[derive(Debug)]
pub enum HsmPartError {
    /// The HSM did not do it.
    Hsm {
        /// The key.
        key: HsmKey,
        /// What people call the slot.
        label: String,
        /// What the HSM says.
        error: ExternalError,
    },
    /// The HSM answered, and the answer is not the secret that the slot was made with.
    WrongSecret {
        /// The key.
        key: HsmKey,
        /// What people call the slot.
        label: String,
    },
    /// What the HSM made of a secret is empty or longer than [`MAX_WRAPPED`].
    Length {
        /// The key.
        key: HsmKey,
        /// Its length.
        length: usize,
    },
}

impl fmt::Display for HsmPartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hsm { key, label, error } => {
                write!(f, "{key} did not open its part of slot \"{label}\": {error}")
            }
            Self::WrongSecret { key, label } => write!(
                f,
                "{key} answered with another secret than the one that slot \"{label}\" was made with: the slot was altered, \
                 or the token does not work rightly. Use another slot, and do not trust this token until that is explained"
            ),
            Self::Length { key, length } => {
                write!(f, "{key} made {length} bytes of a secret, and a slot takes from 1 to {MAX_WRAPPED}")
            }
        }
    }
}

impl std::error::Error for HsmPartError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Hsm { error, .. } => Some(error),
            _ => None,
        }
    }
}

/// The most bytes that a wrapped secret has.
pub const MAX_WRAPPED: usize = 4096;

/// What each part of a policy contributes.
pub(crate) const SECRET_LEN: usize = 32;
