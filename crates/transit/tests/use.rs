//! What a handle does besides the plain round trip: load, rewrapping, envelopes, keys held elsewhere, failing randomness.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    missing_docs
)]

mod common;

#[path = "../examples/envelope.rs"]
mod envelope_in_ten_lines;
#[path = "../examples/rotate_under_load.rs"]
#[allow(dead_code)]
mod rotate_under_load;

use std::sync::Arc;

use common::*;
use strongroom_crypto::external::{ExternalError, ExternalFault, KeyWrapper};
use strongroom_crypto::random;
use strongroom_crypto::secret::{Secret, SecretBytes};
use strongroom_crypto::sign::{Algorithm, Signer};
use strongroom_envelope::{KeyEncryption, WrappedKey};
use strongroom_transit::algorithm::{
    AeadKey, GenerateOptions, HashAlgorithm, KeyType, Marshaling, Material, SignOptions,
};
use strongroom_transit::{
    Ciphertext, DecryptOptions, EncryptOptions, HeldKeys, HeldReference, Key, KeyKind, KeySpec, MacOptions,
    ManageError, Options, SignRequest, UseError,
};

#[test]
fn key_is_rotated_under_load_without_an_error() {
    let (uses, versions) = rotate_under_load::rotate_under_load(50).unwrap();
    assert_eq!(versions, 51);
    assert!(uses >= 50 * 100, "{uses}");
    println!(
        "evidence: id=transit/example-rotation figure={uses} uses by 4 threads during {} rotations, 0 errors verdict=pass",
        versions - 1
    );
}

#[test]
fn envelope_encryption_takes_ten_lines() {
    envelope_in_ten_lines::main().unwrap();
    let source = include_str!("../examples/envelope.rs");
    let (_, body) = source.split_once("async fn store_and_fetch").unwrap();
    let (body, _) = body.split_once("\n}").unwrap();
    let lines = body.lines().skip(1).filter(|line| !line.is_empty()).count();
    assert!(lines <= 10, "{lines}");
    println!(
        "evidence: id=transit/example-envelope figure=ran, in {lines} lines, with a rotation and a rewrap in between verdict=pass"
    );
}

/// What belongs to a row of the table, by which its ciphertext is bound to it.
fn of_row(row: &String) -> EncryptOptions<'_> {
    EncryptOptions { context: b"table", associated_data: row.as_bytes(), ..EncryptOptions::default() }
}

/// Rewraps 101 rows, of which one was new already, one is changed and one cut short.
fn rewrap_rows<C: Ciphertext + Clone + PartialEq>(
    encrypt: impl Fn(&Key, &String) -> C,
    damage: impl Fn(&mut C, bool),
    decrypt: impl Fn(&Key, &String, &C) -> Vec<u8>,
) -> u32 {
    let (_, transit) = Fixture::new();
    let spec = KeySpec { derived: true, ..KeySpec::new(KeyType::Aes256Gcm96) };
    let key = create_as(&transit, "key", &spec);
    let mut rows: Vec<(String, C)> = (0..100)
        .map(|row| format!("row {row}"))
        .map(|row| {
            let sealed = encrypt(&key, &row);
            (row, sealed)
        })
        .collect();
    wait(transit.rotate(&name("key"))).unwrap();
    let last = "row 100".to_owned();
    let sealed = encrypt(&key, &last);
    rows.push((last, sealed));
    damage(&mut rows[7].1, false);
    damage(&mut rows[8].1, true);
    let (mut changed, mut failed, mut kept) = (0, 0, 0);
    for ((row, outcome), (expected, old)) in key.rewrap_stream(rows.clone(), of_row).zip(&rows) {
        assert_eq!(row, *expected);
        match outcome {
            Ok(rewrapped) => {
                assert_eq!(rewrapped.version, 2);
                assert_eq!(rewrapped.changed, rewrapped.ciphertext != *old);
                assert_eq!(decrypt(&key, &row, &rewrapped.ciphertext), row.as_bytes());
                if rewrapped.changed { changed += 1 } else { kept += 1 }
            }
            Err(error) => {
                assert!(matches!(error, UseError::Forged | UseError::Text(_)), "{error}");
                assert!(["row 7", "row 8"].contains(&row.as_str()));
                failed += 1;
            }
        }
    }
    assert_eq!((changed, failed, kept), (98, 2, 1));
    // The control: none opens as another row's.
    assert!(key.rewrap_stream(rows, |_| of_row(&NONE)).all(|(_, outcome)| outcome.is_err()));
    changed
}

