//! The targets of named keys. Apart from the others, because the tests that replay those may not know this crate.

use std::sync::Once;

use strongroom_crypto::hash::sha256;
use strongroom_crypto::secret::{self, Locking};
use strongroom_transit::fuzzing::{self, KeyRecord};
use strongroom_transit::text::{self, Base64};

/// Every target by name, so that the seeds can be checked against them.
pub const NAMED_TARGETS: &[(&str, fn(&[u8]) -> bool)] = &[
    ("named_key", named_key),
    ("named_key_backup", named_key_backup),
    ("named_key_text", named_key_text),
    ("named_key_usage", named_key_usage),
];

pub fn named_key(data: &[u8]) -> bool {
    prepare();
    let Ok(record) = KeyRecord::decode(data) else { return false };
    assert_eq!(record.encode().expect("what was decoded encodes").as_slice(), data);
    true
}

/// As it is, and with the right checksum behind it.
pub fn named_key_backup(data: &[u8]) -> bool {
    prepare();
    let whole = fuzzing::backup(data).is_ok();
    let summed = [data, &sha256(&[data])].concat();
    fuzzing::backup(&summed).is_ok() || whole
}

pub fn named_key_text(data: &[u8]) -> bool {
    let split = text::split_bytes(data).is_ok_and(|(version, rest)| {
        assert_eq!([&version.to_be_bytes()[..], rest].concat(), data);
        true
    });
    let Ok(written) = std::str::from_utf8(data) else { return split };
    [Base64::Standard, Base64::Url].into_iter().any(|base64| {
        text::decode(written, base64).is_ok_and(|(version, bytes)| {
            assert_eq!(text::encode(version, &bytes, base64), written);
            true
        })
    })
}

pub fn named_key_usage(data: &[u8]) -> bool {
    fuzzing::usage(data).is_some_and(|amount| {
        let again = [&[1][..], &amount.operations.to_be_bytes(), &amount.bytes.to_be_bytes()].concat();
        assert_eq!(again, data);
        true
    })
}

/// Memory that need not be locked: a fuzzer holds no secrets.
fn prepare() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        secret::prepare(Locking::AllowUnlocked).expect("memory for secrets");
    });
}
