//! What somebody who writes the storage tries. Each attack has a control that shows how far it gets: the attack is real, and one
//! check alone refuses it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    missing_docs
)]

mod common;

use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::*;
use hpke::aead::AesGcm256;
use hpke::kdf::HkdfSha256;
use hpke::kem::{DhP256HkdfSha256, XWing};
use hpke::{Deserializable, Kem, OpModeR, OpModeS, PskBundle, Serializable};
use rand_core::{TryCryptoRng, TryRng};
use strongroom_crypto::{hpke as wrapper, kdf, random};
use strongroom_shamir::combine;

const SUITES: [Suite; 2] = [Suite::XWing, Suite::P256];

#[test]
fn root_key_planted_in_base_mode_is_refused() {
    let _mounted = Mounted;
    for suite in SUITES {
        let sealed = Sealed::new(suite, &["2 of 3"]);
        let slot = &sealed.set.slots()[0];
        let planted_root = Secret::random().unwrap();
        let wrapped = match suite {
            Suite::XWing => seal_foreign::<XWing>(slot, 1, None, &planted_root),
            Suite::P256 => seal_foreign::<DhP256HkdfSha256>(slot, 1, None, &planted_root),
        };
        let set = altered(&sealed.set, |bytes| replace(bytes, slot.wrapped(), &wrapped));
        let error = open(&set, [sealed.share(0, 0), sealed.share(0, 2)]).refused();
        assert!(matches!(error, OpenError::Refused { .. }), "{error}");

        // Control: whoever opened in base mode would have taken the planted key.
        let taken = match suite {
            Suite::XWing => open_base::<XWing>(&sealed, slot, &wrapped),
            Suite::P256 => open_base::<DhP256HkdfSha256>(&sealed, slot, &wrapped),
        };
        assert_eq!(taken, planted_root.expose());
    }
}

#[test]
fn root_key_planted_under_a_guessed_psk_is_refused() {
    let _mounted = Mounted;
    for suite in SUITES {
        let sealed = Sealed::new(suite, &["2 of 3"]);
        let slot = &sealed.set.slots()[0];
        let planted_root = Secret::random().unwrap();
        let plant = |psk: &Secret<32>| {
            let wrapped = match suite {
                Suite::XWing => seal_foreign::<XWing>(slot, 1, Some(psk), &planted_root),
                Suite::P256 => seal_foreign::<DhP256HkdfSha256>(slot, 1, Some(psk), &planted_root),
            };
            altered(&sealed.set, |bytes| replace(bytes, slot.wrapped(), &wrapped))
        };
        for guess in [Secret::copy_from_slice(&[0; 32]).unwrap(), Secret::random().unwrap()] {
            let error = open(&plant(&guess), [sealed.share(0, 0), sealed.share(0, 2)]).refused();
            assert!(matches!(error, OpenError::Refused { .. }), "{error}");
        }

        // Control: the same hands with the true psk seal what opens, so the psk alone stood in the way.
        let set = plant(sealed.psk(slot.id()).unwrap());
        let opened = open(&set, [sealed.share(0, 0), sealed.share(0, 2)]).unwrap();
        assert!(opened.root.ct_eq(&planted_root));
    }
}

#[test]
fn planted_slot_changes_the_digest_and_cannot_hold_the_root_key() {
    let _mounted = Mounted;
    let sealed = Sealed::new(Suite::P256, &["2 of 3"]);
    let attacker = Sealed::new(Suite::P256, &["1 of 1"]);
    let planted = attacker.set.slots()[0].clone().relabelled("emergency").unwrap();
    let planted =
        SlotSet::new(STORE).rewrapped(1, vec![planted], &attacker.root, |id| attacker.psk(id)).unwrap();
    let planted = planted.encode();
    let set = altered(&sealed.set, |bytes| {
        bytes[GENERATION.end] += 1;
        let end = bytes.len() - 32;
        bytes.splice(end..end, planted[GENERATION.end + 1..planted.len() - 32].iter().copied());
    });
    assert_eq!(set.slots().len(), 2);

    assert_ne!(SlotSet::digest(&set.encode()), SlotSet::digest(&sealed.set.encode()));
    // Control: up to the digest the planted slot is a good one. But what it opens is the planter's own key, not the store's.
    let opened = open(&set, [attacker.share(0, 0)]).unwrap();
    assert!(opened.root.ct_eq(&attacker.root) && !opened.root.ct_eq(&sealed.root));
    let opened = open(&set, [sealed.share(0, 1), sealed.share(0, 2)]).unwrap();
    assert!(opened.root.ct_eq(&sealed.root));
}

