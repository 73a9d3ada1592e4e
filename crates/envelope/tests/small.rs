//! The small form: what it opens, and that it opens nothing else.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs)]
#![allow(clippy::print_stdout)]

mod common;

use common::{NamedKey, bytes};
use strongroom_crypto::external::ExternalFault;
use strongroom_envelope::{Envelope, KeyError, MAX_SMALL, OpenError, SealError, wrapped_key};

#[test]
fn objects_of_every_size_come_back() {
    let envelope = Envelope::new(NamedKey::new("files"));
    for len in [0, 1, 15, 16, 17, 1024, MAX_SMALL - 1, MAX_SMALL] {
        let plaintext = bytes(len);
        let object = envelope.seal(b"here", &plaintext).unwrap();
        // Prologue, name, version, wrapped key with its length, plaintext, commitment, tag.
        assert_eq!(object.len(), 14 + 1 + 5 + 4 + 2 + 60 + len + 32 + 16);
        assert_eq!(envelope.open(b"here", &object).unwrap().as_slice(), plaintext, "{len}");
    }
    assert!(matches!(envelope.seal(b"", &bytes(MAX_SMALL + 1)), Err(SealError::TooLong)));
}

#[test]
fn buffer_that_is_used_again_holds_the_new_object_alone() {
    let envelope = Envelope::new(NamedKey::new("files"));
    let mut object = b"something else".to_vec();
    for len in [1000, 3, 70, 0] {
        envelope.seal_into(b"here", &bytes(len), &mut object).unwrap();
        assert_eq!(envelope.open(b"here", &object).unwrap().as_slice(), bytes(len), "{len}");
    }
    assert!(envelope.seal_into(b"here", &bytes(MAX_SMALL + 1), &mut object).is_err());
    assert!(object.is_empty());
}

#[test]
fn wrapping_key_is_asked_once_for_sealing_and_once_for_opening() {
    let envelope = Envelope::new(NamedKey::new("files"));
    let object = envelope.seal(b"", b"value").unwrap();
    envelope.open(b"", &object).unwrap();
    assert_eq!(envelope.key().asked.load(std::sync::atomic::Ordering::Relaxed), 2);
}

#[test]
fn every_bit_counts() {
    let envelope = Envelope::new(NamedKey::new("k"));
    let object = envelope.seal(b"here", b"a value").unwrap();
    assert_eq!(envelope.open(b"here", &object).unwrap().as_slice(), b"a value", "the control");
    for at in 0..object.len() {
        for bit in 0..8 {
            let mut changed = object.clone();
            changed[at] ^= 1 << bit;
            assert!(envelope.open(b"here", &changed).is_err(), "byte {at}, bit {bit}");
            // A rewrap looks at the header alone.
            assert_eq!(
                envelope.rewrap(&changed).is_err(),
                at < object.len() - 7 - 48,
                "byte {at}, bit {bit}"
            );
        }
    }
    println!(
        "evidence: id=envelope/small-flips figure={} flipped bits of a small object, all refused verdict=pass",
        8 * object.len()
    );
}

#[test]
fn every_strict_prefix_and_every_appended_byte_is_refused() {
    let envelope = Envelope::new(NamedKey::new("k"));
    let object = envelope.seal(b"", b"value").unwrap();
    for len in 0..object.len() {
        assert!(envelope.open(b"", &object[..len]).is_err(), "{len}");
    }
    for byte in 0..=255 {
        assert!(envelope.open(b"", &[&object[..], &[byte]].concat()).is_err(), "{byte}");
    }
    assert!(envelope.open(b"", &object).is_ok(), "the control");
}

#[test]
fn object_opens_with_its_own_associated_data_alone() {
    let envelope = Envelope::new(NamedKey::new("k"));
    let object = envelope.seal(b"customer 1", b"value").unwrap();
    assert!(envelope.open(b"customer 1", &object).is_ok());
    assert!(matches!(envelope.open(b"customer 2", &object), Err(OpenError::Forged)));
    assert!(matches!(envelope.open(b"", &object), Err(OpenError::Forged)));
}

