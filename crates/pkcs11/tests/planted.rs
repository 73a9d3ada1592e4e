//! Keys and wrapped keys that somebody else put there.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use common::{config, secret};
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::mechanism::Mechanism as Raw;
use cryptoki::object::Attribute;
use cryptoki::session::{Session, UserType};
use cryptoki::types::AuthPin;
use strongroom_crypto::external::{ExternalFault, KeyWrapper as _};
use strongroom_pkcs11::blob::Blob;
use strongroom_pkcs11::{Failure, KeySelector, Mechanism, OaepHash, Token};
use strongroom_test_tokens::TestToken;

/// A session of another program, as good as.
fn other(token: &TestToken) -> Session {
    let module = Pkcs11::new(token.lib()).unwrap();
    // Whoever is first initialises it.
    let _ = module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK));
    let slots = module.get_slots_with_initialized_token().unwrap();
    let slot = slots.into_iter().find(|slot| module.get_token_info(*slot).unwrap().label() == token.label());
    let session = module.open_rw_session(slot.unwrap()).unwrap();
    let _ = session.login(UserType::User, Some(&AuthPin::new(token.pin().into())));
    session
}

fn aes(label: &str, changed: &[Attribute]) -> Vec<Attribute> {
    let mut template = vec![
        Attribute::Token(true),
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::Encrypt(true),
        Attribute::Decrypt(true),
        Attribute::Wrap(false),
        Attribute::Unwrap(false),
        Attribute::Sign(false),
        Attribute::Derive(false),
        Attribute::ValueLen(32.into()),
        Attribute::Label(label.into()),
        Attribute::Id(label.into()),
    ];
    for change in changed {
        template.retain(|attribute| attribute.attribute_type() != change.attribute_type());
        template.push(change.clone());
    }
    template
}

#[test]
fn keys_and_wrapped_keys_of_others_are_refused() {
    let token = TestToken::softhsm("pkcs11-planted").unwrap();
    weak_keys_are_refused_by_the_attributes_name(&token);
    wrapped_key_of_whoever_has_the_public_key_is_rejected(&token);
    public_key_that_does_not_belong_to_the_private_one_is_refused(&token);
    one_blob_is_not_opened_as_another_mechanism(&token);
    objects_that_need_no_pin_lock_nobody_out(&token);
}

fn weak_keys_are_refused_by_the_attributes_name(token: &TestToken) {
    let session = other(token);
    let weak = [
        ("extractable", Attribute::Extractable(true), "CKA_EXTRACTABLE is true"),
        ("not-sensitive", Attribute::Sensitive(false), "CKA_SENSITIVE is false"),
        ("public", Attribute::Private(false), "CKA_PRIVATE is false"),
        ("wraps", Attribute::Wrap(true), "CKA_WRAP is true"),
        ("unwraps", Attribute::Unwrap(true), "CKA_UNWRAP is true"),
        ("derives", Attribute::Derive(true), "CKA_DERIVE is true"),
        ("short", Attribute::ValueLen(16.into()), "it has 128 bits, and 256 are needed"),
    ];
    for (label, change, expected) in weak {
        session.generate_key(&Raw::AesKeyGen, &aes(label, &[change])).unwrap();
        let error = Token::open(config(token, token.lib(), label)).unwrap().wrapping_key().err().unwrap();
        assert!(matches!(error.failure(), Failure::WeakKey { .. }), "{label}: {error}");
        assert!(error.to_string().contains(expected), "{label}: {error}");
        let mut lenient = config(token, token.lib(), label);
        lenient.allow_weak_attributes = true;
        let outcome = Token::open(lenient).unwrap().wrapping_key();
        if label == "public" {
            // It could be put there without the PIN, so no setting accepts it.
            assert!(matches!(outcome.err().unwrap().failure(), Failure::WeakKey { .. }));
            continue;
        }
        let key = outcome.unwrap();
        assert!(key.warnings().iter().any(|warning| warning == expected), "{:?}", key.warnings());
    }
    session.generate_key(&Raw::AesKeyGen, &aes("strong", &[])).unwrap();
    let key = Token::open(config(token, token.lib(), "strong")).unwrap().wrapping_key().unwrap();
    assert!(key.warnings().is_empty(), "control");

    // A key that somebody knows, since he brought it along.
    let mut template = aes("imported", &[]);
    template.retain(|attribute| !matches!(attribute, Attribute::ValueLen(_)));
    template.extend([
        Attribute::Class(cryptoki::object::ObjectClass::SECRET_KEY),
        Attribute::KeyType(cryptoki::object::KeyType::AES),
        Attribute::Value(vec![7; 32]),
    ]);
    session.create_object(&template).unwrap();
    let error = Token::open(config(token, token.lib(), "imported")).unwrap().wrapping_key().err().unwrap();
    assert!(error.to_string().contains("CKA_LOCAL is false"), "{error}");
    assert!(error.to_string().contains("CKA_ALWAYS_SENSITIVE is false"), "{error}");
}

