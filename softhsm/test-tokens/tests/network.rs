//! A token behind a network goes when its server is killed and comes back when a new one runs.

#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use strongroom_test_tokens::{TestToken, TokenError};

#[test]
fn killed_server_fails_every_call_until_it_runs_again_and_the_module_begins_anew() {
    let token = TestToken::network("network test").unwrap();
    let module = common::open(token.lib());
    let session = common::log_in(&module, token.label(), token.pin());
    let key = common::generate_aes(&session, "root");
    let sealed = common::encrypt_block(&session, key).unwrap();

    token.kill_server().unwrap();
    assert!(common::encrypt_block(&session, key).is_err());
    // Once more is no error.
    token.kill_server().unwrap();
    token.restart_server().unwrap();
    assert!(common::encrypt_block(&session, key).is_err(), "a new server does not know the old session");

    drop(session);
    module.clone().finalize().unwrap();
    common::initialise(&module);
    let session = common::log_in(&module, token.label(), token.pin());
    let [key] = common::find(&session, "root")[..] else { panic!("one key") };
    assert_eq!(common::encrypt_block(&session, key).unwrap(), sealed);
    drop(session);
    module.finalize().unwrap();
}

#[test]
fn token_without_a_server_says_so() {
    let token = TestToken::softhsm("no server").unwrap();
    assert!(matches!(token.kill_server(), Err(TokenError::NoServer)));
    assert!(matches!(token.restart_server(), Err(TokenError::NoServer)));
}
