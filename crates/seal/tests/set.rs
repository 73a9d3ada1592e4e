//! The set of slots: its bytes, its changes, and what happens when randomness fails.

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
use proptest::prelude::*;
use strongroom_crypto::random::fault;
use strongroom_seal::slot::{CoolingOff, MAX_COOLING_OFF, MAX_SLOTS, SlotFault, SlotSetError, SlotState};
use strongroom_seal::wrap::WrapError;

const POLICIES: [&str; 3] = ["3 of 5", "1 of 2", "groups(1 of {a: 2 of 2, b: 1 of 1})"];

#[test]
fn set_comes_back_from_its_bytes() {
    for suite in [Suite::XWing, Suite::P256] {
        let sealed = Sealed::new(suite, &POLICIES);
        let bytes = sealed.set.encode();
        let read = SlotSet::decode(&bytes).unwrap();
        assert_eq!(read, sealed.set);
        assert_eq!(read.encode(), bytes);
        assert_eq!((read.store(), read.generation(), read.slots().len()), (STORE, 1, 3));
        let slot = read.find_by_label("slot 2").unwrap();
        assert_eq!(read.find(slot.id()), Some(slot));
        assert_eq!(
            (slot.policy().to_string().as_str(), slot.created(), slot.suite()),
            ("groups(1 of {a: 2 of 2, b: 1 of 1})", 1_700_000_000, suite)
        );
        assert_eq!((read.find(SlotId::new([0; 16])), read.find_by_label("slot")), (None, None));
    }
    let empty = SlotSet::new(STORE);
    assert_eq!(SlotSet::decode(&empty.encode()), Ok(empty));
}

#[test]
fn every_strict_prefix_and_every_appended_byte_is_refused() {
    let bytes = Sealed::new(Suite::P256, &POLICIES).set.encode();
    for length in 0..bytes.len() {
        assert!(SlotSet::decode(&bytes[..length]).is_err(), "{length}");
        // With a checksum of its own, where there is room for one.
        let mut shorter = [&bytes[..length], &[0; 32]].concat();
        resum(&mut shorter);
        if length != bytes.len() - 32 {
            assert!(SlotSet::decode(&shorter).is_err(), "{length}");
        }
    }
    assert_eq!(SlotSet::decode(&[bytes.as_slice(), &[0]].concat()), Err(SlotSetError::Damaged));
    let longer = with_body(&bytes, |body| body.push(0));
    assert_eq!(SlotSet::decode(&longer), Err(SlotSetError::Trailing));
}

#[test]
fn other_formats_are_told_from_damage() {
    let bytes = Sealed::new(Suite::P256, &["1 of 1"]).set.encode();
    assert_eq!(SlotSet::decode(b""), Err(SlotSetError::NotSlots));
    assert_eq!(SlotSet::decode(b"SRBACKUP and so on"), Err(SlotSetError::NotSlots));
    assert_eq!(SlotSet::decode(b"SRSL"), Err(SlotSetError::Damaged));
    assert_eq!(SlotSet::decode(b"SRSL\x02"), Err(SlotSetError::UnknownVersion(2)));
    assert_eq!(
        SlotSet::decode(&with_body(&bytes, |body| body[GENERATION.end] = 33)),
        Err(SlotSetError::TooMany(33))
    );
    assert!(matches!(
        SlotSet::decode(&with_body(&bytes, |body| body[GENERATION.end] = 2)),
        Err(SlotSetError::Slot { number: 2, fault: SlotFault::Truncated })
    ));
}

