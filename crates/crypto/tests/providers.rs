//! The two AES-GCM providers against each other.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout, missing_docs)]
#![cfg(all(feature = "aws-lc-rs", feature = "rustcrypto"))]
use std::sync::atomic::{AtomicU32, Ordering};

use proptest::prelude::*;
use strongroom_crypto::aead::AeadError;
use strongroom_crypto::aead::provider::{aws_lc, rustcrypto};
use strongroom_crypto::secret::Secret;

const CASES: u32 = 400;
static AGREED: AtomicU32 = AtomicU32::new(0);

proptest! {
    #![proptest_config(ProptestConfig { cases: CASES, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn each_opens_what_the_other_seals(
        key: [u8; 32],
        nonce: [u8; 12],
        aad in proptest::collection::vec(any::<u8>(), 0..400),
        plaintext in proptest::collection::vec(any::<u8>(), 0..3000),
        flip: prop::sample::Index,
        cut: prop::sample::Index,
    ) {
        let key = Secret::copy_from_slice(&key).unwrap();
        let (one, two) = (aws_lc::Key::new(&key).unwrap(), rustcrypto::Key::new(&key).unwrap());
        let (mut by_one, mut by_two) = (plaintext.clone(), plaintext.clone());
        let tag = one.seal_in_place(&nonce, &aad, &mut by_one).unwrap();
        prop_assert_eq!(tag, two.seal_in_place(&nonce, &aad, &mut by_two).unwrap());
        prop_assert_eq!(&by_one, &by_two);

        // From elsewhere, in two parts cut anywhere: the same bytes.
        let (start, ending) = plaintext.split_at(cut.index(plaintext.len() + 1));
        let expected = [by_one.as_slice(), &tag].concat();
        for seal_into in [
            &mut |sealed: &mut [u8]| one.seal_into(&nonce, &aad, start, ending, sealed),
            &mut |sealed: &mut [u8]| two.seal_into(&nonce, &aad, start, ending, sealed),
        ] as [&mut dyn FnMut(&mut [u8]) -> Result<(), AeadError>; 2] {
            let mut sealed = vec![0xEE; expected.len()];
            prop_assert_eq!(seal_into(&mut sealed), Ok(()));
            prop_assert_eq!(&sealed, &expected);
        }

        let mut output = vec![0; plaintext.len()];
        two.open_into(&nonce, &aad, &by_one, &tag, &mut output).unwrap();
        prop_assert_eq!(&output, &plaintext);
        one.open_in_place(&nonce, &aad, &mut by_two, &tag).unwrap();
        prop_assert_eq!(&by_two, &plaintext);

        // One bit of ciphertext or tag: both refuse, and leave zeros.
        let mut changed = [by_one.as_slice(), &tag].concat();
        let bit = flip.index(changed.len() * 8);
        changed[bit / 8] ^= 1 << (bit % 8);
        let (ciphertext, tag) = changed.split_last_chunk().unwrap();
        for open_into in [
            &mut |output: &mut [u8]| one.open_into(&nonce, &aad, ciphertext, tag, output),
            &mut |output: &mut [u8]| two.open_into(&nonce, &aad, ciphertext, tag, output),
        ] as [&mut dyn FnMut(&mut [u8]) -> Result<(), AeadError>; 2] {
            output.fill(0xEE);
            prop_assert_eq!(open_into(&mut output), Err(AeadError::Forged));
            prop_assert!(output.iter().all(|byte| *byte == 0));
        }
        let agreed = AGREED.fetch_add(1, Ordering::Relaxed) + 1;
        if agreed == CASES {
            println!(
                "evidence: id=crypto/providers figure={agreed} random messages sealed alike, opened crosswise, and refused by \
                 both when one bit was flipped verdict=pass"
            );
        }
    }
}

#[test]
fn output_of_another_length_is_refused_and_zeroed() {
    let key = Secret::random().unwrap();
    let mut output = [1; 5];
    let outcome = aws_lc::Key::new(&key).unwrap().open_into(&[0; 12], &[], &[0; 4], &[0; 16], &mut output);
    assert_eq!((outcome, output), (Err(AeadError::Length), [0; 5]));
    output = [1; 5];
    let outcome =
        rustcrypto::Key::new(&key).unwrap().open_into(&[0; 12], &[], &[0; 4], &[0; 16], &mut output);
    assert_eq!((outcome, output), (Err(AeadError::Length), [0; 5]));
}

#[test]
fn room_that_is_not_just_enough_for_ciphertext_and_tag_is_refused_and_zeroed() {
    let key = Secret::random().unwrap();
    let (one, two) = (aws_lc::Key::new(&key).unwrap(), rustcrypto::Key::new(&key).unwrap());
    let (plaintext, ending) = ([1; 5], [2; 3]);
    for len in 0..40 {
        let expected = if len == 5 + 3 + 16 { Ok(()) } else { Err(AeadError::Length) };
        let (mut by_one, mut by_two) = (vec![0xEE; len], vec![0xEE; len]);
        assert_eq!(one.seal_into(&[0; 12], &[], &plaintext, &ending, &mut by_one), expected, "{len}");
        assert_eq!(two.seal_into(&[0; 12], &[], &plaintext, &ending, &mut by_two), expected, "{len}");
        assert_eq!(by_one, by_two);
        assert!(expected.is_ok() || by_one.iter().all(|byte| *byte == 0));
    }
}
