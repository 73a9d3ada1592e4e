//! When a term has served long enough.

use std::fmt;

/// When to install a new term without being told.
///
/// NIST SP 800-57 part 1, section 5.3: a cryptoperiod is limited by time and by the volume that a key protects. Neither
/// limit is needed against nonce collisions (each session has a key of its own), so both are a matter of policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RotationPolicy {
    /// Rotate when the active term is this old, in seconds; `None`: never for age.
    pub max_age: Option<u64>,
    /// Rotate when the active term has sealed this many records; `None`: never for use.
    pub max_seals: Option<u64>,
}

impl RotationPolicy {
    /// A year, or 2^40 records.
    pub const DEFAULT: Self = Self { max_age: Some(365 * 24 * 60 * 60), max_seals: Some(1 << 40) };

    /// Only by command.
    pub const NEVER: Self = Self { max_age: None, max_seals: None };

    /// Whether a term installed at `installed` is due at `now`. A clock that went backwards makes nothing due.
    pub fn due(&self, installed: u64, usage: TermUsage, now: u64) -> Option<Due> {
        let age = now.saturating_sub(installed);
        if self.max_seals.is_some_and(|limit| usage.seals >= limit) {
            Some(Due::Use { seals: usage.seals })
        } else if self.max_age.is_some_and(|limit| age >= limit) {
            Some(Due::Age { seconds: age })
        } else {
            None
        }
    }
}

/// What was ever sealed under a term.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TermUsage {
    /// Entries in storage that are sealed under it now.
    pub live: u64,
    /// Records sealed under it in its life.
    pub seals: u64,
    /// AES blocks (16 bytes) sealed under it in its life, rounded up for each record.
    pub blocks: u64,
}

/// Why a rotation is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// The term is this many seconds old.
    Age {
        /// The age.
        seconds: u64,
    },
    /// The term has sealed this many records.
    Use {
        /// The count.
        seals: u64,
    },
}

impl fmt::Display for Due {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Age { seconds } => write!(f, "the active term is {seconds} seconds old"),
            Self::Use { seals } => write!(f, "the active term has sealed {seals} records"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: RotationPolicy = RotationPolicy { max_age: Some(100), max_seals: Some(10) };

    #[test]
    fn a_young_and_little_used_term_is_not_due() {
        let usage = TermUsage { seals: 9, ..TermUsage::default() };
        assert_eq!(POLICY.due(1000, usage, 1099), None);
    }

    #[test]
    fn a_term_is_due_at_its_limit_of_age_or_use() {
        let usage = TermUsage { seals: 10, ..TermUsage::default() };
        assert_eq!(POLICY.due(1000, usage, 1000), Some(Due::Use { seals: 10 }));
        assert_eq!(POLICY.due(1000, TermUsage::default(), 1100), Some(Due::Age { seconds: 100 }));
    }

    #[test]
    fn a_clock_that_goes_backwards_makes_nothing_due() {
        assert_eq!(POLICY.due(1000, TermUsage::default(), 0), None);
    }

    #[test]
    fn never_is_never() {
        let usage = TermUsage { seals: u64::MAX, live: u64::MAX, blocks: u64::MAX };
        assert_eq!(RotationPolicy::NEVER.due(0, usage, u64::MAX), None);
    }
}
