//! NIST's published vectors (CAVP; known answers of FIPS 203 and 204) and those of RFC 4231 and RFC 8032, selected by `cavp.py`
//! into `cavp.txt`. All cases are run or counted, by name, as not applicable; the totals are asserted.
//!
//! There are none for the `ChaCha20` family and XAES: Wycheproof and the specifications' own vectors stand for those.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    missing_docs
)]

use data_encoding::HEXLOWER;
use strongroom_crypto::hash::sha256;
use strongroom_crypto::secret::{Plaintext, SecretBytes};
use strongroom_transit::algorithm::{
    AeadKey, HashAlgorithm, KeyType, Marshaling, Material, OaepHash, PublicKey, RsaPadding, SaltLength,
    SignOptions, VerifyError,
};
use strongroom_transit::import::WrappingKey;

/// The parts of one case.
struct Case(Vec<&'static str>);

impl Case {
    fn all(kind: &str) -> Vec<Self> {
        let lines = include_str!("cavp.txt").lines().map(|line| Self(line.split(' ').collect()));
        lines.filter(|case| case.0[0] == kind).collect()
    }

    fn word(&self, at: usize) -> &'static str {
        self.0[at]
    }

    fn bytes(&self, at: usize) -> Vec<u8> {
        if self.0[at] == "-" { Vec::new() } else { HEXLOWER.decode(self.0[at].as_bytes()).unwrap() }
    }

    /// `None` where the case is to be refused.
    fn outcome(&self, at: usize) -> Option<Vec<u8>> {
        (self.0[at] != "FAIL").then(|| self.bytes(at))
    }
}

fn report(name: &str, run: usize, left_out: &str) {
    println!("evidence: id=transit/cavp-{name} figure={run} vectors run and passed; {left_out} verdict=pass");
}

fn hash(name: &str) -> HashAlgorithm {
    HashAlgorithm::ALL.into_iter().find(|hash| hash.name() == name).unwrap()
}

#[test]
fn aes_gcm() {
    let (mut opened, mut refused) = (0, 0);
    for case in Case::all("aes-gcm") {
        let (key, nonce, aad) = (case.bytes(1), case.bytes(2), case.bytes(3));
        let kind = if key.len() == 16 { KeyType::Aes128Gcm96 } else { KeyType::Aes256Gcm96 };
        let key = AeadKey::new(kind, &key).unwrap();
        let sealed = [nonce.as_slice(), &case.bytes(5), &case.bytes(6)].concat();
        let found = key.open(&aad, &sealed).ok();
        let expected = case.outcome(4);
        assert_eq!(found.as_ref().map(Plaintext::as_slice), expected.as_deref());
        match expected {
            Some(plaintext) => {
                assert_eq!(key.seal(&nonce, &aad, &plaintext).unwrap(), sealed);
                opened += 1;
            }
            None => refused += 1,
        }
    }
    assert_eq!((opened, refused), (309, 91));
    report("aes-gcm", opened + refused, "none left out");
}

#[test]
fn ecdsa() {
    let (mut right, mut wrong) = (0, 0);
    for case in Case::all("ecdsa") {
        let kind: KeyType = case.word(1).parse().unwrap();
        let len = match kind {
            KeyType::EcdsaP256 => 32,
            KeyType::EcdsaP384 => 48,
            _ => 66,
        };
        let number = |at: usize| {
            let text = format!("{:0>width$}", case.word(at), width = 2 * len);
            HEXLOWER.decode(text.as_bytes()).unwrap()
        };
        let point = [&[4], number(4).as_slice(), &number(5)].concat();
        let hash = Some(hash(case.word(2)));
        let options = SignOptions { hash, marshaling: Marshaling::Jws, ..SignOptions::default() };
        let signature = [number(6), number(7)].concat();
        // A changed public key may not be a point at all.
        let verified = PublicKey::from_raw(kind, &point)
            .is_ok_and(|key| key.verify(&case.bytes(3), &signature, &options).is_ok());
        assert_eq!(verified, case.word(8) == "p");
        if verified { right += 1 } else { wrong += 1 }
    }
    assert_eq!((right, wrong), (36, 144));
    report("ecdsa", right + wrong, "none left out");
}

#[test]
fn rsa() {
    let (mut right, mut wrong) = (0, 0);
    for case in Case::all("rsa") {
        let modulus = case.bytes(3);
        let kind = match modulus.len() {
            256 => KeyType::Rsa2048,
            384 => KeyType::Rsa3072,
            _ => KeyType::Rsa4096,
        };
        let salt = u16::try_from(case.bytes(7).len()).unwrap();
        let paddings = match case.word(1) {
            // With the length told, and with it to be found.
            "pss" => vec![RsaPadding::Pss(SaltLength::Bytes(salt)), RsaPadding::Pss(SaltLength::Auto)],
            _ => vec![RsaPadding::Pkcs1v15],
        };
        for rsa_padding in paddings {
            let options =
                SignOptions { hash: Some(hash(case.word(2))), rsa_padding, ..SignOptions::default() };
            let key = PublicKey::from_raw(kind, &public_key(&modulus, &case.bytes(4))).unwrap();
            let verified = key.verify(&case.bytes(5), &case.bytes(6), &options);
            let expected = if case.word(8) == "p" { Ok(()) } else { Err(VerifyError::Wrong) };
            assert_eq!(verified, expected, "{rsa_padding:?}");
        }
        if case.word(8) == "p" { right += 1 } else { wrong += 1 }
    }
    assert_eq!((right, wrong), (54, 54));
    report("rsa", right + wrong, "none left out");
}

