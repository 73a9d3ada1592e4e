//! Every kind of key with every operation and every parameter: success where the rules below say so, else the error
//! that they say, and never a panic.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    missing_docs
)]

use std::sync::LazyLock;

use proptest::prelude::*;
use strongroom_transit::algorithm::{
    AeadError, DecapsulateError, DecodeError, DecryptError, DeriveError, EncapsulateError, EncryptError,
    GenerateError, GenerateOptions, HashAlgorithm, KeyType, Marshaling, Material, OaepHash, ParameterError,
    PublicKey, PublicKeyError, RsaPadding, SaltLength, SignError, SignOptions, VerifyError,
};
use strongroom_transit::import::{
    ExportError, ExportFormat, ExportKind, ImportError, WrapError, WrappingKey,
};

#[test]
fn signing_does_what_the_parameters_allow_or_names_the_one_that_it_does_not() {
    let (mut signed, mut refused) = (0, 0);
    for (key, options, len) in keys()
        .flat_map(|key| sign_options().flat_map(move |options| INPUT_LENS.map(|len| (key, options, len))))
    {
        let kind = key.key_type();
        let input = vec![7; len];
        match (key.sign(&input, &options), sign_refusal(kind, options, len)) {
            (Ok(signature), None) => {
                key.verify(&input, &signature, &options).unwrap();
                // One changed bit, whichever it is, makes it wrong.
                let mut changed = signature.clone();
                let at = len % changed.len();
                changed[at] ^= 0x10;
                assert_eq!(
                    key.verify(&input, &changed, &options),
                    Err(VerifyError::Wrong),
                    "{kind} {options:?}"
                );
                let cut = &signature[..signature.len() - 1];
                assert_eq!(key.verify(&input, cut, &options), Err(VerifyError::Wrong), "{kind} {options:?}");
                signed += 1;
            }
            (Err(SignError::Parameter(error)), Some(expected)) => {
                assert_eq!(error, expected, "{kind} {options:?} {len}");
                let verified = key.verify(&input, &[0; 64], &options);
                assert_eq!(verified, Err(VerifyError::Parameter(expected)), "{kind} {options:?} {len}");
                refused += 1;
            }
            (outcome, expected) => panic!("{kind} {options:?} {len}: {} {expected:?}", outcome.is_ok()),
        }
    }
    println!(
        "evidence: id=transit/matrix-sign figure={signed} combinations signed, {refused} refused verdict=pass"
    );
    assert_eq!(signed + refused, 18 * 9 * 2 * 8 * 2 * INPUT_LENS.len());
}

/// The rules, written down apart from the code.
fn sign_refusal(kind: KeyType, options: SignOptions, input_len: usize) -> Option<ParameterError> {
    use HashAlgorithm::{Sha2_256, Sha2_384, Sha2_512};
    let pure = matches!(kind, KeyType::Ed25519 | KeyType::MlDsa44 | KeyType::MlDsa65 | KeyType::MlDsa87);
    if !kind.supports_signing() {
        return Some(ParameterError::KeyType(kind));
    }
    if pure {
        return options.prehashed.then_some(ParameterError::Prehashed(kind));
    }
    let Some(hash) = options.hash else { return Some(ParameterError::NoHash) };
    if kind.is_ecdsa() {
        let digest = [28, 32, 48, 64].contains(&input_len);
        return (options.prehashed && !digest).then_some(ParameterError::DigestLength);
    }
    if ![Sha2_256, Sha2_384, Sha2_512].contains(&hash) {
        return Some(ParameterError::RsaHash(hash));
    }
    let modulus = match kind {
        KeyType::Rsa2048 => 256,
        KeyType::Rsa3072 => 384,
        _ => 512,
    };
    let longest = modulus - hash.output_len() - 2;
    if let RsaPadding::Pss(SaltLength::Bytes(salt)) = options.rsa_padding
        && usize::from(salt) > longest
    {
        return Some(ParameterError::SaltLength { longest: u16::try_from(longest).unwrap() });
    }
    (options.prehashed && input_len != hash.output_len()).then_some(ParameterError::DigestLength)
}

fn sign_options() -> impl Iterator<Item = SignOptions> {
    let hashes = HashAlgorithm::ALL.into_iter().map(Some).chain([None]);
    hashes.flat_map(|hash| {
        [false, true].into_iter().flat_map(move |prehashed| {
            RSA_PADDINGS.into_iter().flat_map(move |rsa_padding| {
                [Marshaling::Asn1, Marshaling::Jws].map(|marshaling| SignOptions {
                    hash,
                    prehashed,
                    rsa_padding,
                    marshaling,
                })
            })
        })
    })
}