static NONE: String = String::new();

/// The same for opening.
fn opening(row: &String) -> DecryptOptions<'_> {
    let EncryptOptions { context, associated_data, .. } = of_row(row);
    DecryptOptions { context, associated_data, ..DecryptOptions::default() }
}

#[test]
fn stream_of_old_ciphertexts_comes_out_new_and_a_bad_one_stops_nothing() {
    let bytes = rewrap_rows::<Vec<u8>>(
        |key, row| key.encrypt(row.as_bytes(), &of_row(row)).unwrap(),
        |sealed, cut| if cut { sealed.truncate(3) } else { sealed[20] ^= 1 },
        |key, row, sealed| key.decrypt(sealed, &opening(row)).unwrap().as_slice().to_vec(),
    );
    let texts = rewrap_rows::<String>(
        |key, row| key.encrypt_text(row.as_bytes(), &of_row(row)).unwrap(),
        |sealed, cut| if cut { sealed.truncate(8) } else { sealed.insert_str(9, "AAAA") },
        |key, row, sealed| key.decrypt_text(sealed, &opening(row)).unwrap().as_slice().to_vec(),
    );
    println!(
        "evidence: id=transit/rewrap-stream figure={bytes} ciphertexts as bytes and {texts} as texts came out new in their order; what \
         was damaged stopped nothing, what was new was left alone verdict=pass"
    );
}

#[test]
fn envelope_key_is_bound_to_its_context_and_its_name() {
    let (_, transit) = Fixture::new();
    let plain = create(&transit, "plain", KeyType::Aes256Gcm96);
    let derived = KeySpec { derived: true, ..KeySpec::new(KeyType::Xaes256Gcm) };
    let derived = create_as(&transit, "derived", &derived);
    let data_key = Secret::<32>::random().unwrap();
    let convergent = KeySpec { derived: true, convergent: true, ..KeySpec::new(KeyType::Aes256Gcm96) };
    let convergent = create_as(&transit, "convergent", &convergent);
    for key in [&plain, &derived, &convergent] {
        let wrapped = key.wrap(&data_key, b"object 1").unwrap();
        assert_eq!((wrapped.name(), wrapped.version()), (key.name().as_str(), 1));
        assert!(key.unwrap(&wrapped, b"object 1").unwrap().ct_eq(&data_key));
        let rejected = |outcome: Result<Secret<32>, ExternalError>| {
            assert_eq!(outcome.err().unwrap().fault(), ExternalFault::Rejected);
        };
        rejected(key.unwrap(&wrapped, b"object 2"));
        let renamed = WrappedKey::new("other", 1, wrapped.bytes()).unwrap();
        rejected(key.unwrap(&renamed, b"object 1"));
        let mut bytes = wrapped.bytes().to_vec();
        bytes[20] ^= 1;
        rejected(key.unwrap(&WrappedKey::new(wrapped.name(), 1, bytes).unwrap(), b"object 1"));
        let other_version = WrappedKey::new(wrapped.name(), 2, wrapped.bytes()).unwrap();
        assert_eq!(key.unwrap(&other_version, b"object 1").err().unwrap().fault(), ExternalFault::Refused);
    }
    for key_type in [KeyType::Rsa2048, KeyType::Ed25519, KeyType::MlKem768] {
        let key = create(&transit, key_type.name(), key_type);
        assert_eq!(key.wrap(&data_key, b"object").unwrap_err().fault(), ExternalFault::Refused);
    }
}

/// A place that holds two keys.
struct Safe {
    wrapping: Arc<Wrapping>,
    signing: Arc<Signing>,
}

struct Wrapping(AeadKey);

struct Signing {
    material: Material,
    public: Vec<u8>,
}

impl KeyWrapper for Wrapping {
    fn wrap(&self, key: &SecretBytes, context: &[u8]) -> Result<Vec<u8>, ExternalError> {
        let nonce: [u8; 12] = random::array().unwrap();
        Ok(self.0.seal(&nonce, context, key.expose()).unwrap())
    }

