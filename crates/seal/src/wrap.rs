//! Wrapping the root key for every active slot.

use std::fmt;

use strongroom_crypto::hpke::{self, HpkeError};
use strongroom_crypto::secret::Secret;

use crate::binding;
use crate::slot::{MAX_SLOTS, Slot, SlotFault, SlotId, SlotSet, SlotState, repeats};

impl SlotSet {
    /// The set after a change: these slots, with the root key wrapped anew for each active one under the next
    /// generation.
    ///
    /// HPKE's `mode_psk` ([RFC 9180], section 5.1.2) needs a slot's public key and its psk, both at hand in a running
    /// store: no holder, no share and no KEK. Every active slot is wrapped at every change, since the generation is bound into
    /// each wrapping, so that an older set cannot be put back in part. `slots` must come from the set in memory, whose digest
    /// was compared, never from storage read anew.
    ///
    /// # Errors
    ///
    /// [`WrapError`]; the set that this was called on stays as it is.
    ///
    /// [RFC 9180]: https://www.rfc-editor.org/rfc/rfc9180#section-5.1.2
    pub fn rewrapped<'k>(
        &self,
        next_generation: u64,
        slots: Vec<Slot>,
        root: &Secret<32>,
        psk: impl Fn(SlotId) -> Option<&'k Secret<32>>,
    ) -> Result<Self, WrapError> {
        if next_generation <= self.generation {
            return Err(WrapError::Generation { current: self.generation, next: next_generation });
        }
        if slots.len() > MAX_SLOTS {
            return Err(WrapError::TooMany);
        }
        if slots.iter().all(|slot| slot.state() != SlotState::Active) {
            return Err(WrapError::NoneActive);
        }
        let mut wrapped: Vec<Slot> = Vec::with_capacity(slots.len());
        for slot in slots {
            match repeats(&wrapped, &slot) {
                Some(SlotFault::RepeatedLabel) => {
                    return Err(WrapError::RepeatedLabel(slot.label().to_owned()));
                }
                Some(_) => return Err(WrapError::RepeatedId(slot.id())),
                None => {}
            }
            if !slot.is_of(self.store) {
                return Err(WrapError::Foreign(slot.label().to_owned()));
            }
            let sealed = match slot.state() {
                SlotState::Pending => Vec::new(),
                SlotState::Active => {
                    let psk = psk(slot.id()).ok_or_else(|| WrapError::NoPsk(slot.label().to_owned()))?;
                    let info = binding::info(self.store, &slot, next_generation);
                    hpke::seal_psk(
                        slot.suite(),
                        slot.public_key(),
                        psk,
                        slot.id().as_bytes(),
                        &info,
                        &[],
                        root,
                    )
                    .map_err(|error| WrapError::Hpke { label: slot.label().to_owned(), error })?
                }
            };
            wrapped.push(slot.with_wrapped(sealed));
        }
        Ok(Self { store: self.store, generation: next_generation, slots: wrapped })
    }
}

/// Why the set of slots cannot become this.
#[derive(Debug)]
pub enum WrapError {
    /// The generation does not grow.
    Generation {
        /// The set's generation.
        current: u64,
        /// The one asked for.
        next: u64,
    },
    /// There would be more slots than [`MAX_SLOTS`].
    TooMany,
    /// No slot would be active, so that nobody could ever open the store again.
    NoneActive,
    /// Two slots would have this id.
    RepeatedId(SlotId),
    /// Two active slots, or two pending ones, would have this label.
    RepeatedLabel(String),
    /// The slot of this label was made for another store.
    Foreign(String),
    /// The psk of the active slot of this label is missing.
    NoPsk(String),
    /// The root key could not be sealed.
    Hpke {
        /// The label of the slot that it was to be sealed for.
        label: String,
        /// Why not.
        error: HpkeError,
    },
}

impl fmt::Display for WrapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the slots stay as they were: ")?;
        match self {
            Self::Generation { current, next } => {
                write!(f, "their generation is {current} and cannot become {next}")
            }
            Self::TooMany => write!(f, "a store has at most {MAX_SLOTS} slots. Remove one first"),
            Self::NoneActive => f.write_str("no slot would be left that opens the store"),
            Self::RepeatedId(id) => write!(f, "slot {id} would be there twice"),
            Self::RepeatedLabel(label) => {
                write!(f, "two slots would be called \"{label}\". Give one of them another label")
            }
            Self::Foreign(label) => write!(f, "slot \"{label}\" was made for another store"),
            Self::NoPsk(label) => write!(f, "the keyring lacks the key that wraps for slot \"{label}\""),
            Self::Hpke { label, error } => {
                write!(f, "the root key could not be wrapped for slot \"{label}\": {error}")
            }
        }
    }
}

impl std::error::Error for WrapError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Hpke { error, .. } => Some(error),
            _ => None,
        }
    }
}
