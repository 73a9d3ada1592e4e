//! A token of NSS softokn gets its configuration, and can be made to fail like any other.

#![allow(clippy::unwrap_used)]

mod common;

use strongroom_test_tokens::{FaultShim, TestToken};

#[test]
fn token_is_made_used_and_made_to_fail() {
    let token = TestToken::nss("nss test").unwrap();
    let shim = FaultShim::over(&token).unwrap();
    assert_eq!(shim.lib(), token.lib());
    let module = common::open(token.lib());
    let session = common::log_in(&module, token.label(), token.pin());
    let key = common::generate_aes(&session, "root");
    let sealed = common::encrypt(&session, key, b"root key").unwrap();
    assert_eq!(common::decrypt(&session, key, &sealed).unwrap(), b"root key");
    shim.plan("C_EncryptInit 1 CKR_DEVICE_ERROR").unwrap();
    assert!(common::encrypt(&session, key, b"root key").is_err());
    assert!(common::encrypt(&session, key, b"root key").is_ok());
}
