//! Signatures and encapsulations between this crate and a second implementation of each algorithm, both ways.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    missing_docs
)]

use crypto_bigint::modular::{BoxedMontyForm, BoxedMontyParams};
use crypto_bigint::{BoxedUint, Odd};
use ml_kem::kem::Decapsulate as _;
use p256::ecdsa::signature::hazmat::{PrehashSigner, PrehashVerifier};
use sha2::Digest as _;
use strongroom_transit::algorithm::{
    GenerateOptions, HashAlgorithm, KeyType, Marshaling, Material, PublicKey, RsaPadding, SaltLength,
    SignOptions, VerifyError,
};
use strongroom_transit::import::ImportError;

#[test]
fn ed25519_and_dalek_verify_each_other() {
    use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
    for round in 0..ROUNDS {
        let message = message(round);
        let ours = generate(KeyType::Ed25519);
        let signature = ours.sign(&message, &SignOptions::default()).unwrap();
        let theirs = VerifyingKey::from_bytes(public(&ours).raw().try_into().unwrap()).unwrap();
        theirs.verify_strict(&message, &Signature::from_slice(&signature).unwrap()).unwrap();

        let theirs = SigningKey::from_bytes(&[u8::try_from(round).unwrap(); 32]);
        let ours = PublicKey::from_raw(KeyType::Ed25519, theirs.verifying_key().as_bytes()).unwrap();
        verifies(&ours, &message, &theirs.sign(&message).to_bytes(), SignOptions::default());
    }
    println!(
        "evidence: id=transit/interop-ed25519 figure={ROUNDS} signatures each way, ed25519-dalek verdict=pass"
    );
}

/// Every hash on every curve, in both forms.
macro_rules! ecdsa {
    ($name:ident, $curve:ident, $kind:expr, $shortest:expr, $expected:expr) => {
        #[test]
        fn $name() {
            use $curve::ecdsa::{Signature, SigningKey, VerifyingKey};
            let mut run = 0;
            for hash in HashAlgorithm::ALL {
                if hash.output_len() < $shortest {
                    // The other implementation refuses digests under half the order's length.
                    continue;
                }
                for round in 0..ROUNDS {
                    let message = message(round);
                    let digest = hash.digest(&message);
                    let ours = generate($kind);
                    let asn1 = SignOptions { hash: Some(hash), ..SignOptions::default() };
                    let jws = SignOptions { marshaling: Marshaling::Jws, ..asn1 };
                    let theirs = VerifyingKey::from_sec1_bytes(public(&ours).raw()).unwrap();
                    let signature = ours.sign(&message, &asn1).unwrap();
                    theirs.verify_prehash(&digest, &Signature::from_der(&signature).unwrap()).unwrap();
                    let signature = ours.sign(&message, &jws).unwrap();
                    theirs.verify_prehash(&digest, &Signature::from_slice(&signature).unwrap()).unwrap();
                    let prehashed = SignOptions { prehashed: true, ..jws };
                    let signature = ours.sign(&digest, &prehashed).unwrap();
                    theirs.verify_prehash(&digest, &Signature::from_slice(&signature).unwrap()).unwrap();

                    let mut scalar = $curve::FieldBytes::default();
                    scalar.iter_mut().skip(2).for_each(|byte| *byte = 0xA0 + u8::try_from(round).unwrap());
                    let theirs = SigningKey::from_bytes(&scalar).unwrap();
                    let point = theirs.verifying_key().to_sec1_point(false);
                    let ours = PublicKey::from_raw($kind, point.as_bytes()).unwrap();
                    let signature: Signature = theirs.sign_prehash(&digest).unwrap();
                    verifies(&ours, &message, signature.to_der().as_bytes(), asn1);
                    verifies(&ours, &message, &signature.to_bytes(), jws);
                    ours.verify(&digest, &signature.to_bytes(), &prehashed).unwrap();
                    run += 1;
                }
            }
            println!(
                "evidence: id=transit/interop-{} figure={} signatures made here, {} made there, RustCrypto verdict=pass",
                $kind,
                3 * run,
                run
            );
            assert_eq!(run, $expected);
        }
    };
}

