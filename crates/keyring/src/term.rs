//! One term: its key, its state and its dates.

use strongroom_crypto::record::Term;
use strongroom_crypto::secret::{Secret, SecretError};

/// Where a term stands in its life (NIST SP 800-57 part 1, section 7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TermState {
    /// Seals and opens records. Exactly one term of a keyring is active.
    Active,
    /// Opens records that a rewrap has not reached yet; seals nothing.
    Deactivated,
    /// Its key is gone.
    Destroyed,
}

impl TermState {
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Active => 1,
            Self::Deactivated => 2,
            Self::Destroyed => 3,
        }
    }

    /// The word that NIST uses.
    pub fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Deactivated => "deactivated",
            Self::Destroyed => "destroyed",
        }
    }
}

/// What may be told of a term.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TermInfo {
    /// Its number.
    pub term: Term,
    /// Its state.
    pub state: TermState,
    /// When it became active, in seconds since 1970.
    pub installed: u64,
    /// When it last left a state, in seconds since 1970; 0 while it is active.
    pub left: u64,
    /// How many records it sealed in its life; known once it is destroyed, 0 until then (the head counts meanwhile).
    pub seals: u64,
}

pub(crate) struct TermEntry {
    pub(crate) info: TermInfo,
    /// Absent exactly when the term is destroyed.
    pub(crate) key: Option<Secret<32>>,
}

impl TermEntry {
    pub(crate) fn install(term: Term, now: u64) -> Result<Self, SecretError> {
        let info = TermInfo { term, state: TermState::Active, installed: now, left: 0, seals: 0 };
        Ok(Self { info, key: Some(Secret::random()?) })
    }

    pub(crate) fn deactivate(&mut self, now: u64) {
        self.info.state = TermState::Deactivated;
        self.info.left = now;
    }

    pub(crate) fn destroy(&mut self, seals: u64, now: u64) {
        self.key = None;
        self.info.state = TermState::Destroyed;
        self.info.left = now;
        self.info.seals = seals;
    }

    pub(crate) fn duplicate(&self) -> Result<Self, SecretError> {
        let key = self.key.as_ref().map(Secret::duplicate).transpose()?;
        Ok(Self { info: self.info, key })
    }
}
