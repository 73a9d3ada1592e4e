//! An attacker who writes the storage, and what each attempt comes to.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, missing_docs)]
#![allow(clippy::print_stdout)]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::*;
use strongroom::{
    MemoryStorage, SealedStore, Secret, Slot, SlotError, SlotId, SlotOptions, SlotSet, Store, Suite,
    UnsealError,
};
use strongroom_barrier::{HEAD, KEYRING, OpenBarrierError, SLOTS};
use strongroom_crypto::hpke;
use strongroom_crypto::record::OpenError;
use strongroom_keyring::{KeyringKey, OpenKeyringError};
use strongroom_seal::create;
use strongroom_seal::hsm::NoHsm;
use strongroom_seal::unseal::OpenError as SlotOpenError;

/// Unseals with the first two shares, all of which the slots in storage take.
fn attempt(storage: &MemoryStorage, shares: &[String]) -> Result<Store, UnsealError> {
    wait(async {
        let sealed = SealedStore::open(Arc::new(storage.clone())).await.unwrap();
        let mut unsealing = sealed.unsealing_with(barrier_options());
        for share in &shares[..2] {
            unsealing.offer_text(share).unwrap();
        }
        unsealing.unseal().await
    })
}

/// Puts one part of another state of the storage in place of its own.
fn plant(storage: &MemoryStorage, from: &MemoryStorage, place: &[u8]) -> MemoryStorage {
    let attacked = copy(storage);
    write(&attacked, place, &read(from, place));
    attacked
}

fn slots_of(storage: &MemoryStorage) -> SlotSet {
    SlotSet::decode(&read(storage, SLOTS)).unwrap()
}

/// The set with other bytes in it and a checksum that fits.
fn altered(set: &SlotSet, alter: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut bytes = set.encode();
    bytes.truncate(bytes.len() - 32);
    alter(&mut bytes);
    let sum = strongroom_crypto::hash::sha256(&[&bytes]);
    bytes.extend_from_slice(&sum);
    bytes
}

fn replace(bytes: &mut Vec<u8>, old: &[u8], new: &[u8]) {
    let at = bytes.windows(old.len()).position(|window| window == old).expect("the bytes are there");
    bytes.splice(at..at + old.len(), new.iter().copied());
}

/// An attack that is being mounted. The last one to end without a failure tells what came of all of them.
struct Mounted;

impl Drop for Mounted {
    fn drop(&mut self) {
        static ENDED: AtomicUsize = AtomicUsize::new(0);
        if !std::thread::panicking() && ENDED.fetch_add(1, Ordering::SeqCst) + 1 == ATTACKS {
            let refused = REFUSED.load(Ordering::SeqCst);
            println!(
                "evidence: id=attacks/storage figure={ATTACKS} kinds of attack on what opens a store, refused {refused} times \
                 verdict={}",
                if refused >= ATTACKS { "pass" } else { "fail" }
            );
        }
    }
}

/// The attacks of this file, and how often something was refused that had to be.
const ATTACKS: usize = 7;
static REFUSED: AtomicUsize = AtomicUsize::new(0);

/// The error of an attack.
fn refused<T, E>(outcome: Result<T, E>) -> E {
    let error = common::refused(outcome);
    REFUSED.fetch_add(1, Ordering::SeqCst);
    error
}

#[test]
fn control_what_nobody_touched_opens() {
    let (storage, store, shares) = fresh();
    put(&store, "a", b"1").unwrap();
    let copied = copy(&storage);
    assert_eq!(get(&attempt(&copied, &shares).unwrap(), "a").unwrap(), b"1");
    let same = plant(&storage, &copied, SLOTS);
    assert!(attempt(&same, &shares).is_ok());
}

