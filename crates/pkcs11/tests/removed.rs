//! SoftHSM's token directory is removed and restored while threads use it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![allow(clippy::print_stdout)]

mod common;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use common::{config, secret};
use strongroom_crypto::external::{ExternalFault, KeyWrapper as _};
use strongroom_pkcs11::Token;
use strongroom_test_tokens::TestToken;

#[test]
fn removed_token_is_unavailable_and_comes_back_under_load() {
    let token = TestToken::softhsm("pkcs11-removed").unwrap();
    let key = Token::open(config(&token, token.lib(), "root")).unwrap().wrapping_key().unwrap();
    let wrapped = key.wrap(&secret(b"key"), b"c").unwrap();
    let (mut failures, mut slowest) = (0, Duration::ZERO);
    for _ in 0..3 {
        let (stop, away) = (AtomicBool::new(false), AtomicBool::new(false));
        let (good, bad) = (AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    while !stop.load(Ordering::Acquire) {
                        match key.unwrap(&wrapped, b"c") {
                            Ok(opened) => {
                                assert!(opened.ct_eq(&secret(b"key")));
                                good.fetch_add(1, Ordering::Relaxed);
                            }
                            Err(error) => {
                                assert_eq!(error.fault(), ExternalFault::Unavailable, "{error}");
                                bad.fetch_add(1, Ordering::Relaxed);
                                std::thread::sleep(Duration::from_millis(1));
                            }
                        }
                    }
                });
            }
            std::thread::sleep(Duration::from_millis(150));
            token.remove_directory().unwrap();
            away.store(true, Ordering::Release);
            std::thread::sleep(Duration::from_millis(400));
            let failed = bad.load(Ordering::Relaxed);
            assert!(failed > 0, "control: the token was really gone");
            token.restore_directory().unwrap();
            let before = good.load(Ordering::Relaxed);
            let restored = Instant::now();
            while good.load(Ordering::Relaxed) <= before + 100 {
                assert!(restored.elapsed() < Duration::from_secs(10), "it does not come back");
                std::thread::sleep(Duration::from_millis(5));
            }
            (failures, slowest) = (failures + failed, slowest.max(restored.elapsed()));
            stop.store(true, Ordering::Release);
        });
    }
    println!(
        "evidence: id=hsm/removed figure=token directory taken away 3 times under 4 threads: {failures} requests failed cleanly meanwhile, the \
         pool recovered by itself 3 times, within {slowest:.1?} verdict=pass"
    );
}
