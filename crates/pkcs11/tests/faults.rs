//! A token that fails on purpose: SoftHSM behind the fault shim. The tests take turns, since a plan is for all calls.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use common::{config, secret};
use strongroom_crypto::external::{EntropySource as _, ExternalFault, KeyWrapper as _};
use strongroom_crypto::sign::Signer as _;
use strongroom_pkcs11::{
    Failure, KeyKind, KeySelector, KeySpec, Mechanism, OaepHash, PinSource, Token, TokenConfig, TokenKey,
};
use strongroom_test_tokens::{FaultShim, TestToken};

struct Bench {
    token: TestToken,
    shim: FaultShim,
    turn: Mutex<()>,
}

fn bench() -> (&'static Bench, MutexGuard<'static, ()>) {
    static BENCH: OnceLock<Bench> = OnceLock::new();
    let bench = BENCH.get_or_init(|| {
        let token = TestToken::softhsm("pkcs11-faults").unwrap();
        let shim = FaultShim::over(&token).unwrap();
        Bench { token, shim, turn: Mutex::new(()) }
    });
    let turn = bench.turn.lock().unwrap_or_else(PoisonError::into_inner);
    bench.shim.clear().unwrap();
    bench.shim.forget_trace().unwrap();
    (bench, turn)
}

impl Bench {
    fn config(&self, key: &str) -> TokenConfig {
        config(&self.token, self.shim.lib(), key)
    }

    fn key(&self, name: &str) -> TokenKey {
        Token::open(self.config(name)).unwrap().wrapping_key().unwrap()
    }

    fn calls(&self, function: &str) -> usize {
        self.shim.trace().iter().filter(|called| *called == function).count()
    }
}

#[test]
fn one_failure_of_any_kind_in_any_call_is_survived() {
    let (bench, _turn) = bench();
    let key = bench.key("survive");
    let wrapped = key.wrap(&secret(b"key"), b"c").unwrap();
    for code in [
        "CKR_DEVICE_ERROR",
        "CKR_GENERAL_ERROR",
        "CKR_FUNCTION_FAILED",
        "CKR_SESSION_HANDLE_INVALID",
        "CKR_SESSION_CLOSED",
        "CKR_OPERATION_ACTIVE",
        "CKR_USER_NOT_LOGGED_IN",
        "CKR_OBJECT_HANDLE_INVALID",
        "CKR_KEY_HANDLE_INVALID",
        "CKR_CRYPTOKI_NOT_INITIALIZED",
        "CKR_DEVICE_REMOVED",
        "CKR_TOKEN_NOT_PRESENT",
        "CKR_HOST_MEMORY",
        "0x80000001",
    ] {
        for function in ["C_DecryptInit", "C_Decrypt", "C_EncryptInit", "C_Encrypt"] {
            bench.shim.forget_trace().unwrap();
            bench.shim.plan(&format!("{function} 1 {code}")).unwrap();
            let again =
                key.wrap(&secret(b"key"), b"c").unwrap_or_else(|error| panic!("{function} {code}: {error}"));
            assert_eq!(bench.shim.struck(), 1, "{function} {code}");
            bench.shim.clear().unwrap();
            assert!(key.unwrap(&again, b"c").unwrap().ct_eq(&secret(b"key")));
            assert!(key.unwrap(&wrapped, b"c").unwrap().ct_eq(&secret(b"key")));
        }
    }
}

#[test]
fn session_is_not_used_again_after_an_error() {
    let (bench, _turn) = bench();
    let key = bench.key("discard");
    let wrapped = key.wrap(&secret(b"key"), b"c").unwrap();
    bench.shim.forget_trace().unwrap();
    assert!(key.unwrap(&wrapped, b"other").is_err());
    let after = bench.calls("C_OpenSession");
    assert!(after >= 1, "the session on which decrypting failed was replaced");
    bench.shim.forget_trace().unwrap();
    assert!(key.unwrap(&wrapped, b"c").is_ok());
    assert_eq!(bench.calls("C_OpenSession"), 0, "control: after success it is used again");
}

