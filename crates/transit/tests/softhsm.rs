//! Keys held in an HSM: SoftHSM, over PKCS #11, behind named keys. One token for the whole program.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, missing_docs)]
#![allow(clippy::print_stdout)]

mod common;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock};

use common::*;
use strongroom_crypto::external::{ExternalError, ExternalFault, KeyWrapper};
use strongroom_crypto::secret::{Secret, SecretBytes};
use strongroom_crypto::sign::Signer;
use strongroom_envelope::{Envelope, KeyEncryption};
use strongroom_pkcs11 as pkcs11;
use strongroom_pkcs11::{KeySelector, Mechanism, PinSource, Token, TokenConfig};
use strongroom_test_tokens::TestToken;
use strongroom_transit::algorithm::{HashAlgorithm, KeyType, Marshaling, PublicKey, SignOptions};
use strongroom_transit::{
    AtLimit, ConfigChange, DecryptOptions, EncryptOptions, HeldKeys, HeldReference, Key, KeyKind, Limits,
    ManageError, Options, SignRequest, Transit, UseError, VersionState,
};

/// The keys of the token by their labels, as a server would configure them.
struct Hsm {
    mechanism: Mechanism,
    wrappers: Mutex<HashMap<String, Arc<dyn KeyWrapper>>>,
    signers: Token,
}

impl Hsm {
    fn new(mechanism: Mechanism) -> Arc<Self> {
        Arc::new(Self { mechanism, wrappers: Mutex::default(), signers: Token::open(config()).unwrap() })
    }
}

impl HeldKeys for Hsm {
    fn wrapper(&self, reference: &HeldReference) -> Result<Arc<dyn KeyWrapper>, ExternalError> {
        let mut known = self.wrappers.lock().unwrap();
        if let Some(key) = known.get(reference.as_str()) {
            return Ok(Arc::clone(key));
        }
        let mut config = config();
        config.key_label = Some(reference.as_str().into());
        config.mechanism = Some(self.mechanism);
        if self.mechanism != Mechanism::AesGcm {
            config.hmac_key_label = Some(format!("{reference}-hmac"));
        }
        let key: Arc<dyn KeyWrapper> = Arc::new(Token::open(config)?.wrapping_key()?);
        known.insert(reference.as_str().into(), Arc::clone(&key));
        Ok(key)
    }

    fn signer(&self, reference: &HeldReference) -> Result<Arc<dyn Signer>, ExternalError> {
        Ok(Arc::new(self.signers.signer(&KeySelector::label(reference.as_str()))?))
    }
}

fn config() -> TokenConfig {
    static TOKEN: OnceLock<TestToken> = OnceLock::new();
    let token = TOKEN.get_or_init(|| TestToken::softhsm("transit-tests").unwrap());
    let mut config = TokenConfig::new(token.lib());
    config.token_label = Some(token.label().into());
    config.pin = Some(PinSource::Given(SecretBytes::copy_from_slice(token.pin().as_bytes()).unwrap()));
    config.rsa_oaep_hash = pkcs11::OaepHash::Sha1;
    config
}

/// Makes the key in the token, as its operator does before anybody names it here.
fn make_wrapping(label: &str, mechanism: Mechanism) {
    let mut config = config();
    config.key_label = Some(label.into());
    config.mechanism = Some(mechanism);
    config.generate_key = true;
    if mechanism != Mechanism::AesGcm {
        config.hmac_key_label = Some(format!("{label}-hmac"));
    }
    Token::open(config).unwrap().wrapping_key().unwrap();
}

fn make_signing(label: &str, kind: pkcs11::KeyKind) {
    Token::open(config()).unwrap().generate(&pkcs11::KeySpec::new(kind, label)).unwrap();
}

fn reference(label: &str) -> HeldReference {
    HeldReference::new(label).unwrap()
}

fn hold(transit: &Transit, key: &str, kind: KeyKind, label: &str) -> Result<Key, ManageError> {
    wait(transit.create_held(&name(key), kind, reference(label)))
}

fn over(hsm: Arc<Hsm>) -> (Fixture, Transit) {
    let (fixture, plain) = Fixture::new();
    let options = Options { held: Some(hsm), ..Options::default() };
    let transit = transit(plain.barrier(), options);
    (fixture, transit)
}