#[test]
fn verifying_garbage_is_wrong_and_no_more() {
    let mut run = 0;
    for key in keys().filter(|key| key.key_type().supports_signing()) {
        for options in sign_options() {
            for len in [0, 1, 2, 63, 64, 65, 70, 96, 104, 132, 139, 256, 384, 512, 513, 2420, 3309, 4627] {
                for byte in [0, 1, 0x30, 0xff] {
                    let verified = key.verify(b"input", &vec![byte; len], &options);
                    assert!(verified.is_err(), "{} {options:?} {len} {byte}", key.key_type());
                    run += 1;
                }
            }
        }
    }
    println!("evidence: id=transit/matrix-verify figure={run} pieces of garbage refused verdict=pass");
    assert_eq!(run, 10 * 288 * 18 * 4);
}

#[test]
fn asymmetric_encryption_is_for_rsa_alone() {
    for key in keys() {
        let kind = key.key_type();
        for hash in OaepHash::ALL {
            let Some(public) = key.public_key() else {
                assert_eq!(key.decrypt(hash, &[0; 256]).err(), Some(DecryptError::KeyType(kind)));
                continue;
            };
            if !kind.is_rsa() {
                assert_eq!(public.encrypt(hash, b"text").err(), Some(EncryptError::KeyType(kind)));
                assert_eq!(key.decrypt(hash, &[0; 256]).err(), Some(DecryptError::KeyType(kind)));
                continue;
            }
            let modulus = public.encrypt(hash, b"").unwrap().len();
            let longest = modulus - 2 * hash.output_len() - 2;
            for len in [0, 1, longest] {
                let ciphertext = public.encrypt(hash, &vec![9; len]).unwrap();
                assert_eq!(key.decrypt(hash, &ciphertext).unwrap().as_slice(), vec![9; len]);
                for other in OaepHash::ALL.into_iter().filter(|other| *other != hash) {
                    assert_eq!(key.decrypt(other, &ciphertext).err(), Some(DecryptError::Wrong));
                }
            }
            for len in [longest + 1, modulus, 10_000] {
                assert_eq!(public.encrypt(hash, &vec![9; len]), Err(EncryptError::TooLong { longest }));
            }
            for len in [0, 1, 255, 256, 257, 384, 512, 513, 10_000] {
                for byte in [0, 1, 0xff] {
                    let decrypted = key.decrypt(hash, &vec![byte; len]);
                    assert_eq!(decrypted.err(), Some(DecryptError::Wrong), "{kind} {len} {byte}");
                }
            }
        }
    }
}

#[test]
fn encapsulation_is_for_ml_kem_alone() {
    for key in keys() {
        let kind = key.key_type();
        let Some(public) = key.public_key().filter(|_| kind.supports_encapsulation()) else {
            assert_eq!(key.decapsulate(&[0; 1088]).err(), Some(DecapsulateError::KeyType(kind)));
            if let Some(public) = key.public_key() {
                assert_eq!(public.encapsulate().err(), Some(EncapsulateError::KeyType(kind)));
            }
            continue;
        };
        let (ciphertext, shared) = public.encapsulate().unwrap();
        assert!(key.decapsulate(&ciphertext).unwrap().ct_eq(&shared));
        for len in [0, 1, ciphertext.len() - 1, ciphertext.len() + 1] {
            assert_eq!(key.decapsulate(&vec![0; len]).err(), Some(DecapsulateError::Length), "{kind} {len}");
        }
        for byte in [0, 0xff] {
            assert!(!key.decapsulate(&vec![byte; ciphertext.len()]).unwrap().ct_eq(&shared));
        }
    }
}

