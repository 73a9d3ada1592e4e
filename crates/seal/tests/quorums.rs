//! Who opens a slot and who does not: every subset of the holders.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    missing_docs
)]

mod common;

use common::*;

#[test]
fn every_quorum_up_to_eight_opens_and_one_share_less_does_not() {
    let (mut opened, mut refused) = (0, 0);
    for shares in 1..=8 {
        for threshold in 1..=shares {
            let sealed = Sealed::new(Suite::P256, &[&format!("{threshold} of {shares}")]);
            for quorum in subsets(shares, threshold) {
                assert!(opens(&sealed, &quorum), "{threshold} of {shares}: {quorum:?}");
                opened += 1;
            }
            for minority in subsets(shares, threshold - 1) {
                assert!(!opens(&sealed, &minority), "{threshold} of {shares}: {minority:?}");
                refused += 1;
            }
        }
    }
    let verdict = if (opened, refused) == (502, 502) { "pass" } else { "fail" };
    println!(
        "evidence: id=seal/quorums figure={opened} quorums opened, {refused} sets of one share less were refused verdict={verdict}"
    );
    assert_eq!((opened, refused), (502, 502));
}

#[test]
fn minority_that_lowers_the_threshold_in_storage_gets_another_key() {
    let mut refused = 0;
    for shares in 3..=8_u8 {
        for threshold in 3..=shares {
            let sealed = Sealed::new(Suite::P256, &[&format!("{threshold} of {shares}")]);
            let lowered = altered(&sealed.set, |bytes| {
                replace(bytes, &[0, 3, 1, threshold, shares], &[0, 3, 1, threshold - 1, shares]);
            });
            for minority in subsets(shares.into(), usize::from(threshold) - 1) {
                let mut collector = Collector::new(lowered.clone());
                for &place in &minority {
                    collector.offer_vault(None, sealed.raw(0, place)).unwrap();
                }
                assert!(matches!(collector.open().refused(), OpenError::Altered { .. }));
                refused += 1;
            }
        }
    }
    println!(
        "evidence: id=seal/lowered-threshold figure={refused} minorities that lowered the threshold in storage got another key \
         verdict={}",
        if refused > 300 { "pass" } else { "fail" }
    );
    assert!(refused > 300);
}

#[test]
fn quorums_open_under_x_wing() {
    for (threshold, shares) in [(1, 1), (1, 3), (2, 3), (3, 5)] {
        let sealed = Sealed::new(Suite::XWing, &[&format!("{threshold} of {shares}")]);
        assert!(subsets(shares, threshold).all(|quorum| opens(&sealed, &quorum)));
        assert!(!subsets(shares, threshold - 1).any(|minority| opens(&sealed, &minority)));
    }
}

#[test]
fn groups_open_when_enough_of_them_are_complete() {
    // Holders by group: 0 to 2, 3 and 4, 5 to 7; two of these quorums are required.
    let sealed =
        Sealed::new(Suite::P256, &["groups(2 of {security: 2 of 3, operations: 1 of 2, board: 3 of 3})"]);
    let (mut opened, mut refused) = (0, 0);
    for size in 0..=8 {
        for holders in subsets(8, size) {
            let count = |places: std::ops::Range<usize>| {
                holders.iter().filter(|place| places.contains(place)).count()
            };
            let complete = [count(0..3) >= 2, count(3..5) >= 1, count(5..8) >= 3];
            let expected = complete.iter().filter(|complete| **complete).count() >= 2;
            assert_eq!(opens(&sealed, &holders), expected, "{holders:?}");
            if expected { opened += 1 } else { refused += 1 }
        }
    }
    let verdict = if opened + refused == 256 && opened > 0 && refused > 0 { "pass" } else { "fail" };
    println!(
        "evidence: id=seal/groups figure={opened} sets of holders opened, {refused} were refused, of all sets of 8 holders in 3 \
         groups verdict={verdict}"
    );
    assert_eq!(opened + refused, 256);
    assert!(opened > 0 && refused > 0);
}