#[test]
fn planted_root_key_is_refused() {
    let _mounted = Mounted;
    // The attacker seals a root key of their own to the slot's public key, and a whole store under it.
    let (storage, store, shares) = fresh();
    let set = slots_of(&storage);
    let slot: &Slot = &set.slots()[0];
    let (root, psk) = (Secret::random().unwrap(), Secret::random().unwrap());
    let policy = slot.policy().encode();
    let info = [
        b"strongroom slot".as_slice(),
        set.store().as_bytes(),
        slot.id().as_bytes(),
        &u16::try_from(policy.len()).unwrap().to_be_bytes(),
        &policy,
        &slot.suite().code().to_be_bytes(),
        &set.generation().to_be_bytes(),
    ]
    .concat();
    let seal = |psk: &Secret<32>| {
        hpke::seal_psk(slot.suite(), slot.public_key(), psk, slot.id().as_bytes(), &info, &[], &root).unwrap()
    };
    let with = |wrapped: &[u8]| {
        let attacked = copy(&storage);
        write(&attacked, SLOTS, &altered(&set, |bytes| replace(bytes, slot.wrapped(), wrapped)));
        let digest = SlotSet::digest(&read(&attacked, SLOTS));
        let keyring = store.barrier().with_keyring(|keyring| {
            let mut forged = keyring.next().unwrap();
            forged.set_slots(set.generation(), digest);
            forged
        });
        let key = KeyringKey::derive(set.store(), &root).unwrap();
        write(&attacked, KEYRING, &key.seal(&keyring.unwrap(), KEYRING).unwrap());
        refused(attempt(&attacked, &shares))
    };
    assert!(matches!(with(&seal(&psk)), UnsealError::Slot(SlotOpenError::Refused { .. })));
    // Whoever knows the slot's psk as well gets past this, and to the head, which no term key of theirs sealed.
    let psk = store
        .barrier()
        .with_keyring(|keyring| keyring.psk(*slot.id().as_bytes()).unwrap().duplicate().unwrap())
        .unwrap();
    assert!(matches!(with(&seal(&psk)), UnsealError::Barrier(OpenBarrierError::Mixed)), "the control");
}

#[test]
fn planted_slot_is_refused_and_never_wrapped_for() {
    let _mounted = Mounted;
    let (storage, store, shares) = fresh();
    put(&store, "a", b"1").unwrap();
    let set = slots_of(&storage);
    // A slot of the attacker's own beside the genuine one, active, wrapping a root key of their own.
    let new = create::create(set.store(), "planted", policy("1 of 1"), Suite::P256, 0, &NoHsm).unwrap();
    let planted: SlotId = new.slot.id();
    let root = Secret::random().unwrap();
    let own = SlotSet::new(set.store())
        .rewrapped(set.generation(), vec![new.slot.activated()], &root, |_| Some(&new.psk))
        .unwrap();
    let header = 4 + 1 + 16 + 8 + 1;
    let own_bytes = own.encode();
    let attacked = copy(&storage);
    let bytes = altered(&set, |bytes| {
        bytes[header - 1] += 1;
        bytes.extend_from_slice(&own_bytes[header..own_bytes.len() - 32]);
    });
    write(&attacked, SLOTS, &bytes);
    assert_eq!(slots_of(&attacked).slots().len(), 2);
    // The genuine shares are good, yet nothing opens.
    assert!(matches!(refused(attempt(&attacked, &shares)), UnsealError::SlotsMixed));
    // The attacker's share gives a root key that opens no keyring.
    let mut unsealing = wait(SealedStore::open(Arc::new(attacked.clone()))).unwrap().unsealing();
    for share in new.shares {
        unsealing.offer(share).unwrap();
    }
    assert!(matches!(
        refused(wait(unsealing.unseal())),
        UnsealError::Keyring(OpenKeyringError::Record(OpenError::Forged))
    ));
    // A store that runs does not read its slots again: what is planted meanwhile is written over.
    write(&storage, SLOTS, &bytes);
    assert!(!wait(store.check(|_, _| std::ops::ControlFlow::Continue(()))).unwrap().is_clean());
    wait(store.rotate_root()).unwrap();
    assert!(slots_of(&storage).find(planted).is_none());
    assert_clean(&store);
    drop(store);
    assert!(attempt(&storage, &shares).is_ok());
}

fn cooling_off() -> SlotOptions {
    SlotOptions { cooling_off: "24h".parse().unwrap(), ..two_of_three() }
}

#[test]
fn cooling_off_time_is_not_shortened_by_who_writes_storage() {
    let _mounted = Mounted;
    let (storage, store, shares) = fresh();
    let (slot, new) = add_slot_with(&store, "replacement", cooling_off()).unwrap();
    let until = store.slots().unwrap().find(slot).unwrap().not_before();
    let bytes = altered(&slots_of(&storage), |bytes| {
        let at = bytes.windows(16).position(|id| id == slot.as_bytes()).unwrap() + 17;
        assert_eq!(bytes[at..at + 8], until.to_be_bytes());
        bytes[at..at + 8].fill(0);
    });
    assert_eq!(SlotSet::decode(&bytes).unwrap().find(slot).unwrap().not_before(), 0, "it reads as at once");
    // Before the store is opened: it does not open.
    let attacked = copy(&storage);
    write(&attacked, SLOTS, &bytes);
    assert!(matches!(refused(attempt(&attacked, &shares)), UnsealError::SlotsMixed));
    // While it is open: it does not look there.
    write(&storage, SLOTS, &bytes);
    let (first, proved) = (first_slot(&store), prove(&store, slot, &new));
    let early = refused(wait(store.replace_slot(first, proved.clone())));
    assert!(matches!(early, SlotError::CoolingOff { until: told, .. } if told == until), "{early}");
    // The control: whose slot is to wait for nothing is replaced at once.
    wait(store.remove_slot(slot)).unwrap();
    let (slot, new) = add_slot(&store, "replacement").unwrap();
    wait(store.replace_slot(first, prove(&store, slot, &new))).unwrap();
    assert!(attempt(&storage, &new).is_ok());
}

