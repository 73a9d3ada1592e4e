//! A token of Kryoptic, beside one of SoftHSM in the same process.

#![allow(clippy::unwrap_used)]

mod common;

use strongroom_test_tokens::TestToken;

#[test]
fn token_is_made_and_used_beside_one_of_another_kind() {
    let token = TestToken::kryoptic("kryoptic test").unwrap();
    let _other = TestToken::softhsm("softhsm test").unwrap();
    let module = common::open(token.lib());
    let info = module.get_token_info(common::slot(&module, token.label())).unwrap();
    assert_eq!(info.serial_number(), token.serial());
    let session = common::log_in(&module, token.label(), token.pin());
    let key = common::generate_aes(&session, "root");
    assert!(!common::extractable(&session, key));
    let sealed = common::encrypt(&session, key, b"root key").unwrap();
    assert_eq!(common::decrypt(&session, key, &sealed).unwrap(), b"root key");
}
