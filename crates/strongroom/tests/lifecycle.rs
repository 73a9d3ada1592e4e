//! From nothing to a store, through its holders and their changes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, missing_docs)]
#![allow(clippy::string_slice)]

mod common;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use common::*;
use strongroom::{
    CoolingOff, InitError, InitOptions, MAX_COOLING_OFF, MemoryStorage, OfferTextError, Options,
    PENDING_LIFETIME, Preparation, SealedStore, ShareError, SlotError, SlotOptions, SlotState, Suite,
    TermState, UnsealError,
};
use strongroom_barrier::{HEAD, KEYRING, SLOTS};

#[test]
fn init_commits_once_and_prepares_without_writing() {
    let storage = Counting::default();
    let prepared = wait(Preparation::new(Arc::new(storage.clone()), options())).unwrap();
    let shares = prepared.shares().unwrap();
    assert_eq!((shares.len(), storage.commits.load(Ordering::SeqCst)), (3, 0));
    assert!(keys(&storage).is_empty(), "nothing is written before the commit");
    drop(prepared);
    assert!(keys(&storage).is_empty(), "what is not committed leaves nothing");
    let (store, _) = init(Arc::new(storage.clone()), options()).unwrap();
    assert_eq!(storage.commits.load(Ordering::SeqCst), 1);
    assert_eq!(keys(&storage), [HEAD, KEYRING, SLOTS]);
    assert_eq!(store.barrier().status().unwrap().sequence, 1);
    assert_clean(&store);
}

#[test]
fn init_refuses_a_store_that_is_there() {
    let (storage, store, shares) = fresh();
    put(&store, "a", b"1").unwrap();
    assert!(matches!(
        refused(wait(Preparation::new(Arc::new(storage.clone()), options()))),
        InitError::Exists
    ));
    // Two who prepare at once: the second to commit is refused.
    let empty = MemoryStorage::new();
    let first = wait(Preparation::new(Arc::new(empty.clone()), options())).unwrap();
    let second = wait(Preparation::new(Arc::new(empty.clone()), options())).unwrap();
    let kept = first.store();
    wait(first.commit()).unwrap();
    assert!(matches!(refused(wait(second.commit())), InitError::Exists));
    assert_eq!(wait(SealedStore::open(Arc::new(empty))).unwrap().store(), kept);
    drop(store);
    assert_eq!(get(&open(&storage, &shares).unwrap(), "a").unwrap(), b"1");
}

#[test]
fn every_three_of_five_open_and_no_two_do() {
    for suite in [Suite::P256, Suite::XWing] {
        let storage = MemoryStorage::new();
        let five = InitOptions { policy: policy("3 of 5"), suite, ..options() };
        let (store, shares) = init(Arc::new(storage.clone()), five).unwrap();
        put(&store, "a", b"value").unwrap();
        drop(store);
        let (mut opened, mut refusals) = (0, 0);
        for subset in 0..1_u32 << 5 {
            let chosen: Vec<&String> = shares
                .iter()
                .enumerate()
                .filter(|(n, _)| subset >> n & 1 == 1)
                .map(|(_, share)| share)
                .collect();
            let outcome = unseal(Arc::new(storage.clone()), chosen);
            if subset.count_ones() >= 3 {
                opened += 1;
                assert_eq!(get(&outcome.unwrap(), "a").unwrap(), b"value");
            } else {
                refusals += 1;
                assert!(outcome.is_err());
            }
        }
        assert_eq!((opened, refusals), (16, 16));
    }
}

#[test]
fn bad_shares_are_named_and_cost_nothing() {
    let (storage, _, shares) = fresh();
    let (_, _, foreign) = fresh();
    let mut unsealing = wait(SealedStore::open(Arc::new(storage))).unwrap().unsealing();
    let offer = |unsealing: &mut strongroom::Unsealing, text: &str| unsealing.offer_text(text);
    offer(&mut unsealing, &shares[0]).map_err(|e| e.to_string()).unwrap();
    let repeated = refused(offer(&mut unsealing, &shares[0]));
    assert!(matches!(repeated, OfferTextError::Share(ShareError::Repeated(_))), "{repeated}");
    let unknown = refused(offer(&mut unsealing, &foreign[1]));
    assert!(matches!(unknown, OfferTextError::Share(ShareError::UnknownSet { .. })), "{unknown}");
    assert!(matches!(refused(offer(&mut unsealing, "sr1nothing")), OfferTextError::Text(_)));
    // One wrong letter is corrected, but never taken without being shown.
    let letter = if shares[1].as_bytes()[20] == b'q' { "p" } else { "q" };
    let typo = format!("{}{letter}{}", &shares[1][..20], &shares[1][21..]);
    assert!(matches!(refused(offer(&mut unsealing, &typo)), OfferTextError::NeedsConfirmation));
    assert!(matches!(refused(wait(unsealing.unseal())), UnsealError::Slot(_)));
    assert_eq!(unsealing.progress()[0].have, 1);
    offer(&mut unsealing, &shares[2]).map_err(|e| e.to_string()).unwrap();
    wait(unsealing.unseal()).unwrap();
}

