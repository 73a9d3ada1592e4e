//! What the words of a plan take.

use std::collections::BTreeSet;

use strongroom::{CoolingOff, HsmKey, Policy, Suite};
use strongroom_audit::Fingerprint;

use super::text::{Lookalikes, plain, visible};
use super::{Allowance, PlanError, SigningKey};

pub(super) fn suite(text: Option<&str>) -> Result<Suite, PlanError> {
    match text {
        None | Some("x-wing") => Ok(Suite::XWing),
        Some("p-256") => Ok(Suite::P256),
        Some(other) => Err(PlanError::Value {
            word: "suite",
            value: other.to_owned(),
            expected: "x-wing or p-256".to_owned(),
        }),
    }
}

pub(super) fn allowances(words: &[String]) -> Result<BTreeSet<Allowance>, PlanError> {
    let allowance = |word: &String| {
        Allowance::from_word(word).ok_or_else(|| PlanError::Value {
            word: "allow",
            value: word.clone(),
            expected: "swap, core-dumps or debugger".to_owned(),
        })
    };
    words.iter().map(allowance).collect()
}

/// `90s`, `30m`, `24h` or `3d`, in seconds, and no longer than new shares wait.
pub(super) fn duration(text: &str) -> Result<u64, PlanError> {
    text.parse::<CoolingOff>().map(CoolingOff::seconds).map_err(|_| PlanError::Value {
        word: "cooling_off",
        value: text.to_owned(),
        expected: "a number and s, m, h or d, as in 24h, and at most 6 days, since new shares end after 7"
            .to_owned(),
    })
}

/// A key in an HSM, as policies write it, and its fingerprint: both or neither.
pub(super) fn signing(
    [key_word, fingerprint_word]: [&'static str; 2],
    key: Option<String>,
    fingerprint: Option<String>,
) -> Result<Option<SigningKey>, PlanError> {
    let (key, fingerprint) = match (key, fingerprint) {
        (None, None) => return Ok(None),
        (Some(key), Some(fingerprint)) => (key, fingerprint),
        (Some(_), None) => return Err(PlanError::Incomplete { word: key_word, other: fingerprint_word }),
        (None, Some(_)) => return Err(PlanError::Incomplete { word: fingerprint_word, other: key_word }),
    };
    let (key, fingerprint) =
        (key_in_hsm(key_word, &key)?, fingerprint_of_key(fingerprint_word, &fingerprint)?);
    Ok(Some(SigningKey { key, fingerprint }))
}

/// `hsm(TOKEN, KEY)`.
pub(super) fn key_in_hsm(word: &'static str, text: &str) -> Result<HsmKey, PlanError> {
    match text.parse::<Policy>() {
        Ok(Policy::Hsm(key)) => Ok(key),
        _ => Err(PlanError::Value { word, value: text.to_owned(), expected: "hsm(TOKEN, KEY)".to_owned() }),
    }
}

pub(super) fn fingerprint_of_key(word: &'static str, text: &str) -> Result<Fingerprint, PlanError> {
    text.parse().map_err(|_| PlanError::Value {
        word,
        value: text.to_owned(),
        expected: "the key's fingerprint, 64 hexadecimal digits, as `strongroom hsm check` shows it"
            .to_owned(),
    })
}

/// In hexadecimal, or as the program's own words.
pub(super) fn software(text: &str) -> Result<[u8; 32], PlanError> {
    if let Some(hash) = crate::words::parse(text) {
        return Ok(hash);
    }
    let bytes = data_encoding::HEXLOWER_PERMISSIVE.decode(hexadecimal(text).as_bytes()).ok();
    bytes.and_then(|bytes| bytes.try_into().ok()).ok_or_else(|| PlanError::Value {
        word: "software",
        value: text.to_owned(),
        expected: "the program's SHA-256, 64 hexadecimal digits or 32 words".to_owned(),
    })
}

pub(super) fn hexadecimal(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_lowercase).collect()
}

/// What a slot can be called.
pub(super) fn label(text: String) -> Result<String, PlanError> {
    let label = plain("label", text)?;
    if label.len() <= MAX_LABEL {
        return Ok(label);
    }
    let expected = format!("a label of at most {MAX_LABEL} bytes");
    Err(PlanError::Value { word: "label", value: label, expected })
}

/// One word, and none that a step is answered with.
pub(super) fn initials(text: &str) -> Result<(), &'static str> {
    if text.is_empty() || text.contains(' ') || text.chars().count() > MAX_INITIALS {
        return Err("initials are one word of at most 8 letters");
    }
    match Lookalikes::of(ANSWERS).like(text) {
        Some(_) => {
            Err("these initials would answer a question (yes, no, y, n, abort, exception): take others")
        }
        None => Ok(()),
    }
}

/// A certificate's, of versions 4 and 6, in lower-case hexadecimal.
pub(super) fn certificate_fingerprint(text: &str) -> Result<String, &'static str> {
    let fingerprint = hexadecimal(text);
    let fits =
        FINGERPRINTS.contains(&fingerprint.len()) && fingerprint.bytes().all(|byte| byte.is_ascii_hexdigit());
    if fits {
        Ok(fingerprint)
    } else {
        Err("a fingerprint is 40 or 64 hexadecimal digits: a short key id does not do")
    }
}

/// Where a PIN is. What stands there instead is not repeated.
pub(super) fn pin(text: &str) -> Result<(), PlanError> {
    visible("pin", text)?;
    let rest = text.strip_prefix("env://").or_else(|| text.strip_prefix("file://"));
    if rest.is_some_and(|rest| !rest.is_empty()) { Ok(()) } else { Err(PlanError::Pin) }
}

/// In bytes: what a slot takes.
const MAX_LABEL: usize = 255;
const MAX_INITIALS: usize = 8;
const FINGERPRINTS: [usize; 2] = [40, 64];
/// What people type at a ceremony where initials could be typed.
const ANSWERS: [&str; 6] = ["yes", "no", "y", "n", "abort", "exception"];
