//! What a real OpenBao 2.6.1 exported, encrypted, signed and authenticated, at the level of key material: the store
//! in `testvectors/openbao`, and with more parameters `interop_openbao.json`, written by the script of that name.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    missing_docs
)]

use data_encoding::BASE64;
use serde_json::Value;
use strongroom_transit::algorithm::{
    HashAlgorithm, KeyType, Marshaling, Material, OaepHash, RsaPadding, SignOptions, VerifyError,
};
use strongroom_transit::import::{ExportFormat, ExportKind};

#[test]
fn exported_keys_come_in_and_go_out_byte_for_byte() {
    let mut keys = 0;
    for (kind, exports) in fixture()["exports"].as_object().unwrap() {
        for (name, versions) in exports.as_object().unwrap() {
            for (version, text) in versions.as_object().unwrap() {
                let key = Material::import_text(key_type(name), text.as_str().unwrap()).unwrap();
                let again = key.export(kind.parse::<ExportKind>().unwrap(), ExportFormat::Default).unwrap();
                assert_eq!(*again, text.as_str().unwrap(), "{kind} {name} {version}");
                keys += 1;
            }
        }
    }
    println!(
        "evidence: id=transit/openbao-exports figure={keys} exported keys imported and exported again verdict=pass"
    );
    assert_eq!(keys, 15);
}

#[test]
fn ciphertexts_open() {
    let fixture = fixture();
    let mut opened = 0;
    for item in fixture["ciphertexts"].as_array().unwrap() {
        let name = item["key"].as_str().unwrap();
        let (version, ciphertext) = versioned(&item["ciphertext"]);
        let key = key(&fixture, "encryption-key", name, version);
        let plaintext = if key.key_type().is_rsa() {
            key.decrypt(OaepHash::Sha256, &ciphertext).unwrap()
        } else if let Some(context) = item.get("context") {
            let convergent = key.derive_convergent(&base64(context)).unwrap();
            // Convergent: sealed here, it is the same ciphertext.
            assert_eq!(convergent.seal(b"", &base64(&item["plaintext"])).unwrap(), ciphertext);
            assert!(key.derive_aead(b"another context").unwrap().open(b"", &ciphertext).is_err());
            key.derive_aead(&base64(context)).unwrap().open(b"", &ciphertext).unwrap()
        } else {
            key.aead().unwrap().open(b"", &ciphertext).unwrap()
        };
        assert_eq!(plaintext.as_slice(), base64(&item["plaintext"]), "{name}");
        opened += 1;
    }
    println!("evidence: id=transit/openbao-ciphertexts figure={opened} ciphertexts opened verdict=pass");
    assert_eq!(opened, 8);
}

#[test]
fn signatures_verify_and_those_of_other_input_do_not() {
    let fixture = fixture();
    let mut verified = 0;
    for item in fixture["signatures"].as_array().unwrap() {
        let name = item["key"].as_str().unwrap();
        let (version, signature) = versioned(&item["signature"]);
        let key = key(&fixture, "signing-key", name, version);
        let options = SignOptions::default();
        key.verify(&base64(&item["input"]), &signature, &options).unwrap();
        assert_eq!(key.verify(b"other", &signature, &options), Err(VerifyError::Wrong), "{name}");
        verified += 1;
    }
    println!("evidence: id=transit/openbao-signatures figure={verified} signatures verified verdict=pass");
    assert_eq!(verified, 6);
}

#[test]
fn hmac_is_recomputed() {
    let fixture = fixture();
    let item = &fixture["hmac"];
    let (version, tag) = versioned(&item["hmac"]);
    let key = key(&fixture, "hmac-key", item["key"].as_str().unwrap(), version);
    assert_eq!(key.hmac(HashAlgorithm::Sha2_256, &base64(&item["input"])), tag);
    println!("evidence: id=transit/openbao-hmac figure=1 HMAC recomputed verdict=pass");
}

#[test]
fn signatures_of_derived_keys_verify_and_are_the_same_here() {
    let file = file();
    let mut run = 0;
    for item in file["derived_signatures"].as_array().unwrap() {
        let derived = made_key(&file, item).derive_signing(&base64(&item["context"])).unwrap();
        let (_, signature) = versioned(&item["made"]);
        derived.verify(&base64(&item["input"]), &signature, &SignOptions::default()).unwrap();
        // Ed25519 draws nothing.
        assert_eq!(derived.sign(&base64(&item["input"]), &SignOptions::default()).unwrap(), signature);
        run += 1;
    }
    println!(
        "evidence: id=transit/openbao-derived figure={run} signatures of derived keys, the same here verdict=pass"
    );
    assert_eq!(run, 2);
}