#[test]
fn older_slots_under_a_newer_generation_are_refused() {
    let _mounted = Mounted;
    for suite in SUITES {
        let mut sealed = Sealed::new(suite, &["2 of 3"]);
        let old = sealed.set.clone();
        let old_root = std::mem::replace(&mut sealed.root, Secret::random().unwrap());
        sealed.set = sealed.rewrapped(2, old.slots().to_vec(), &sealed.root);

        let replayed = altered(&old, |bytes| bytes[GENERATION].copy_from_slice(&2_u64.to_be_bytes()));
        assert_eq!(replayed.generation(), sealed.set.generation());
        let error = open(&replayed, [sealed.share(0, 0), sealed.share(0, 1)]).refused();
        assert!(matches!(error, OpenError::Refused { .. }), "{error}");

        // The older wrapping alone, put into the newer set.
        let (older, newer) = (old.slots()[0].wrapped(), sealed.set.slots()[0].wrapped());
        let patched = altered(&sealed.set, |bytes| replace(bytes, newer, older));
        let error = open(&patched, [sealed.share(0, 0), sealed.share(0, 1)]).refused();
        assert!(matches!(error, OpenError::Refused { .. }), "{error}");

        // Control: the older set as a whole still opens with the same shares, to the older root key; and the newer to the newer.
        assert!(open(&old, [sealed.share(0, 0), sealed.share(0, 1)]).unwrap().root.ct_eq(&old_root));
        assert!(
            open(&sealed.set, [sealed.share(0, 0), sealed.share(0, 1)]).unwrap().root.ct_eq(&sealed.root)
        );
    }
}

#[test]
fn wrapped_keys_swapped_between_slots_are_refused() {
    let _mounted = Mounted;
    for suite in SUITES {
        let sealed = Sealed::new(suite, &["2 of 3", "1 of 1"]);
        let (first, second) =
            (sealed.set.slots()[0].wrapped().to_vec(), sealed.set.slots()[1].wrapped().to_vec());
        let swapped = altered(&sealed.set, |bytes| {
            let (one, other) = (find(bytes, &first), find(bytes, &second));
            bytes[one..one + first.len()].copy_from_slice(&second);
            bytes[other..other + second.len()].copy_from_slice(&first);
        });
        for shares in [vec![sealed.share(0, 0), sealed.share(0, 1)], vec![sealed.share(1, 0)]] {
            let control = open(&sealed.set, shares.iter().map(duplicate)).unwrap();
            assert!(control.root.ct_eq(&sealed.root));
            let error = open(&swapped, shares).refused();
            assert!(matches!(error, OpenError::Refused { .. }), "{error}");
        }
    }
}

#[test]
fn altered_slot_does_not_stand_in_the_way_of_a_good_one() {
    let _mounted = Mounted;
    let sealed = Sealed::new(Suite::P256, &["2 of 3", "1 of 1"]);
    let wrapped = sealed.set.slots()[0].wrapped().to_vec();
    let set = altered(&sealed.set, |bytes| {
        let at = find(bytes, &wrapped);
        bytes[at + wrapped.len() - 1] ^= 1;
    });
    let mut collector = Collector::new(set);
    collector.offer(sealed.share(0, 0)).unwrap();
    collector.offer(sealed.share(0, 1)).unwrap();
    assert!(matches!(collector.open().refused(), OpenError::Refused { .. }));
    collector.offer(sealed.share(1, 0)).unwrap();
    let opened = collector.open().unwrap();
    assert_eq!(opened.slot, sealed.set.slots()[1].id());
    assert!(opened.root.ct_eq(&sealed.root));
    assert_eq!(collector.ready(), None, "the shares are gone once the store is open");
}

#[test]
fn weakened_policy_is_refused() {
    let _mounted = Mounted;
    let sealed = Sealed::new(Suite::P256, &["3 of 5"]);
    let slot = &sealed.set.slots()[0];
    // 3 of 5 becomes 1 of 5, which has no commitments.
    let commitments = [5_u16.to_be_bytes().as_slice(), slot.commitments().as_flattened()].concat();
    let one_of_five = altered(&sealed.set, |bytes| {
        replace(bytes, &[0, 3, 1, 3, 5], &[0, 3, 1, 1, 5]);
        replace(bytes, &commitments, &[0, 0]);
    });
    // 3 of 5 becomes 2 of 5, with all commitments in place.
    let two_of_five = altered(&sealed.set, |bytes| replace(bytes, &[0, 3, 1, 3, 5], &[0, 3, 1, 2, 5]));
    assert_eq!(one_of_five.slots()[0].policy().to_string(), "shamir(1 of 5)");
    assert_eq!(two_of_five.slots()[0].policy().to_string(), "shamir(2 of 5)");

    for set in [&one_of_five, &two_of_five] {
        // A share in Strongroom's form names its set, and the set names the policy.
        let error = Collector::new(set.clone()).offer(sealed.share(0, 0)).refused();
        assert!(matches!(error, ShareError::UnknownSet { .. }), "{error}");
    }
    // A share in Vault's form names nothing. Alone it does not give the slot's key…
    let error = Collector::new(one_of_five).offer_vault(None, sealed.raw(0, 0)).refused();
    assert!(matches!(error, ShareError::Unrecognised { index: 1 }), "{error}");
    // …and where its commitment fits, the weaker policy gives another key, with two shares and with three.
    for count in [2, 3] {
        let mut collector = Collector::new(two_of_five.clone());
        for place in 0..count {
            collector.offer_vault(None, sealed.raw(0, place)).unwrap();
        }
        assert!(matches!(collector.open().refused(), OpenError::Altered { .. }));
    }
    // Control: the unaltered slot opens with the same three shares.
    let mut collector = Collector::new(sealed.set.clone());
    for place in 0..3 {
        assert_eq!(collector.ready(), None);
        collector.offer_vault(None, sealed.raw(0, place)).unwrap();
    }
    assert!(collector.open().unwrap().root.ct_eq(&sealed.root));
}

