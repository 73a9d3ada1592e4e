//! Keys, signatures and ciphertexts by pyca/cryptography, which is OpenSSL underneath: `interop_pyca.json`, written
//! by the script of that name.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    missing_docs
)]

use data_encoding::HEXLOWER;
use serde_json::Value;
use strongroom_transit::algorithm::{
    KeyType, Material, OaepHash, PublicKey, RsaPadding, SaltLength, SignOptions, VerifyError,
};

#[test]
fn keys_come_in_from_every_encoding_and_go_out_as_the_same_pkcs8() {
    let mut encodings = 0;
    for (kind, key) in keys(&file()) {
        let pkcs8 = hex(&key["pkcs8"]);
        let ours = Material::import(kind, &pkcs8).unwrap();
        assert_eq!(*ours.to_import_form().unwrap(), pkcs8, "{kind}");
        for text in list(&key["private_pem"]) {
            let again = Material::import_text(kind, text.as_str().unwrap()).unwrap();
            assert_eq!(*again.to_import_form().unwrap(), pkcs8, "{kind}");
            encodings += 1;
        }
        let public = ours.public_key().unwrap();
        assert_eq!(public.der(), hex(&key["spki"]), "{kind}");
        assert_eq!(public.pem(), key["public_pem"].as_str().unwrap(), "{kind}");
        assert_eq!(&PublicKey::from_der(kind, public.der()).unwrap(), public);
        assert_eq!(&PublicKey::from_pem(kind, public.pem()).unwrap(), public);
        encodings += 3;

        for len in 0..pkcs8.len() {
            assert!(Material::import(kind, &pkcs8[..len]).is_err(), "{kind} {len}");
        }
        assert!(Material::import(kind, &[&pkcs8[..], &[0]].concat()).is_err(), "{kind}");
        for len in 0..public.der().len() {
            assert!(PublicKey::from_der(kind, &public.der()[..len]).is_err(), "{kind} {len}");
        }
        assert!(PublicKey::from_der(kind, &[public.der(), &[0]].concat()).is_err(), "{kind}");
    }
    println!(
        "evidence: id=transit/pyca-keys figure={encodings} encodings of 12 keys, the same here verdict=pass"
    );
    assert_eq!(encodings, 54);
}

#[test]
fn signatures_verify() {
    let file = file();
    let message = hex(&file["message"]);
    let mut verified = 0;
    for (kind, key) in keys(&file) {
        let ours = Material::import(kind, &hex(&key["pkcs8"])).unwrap();
        for item in list(&key["signatures"]) {
            let signature = hex(&item["signature"]);
            let salt: SaltLength = item["salt"].as_str().unwrap().parse().unwrap_or(SaltLength::Hash);
            let rsa_padding = match item["padding"].as_str().unwrap() {
                "pkcs1v15" => RsaPadding::Pkcs1v15,
                _ => RsaPadding::Pss(salt),
            };
            let hash = Some(item["hash"].as_str().unwrap().parse().unwrap());
            let options = SignOptions { hash, rsa_padding, ..SignOptions::default() };
            ours.verify(&message, &signature, &options).unwrap();
            assert_eq!(ours.verify(b"other", &signature, &options), Err(VerifyError::Wrong), "{kind}");
            if rsa_padding == RsaPadding::Pkcs1v15 {
                // Nothing is drawn, so what is signed here is the same.
                assert_eq!(ours.sign(&message, &options).unwrap(), signature, "{kind}");
            } else if kind.is_rsa() {
                let found = SignOptions { rsa_padding: RsaPadding::Pss(SaltLength::Auto), ..options };
                ours.verify(&message, &signature, &found).unwrap();
                let other = SignOptions { rsa_padding: RsaPadding::Pss(SaltLength::Bytes(7)), ..options };
                assert_eq!(ours.verify(&message, &signature, &other), Err(VerifyError::Wrong), "{kind}");
            }
            verified += 1;
        }
    }
    println!("evidence: id=transit/pyca-signatures figure={verified} signatures verified verdict=pass");
    assert_eq!(verified, 3 * 12 + 3 * 8 + 4);
}

#[test]
fn ciphertexts_and_encapsulations_open() {
    let (mut decrypted, mut decapsulated) = (0, 0);
    for (kind, key) in keys(&file()) {
        let ours = Material::import(kind, &hex(&key["pkcs8"])).unwrap();
        for item in list(&key["ciphertexts"]) {
            let hash = match item["hash"].as_str().unwrap() {
                "sha1" => OaepHash::Sha1,
                "sha2-256" => OaepHash::Sha256,
                "sha2-384" => OaepHash::Sha384,
                _ => OaepHash::Sha512,
            };
            let plaintext = ours.decrypt(hash, &hex(&item["ciphertext"])).unwrap();
            assert_eq!(plaintext.as_slice(), b"a data key", "{kind}");
            decrypted += 1;
        }
        for item in list(&key["encapsulations"]) {
            let shared = ours.decapsulate(&hex(&item["ciphertext"])).unwrap();
            assert_eq!(shared.expose().as_slice(), hex(&item["shared"]), "{kind}");
            decapsulated += 1;
        }
    }
    println!(
        "evidence: id=transit/pyca-ciphertexts figure={decrypted} ciphertexts and {decapsulated} encapsulations opened \
         verdict=pass"
    );
    assert_eq!((decrypted, decapsulated), (12, 8));
}

fn file() -> Value {
    serde_json::from_str(include_str!("interop_pyca.json")).unwrap()
}

fn keys(file: &Value) -> Vec<(KeyType, &Value)> {
    let keys = list(&file["keys"]).iter().map(|key| (key["type"].as_str().unwrap().parse().unwrap(), key));
    let keys: Vec<_> = keys.collect();
    assert_eq!(keys.len(), 12);
    keys
}

fn list(value: &Value) -> &Vec<Value> {
    value.as_array().unwrap()
}

fn hex(value: &Value) -> Vec<u8> {
    HEXLOWER.decode(value.as_str().unwrap().as_bytes()).unwrap()
}
