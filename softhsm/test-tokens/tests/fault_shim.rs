//! The fault shim over a real token: each kind of answer, with calls that it leaves alone as its control.

#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::time::{Duration, Instant};

use cryptoki::error::{Error, RvError};
use strongroom_test_tokens::{FaultShim, TestToken, TokenError};

fn code<T: std::fmt::Debug>(answer: Result<T, Error>) -> RvError {
    match answer.unwrap_err() {
        Error::Pkcs11(code, _) => code,
        other => panic!("{other}"),
    }
}

/// One test, since a process has one shim over one token.
#[test]
fn planned_answers_come_and_all_other_calls_pass() {
    let token = TestToken::softhsm("fault shim test").unwrap();
    let shim = FaultShim::over(&token).unwrap();
    let module = common::open(shim.lib());
    let session = common::log_in(&module, token.label(), token.pin());
    let key = common::generate_aes(&session, "root");
    let sealed = common::encrypt(&session, key, b"root key").unwrap();
    assert_eq!(shim.struck(), 0);

    // A code, at the chosen call alone. The client asks for the length first: two calls for one encryption.
    shim.forget_trace().unwrap();
    shim.plan("C_Encrypt 3 CKR_DEVICE_ERROR").unwrap();
    assert_eq!(common::encrypt(&session, key, b"root key").unwrap(), sealed);
    assert_eq!(code(common::encrypt(&session, key, b"root key")), RvError::DeviceError);
    assert_eq!(shim.trace(), ["C_EncryptInit", "C_Encrypt", "C_Encrypt", "C_EncryptInit", "C_Encrypt"]);
    assert_eq!(shim.struck(), 1);

    // The token was not asked: its operation is still active, as after a real failure.
    assert_eq!(code(common::encrypt(&session, key, b"root key")), RvError::OperationActive);
    drop(session);
    let session = common::log_in(&module, token.label(), token.pin());
    let [key] = common::find(&session, "root")[..] else { panic!("one key") };

    // Output that is wrong and called right.
    shim.plan("C_Encrypt 1 garbage").unwrap();
    let garbage = common::encrypt(&session, key, b"root key").unwrap();
    assert_eq!(garbage.len(), sealed.len());
    assert!(garbage.iter().zip(&sealed).all(|(garbage, sealed)| garbage != sealed));
    assert_eq!(common::encrypt(&session, key, b"root key").unwrap(), sealed);
    shim.plan("C_Decrypt * short").unwrap();
    assert_eq!(common::decrypt(&session, key, &sealed).unwrap(), b"root ke");
    shim.plan("C_GenerateRandom 2 zero").unwrap();
    let random = || session.generate_random_vec(32).unwrap();
    assert_ne!(random(), [0; 32]);
    assert_eq!(random(), [0; 32]);
    assert_ne!(random(), [0; 32]);

    // A token that takes its time.
    shim.plan("C_GenerateRandom 1 hang:300").unwrap();
    let start = Instant::now();
    assert_ne!(session.generate_random_vec(32).unwrap(), [0; 32]);
    assert!(start.elapsed() >= Duration::from_millis(300));

    // A token that is gone for good, until the plan ends.
    shim.plan("* 2- CKR_TOKEN_NOT_PRESENT").unwrap();
    assert!(session.generate_random_vec(1).is_ok());
    assert_eq!(code(session.generate_random_vec(1)), RvError::TokenNotPresent);
    assert_eq!(code(module.get_slots_with_token()), RvError::TokenNotPresent);
    shim.clear().unwrap();
    assert!(session.generate_random_vec(1).is_ok());

    // Success that is only claimed.
    shim.plan("C_DestroyObject 1 CKR_OK").unwrap();
    session.destroy_object(key).unwrap();
    assert_eq!(common::find(&session, "root").len(), 1);

    // A plan that means nothing is refused, and the one in force stays.
    shim.plan("C_GenerateRandom * CKR_DEVICE_ERROR").unwrap();
    assert!(matches!(shim.plan("C_GenerateRandom"), Err(TokenError::Plan(_))));
    assert_eq!(code(session.generate_random_vec(1)), RvError::DeviceError);
}