#[test]
fn slot_of_another_store_is_refused() {
    let _mounted = Mounted;
    let other = StoreId(*b"store of another");
    let theirs = Sealed::of(other, Suite::P256, &["1 of 1"]);
    let ours = Sealed::new(Suite::P256, &["1 of 1"]);
    // Their set, made to say that it is ours: the shares do not know it, and in raw form they give another key.
    let moved = altered(&theirs.set, |bytes| replace(bytes, other.as_bytes(), STORE.as_bytes()));
    let error = Collector::new(moved.clone()).offer(theirs.share(0, 0)).refused();
    assert!(matches!(error, ShareError::UnknownSet { .. }), "{error}");
    let error = Collector::new(moved).offer_vault(None, theirs.raw(0, 0)).refused();
    assert!(matches!(error, ShareError::Unrecognised { .. }), "{error}");
    // And a running store does not take a slot that was made for another.
    let error = ours.set.rewrapped(2, theirs.set.slots().to_vec(), &ours.root, |id| theirs.psk(id)).refused();
    assert!(error.to_string().contains("made for another store"), "{error}");
    // Control: where they belong, they open.
    assert!(open(&theirs.set, [theirs.share(0, 0)]).unwrap().root.ct_eq(&theirs.root));
}

#[test]
fn every_flipped_byte_of_an_x_wing_set_is_refused() {
    let _mounted = Mounted;
    flip_every_byte(Suite::XWing, &["2 of 2"]);
}

#[test]
fn every_flipped_byte_of_a_p256_set_is_refused() {
    let _mounted = Mounted;
    flip_every_byte(Suite::P256, &["2 of 2", "groups(2 of {a: 1 of 1, b: 2 of 2})", "1 of 1"]);
}

fn flip_every_byte(suite: Suite, policies: &[&str]) {
    let count = policies.len();
    let sealed = Sealed::new(suite, policies);
    let bytes = sealed.set.encode();
    let digest = SlotSet::digest(&bytes);
    let (mut checksum, mut decoding, mut opening, mut by_digest) = (0, 0, 0, 0);
    for place in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[place] ^= 1 << (place % 8);
        assert!(SlotSet::decode(&damaged).is_err(), "damage at {place} passes");
        checksum += 1;
        if place >= bytes.len() - 32 {
            continue;
        }
        // Now with the checksum made to fit.
        resum(&mut damaged);
        assert_ne!(SlotSet::digest(&damaged), digest);
        let Ok(set) = SlotSet::decode(&damaged) else {
            decoding += 1;
            continue;
        };
        if (0..count).all(|slot| opens(&set, &sealed, slot)) {
            // What still opens is a label or a date, which the keyring's digest alone protects.
            assert!(differs_in_label_or_date_alone(&set, &sealed.set), "alteration at {place} opens");
            by_digest += 1;
        } else {
            opening += 1;
        }
    }
    let whole = checksum == bytes.len() && decoding + opening + by_digest == bytes.len() - 32;
    let id = match suite {
        Suite::XWing => "seal/flips-x-wing",
        Suite::P256 => "seal/flips-p256",
    };
    println!(
        "evidence: id={id} figure={checksum} of {} flipped bytes refused by the checksum; with it made to fit, {decoding} do not \
         decode, {opening} do not open, {by_digest} of labels and dates are left to the keyring's digest verdict={}",
        bytes.len(),
        if whole && opening > 0 && decoding > 0 { "pass" } else { "fail" }
    );
    assert_eq!(checksum, bytes.len());
    assert_eq!(decoding + opening + by_digest, bytes.len() - 32);
    assert!(opening > 0 && decoding > 0 && by_digest > 0 && by_digest <= count * (8 + "slot 0".len()));
    // Control: unflipped, both slots open.
    assert!((0..count).all(|slot| opens(&sealed.set, &sealed, slot)));
}

