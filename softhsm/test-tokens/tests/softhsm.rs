//! A token of SoftHSM is real, private to its test, and gone afterwards.

#![allow(clippy::unwrap_used)]

mod common;

use strongroom_test_tokens::{TestToken, TokenError};

/// One test, since a process has one token of a kind at a time.
#[test]
fn token_is_made_used_taken_away_put_back_and_removed() {
    let token = TestToken::softhsm("softhsm test").unwrap();
    let directory = token.directory().to_path_buf();
    assert!(matches!(TestToken::softhsm("second"), Err(TokenError::Taken { .. })));
    let second = token.add_token("beside it").unwrap();
    assert_ne!(second, token.serial());
    assert_eq!(std::fs::read_to_string(token.pin_file()).unwrap(), token.pin());
    assert!(token.environment().iter().all(|(name, value)| std::env::var(name).as_ref() == Ok(value)));

    let module = common::open(token.lib());
    let info = module.get_token_info(common::slot(&module, token.label())).unwrap();
    assert_eq!(info.serial_number(), token.serial());
    let session = common::log_in(&module, token.label(), token.pin());
    let key = common::generate_aes(&session, "root");
    assert!(!common::extractable(&session, key));
    let sealed = common::encrypt_gcm(&session, key, b"root key").unwrap();
    assert_eq!(sealed.len(), 8 + 16);

    token.remove_directory().unwrap();
    assert!(common::encrypt(&session, key, b"x").is_err() || common::find(&session, "root").is_empty());
    token.restore_directory().unwrap();
    drop(session);
    module.clone().finalize().unwrap();
    common::initialise(&module);
    let session = common::log_in(&module, token.label(), token.pin());
    assert_eq!(common::find(&session, "root").len(), 1);

    drop(session);
    module.finalize().unwrap();
    drop(token);
    assert!(!directory.exists());
    assert!(std::env::var("SOFTHSM2_CONF").is_err());
}
