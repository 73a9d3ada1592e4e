//! Shares as the independent implementation in `testvectors/` makes and reads them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::panic,
    missing_docs
)]

use std::num::NonZeroU8;

use strongroom_crypto::secret::SecretBytes;
use strongroom_shamir::testing::split_with_chosen_coefficients;
use strongroom_shamir::text::{Correction, Decoded, ShareText, ShareTextError, decode, encode};
use strongroom_shamir::vault::{self, ParseError};
use strongroom_shamir::{Share, combine};

#[path = "../../../testvectors/reader.rs"]
mod reader;

use reader::{Vector, Vectors};

#[test]
fn splits_are_those_of_the_other_implementation() {
    let run = Vectors::load("shares.json").run("splits", |vector| {
        let (secret, shares) = (vector.bytes("secret"), vector.list("shares"));
        // Drawn from the highest power of x down; the vector lists them from x^1 up.
        let mut coefficients: Vec<Vec<u8>> =
            vector.list("coefficients").iter().map(|each| reader::hex(each.as_text())).collect();
        let count = u8::try_from(shares.len()).unwrap();
        let split =
            split_with_chosen_coefficients(&secret, vector.number::<u8>("threshold"), count, |room| {
                room.copy_from_slice(&coefficients.pop().unwrap());
                Ok(())
            })
            .unwrap();
        assert!(coefficients.is_empty(), "{}", vector.name());
        for (made, expected) in split.iter().zip(&shares) {
            assert_eq!(made.index().get(), expected.number::<u8>("x"));
            assert_eq!(made.y().expose(), expected.bytes("y"), "{}", vector.name());
        }
        assert_every_quorum_combines(vector);
    });
    assert_eq!(run, 7);
}

#[test]
fn field_is_the_other_implementations() {
    // The share at x of the line through secret s and slope c is s + cx.
    let run = Vectors::load("shares.json").run("multiplication", |vector| {
        let (a, b): (u8, u8) = (vector.number::<u8>("a"), vector.number::<u8>("b"));
        let split = split_with_chosen_coefficients(&[0], 2, 255, |room| {
            room[0] = a;
            Ok(())
        })
        .unwrap();
        let product = b.checked_sub(1).map_or(0, |at| split[usize::from(at)].y().expose()[0]);
        assert_eq!(product, vector.number::<u8>("product"), "{a} times {b}");
    });
    assert_eq!(run, 7);
}

#[test]
fn texts_are_those_of_the_other_implementation() {
    let vectors = Vectors::load("shares.json");
    let run = vectors.run("accepted", |vector| {
        let text = vector.text("text");
        assert_eq!(*encode(&share(vector)).unwrap(), *text, "{}", vector.name());
        assert_eq!(text, ["sr1", vector.text("data_symbols"), vector.text("check_symbols")].concat());
        let Ok(Decoded::Exact(decoded)) = decode(text) else { panic!("{}", vector.name()) };
        assert_same(&decoded, vector);
    });
    assert_eq!(run, 5);
    let run = vectors.run("written_otherwise", |vector| {
        let Ok(Decoded::Exact(decoded)) = decode(vector.text("text")) else { panic!("{}", vector.name()) };
        assert_same(&decoded, vector);
    });
    assert_eq!(run, 6);
}

#[test]
fn typing_errors_are_corrected_at_the_same_places() {
    let run = Vectors::load("shares.json").run("corrected", |vector| {
        let Ok(Decoded::Corrected { share, corrections }) = decode(vector.text("text")) else {
            panic!("{}", vector.name())
        };
        assert_same(&share, vector);
        let mut places: Vec<u64> =
            vector.0["places"].as_array().unwrap().iter().map(|at| at.as_u64().unwrap()).collect();
        places.sort_unstable();
        let letter = |text: &str, position: usize| text.chars().nth(position - 1).unwrap();
        let mut mended = Vec::new();
        for Correction { position, typed, corrected } in corrections {
            assert_eq!(typed, letter(vector.text("text"), position), "{}", vector.name());
            assert_eq!(corrected, letter(vector.text("corrected"), position), "{}", vector.name());
            mended.push(u64::try_from(position - 4).unwrap());
        }
        assert_eq!(mended, places, "{}", vector.name());
    });
    assert_eq!(run, 15);
}

