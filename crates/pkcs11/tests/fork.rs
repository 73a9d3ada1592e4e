//! A child of `fork` inherits sessions and a login, and must use neither.
#![allow(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use common::{config, secret};
use strongroom_pkcs11::{Failure, Token};
use strongroom_test_tokens::TestToken;

#[test]
fn forked_child_is_refused_and_its_parent_is_not() {
    let token = TestToken::softhsm("pkcs11-fork").unwrap();
    let key = Token::open(config(&token, token.lib(), "root")).unwrap().wrapping_key().unwrap();
    let wrapped = key.wrap_key(&secret(b"key"), b"c").unwrap();
    // SAFETY: the child calls what is checked here, which takes no lock that another thread could hold, and leaves.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let refused =
            matches!(key.unwrap_key(&wrapped, b"c"), Err(error) if *error.failure() == Failure::Forked);
        // SAFETY: it ends the process and runs nothing of the parent's.
        unsafe { libc::_exit(i32::from(!refused)) };
    }
    let mut status = 0;
    // SAFETY: the child is ours, and the status has a place.
    assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
    assert!(libc::WIFEXITED(status), "{status}");
    assert_eq!(libc::WEXITSTATUS(status), 0, "the child was refused");
    assert!(key.unwrap_key(&wrapped, b"c").unwrap().ct_eq(&secret(b"key")), "control");
}