#[test]
fn groups_open_only_when_enough_of_them_are_complete() {
    let storage = MemoryStorage::new();
    let groups = policy("groups(2 of {security: 2 of 3, operations: 1 of 2})");
    let (_, shares) = init(Arc::new(storage.clone()), InitOptions { policy: groups, ..options() }).unwrap();
    let opens =
        |chosen: &[usize]| unseal(Arc::new(storage.clone()), chosen.iter().map(|n| &shares[*n])).is_ok();
    for chosen in [&[0, 1, 3][..], &[4, 2, 0], &[0, 1, 2, 3, 4]] {
        assert!(opens(chosen), "{chosen:?}");
    }
    for chosen in [&[][..], &[0, 1, 2], &[3, 4], &[0, 3], &[2, 3, 4]] {
        assert!(!opens(chosen), "{chosen:?}");
    }
}

#[test]
fn slot_is_added_proved_activated_and_removed() {
    let (storage, store, first_shares) = fresh();
    put(&store, "a", b"1").unwrap();
    let (slot, shares) = add_slot(&store, "second").unwrap();
    let slots = store.slots().unwrap();
    assert_eq!(slots.find(slot).unwrap().state(), SlotState::Pending);
    assert!(matches!(refused(wait(store.add_slot("second", two_of_three()))), SlotError::LabelTaken));
    // Pending, its shares are good and open nothing.
    let sealed = wait(SealedStore::open(Arc::new(storage.clone()))).unwrap();
    sealed.verify_share(&share(&shares[0])).map_err(|error| error.to_string()).unwrap();
    assert!(matches!(
        refused(sealed.unsealing().offer_text(&shares[0])),
        OfferTextError::Share(ShareError::Pending(_))
    ));
    // Not all holders have shown theirs: no proof.
    let mut possession = store.possession(slot).unwrap();
    possession.offer(share(&shares[0])).map_err(|error| error.to_string()).unwrap();
    assert!(possession.finish().is_err());
    assert!(possession.offer(share(&first_shares[0])).is_err(), "another slot's share proves nothing");
    let proved = prove(&store, slot, &shares);
    wait(store.activate_slot(proved.clone())).unwrap();
    assert!(matches!(refused(wait(store.activate_slot(proved))), SlotError::WrongState));
    // Both slots open the store, each on its own terms; shares of two do not mix.
    assert!(open(&storage, &first_shares).is_ok() && open(&storage, &shares).is_ok());
    assert!(unseal(Arc::new(storage.clone()), [&first_shares[0], &shares[1]]).is_err());
    // Removing an active slot is a change of keys, too.
    let before = store.barrier().status().unwrap();
    wait(store.remove_slot(first_slot(&store))).unwrap();
    let after = store.barrier().status().unwrap();
    assert_eq!(after.active_term.get(), before.active_term.get() + 1);
    assert_eq!(after.leaving_names_generation, Some(before.names_generation));
    assert!(open(&storage, &first_shares).is_err() && open(&storage, &shares).is_ok());
    assert!(matches!(refused(wait(store.remove_slot(slot))), SlotError::LastActive));
    assert!(matches!(refused(wait(store.remove_slot(strongroom::SlotId::new([0; 16])))), SlotError::Unknown));
    assert_eq!(get(&store, "a").unwrap(), b"1");
    // A pending slot goes without a change of terms.
    let (pending, _) = add_slot(&store, "third").unwrap();
    let term = store.barrier().status().unwrap().active_term;
    wait(store.remove_slot(pending)).unwrap();
    assert_eq!(store.barrier().status().unwrap().active_term, term);
    wait(store.rewrap(go_on)).unwrap();
    assert_clean(&store);
    assert!(open(&storage, &shares).is_ok());
}