ecdsa!(ecdsa_p256_and_rustcrypto_verify_each_other, p256, KeyType::EcdsaP256, 16, 8 * ROUNDS);
ecdsa!(ecdsa_p384_and_rustcrypto_verify_each_other, p384, KeyType::EcdsaP384, 24, 8 * ROUNDS);
ecdsa!(ecdsa_p521_and_rustcrypto_verify_each_other, p521, KeyType::EcdsaP521, 33, 4 * ROUNDS);

macro_rules! ml_dsa {
    ($name:ident, $set:ident, $kind:expr) => {
        #[test]
        fn $name() {
            use ml_dsa::{ExpandedSigningKey, Signature, VerifyingKey};
            for round in 0..ROUNDS {
                let message = message(round);
                let ours = generate($kind);
                let document = ours.to_import_form().unwrap();
                let seed = ml_dsa::Seed::try_from(document.last_chunk::<32>().unwrap().as_slice()).unwrap();
                let theirs = ExpandedSigningKey::<ml_dsa::$set>::from_seed(&seed);
                let verifying: VerifyingKey<ml_dsa::$set> = theirs.verifying_key();
                assert_eq!(verifying.encode().as_slice(), public(&ours).raw());

                let signature = ours.sign(&message, &SignOptions::default()).unwrap();
                let parsed = Signature::<ml_dsa::$set>::try_from(signature.as_slice()).unwrap();
                assert!(verifying.verify_with_context(&message, b"", &parsed));
                assert!(!verifying.verify_with_context(b"other", b"", &parsed));

                let signature = theirs.sign_deterministic(&message, b"").unwrap().encode();
                verifies(public(&ours), &message, &signature, SignOptions::default());
                let of_a_context = theirs.sign_deterministic(&message, b"context").unwrap().encode();
                assert_eq!(
                    ours.verify(&message, &of_a_context, &SignOptions::default()),
                    Err(VerifyError::Wrong)
                );
            }
            println!(
                "evidence: id=transit/interop-{} figure={ROUNDS} keys and signatures each way, RustCrypto verdict=pass",
                $kind
            );
        }
    };
}

ml_dsa!(ml_dsa_44_and_rustcrypto_verify_each_other, MlDsa44, KeyType::MlDsa44);
ml_dsa!(ml_dsa_65_and_rustcrypto_verify_each_other, MlDsa65, KeyType::MlDsa65);
ml_dsa!(ml_dsa_87_and_rustcrypto_verify_each_other, MlDsa87, KeyType::MlDsa87);

macro_rules! ml_kem {
    ($name:ident, $key:ident, $kind:expr) => {
        #[test]
        fn $name() {
            for round in 0..ROUNDS {
                let ours = generate($kind);
                let document = ours.to_import_form().unwrap();
                let seed = ml_kem::Seed::try_from(document.last_chunk::<64>().unwrap().as_slice()).unwrap();
                let theirs = ml_kem::$key::from_seed(seed);

                let (ciphertext, shared) = public(&ours).encapsulate().unwrap();
                let opened = theirs.decapsulate(&ciphertext.as_slice().try_into().unwrap());
                assert_eq!(opened.as_slice(), shared.expose());

                let drawn = ml_kem::B32::from([u8::try_from(round).unwrap(); 32]);
                let (ciphertext, shared) = theirs.encapsulation_key().encapsulate_deterministic(&drawn);
                assert_eq!(ours.decapsulate(&ciphertext).unwrap().expose(), shared.as_slice());

                // Implicit rejection gives the same secret on both sides too.
                let mut changed = ciphertext;
                changed[0] ^= 1;
                let rejected = ours.decapsulate(&changed).unwrap();
                assert_eq!(rejected.expose(), theirs.decapsulate(&changed).as_slice());
                assert_ne!(rejected.expose(), shared.as_slice());
            }
            println!(
                "evidence: id=transit/interop-{} figure={ROUNDS} encapsulations each way, RustCrypto verdict=pass",
                $kind
            );
        }
    };
}

