//! Everything that a token is used for, with SoftHSM. One token for the whole program: see `strongroom_test_tokens`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::collections::HashSet;
use std::sync::OnceLock;

use strongroom_crypto::external::{EntropySource, ExternalFault, KeyWrapper};
use strongroom_crypto::secret::SecretBytes;
use strongroom_crypto::sign::{self, Algorithm, Signer};
use strongroom_pkcs11::blob::Blob;
use strongroom_pkcs11::{
    Failure, IvMode, KeyKind, KeySelector, KeySpec, Mechanism, OaepHash, PinSource, Purpose, Token,
    TokenConfig, mechanisms, tokens,
};
use strongroom_test_tokens::TestToken;

fn test_token() -> &'static TestToken {
    static TOKEN: OnceLock<TestToken> = OnceLock::new();
    TOKEN.get_or_init(|| TestToken::softhsm("pkcs11-tests").unwrap())
}

fn secret(bytes: &[u8]) -> SecretBytes {
    SecretBytes::copy_from_slice(bytes).unwrap()
}

fn config() -> TokenConfig {
    let token = test_token();
    let mut config = TokenConfig::new(token.lib());
    config.token_label = Some(token.label().into());
    config.pin = Some(PinSource::Given(secret(token.pin().as_bytes())));
    config.rsa_oaep_hash = OaepHash::Sha1;
    config
}

fn open() -> Token {
    Token::open(config()).unwrap()
}

/// A configuration for a wrapping key that is generated, of this name and mechanism.
fn wrapping(name: &str, mechanism: Mechanism) -> TokenConfig {
    let mut config = config();
    config.key_label = Some(name.into());
    config.mechanism = Some(mechanism);
    config.generate_key = true;
    if mechanism != Mechanism::AesGcm {
        config.hmac_key_label = Some(format!("{name}-hmac"));
    }
    config
}

#[test]
fn key_wrapped_with_each_mechanism_opens_for_its_context_alone() {
    for mechanism in [Mechanism::AesGcm, Mechanism::RsaOaep, Mechanism::AesCbcHmac] {
        let key =
            Token::open(wrapping(&format!("each-{mechanism}"), mechanism)).unwrap().wrapping_key().unwrap();
        assert_eq!(key.header().mechanism(), mechanism);
        for len in [1, 16, 31, 32, 33, 48, 64] {
            let data = secret(&vec![len; usize::from(len)]);
            let wrapped = key.wrap(&data, b"context").unwrap();
            assert!(key.unwrap(&wrapped, b"context").unwrap().ct_eq(&data), "{mechanism} {len}");
            let error = key.unwrap(&wrapped, b"another").err().unwrap();
            assert_eq!(error.fault(), ExternalFault::Rejected, "{mechanism}: {error}");
        }
    }
}

#[test]
fn every_changed_bit_of_a_wrapped_key_is_refused() {
    for mechanism in [Mechanism::AesGcm, Mechanism::AesCbcHmac, Mechanism::RsaOaep] {
        let key =
            Token::open(wrapping(&format!("bits-{mechanism}"), mechanism)).unwrap().wrapping_key().unwrap();
        let wrapped = key.wrap(&secret(&[7; 32]), b"context").unwrap();
        // Every bit of what is short and decides, and one of each byte of the rest.
        for bit in (0..wrapped.len() * 8).filter(|bit| *bit < 64 || bit % 8 == 3) {
            let mut damaged = wrapped.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            let error = key.unwrap(&damaged, b"context").err().unwrap();
            // A changed key id names a key that is not there, which is the operator's business as far as anybody can tell.
            let expected = [ExternalFault::Rejected, ExternalFault::Refused];
            assert!(expected.contains(&error.fault()), "{mechanism} bit {bit}: {error}");
        }
        assert!(key.unwrap(&wrapped, b"context").unwrap().ct_eq(&secret(&[7; 32])), "control");
    }
}

#[test]
fn best_mechanism_is_chosen_and_recorded() {
    let mut config = wrapping("best", Mechanism::AesGcm);
    config.mechanism = None;
    let key = Token::open(config).unwrap().wrapping_key().unwrap();
    assert_eq!(key.header().mechanism(), Mechanism::AesGcm);
    let wrapped = key.wrap(&secret(b"k"), b"c").unwrap();
    let blob = Blob::decode(&wrapped).unwrap();
    assert_eq!(blob.header(), key.header());
    assert_eq!(blob.iv().len(), 12);
}

#[test]
fn ivs_differ() {
    let key = Token::open(wrapping("ivs", Mechanism::AesGcm)).unwrap().wrapping_key().unwrap();
    let ivs: HashSet<_> = (0..200)
        .map(|_| Blob::decode(&key.wrap(&secret(b"same"), b"same").unwrap()).unwrap().iv().to_vec())
        .collect();
    assert_eq!(ivs.len(), 200);
}