#[test]
fn key_in_an_hsm_encrypts_by_every_mechanism_and_is_rotated_within_it() {
    for mechanism in [Mechanism::AesGcm, Mechanism::RsaOaep, Mechanism::AesCbcHmac] {
        let labels = ["2026", "2027"].map(|year| format!("orders-{mechanism}-{year}"));
        for label in &labels {
            make_wrapping(label, mechanism);
        }
        let (fixture, transit) = over(Hsm::new(mechanism));
        let key = hold(&transit, "orders", KeyKind::HeldWrapping, &labels[0]).unwrap();
        let options = EncryptOptions { associated_data: b"row 1", ..EncryptOptions::default() };
        let opening = DecryptOptions { associated_data: b"row 1", ..DecryptOptions::default() };
        let mut sealed = Vec::new();
        for len in [0, 1, 1000, 100_000] {
            let plaintext = vec![7; len];
            let text = key.encrypt_text(&plaintext, &options).unwrap();
            assert!(text.starts_with("vault:v1:"), "{mechanism}");
            assert_eq!(key.decrypt_text(&text, &opening).unwrap().as_slice(), plaintext);
            let elsewhere = key.decrypt_text(&text, &DecryptOptions::default());
            assert!(matches!(elsewhere, Err(UseError::Forged)), "{mechanism}");
            sealed = key.encrypt(&plaintext, &options).unwrap();
        }
        assert_eq!(wait(transit.rotate_held(&name("orders"), reference(&labels[1]))).unwrap(), 2);
        assert_eq!(key.decrypt(&sealed, &opening).unwrap().len(), 100_000);
        let rewrapped = key.rewrap(&sealed, &options).unwrap();
        assert_eq!(rewrapped[..4], [0, 0, 0, 2]);
        // Named after the other version, it is another key's to unwrap.
        let renamed = [&[0, 0, 0, 1], &rewrapped[4..]].concat();
        assert!(key.decrypt(&renamed, &opening).is_err(), "{mechanism}");
        let data_key = Secret::<32>::random().unwrap();
        let wrapped = key.wrap(&data_key, b"object").unwrap();
        assert!(key.unwrap(&wrapped, b"object").unwrap().ct_eq(&data_key));
        assert_eq!(key.unwrap(&wrapped, b"other").err().unwrap().fault(), ExternalFault::Rejected);
        drop((key, transit));

        // After a restart the reference is what is left, and the HSM still knows it.
        let options = Options { held: Some(Hsm::new(mechanism)), ..Options::default() };
        let barrier = open_barrier(Arc::new(fixture.storage.clone()), &fixture.root);
        let transit = common::transit(&barrier, options);
        let key = wait(transit.key(&name("orders"))).unwrap();
        for sealed in [&sealed, &rewrapped] {
            assert_eq!(key.decrypt(sealed, &opening).unwrap().len(), 100_000);
        }
    }
}

#[test]
fn changed_ciphertext_of_a_key_in_an_hsm_opens_nowhere() {
    make_wrapping("changed", Mechanism::AesGcm);
    let (_, transit) = over(Hsm::new(Mechanism::AesGcm));
    let key = hold(&transit, "key", KeyKind::HeldWrapping, "changed").unwrap();
    let sealed = key.encrypt(b"message", &EncryptOptions::default()).unwrap();
    let opened = |bytes: &[u8]| key.decrypt(bytes, &DecryptOptions::default());
    for at in 0..sealed.len() {
        assert!(opened(&sealed[..at]).is_err(), "{at}");
        let mut changed = sealed.clone();
        changed[at] ^= 1;
        assert!(opened(&changed).is_err(), "{at}");
    }
    assert!(opened(&[&sealed[..], &[0]].concat()).is_err());
    assert_eq!(opened(&sealed).unwrap().as_slice(), b"message", "the control");
}