    fn unwrap(&self, wrapped: &[u8], context: &[u8]) -> Result<SecretBytes, ExternalError> {
        let opened = self.0.open(context, wrapped);
        let opened = opened.map_err(|error| ExternalError::new(ExternalFault::Rejected, error))?;
        Ok(SecretBytes::copy_from_slice(opened.as_slice()).unwrap())
    }
}

impl Signer for Signing {
    fn algorithm(&self) -> Algorithm {
        Algorithm::EcdsaP256Sha256
    }

    fn public_key(&self) -> &[u8] {
        &self.public
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, ExternalError> {
        let options = SignOptions { marshaling: Marshaling::Jws, ..SignOptions::default() };
        Ok(self.material.sign(message, &options).unwrap())
    }
}

impl HeldKeys for Safe {
    fn wrapper(&self, reference: &HeldReference) -> Result<Arc<dyn KeyWrapper>, ExternalError> {
        match reference.as_str() {
            "safe/wrapping" => Ok(self.wrapping.clone()),
            _ => Err(ExternalError::new(ExternalFault::Refused, "the safe has no such key")),
        }
    }

    fn signer(&self, reference: &HeldReference) -> Result<Arc<dyn Signer>, ExternalError> {
        match reference.as_str() {
            "safe/signing" => Ok(self.signing.clone()),
            _ => Err(ExternalError::new(ExternalFault::Refused, "the safe has no such key")),
        }
    }
}

fn safe() -> Arc<Safe> {
    let material = Material::generate(KeyType::EcdsaP256, &GenerateOptions::default()).unwrap();
    let public = material.public_key().unwrap().raw().to_vec();
    let wrapping = AeadKey::new(KeyType::Aes256Gcm96, Secret::<32>::random().unwrap().expose()).unwrap();
    Arc::new(Safe { wrapping: Arc::new(Wrapping(wrapping)), signing: Arc::new(Signing { material, public }) })
}

#[test]
fn keys_held_elsewhere_encrypt_and_sign_there_and_nothing_else() {
    let (_, plain) = Fixture::new();
    let options = Options { held: Some(safe()), ..Options::default() };
    let transit = transit(plain.barrier(), options);
    let held = |key: &str, kind, at: &str| {
        wait(transit.create_held(&name(key), kind, HeldReference::new(at).unwrap()))
    };
    assert!(matches!(held("none", KeyKind::HeldWrapping, "elsewhere"), Err(ManageError::External(_))));
    let local = held("none", KeyKind::Local(KeyType::Rsa2048), "safe/wrapping");
    assert!(matches!(local, Err(ManageError::Unsupported(_))));

    let wrapping = held("wrapping", KeyKind::HeldWrapping, "safe/wrapping").unwrap();
    let options = EncryptOptions { associated_data: b"data", ..EncryptOptions::default() };
    let opening = DecryptOptions { associated_data: b"data", ..DecryptOptions::default() };
    let sealed = wrapping.encrypt(&[7; 5000], &options).unwrap();
    assert_eq!(wrapping.decrypt(&sealed, &opening).unwrap().as_slice(), [7; 5000]);
    assert!(matches!(wrapping.decrypt(&sealed, &DecryptOptions::default()), Err(UseError::Forged)));
    for len in 4..sealed.len().min(200) {
        assert!(wrapping.decrypt(&sealed[..len], &opening).is_err());
    }
    assert!(matches!(wrapping.sign(b"", &SignRequest::default()), Err(UseError::Unsupported(_))));
    assert!(matches!(wrapping.hmac(b"", &MacOptions::default()), Err(UseError::Unsupported(_))));
    let data_key = Secret::<32>::random().unwrap();
    let wrapped = wrapping.wrap(&data_key, b"object").unwrap();
    assert!(wrapping.unwrap(&wrapped, b"object").unwrap().ct_eq(&data_key));

    let signing = held("signing", KeyKind::HeldSigning, "safe/signing").unwrap();
    for marshaling in [Marshaling::Asn1, Marshaling::Jws] {
        let options = SignOptions { marshaling, ..SignOptions::default() };
        let request = SignRequest { options, ..SignRequest::default() };
        for n in 0..50_u8 {
            let signature = signing.sign_text(&[n], &request).unwrap();
            assert!(signing.verify_text(&[n], &signature, &request).unwrap());
            assert!(!signing.verify_text(b"other", &signature, &request).unwrap());
        }
    }
    let other = SignOptions { hash: Some(HashAlgorithm::Sha2_384), ..SignOptions::default() };
    let request = SignRequest { options: other, ..SignRequest::default() };
    assert!(matches!(signing.sign(b"", &request), Err(UseError::HeldHash(HashAlgorithm::Sha2_256))));
    assert!(matches!(signing.encrypt(b"", &EncryptOptions::default()), Err(UseError::Unsupported(_))));
    assert!(matches!(wait(transit.rotate(&name("signing"))), Err(ManageError::Unsupported(_))));
    let next = HeldReference::new("safe/signing").unwrap();
    assert_eq!(wait(transit.rotate_held(&name("signing"), next)).unwrap(), 2);

    // A manager that was given no such place can do nothing with them.
    let key = wait(plain.key(&name("wrapping"))).unwrap();
    assert!(matches!(key.encrypt(b"", &EncryptOptions::default()), Err(UseError::Unsupported(_))));
}

#[test]
fn nothing_is_encrypted_when_randomness_fails_and_no_failure_panics() {
    let (_, transit) = Fixture::new();
    let key = create(&transit, "key", KeyType::Xaes256Gcm);
    let mut failures = 0;
    for n in 0.. {
        random::fault::fail_after(n);
        let outcomes: Vec<_> = (0..5)
            .map(|_| {
                // Longer than a seed of nonces lives, so that each message draws one.
                std::thread::sleep(std::time::Duration::from_millis(20));
                key.encrypt(b"message", &EncryptOptions::default())
            })
            .collect();
        random::fault::reset();
        for outcome in &outcomes {
            match outcome {
                Ok(sealed) => assert!(key.decrypt(sealed, &DecryptOptions::default()).is_ok()),
                Err(UseError::Randomness(_)) => failures += 1,
                Err(error) => panic!("{error}"),
            }
        }
        if outcomes.iter().all(Result::is_ok) {
            break;
        }
    }
    assert_eq!(failures, 5);
    println!(
        "evidence: id=transit/randomness figure={failures} draws failed in turn, each an error without a ciphertext verdict=pass"
    );
}

#[test]
fn convergent_key_repeats_itself_per_context_and_associated_data_and_no_nonce_twice() {
    let (_, transit) = Fixture::new();
    let spec = KeySpec { derived: true, convergent: true, ..KeySpec::new(KeyType::Aes256Gcm96) };
    let key = create_as(&transit, "key", &spec);
    let options = EncryptOptions { context: b"tenant", ..EncryptOptions::default() };
    let first = key.encrypt(b"message", &options).unwrap();
    assert_eq!(key.encrypt(b"message", &options).unwrap(), first);
    assert_ne!(key.encrypt(b"another", &options).unwrap(), first);
    let other = EncryptOptions { context: b"other", ..EncryptOptions::default() };
    assert_ne!(key.encrypt(b"message", &other).unwrap(), first);
    let bound = EncryptOptions { associated_data: b"row", ..options };
    let row = key.encrypt(b"message", &bound).unwrap();
    assert_eq!(key.encrypt(b"message", &bound).unwrap(), row);
    assert_ne!(row[4..16], first[4..16], "one nonce for two messages");
    let opening = DecryptOptions { context: b"tenant", associated_data: b"row", ..DecryptOptions::default() };
    assert_eq!(key.decrypt(&row, &opening).unwrap().as_slice(), b"message");
    let without = DecryptOptions { associated_data: b"", ..opening };
    assert!(matches!(key.decrypt(&row, &without), Err(UseError::Forged)));
    // The control: a derived key that is not convergent never repeats itself.
    let spec = KeySpec { convergent: false, ..spec };
    let key = create_as(&transit, "derived", &spec);
    assert_ne!(key.encrypt(b"message", &options).unwrap(), key.encrypt(b"message", &options).unwrap());
    assert!(key.encrypt(b"message", &bound).is_ok());
}
