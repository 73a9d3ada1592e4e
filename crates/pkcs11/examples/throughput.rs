//! Unwrapping and signing through the pool, on the callers' threads, against the bare token: the same PKCS #11 calls with a
//! session of its own for each thread, and nothing around them.
//!
//! `cargo run --release -p strongroom-pkcs11 --example throughput [-- --smoke]` makes a token of SoftHSM for it, and prints
//! lines for `cargo xtask bench`.
#![allow(unsafe_code, clippy::print_stdout, clippy::cast_precision_loss)]

use std::error::Error;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::object::{Attribute, ObjectClass};
use cryptoki::session::Session;
use cryptoki_sys::{
    CK_FUNCTION_LIST, CK_GCM_PARAMS, CK_MECHANISM, CK_OBJECT_HANDLE, CK_SESSION_HANDLE, CKM_AES_GCM,
    CKM_ECDSA, CKR_OK,
};
use strongroom_crypto::hash;
use strongroom_crypto::secret::SecretBytes;
use strongroom_pkcs11::blob::Blob;
use strongroom_pkcs11::{
    KeyKind, KeySelector, KeySpec, Mechanism, PinSource, Token, TokenConfig, TokenKey, TokenSigner,
};
use strongroom_test_tokens::TestToken;

type Failure = Box<dyn Error>;
type Operation<'a> = Box<dyn FnMut() -> bool + Send + 'a>;

fn main() -> Result<(), Failure> {
    let smoke = std::env::args().any(|argument| argument == "--smoke");
    let (rounds, round) = if smoke { (1, 20) } else { (7, 500) };
    let test_token = TestToken::softhsm("throughput")?;
    let mut config = TokenConfig::new(test_token.lib());
    config.token_label = Some(test_token.label().into());
    config.pin = Some(PinSource::File(test_token.pin_file()));
    config.key_label = Some("wraps".into());
    config.mechanism = Some(Mechanism::AesGcm);
    config.generate_key = true;
    let token = Token::open(config)?;
    let key = token.wrapping_key()?;
    let spec = KeySpec::new(KeyKind::EcP256, "signs");
    let signer = token.signer(&KeySelector::id(token.generate(&spec)?.id))?;
    let bare = Bare::new(&test_token, &token)?;
    let wrapped = key.wrap_key(&SecretBytes::copy_from_slice(&[7; 32])?, CONTEXT)?;

    for threads in [1, 2, 8] {
        let limit = || rate(threads, round, || bare.unwrapping(&key, &wrapped));
        let ours = || rate(threads, round, || Ok(Box::new(|| key.unwrap_key(&wrapped, CONTEXT).is_ok())));
        print(
            "unwrap",
            threads,
            "C_DecryptInit and C_Decrypt on a session for each thread",
            rounds,
            ours,
            limit,
        )?;

        let limit = || rate(threads, round, || bare.signing(&signer));
        let ours = || rate(threads, round, || Ok(Box::new(|| signer.sign_unverified(MESSAGE).is_ok())));
        let against = "SHA-256, C_SignInit and C_Sign on a session for each thread";
        print("sign-unverified", threads, against, rounds, ours, limit)?;
        let ours = || rate(threads, round, || Ok(Box::new(|| signer.sign_message(MESSAGE).is_ok())));
        print("sign", threads, "the same, which does not verify", rounds, ours, limit)?;
    }
    Ok(())
}

/// Turn by turn, so that both meet the same machine.
fn print(
    what: &str,
    threads: usize,
    against: &str,
    rounds: usize,
    ours: impl Fn() -> Result<f64, Failure>,
    limit: impl Fn() -> Result<f64, Failure>,
) -> Result<(), Failure> {
    let (mut rates, mut ratios) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let (ours, limit) = (ours()?, limit()?);
        rates.push(ours);
        ratios.push(ours / limit);
    }
    let (rate, ratio) = (median(&mut rates), median(&mut ratios));
    println!(
        "bench: id=hsm/{what}/{threads}-threads value={rate:.1} unit=ops/s ratio={ratio:.3} against={against}"
    );
    Ok(())
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// The token without us: the functions that its module gives out.
struct Bare {
    binding: Pkcs11,
    list: CK_FUNCTION_LIST,
    slot: cryptoki::slot::Slot,
    /// It keeps the list's code loaded.
    _library: cryptoki_sys::Pkcs11,
}

