//! What SoftHSM lacks, with Kryoptic: an IV of the token's own, RSA-OAEP with SHA-256, and a PIN that really locks.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use std::collections::HashSet;

use common::{config, secret};
use strongroom_crypto::external::{ExternalFault, KeyWrapper as _};
use strongroom_pkcs11::blob::Blob;
use strongroom_pkcs11::{Failure, IvMode, Mechanism, PinSource, Token};
use strongroom_test_tokens::TestToken;

#[test]
fn token_that_draws_ivs_and_counts_pins_is_served() {
    let token = TestToken::kryoptic("pkcs11-kryoptic").unwrap();
    // First, since a token looks at no PIN once the process is logged in.
    wrong_pin_counts_once(&token);
    ivs_of_the_token_differ_and_are_recorded(&token);
    oaep_with_sha_256_opens_for_its_context_alone(&token);
}

fn wrong_pin_counts_once(token: &TestToken) {
    // The tenth try locks it: were each of these one, the control would fail.
    for _ in 0..15 {
        let mut config = config(token, token.lib(), "pin");
        config.pin = Some(PinSource::Given(secret(b"not the PIN")));
        let error = Token::open(config).err().unwrap();
        assert!(matches!(error.failure(), Failure::Pin { .. }), "{error}");
        assert_eq!(error.fault(), ExternalFault::Refused);
    }
    let opened = Token::open(config(token, token.lib(), "pin"));
    assert!(opened.is_ok(), "control: {:?}", opened.err());
}

fn ivs_of_the_token_differ_and_are_recorded(token: &TestToken) {
    let mut config = config(token, token.lib(), "message-api");
    config.iv_mode = IvMode::MessageApi;
    let key = Token::open(config).unwrap().wrapping_key().unwrap();
    let mut ivs = HashSet::new();
    for _ in 0..50 {
        let wrapped = key.wrap(&secret(&[7; 32]), b"c").unwrap();
        assert_eq!(wrapped[3], 4, "the IV mode");
        ivs.insert(Blob::decode(&wrapped).unwrap().iv().to_vec());
        assert!(key.unwrap(&wrapped, b"c").unwrap().ct_eq(&secret(&[7; 32])));
        assert_eq!(key.unwrap(&wrapped, b"d").err().unwrap().fault(), ExternalFault::Rejected);
    }
    assert_eq!(ivs.len(), 50);
}

fn oaep_with_sha_256_opens_for_its_context_alone(token: &TestToken) {
    let mut config = config(token, token.lib(), "oaep");
    config.mechanism = Some(Mechanism::RsaOaep);
    config.hmac_key_label = Some("oaep-hmac".into());
    let key = Token::open(config).unwrap().wrapping_key().unwrap();
    let wrapped = key.wrap(&secret(&[7; 32]), b"c").unwrap();
    assert_eq!(wrapped[..3], [1, 2, 2], "RSA-OAEP with SHA-256");
    assert!(key.unwrap(&wrapped, b"c").unwrap().ct_eq(&secret(&[7; 32])));
    assert_eq!(key.unwrap(&wrapped, b"d").err().unwrap().fault(), ExternalFault::Rejected);
}
