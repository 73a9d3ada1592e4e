//! When something happened.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

/// A moment, in milliseconds since 1970-01-01T00:00:00Z without leap seconds, before the year 10000.
///
/// It is written as RFC 3339 has it, always in UTC and with three decimals: `2026-11-25T18:30:00.000Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(u64);

impl Time {
    /// The machine's clock.
    pub fn now() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self::from_milliseconds(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }

    /// So many seconds after 1970. What lies beyond the year 9999 is its last moment.
    pub fn from_seconds(seconds: u64) -> Self {
        Self::from_milliseconds(seconds.saturating_mul(1000))
    }

    /// So many milliseconds after 1970. What lies beyond the year 9999 is its last moment.
    pub fn from_milliseconds(milliseconds: u64) -> Self {
        Self(milliseconds.min(LAST))
    }

    /// Whole seconds since 1970.
    pub fn seconds(self) -> u64 {
        self.0 / 1000
    }

    /// Milliseconds since 1970.
    pub fn milliseconds(self) -> u64 {
        self.0
    }

    /// So many days later.
    #[must_use]
    pub fn plus_days(self, days: u32) -> Self {
        Self::from_milliseconds(self.0.saturating_add(u64::from(days).saturating_mul(DAY)))
    }

    /// The day alone, `2026-11-25`.
    pub fn date(self) -> String {
        let (year, month, day) = civil(self.0 / DAY);
        format!("{year:04}-{month:02}-{day:02}")
    }

    /// Day and time to the second, for people: `2026-11-25 18:30:00 UTC`.
    pub fn for_people(self) -> String {
        let text = self.to_string();
        let (date, time) = text.split_once('T').unwrap_or_default();
        let time = time.split_once('.').unwrap_or_default().0;
        format!("{date} {time} UTC")
    }

    /// Reads what [`Display`](fmt::Display) writes, and nothing else.
    pub fn parse(text: &str) -> Option<Self> {
        let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
        let [year, month, day] = numbers(date, '-')?;
        let (clock, thousandths) = time.split_once('.')?;
        let thousandths = u64::from(thousandths.parse::<u16>().ok()?);
        let [hour, minute, second] = numbers(clock, ':')?;
        let days = days_before(year, month, day)?;
        let seconds = days * (DAY / 1000) + hour * 3600 + minute * 60 + second;
        let time = Self(seconds * 1000 + thousandths);
        // One moment has one form: no sign, no 31st of June, no 24 o'clock.
        (time.0 <= LAST && time.to_string() == text).then_some(time)
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let within = self.0 % DAY;
        let (seconds, thousandths) = (within / 1000, within % 1000);
        let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        write!(f, "{}T{hour:02}:{minute:02}:{second:02}.{thousandths:03}Z", self.date())
    }
}

fn numbers(text: &str, separator: char) -> Option<[u64; 3]> {
    let mut parts = text.split(separator).map(|part| part.parse::<u32>().ok());
    let three = [parts.next()??.into(), parts.next()??.into(), parts.next()??.into()];
    parts.next().is_none().then_some(three)
}

/// Year, month and day of a day counted from 1970-01-01, in the Gregorian calendar.
fn civil(days: u64) -> (u64, u64, u64) {
    let (mut year, mut rest) = (1970, days);
    // 400 years have 146097 days, whichever they are.
    year += rest / DAYS_IN_400_YEARS * 400;
    rest %= DAYS_IN_400_YEARS;
    while rest >= days_in_year(year) {
        rest -= days_in_year(year);
        year += 1;
    }
    for month in 1..12 {
        let length = days_in_month(year, month);
        if rest < length {
            return (year, month, rest + 1);
        }
        rest -= length;
    }
    (year, 12, rest + 1)
}

fn days_before(year: u64, month: u64, day: u64) -> Option<u64> {
    if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || day == 0 {
        return None;
    }
    let years: u64 = (1970..year).map(days_in_year).sum();
    let months: u64 = (1..month).map(|month| days_in_month(year, month)).sum();
    Some(years + months + day - 1)
}

fn days_in_month(year: u64, month: u64) -> u64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if is_leap(year) => 29,
        2 => 28,
        _ => 31,
    }
}

fn days_in_year(year: u64) -> u64 {
    if is_leap(year) { 366 } else { 365 }
}

fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

/// Milliseconds.
const DAY: u64 = 24 * 60 * 60 * 1000;
const DAYS_IN_400_YEARS: u64 = 146_097;
/// 9999-12-31T23:59:59.999Z.
const LAST: u64 = 253_402_300_799_999;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_moments_are_written_as_they_are() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_399, "2000-02-28T23:59:59.000Z"),
            (951_782_400, "2000-02-29T00:00:00.000Z"),
            (1_000_000_000, "2001-09-09T01:46:40.000Z"),
            (1_795_631_400, "2026-11-25T18:30:00.000Z"),
            (4_107_542_400, "2100-03-01T00:00:00.000Z"),
            (253_402_300_799, "9999-12-31T23:59:59.000Z"),
        ] {
            assert_eq!(Time::from_seconds(seconds).to_string(), text);
            assert_eq!(Time::parse(text), Some(Time::from_seconds(seconds)));
        }
        assert_eq!(Time::from_milliseconds(u64::MAX).to_string(), "9999-12-31T23:59:59.999Z");
        assert_eq!(Time::from_seconds(1_795_631_400).for_people(), "2026-11-25 18:30:00 UTC");
    }

    #[test]
    fn every_day_follows_the_one_before() {
        let mut last = String::new();
        for day in 0..150_000 {
            let time = Time::from_milliseconds(day * DAY + 1);
            let text = time.to_string();
            assert!(text > last, "{text} after {last}");
            assert_eq!(Time::parse(&text), Some(time));
            last = text;
        }
    }

    #[test]
    fn other_forms_are_refused() {
        for text in [
            "",
            "2026-11-25T18:30:00Z",
            "2026-11-25T18:30:00.00Z",
            "2026-11-25T18:30:00.0000Z",
            "2026-11-25t18:30:00.000z",
            "2026-11-25 18:30:00.000Z",
            "2026-11-25T18:30:00.000+00:00",
            "2026-11-25T24:00:00.000Z",
            "2026-11-25T18:60:00.000Z",
            "2026-11-25T18:30:60.000Z",
            "2026-06-31T18:30:00.000Z",
            "2026-02-29T18:30:00.000Z",
            "2026-13-01T18:30:00.000Z",
            "2026-00-01T18:30:00.000Z",
            "2026-01-00T18:30:00.000Z",
            "1969-12-31T23:59:59.999Z",
            "10000-01-01T00:00:00.000Z",
            "+2026-11-25T18:30:00.000Z",
            "2026-+1-25T18:30:00.000Z",
            "2026-11-25T18:30:00.+00Z",
            "2026-11-25T18:30:00.18446744073709551615Z",
            "4294967295-11-25T18:30:00.000Z",
            "2026-11-25T4294967295:4294967295:4294967295.65535Z",
        ] {
            assert_eq!(Time::parse(text), None, "{text}");
        }
    }
}