#[test]
fn slots_that_could_not_have_been_written_do_not_decode() {
    let sealed = Sealed::new(Suite::P256, &["2 of 2"]);
    let slot = &sealed.set.slots()[0];
    let bytes = sealed.set.encode();
    let state = find(&bytes, slot.id().as_bytes()) + 16;
    let label = find(&bytes, b"slot 0");
    let fault = |alter: &dyn Fn(&mut Vec<u8>)| match SlotSet::decode(&with_body(&bytes, alter)) {
        Err(SlotSetError::Slot { number: 1, fault }) => fault,
        other => panic!("{other:?}"),
    };
    let with_length = |bytes: &[u8]| [&u16::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat();
    let (key, wrapped) = (with_length(slot.public_key()), with_length(slot.wrapped()));

    assert_eq!(fault(&|body| body[state] = 0), SlotFault::State(0));
    assert_eq!(fault(&|body| body[state] = 3), SlotFault::State(3));
    let pending = |body: &mut Vec<u8>| drop(body.splice(state..=state, [1, 0, 0, 0, 0, 0, 0, 0, 0]));
    assert_eq!(fault(&pending), SlotFault::Wrapped, "pending with a wrapped key");
    assert_eq!(fault(&|body| replace(body, &wrapped, &[0, 0])), SlotFault::Wrapped, "active without one");
    assert_eq!(
        fault(&|body| replace(body, &wrapped, &with_length(&slot.wrapped()[1..]))),
        SlotFault::Wrapped
    );
    assert_eq!(fault(&|body| body[label] = 0xff), SlotFault::NotText);
    assert!(matches!(fault(&|body| body[label] = 0x1b), SlotFault::Label(_)));
    assert!(matches!(fault(&|body| replace(body, b"\x06slot 0", b"\x00")), SlotFault::Label(_)));
    assert_eq!(fault(&|body| body[label + 7] = 3), SlotFault::Suite(3));
    assert_eq!(fault(&|body| body[label + 7] = 1), SlotFault::PublicKey, "a P-256 key under X-Wing");
    assert_eq!(
        fault(&|body| replace(body, &key, &with_length(&slot.public_key()[1..]))),
        SlotFault::PublicKey
    );
    assert_eq!(fault(&|body| replace(body, &[0, 3, 1, 2, 2], &[0, 3, 1, 2, 3])), SlotFault::Commitments);
    assert_eq!(fault(&|body| replace(body, &[0, 3, 1, 2, 2], &[0, 3, 1, 1, 2])), SlotFault::Commitments);
    assert!(matches!(fault(&|body| replace(body, &[0, 3, 1, 2, 2], &[0, 3, 3, 2, 2])), SlotFault::Policy(_)));

    let later = SlotSet::decode(&with_body(&bytes, |body| {
        replace(body, &[0, 3, 1, 2, 2], &[0, 6, 2, 1, 1, 1, b'a', 3]);
    }))
    .unwrap_err();
    assert!(later.to_string().contains("this version knows no HSM keys within groups"), "{later}");

    // Two of the same id, and two of the same label and state.
    let one = bytes[GENERATION.end + 1..bytes.len() - 32].to_vec();
    let twice = |alter: &dyn Fn(&mut Vec<u8>)| {
        let mut second = one.clone();
        alter(&mut second);
        let twice = with_body(&bytes, |body| {
            body[GENERATION.end] = 2;
            body.extend(second);
        });
        SlotSet::decode(&twice).unwrap_err()
    };
    assert_eq!(twice(&|_| {}), SlotSetError::Slot { number: 2, fault: SlotFault::RepeatedId });
    assert_eq!(
        twice(&|second| second[0] ^= 1),
        SlotSetError::Slot { number: 2, fault: SlotFault::RepeatedLabel }
    );
}

#[test]
fn pending_slot_says_from_when_on_it_may_be_activated() {
    let made = |seconds| {
        let slot =
            create(STORE, "next", "2 of 2".parse().unwrap(), Suite::P256, CREATED, &NoHsm).unwrap().slot;
        slot.with_cooling_off(CoolingOff::from_seconds(seconds).unwrap())
    };
    for (seconds, not_before) in [(0, 0), (1, CREATED + 1), (MAX_COOLING_OFF, CREATED + MAX_COOLING_OFF)] {
        let slot = made(seconds);
        let set = with_pending(slot.clone());
        let read = SlotSet::decode(&set.encode()).unwrap();
        assert_eq!(read, set);
        assert_eq!(read.find(slot.id()).unwrap().not_before(), not_before);
        // Active, it is written without the time, as if it had never waited.
        let active = slot.clone().activated();
        assert_eq!(
            (active.not_before(), &active),
            (0, &active.clone().with_cooling_off("1d".parse().unwrap()))
        );
        assert_eq!(active, slot.clone().with_cooling_off(CoolingOff::NONE).activated());
        // Its secrets wrapped anew, or under another label, it waits as long.
        assert_eq!(slot.clone().with_parts_of(&slot).relabelled("other").unwrap().not_before(), not_before);
    }
}

#[test]
fn pending_slot_that_waits_for_no_cooling_off_time_does_not_decode() {
    let slot = create(STORE, "next", "2 of 2".parse().unwrap(), Suite::P256, CREATED, &NoHsm).unwrap().slot;
    let bytes = with_pending(slot.clone()).encode();
    let at = find(&bytes, slot.id().as_bytes()) + 17;
    let read = |not_before: u64| {
        SlotSet::decode(&with_body(&bytes, |body| {
            body[at..at + 8].copy_from_slice(&not_before.to_be_bytes());
        }))
    };
    let refused = Err(SlotSetError::Slot { number: 2, fault: SlotFault::NotBefore });
    for nonsense in [1, CREATED - 1, CREATED + MAX_COOLING_OFF + 1, u64::MAX] {
        assert_eq!(read(nonsense), refused, "{nonsense}");
    }
    // The control.
    for sense in [0, CREATED, CREATED + MAX_COOLING_OFF] {
        assert_eq!(read(sense).unwrap().find(slot.id()).unwrap().not_before(), sense);
    }
    // As it was written before there was such a time.
    assert_eq!(SlotSet::decode(&with_body(&bytes, |body| drop(body.drain(at..at + 8)))), refused);
}

const CREATED: u64 = 1_700_000_000;

/// This slot behind an active one.
fn with_pending(slot: Slot) -> SlotSet {
    let sealed = Sealed::new(Suite::P256, &["1 of 1"]);
    sealed.rewrapped(2, vec![sealed.set.slots()[0].clone(), slot], &sealed.root)
}

#[test]
fn pending_slot_may_bear_the_label_of_the_one_that_it_replaces() {
    let mut sealed = Sealed::new(Suite::P256, &["2 of 3"]);
    let new = create(STORE, "slot 0", "3 of 5".parse().unwrap(), Suite::P256, 0, &NoHsm).unwrap();
    let old = sealed.set.slots()[0].clone();
    let added = sealed.rewrapped(2, vec![old.clone(), new.slot.clone()], &sealed.root);
    let added = SlotSet::decode(&added.encode()).unwrap();
    assert_eq!(added.find_by_label("slot 0").unwrap().id(), old.id());
    assert!(added.find(new.slot.id()).unwrap().wrapped().is_empty());

    sealed.psks.push((new.slot.id(), new.psk));
    let both = vec![old, new.slot.clone().activated()];
    let error = added.rewrapped(3, both, &sealed.root, |id| sealed.psk(id)).refused();
    assert!(matches!(error, WrapError::RepeatedLabel(_)), "{error}");
    let replaced = added.rewrapped(3, vec![new.slot.activated()], &sealed.root, |id| sealed.psk(id)).unwrap();
    assert!(open(&replaced, new.shares.into_iter().take(3)).unwrap().root.ct_eq(&sealed.root));
    // The old holders' shares open nothing any more.
    let error = Collector::new(replaced).offer(sealed.share(0, 0)).refused();
    assert!(matches!(error, ShareError::UnknownSet { .. }), "{error}");
}

#[test]
fn new_root_key_is_wrapped_for_every_slot_without_its_holders() {
    let mut sealed = Sealed::new(Suite::XWing, &["2 of 3", "1 of 1"]);
    sealed.root = Secret::random().unwrap();
    let slots = sealed.set.slots().to_vec();
    let set = sealed.rewrapped(7, slots, &sealed.root);
    assert_eq!(set.generation(), 7);
    for shares in [vec![sealed.share(0, 1), sealed.share(0, 2)], vec![sealed.share(1, 0)]] {
        let opened = open(&set, shares).unwrap();
        assert!(opened.root.ct_eq(&sealed.root));
        assert_eq!(opened.slots, set);
    }
}

#[test]
fn changes_that_would_harm_are_refused() {
    let sealed = Sealed::new(Suite::P256, &["1 of 1"]);
    let slots = || sealed.set.slots().to_vec();
    let psk = |id| sealed.psk(id);
    for next in [0, 1] {
        let error = sealed.set.rewrapped(next, slots(), &sealed.root, psk).refused();
        assert!(matches!(error, WrapError::Generation { current: 1, .. }), "{error}");
    }
    let error = sealed.set.rewrapped(2, vec![], &sealed.root, psk).refused();
    assert!(matches!(error, WrapError::NoneActive), "{error}");
    let pending = create(STORE, "next", "1 of 1".parse().unwrap(), Suite::P256, 0, &NoHsm).unwrap().slot;
    let error = sealed.set.rewrapped(2, vec![pending.clone()], &sealed.root, psk).refused();
    assert!(matches!(error, WrapError::NoneActive), "{error}");
    let error = sealed.set.rewrapped(2, [slots(), slots()].concat(), &sealed.root, psk).refused();
    assert!(matches!(error, WrapError::RepeatedId(_)), "{error}");
    let error = sealed.set.rewrapped(2, slots(), &sealed.root, |_| None).refused();
    assert!(matches!(error, WrapError::NoPsk(_)), "{error}");
    let many = (0..=MAX_SLOTS).map(|_| pending.clone()).collect();
    let error = sealed.set.rewrapped(2, many, &sealed.root, psk).refused();
    assert!(matches!(error, WrapError::TooMany), "{error}");
    // Control: without the fault it goes through, and the pending slot comes along unwrapped.
    let set = sealed.set.rewrapped(2, [slots(), vec![pending]].concat(), &sealed.root, psk).unwrap();
    let states: Vec<_> = set.slots().iter().map(|slot| (slot.state(), slot.wrapped().is_empty())).collect();
    assert_eq!(states, [(SlotState::Active, false), (SlotState::Pending, true)]);
}

#[test]
fn label_changes_and_shares_stay_good() {
    let sealed = Sealed::new(Suite::P256, &["2 of 2"]);
    let slot = sealed.set.slots()[0].clone();
    assert!(slot.clone().relabelled("bad\u{7}label").is_err());
    assert!(create(STORE, "", "1 of 1".parse().unwrap(), Suite::P256, 0, &NoHsm).is_err());
    let set = sealed.rewrapped(2, vec![slot.relabelled("security officers").unwrap()], &sealed.root);
    assert!(set.find_by_label("slot 0").is_none() && set.find_by_label("security officers").is_some());
    assert!(open(&set, [sealed.share(0, 0), sealed.share(0, 1)]).unwrap().root.ct_eq(&sealed.root));
}

#[test]
fn randomness_that_fails_at_any_draw_makes_no_slot() {
    let (mut failed, mut came_out) = (0, 0);
    for policy in POLICIES {
        for suite in [Suite::XWing, Suite::P256] {
            let make = || create(STORE, "next", policy.parse().unwrap(), suite, 0, &NoHsm);
            fault::reset();
            make().unwrap();
            let draws = fault::calls();
            assert!(draws >= 2, "an id and a secret at least");
            for draw in 0..draws {
                fault::fail_after(draw);
                failed += 1;
                let outcome = make();
                came_out += u32::from(outcome.is_ok());
                let error = outcome.refused();
                assert!(
                    error.to_string().contains("randomness"),
                    "{policy}, draw {draw} of {draws}: {error}"
                );
            }
            // Control: the plan beyond the last draw harms nothing.
            fault::fail_after(draws);
            make().unwrap();
            fault::reset();
        }
    }
    println!(
        "evidence: id=seal/randomness figure={failed} draws for new slots, each made to fail: {came_out} slots came out verdict={}",
        if failed > 0 && came_out == 0 { "pass" } else { "fail" }
    );
}

#[test]
fn randomness_that_fails_at_any_draw_wraps_nothing() {
    let (mut failed, mut wrapped) = (0, 0);
    for suite in [Suite::XWing, Suite::P256] {
        let sealed = Sealed::new(suite, &POLICIES);
        let wrap = || sealed.set.rewrapped(2, sealed.set.slots().to_vec(), &sealed.root, |id| sealed.psk(id));
        fault::reset();
        wrap().unwrap();
        let draws = fault::calls();
        assert!(draws >= 3, "one for each slot at least");
        for draw in 0..draws {
            fault::fail_after(draw);
            failed += 1;
            let outcome = wrap();
            wrapped += u32::from(outcome.is_ok());
            assert!(matches!(outcome.refused(), WrapError::Hpke { .. }), "{suite:?}, draw {draw} of {draws}");
        }
        fault::fail_after(draws);
        wrap().unwrap();
        fault::reset();
    }
    println!(
        "evidence: id=seal/randomness-wrapping figure={failed} draws for wrapping a root key, each made to fail: {wrapped} sets \
         came out verdict={}",
        if failed > 0 && wrapped == 0 { "pass" } else { "fail" }
    );
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    /// Whatever an attacker writes is refused, or is exactly what this crate would have written.
    #[test]
    fn altered_bytes_decode_to_themselves_or_not_at_all(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut bytes = EXAMPLE.with(Clone::clone);
        for (place, value) in changes {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        if bytes.len() >= 32 {
            resum(&mut bytes);
        }
        if let Ok(set) = SlotSet::decode(&bytes) {
            prop_assert_eq!(set.encode(), bytes);
        }
    }
}

thread_local! {
    static EXAMPLE: Vec<u8> = {
        let sealed = Sealed::new(Suite::P256, &POLICIES);
        let next = create(STORE, "next", "2 of 2".parse().unwrap(), Suite::P256, CREATED, &NoHsm).unwrap();
        let slots = [sealed.set.slots(), &[next.slot.with_cooling_off("1d".parse().unwrap())]].concat();
        sealed.rewrapped(2, slots, &sealed.root).encode()
    };
}

fn with_body(bytes: &[u8], alter: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut body = bytes[..bytes.len() - 32].to_vec();
    alter(&mut body);
    body.extend([0; 32]);
    resum(&mut body);
    body
}