#[test]
fn groups_open_under_x_wing_in_both_forms_of_shares() {
    let sealed = Sealed::new(Suite::XWing, &["groups(2 of {security: 2 of 3, operations: 1 of 2})"]);
    let mut collector = Collector::new(sealed.set.clone());
    assert_eq!(collector.offer_vault(None, sealed.raw(0, 4)).unwrap().group.as_deref(), Some("operations"));
    assert_eq!(collector.offer_vault(None, sealed.raw(0, 2)).unwrap().group.as_deref(), Some("security"));
    assert_eq!(collector.ready(), None);
    collector.offer(sealed.share(0, 0)).unwrap();
    assert!(collector.open().unwrap().root.ct_eq(&sealed.root));
}

#[test]
fn progress_tells_shares_and_groups() {
    let sealed = Sealed::new(Suite::P256, &["3 of 5", "groups(2 of {security: 2 of 3, operations: 1 of 2})"]);
    let mut collector = Collector::new(sealed.set.clone());
    let [plain, grouped] = <[_; 2]>::try_from(collector.progress()).unwrap();
    assert_eq!((plain.have, plain.need, plain.groups.len(), plain.complete), (0, 3, 0, false));
    assert_eq!((grouped.have, grouped.need), (0, 2));
    assert_eq!(grouped.groups, [("security".to_owned(), 0, 2), ("operations".to_owned(), 0, 1)]);

    let accepted = collector.offer(sealed.share(0, 4)).unwrap();
    assert_eq!((accepted.label.as_str(), accepted.index, accepted.progress.have), ("slot 0", 5, 1));
    let accepted = collector.offer(sealed.share(1, 3)).unwrap();
    assert_eq!((accepted.group.as_deref(), accepted.index), (Some("operations"), 1));
    assert_eq!((accepted.progress.have, accepted.progress.need), (1, 2));
    // One more of a group that is complete counts for nothing.
    let accepted = collector.offer(sealed.share(1, 4)).unwrap();
    assert_eq!((accepted.progress.have, accepted.progress.complete), (1, false));
    collector.offer(sealed.share(1, 0)).unwrap();
    assert_eq!(collector.ready(), None);
    let accepted = collector.offer(sealed.share(1, 2)).unwrap();
    assert!(accepted.progress.complete);
    assert_eq!(collector.ready(), Some(sealed.set.slots()[1].id()));
    assert_eq!(collector.progress()[0].have, 1, "shares of the other slot are kept beside");
    let opened = collector.open().unwrap();
    assert_eq!(opened.slot, sealed.set.slots()[1].id());
    assert!(opened.root.ct_eq(&sealed.root) && opened.psk.ct_eq(sealed.psk(opened.slot).unwrap()));
}

#[test]
fn large_policies_are_made_and_open() {
    for policy in ["255 of 255", "128 of 255", "1 of 255", "groups(3 of {a: 20 of 40, b: 1 of 1, c: 9 of 9})"]
    {
        let sealed = Sealed::new(Suite::P256, &[policy]);
        let all: Vec<usize> = (0..sealed.shares[0].len()).rev().collect();
        assert!(opens(&sealed, &all), "{policy}");
        let read = SlotSet::decode(&sealed.set.encode()).unwrap();
        assert_eq!(read, sealed.set);
    }
}

/// Whether these holders of the first slot open it, one after the other, stopping as soon as it is ready.
fn opens(sealed: &Sealed, holders: &[usize]) -> bool {
    let mut collector = Collector::new(sealed.set.clone());
    for &place in holders {
        collector.offer(sealed.share(0, place)).unwrap();
        if collector.ready().is_some() {
            break;
        }
    }
    match collector.open() {
        Ok(opened) => {
            assert!(opened.root.ct_eq(&sealed.root));
            true
        }
        Err(OpenError::NotReady) => false,
        Err(error) => panic!("{error}"),
    }
}