ml_kem!(ml_kem_768_and_rustcrypto_open_each_other, DecapsulationKey768, KeyType::MlKem768);
ml_kem!(ml_kem_1024_and_rustcrypto_open_each_other, DecapsulationKey1024, KeyType::MlKem1024);

/// RFC 9935, section 6, and RFC 9881, section 6: the form with both, which OpenSSL writes unless it is told
/// otherwise.
#[test]
#[allow(deprecated, reason = "the expanded forms are what is tested")]
fn key_with_its_seed_and_its_expanded_form_comes_in_and_one_with_anothers_does_not() {
    use ml_kem::ExpandedKeyEncoding as _;
    let kem = |byte| ml_kem::DecapsulationKey768::from_seed([byte; 64].into()).to_expanded_bytes().to_vec();
    let dsa = |byte| {
        ml_dsa::ExpandedSigningKey::<ml_dsa::MlDsa44>::from_seed(&[byte; 32].into()).to_expanded().to_vec()
    };
    for (kind, oid, seed_len, own, others) in
        [(KeyType::MlKem768, [4, 2], 64, kem(1), kem(2)), (KeyType::MlDsa44, [3, 17], 32, dsa(1), dsa(2))]
    {
        let seed = tagged(4, &vec![1; seed_len]);
        let both = |expanded: &[u8]| tagged(0x30, &[&seed[..], &tagged(4, expanded)].concat());
        let import = |inner: &[u8]| {
            let oid = tagged(6, &[&[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04], &oid[..]].concat());
            let document = [tagged(2, &[0]), tagged(0x30, &oid), tagged(4, inner)].concat();
            Material::import(kind, &tagged(0x30, &document)).map(|key| key.to_import_form().unwrap().to_vec())
        };
        let alone = import(&tagged(0x80, &vec![1; seed_len])).unwrap();
        assert_eq!(import(&both(&own)), Ok(alone));
        assert!(import(&both(&others)).is_err(), "{kind}: another key's expanded form");
        assert!(import(&both(&own[1..])).is_err(), "{kind}: a byte short");
        assert_eq!(import(&tagged(4, &own)), Err(ImportError::NoSeed(kind)));
        assert!(import(&tagged(0x80, &vec![1; seed_len - 1])).is_err(), "{kind}: a short seed");
        assert!(import(&[&both(&own)[..], &[0]].concat()).is_err(), "{kind}: a byte too many");
    }
}

fn tagged(tag: u8, content: &[u8]) -> Vec<u8> {
    let len = u16::try_from(content.len()).unwrap().to_be_bytes();
    let header: &[u8] = match content.len() {
        0..128 => &[tag, len[1]],
        128..256 => &[tag, 0x81, len[1]],
        _ => &[tag, 0x82, len[0], len[1]],
    };
    [header, content].concat()
}

/// RFC 8410, section 7, and RFC 5958: version 2, with the public key.
#[test]
fn ed25519_comes_in_with_its_public_key_and_not_with_anothers() {
    let own = ed25519_dalek::SigningKey::from_bytes(&[1; 32]).verifying_key().to_bytes();
    let others = ed25519_dalek::SigningKey::from_bytes(&[2; 32]).verifying_key().to_bytes();
    let import = |public: &[u8]| {
        let oid = tagged(0x30, &tagged(6, &[0x2b, 0x65, 0x70]));
        let key = tagged(4, &tagged(4, &[1; 32]));
        let public = tagged(0x81, &[&[0], public].concat());
        Material::import(KeyType::Ed25519, &tagged(0x30, &[tagged(2, &[1]), oid, key, public].concat()))
    };
    assert_eq!(public(&import(&own).unwrap()).raw(), own);
    assert_eq!(import(&others).err(), Some(ImportError::Invalid(KeyType::Ed25519)));
}

#[test]
fn rsa_signatures_are_what_rfc_8017_says() {
    let mut run = 0;
    for (kind, len, rounds) in
        [(KeyType::Rsa2048, 256, ROUNDS), (KeyType::Rsa3072, 384, 2), (KeyType::Rsa4096, 512, 2)]
    {
        let key = generate(kind);
        for round in 0..rounds {
            run += rsa_signatures(&key, len, &message(round));
        }
    }
    println!(
        "evidence: id=transit/interop-rsa figure={run} signatures opened by RFC 8017, crypto-bigint verdict=pass"
    );
    assert_eq!(run, 5 * (ROUNDS + 2 + 2));
}

