//! Keyrings as the independent implementation in `testvectors/` makes them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::panic,
    missing_docs
)]

use strongroom_crypto::kdf;
use strongroom_crypto::record::{StoreId, Term, TermKeys};
use strongroom_crypto::secret::Secret;
use strongroom_keyring::{DecodeError, Keyring, KeyringKey, NamesGeneration, RotationPolicy, TermState};

#[path = "../../../testvectors/reader.rs"]
mod reader;

use reader::{Vector, Vectors};

#[test]
fn keyrings_are_those_of_the_other_implementation() {
    let run = Vectors::load("keyrings.json").run("accepted", |vector| {
        let store = StoreId(vector.array("store_id"));
        let root = secret(vector, "root_key");
        let derived: Secret<32> =
            kdf::hkdf(store.as_bytes(), root.expose(), &[b"strongroom keyring key"]).unwrap();
        assert_eq!(derived.expose(), &vector.array::<32>("keyring_key"));

        let key = KeyringKey::derive(store, &root).unwrap();
        let keyring = key.open(&vector.bytes("storage_key"), &vector.bytes("record")).unwrap();
        assert_eq!(keyring.encode().unwrap().expose(), vector.bytes("plaintext"), "{}", vector.name());
        assert_eq!(keyring.store(), store);
        assert_eq!(keyring.generation(), vector.number::<u64>("generation"));
        assert_eq!(keyring.root_id().0, vector.array("root_id"));
        assert_eq!(keyring.slots(), (vector.number("slots_generation"), &vector.array("slots_digest")));
        let limit = |field| Some(vector.number(field)).filter(|&limit: &u64| limit != 0);
        let rotation = RotationPolicy { max_age: limit("rotation_age"), max_seals: limit("rotation_seals") };
        assert_eq!(keyring.rotation(), rotation);
        for purpose in vector.list("purposes") {
            let made = keyring.purpose_key(purpose.text("purpose")).unwrap();
            assert_eq!(made.expose(), &purpose.array::<32>("key"), "{}", purpose.text("purpose"));
        }
        for slot in vector.list("slots") {
            assert_eq!(keyring.psk(slot.array("slot_id")).unwrap().expose(), &slot.array::<32>("psk"));
        }
        assert_names(&keyring, vector);
        assert_terms(&keyring, vector);
    });
    assert_eq!(run, 2);
}

#[test]
fn keyrings_that_the_other_implementation_refuses_are_refused_alike() {
    let run = Vectors::load("keyrings.json").run("refused", |vector| {
        let said = match vector.refusal(Keyring::decode(&vector.bytes("plaintext"))) {
            DecodeError::Truncated => "truncated",
            DecodeError::Version => "unknown version",
            DecodeError::Malformed("unknown state of names") => "unknown state of a names generation",
            DecodeError::Malformed("names out of order") => "names generations are not ascending",
            DecodeError::Malformed("not exactly one active generation of names") => {
                "not one active names generation, the last"
            }
            DecodeError::Malformed("terms out of order") => "terms are not ascending",
            // A destroyed term alone is no active one; its key, which should be absent, is then not even looked at.
            DecodeError::Malformed("not exactly one active term, the last") => {
                "not one active term, the last; bytes after the end"
            }
            DecodeError::Malformed(rule) => rule,
            DecodeError::Secret(error) => panic!("{error}"),
        };
        assert!(said.contains(vector.text("reason")), "{}: {said}", vector.name());
    });
    assert_eq!(run, 26);
}

fn assert_names(keyring: &Keyring, vector: Vector<'_>) {
    let generation =
        |state: u8| vector.list("names").into_iter().find(|names| names.number::<u8>("state") == state);
    let same = |names: &NamesGeneration, expected: Vector<'_>| {
        assert_eq!(names.number(), expected.number::<u16>("generation"));
        assert_eq!(names.key().expose(), &expected.array::<32>("key"));
    };
    same(keyring.active_names().unwrap(), generation(1).unwrap());
    assert_eq!(keyring.leaving_names().is_some(), generation(2).is_some());
    if let (Some(names), Some(expected)) = (keyring.leaving_names(), generation(2)) {
        same(names, expected);
    }
}

fn assert_terms(keyring: &Keyring, vector: Vector<'_>) {
    let expected = vector.list("terms");
    assert_eq!(keyring.terms().count(), expected.len());
    for (info, expected) in keyring.terms().zip(&expected) {
        let state = match expected.number::<u8>("state") {
            1 => TermState::Active,
            2 => TermState::Deactivated,
            3 => TermState::Destroyed,
            state => panic!("state {state}"),
        };
        assert_eq!((info.term, info.state), (Term::new(expected.number("term")), state));
        assert_eq!(
            (info.installed, info.left, info.seals),
            (expected.number("installed"), expected.number("left"), expected.number("seals"))
        );
        let key = keyring.key(info.term).map(|key| key.expose().to_vec());
        assert_eq!(key.unwrap_or_default(), expected.bytes("key"));
    }
    let (active, key) = keyring.active_term().unwrap();
    assert_eq!(Some(active), keyring.terms().next_back());
    assert_eq!(key.expose().to_vec(), expected.last().unwrap().bytes("key"));
}

fn secret(vector: Vector<'_>, field: &str) -> Secret<32> {
    Secret::copy_from_slice(&vector.bytes(field)).unwrap()
}
