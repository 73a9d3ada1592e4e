//! The text form: what is printed comes back, typing errors are mended, and nothing else passes for a share.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::panic,
    clippy::print_stdout
)]
#![allow(clippy::format_collect, reason = "bits spelled out are easiest to compare")]

use std::collections::BTreeSet;
use std::num::NonZeroU8;

use bech32::primitives::decode::UncheckedHrpstring;
use proptest::prelude::*;
use strongroom_crypto::secret::SecretBytes;
use strongroom_shamir::Share;
use strongroom_shamir::text::{
    Correction, Decoded, ShareEncodeError, ShareText, ShareTextError, TEXT_LEN, decode, encode,
    encode_grouped,
};

#[test]
fn text_has_the_length_prefix_and_alphabet_of_the_format() {
    let text = encode(&sample(1)).unwrap();
    assert_eq!((text.len(), TEXT_LEN), (102, 102));
    assert!(text.starts_with("sr1"));
    assert!(text.chars().skip(3).all(|letter| ALPHABET.contains(letter)));
    // Another reader of bech32 takes it apart alike.
    assert_eq!(UncheckedHrpstring::new(&text).unwrap().hrp().as_str(), "sr");
}

#[test]
fn payload_lies_in_the_symbols_as_the_format_draws_it() {
    let share = ShareText { set: [0xab; 16], group: 2, threshold: 3, share: share(7, &[0xcd; 32]) };
    let bits: String = encode(&share).unwrap()[3..87]
        .chars()
        .map(|letter| format!("{:05b}", ALPHABET.find(letter).unwrap()))
        .collect();
    let bytes: Vec<u8> = (0..52).map(|i| u8::from_str_radix(&bits[8 * i..8 * i + 8], 2).unwrap()).collect();
    let expected = [&[1][..], &[0xab; 16], &[2, 7, 3], &[0xcd; 32]].concat();
    assert_eq!(bytes, expected);
    assert_eq!(&bits[416..], "0000");
}

#[test]
fn text_comes_back_exactly_whatever_the_case_and_the_spacing() {
    for seed in 0..50 {
        let original = sample(seed);
        let text = encode(&original).unwrap();
        let grouped = encode_grouped(&original).unwrap();
        assert_eq!(grouped.len(), 102 + 16);
        assert!(grouped.split(' ').all(|block| block.len() == 6));
        let mixed: String = text
            .chars()
            .enumerate()
            .map(|(i, letter)| if i % 3 == 0 { letter.to_ascii_uppercase() } else { letter })
            .collect();
        let upper = text.to_ascii_uppercase();
        let lines = grouped.replace(' ', "-\n\t\u{a0}\u{2011}");
        for form in [text.as_str(), &grouped, &mixed, &upper, &lines] {
            assert!(same(&exact(form), &original));
        }
    }
}

#[test]
fn up_to_four_wrong_letters_anywhere_are_mended_and_named() {
    let mut random = Random(0x5eed);
    let mut mended = 0;
    for round in 0..20_000 {
        let original = sample(round);
        let text = encode(&original).unwrap();
        let wrong = random.places(1 + usize::try_from(round % 4).unwrap());
        let typed = random.misspell(&text, &wrong);
        let (share, corrections) = corrected(&typed);
        assert!(same(&share, &original));
        assert_eq!(places(&corrections), wrong);
        assert!(corrections.iter().all(|correction| {
            letter(&text, correction.position) == correction.corrected
                && letter(&typed, correction.position) == correction.typed
        }));
        mended += 1;
    }
    let verdict = if mended == 20_000 { "pass" } else { "fail" };
    println!(
        "evidence: id=shamir/text figure={mended} texts with 1 to 4 wrong letters mended and named verdict={verdict}"
    );
    assert_eq!(mended, 20_000);
}

#[test]
fn every_single_wrong_letter_at_every_place_is_mended() {
    let original = sample(3);
    let text = encode(&original).unwrap();
    let mut mended = 0;
    for place in 3..102 {
        for wrong in ALPHABET.chars().filter(|&wrong| wrong != letter(&text, place + 1)) {
            let mut typed = text.to_string();
            typed.replace_range(place..=place, &wrong.to_string());
            let (share, corrections) = corrected(&typed);
            assert!(same(&share, &original) && corrections.len() == 1);
            mended += 1;
        }
    }
    let verdict = if mended == 99 * 31 { "pass" } else { "fail" };
    println!(
        "evidence: id=shamir/text-single figure={mended} single wrong letters mended, at every place verdict={verdict}"
    );
    assert_eq!(mended, 99 * 31);
}

