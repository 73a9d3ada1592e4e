//! The fault shim over a module with interfaces (PKCS #11 3.0): the wider list is handed out, and its functions fail too.

#![allow(clippy::unwrap_used)]

mod common;

use cryptoki::mechanism::aead::{GcmMessageParams, GeneratorFunction};
use cryptoki::mechanism::{Mechanism, MessageParam};
use cryptoki::object::ObjectHandle;
use cryptoki::session::Session;
use strongroom_test_tokens::{FaultShim, TestToken};

/// Encrypts with an IV of the token's own, and returns that with the ciphertext.
fn encrypt(session: &Session, key: ObjectHandle) -> cryptoki::error::Result<([u8; 12], Vec<u8>)> {
    let (mut iv, mut tag) = ([0; 12], [0; 16]);
    let parameters =
        GcmMessageParams::new(&mut iv, 0.into(), GeneratorFunction::GenerateRandom, &mut tag).unwrap();
    session.message_encrypt_init(&Mechanism::AesGcmMessage(parameters), key)?;
    let sealed = session.encrypt_message(&MessageParam::AesGcmMessage(parameters), b"place", b"root key");
    session.message_encrypt_final()?;
    sealed.map(|sealed| (iv, sealed))
}

#[test]
fn message_functions_pass_and_fail_as_planned() {
    let token = TestToken::kryoptic("interfaces test").unwrap();
    let shim = FaultShim::over(&token).unwrap();
    let module = common::open(shim.lib());
    let session = common::log_in(&module, token.label(), token.pin());
    let key = common::generate_aes(&session, "root");
    let (first, _) = encrypt(&session, key).unwrap();
    let (second, sealed) = encrypt(&session, key).unwrap();
    assert_ne!(first, second);
    assert_eq!(sealed.len(), 8);
    assert!(shim.trace().iter().any(|function| function == "C_GetInterface"));
    assert!(shim.trace().iter().any(|function| function == "C_EncryptMessage"));

    shim.plan("C_EncryptMessage 1 CKR_DEVICE_ERROR").unwrap();
    assert!(encrypt(&session, key).is_err());
    assert!(encrypt(&session, key).is_ok());
    shim.plan("C_EncryptMessage 1 zero").unwrap();
    assert_eq!(encrypt(&session, key).unwrap().1, [0; 8]);
    assert_ne!(encrypt(&session, key).unwrap().1, [0; 8]);
}