#[test]
fn token_that_generates_no_iv_is_found_out() {
    // SoftHSM encrypts with an IV of zeros, and with none at all, and answers CKR_OK.
    for mode in [IvMode::ZeroedWriteback, IvMode::Appended] {
        let mut config = wrapping("no-iv", Mechanism::AesGcm);
        config.iv_mode = mode;
        let error = Token::open(config).unwrap().wrapping_key().err().unwrap();
        assert!(matches!(error.failure(), Failure::Misbehaved(_)), "{mode}: {error}");
    }
    let mut config = wrapping("no-iv", Mechanism::AesGcm);
    config.iv_mode = IvMode::MessageApi;
    let error = Token::open(config).unwrap().wrapping_key().err().unwrap();
    assert!(matches!(error.failure(), Failure::Unsupported(_)), "{error}");
}

#[test]
fn oaep_hash_that_the_token_lacks_is_named() {
    let mut config = wrapping("sha256", Mechanism::RsaOaep);
    config.rsa_oaep_hash = OaepHash::Sha256;
    let error = Token::open(config).unwrap().wrapping_key().err().unwrap();
    assert_eq!(error.fault(), ExternalFault::Refused);
    assert!(error.to_string().contains("CKM_RSA_PKCS_OAEP"), "{error}");
}

#[test]
fn mechanism_without_associated_data_needs_an_hmac_key() {
    let mut config = wrapping("no-hmac", Mechanism::AesCbcHmac);
    config.hmac_key_label = None;
    let error = Token::open(config).unwrap().wrapping_key().err().unwrap();
    assert!(error.to_string().contains("hmac_key_label"), "{error}");
}

#[test]
fn rotated_key_still_opens_what_its_predecessor_wrapped() {
    let old = Token::open(wrapping("rotate-1", Mechanism::AesGcm)).unwrap().wrapping_key().unwrap();
    let wrapped = old.wrap(&secret(b"old"), b"c").unwrap();
    let new = Token::open(wrapping("rotate-2", Mechanism::AesGcm)).unwrap().wrapping_key().unwrap();
    assert_ne!(new.header().key_id(), old.header().key_id());
    assert!(new.unwrap(&wrapped, b"c").unwrap().ct_eq(&secret(b"old")));
    new.token().destroy(&KeySelector::label("rotate-1")).unwrap();
    let error = new.unwrap(&wrapped, b"c").err().unwrap();
    assert_eq!(error.fault(), ExternalFault::Refused, "{error}");
    let wrapped = new.wrap(&secret(b"new"), b"c").unwrap();
    assert!(new.unwrap(&wrapped, b"c").unwrap().ct_eq(&secret(b"new")), "control");
}

#[test]
fn each_kind_of_key_is_generated_strong_and_with_a_check_value() {
    let token = open();
    for name in KeyKind::NAMES {
        let kind: KeyKind = name.parse().unwrap();
        if kind == KeyKind::Rsa4096 {
            // It takes seconds, and differs from 3072 by a number alone.
            continue;
        }
        let label = format!("kind-{name}");
        let made = token.generate(&KeySpec::new(kind, &label)).unwrap();
        assert_eq!((made.kind, made.label.as_str(), made.id.len()), (Some(kind), label.as_str(), 16));
        assert_eq!(made.weaknesses(kind.purpose()), Vec::<String>::new());
        let origin = made.origin;
        assert_eq!(
            (origin.local, origin.always_sensitive, origin.never_extractable),
            (Some(true), Some(true), Some(true))
        );
        let selector = KeySelector::label(&label);
        assert_eq!(token.find(&selector).unwrap(), std::slice::from_ref(&made));
        let value = token.check_value(&selector).unwrap();
        assert_eq!(value, token.check_value(&KeySelector::id(made.id.clone())).unwrap());
        assert_eq!(
            value.bytes.len(),
            if matches!(kind, KeyKind::Aes256 | KeyKind::Hmac256) { 3 } else { 32 }
        );
        token.destroy(&selector).unwrap();
        assert!(token.find(&selector).unwrap().is_empty());
    }
}

#[test]
fn two_keys_of_one_label_are_not_chosen_between() {
    let token = open();
    let first = token.generate(&KeySpec::new(KeyKind::Aes256, "twice")).unwrap();
    token.generate(&KeySpec::new(KeyKind::Aes256, "twice")).unwrap();
    let mut config = wrapping("twice", Mechanism::AesGcm);
    let error = Token::open(config).unwrap().wrapping_key().err().unwrap();
    assert!(matches!(error.failure(), Failure::Key { found: 2, .. }), "{error}");
    config = wrapping("twice", Mechanism::AesGcm);
    config.key_id = Some(first.id.clone());
    let key = Token::open(config).unwrap().wrapping_key().unwrap();
    assert_eq!(key.header().key_id(), first.id, "control: label and id together mean one");
}