#[test]
fn lasting_outage_is_unavailable_at_once_and_ends_by_itself() {
    let (bench, _turn) = bench();
    let key = bench.key("outage");
    let wrapped = key.wrap(&secret(b"key"), b"c").unwrap();
    for code in ["CKR_DEVICE_ERROR", "CKR_GENERAL_ERROR", "CKR_DEVICE_REMOVED"] {
        bench.shim.plan(&format!("C_DecryptInit * {code}\nC_EncryptInit * {code}")).unwrap();
        let error = key.unwrap(&wrapped, b"c").err().unwrap();
        assert_eq!(error.fault(), ExternalFault::Unavailable, "{error}");
        // Each recovery that fails makes the next wait longer.
        for _ in 0..6 {
            std::thread::sleep(Duration::from_millis(150));
            assert!(key.unwrap(&wrapped, b"c").is_err());
        }
        bench.shim.forget_trace().unwrap();
        let start = Instant::now();
        let error = key.unwrap(&wrapped, b"c").err().unwrap();
        assert_eq!(error.fault(), ExternalFault::Unavailable, "{error}");
        assert!(start.elapsed() < Duration::from_millis(150), "it fails at once between recoveries");
        assert_eq!(bench.calls("C_Initialize"), 0);
        bench.shim.clear().unwrap();
        let opened = (0..400).find_map(|_| {
            std::thread::sleep(Duration::from_millis(25));
            key.unwrap(&wrapped, b"c").ok()
        });
        assert!(opened.unwrap().ct_eq(&secret(b"key")), "{code}");
    }
}

#[test]
fn bad_ciphertext_is_rejected_and_no_outage() {
    let (bench, _turn) = bench();
    let key = bench.key("rejected");
    let mut wrapped = key.wrap(&secret(b"key"), b"c").unwrap();
    *wrapped.last_mut().unwrap() ^= 1;
    bench.shim.forget_trace().unwrap();
    // SoftHSM answers CKR_GENERAL_ERROR to a wrong tag.
    let error = key.unwrap(&wrapped, b"c").err().unwrap();
    assert_eq!(error.fault(), ExternalFault::Rejected, "{error}");
    assert_eq!(
        (bench.calls("C_Login"), bench.calls("C_Finalize")),
        (0, 0),
        "the login and the module were left alone"
    );
    bench.shim.plan("C_Decrypt * CKR_ENCRYPTED_DATA_INVALID").unwrap();
    let error = key.unwrap(&wrapped, b"c").err().unwrap();
    assert_eq!(error.fault(), ExternalFault::Rejected, "{error}");
}

#[test]
fn wrong_bytes_with_ok_are_never_given_out() {
    let (bench, _turn) = bench();
    for mechanism in [Mechanism::AesGcm, Mechanism::AesCbcHmac, Mechanism::RsaOaep] {
        let mut config = bench.config(&format!("wrong-{mechanism}"));
        config.mechanism = Some(mechanism);
        config.hmac_key_label = Some("wrong-hmac".into());
        config.rsa_oaep_hash = OaepHash::Sha1;
        let key = Token::open(config).unwrap().wrapping_key().unwrap();
        let good = key.wrap(&secret(&[7; 32]), b"c").unwrap();
        for function in ["C_Encrypt", "C_Decrypt"] {
            for answer in ["garbage", "short", "zero"] {
                bench.shim.plan(&format!("{function} * {answer}")).unwrap();
                let before = bench.shim.struck();
                let outcome = key.wrap(&secret(&[7; 32]), b"c");
                assert!(bench.shim.struck() > before, "{mechanism} {function} {answer}");
                bench.shim.clear().unwrap();
                assert!(outcome.is_err(), "{mechanism} {function} {answer}");
                // After an outage that was planned, the token is given its time.
                recover(&key, &good);
            }
        }
    }
}

