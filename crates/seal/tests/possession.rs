//! New holders prove that they have their shares, before anything depends on them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

mod common;

use std::num::NonZeroU8;

use common::*;
use strongroom_crypto::hash::sha256;
use strongroom_crypto::secret::SecretBytes;
use strongroom_seal::slot::SlotState;
use strongroom_seal::unseal::{Possession, PossessionError};
use strongroom_shamir::Share;

#[test]
fn slot_is_activated_once_every_holder_has_shown_a_share() {
    for policy in
        ["3 of 5", "1 of 2", "1 of 1", "7 of 7", "groups(2 of {security: 2 of 3, operations: 1 of 2})"]
    {
        let NewSlot { slot, shares, .. } =
            create(STORE, "next", policy.parse().unwrap(), Suite::P256, 0, &NoHsm).unwrap();
        let mut possession = Possession::new(&slot, STORE);
        for (shown, share) in shares.iter().enumerate() {
            let missing = possession.missing();
            assert_eq!(missing.len(), shares.len() - shown);
            assert!(!possession.is_complete());
            let Err(PossessionError::Missing(names)) = possession.finish() else {
                panic!("{policy}: proved too early")
            };
            assert_eq!(names.len(), missing.len());
            let accepted = possession.offer(duplicate(share)).unwrap();
            assert_eq!(missing[0], (accepted.group, accepted.index));
        }
        assert!(possession.is_complete() && possession.missing().is_empty());
        assert!(possession.quorum_proved().unwrap());
        assert_eq!(slot.state(), SlotState::Pending);
        let active = slot.activate(&possession.finish().unwrap()).unwrap();
        assert_eq!(active.state(), SlotState::Active, "{policy}");
    }
}

#[test]
fn quorum_is_proved_before_the_last_holder_came() {
    let NewSlot { slot, shares, .. } =
        create(STORE, "next", "2 of 3".parse().unwrap(), Suite::XWing, 0, &NoHsm).unwrap();
    let mut possession = Possession::new(&slot, STORE);
    possession.offer(duplicate(&shares[2])).unwrap();
    assert!(!possession.quorum_proved().unwrap());
    possession.offer(duplicate(&shares[0])).unwrap();
    assert!(possession.quorum_proved().unwrap());
    assert_eq!(possession.missing(), [(None, 2)]);
    let error = possession.finish().refused();
    assert!(error.to_string().ends_with("still missing: share 2 of slot \"next\""), "{error}");
}

#[test]
fn shares_of_another_slot_prove_nothing() {
    let make = || create(STORE, "next", "2 of 2".parse().unwrap(), Suite::P256, 0, &NoHsm).unwrap();
    let (ours, theirs) = (make(), make());
    let mut possession = Possession::new(&ours.slot, STORE);
    let error = possession.offer(duplicate(&theirs.shares[0])).refused();
    assert!(matches!(error, ShareError::UnknownSet { .. }), "{error}");
    possession.offer(duplicate(&ours.shares[0])).unwrap();
    let error = possession.offer(duplicate(&ours.shares[0])).refused();
    assert!(matches!(&error, ShareError::Repeated(name) if name.index == 1), "{error}");
    assert_eq!(possession.missing(), [(None, 2)]);
    possession.offer(duplicate(&ours.shares[1])).unwrap();
    let proof = possession.finish().unwrap();
    // And the proof for one slot does not activate another.
    assert!(theirs.slot.activate(&proof).is_err());
    assert!(ours.slot.activate(&proof).is_ok());
}

/// A dealer who commits to a share that is not on the polynomial gives its holder something useless. Each share alone
/// looks good, and so does the first quorum.
#[test]
fn share_that_no_quorum_could_use_is_found() {
    let sealed = Sealed::new(Suite::P256, &["2 of 5"]);
    let slot = &sealed.set.slots()[0];
    let bad = Share::new(NonZeroU8::new(5).unwrap(), SecretBytes::copy_from_slice(&[0x5a; 32]).unwrap());
    let label = b"strongroom share commitment".as_slice();
    let commitment = sha256(&[label, STORE.as_bytes(), slot.id().as_bytes(), &[0, 5], bad.y().expose()]);
    let cheating = altered(&sealed.set, |bytes| replace(bytes, &slot.commitments()[4], &commitment));
    let cheating = &cheating.slots()[0];
    let prove = |slot: &Slot, last: Share| {
        let mut possession = Possession::new(slot, STORE);
        let shares = (0..4).map(|place| sealed.share(0, place).share).chain([last]);
        for share in shares {
            let share = ShareText { set: slot.set_id(), group: 0, threshold: 2, share };
            possession.offer(share).unwrap();
        }
        assert!(possession.quorum_proved().unwrap());
        possession.finish()
    };
    assert!(matches!(prove(cheating, bad).refused(), PossessionError::WrongKey));
    // Control: with the honest share and commitment all is well.
    assert!(prove(slot, sealed.raw(0, 4)).is_ok());
}

#[test]
fn slot_with_another_key_is_found() {
    let sealed = Sealed::new(Suite::P256, &["2 of 2"]);
    let other = Sealed::new(Suite::P256, &["2 of 2"]);
    let (slot, key) = (&sealed.set.slots()[0], other.set.slots()[0].public_key());
    let swapped = altered(&sealed.set, |bytes| replace(bytes, slot.public_key(), key));
    let mut possession = Possession::new(&swapped.slots()[0], STORE);
    for place in 0..2 {
        // The shares as the holders have them are refused at once; here they are made to name the altered set.
        assert!(possession.offer(sealed.share(0, place)).is_err());
        possession.offer(ShareText { set: swapped.slots()[0].set_id(), ..sealed.share(0, place) }).unwrap();
    }
    assert!(matches!(possession.quorum_proved().refused(), PossessionError::WrongKey));
    assert!(matches!(possession.finish().refused(), PossessionError::WrongKey));
}
