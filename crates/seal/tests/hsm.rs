//! Slots that keys in HSMs open, alone and together with shares.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod common;

use common::Answer::{Flipped, Honest, Short, Silent, Zeros};
use common::*;
use strongroom_seal::create::CreateError;
use strongroom_seal::unseal::{Possession, PossessionError};

const HSM: &str = "hsm(main, root)";
const BOTH: &str = "all(shamir(2 of 3), hsm(main, root))";
const GROUPS: &str = "all(hsm(main, root), groups(2 of {a: 1 of 2, b: 2 of 2}), hsm(second, root))";

/// Everything that the token gives for the set, taken by a collector.
fn ask(collector: &mut Collector, token: &Token) {
    for part in collector.hsm_parts() {
        let secret = part.unwrap(token).map_err(|error| error.to_string()).unwrap();
        collector.take_hsm(secret);
    }
}

#[test]
fn hsm_opens_its_slot_without_a_person() {
    let token = Token::new();
    for suite in [Suite::XWing, Suite::P256] {
        let sealed = Sealed::with(STORE, suite, &[HSM, "all(hsm(main, root), hsm(second, root))"], &token);
        assert!(sealed.shares.iter().all(Vec::is_empty));
        let mut collector = Collector::new(SlotSet::decode(&sealed.set.encode()).unwrap());
        assert!(matches!(collector.open(), Err(OpenError::NotReady)));
        assert_eq!(collector.hsm_parts().len(), 3);
        ask(&mut collector, &token);
        assert!(collector.hsm_parts().is_empty());
        assert!(collector.progress().iter().all(|progress| progress.complete));
        assert!(collector.open().unwrap().root.ct_eq(&sealed.root));
    }
}

#[test]
fn quorum_without_hsm_and_hsm_without_quorum_open_nothing() {
    let token = Token::new();
    for (policy, quorum, minority) in [(BOTH, vec![0, 2], vec![1]), (GROUPS, vec![1, 2, 3], vec![0, 1, 2])] {
        let sealed = Sealed::with(STORE, Suite::XWing, &[policy], &token);
        assert!(matches!(
            open(&sealed.set, quorum.iter().map(|&n| sealed.share(0, n))),
            Err(OpenError::NotReady)
        ));

        let mut hsm_alone = Collector::new(sealed.set.clone());
        ask(&mut hsm_alone, &token);
        assert!(matches!(hsm_alone.open(), Err(OpenError::NotReady)));
        for &n in &minority {
            hsm_alone.offer(sealed.share(0, n)).unwrap();
        }
        assert!(matches!(hsm_alone.open(), Err(OpenError::NotReady)));

        let mut both = Collector::new(sealed.set.clone());
        for &n in &quorum {
            both.offer(sealed.share(0, n)).unwrap();
        }
        assert!(!both.progress()[0].complete);
        ask(&mut both, &token);
        assert!(both.open().unwrap().root.ct_eq(&sealed.root));
    }
}

#[test]
fn one_hsm_of_two_is_not_enough() {
    let token = Token::new();
    let sealed = Sealed::with(STORE, Suite::P256, &["all(hsm(main, root), hsm(second, root))"], &token);
    let parts = Collector::new(sealed.set.clone()).hsm_parts();
    for part in &parts {
        let mut collector = Collector::new(sealed.set.clone());
        collector.take_hsm(part.unwrap(&token).unwrap());
        assert!(matches!(collector.open(), Err(OpenError::NotReady)));
    }
}

#[test]
fn break_glass_slot_opens_when_the_token_is_gone() {
    let token = Token::new();
    let sealed = Sealed::with(STORE, Suite::XWing, &[HSM, "2 of 3"], &token);
    drop(token);
    let stranger = Token::new();
    let mut collector = Collector::new(sealed.set.clone());
    for part in collector.hsm_parts() {
        assert!(matches!(part.unwrap(&stranger).refused(), HsmPartError::Hsm { .. }));
        assert!(matches!(part.unwrap(&NoHsm).refused(), HsmPartError::Hsm { .. }));
    }
    for n in [0, 2] {
        collector.offer(sealed.share(1, n)).unwrap();
    }
    assert!(collector.open().unwrap().root.ct_eq(&sealed.root));
}

#[test]
fn token_that_lies_is_caught_before_a_slot_is_made() {
    let token = Token::new();
    let make = || create(STORE, "hsm", BOTH.parse().unwrap(), Suite::P256, 0, &token);
    for wrap in [Flipped, Short(0), Short(20), Zeros, Silent] {
        token.plan(&[wrap]);
        assert!(matches!(make().refused(), CreateError::Hsm(_)), "{wrap:?}");
    }
    for unwrap in [Flipped, Short(0), Short(31), Zeros, Silent] {
        token.plan(&[Honest, unwrap]);
        assert!(matches!(make().refused(), CreateError::Hsm(_)), "{unwrap:?}");
    }
    token.plan(&[]);
    assert!(make().is_ok(), "the control: an honest token is taken");
}

