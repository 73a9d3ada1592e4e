//! Numbers, dates and names for people.

use std::fmt::Display;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
#[cfg(feature = "hsm")]
use strongroom::pkcs11::blob::Blob;
use strongroom::{Slot, Suite};

/// Bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

/// Seconds since 1970 as `2026-05-04 12:00:00 UTC` (proleptic Gregorian calendar).
pub(crate) fn date(seconds: u64) -> String {
    let (days, time) = (seconds / 86_400, seconds % 86_400);
    // Days from 0000-03-01 on, in eras of 400 years.
    let days = days.saturating_add(719_468);
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let date = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = era * 400 + year + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{date:02} {:02}:{:02}:{:02} UTC", time / 3600, time / 60 % 60, time % 60)
}

/// `today (2026-05-04 …)`, `3 days ago (…)`.
pub(crate) fn ago(seconds: u64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(seconds, |now| now.as_secs());
    match now.saturating_sub(seconds) / 86_400 {
        0 => format!("within the last day ({})", date(seconds)),
        days => format!("{} ago ({})", counted(days, "day", "days"), date(seconds)),
    }
}

/// `1.5 MiB`.
pub(crate) fn bytes(count: u64) -> String {
    let units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
    let (mut whole, mut tenths, mut unit) = (count, 0, 0);
    while whole >= 1024 && unit + 1 < units.len() {
        tenths = whole % 1024 * 10 / 1024;
        whole /= 1024;
        unit += 1;
    }
    let name = units.get(unit).copied().unwrap_or_default();
    if unit == 0 { format!("{whole} {name}") } else { format!("{whole}.{tenths} {name}") }
}

/// `0.42 s`.
pub(crate) fn seconds(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}

/// So many of something in a second, rounded; `None` where the time was too short to tell.
pub(crate) fn rate(count: u64, time: Duration) -> Option<u64> {
    let micros = u64::try_from(time.as_micros()).ok().filter(|micros| *micros > 0)?;
    count.checked_mul(1_000_000).map(|scaled| scaled / micros)
}

/// A measured number with the three digits that mean something.
pub(crate) fn rounded(count: u64) -> u64 {
    let unit = 10_u64.pow(count.checked_ilog10().unwrap_or(0).saturating_sub(2));
    (count / unit).saturating_mul(unit)
}

/// `1 entry`, `2 entries`.
pub(crate) fn entries(count: u64) -> String {
    counted(count, "entry", "entries")
}

/// A number with its noun.
pub(crate) fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// A suite as the command line names it.
pub(crate) fn suite(suite: Suite) -> &'static str {
    match suite {
        Suite::XWing => "x-wing",
        Suite::P256 => "p-256",
    }
}

/// How a set of shares is called: the first digits of its id, as errors show them.
pub(crate) fn set(slot: &Slot) -> String {
    hex(&slot.set_id()).chars().take(8).collect()
}

/// What anybody may know of a slot.
pub(crate) fn slot_json(slot: &Slot) -> Value {
    json!({
        "id": slot.id().to_string(),
        "label": slot.label(),
        "state": slot.state().to_string(),
        "policy": slot.policy().to_string(),
        "shares": slot.policy().total_shares(),
        "suite": suite(slot.suite()),
        "set": hex(&slot.set_id()),
        "created": slot.created(),
        "not_before": (slot.not_before() > 0).then(|| slot.not_before()),
        "hsm": hsm_parts(slot).collect::<Vec<_>>(),
    })
}

/// Which keys in HSMs have wrapped the slot's parts, as these say of themselves.
fn hsm_parts(slot: &Slot) -> impl Iterator<Item = Value> {
    slot.policy().hsm_keys().zip(slot.hsm_wrapped()).map(|(key, wrapped)| {
        let (id, mechanism) = wrapped_by(wrapped).unzip();
        json!({ "token": key.token(), "key": key.key(), "key_id": id, "mechanism": mechanism })
    })
}

/// The same, for people.
pub(crate) fn slot_line(slot: &Slot) -> String {
    let parts = slot.hsm_wrapped().iter().filter_map(|wrapped| wrapped_by(wrapped));
    let keys: Vec<String> =
        parts.map(|(id, mechanism)| format!("  wrapped by key {id} ({mechanism})")).collect();
    let keys = keys.concat();
    let waits = match slot.not_before() {
        0 => String::new(),
        until => format!("  cooling off until {}", date(until)),
    };
    format!(
        "{:<9} {}  {}  {}  set {}  made {}{waits}  id {:.8}{keys}",
        slot.state().to_string(),
        quoted(slot.label()),
        slot.policy(),
        suite(slot.suite()),
        set(slot),
        date(slot.created()),
        slot.id(),
    )
}

/// How long the holders of a new slot have to show their shares: `not before 2026-… and within 7 days`.
pub(crate) fn deadline(slot: &Slot) -> String {
    match slot.not_before() {
        0 => "within 7 days".to_owned(),
        until => format!("not before {} and within 7 days", date(until)),
    }
}

/// The id of the key that wrapped a part, and how it did, as the part says of itself.
#[cfg(feature = "hsm")]
fn wrapped_by(part: &[u8]) -> Option<(String, String)> {
    let blob = Blob::decode(part).ok()?;
    Some((hex(blob.header().key_id()), blob.header().mechanism().to_string()))
}

/// What PKCS #11 wraps is not understood without it.
#[cfg(not(feature = "hsm"))]
fn wrapped_by(_: &[u8]) -> Option<(String, String)> {
    None
}

/// A label in quotation marks.
pub(crate) fn quoted(label: &str) -> String {
    format!("\"{label}\"")
}

/// A path, or a message with one, without what would steer a terminal: file names come from anybody.
pub(crate) fn shown(text: impl Display) -> String {
    let text = text.to_string();
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_control() {
            shown.extend(letter.escape_default());
        } else {
            shown.push(letter);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (seconds, text) in [
            (0, "1970-01-01 00:00:00 UTC"),
            (951_782_399, "2000-02-28 23:59:59 UTC"),
            (951_782_400, "2000-02-29 00:00:00 UTC"),
            (951_868_800, "2000-03-01 00:00:00 UTC"),
            (1_767_225_599, "2025-12-31 23:59:59 UTC"),
            (4_107_542_400, "2100-03-01 00:00:00 UTC"),
        ] {
            assert_eq!(date(seconds), text);
        }
    }

    #[test]
    fn sizes_are_rounded_down_to_a_tenth() {
        for (count, text) in [(0, "0 bytes"), (1023, "1023 bytes"), (1536, "1.5 KiB"), (1 << 30, "1.0 GiB")] {
            assert_eq!(bytes(count), text);
        }
        assert!(bytes(u64::MAX).ends_with(" TiB"));
    }

    #[test]
    fn name_of_a_file_steers_no_terminal() {
        assert_eq!(shown("a\u{1b}[2Jb\nc ü\u{9b}"), "a\\u{1b}[2Jb\\nc ü\\u{9b}");
    }

    #[test]
    fn a_rate_needs_a_time() {
        assert_eq!(rate(10, Duration::ZERO), None);
        assert_eq!(rate(10, Duration::from_millis(500)), Some(20));
        assert_eq!([0, 7, 999, 1234, 987_654].map(rounded), [0, 7, 999, 1230, 987_000]);
    }
}
