//! How long a new slot waits before it may take effect.

use std::fmt;
use std::str::FromStr;

/// How long a slot stays pending at least, in whole seconds: [`MAX_COOLING_OFF`] at most.
///
/// A text is a number and a unit, `90s`, `30m`, `24h` or `3d`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct CoolingOff(u64);

impl CoolingOff {
    /// The slot may be activated at once.
    pub const NONE: Self = Self(0);

    /// So many seconds; `None` when they are more than [`MAX_COOLING_OFF`].
    pub fn from_seconds(seconds: u64) -> Option<Self> {
        (seconds <= MAX_COOLING_OFF).then_some(Self(seconds))
    }

    /// How many seconds it lasts.
    pub fn seconds(self) -> u64 {
        self.0
    }
}

impl FromStr for CoolingOff {
    type Err = ParseCoolingOffError;

    fn from_str(text: &str) -> Result<Self, ParseCoolingOffError> {
        let unit = text.chars().next_back().ok_or(ParseCoolingOffError)?;
        let seconds: u64 = match unit {
            's' => 1,
            'm' => 60,
            'h' => 60 * 60,
            'd' => DAY,
            _ => return Err(ParseCoolingOffError),
        };
        let number =
            text.strip_suffix(unit).filter(|number| number.bytes().all(|digit| digit.is_ascii_digit()));
        let number: Option<u64> = number.and_then(|number| number.parse().ok());
        let product = number.and_then(|number| number.checked_mul(seconds));
        product.and_then(Self::from_seconds).ok_or(ParseCoolingOffError)
    }
}

/// A text is no cooling-off time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseCoolingOffError;

impl fmt::Display for ParseCoolingOffError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("give a number and s, m, h or d, as in 24h, and at most 6 days")
    }
}

impl std::error::Error for ParseCoolingOffError {}

/// How long a slot may stay pending, in seconds: 7 days. After that it can only be removed.
pub const PENDING_LIFETIME: u64 = 7 * DAY;

/// The longest cooling-off time, in seconds: a day less than a slot may stay pending, for its holders to come together.
pub const MAX_COOLING_OFF: u64 = PENDING_LIFETIME - DAY;

const DAY: u64 = 24 * 60 * 60;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_a_number_and_a_unit() {
        for (text, seconds) in [("0s", 0), ("90s", 90), ("30m", 1800), ("24h", DAY), ("6d", MAX_COOLING_OFF)]
        {
            assert_eq!(text.parse().map(CoolingOff::seconds), Ok(seconds), "{text}");
        }
        for text in
            ["", "d", "6", "7d", "518401s", "+1d", "-1d", "1 d", "1D", "1.5d", "18446744073709551615d", "1ü"]
        {
            assert_eq!(text.parse::<CoolingOff>(), Err(ParseCoolingOffError), "{text}");
        }
        assert_eq!(CoolingOff::from_seconds(MAX_COOLING_OFF + 1), None);
    }
}