#[test]
fn key_in_an_hsm_signs_and_its_signatures_verify_without_it() {
    let mut made = 0;
    for (kind, key_type, hash) in [
        (pkcs11::KeyKind::EcP256, KeyType::EcdsaP256, HashAlgorithm::Sha2_256),
        (pkcs11::KeyKind::EcP384, KeyType::EcdsaP384, HashAlgorithm::Sha2_384),
    ] {
        let label = format!("signing-{key_type}");
        make_signing(&label, kind);
        let hsm = Hsm::new(Mechanism::AesGcm);
        let public = hsm.signer(&reference(&label)).unwrap().public_key().to_vec();
        let public = PublicKey::from_raw(key_type, &public).unwrap();
        let (_, transit) = over(hsm);
        let key = hold(&transit, "key", KeyKind::HeldSigning, &label).unwrap();
        for marshaling in [Marshaling::Asn1, Marshaling::Jws] {
            let options = SignOptions { hash: Some(hash), marshaling, ..SignOptions::default() };
            let request = SignRequest { options, ..SignRequest::default() };
            for n in 0..20_u8 {
                let signature = key.sign(&[n], &request).unwrap();
                assert!(key.verify(&[n], &signature, &request).unwrap());
                assert!(!key.verify(b"other", &signature, &request).unwrap());
                assert!(public.verify(&[n], &signature[4..], &options).is_ok());
                made += 1;
            }
        }
        let other =
            if hash == HashAlgorithm::Sha2_256 { HashAlgorithm::Sha2_384 } else { HashAlgorithm::Sha2_256 };
        let options = SignOptions { hash: Some(other), ..SignOptions::default() };
        let request = SignRequest { options, ..SignRequest::default() };
        assert!(matches!(key.sign(b"", &request), Err(UseError::HeldHash(named)) if named == hash));
    }
    println!(
        "evidence: id=transit/hsm-signatures figure={made} signatures of SoftHSM verified without it verdict=pass"
    );
}

#[test]
fn key_in_an_hsm_has_limits_and_states_like_any_other() {
    make_wrapping("limited", Mechanism::AesGcm);
    let (_, transit) = over(Hsm::new(Mechanism::AesGcm));
    let key = hold(&transit, "key", KeyKind::HeldWrapping, "limited").unwrap();
    let limits = Limits { operations: Some(3), bytes: None, at_limit: AtLimit::Rotate };
    let change = ConfigChange { limits: Some(limits), ..ConfigChange::default() };
    wait(transit.configure(&name("key"), &change)).unwrap();
    let encrypt = || key.encrypt(b"message", &EncryptOptions::default());
    let sealed: Vec<_> = (0..3).map(|_| encrypt().unwrap()).collect();
    // Nothing here can make a new version: somebody has to name the next key.
    assert!(matches!(encrypt(), Err(UseError::Exhausted)));
    wait(transit.rotate_held(&name("key"), reference("limited"))).unwrap();
    encrypt().unwrap();
    wait(transit.set_state(&name("key"), 1, VersionState::Suspended)).unwrap();
    let opened = key.decrypt(&sealed[0], &DecryptOptions::default());
    assert!(matches!(opened, Err(UseError::State(VersionState::Suspended))));
}

#[test]
fn key_that_the_hsm_lacks_is_refused_when_it_is_named() {
    let (_, transit) = over(Hsm::new(Mechanism::AesGcm));
    for kind in [KeyKind::HeldWrapping, KeyKind::HeldSigning] {
        let error = hold(&transit, "key", kind, "no such key").err().unwrap();
        assert!(
            matches!(&error, ManageError::External(error) if error.fault() == ExternalFault::Refused),
            "{error}"
        );
        assert!(matches!(wait(transit.key(&name("key"))), Err(ManageError::NotFound)));
    }
}

#[test]
fn envelopes_are_sealed_under_a_named_key_in_an_hsm() {
    make_wrapping("envelopes", Mechanism::AesGcm);
    let (_, transit) = over(Hsm::new(Mechanism::AesGcm));
    let envelope = Envelope::new(hold(&transit, "key", KeyKind::HeldWrapping, "envelopes").unwrap());
    let sealed = envelope.seal(b"invoice 1", b"9.99").unwrap();
    assert_eq!(envelope.open(b"invoice 1", &sealed).unwrap().as_slice(), b"9.99");
    assert!(envelope.open(b"invoice 2", &sealed).is_err());
}