#[test]
fn derivation_is_for_the_kinds_that_say_so() {
    for key in keys() {
        let kind = key.key_type();
        let refused = Some(DeriveError::KeyType(kind));
        assert_eq!(key.aead().err(), (!kind.is_aead()).then_some(AeadError::KeyType));
        if kind.is_aead() {
            let (one, two) = (key.derive_convergent(b"one").unwrap(), key.derive_convergent(b"two").unwrap());
            let sealed = one.seal(b"", b"text").unwrap();
            assert_eq!(one.seal(b"", b"text").unwrap(), sealed);
            assert_ne!(one.seal(b"", b"tex2").unwrap(), sealed);
            assert_eq!(one.aead().open(b"", &sealed).unwrap().as_slice(), b"text");
            assert_eq!(key.derive_aead(b"one").unwrap().open(b"", &sealed).unwrap().as_slice(), b"text");
            for other in [two.aead(), &key.aead().unwrap()] {
                assert_eq!(other.open(b"", &sealed).err(), Some(AeadError::Forged));
            }
            assert_eq!(key.derive_aead(b"").err(), Some(DeriveError::NoContext));
            assert_eq!(key.derive_convergent(b"").err(), Some(DeriveError::NoContext));
        } else {
            assert_eq!(key.derive_aead(b"one").err(), refused);
            assert_eq!(key.derive_convergent(b"one").err(), refused);
        }
        if kind == KeyType::Ed25519 {
            let derived = key.derive_signing(b"one").unwrap();
            let signature = derived.sign(b"text", &SignOptions::default()).unwrap();
            let again = key.derive_signing(b"one").unwrap();
            again.verify(b"text", &signature, &SignOptions::default()).unwrap();
            for other in [key, &key.derive_signing(b"two").unwrap()] {
                let verified = other.verify(b"text", &signature, &SignOptions::default());
                assert_eq!(verified, Err(VerifyError::Wrong));
            }
            assert_eq!(key.derive_signing(b"").err(), Some(DeriveError::NoContext));
        } else {
            assert_eq!(key.derive_signing(b"one").err(), refused);
        }
        assert_eq!(kind.supports_derivation(), kind.is_aead() || kind == KeyType::Ed25519);
    }
}

#[test]
fn what_is_exported_comes_in_again_as_the_same_key() {
    let (mut exported, mut refused) = (0, 0);
    for key in keys() {
        let kind = key.key_type();
        for part in ExportKind::ALL {
            for format in ExportFormat::ALL {
                match (key.export(part, format), export_refusal(kind, part, format)) {
                    (Ok(text), None) => {
                        match part {
                            ExportKind::PublicKey => same_public(key, format, &text),
                            ExportKind::HmacKey => {
                                let again = Material::import_text(KeyType::Hmac, &text).unwrap();
                                let tag = again.hmac(HashAlgorithm::Sha2_256, b"text");
                                assert!(key.verify_hmac(HashAlgorithm::Sha2_256, b"text", &tag));
                            }
                            ExportKind::EncryptionKey | ExportKind::SigningKey => {
                                let again = Material::import_text(kind, &text).unwrap();
                                assert_eq!(again.to_import_form().unwrap(), key.to_import_form().unwrap());
                            }
                        }
                        exported += 1;
                    }
                    (Err(error), Some(expected)) => {
                        assert_eq!(error, expected, "{kind} {part:?} {format:?}");
                        refused += 1;
                    }
                    (outcome, expected) => {
                        panic!("{kind} {part:?} {format:?}: {} {expected:?}", outcome.is_ok())
                    }
                }
            }
        }
    }
    println!(
        "evidence: id=transit/matrix-export figure={exported} exports came in again, {refused} refused verdict=pass"
    );
    assert_eq!(exported + refused, 18 * 4 * 4);
}

fn export_refusal(kind: KeyType, part: ExportKind, format: ExportFormat) -> Option<ExportError> {
    let has = match part {
        ExportKind::EncryptionKey => kind.supports_encryption() || kind.supports_encapsulation(),
        ExportKind::SigningKey => kind.supports_signing(),
        ExportKind::HmacKey => true,
        ExportKind::PublicKey => kind.is_asymmetric(),
    };
    if !has {
        return Some(ExportError::Kind(kind));
    }
    let document = matches!(format, ExportFormat::Der | ExportFormat::Pem);
    let written = match part {
        ExportKind::HmacKey => !document,
        _ if kind.is_aead() => !document,
        ExportKind::PublicKey => format != ExportFormat::Raw || !(kind.is_rsa() || kind.is_ecdsa()),
        _ => format != ExportFormat::Raw || kind == KeyType::Ed25519,
    };
    (!written).then_some(ExportError::Format(kind))
}

fn same_public(key: &Material, format: ExportFormat, text: &str) {
    use data_encoding::BASE64;
    let kind = key.key_type();
    let again = match format {
        _ if text.starts_with("-----") => PublicKey::from_pem(kind, text),
        ExportFormat::Der => PublicKey::from_der(kind, &BASE64.decode(text.as_bytes()).unwrap()),
        _ => PublicKey::from_raw(kind, &BASE64.decode(text.as_bytes()).unwrap()),
    };
    assert_eq!(again.as_ref(), Ok(key.public_key().unwrap()));
}

