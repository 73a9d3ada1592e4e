//! XAES-256-GCM: the vectors of the specification (<https://c2sp.org/XAES-256-GCM>, "Test vectors").
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

use data_encoding::HEXLOWER;
use shake::Shake128;
use shake::digest::{ExtendableOutput as _, Update as _, XofReader as _};
use strongroom_transit::algorithm::{AeadKey, KeyType};

#[test]
fn single_vectors() {
    let nonce = b"ABCDEFGHIJKLMNOPQRSTUVWX";
    let plaintext = b"XAES-256-GCM";
    // The two keys' CMAC subkeys differ in whether the doubling is reduced, so both branches are seen.
    for (byte, aad, expected) in [
        (1, &b""[..], "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271"),
        (3, b"c2sp.org/XAES-256-GCM", "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d"),
    ] {
        let key = AeadKey::new(KeyType::Xaes256Gcm, &[byte; 32]).unwrap();
        let sealed = key.seal(nonce, aad, plaintext).unwrap();
        assert_eq!(sealed.strip_prefix(nonce).map(|rest| HEXLOWER.encode(rest)).as_deref(), Some(expected));
        assert_eq!(key.open(aad, &sealed).unwrap().as_slice(), plaintext);
    }
}

#[test]
fn ten_thousand_accumulated_vectors() {
    let mut source = Shake128::default().finalize_xof();
    let mut all = Shake128::default();
    for _ in 0..ITERATIONS {
        let mut draw = |len: usize| {
            let mut bytes = vec![0; len];
            source.read(&mut bytes);
            bytes
        };
        let key = draw(32);
        let nonce = draw(24);
        let len = draw(1).first().copied().map(usize::from).unwrap();
        let plaintext = draw(len);
        let len = draw(1).first().copied().map(usize::from).unwrap();
        let aad = draw(len);
        let key = AeadKey::new(KeyType::Xaes256Gcm, &key).unwrap();
        let sealed = key.seal(&nonce, &aad, &plaintext).unwrap();
        assert_eq!(key.open(&aad, &sealed).unwrap().as_slice(), plaintext);
        all.update(sealed.strip_prefix(&nonce[..]).unwrap());
    }
    let mut digest = [0; 32];
    all.finalize_xof().read(&mut digest);
    assert_eq!(HEXLOWER.encode(&digest), "e6b9edf2df6cec60c8cbd864e2211b597fb69a529160cd040d56c0c210081939");
    println!(
        "evidence: id=transit/xaes-256-gcm figure={} vectors of the specification verdict=pass",
        ITERATIONS + 2
    );
}

const ITERATIONS: usize = 10_000;