#[test]
fn ciphertexts_of_derived_and_convergent_keys_and_with_associated_data_open() {
    let file = file();
    let (mut opened, mut same) = (0, 0);
    for item in file["ciphertexts"].as_array().unwrap() {
        let key = made_key(&file, item);
        let (_, ciphertext) = versioned(&item["made"]);
        let plaintext = base64(&item["plaintext"]);
        let associated = item.get("associated_data").map(base64).unwrap_or_default();
        let aead = match item.get("context") {
            Some(context) => key.derive_aead(&base64(context)).unwrap(),
            None => key.aead().unwrap(),
        };
        assert_eq!(aead.open(&associated, &ciphertext).unwrap().as_slice(), plaintext);
        assert!(aead.open(b"other", &ciphertext).is_err());
        opened += 1;
        if item["convergent"] == true {
            let convergent = key.derive_convergent(&base64(&item["context"])).unwrap();
            assert_eq!(convergent.seal(b"", &plaintext).unwrap(), ciphertext);
            same += 1;
        }
    }
    println!(
        "evidence: id=transit/openbao-aead figure={opened} ciphertexts opened, {same} convergent ones the same here \
         verdict=pass"
    );
    assert_eq!((opened, same), (20, 12));
}

#[test]
fn signatures_of_every_hash_salt_and_form_verify() {
    let file = file();
    let (mut verified, mut same) = (0, 0);
    for item in file["signatures"].as_array().unwrap() {
        let key = made_key(&file, item);
        let field = |name: &str| item[name].as_str().unwrap();
        let rsa_padding = match field("signature_algorithm") {
            "pkcs1v15" => RsaPadding::Pkcs1v15,
            _ => RsaPadding::Pss(field("salt_length").parse().unwrap()),
        };
        let marshaling: Marshaling = field("marshaling_algorithm").parse().unwrap();
        let hash = Some(field("hash").parse().unwrap());
        let options = SignOptions { hash, prehashed: item["prehashed"] == true, rsa_padding, marshaling };
        let (_, text) = field("made").strip_prefix("vault:v").unwrap().split_once(':').unwrap();
        let signature = marshaling.decode_text(text).unwrap();
        let input = base64(&item["input"]);
        key.verify(&input, &signature, &options).unwrap();
        let other = vec![1; input.len()];
        assert_eq!(key.verify(&other, &signature, &options), Err(VerifyError::Wrong));
        verified += 1;
        if rsa_padding == RsaPadding::Pkcs1v15 {
            assert_eq!(key.sign(&input, &options).unwrap(), signature);
            same += 1;
        }
    }
    println!(
        "evidence: id=transit/openbao-signature-options figure={verified} signatures verified, {same} of them the same here \
         verdict=pass"
    );
    assert_eq!((verified, same), (3 * 17 + 2 * 12, 6));
}

#[test]
fn hmacs_of_every_hash_are_recomputed() {
    let file = file();
    let mut run = 0;
    for item in file["hmacs"].as_array().unwrap() {
        let text = file["keys"][item["key"].as_str().unwrap()]["text"].as_str().unwrap();
        let key = Material::import_text(KeyType::Hmac, text).unwrap();
        let hash: HashAlgorithm = item["hash"].as_str().unwrap().parse().unwrap();
        let (_, tag) = versioned(&item["made"]);
        assert_eq!(key.hmac(hash, &base64(&item["input"])), tag, "{hash}");
        run += 1;
    }
    println!("evidence: id=transit/openbao-hmacs figure={run} HMACs recomputed verdict=pass");
    assert_eq!(run, 16);
}

fn file() -> Value {
    serde_json::from_str(include_str!("interop_openbao.json")).unwrap()
}

fn made_key(file: &Value, item: &Value) -> Material {
    let key = &file["keys"][item["key"].as_str().unwrap()];
    Material::import_text(key["type"].as_str().unwrap().parse().unwrap(), key["text"].as_str().unwrap())
        .unwrap()
}

fn fixture() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testvectors/openbao/openbao-file-2.6.1.json");
    let fixture: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    fixture["transit"].clone()
}

/// The keys are named for their types, but one.
fn key_type(name: &str) -> KeyType {
    if name == "derived" { KeyType::Aes256Gcm96 } else { name.parse().unwrap() }
}

fn key(fixture: &Value, kind: &str, name: &str, version: &str) -> Material {
    let text = fixture["exports"][kind][name][version].as_str().unwrap();
    Material::import_text(key_type(name), text).unwrap()
}

/// The version and the bytes of `vault:vN:BASE64`.
fn versioned(text: &Value) -> (&str, Vec<u8>) {
    let (version, text) = text.as_str().unwrap().strip_prefix("vault:v").unwrap().split_once(':').unwrap();
    (version, BASE64.decode(text.as_bytes()).unwrap())
}

fn base64(text: &Value) -> Vec<u8> {
    BASE64.decode(text.as_str().unwrap().as_bytes()).unwrap()
}