#[test]
fn signature_of_each_curve_verifies() {
    let token = open();
    for (kind, algorithm) in
        [(KeyKind::EcP256, Algorithm::EcdsaP256Sha256), (KeyKind::EcP384, Algorithm::EcdsaP384Sha384)]
    {
        let label = format!("sign-{kind}");
        token.generate(&KeySpec::new(kind, &label)).unwrap();
        let signer = token.signer(&KeySelector::label(&label)).unwrap();
        assert_eq!(signer.algorithm(), algorithm);
        let signature = signer.sign(b"message").unwrap();
        assert!(sign::verify(algorithm, signer.public_key(), b"message", &signature));
        assert!(!sign::verify(algorithm, signer.public_key(), b"other", &signature));
    }
    let error = token.signer(&KeySelector::label("no such")).err().unwrap();
    assert!(matches!(error.failure(), Failure::Key { found: 0, .. }), "{error}");
}

#[test]
fn random_bytes_come_from_the_token() {
    let random = open().random();
    let (mut first, mut second) = ([0; 32], [0; 32]);
    random.fill(&mut first).unwrap();
    random.fill(&mut second).unwrap();
    assert_ne!(first, second);
}

#[test]
fn token_is_listed_and_its_mechanisms_with_what_they_serve() {
    let token = open();
    let list = tokens(test_token().lib(), None).unwrap();
    let summary = list.tokens.iter().find(|found| found.label == test_token().label()).unwrap();
    assert_eq!(*summary, TokenSummaryOf(&token).now());
    let mechanisms = mechanisms(test_token().lib(), None, summary.slot).unwrap();
    let gcm = mechanisms.iter().find(|found| found.name.as_deref() == Some("CKM_AES_GCM")).unwrap();
    assert_eq!(gcm.serves, Some("wrapping (aes-gcm)"));
    assert!(gcm.key_sizes.is_some());
}

struct TokenSummaryOf<'a>(&'a Token);

impl TokenSummaryOf<'_> {
    fn now(&self) -> strongroom_pkcs11::TokenSummary {
        self.0.summary()
    }
}

#[test]
fn token_that_is_not_there_is_named_with_those_that_are() {
    let mut config = config();
    config.serial = Some("no such serial".into());
    let error = Token::open(config).err().unwrap();
    assert!(matches!(error.failure(), Failure::Selection { found: 0, .. }));
    let text = error.to_string();
    assert!(text.contains("no such serial") && text.contains(test_token().label()), "{text}");
}

#[test]
fn future_is_answered_without_a_runtime() {
    let key = Token::open(wrapping("future", Mechanism::AesGcm)).unwrap().wrapping_key().unwrap();
    let wrapped = pollster::block_on(key.wrap_elsewhere(secret(b"key"), b"c".to_vec())).unwrap();
    let opened = pollster::block_on(key.unwrap_elsewhere(wrapped.clone(), b"c".to_vec())).unwrap();
    assert!(opened.ct_eq(&secret(b"key")));
    assert!(key.timed().unwrap(&wrapped, b"c").unwrap().ct_eq(&opened));
}

#[test]
fn many_threads_share_few_sessions() {
    let mut config = wrapping("threads", Mechanism::AesGcm);
    config.max_parallel = 2;
    let key = Token::open(config).unwrap().wrapping_key().unwrap();
    std::thread::scope(|scope| {
        for thread in 0..8u8 {
            let key = &key;
            scope.spawn(move || {
                for round in 0..50 {
                    let data = secret(&[thread, round]);
                    let wrapped = key.wrap(&data, &[thread]).unwrap();
                    assert!(key.unwrap(&wrapped, &[thread]).unwrap().ct_eq(&data));
                }
            });
        }
    });
}

#[test]
fn description_says_what_a_key_may_do() {
    let token = open();
    let made = token.generate(&KeySpec::new(KeyKind::Aes256, "described")).unwrap();
    let is = |name| made.attributes.iter().find(|(found, _)| *found == name).unwrap().1;
    assert_eq!((is("CKA_ENCRYPT"), is("CKA_DECRYPT")), (Some(true), Some(true)));
    assert_eq!((is("CKA_WRAP"), is("CKA_UNWRAP"), is("CKA_SIGN")), (Some(false), Some(false), Some(false)));
    assert!(!made.weaknesses(Purpose::Authenticating).is_empty(), "it decrypts, so it may not authenticate");
}