/// An attack that is being mounted. The last one to end without a failure tells what came of all of them.
struct Mounted;

impl Drop for Mounted {
    fn drop(&mut self) {
        static ENDED: AtomicUsize = AtomicUsize::new(0);
        if !std::thread::panicking() && ENDED.fetch_add(1, Ordering::SeqCst) + 1 == ATTACKS {
            let (refused, opened) = (REFUSED.load(Ordering::SeqCst), OPENED.load(Ordering::SeqCst));
            println!(
                "evidence: id=seal/attacks figure={ATTACKS} kinds of attack, refused {refused} times; the controls opened {opened} \
                 times verdict={}",
                if refused >= ATTACKS && opened > 0 { "pass" } else { "fail" }
            );
        }
    }
}

/// The attacks of this file.
const ATTACKS: usize = 10;

fn opens(set: &SlotSet, sealed: &Sealed, slot: usize) -> bool {
    let mut collector = Collector::new(set.clone());
    for share in &sealed.shares[slot] {
        if collector.offer(duplicate(share)).is_err() {
            return false;
        }
    }
    collector.open().is_ok_and(|opened| {
        assert!(opened.root.ct_eq(&sealed.root), "whatever opens gives the true root key");
        true
    })
}

fn differs_in_label_or_date_alone(one: &SlotSet, other: &SlotSet) -> bool {
    let public = |set: &SlotSet| -> Vec<_> {
        set.slots()
            .iter()
            .map(|slot| (slot.id(), slot.state(), slot.set_id(), slot.wrapped().to_vec()))
            .collect()
    };
    one.store() == other.store() && one.generation() == other.generation() && public(one) == public(other)
}

fn info(slot: &Slot, generation: u64) -> Vec<u8> {
    let policy = slot.policy().encode();
    let length = u16::try_from(policy.len()).unwrap().to_be_bytes();
    let (suite, generation) = (slot.suite().code().to_be_bytes(), generation.to_be_bytes());
    [
        b"strongroom slot".as_slice(),
        STORE.as_bytes(),
        slot.id().as_bytes(),
        &length,
        &policy,
        &suite,
        &generation,
    ]
    .concat()
}

/// Seals with the library itself, in base mode where no psk is given.
fn seal_foreign<K: Kem>(
    slot: &Slot,
    generation: u64,
    psk: Option<&Secret<32>>,
    root: &Secret<32>,
) -> Vec<u8> {
    let id = *slot.id().as_bytes();
    let mode = match psk {
        Some(psk) => OpModeS::Psk(PskBundle::new(psk.expose(), &id).unwrap()),
        None => OpModeS::Base,
    };
    let public_key = K::PublicKey::from_bytes(slot.public_key()).unwrap();
    let mut body = *root.expose();
    let (encapsulated, tag) = hpke::single_shot_seal_inout_detached_with_rng::<AesGcm256, HkdfSha256, K>(
        &mode,
        &public_key,
        &info(slot, generation),
        body.as_mut_slice().into(),
        &[],
        &mut System,
    )
    .unwrap();
    [encapsulated.to_bytes().as_slice(), &body, tag.to_bytes().as_slice()].concat()
}

fn open_base<K: Kem>(sealed: &Sealed, slot: &Slot, wrapped: &[u8]) -> Vec<u8> {
    let shares = [&sealed.shares[0][0].share, &sealed.shares[0][1].share];
    let secret = combine(&shares).unwrap();
    let policy = slot.policy().encode();
    let length = u16::try_from(policy.len()).unwrap().to_be_bytes();
    let kek: Secret<32> = kdf::hkdf(
        STORE.as_bytes(),
        secret.expose(),
        &[b"strongroom slot kek", slot.id().as_bytes(), &length, &policy],
    )
    .unwrap();
    let seed: Secret<32> = kdf::expand(&kek, &[b"strongroom slot hpke"]).unwrap();
    assert_eq!(wrapper::KeyPair::derive(slot.suite(), &seed).unwrap().public_key(), slot.public_key());
    let (private_key, _) = K::derive_keypair(seed.expose());
    let (encapsulated, ciphertext) = wrapped.split_at(wrapped.len() - 48);
    let encapsulated = K::EncappedKey::from_bytes(encapsulated).unwrap();
    hpke::single_shot_open::<AesGcm256, HkdfSha256, K>(
        &OpModeR::Base,
        &private_key,
        &encapsulated,
        &info(slot, 1),
        ciphertext,
        &[],
    )
    .expect("base mode takes it")
}

struct System;

impl TryRng for System {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(u32::from_le_bytes(random::array().unwrap()))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(u64::from_le_bytes(random::array().unwrap()))
    }

    fn try_fill_bytes(&mut self, output: &mut [u8]) -> Result<(), Infallible> {
        random::fill(output).unwrap();
        Ok(())
    }
}

impl TryCryptoRng for System {}
