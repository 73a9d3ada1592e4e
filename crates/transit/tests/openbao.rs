//! What a real OpenBao exported, encrypted, signed and authenticated, through keys that were imported from it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

mod common;

use std::collections::HashMap;

use common::*;
use data_encoding::BASE64;
use serde_json::Value;
use strongroom_transit::algorithm::{KeyType, SignOptions};
use strongroom_transit::import::{ExportFormat, ExportKind};
use strongroom_transit::{
    DecryptOptions, EncryptOptions, Incoming, Key, KeySpec, MacOptions, SignRequest, Transit,
};

fn fixture() -> Value {
    let text = include_str!("../../../testvectors/openbao/openbao-file-2.6.1.json");
    serde_json::from_str::<Value>(text).unwrap()["transit"].take()
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap()
}

fn bytes(value: &Value, field: &str) -> Vec<u8> {
    value[field].as_str().map(|text| BASE64.decode(text.as_bytes()).unwrap()).unwrap_or_default()
}

fn spec(name: &str) -> KeySpec {
    match name {
        "derived" => KeySpec {
            derived: true,
            convergent: true,
            exportable: true,
            ..KeySpec::new(KeyType::Aes256Gcm96)
        },
        name => KeySpec { exportable: true, ..KeySpec::new(name.parse().unwrap()) },
    }
}

/// Every exported key, imported with all its versions, and how many versions there were.
fn import(transit: &Transit, exports: &Value) -> (HashMap<String, Key>, usize) {
    let (mut keys, mut versions) = (HashMap::new(), 0);
    for kind in exports.as_object().unwrap().values() {
        for (key, exported) in kind.as_object().unwrap() {
            if keys.contains_key(key) {
                // RSA keys are exported for encryption and for signing.
                continue;
            }
            let first = Incoming::Text(exported["1"].as_str().unwrap());
            let handle = wait(transit.import(&name(key), &spec(key), first, true)).unwrap();
            versions += 1;
            for version in 2..=u32::try_from(exported.as_object().unwrap().len()).unwrap() {
                let next = Incoming::Text(exported[version.to_string()].as_str().unwrap());
                assert_eq!(wait(transit.import_version(&name(key), next)).unwrap(), version);
                versions += 1;
            }
            keys.insert(key.clone(), handle);
        }
    }
    (keys, versions)
}

#[test]
fn everything_in_the_fixture_decrypts_verifies_and_is_computed_again() {
    let fixture = fixture();
    let (_, transit) = Fixture::new();
    let (keys, versions) = import(&transit, &fixture["exports"]);
    assert_eq!((keys.len(), versions), (12, 13));

    let mut decrypted = 0;
    for case in fixture["ciphertexts"].as_array().unwrap() {
        let context = bytes(case, "context");
        let options = DecryptOptions { context: &context, ..DecryptOptions::default() };
        let key = &keys[text(case, "key")];
        let plaintext = key.decrypt_text(text(case, "ciphertext"), &options).unwrap();
        assert_eq!(plaintext.as_slice(), bytes(case, "plaintext"), "{}", text(case, "key"));
        decrypted += 1;
    }
    let mut verified = 0;
    for case in fixture["signatures"].as_array().unwrap() {
        let key = &keys[text(case, "key")];
        let request = SignRequest { options: SignOptions::default(), ..SignRequest::default() };
        let input = bytes(case, "input");
        assert!(key.verify_text(&input, text(case, "signature"), &request).unwrap(), "{}", text(case, "key"));
        // The control: another input has another signature.
        assert!(!key.verify_text(b"other", text(case, "signature"), &request).unwrap());
        verified += 1;
    }
    let case = &fixture["hmac"];
    let tag = keys["hmac"].hmac_text(&bytes(case, "input"), &MacOptions::default()).unwrap();
    assert_eq!(tag, text(case, "hmac"));
    assert!(keys["hmac"].verify_hmac_text(&bytes(case, "input"), &tag, &MacOptions::default()).unwrap());
    assert_eq!((decrypted, verified), (8, 6));
}

#[test]
fn convergent_key_encrypts_to_the_very_text_that_openbao_gave() {
    let fixture = fixture();
    let (_, transit) = Fixture::new();
    let (keys, _) = import(&transit, &fixture["exports"]);
    let cases = fixture["ciphertexts"].as_array().unwrap();
    let case = cases.iter().find(|case| text(case, "key") == "derived").unwrap();
    let context = bytes(case, "context");
    let options = EncryptOptions { context: &context, ..EncryptOptions::default() };
    let ours = keys["derived"].encrypt_text(&bytes(case, "plaintext"), &options).unwrap();
    assert_eq!(ours, text(case, "ciphertext"));
    let other = EncryptOptions { context: b"tenant-2", ..EncryptOptions::default() };
    assert_ne!(keys["derived"].encrypt_text(&bytes(case, "plaintext"), &other).unwrap(), ours);
}

#[test]
fn imported_keys_are_exported_as_openbao_exported_them() {
    let fixture = fixture();
    let (_, transit) = Fixture::new();
    import(&transit, &fixture["exports"]);
    let mut compared = 0;
    for (kind, keys) in fixture["exports"].as_object().unwrap() {
        for (key, versions) in keys.as_object().unwrap() {
            let kind: ExportKind = kind.parse().unwrap();
            for exported in wait(transit.export(&name(key), kind, ExportFormat::Default, None)).unwrap() {
                let theirs = versions[exported.version.to_string()].as_str().unwrap();
                assert_eq!(exported.text.trim_end(), theirs.trim_end(), "{key}");
                compared += 1;
            }
        }
    }
    assert_eq!(compared, 15);
}