#[test]
fn wrong_hmac_never_leads_to_decrypting() {
    let (bench, _turn) = bench();
    let mut config = bench.config("mac-first");
    config.mechanism = Some(Mechanism::AesCbcHmac);
    config.hmac_key_label = Some("mac-first-hmac".into());
    let key = Token::open(config).unwrap().wrapping_key().unwrap();
    let mut wrapped = key.wrap(&secret(b"key"), b"c").unwrap();
    bench.shim.forget_trace().unwrap();
    key.unwrap(&wrapped, b"c").unwrap();
    assert_eq!(bench.calls("C_Decrypt"), 1, "control");
    *wrapped.last_mut().unwrap() ^= 1;
    bench.shim.forget_trace().unwrap();
    assert_eq!(key.unwrap(&wrapped, b"c").err().unwrap().fault(), ExternalFault::Rejected);
    assert_eq!(bench.calls("C_DecryptInit"), 0);
}

#[test]
fn wrong_signature_with_ok_is_never_given_out() {
    let (bench, _turn) = bench();
    let token = Token::open(bench.config("unused")).unwrap();
    token.generate(&KeySpec::new(KeyKind::EcP256, "wrong-signature")).unwrap();
    let signer = token.signer(&KeySelector::label("wrong-signature")).unwrap();
    for answer in ["garbage", "short", "zero"] {
        bench.shim.plan(&format!("C_Sign * {answer}")).unwrap();
        let error = signer.sign(b"message").err().unwrap();
        assert_eq!(error.fault(), ExternalFault::Misbehaved, "{error}");
    }
    bench.shim.clear().unwrap();
    assert!(signer.sign(b"message").is_ok(), "control");
}

#[test]
fn constant_or_missing_random_bytes_are_an_error() {
    let (bench, _turn) = bench();
    let random = Token::open(bench.config("unused")).unwrap().random();
    let mut buffer = [7; 32];
    bench.shim.plan("C_GenerateRandom * zero").unwrap();
    assert_eq!(random.fill(&mut buffer).err().unwrap().fault(), ExternalFault::Misbehaved);
    assert_eq!(buffer, [0; 32]);
    bench.shim.plan("C_GenerateRandom * CKR_RANDOM_NO_RNG").unwrap();
    assert_eq!(random.fill(&mut buffer).err().unwrap().fault(), ExternalFault::Refused);
    bench.shim.clear().unwrap();
    random.fill(&mut buffer).unwrap();
    assert_ne!(buffer, [0; 32], "control");
}

#[test]
fn hung_call_is_given_up_and_the_others_go_on() {
    let (bench, _turn) = bench();
    let mut config = bench.config("hung");
    config.timeout = Duration::from_millis(300);
    config.max_parallel = 1;
    let key = Token::open(config).unwrap().wrapping_key().unwrap();
    let wrapped = key.wrap(&secret(b"key"), b"c").unwrap();
    bench.shim.plan("C_Decrypt 1 hang:1500").unwrap();
    let start = Instant::now();
    let error = pollster::block_on(key.unwrap_elsewhere(wrapped.clone(), b"c".to_vec())).err().unwrap();
    assert!(matches!(error.failure(), Failure::TimedOut { .. }), "{error}");
    assert!(start.elapsed() < Duration::from_millis(1200), "{:?}", start.elapsed());
    let opened = pollster::block_on(key.unwrap_elsewhere(wrapped.clone(), b"c".to_vec())).unwrap();
    assert!(opened.ct_eq(&secret(b"key")), "another thread and session took its place");
    assert!(start.elapsed() < Duration::from_millis(1400), "the first call still hangs");
    std::thread::sleep(Duration::from_millis(1700));
    assert!(key.unwrap(&wrapped, b"c").is_ok());
}

#[test]
fn caller_on_its_own_thread_waits_no_longer_for_a_session_than_configured() {
    let (bench, _turn) = bench();
    let mut config = bench.config("busy");
    config.timeout = Duration::from_millis(200);
    config.max_parallel = 1;
    let key = Token::open(config).unwrap().wrapping_key().unwrap();
    let wrapped = key.wrap(&secret(b"key"), b"c").unwrap();
    bench.shim.plan("C_Decrypt 1 hang:800").unwrap();
    std::thread::scope(|scope| {
        let hung = scope.spawn(|| key.unwrap_key(&wrapped, b"c").is_ok());
        std::thread::sleep(Duration::from_millis(100));
        let error = key.unwrap_key(&wrapped, b"c").err().unwrap();
        assert!(matches!(error.failure(), Failure::Busy { .. }), "{error}");
        assert!(hung.join().unwrap(), "the slow call was answered");
    });
}