fn wrapped_key_of_whoever_has_the_public_key_is_rejected(token: &TestToken) {
    let mut rsa = config(token, token.lib(), "rsa");
    rsa.mechanism = Some(Mechanism::RsaOaep);
    rsa.rsa_oaep_hash = OaepHash::Sha1;
    rsa.hmac_key_label = Some("rsa-hmac".into());
    let key = Token::open(rsa).unwrap().wrapping_key().unwrap();
    let good = key.wrap(&secret(&[7; 32]), b"c").unwrap();
    let blob = Blob::decode(&good).unwrap();

    // What anybody can make: the right form, a good ciphertext of his own key, and no idea of the HMAC key.
    let session = other(token);
    let public = [
        Attribute::Class(cryptoki::object::ObjectClass::PUBLIC_KEY),
        Attribute::Id(blob.header().key_id().into()),
    ];
    let public = session.find_objects(&public).unwrap()[0];
    let parameters = cryptoki::mechanism::rsa::PkcsOaepParams::new(
        cryptoki::mechanism::MechanismType::SHA1,
        cryptoki::mechanism::rsa::PkcsMgfType::MGF1_SHA1,
        cryptoki::mechanism::rsa::PkcsOaepSource::empty(),
    );
    let chosen = [blob.header().binding(b"c").as_slice(), &[9; 32]].concat();
    let sealed = session.encrypt(&Raw::RsaPkcsOaep(parameters), public, &chosen).unwrap();
    let mut planted = good.clone();
    let at = good.len() - 32 - blob.ciphertext().len();
    planted[at..at + sealed.len()].copy_from_slice(&sealed);
    let error = key.unwrap(&planted, b"c").err().unwrap();
    assert_eq!(error.fault(), ExternalFault::Rejected, "{error}");
    assert!(error.to_string().contains("HMAC"), "{error}");
    assert!(key.unwrap(&good, b"c").unwrap().ct_eq(&secret(&[7; 32])), "control");

    // What is wrapped says how it opens: a configuration for other keys does it too, and refuses what was planted.
    let reader = Token::open(config(token, token.lib(), "strong")).unwrap().opening_key(blob.header());
    assert!(reader.unwrap(&good, b"c").unwrap().ct_eq(&secret(&[7; 32])));
    assert_eq!(reader.unwrap(&planted, b"c").err().unwrap().fault(), ExternalFault::Rejected);
}

fn objects_that_need_no_pin_lock_nobody_out(token: &TestToken) {
    let key = Token::open(config(token, token.lib(), "strong")).unwrap().wrapping_key().unwrap();
    let wrapped = key.wrap(&secret(&[7; 32]), b"c").unwrap();
    let id = key.header().key_id().to_vec();
    let session = other(token);
    for label in ["planted", "strong"] {
        let planted = [
            Attribute::Class(cryptoki::object::ObjectClass::SECRET_KEY),
            Attribute::Token(true),
            Attribute::Private(false),
            Attribute::KeyType(cryptoki::object::KeyType::AES),
            Attribute::Value(vec![7; 32]),
            Attribute::Label(label.into()),
            Attribute::Id(id.clone()),
        ];
        session.create_object(&planted).unwrap();
    }
    let token = Token::open(config(token, token.lib(), "strong")).unwrap();
    assert_eq!(
        token.find(&strongroom_pkcs11::KeySelector::id(id)).unwrap().len(),
        3,
        "control: they are there"
    );
    assert!(token.opening_key(key.header()).unwrap(&wrapped, b"c").is_ok());
    assert!(token.wrapping_key().is_ok());
}

fn public_key_that_does_not_belong_to_the_private_one_is_refused(token: &TestToken) {
    let mut rsa = config(token, token.lib(), "rsa-swapped");
    rsa.mechanism = Some(Mechanism::RsaOaep);
    rsa.rsa_oaep_hash = OaepHash::Sha1;
    rsa.hmac_key_label = Some("rsa-hmac".into());
    let key = Token::open(rsa).unwrap().wrapping_key().unwrap();
    let id = key.header().key_id().to_vec();
    let session = other(token);
    let class = Attribute::Class(cryptoki::object::ObjectClass::PUBLIC_KEY);
    let public = session.find_objects(&[class.clone(), Attribute::Id(id.clone())]).unwrap()[0];
    session.destroy_object(public).unwrap();
    let planted = [
        class,
        Attribute::Token(true),
        Attribute::Private(false),
        Attribute::KeyType(cryptoki::object::KeyType::RSA),
        Attribute::Modulus([vec![0xC1; 383], vec![0xC3]].concat()),
        Attribute::PublicExponent(vec![1, 0, 1]),
        Attribute::Encrypt(true),
        Attribute::Id(id),
        Attribute::Label("rsa-swapped".into()),
    ];
    session.create_object(&planted).unwrap();
    let mut rsa = config(token, token.lib(), "rsa-swapped");
    rsa.mechanism = Some(Mechanism::RsaOaep);
    rsa.rsa_oaep_hash = OaepHash::Sha1;
    rsa.hmac_key_label = Some("rsa-hmac".into());
    let error = Token::open(rsa).unwrap().wrapping_key().err().unwrap();
    assert!(error.to_string().contains("belongs to the private one"), "{error}");
}

fn one_blob_is_not_opened_as_another_mechanism(token: &TestToken) {
    let gcm = Token::open(config(token, token.lib(), "strong")).unwrap().wrapping_key().unwrap();
    let wrapped = gcm.wrap(&secret(b"key"), b"c").unwrap();
    // The IV mode says nothing to decrypting, and is authenticated all the same.
    for mode in [2, 4] {
        let mut changed = wrapped.clone();
        assert_eq!(changed[3], 1);
        changed[3] = mode;
        assert!(Blob::decode(&changed).is_ok(), "it still has a form");
        assert_eq!(gcm.unwrap(&changed, b"c").err().unwrap().fault(), ExternalFault::Rejected);
    }
    let found = gcm.token().find(&KeySelector::label("strong")).unwrap();
    assert_eq!(found[0].id, gcm.header().key_id());
}
