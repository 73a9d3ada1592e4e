//! Wrong, foreign, damaged and repeated shares: each is named, none costs anything.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

mod common;

use std::num::NonZeroU8;

use common::*;
use strongroom_crypto::secret::SecretBytes;
use strongroom_seal::slot::SlotState;
use strongroom_seal::unseal::verify_share;
use strongroom_shamir::Share;
use strongroom_shamir::vault;

const GROUPS: &str = "groups(2 of {security: 2 of 3, operations: 1 of 2})";

#[test]
fn bad_shares_are_named_and_the_good_ones_open_afterwards() {
    let sealed = sealed_with_pending();
    let foreign = Sealed::of(StoreId(*b"store of another"), Suite::P256, &["3 of 5"]);
    let mut collector = Collector::new(sealed.set.clone());
    let mut refuse = |share: ShareText, wanted: fn(&ShareError) -> bool, words: &str| {
        let y = hex(share.share.y().expose());
        let before = collector.progress();
        let error = collector.offer(share).refused();
        assert!(wanted(&error), "{error:?}");
        let message = error.to_string();
        assert!(message.contains(words), "{message}");
        for window in y.as_bytes().windows(8) {
            assert!(
                !message.contains(std::str::from_utf8(window).unwrap()),
                "a message tells a share: {message}"
            );
        }
        assert_eq!(collector.progress(), before);
        collector.offer(sealed.share(0, before[0].have)).map(|_| ())
    };

    refuse(foreign.share(0, 0), |e| matches!(e, ShareError::UnknownSet { .. }), "this store's sets are")
        .unwrap();
    refuse(
        damaged(&sealed, 0, 1),
        |e| matches!(e, ShareError::Damaged(_)),
        "share 2 of slot \"slot 0\" is damaged",
    )
    .unwrap();
    refuse(
        sealed.share(0, 1),
        |e| matches!(e, ShareError::Repeated(_)),
        "share 2 of slot \"slot 0\" is here already",
    )
    .unwrap();
    // The slot is complete by now.
    let mut collector = Collector::new(sealed.set.clone());
    for place in 0..3 {
        collector.offer(sealed.share(1, place)).unwrap();
    }
    let mut refuse = |share: ShareText, wanted: fn(&ShareError) -> bool, words: &str| {
        let error = collector.offer(share).refused();
        assert!(wanted(&error), "{error:?}");
        assert!(error.to_string().contains(words), "{error}");
    };
    refuse(
        damaged(&sealed, 1, 3),
        |e| matches!(e, ShareError::Damaged(_)),
        "share 1 of group \"operations\" of slot \"slot 1\"",
    );
    refuse(
        sealed.share(1, 2),
        |e| matches!(e, ShareError::Repeated(_)),
        "share 3 of group \"security\" of slot \"slot 1\"",
    );
    refuse(
        sealed.share(2, 0),
        |e| matches!(e, ShareError::Pending(_)),
        "share 1 of slot \"next\" is good, but",
    );
    let say = |place, group, index, threshold| {
        let ShareText { set, share, .. } = sealed.share(1, place);
        let share = Share::new(NonZeroU8::new(index).unwrap(), share.y().duplicate().unwrap());
        ShareText { set, group, threshold, share }
    };
    refuse(
        say(3, 3, 1, 1),
        |e| matches!(e, ShareError::WrongGroup { .. }),
        "names group 3, but slot \"slot 1\" has groups 1 to 2",
    );
    refuse(say(3, 0, 1, 1), |e| matches!(e, ShareError::WrongGroup { .. }), "names group 0");
    refuse(
        say(3, 2, 3, 1),
        |e| matches!(e, ShareError::BadIndex { .. }),
        "there is no share 3 of group \"operations\"",
    );
    refuse(
        say(3, 2, 1, 2),
        |e| matches!(e, ShareError::WrongThreshold { .. }),
        "names the threshold 2, but it is 1",
    );
    // A good share that says another place is not the share of that place.
    refuse(say(0, 2, 1, 1), |e| matches!(e, ShareError::Damaged(_)), "share 1 of group \"operations\"");
    refuse(say(0, 1, 2, 2), |e| matches!(e, ShareError::Damaged(_)), "share 2 of group \"security\"");

    collector.offer(sealed.share(1, 3)).unwrap();
    assert!(collector.open().unwrap().root.ct_eq(&sealed.root));
}

#[test]
fn every_flipped_bit_of_a_share_is_damage() {
    for (policy, suite) in [("2 of 3", Suite::P256), ("1 of 2", Suite::P256), ("1 of 1", Suite::XWing)] {
        let sealed = Sealed::new(suite, &[policy]);
        for bit in 0..256 {
            let mut share = sealed.share(0, 0);
            let mut y = share.share.y().duplicate().unwrap();
            y.expose_mut()[bit / 8] ^= 1 << (bit % 8);
            share.share = Share::new(share.share.index(), y);
            let error = verify_share(&sealed.set, &share).refused();
            assert!(
                matches!(&error, ShareError::Damaged(name) if name.index == 1),
                "{policy}, bit {bit}: {error}"
            );
        }
        assert!(verify_share(&sealed.set, &sealed.share(0, 0)).is_ok());
    }
}

#[test]
fn one_holder_alone_learns_which_share_it_is() {
    let sealed = sealed_with_pending();
    let identity = verify_share(&sealed.set, &sealed.share(1, 4)).unwrap();
    assert_eq!(identity.slot, sealed.set.slots()[1].id());
    assert_eq!((identity.label.as_str(), identity.group.as_deref()), ("slot 1", Some("operations")));
    assert_eq!((identity.group_number, identity.index, identity.threshold), (2, 2, 1));
    assert_eq!(identity.state, SlotState::Active);
    assert_eq!(identity.name().to_string(), "share 2 of group \"operations\" of slot \"slot 1\"");
    // A pending slot's too.
    let identity = verify_share(&sealed.set, &sealed.share(2, 1)).unwrap();
    assert_eq!((identity.label.as_str(), identity.index, identity.state), ("next", 2, SlotState::Pending));
}