#[test]
fn rekey_takes_effect_with_its_commit_and_not_before() {
    let (storage, store, old) = fresh();
    put(&store, "directory/before", b"1").unwrap();
    let replaced = first_slot(&store);
    let (slot, new) = add_slot(&store, "replacement").unwrap();
    let proved = prove(&store, slot, &new);
    assert!(open(&storage, &old).is_ok(), "until the commit the old shares open the store");
    assert!(open(&storage, &new).is_err());
    let own = store.possession(slot).unwrap();
    assert!(own.finish().is_err());
    let rekeyed = wait(store.replace_slot(replaced, proved.clone())).unwrap();
    assert_eq!((rekeyed.old, rekeyed.new, rekeyed.term), (replaced, slot, 2));
    assert!(matches!(refused(wait(store.replace_slot(slot, proved.clone()))), SlotError::WrongState));
    assert!(matches!(refused(wait(store.replace_slot(replaced, proved))), SlotError::Unknown));
    put(&store, "directory/after", b"2").unwrap();
    // The old shares are refused one by one, by the name of their set.
    let mut unsealing = wait(SealedStore::open(Arc::new(storage.clone()))).unwrap().unsealing();
    for text in &old {
        let error = refused(unsealing.offer_text(text));
        assert!(matches!(error, OfferTextError::Share(ShareError::UnknownSet { .. })), "{error}");
    }
    let names: BTreeSet<_> = contents(&store).unwrap().into_keys().collect();
    assert_eq!(names.into_iter().collect::<Vec<_>>(), ["directory/after", "directory/before"]);
    // A second rekey waits for the names of the first.
    let (third, thirds) = add_slot(&store, "third").unwrap();
    let proved = prove(&store, third, &thirds);
    assert!(matches!(refused(wait(store.replace_slot(slot, proved.clone()))), SlotError::Keyring(_)));
    drop(store);
    let store = open(&storage, &new).unwrap();
    let outcome = wait(store.rewrap(go_on)).unwrap();
    assert_eq!(outcome.report.moved, 1, "what was put since has new names already");
    assert_eq!(outcome.destroyed.iter().map(|term| term.term.get()).collect::<Vec<_>>(), [1]);
    assert_eq!(outcome.destroyed[0].state, TermState::Destroyed);
    assert!(outcome.destroyed[0].seals > 0);
    wait(store.replace_slot(slot, proved)).unwrap();
    assert!(open(&storage, &new).is_err() && open(&storage, &thirds).is_ok());
    assert_clean(&store);
}

#[test]
fn pending_slot_expires() {
    static CLOCK: AtomicU64 = AtomicU64::new(1_000_000);
    let clock = Options { clock: || CLOCK.load(Ordering::SeqCst), ..barrier_options() };
    let (store, _) =
        init(Arc::new(MemoryStorage::new()), InitOptions { barrier: clock, ..options() }).unwrap();
    let (slot, shares) = add_slot(&store, "late").unwrap();
    let proved = prove(&store, slot, &shares);
    CLOCK.fetch_add(PENDING_LIFETIME + 1, Ordering::SeqCst);
    assert!(matches!(refused(wait(store.activate_slot(proved.clone()))), SlotError::Expired));
    assert!(matches!(refused(wait(store.replace_slot(first_slot(&store), proved))), SlotError::Expired));
    wait(store.remove_slot(slot)).unwrap();
    let (slot, shares) = add_slot(&store, "in time").unwrap();
    let proved = prove(&store, slot, &shares);
    CLOCK.fetch_add(PENDING_LIFETIME, Ordering::SeqCst);
    wait(store.activate_slot(proved)).unwrap();
}

#[test]
fn slot_takes_effect_only_when_its_cooling_off_time_is_over() {
    static CLOCK: AtomicU64 = AtomicU64::new(1_000_000);
    let clock = Options { clock: || CLOCK.load(Ordering::SeqCst), ..barrier_options() };
    let storage = MemoryStorage::new();
    let (store, old) = init(Arc::new(storage.clone()), InitOptions { barrier: clock, ..options() }).unwrap();
    let longest = CoolingOff::from_seconds(MAX_COOLING_OFF).unwrap();
    let waiting = SlotOptions { cooling_off: longest, ..two_of_three() };
    let (second, seconds) = add_slot_with(&store, "second", waiting.clone()).unwrap();
    let dealt = wait(store.add_replacement(first_slot(&store), waiting)).unwrap();
    let new: Shares = dealt.shares().unwrap().iter().map(|share| share.to_string()).collect();
    let until = 1_000_000 + MAX_COOLING_OFF;
    // Neither other changes of the slots, nor sealing and opening anew, shortens it.
    wait(store.rotate_root()).unwrap();
    drop(store);
    let store = wait(async {
        let mut unsealing = SealedStore::open(Arc::new(storage.clone())).await.unwrap().unsealing_with(clock);
        for share in &old {
            unsealing.offer_text(share).unwrap();
        }
        unsealing.unseal().await.unwrap()
    });
    let first = first_slot(&store);
    for slot in [second, dealt.slot()] {
        assert_eq!(store.slots().unwrap().find(slot).unwrap().not_before(), until);
    }
    let (activate, replace) = (prove(&store, second, &seconds), prove(&store, dealt.slot(), &new));
    for now in [0, 1_000_000, until - 1] {
        CLOCK.store(now, Ordering::SeqCst);
        let early = [
            refused(wait(store.activate_slot(activate.clone()))),
            refused(wait(store.activate_slot(replace.clone()))),
            refused(wait(store.replace_slot(first, activate.clone()))),
            refused(wait(store.replace_slot(first, replace.clone()))),
        ];
        for error in early {
            assert!(matches!(error, SlotError::CoolingOff { until: told, .. } if told == until), "{error}");
            assert!(error.to_string().contains("lasts until 1970-01-18 13:46:40 UTC"), "{error}");
        }
    }
    assert!(
        open(&storage, &old).is_ok() && open(&storage, &new).is_err() && open(&storage, &seconds).is_err()
    );
    // The control: a second later both go through, and nothing of the time is left.
    CLOCK.store(until, Ordering::SeqCst);
    wait(store.activate_slot(activate)).unwrap();
    wait(store.replace_slot(first, replace)).unwrap();
    assert!(store.slots().unwrap().slots().iter().all(|slot| slot.not_before() == 0));
    assert!(
        open(&storage, &old).is_err() && open(&storage, &new).is_ok() && open(&storage, &seconds).is_ok()
    );
    assert_clean(&store);
}