#[test]
fn key_of_one_kind_does_not_come_in_as_another() {
    for key in keys() {
        let form = key.to_import_form().unwrap();
        for kind in KeyType::ALL {
            let taken = Material::import(kind, &form).map(|_| ());
            let bytes_alone = |kind: KeyType| !kind.is_asymmetric();
            match (bytes_alone(key.key_type()), bytes_alone(kind)) {
                // Bytes fit wherever their number does: that is Vault's form.
                (_, true) => {
                    let fits = match kind.symmetric_key_len() {
                        Some(len) => form.len() == len,
                        None => (32..=512).contains(&form.len()),
                    };
                    assert_eq!(taken, if fits { Ok(()) } else { Err(ImportError::Length(kind)) });
                }
                (true, false) => assert_eq!(taken, Err(ImportError::Encoding(kind))),
                (false, false) if kind == key.key_type() => assert_eq!(taken, Ok(())),
                (false, false) => assert_eq!(taken, Err(ImportError::OtherAlgorithm(kind))),
            }
            if let Some(public) = key.public_key() {
                let taken = PublicKey::from_der(kind, public.der()).map(|_| ());
                let expected = if kind == key.key_type() {
                    Ok(())
                } else if kind.is_asymmetric() {
                    Err(PublicKeyError::OtherAlgorithm(kind))
                } else {
                    Err(PublicKeyError::KeyType(kind))
                };
                assert_eq!(taken, expected, "{kind} {}", key.key_type());
            }
        }
    }
}

#[test]
fn stored_form_is_read_back_and_no_other_is() {
    for key in keys() {
        let kind = key.key_type();
        let stored = key.encode().unwrap();
        let again = Material::decode(stored.expose()).unwrap();
        assert!(again.encode().unwrap().ct_eq(&stored));
        assert_eq!(again.public_key(), key.public_key());
        for len in 0..stored.len() {
            assert!(Material::decode(&stored.expose()[..len]).is_err(), "{kind} {len}");
        }
        let longer = Material::decode(&[stored.expose(), &[0]].concat());
        assert_eq!(longer.err(), Some(DecodeError::Malformed("bytes after the end")), "{kind}");
        let mut other = stored.expose().to_vec();
        other[0] = 2;
        assert_eq!(Material::decode(&other).err(), Some(DecodeError::Version));
        for code in (0..=u8::MAX).filter(|code| KeyType::from_code(*code).is_none()) {
            (other[0], other[1]) = (1, code);
            let refused = Material::decode(&other).err();
            assert_eq!(refused, Some(DecodeError::Malformed("unknown type of key")), "{code}");
        }
    }
}

#[test]
fn hmac_keys_have_vaults_lengths() {
    for len in [0, 1, 31, 32, 33, 100, 512, 513, usize::MAX] {
        let made = Material::generate(KeyType::Hmac, &GenerateOptions { hmac_key_len: len });
        if (32..=512).contains(&len) {
            assert_eq!(made.unwrap().to_import_form().unwrap().len(), len);
        } else {
            assert_eq!(made.err(), Some(GenerateError::HmacKeyLength));
        }
    }
}

#[test]
fn every_kind_comes_in_wrapped() {
    let recipient = WrappingKey::decode(WrappingKey::generate().unwrap().encode().unwrap().expose()).unwrap();
    let public = PublicKey::from_pem(KeyType::Rsa4096, &recipient.public_pem()).unwrap();
    for key in keys() {
        let kind = key.key_type();
        for hash in OaepHash::ALL {
            let form = key.to_import_form().unwrap();
            let blob = WrappingKey::wrap(&public, hash, &form).unwrap();
            let unwrapped = recipient.unwrap(hash, &blob).unwrap();
            let again = Material::import(kind, unwrapped.expose()).unwrap();
            assert_eq!(again.to_import_form().unwrap(), form);
            for other in OaepHash::ALL.into_iter().filter(|other| *other != hash) {
                assert!(recipient.unwrap(other, &blob).is_err());
            }
            for at in [0, 511, 512, blob.len() - 1] {
                let mut changed = blob.clone();
                changed[at] ^= 1;
                assert!(recipient.unwrap(hash, &changed).is_err(), "{kind} {at}");
                assert!(recipient.unwrap(hash, &blob[..at]).is_err(), "{kind} {at}");
            }
            assert!(recipient.unwrap(hash, &[&blob[..], &[0; 8]].concat()).is_err(), "{kind}");
        }
        if let Some(other) = key.public_key().filter(|_| !kind.is_rsa()) {
            let refused = WrappingKey::wrap(other, OaepHash::Sha256, b"key").err();
            assert_eq!(refused, Some(WrapError::KeyType(kind)));
        }
    }
    assert_eq!(WrappingKey::wrap(&public, OaepHash::Sha256, b"").err(), Some(WrapError::Empty));
}