impl Bare {
    /// The process is logged in already.
    fn new(test_token: &TestToken, token: &Token) -> Result<Self, Failure> {
        let binding = Pkcs11::new(test_token.lib())?;
        // The answer is that it is initialised.
        let _ = binding.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK));
        // SAFETY: the module is loaded already, by the binding.
        let library = unsafe { cryptoki_sys::Pkcs11::new(test_token.lib()) }?;
        let mut list = std::ptr::null_mut();
        // SAFETY: there is a place for the list.
        let answer = unsafe { library.C_GetFunctionList(&raw mut list) };
        if answer != CKR_OK || list.is_null() {
            return Err("no list of functions".into());
        }
        // SAFETY: the module answered that it is a list, and it lives as long as the library.
        let list = unsafe { list.read() };
        Ok(Self { binding, list, slot: token.summary().slot.try_into()?, _library: library })
    }

    fn open(&self, class: ObjectClass, id: &[u8]) -> Result<(Session, CK_OBJECT_HANDLE), Failure> {
        let session = self.binding.open_ro_session(self.slot)?;
        let found = session.find_objects(&[Attribute::Class(class), Attribute::Id(id.into())])?;
        let handle = found.first().ok_or("no key")?.handle();
        Ok((session, handle))
    }

    fn unwrapping(&self, key: &TokenKey, wrapped: &[u8]) -> Result<Operation<'_>, Failure> {
        let blob = Blob::decode(wrapped).map_err(|_| "no wrapped key")?;
        let (mut iv, mut sealed) = (blob.iv().to_vec(), blob.ciphertext().to_vec());
        let mut aad = blob.header().binding(CONTEXT);
        let (session, handle) = self.open(ObjectClass::SECRET_KEY, key.header().key_id())?;
        let (init, decrypt) =
            (self.list.C_DecryptInit.ok_or("no C_DecryptInit")?, self.list.C_Decrypt.ok_or("no C_Decrypt")?);
        Ok(Box::new(move || {
            let mut parameters = CK_GCM_PARAMS {
                pIv: iv.as_mut_ptr(),
                ulIvLen: iv.len() as u64,
                ulIvBits: iv.len() as u64 * 8,
                pAAD: aad.as_mut_ptr(),
                ulAADLen: aad.len() as u64,
                ulTagBits: 128,
            };
            let mut mechanism = CK_MECHANISM {
                mechanism: CKM_AES_GCM,
                pParameter: (&raw mut parameters).cast(),
                ulParameterLen: size_of::<CK_GCM_PARAMS>() as u64,
            };
            let (mut output, mut len) = ([0_u8; 64], 64);
            let session: CK_SESSION_HANDLE = session.handle();
            // SAFETY: the mechanism and what it points to outlive the call.
            let begun = unsafe { init(session, &raw mut mechanism, handle) };
            let input = sealed.as_mut_ptr();
            // SAFETY: input and output are as long as is said.
            let done =
                unsafe { decrypt(session, input, sealed.len() as u64, output.as_mut_ptr(), &raw mut len) };
            begun == CKR_OK && done == CKR_OK && len == 32
        }))
    }

    fn signing(&self, signer: &TokenSigner) -> Result<Operation<'_>, Failure> {
        let (session, handle) = self.open(ObjectClass::PRIVATE_KEY, signer.id())?;
        let (init, sign) =
            (self.list.C_SignInit.ok_or("no C_SignInit")?, self.list.C_Sign.ok_or("no C_Sign")?);
        Ok(Box::new(move || {
            let mut mechanism =
                CK_MECHANISM { mechanism: CKM_ECDSA, pParameter: std::ptr::null_mut(), ulParameterLen: 0 };
            let mut digest = hash::sha256(&[MESSAGE]);
            let (mut output, mut len) = ([0_u8; 64], 64);
            let session: CK_SESSION_HANDLE = session.handle();
            // SAFETY: the mechanism has no parameter and outlives the call.
            let begun = unsafe { init(session, &raw mut mechanism, handle) };
            let input = digest.as_mut_ptr();
            // SAFETY: input and output are as long as is said.
            let done = unsafe { sign(session, input, 32, output.as_mut_ptr(), &raw mut len) };
            begun == CKR_OK && done == CKR_OK && len == 64
        }))
    }
}

/// Operations each second, over all threads.
fn rate<'a>(
    threads: usize,
    round: u64,
    mut make: impl FnMut() -> Result<Operation<'a>, Failure>,
) -> Result<f64, Failure> {
    let operations = (0..threads).map(|_| make()).collect::<Result<Vec<_>, _>>()?;
    let (stop, good, bad) = (AtomicBool::new(false), AtomicU64::new(0), AtomicU64::new(0));
    let barrier = Barrier::new(threads + 1);
    let start = std::thread::scope(|scope| {
        for mut operation in operations {
            let (stop, good, bad, barrier) = (&stop, &good, &bad, &barrier);
            scope.spawn(move || {
                barrier.wait();
                let (mut done, mut failed) = (0, 0);
                while !stop.load(Ordering::Relaxed) {
                    if operation() { done += 1 } else { failed += 1 }
                }
                good.fetch_add(done, Ordering::Relaxed);
                bad.fetch_add(failed, Ordering::Relaxed);
            });
        }
        barrier.wait();
        let start = Instant::now();
        std::thread::sleep(Duration::from_millis(round));
        stop.store(true, Ordering::Relaxed);
        start
    });
    let elapsed = start.elapsed();
    if bad.load(Ordering::Relaxed) > 0 {
        return Err("an operation failed".into());
    }
    Ok(good.load(Ordering::Relaxed) as f64 / elapsed.as_secs_f64())
}

const CONTEXT: &[u8] = b"context";
const MESSAGE: &[u8] = &[9; 64];
