//! Where a version stands in its life (NIST SP 800-57 part 1 revision 5, section 7).

use std::fmt;

/// The state of one version of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum VersionState {
    /// Made, and not in use yet: neither protects nor processes.
    PreActivation,
    /// Protects (encrypts, signs, makes MACs) and processes (decrypts, verifies).
    Active,
    /// Out of use for a while, to see who needs it: neither protects nor processes. The standard would allow processing
    /// (section 7.1.3); refusing it is what makes a rehearsal of destruction worth something.
    Suspended,
    /// Processes what it protected, and protects nothing more.
    Deactivated,
    /// Known to others, or suspected to be: processes what it protected, so that it can be rewrapped, and protects nothing.
    Compromised,
    /// The key is gone; the version stays on record.
    Destroyed,
}

impl VersionState {
    /// Every state.
    pub const ALL: [Self; 6] = [
        Self::PreActivation,
        Self::Active,
        Self::Suspended,
        Self::Deactivated,
        Self::Compromised,
        Self::Destroyed,
    ];

    /// Whether the version encrypts, signs and makes MACs.
    pub const fn protects(self) -> bool {
        matches!(self, Self::Active)
    }

    /// Whether the version decrypts and verifies.
    pub const fn processes(self) -> bool {
        matches!(self, Self::Active | Self::Deactivated | Self::Compromised)
    }

    /// Whether the standard knows this step (section 7.2, figure 3). Nothing leads back from deactivation, compromise or
    /// destruction.
    pub const fn may_become(self, next: Self) -> bool {
        use VersionState as S;
        match self {
            S::PreActivation => matches!(next, S::Active | S::Suspended | S::Compromised | S::Destroyed),
            S::Active => matches!(next, S::Suspended | S::Deactivated | S::Compromised | S::Destroyed),
            S::Suspended => matches!(next, S::Active | S::Deactivated | S::Compromised | S::Destroyed),
            S::Deactivated => matches!(next, S::Compromised | S::Destroyed),
            S::Compromised => matches!(next, S::Destroyed),
            S::Destroyed => false,
        }
    }

    /// The standard's word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::PreActivation => "pre-activation",
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Deactivated => "deactivated",
            Self::Compromised => "compromised",
            Self::Destroyed => "destroyed",
        }
    }

    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::PreActivation => 1,
            Self::Active => 2,
            Self::Suspended => 3,
            Self::Deactivated => 4,
            Self::Compromised => 5,
            Self::Destroyed => 6,
        }
    }

    pub(crate) fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.code() == code)
    }
}

impl fmt::Display for VersionState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::VersionState::{self, *};

    #[test]
    fn only_an_active_version_protects_and_no_dead_one_comes_back() {
        for state in VersionState::ALL {
            assert_eq!(state.protects(), state == Active);
            assert!(!state.protects() || state.processes());
            assert!(!Destroyed.may_become(state));
            assert_eq!(VersionState::from_code(state.code()), Some(state));
            assert!(!state.may_become(state));
            assert!(!state.may_become(PreActivation));
        }
        for dead in [Deactivated, Compromised, Destroyed] {
            assert!(!dead.may_become(Active) && !dead.may_become(Suspended));
        }
        assert!(Suspended.may_become(Active));
        assert_eq!(VersionState::from_code(0), None);
        assert_eq!(VersionState::from_code(7), None);
    }

    #[test]
    fn every_state_can_end_in_destruction() {
        for state in VersionState::ALL {
            assert_eq!(state.may_become(Destroyed), state != Destroyed);
        }
    }
}