#[test]
fn unreadable_letters_count_half_alone_or_beside_wrong_ones() {
    let mut random = Random(0xe5a5);
    for round in 0..4_000 {
        let original = sample(round);
        let text = encode(&original).unwrap();
        let wrong = usize::try_from(round % 5).unwrap();
        let unreadable = 8 - 2 * wrong;
        let places = random.places(wrong + unreadable);
        let (misspelt, erased): (Vec<_>, Vec<_>) = places.iter().enumerate().partition(|(i, _)| *i < wrong);
        let misspelt: BTreeSet<usize> = misspelt.into_iter().map(|(_, &place)| place).collect();
        let mut typed = random.misspell(&text, &misspelt);
        for (i, &place) in erased {
            let sign = ["?", "b", "I", "o", "1"][i % 5];
            typed.replace_range(place - 1..place, sign);
        }
        let (share, corrections) = corrected(&typed);
        assert!(same(&share, &original));
        assert_eq!(self::places(&corrections), places);
    }
}

#[test]
fn unreadable_letter_is_a_correction_even_where_it_stood_for_zero() {
    let text = encode(&sample(0)).unwrap();
    let zero = text.rfind('q').unwrap();
    let mut typed = text.to_string();
    typed.replace_range(zero..=zero, "?");
    let (_, corrections) = corrected(&typed);
    assert_eq!(corrections.len(), 1);
    assert_eq!(
        (corrections[0].position, corrections[0].typed, corrections[0].corrected),
        (zero + 1, '?', 'q')
    );
}

#[test]
fn more_errors_than_can_be_mended_never_pass_silently_for_a_share() {
    let mut random = Random(0xbad);
    let (mut refused, mut elsewhere) = (0, 0);
    for round in 0..20_000 {
        let original = sample(round);
        let text = encode(&original).unwrap();
        let wrong = random.places(5 + usize::try_from(round % 30).unwrap());
        match decode(&random.misspell(&text, &wrong)) {
            Err(ShareTextError::TooManyErrors) => refused += 1,
            Ok(Decoded::Corrected { share, corrections }) => {
                assert!(!same(&share, &original) && !corrections.is_empty());
                elsewhere += 1;
            }
            Ok(Decoded::Exact(_)) => panic!("damaged, yet exact"),
            Err(error) => panic!("{error}"),
        }
    }
    let verdict = if refused + elsewhere == 20_000 && elsewhere < 20 { "pass" } else { "fail" };
    println!(
        "evidence: id=shamir/text-beyond figure={refused} texts with 5 to 34 wrong letters refused, {elsewhere} shown as \
         corrected to another text verdict={verdict}"
    );
    assert_eq!(refused + elsewhere, 20_000);
    assert!(elsewhere < 20, "{elsewhere}");
}

#[test]
fn nine_unreadable_letters_are_too_many() {
    let text = encode(&sample(9)).unwrap();
    for unreadable in [9, 20, 99] {
        let typed = format!("sr1{}{}", "?".repeat(unreadable), &text[3 + unreadable..]);
        assert!(matches!(decode(&typed), Err(ShareTextError::TooManyErrors)));
    }
}

#[test]
fn swapped_neighbours_are_mended() {
    let original = sample(11);
    let text = encode(&original).unwrap();
    for place in 3..101 {
        let mut typed: Vec<char> = text.chars().collect();
        typed.swap(place, place + 1);
        let typed: String = typed.into_iter().collect();
        match decode(&typed).ok().unwrap() {
            Decoded::Exact(share) => assert!(typed == *text && same(&share, &original)),
            Decoded::Corrected { share, corrections } => {
                assert!(same(&share, &original) && corrections.len() == 2);
            }
        }
    }
}

