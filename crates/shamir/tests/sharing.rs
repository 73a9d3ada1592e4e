//! What splitting and combining promise, seen from outside.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout
)]

use std::num::NonZeroU8;

use proptest::prelude::*;
use strongroom_crypto::random::fault;
use strongroom_crypto::secret::SecretBytes;
use strongroom_shamir::{CombineError, MAX_SECRET_LEN, Share, SplitError, combine, split};

const SECRET: &[u8; 32] = b"thirty-two bytes, to be split up";

#[test]
fn every_t_subset_recovers_and_every_smaller_one_gives_another_secret_up_to_8_of_8() {
    let (mut recovered, mut other, mut policies) = (0, 0, 0);
    for n in 1..=8 {
        for t in 1..=n {
            policies += 1;
            let shares = split(SECRET, t, n).unwrap();
            for chosen in subsets(&shares) {
                let right = combine(&chosen).unwrap().expose() == SECRET;
                assert_eq!(right, chosen.len() >= usize::from(t), "{} shares of {t} of {n}", chosen.len());
                if right { recovered += 1 } else { other += 1 }
            }
        }
    }
    // Counted otherwise: there are 2^n − 1 subsets, and one of k members is enough for the k thresholds up to k.
    let members: u32 = (1..=8).map(|n: u32| n << (n - 1)).sum();
    let all: u32 = (1..=8).map(|n: u32| n * ((1 << n) - 1)).sum();
    let verdict = if (recovered, other) == (members, all - members) { "pass" } else { "fail" };
    println!(
        "evidence: id=shamir/subsets figure={recovered} subsets of the threshold or more recover, {other} smaller ones do \
         not, {policies} pairs (t, n) verdict={verdict}"
    );
    assert_eq!((recovered, other), (members, all - members));
}

#[test]
fn order_does_not_matter() {
    let shares = split(SECRET, 3, 5).unwrap();
    for order in [[0, 2, 4], [4, 2, 0], [2, 0, 4], [4, 0, 2]] {
        assert_eq!(combine(&order.map(|place| &shares[place])).unwrap().expose(), SECRET);
    }
}

#[test]
fn threshold_of_one_gives_everybody_the_secret() {
    for n in [1, 2, 255] {
        let shares = split(SECRET, 1, n).unwrap();
        assert_eq!(shares.len(), usize::from(n));
        assert!(shares.iter().all(|share| share.y().expose() == SECRET));
    }
}

#[test]
fn all_255_are_needed_of_255_and_254_give_another_secret() {
    let shares = split(SECRET, 255, 255).unwrap();
    let all: Vec<&Share> = shares.iter().collect();
    assert_eq!(combine(&all).unwrap().expose(), SECRET);
    for missing in 0..255 {
        let mut fewer = all.clone();
        fewer.remove(missing);
        assert_ne!(combine(&fewer).unwrap().expose(), SECRET);
    }
}

#[test]
fn shares_are_numbered_from_one() {
    let numbers: Vec<u8> = split(SECRET, 2, 255).unwrap().iter().map(|share| share.index().get()).collect();
    assert_eq!(numbers, (1..=255).collect::<Vec<u8>>());
}

#[test]
fn same_secret_is_never_shared_by_the_same_polynomials() {
    let [first, second] = [(); 2].map(|()| split(SECRET, 2, 2).unwrap());
    assert!(first.iter().zip(&second).all(|(a, b)| a.y().expose() != b.y().expose()));
}

#[test]
fn wrong_arguments_are_named() {
    assert!(matches!(split(SECRET, 0, 5), Err(SplitError::ThresholdZero)));
    assert!(matches!(split(SECRET, 0, 0), Err(SplitError::ThresholdZero)));
    assert!(matches!(split(SECRET, 4, 3), Err(SplitError::ThresholdAboveShares { threshold: 4, shares: 3 })));
    assert!(matches!(split(SECRET, 1, 0), Err(SplitError::ThresholdAboveShares { threshold: 1, shares: 0 })));
    assert!(matches!(split(&[], 2, 3), Err(SplitError::SecretLength { length: 0 })));
    let long = [0; MAX_SECRET_LEN + 1];
    assert!(matches!(split(&long, 2, 3), Err(SplitError::SecretLength { length: 1025 })));
    assert!(split(&long[1..], 2, 3).is_ok());
}

#[test]
fn shares_that_do_not_belong_together_are_named() {
    assert!(matches!(combine(&[]), Err(CombineError::NoShares)));
    let shares = split(SECRET, 2, 3).unwrap();
    let again = shares[2].duplicate().unwrap();
    assert!(matches!(
        combine(&[&shares[2], &shares[0], &again]),
        Err(CombineError::DuplicateIndex { index: 3 })
    ));
    let short = share(7, &[1; 31]);
    assert!(matches!(
        combine(&[&shares[1], &shares[0], &short]),
        Err(CombineError::UnequalLengths { first: 2, length: 32, other: 7, other_length: 31 })
    ));
    assert!(matches!(combine(&[&share(9, &[])]), Err(CombineError::Empty { index: 9 })));
}

#[test]
fn randomness_that_fails_at_any_draw_leaves_no_shares() {
    fault::reset();
    split(SECRET, 5, 7).unwrap();
    let draws = fault::calls();
    assert_eq!(draws, 4);
    for succeed in 0..draws {
        fault::fail_after(succeed);
        assert!(matches!(split(SECRET, 5, 7), Err(SplitError::Randomness(_))));
    }
    // The control: one draw later, nothing fails any more.
    fault::fail_after(draws);
    assert!(split(SECRET, 5, 7).is_ok());
    fault::reset();
}

#[test]
fn errors_say_nothing_of_the_secret() {
    let texts = [
        split(SECRET, 0, 5).err().unwrap().to_string(),
        split(SECRET, 4, 3).err().unwrap().to_string(),
        combine(&[&share(3, SECRET), &share(3, SECRET)]).err().unwrap().to_string(),
        combine(&[&share(3, SECRET), &share(4, &SECRET[1..])]).err().unwrap().to_string(),
    ];
    assert!(texts.iter().all(|text| text.len() > 20 && !text.contains("thirty") && !text.contains("116")));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn any_secret_comes_back_from_any_quorum(
        secret in prop::collection::vec(any::<u8>(), 1..200),
        t in 1u8..=40,
        more in 0u8..=60,
        skip in any::<prop::sample::Index>(),
    ) {
        let shares = split(&secret, t, t + more).unwrap();
        let start = skip.index(shares.len());
        let quorum: Vec<&Share> = shares.iter().cycle().skip(start).take(usize::from(t)).collect();
        let combined = combine(&quorum).unwrap();
        prop_assert_eq!(combined.expose(), secret.as_slice());
    }
}

fn subsets(shares: &[Share]) -> impl Iterator<Item = Vec<&Share>> {
    (1..1_u32 << shares.len()).map(|chosen| {
        shares
            .iter()
            .enumerate()
            .filter(|(place, _)| chosen & (1 << place) != 0)
            .map(|(_, share)| share)
            .collect()
    })
}

fn share(index: u8, y: &[u8]) -> Share {
    Share::new(NonZeroU8::new(index).unwrap(), SecretBytes::copy_from_slice(y).unwrap())
}