/// Two states of one store: before and after its holders changed, and the shares of each.
fn rekeyed() -> (MemoryStorage, MemoryStorage, Shares, Shares) {
    let (storage, store, old) = fresh();
    put(&store, "a", b"before").unwrap();
    let (slot, new) = add_slot(&store, "replacement").unwrap();
    let before = copy(&storage);
    let proved = prove(&store, slot, &new);
    wait(store.replace_slot(first_slot(&store), proved)).unwrap();
    put(&store, "a", b"after").unwrap();
    drop(store);
    (before, storage, old, new)
}

#[test]
fn older_slots_put_back_alone_open_nothing() {
    let _mounted = Mounted;
    let (before, after, old, new) = rekeyed();
    assert!(attempt(&after, &new).is_ok() && attempt(&before, &old).is_ok(), "the control");
    let attacked = plant(&after, &before, SLOTS);
    // The old shares give the old root key, which is not the keyring's.
    assert!(matches!(
        refused(attempt(&attacked, &old)),
        UnsealError::Keyring(OpenKeyringError::Record(OpenError::Forged))
    ));
    // Neither do the slots and the keyring without the head.
    let attacked = plant(&attacked, &before, KEYRING);
    assert!(matches!(
        refused(attempt(&attacked, &old)),
        UnsealError::Barrier(OpenBarrierError::HeadRecord(_))
    ));
}

#[test]
fn older_slots_of_the_same_holders_put_back_alone_open_nothing() {
    let _mounted = Mounted;
    let (storage, store, shares) = fresh();
    let before = copy(&storage);
    wait(store.rotate_root()).unwrap();
    drop(store);
    let attacked = plant(&storage, &before, SLOTS);
    assert!(matches!(
        refused(attempt(&attacked, &shares)),
        UnsealError::Keyring(OpenKeyringError::Record(OpenError::Forged))
    ));
    let attacked = plant(&storage, &before, KEYRING);
    assert!(matches!(
        refused(attempt(&attacked, &shares)),
        UnsealError::Keyring(OpenKeyringError::Record(OpenError::Forged))
    ));
}

#[test]
fn older_keyring_or_head_of_the_same_root_key_put_back_alone_opens_nothing() {
    let _mounted = Mounted;
    let (storage, store, shares) = fresh();
    put(&store, "a", b"1").unwrap();
    let before = copy(&storage);
    wait(store.barrier().rotate()).unwrap();
    drop(store);
    let attacked = plant(&storage, &before, KEYRING);
    assert!(matches!(
        refused(attempt(&attacked, &shares)),
        UnsealError::Barrier(OpenBarrierError::HeadRecord(OpenError::UnknownTerm(_)))
    ));
    let attacked = plant(&storage, &before, HEAD);
    assert!(matches!(refused(attempt(&attacked, &shares)), UnsealError::Barrier(OpenBarrierError::Mixed)));
    // The other way round: the store as it was, and one part of what came later.
    for place in [KEYRING, HEAD] {
        assert!(attempt(&plant(&before, &storage, place), &shares).is_err());
    }
    assert!(attempt(&storage, &shares).is_ok() && attempt(&before, &shares).is_ok(), "the control");
}

#[test]
fn slots_of_another_store_open_nothing() {
    let _mounted = Mounted;
    let (one, _, one_shares) = fresh();
    let (two, _, two_shares) = fresh();
    let attacked = plant(&one, &two, SLOTS);
    // The holders of the one store are told that their shares are not this one's.
    let mut unsealing = wait(SealedStore::open(Arc::new(attacked.clone()))).unwrap().unsealing();
    assert!(unsealing.offer_text(&one_shares[0]).is_err());
    assert!(matches!(
        refused(attempt(&attacked, &two_shares)),
        UnsealError::Keyring(OpenKeyringError::Record(OpenError::Forged))
    ));
    for place in [KEYRING, HEAD] {
        assert!(attempt(&plant(&one, &two, place), &one_shares).is_err());
    }
}