#[test]
fn texts_that_the_other_implementation_refuses_are_refused_alike() {
    let run = Vectors::load("shares.json").run("refused", |vector| {
        let said = match vector.refusal(decode(vector.text("text"))) {
            ShareTextError::Empty | ShareTextError::Prefix => "wrong prefix",
            ShareTextError::TooShort { .. } | ShareTextError::TooLong { .. } => "wrong length",
            ShareTextError::ForeignCharacter { .. } => "a character that stands in no share",
            ShareTextError::TooManyErrors => "too many errors",
            ShareTextError::UnknownVersion { .. } => "unknown version",
            ShareTextError::Invalid => "index 0, threshold 0, last 4 bits are not zero",
            ShareTextError::Memory(error) => panic!("{error}"),
        };
        assert!(said.contains(vector.text("reason")), "{}: {said}", vector.name());
    });
    assert_eq!(run, 20);
}

#[test]
fn vaults_raw_form_goes_both_ways() {
    let vectors = Vectors::load("shares.json");
    let mut shares = 0;
    let run = vectors.run("vault", |vector| {
        for expected in vector.list("shares") {
            let forms = [
                expected.text("hex").to_owned(),
                expected.text("hex").to_uppercase(),
                expected.text("base64").into(),
            ];
            for form in forms {
                let share = vault::parse(&form).unwrap();
                assert_eq!(share.index().get(), expected.number::<u8>("x"));
                assert_eq!(share.y().expose(), expected.bytes("y"));
                assert_eq!(*vault::to_hex(&share), *expected.text("hex"));
                assert_eq!(*vault::to_base64(&share), *expected.text("base64"));
            }
            shares += 1;
        }
        assert_every_quorum_combines(vector);
    });
    assert_eq!((run, shares), (2, 8));
    let run = vectors.run("vault_refused", |vector| {
        let said = match vector.refusal(vault::parse(vector.text("text"))) {
            ParseError::TooShort => "too short",
            ParseError::IndexZero => "x is 0",
            ParseError::NeitherHexNorBase64 => "neither hex nor base64",
            error => panic!("{}: {error}", vector.name()),
        };
        assert_eq!(said, vector.text("reason"), "{}", vector.name());
    });
    assert_eq!(run, 6);
}

/// Every run of shares as long as the threshold, and all of them; one fewer gives something else.
fn assert_every_quorum_combines(vector: Vector<'_>) {
    let (secret, threshold): (_, usize) = (vector.bytes("secret"), vector.number("threshold"));
    let of = |share: Vector<'_>| raw_share(share.number::<u8>("x"), &share.bytes("y"));
    let shares: Vec<Share> = vector.list("shares").into_iter().map(of).collect();
    let all: Vec<&Share> = shares.iter().collect();
    for quorum in all.windows(threshold).chain([all.as_slice()]) {
        assert_eq!(combine(quorum).unwrap().expose(), secret, "{}", vector.name());
    }
    if threshold > 1 {
        assert_ne!(combine(&all[..threshold - 1]).unwrap().expose(), secret, "{}", vector.name());
    }
}

fn assert_same(share: &ShareText, vector: Vector<'_>) {
    assert_eq!(share.set, vector.array("set_id"), "{}", vector.name());
    assert_eq!(share.group, vector.number::<u8>("group"), "{}", vector.name());
    assert_eq!(share.share.index().get(), vector.number::<u8>("index"), "{}", vector.name());
    assert_eq!(share.threshold, vector.number::<u8>("threshold"), "{}", vector.name());
    assert_eq!(share.share.y().expose(), vector.bytes("y"), "{}", vector.name());
}

fn share(vector: Vector<'_>) -> ShareText {
    ShareText {
        set: vector.array("set_id"),
        group: vector.number::<u8>("group"),
        threshold: vector.number::<u8>("threshold"),
        share: raw_share(vector.number::<u8>("index"), &vector.bytes("y")),
    }
}

fn raw_share(index: u8, y: &[u8]) -> Share {
    Share::new(NonZeroU8::new(index).unwrap(), SecretBytes::copy_from_slice(y).unwrap())
}