#[test]
fn unknown_set_names_the_sets_that_there_are() {
    let sealed = sealed_with_pending();
    let foreign = Sealed::of(StoreId(*b"store of another"), Suite::P256, &["1 of 1"]);
    let ShareError::UnknownSet { set, known } = verify_share(&sealed.set, &foreign.share(0, 0)).refused()
    else {
        panic!("another store's share has an unknown set");
    };
    assert_eq!(set, hex(&foreign.set.slots()[0].set_id()[..4]));
    let labels: Vec<_> = known.iter().map(|known| known.label.as_str()).collect();
    assert_eq!(labels, ["slot 0", "slot 1", "next"]);
    for (known, slot) in known.iter().zip(sealed.set.slots()) {
        assert_eq!(known.set, hex(&slot.set_id()[..4]));
    }
    let empty = verify_share(&SlotSet::new(STORE), &foreign.share(0, 0)).refused();
    assert!(empty.to_string().contains("this store's sets are none"), "{empty}");
}

#[test]
fn vault_shares_are_recognised_in_any_slot() {
    let sealed = sealed_with_pending();
    let mut collector = Collector::new(sealed.set.clone());
    // As a person would give them: in hex or base64.
    let typed = [
        vault::to_hex(&sealed.raw(0, 4)),
        vault::to_base64(&sealed.raw(1, 0)),
        vault::to_hex(&sealed.raw(0, 2)),
    ];
    let places: Vec<_> = typed
        .iter()
        .map(|text| collector.offer_vault(None, vault::parse(text).unwrap()).unwrap())
        .map(|accepted| (accepted.label, accepted.group, accepted.index))
        .collect();
    let place = |label: &str, group: Option<&str>, index| (label.to_owned(), group.map(str::to_owned), index);
    assert_eq!(
        places,
        [place("slot 0", None, 5), place("slot 1", Some("security"), 1), place("slot 0", None, 3)]
    );

    let error = collector.offer_vault(None, sealed.raw(0, 4)).refused();
    assert!(matches!(&error, ShareError::Repeated(name) if name.index == 5), "{error}");
    let error = collector.offer_vault(None, damaged(&sealed, 0, 1).share).refused();
    assert!(matches!(error, ShareError::Unrecognised { index: 2 }), "{error}");
    let error = collector.offer_vault(None, sealed.raw(2, 0)).refused();
    assert!(matches!(error, ShareError::Pending(_)), "{error}");
    let elsewhere = Some(sealed.set.slots()[1].id());
    let error = collector.offer_vault(elsewhere, sealed.raw(0, 0)).refused();
    assert!(matches!(error, ShareError::Unrecognised { index: 1 }), "{error}");
    let nowhere = Some(SlotId::new([7; 16]));
    let error = collector.offer_vault(nowhere, sealed.raw(0, 0)).refused();
    assert!(matches!(error, ShareError::NoSuchSlot(_)), "{error}");
    let short = Share::new(NonZeroU8::MIN, SecretBytes::copy_from_slice(&[7; 31]).unwrap());
    let error = collector.offer_vault(None, short).refused();
    assert!(matches!(error, ShareError::BadLength { length: 31 }), "{error}");

    collector.offer_vault(Some(sealed.set.slots()[0].id()), sealed.raw(0, 0)).unwrap();
    assert!(collector.open().unwrap().root.ct_eq(&sealed.root));
}

#[test]
fn share_that_is_the_secret_is_checked_by_the_key_that_it_gives() {
    for suite in [Suite::XWing, Suite::P256] {
        let sealed = Sealed::new(suite, &["1 of 3"]);
        assert!(sealed.set.slots()[0].commitments().is_empty());
        for place in 0..3 {
            let mut collector = Collector::new(sealed.set.clone());
            collector.offer_vault(None, sealed.raw(0, place)).unwrap();
            assert!(collector.open().unwrap().root.ct_eq(&sealed.root));
        }
        let mut collector = Collector::new(sealed.set.clone());
        let error = collector.offer(damaged(&sealed, 0, 1)).refused();
        assert!(matches!(&error, ShareError::Damaged(name) if name.index == 2), "{error}");
        let error = collector.offer_vault(None, damaged(&sealed, 0, 1).share).refused();
        assert!(matches!(error, ShareError::Unrecognised { index: 2 }), "{error}");
        collector.offer(sealed.share(0, 2)).unwrap();
        assert!(collector.open().unwrap().root.ct_eq(&sealed.root));
    }
}

/// `3 of 5` and groups, both active, and beside them `next`, pending.
fn sealed_with_pending() -> Sealed {
    let mut sealed = Sealed::new(Suite::P256, &["3 of 5", GROUPS]);
    let NewSlot { slot, psk, shares } =
        create(STORE, "next", "2 of 2".parse().unwrap(), Suite::P256, 0, &NoHsm).unwrap();
    sealed.psks.push((slot.id(), psk));
    sealed.shares.push(shares);
    let slots = [sealed.set.slots(), &[slot]].concat();
    sealed.set = sealed.rewrapped(2, slots, &sealed.root);
    sealed
}

fn damaged(sealed: &Sealed, slot: usize, place: usize) -> ShareText {
    let mut share = sealed.share(slot, place);
    let mut y = share.share.y().duplicate().unwrap();
    y.expose_mut()[31] ^= 1;
    share.share = Share::new(share.share.index(), y);
    share
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|digit| char::from_digit(digit.into(), 16).unwrap())
        .collect()
}