#[test]
fn refused_pin_is_asked_once_by_whoever_asks() {
    let (bench, _turn) = bench();
    // Nobody may be logged in, since the token looks at no PIN then.
    let wrong = |pin: &str| {
        let mut config = bench.config("pin");
        config.pin = Some(PinSource::Given(secret(pin.as_bytes())));
        Token::open(config)
    };
    for (code, pin) in
        [("CKR_PIN_INCORRECT", "11111111"), ("CKR_PIN_LOCKED", "22222222"), ("CKR_PIN_EXPIRED", "33333333")]
    {
        bench.shim.plan(&format!("C_Login * {code}")).unwrap();
        bench.shim.forget_trace().unwrap();
        let error = wrong(pin).err().unwrap();
        assert!(matches!(error.failure(), Failure::Pin { remembered: false, .. }), "{error}");
        assert!(error.to_string().contains(code) && !error.to_string().contains(pin), "{error}");
        assert_eq!(bench.calls("C_Login"), 1);
        bench.shim.clear().unwrap();
        for _ in 0..3 {
            let error = wrong(pin).err().unwrap();
            assert!(matches!(error.failure(), Failure::Pin { remembered: true, .. }), "{error}");
        }
        assert_eq!(bench.calls("C_Login"), 1, "the token was not asked again");
    }
    assert!(Token::open(bench.config("pin")).is_ok(), "control: another PIN is tried");
}

#[test]
fn pin_refused_in_a_recovery_is_final() {
    let (bench, _turn) = bench();
    let mut config = bench.config("pin-later");
    // The token takes any PIN that it does not look at: this one is unlike those of the other tests.
    config.pin = Some(PinSource::Given(secret(b"44444444")));
    bench.shim.plan("C_Login * CKR_USER_ALREADY_LOGGED_IN").unwrap();
    let unlocked = Token::open(bench.config("unlocked")).unwrap();
    bench.shim.clear().unwrap();
    drop(unlocked);
    let holder = Token::open(bench.config("holder")).unwrap();
    let token = Token::open(config).unwrap();
    let random = token.random();
    drop(holder);
    bench.shim.plan("C_GenerateRandom 1 CKR_USER_NOT_LOGGED_IN\nC_Login * CKR_PIN_INCORRECT").unwrap();
    bench.shim.forget_trace().unwrap();
    let error = random.fill(&mut [0; 32]).err().unwrap();
    assert_eq!(error.fault(), ExternalFault::Refused, "{error}");
    let asked = bench.calls("C_Login");
    assert_eq!(asked, 1);
    for _ in 0..5 {
        assert!(random.fill(&mut [0; 32]).is_err());
    }
    assert_eq!(bench.calls("C_Login"), asked);
}

#[test]
fn one_thread_recovers_for_all() {
    let (bench, _turn) = bench();
    let key = bench.key("single-flight");
    let wrapped = key.wrap(&secret(b"key"), b"c").unwrap();
    bench.shim.forget_trace().unwrap();
    bench.shim.plan("C_DecryptInit 1 CKR_CRYPTOKI_NOT_INITIALIZED\nC_DecryptInit 2 CKR_CRYPTOKI_NOT_INITIALIZED\nC_DecryptInit 3 CKR_CRYPTOKI_NOT_INITIALIZED").unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..20 {
                    // A thread that was told twice is told a third time what it is; the others never notice.
                    if let Err(error) = key.unwrap(&wrapped, b"c") {
                        assert_eq!(error.fault(), ExternalFault::Unavailable, "{error}");
                    }
                }
            });
        }
    });
    assert!(bench.calls("C_Initialize") <= 3, "{}", bench.calls("C_Initialize"));
    assert!(key.unwrap(&wrapped, b"c").is_ok());
}

fn recover(key: &TokenKey, wrapped: &[u8]) {
    let opened = (0..100).find_map(|_| {
        let opened = key.unwrap(wrapped, b"c").ok();
        if opened.is_none() {
            std::thread::sleep(Duration::from_millis(20));
        }
        opened
    });
    assert!(opened.is_some(), "it recovers by itself");
}
