//! The keys that hide names, by generation.

use strongroom_crypto::secret::{Secret, SecretError};

/// Whether new names are written under a generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NamesState {
    /// New names are written under it.
    Active,
    /// A rewrap moves its entries to the active generation; look-ups still try it.
    Leaving,
}

impl NamesState {
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Active => 1,
            Self::Leaving => 2,
        }
    }
}

/// One generation of the names key.
pub struct NamesGeneration {
    pub(crate) number: u16,
    pub(crate) state: NamesState,
    pub(crate) key: Secret<32>,
}

impl NamesGeneration {
    pub(crate) fn install(number: u16) -> Result<Self, SecretError> {
        Ok(Self { number, state: NamesState::Active, key: Secret::random()? })
    }

    pub(crate) fn duplicate(&self) -> Result<Self, SecretError> {
        Ok(Self { number: self.number, state: self.state, key: self.key.duplicate()? })
    }

    /// Its number, which stands in every storage key.
    pub fn number(&self) -> u16 {
        self.number
    }

    /// Its state.
    pub fn state(&self) -> NamesState {
        self.state
    }

    /// The key from which the directory and segment keys are derived.
    pub fn key(&self) -> &Secret<32> {
        &self.key
    }
}