#[test]
fn missing_parts_are_named() {
    let _mounted = Mounted;
    let (storage, _, shares) = fresh();
    let without = |place: &[u8]| {
        let attacked = MemoryStorage::new();
        for key in keys(&storage).into_iter().filter(|key| key != place) {
            write(&attacked, &key, &read(&storage, &key));
        }
        attacked
    };
    assert!(matches!(refused(attempt(&without(KEYRING), &shares)), UnsealError::NoKeyring));
    assert!(matches!(
        refused(attempt(&without(HEAD), &shares)),
        UnsealError::Barrier(OpenBarrierError::NoHead)
    ));
    assert!(matches!(
        refused(wait(SealedStore::open(Arc::new(without(SLOTS))))),
        strongroom::OpenError::NoStore
    ));
}

#[test]
fn every_flip_and_every_swap_of_what_opens_a_store_is_refused() {
    let (storage, store, shares) = fresh();
    add_slot_with(&store, "pending", cooling_off()).unwrap();
    drop(store);
    let opens = |altered: &MemoryStorage| {
        wait(async {
            let Ok(sealed) = SealedStore::open(Arc::new(altered.clone())).await else { return false };
            let mut unsealing = sealed.unsealing_with(barrier_options());
            let offered = shares.iter().all(|share| unsealing.offer_text(share).is_ok());
            offered && unsealing.unseal().await.is_ok()
        })
    };
    assert!(opens(&storage), "the control");
    let (mut flips, mut refusals) = (0_u32, 0);
    let places = [SLOTS, KEYRING, HEAD];
    for place in places {
        let original = read(&storage, place);
        for at in 0..original.len() {
            let mut altered = original.clone();
            altered[at] ^= 1 << (at % 8);
            write(&storage, place, &altered);
            flips += 1;
            refusals += u32::from(!opens(&storage));
        }
        for len in 0..original.len() {
            write(&storage, place, &original[..len]);
            flips += 1;
            refusals += u32::from(!opens(&storage));
        }
        for other in places.into_iter().filter(|other| *other != place) {
            write(&storage, place, &read(&storage, other));
            flips += 1;
            refusals += u32::from(!opens(&storage));
        }
        write(&storage, place, &original);
    }
    // The attacker repairs the checksum of the slots, which anybody can compute.
    let original = read(&storage, SLOTS);
    for at in 0..original.len() - 32 {
        let mut altered = original.clone();
        altered[at] ^= 1 << (at % 8);
        let end = altered.len() - 32;
        let sum = strongroom_crypto::hash::sha256(&[&altered[..end]]);
        altered[end..].copy_from_slice(&sum);
        write(&storage, SLOTS, &altered);
        flips += 1;
        refusals += u32::from(!opens(&storage));
    }
    write(&storage, SLOTS, &original);
    assert!(opens(&storage), "the control");
    println!(
        "evidence: id=tamper/opening figure={refusals} of {flips} changes of slots, keyring and head refused verdict={}",
        if refusals == flips { "pass" } else { "fail" }
    );
    assert_eq!(refusals, flips);
}

/// The limits that the crate's documentation states. Should a later format find these out, it says so here first.
#[test]
fn what_this_version_does_not_detect() {
    let (storage, store, shares) = fresh();
    put(&store, "a", b"old").unwrap();
    let before = copy(&storage);
    put(&store, "a", b"new").unwrap();
    drop(store);
    // All of an older state.
    assert_eq!(get(&attempt(&before, &shares).unwrap(), "a").unwrap(), b"old");
    // A head of the same keyring, and a value at its own place under a term that is still in use.
    let attacked = plant(&storage, &before, HEAD);
    assert!(attempt(&attacked, &shares).is_ok());
    let record = keys(&storage).into_iter().find(|key| key[0] == 1).unwrap();
    let attacked = plant(&storage, &before, &record);
    let store = attempt(&attacked, &shares).unwrap();
    assert_eq!(get(&store, "a").unwrap(), b"old");
    // Once the term is destroyed, its values open no more, wherever they are put back.
    wait(store.barrier().rotate()).unwrap();
    wait(store.rewrap(go_on)).unwrap();
    write(&attacked, &record, &read(&before, &record));
    assert!(wait(store.barrier().get(&"a".parse().unwrap())).is_err());
}