/// `RSAPublicKey` (RFC 8017, appendix A.1.1).
fn public_key(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
    let element = |tag: u8, content: &[u8]| {
        let len = content.len();
        let mut out = vec![tag];
        match len {
            0..0x80 => out.push(u8::try_from(len).unwrap()),
            0x80..0x100 => out.extend([0x81, u8::try_from(len).unwrap()]),
            _ => {
                out.push(0x82);
                out.extend(u16::try_from(len).unwrap().to_be_bytes());
            }
        }
        out.extend_from_slice(content);
        out
    };
    let integer = |number: &[u8]| {
        let sign = vec![0; usize::from(number[0] >= 0x80)];
        element(2, &[sign.as_slice(), number].concat())
    };
    element(0x30, &[integer(modulus), integer(exponent)].concat())
}

#[test]
fn hashes() {
    let cases = Case::all("hash");
    for case in &cases {
        assert_eq!(hash(case.word(1)).digest(&case.bytes(2)), case.bytes(3));
    }
    assert_eq!(cases.len(), 171);
    report("hash", cases.len(), "none left out");
}

#[test]
fn hmac() {
    let (mut run, mut short) = (0, 0);
    for case in Case::all("hmac") {
        // Vault's keys have at least 32 bytes.
        if case.bytes(2).len() < 32 {
            short += 1;
            continue;
        }
        let key = Material::import(KeyType::Hmac, &case.bytes(2)).unwrap();
        let (hash, tag) = (hash(case.word(1)), case.bytes(4));
        assert_eq!(key.hmac(hash, &case.bytes(3)), tag);
        assert!(key.verify_hmac(hash, &case.bytes(3), &tag));
        run += 1;
    }
    assert_eq!((run, short), (8, 16));
    report("hmac", run, "16 not applicable (key shorter than 32 bytes)");
}

#[test]
fn key_wrap_with_padding() {
    let recipient = WrappingKey::generate().unwrap();
    let public = PublicKey::from_pem(KeyType::Rsa4096, &recipient.public_pem()).unwrap();
    let (mut opened, mut refused) = (0, 0);
    for case in Case::all("kwp") {
        // The case's key takes the place of the ephemeral one.
        let encrypted = public.encrypt(OaepHash::Sha256, &case.bytes(1)).unwrap();
        let found = recipient.unwrap(OaepHash::Sha256, &[encrypted, case.bytes(2)].concat()).ok();
        let expected = case.outcome(3);
        assert_eq!(found.as_ref().map(SecretBytes::expose), expected.as_deref());
        if expected.is_some() { opened += 1 } else { refused += 1 }
    }
    assert_eq!((opened, refused), (78, 18));
    report("kwp", opened + refused, "none left out");
}

#[test]
fn ed25519() {
    let cases = Case::all("ed25519");
    for case in &cases {
        let key = Material::import(KeyType::Ed25519, &ed25519_document(&case.bytes(1))).unwrap();
        assert_eq!(key.public_key().unwrap().raw(), case.bytes(2));
        let options = SignOptions::default();
        assert_eq!(key.sign(&case.bytes(3), &options).unwrap(), case.bytes(4));
        assert!(key.verify(&case.bytes(3), &case.bytes(4), &options).is_ok());
        assert!(key.verify(b"another message", &case.bytes(4), &options).is_err());
    }
    assert_eq!(cases.len(), 64);
    report("ed25519", cases.len(), "none left out");
}

/// PKCS #8 of a seed (RFC 8410, section 7).
fn ed25519_document(seed: &[u8]) -> Vec<u8> {
    [&HEXLOWER.decode(b"302e020100300506032b657004220420").unwrap(), seed].concat()
}

#[test]
fn ml_kem() {
    let cases = Case::all("ml-kem");
    for case in &cases {
        let key = stored(case.word(1), &case.bytes(2));
        assert_eq!(sha256(&[key.public_key().unwrap().raw()]).as_slice(), case.bytes(3));
        // Half of the ciphertexts are rejected, each with the one secret that FIPS 203 says.
        assert_eq!(key.decapsulate(&case.bytes(4)).unwrap().expose().as_slice(), case.bytes(5));
    }
    assert_eq!(cases.len(), 24);
    report("ml-kem", cases.len(), "none left out");
}

#[test]
fn ml_dsa_keys_from_seeds() {
    let cases = Case::all("ml-dsa");
    for case in &cases {
        let key = stored(case.word(1), &case.bytes(2));
        assert_eq!(sha256(&[key.public_key().unwrap().raw()]).as_slice(), case.bytes(3));
    }
    assert_eq!(cases.len(), 300);
    report("ml-dsa", cases.len(), "their signatures have context strings, which Vault's keys do not");
}

/// A key whose body is this seed, by way of its stored form.
fn stored(kind: &str, seed: &[u8]) -> Material {
    let kind: KeyType = kind.parse().unwrap();
    let len = u16::try_from(seed.len()).unwrap().to_be_bytes();
    let bytes = [&[1, kind.code()], [7; 32].as_slice(), &len, seed].concat();
    Material::decode(&bytes).unwrap()
}