#[test]
fn no_key_is_made_without_randomness() {
    use strongroom_crypto::random::fault;
    for kind in KeyType::ALL {
        // RSA and ECDSA keys are drawn by the library's generator; the HMAC key beside them is not.
        let draws = if kind == KeyType::Hmac || kind.is_rsa() || kind.is_ecdsa() { 1 } else { 2 };
        for draw in 0..draws {
            fault::fail_after(draw);
            let refused = Material::generate(kind, &GenerateOptions::default()).err();
            assert!(matches!(refused, Some(GenerateError::Secret(_))), "{kind} {draw}");
        }
        fault::fail_after(draws);
        Material::generate(kind, &GenerateOptions::default()).unwrap();
        assert_eq!(fault::calls(), draws, "{kind}: the control: there are no more draws");
        fault::reset();
    }
    let public = keys().find_map(|key| key.public_key().filter(|_| key.key_type().is_rsa())).unwrap();
    fault::fail_after(0);
    let refused = WrappingKey::wrap(public, OaepHash::Sha256, b"key").err();
    assert!(matches!(refused, Some(WrapError::Secret(_))));
    fault::reset();
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn no_bytes_make_a_parser_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), text in ".{0,200}") {
        for kind in KeyType::ALL {
            let _ = Material::import(kind, &bytes);
            let _ = Material::import_text(kind, &text);
            let _ = PublicKey::from_der(kind, &bytes);
            let _ = PublicKey::from_raw(kind, &bytes);
            let _ = PublicKey::from_pem(kind, &text);
            let hmac_key = if kind == KeyType::Hmac { &[][..] } else { &[5; 32] };
            let len = u16::try_from(bytes.len()).unwrap().to_be_bytes();
            let stored = [&[1, kind.code()], hmac_key, &len, &bytes].concat();
            if let Ok(key) = Material::decode(&stored) {
                let again = key.encode().unwrap();
                prop_assert_eq!(again.expose(), &stored[..]);
            }
        }
    }

    #[test]
    fn changed_document_is_refused_or_another_key(at in any::<prop::sample::Index>(), bit in 0..8u8) {
        for key in keys().filter(|key| key.key_type().is_asymmetric() && !key.key_type().is_rsa()) {
            let kind = key.key_type();
            let mut changed = key.to_import_form().unwrap();
            let at = at.index(changed.len());
            changed[at] ^= 1 << bit;
            if let Ok(other) = Material::import(kind, &changed) {
                let again = other.to_import_form().unwrap();
                prop_assert!(Material::import(kind, &again).is_ok());
            }
            let mut changed = key.public_key().unwrap().der().to_vec();
            let at = at % changed.len();
            changed[at] ^= 1 << bit;
            if let Ok(other) = PublicKey::from_der(kind, &changed) {
                prop_assert_ne!(&other, key.public_key().unwrap());
            }
        }
    }
}

/// One key of every kind.
fn keys() -> impl Iterator<Item = &'static Material> {
    static KEYS: LazyLock<Vec<Material>> = LazyLock::new(|| {
        let generate = |kind| Material::generate(kind, &GenerateOptions::default()).unwrap();
        KeyType::ALL.into_iter().map(generate).collect()
    });
    KEYS.iter()
}

const INPUT_LENS: [usize; 6] = [0, 28, 32, 48, 64, 1000];
const RSA_PADDINGS: [RsaPadding; 8] = [
    RsaPadding::Pkcs1v15,
    RsaPadding::Pss(SaltLength::Auto),
    RsaPadding::Pss(SaltLength::Hash),
    RsaPadding::Pss(SaltLength::Bytes(0)),
    RsaPadding::Pss(SaltLength::Bytes(190)),
    RsaPadding::Pss(SaltLength::Bytes(191)),
    RsaPadding::Pss(SaltLength::Bytes(478)),
    RsaPadding::Pss(SaltLength::Bytes(u16::MAX)),
];