/// One signature of each form; says how many those are.
fn rsa_signatures(key: &Material, len: usize, message: &[u8]) -> usize {
    let digest = sha2::Sha256::digest(message);
    let options = SignOptions { rsa_padding: RsaPadding::Pkcs1v15, ..SignOptions::default() };
    let encoded = public_operation(public(key), &key.sign(message, &options).unwrap());
    // EMSA-PKCS1-v1_5 (section 9.2), with the DigestInfo of SHA-256 that its note 1 lists.
    let info = b"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20";
    let padding = vec![0xff; len - 3 - info.len() - 32];
    assert_eq!(encoded, [&[0, 1], &padding[..], &[0], info, &digest[..]].concat());
    let salts = [
        (SaltLength::Auto, len - 32 - 2),
        (SaltLength::Hash, 32),
        (SaltLength::Bytes(0), 0),
        (SaltLength::Bytes(20), 20),
    ];
    for (salt, salt_len) in salts {
        let options = SignOptions { rsa_padding: RsaPadding::Pss(salt), ..SignOptions::default() };
        let encoded = public_operation(public(key), &key.sign(message, &options).unwrap());
        assert_eq!(pss_salt_len(&encoded, &digest), Some(salt_len));
        assert_eq!(pss_salt_len(&encoded, &[0; 32]), None);
    }
    1 + salts.len()
}

/// EMSA-PSS-VERIFY (section 9.1.2) with SHA-256 and a modulus of whole bytes: the salt's length, if the encoded
/// message is right.
fn pss_salt_len(encoded: &[u8], digest: &[u8]) -> Option<usize> {
    let (masked, rest) = encoded.split_at(encoded.len() - 33);
    let (hash, trailer) = rest.split_at(32);
    let mut block = masked.to_vec();
    for (counter, part) in (0u32..).zip(block.chunks_mut(32)) {
        let mask = sha2::Sha256::digest([hash, &counter.to_be_bytes()].concat());
        part.iter_mut().zip(mask).for_each(|(byte, mask)| *byte ^= mask);
    }
    block[0] &= 0x7f;
    let one = block.iter().position(|byte| *byte != 0)?;
    let salt = &block[one + 1..];
    let expected = sha2::Sha256::digest([&[0; 8], digest, salt].concat());
    (trailer == [0xbc] && block[one] == 1 && expected[..] == *hash).then_some(salt.len())
}

/// RSAVP1 (section 5.2.2) with the exponent 65537.
fn public_operation(key: &PublicKey, signature: &[u8]) -> Vec<u8> {
    // RSAPublicKey: a header of 4 bytes, then 5 that end in 00 and the modulus, then 02 03 and the exponent.
    let (modulus, exponent) = key.raw()[9..].split_at(signature.len());
    assert_eq!(exponent, [2, 3, 1, 0, 1]);
    let bits = u32::try_from(signature.len() * 8).unwrap();
    let number = |bytes| BoxedUint::from_be_slice(bytes, bits).unwrap();
    let parameters = BoxedMontyParams::new_vartime(Odd::new(number(modulus)).unwrap());
    let power = BoxedMontyForm::new(number(signature), &parameters).pow(&BoxedUint::from(65_537_u32));
    power.retrieve().to_be_bytes().into_vec()
}

fn verifies(key: &PublicKey, message: &[u8], signature: &[u8], options: SignOptions) {
    key.verify(message, signature, &options).unwrap();
    assert_eq!(key.verify(b"other", signature, &options), Err(VerifyError::Wrong));
}

fn generate(kind: KeyType) -> Material {
    Material::generate(kind, &GenerateOptions::default()).unwrap()
}

fn public(key: &Material) -> &PublicKey {
    key.public_key().unwrap()
}

fn message(round: usize) -> Vec<u8> {
    (0..round * 37).map(|index| u8::try_from(index % 251).unwrap()).collect()
}

const ROUNDS: usize = 8;