#[test]
fn token_that_lies_is_named_when_the_store_is_opened() {
    let token = Token::new();
    let sealed = Sealed::with(STORE, Suite::P256, &[BOTH], &token);
    let part = &Collector::new(sealed.set.clone()).hsm_parts()[0];
    for answer in [Answer::Flipped, Answer::Short(0), Answer::Short(31), Answer::Zeros] {
        token.plan(&[answer]);
        let error = part.unwrap(&token).refused();
        assert!(matches!(error, HsmPartError::WrongSecret { .. }), "{answer:?}: {error}");
        assert!(error.to_string().starts_with("hsm(main, root) answered with another secret"));
    }
    assert!(part.unwrap(&token).is_ok());
}

#[test]
fn every_bit_of_a_wrapped_part_matters() {
    let token = Token::new();
    let sealed = Sealed::with(STORE, Suite::P256, &[HSM], &token);
    let wrapped = sealed.set.slots()[0].hsm_wrapped()[0].clone();
    for place in 0..wrapped.len() {
        let mut other = wrapped.clone();
        other[place] ^= 1;
        let set = altered(&sealed.set, |bytes| replace(bytes, &wrapped, &other));
        assert!(Collector::new(set).hsm_parts()[0].unwrap(&token).is_err(), "byte {place}");
    }
}

#[test]
fn part_of_another_slot_or_store_does_not_open_here() {
    let token = Token::new();
    let here = Sealed::with(STORE, Suite::P256, &[HSM, "all(hsm(main, root), 1 of 2)"], &token);
    let there = Sealed::with(StoreId(*b"another store, 2"), Suite::P256, &[HSM], &token);
    let part = |sealed: &Sealed, slot: usize| sealed.set.slots()[slot].hsm_wrapped()[0].clone();
    for foreign in [part(&here, 1), part(&there, 0)] {
        let own = part(&here, 0);
        let set = altered(&here.set, |bytes| {
            let at = find(bytes, &own);
            bytes.splice(at..at + own.len(), foreign.iter().copied());
        });
        let error = Collector::new(set).hsm_parts()[0].unwrap(&token).refused();
        assert!(matches!(error, HsmPartError::Hsm { .. }), "{error}");
    }
}

#[test]
fn secret_of_a_planted_part_is_not_taken() {
    // The planter's own token wraps the planter's own secret: the commitment tells.
    let token = Token::new();
    let sealed = Sealed::with(STORE, Suite::P256, &[HSM], &token);
    let part = &Collector::new(sealed.set.clone()).hsm_parts()[0];
    let planted = Sealed::with(STORE, Suite::P256, &[HSM], &token);
    let other = Collector::new(planted.set.clone()).hsm_parts()[0].unwrap(&token).unwrap();
    let mut collector = Collector::new(sealed.set.clone());
    collector.take_hsm(other);
    assert!(matches!(collector.open(), Err(OpenError::NotReady)), "another slot's secret is left aside");
    collector.take_hsm(part.unwrap(&token).unwrap());
    assert!(collector.open().is_ok());
}

#[test]
fn rewrapped_part_keeps_the_shares_and_the_slots_keys() {
    let token = Token::new();
    let sealed = Sealed::with(STORE, Suite::P256, &[BOTH], &token);
    let id = sealed.set.slots()[0].id();
    let slot = sealed.set.hsm_rewrapped(id, &token).unwrap().unwrap();
    assert_eq!(slot.set_id(), sealed.set.slots()[0].set_id());
    assert_ne!(slot.hsm_wrapped(), sealed.set.slots()[0].hsm_wrapped());
    let set = sealed.rewrapped(2, vec![slot], &sealed.root);
    let mut collector = Collector::new(set);
    ask(&mut collector, &token);
    for n in [1, 2] {
        collector.offer(sealed.share(0, n)).unwrap();
    }
    assert!(collector.open().unwrap().root.ct_eq(&sealed.root));

    for plan in [vec![Flipped], vec![Honest, Flipped], vec![Honest, Honest, Flipped], vec![Honest, Silent]] {
        token.plan(&plan);
        assert!(sealed.set.hsm_rewrapped(id, &token).unwrap().is_err(), "{plan:?}");
    }
}

#[test]
fn possession_asks_for_every_share_and_every_hsm() {
    let token = Token::new();
    let new = create(STORE, "next", BOTH.parse().unwrap(), Suite::P256, 0, &token).unwrap();
    let mut possession = Possession::new(&new.slot, STORE);
    let parts = possession.hsm_parts();
    for share in &new.shares {
        assert!(!possession.is_complete());
        possession.offer(duplicate(share)).unwrap();
    }
    assert!(!possession.is_complete() && !possession.quorum_proved().unwrap());
    let error = possession.finish().refused();
    assert!(matches!(&error, PossessionError::MissingHsm(keys) if keys.len() == 1), "{error}");
    possession.take_hsm(parts[0].unwrap(&token).unwrap());
    assert!(possession.is_complete() && possession.quorum_proved().unwrap());
    let proved = possession.finish().unwrap();
    assert!(new.slot.activate(&proved).is_ok());

    let alone = create(STORE, "hsm", HSM.parse().unwrap(), Suite::P256, 0, &token).unwrap();
    let mut possession = Possession::new(&alone.slot, STORE);
    assert!(matches!(possession.finish().refused(), PossessionError::MissingHsm(_)));
    possession.take_hsm(possession.hsm_parts()[0].unwrap(&token).unwrap());
    assert!(possession.finish().is_ok());
}