#[test]
fn root_key_rotates_without_the_holders() {
    let (storage, store, shares) = fresh();
    let before = (read(&storage, SLOTS), read(&storage, KEYRING));
    let set = store.slots().unwrap().slots()[0].set_id();
    for _ in 0..3 {
        wait(store.rotate_root()).unwrap();
    }
    assert_ne!((read(&storage, SLOTS), read(&storage, KEYRING)), before);
    assert_eq!(store.slots().unwrap().slots()[0].set_id(), set, "the shares stay what they are");
    assert_eq!(store.slots().unwrap().generation(), 4);
    assert_eq!(store.barrier().status().unwrap().active_term.get(), 1);
    drop(store);
    assert_clean(&open(&storage, &shares).unwrap());
}

#[test]
fn rewrap_ends_with_old_terms_destroyed_and_a_report() {
    let (storage, store, shares) = fresh();
    for n in 0..30 {
        put(&store, &format!("v{n}"), b"value").unwrap();
        if n % 10 == 9 {
            wait(store.barrier().rotate()).unwrap();
        }
    }
    let root = store.slots().unwrap().generation();
    let outcome = wait(store.rewrap(go_on)).unwrap();
    assert_eq!(outcome.destroyed.iter().map(|term| term.term.get()).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!((outcome.report.resealed, outcome.report.proved), (30, 30));
    assert_eq!(outcome.root_generation, root + 1, "the keyring lies under a new root key");
    let again = wait(store.rewrap(go_on)).unwrap();
    assert!(again.destroyed.is_empty() && again.report.resealed == 0);
    assert_eq!(again.root_generation, root + 1, "nothing to do is nothing done");
    drop(store);
    let store = open(&storage, &shares).unwrap();
    let states: Vec<_> = store.barrier().status().unwrap().terms.iter().map(|term| term.info.state).collect();
    assert_eq!(states[..3], [TermState::Destroyed; 3]);
    assert_eq!(contents(&store).unwrap().len(), 30);
    assert_clean(&store);
}

#[test]
fn sealed_store_refuses_every_change() {
    let (storage, store, shares) = fresh();
    wait(store.seal());
    assert!(matches!(refused(store.slots()), strongroom::ReadError::Sealed));
    assert!(wait(store.add_slot("x", two_of_three())).is_err());
    assert!(wait(store.rotate_root()).is_err());
    assert!(wait(store.rewrap(go_on)).is_err());
    assert!(wait(store.check(|_, _| std::ops::ControlFlow::Continue(()))).is_err());
    assert!(wait(store.backup(Vec::new(), |_, _| std::ops::ControlFlow::Continue(()))).is_err());
    assert!(open(&storage, &shares).is_ok());
}

#[test]
fn four_who_change_slots_at_once_do_so_one_after_another() {
    let (storage, store, shares) = fresh();
    std::thread::scope(|scope| {
        for n in 0..4 {
            let store = &store;
            scope.spawn(move || add_slot(store, &format!("slot {n}")).unwrap());
            scope.spawn(move || wait(store.rotate_root()).unwrap());
        }
    });
    let slots = store.slots().unwrap();
    assert_eq!((slots.slots().len(), slots.generation()), (5, 9));
    drop(store);
    assert_clean(&open(&storage, &shares).unwrap());
}