#[test]
fn header_of_one_object_does_not_open_the_body_of_another() {
    let envelope = Envelope::new(NamedKey::new("k"));
    let (one, other) = (envelope.seal(b"", b"one").unwrap(), envelope.seal(b"", b"two").unwrap());
    let body = one.len() - 3 - 48;
    let spliced = [&one[..body], &other[body..]].concat();
    assert!(matches!(envelope.open(b"", &spliced), Err(OpenError::Forged)));
    // With the id of one and the wrapped key of the other, the wrapping key already says no.
    let spliced = [&one[..14], &other[14..]].concat();
    assert!(matches!(envelope.open(b"", &spliced), Err(OpenError::Key(KeyError::Wrapping(_)))));
    assert!(envelope.open(b"", &one).is_ok() && envelope.open(b"", &other).is_ok(), "the control");
}

#[test]
fn body_is_bound_to_the_prologue_even_under_a_key_that_binds_nothing() {
    use strongroom_crypto::external::ExternalError;
    use strongroom_crypto::secret::Secret;
    use strongroom_envelope::{KeyEncryption, WrappedKey};

    /// As bad as a wrapping key can be.
    struct Careless;
    impl KeyEncryption for Careless {
        fn wrap(&self, data_key: &Secret<32>, _: &[u8]) -> Result<WrappedKey, ExternalError> {
            Ok(WrappedKey::new("careless", 1, *data_key.expose()).unwrap())
        }
        fn unwrap(&self, wrapped: &WrappedKey, _: &[u8]) -> Result<Secret<32>, ExternalError> {
            Ok(Secret::copy_from_slice(wrapped.bytes()).unwrap())
        }
    }

    let envelope = Envelope::new(Careless);
    let object = envelope.seal(b"", b"value").unwrap();
    assert!(envelope.open(b"", &object).is_ok(), "the control");
    for at in 0..14 {
        let mut changed = object.clone();
        changed[at] ^= 1;
        assert!(envelope.open(b"", &changed).is_err(), "{at}");
    }
}

#[test]
fn rewrap_changes_the_header_and_leaves_the_body() {
    let envelope = Envelope::new(NamedKey::new("k"));
    let object = envelope.seal(b"here", b"value").unwrap();
    assert_eq!(wrapped_key(&object).unwrap().version(), 1);
    envelope.key().rotate();
    let rewrapped = envelope.rewrap(&object).unwrap();
    assert_eq!(wrapped_key(&rewrapped).unwrap().version(), 2);
    let body = object.len() - 5 - 48;
    assert_eq!(rewrapped[body..], object[body..]);
    assert_eq!(rewrapped[..14], object[..14]);
    assert_ne!(rewrapped[14..body], object[14..body]);
    assert_eq!(envelope.open(b"here", &rewrapped).unwrap().as_slice(), b"value");
    assert_eq!(
        envelope.open(b"here", &object).unwrap().as_slice(),
        b"value",
        "the old one is as good as before"
    );
}

#[test]
fn object_moves_from_one_key_to_another_and_leaves_the_first() {
    let (old, envelope) = (Envelope::new(NamedKey::new("old")), Envelope::new(NamedKey::new("new")));
    let object = old.seal(b"", b"value").unwrap();
    let fault = |error| match error {
        OpenError::Key(KeyError::Wrapping(error)) => error.fault(),
        error => panic!("{error}"),
    };
    assert_eq!(fault(envelope.open(b"", &object).err().unwrap()), ExternalFault::Refused);
    let moved = envelope.rewrap_from(old.key(), &object).unwrap();
    assert_eq!(envelope.open(b"", &moved).unwrap().as_slice(), b"value");
    assert_eq!(fault(old.open(b"", &moved).err().unwrap()), ExternalFault::Refused);
}

#[test]
fn threads_share_an_envelope_and_no_two_objects_are_alike() {
    let envelope = Envelope::new(NamedKey::new("k"));
    let objects: Vec<Vec<u8>> = std::thread::scope(|scope| {
        let sealing = || (0..200).map(|_| envelope.seal(b"", b"value").unwrap()).collect::<Vec<_>>();
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(sealing)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let ids: std::collections::BTreeSet<&[u8]> = objects.iter().map(|object| &object[6..14]).collect();
    let bodies: std::collections::BTreeSet<&[u8]> =
        objects.iter().map(|object| &object[object.len() - 53..]).collect();
    assert_eq!((ids.len(), bodies.len()), (800, 800));
    assert!(objects.iter().all(|object| envelope.open(b"", object).is_ok()));
}