#[test]
fn wrong_length_prefix_and_characters_are_named() {
    let text = encode(&sample(1)).unwrap();
    let error = |typed: &str| decode(typed).err().unwrap();
    assert!(matches!(error(""), ShareTextError::Empty));
    assert!(matches!(error(" - \n"), ShareTextError::Empty));
    assert!(matches!(error("sr"), ShareTextError::TooShort { missing: 100 }));
    assert!(matches!(error(&text[..101]), ShareTextError::TooShort { missing: 1 }));
    assert!(matches!(error(&text[..40]), ShareTextError::TooShort { missing: 62 }));
    assert!(matches!(error(&format!("{}q", *text)), ShareTextError::TooLong { extra: 1 }));
    assert!(matches!(error(&format!("{0} {0}", *text)), ShareTextError::TooLong { extra: 102 }));
    assert!(matches!(error(&format!("ms1{}", &text[3..])), ShareTextError::Prefix));
    assert!(matches!(error(&text[3..]), ShareTextError::Prefix));
    assert!(matches!(error("83c63ffbbe9a1a94e1b1"), ShareTextError::Prefix));
    for foreign in ["!", "é", ".", "ſ", "\u{212a}"] {
        let typed = format!("sr1 {} {foreign}{}", &text[3..10], &text[11..]);
        assert!(matches!(error(&typed), ShareTextError::ForeignCharacter { position: 11 }), "{foreign}");
    }
    assert_eq!(
        error(&text[..99]).to_string(),
        "3 of the 102 characters of a share are missing: enter ? for each letter that cannot be read"
    );
}

#[test]
fn well_checked_text_that_is_no_share_is_refused() {
    // Version, group, number, threshold and padding, each broken and then checked again.
    let good = || [&[1][..], &[7; 16], &[0, 5, 3], &[9; 32]].concat();
    let with = |at: usize, value: u8| {
        let mut payload = good();
        payload[at] = value;
        payload
    };
    assert!(decode(&checked(&good(), 0)).is_ok());
    assert!(matches!(decode(&checked(&with(0, 2), 0)), Err(ShareTextError::UnknownVersion { version: 2 })));
    assert!(matches!(decode(&checked(&with(18, 0), 0)), Err(ShareTextError::Invalid)));
    assert!(matches!(decode(&checked(&with(19, 0), 0)), Err(ShareTextError::Invalid)));
    for padding in 1..16 {
        assert!(matches!(decode(&checked(&good(), padding)), Err(ShareTextError::Invalid)));
    }
}

#[test]
fn share_that_has_no_text_form_is_named() {
    let of = |threshold, y: &[u8]| ShareText { set: [0; 16], group: 0, threshold, share: share(1, y) };
    assert_eq!(encode(&of(2, &[1; 31])).err(), Some(ShareEncodeError::SecretLength { length: 31 }));
    assert_eq!(encode(&of(2, &[1; 33])).err(), Some(ShareEncodeError::SecretLength { length: 33 }));
    assert_eq!(encode_grouped(&of(0, &[1; 32])).err(), Some(ShareEncodeError::ThresholdZero));
}

#[test]
fn errors_tell_nothing_of_what_was_typed() {
    let text = encode(&sample(1)).unwrap();
    let damaged = Random(1).misspell(&text, &(10..30).collect());
    for typed in [&text[..60], &damaged, &format!("sr1{}!", &text[3..101]), &format!("{}{}", *text, *text)] {
        let error = decode(typed).err().unwrap();
        let told = format!("{error} {error:?}");
        let window = |i: usize| typed.get(i..i + 5).is_some_and(|part| told.contains(part));
        assert!(!(3..typed.len()).any(window), "{told}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn no_text_panics(text in "(sr1|SR1)?[ -~?qpzry9x8]{0,130}") {
        let _ = decode(&text);
    }

    #[test]
    fn no_text_of_the_right_length_is_exact_by_chance(text in "sr1[qpzry9x8gf2tvdw0s3jn54khce6mua7l?]{99}") {
        prop_assert!(!matches!(decode(&text), Ok(Decoded::Exact(_))));
    }
}

/// A text whose check symbols are right, made bit by bit: the payload and four bits of padding.
fn checked(payload: &[u8], padding: u8) -> String {
    let bits: String =
        payload.iter().map(|byte| format!("{byte:08b}")).collect::<String>() + &format!("{padding:04b}");
    let data: Vec<u8> = (0..84).map(|i| u8::from_str_radix(&bits[5 * i..5 * i + 5], 2).unwrap()).collect();
    // BIP-93's `ms32_long_polymod` and `ms32_create_long_checksum`, with the prefix and constant of the format.
    let expanded = [3, 3, 0, 19, 18];
    let mut residue = 1_u128;
    for &value in expanded.iter().chain(&data).chain(&[0; 15]) {
        let top = residue >> 70;
        residue = (residue & ((1 << 70) - 1)) << 5 ^ u128::from(value);
        for (bit, generator) in GENERATOR.iter().enumerate() {
            if top >> bit & 1 == 1 {
                residue ^= generator;
            }
        }
    }
    for (place, letter) in "strngrmsharekey".chars().rev().enumerate() {
        residue ^= u128::try_from(ALPHABET.find(letter).unwrap()).unwrap() << (5 * place);
    }
    let check = (0..15).rev().map(|place| usize::try_from(residue >> (5 * place) & 31).unwrap());
    let letters = data.iter().map(|&symbol| usize::from(symbol)).chain(check);
    "sr1".chars().chain(letters.map(|symbol| ALPHABET.chars().nth(symbol).unwrap())).collect()
}

const GENERATOR: [u128; 5] = [
    0x03d5_9d27_3535_ea62_d897,
    0x07a9_becb_6361_c6c5_1507,
    0x0543_f9b7_e6c3_8d8a_2a0e,
    0x00c5_77ea_eccf_1990_d13c,
    0x0188_7f74_f8dc_71b1_0651,
];

fn sample(seed: u64) -> ShareText {
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let mut byte = || u8::try_from(random.below(256)).unwrap();
    let set = [(); 16].map(|()| byte());
    let y = [(); 32].map(|()| byte());
    ShareText { set, group: byte(), threshold: byte().max(1), share: share(byte().max(1), &y) }
}

fn share(index: u8, y: &[u8]) -> Share {
    Share::new(NonZeroU8::new(index).unwrap(), SecretBytes::copy_from_slice(y).unwrap())
}

fn exact(text: &str) -> ShareText {
    match decode(text) {
        Ok(Decoded::Exact(share)) => share,
        Ok(Decoded::Corrected { .. }) => panic!("corrected, though nothing was wrong"),
        Err(error) => panic!("{error}"),
    }
}

fn corrected(text: &str) -> (ShareText, Vec<Correction>) {
    match decode(text) {
        Ok(Decoded::Corrected { share, corrections }) => (share, corrections),
        Ok(Decoded::Exact(_)) => panic!("exact, though something was wrong"),
        Err(error) => panic!("{error}"),
    }
}

fn same(a: &ShareText, b: &ShareText) -> bool {
    let fields = |text: &ShareText| (text.set, text.group, text.threshold, text.share.index());
    fields(a) == fields(b) && a.share.y().ct_eq(b.share.y())
}

fn places(corrections: &[Correction]) -> BTreeSet<usize> {
    corrections.iter().map(|correction| correction.position).collect()
}

/// The character at a position that counts from 1.
fn letter(text: &str, position: usize) -> char {
    text.chars().nth(position - 1).unwrap()
}

/// Xorshift: the same errors in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % limit
    }

    /// Different positions among the 99 after the prefix, counted from 1 with it.
    fn places(&mut self, count: usize) -> BTreeSet<usize> {
        let mut places = BTreeSet::new();
        while places.len() < count {
            places.insert(4 + usize::try_from(self.below(99)).unwrap());
        }
        places
    }

    /// Another letter of the alphabet at each of the positions.
    fn misspell(&mut self, text: &str, positions: &BTreeSet<usize>) -> String {
        let mut typed = text.to_owned();
        for &position in positions {
            let others: Vec<char> =
                ALPHABET.chars().filter(|&other| other != letter(text, position)).collect();
            let wrong = others[usize::try_from(self.below(31)).unwrap()];
            typed.replace_range(position - 1..position, &wrong.to_string());
        }
        typed
    }
}

const ALPHABET: &str = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
