//! Storage keys, entries, heads and the progress of a rewrap, as the independent implementation in `testvectors/` makes them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::panic,
    missing_docs
)]

use std::sync::Arc;

use pollster::block_on;
use strongroom_barrier::fuzzing::{self, EntryPlace, RewrapState};
use strongroom_barrier::{
    Barrier, Directory, HEAD, Head, HeadError, KEYRING, Options, Path, PathError, REWRAP, ReadError, SLOTS,
};
use strongroom_crypto::kdf;
use strongroom_crypto::mac::MacKey;
use strongroom_crypto::record::{Opener, StoreId, Term, TermKeys};
use strongroom_crypto::secret::{Plaintext, Secret};
use strongroom_crypto::siv::SivKey;
use strongroom_keyring::{Keyring, KeyringKey};
use strongroom_storage::{Batch, MAX_KEY, MemoryStorage, Storage};

#[path = "../../../testvectors/reader.rs"]
mod reader;

use reader::{Vector, Vectors};

#[test]
fn system_entries_lie_where_the_other_implementation_has_them() {
    let run = Vectors::load("storage_keys.json").run("system", |vector| {
        let place = match vector.name() {
            "head" => HEAD,
            "keyring" => KEYRING,
            "slots" => SLOTS,
            "rewrap" => REWRAP,
            name => panic!("{name}"),
        };
        assert_eq!(place, vector.bytes("storage_key"));
    });
    assert_eq!(run, 4);
}

/// Through a whole barrier: what is put under a path appears in storage under the key that the vector says.
#[test]
fn paths_become_the_storage_keys_of_the_other_implementation() {
    let run = Vectors::load("storage_keys.json").run("accepted", |vector| {
        assert_derivations(vector);
        let (storage, barrier) = barrier_with(vector);
        let path = vector.text("path");
        // A directory comes to be when something is put into it.
        let value = if path.ends_with('/') { format!("{path}value") } else { path.to_owned() };
        block_on(barrier.put(value.parse().unwrap(), Plaintext::new(b"value".to_vec()))).unwrap();
        let key = vector.bytes("storage_key");
        let record = block_on(storage.get(&key)).unwrap().unwrap_or_else(|| panic!("{}", vector.name()));
        let plaintext = barrier.open_record(&key, &record).unwrap();
        match fuzzing::entry(plaintext.as_slice()) {
            Some((_, found)) => assert_eq!(found, b"value"),
            None => assert!(path.ends_with('/') && plaintext.as_slice().is_empty(), "{}", vector.name()),
        }

        // And back, by listing the directory that it lies in.
        let (parent, last) =
            path.trim_end_matches('/').rsplit_once('/').unwrap_or(("", path.trim_end_matches('/')));
        let page = block_on(barrier.list(&parent.parse().unwrap(), None, 10)).unwrap();
        let listed: Vec<&str> = page.names.iter().map(strongroom_barrier::Name::as_str).collect();
        let slash = if path.ends_with('/') { "/" } else { "" };
        assert_eq!(listed, [format!("{last}{slash}")], "{}", vector.name());
    });
    assert_eq!(run, 26);
}

#[test]
fn paths_that_the_other_implementation_refuses_are_refused_alike() {
    let run = Vectors::load("storage_keys.json").run("refused_paths", |vector| {
        let path = vector.text("path");
        let parsed = match path.strip_suffix('/').filter(|rest| !rest.is_empty()) {
            Some(_) => path.parse::<Directory>().map(|_| ()),
            None => path.parse::<Path>().map(|_| ()),
        };
        let said = match vector.refusal(parsed) {
            PathError::EmptySegment | PathError::LongSegment => "segment has not 1 to 254 bytes",
            PathError::DotSegment => "segment is . or ..",
            PathError::ControlCharacter => "segment holds a slash or a control character",
            error => panic!("{error}"),
        };
        assert_eq!(said, vector.text("reason"), "{}", vector.name());
    });
    assert_eq!(run, 16);
}

/// A key that belongs to no name stops a listing, or is not seen where it is not among the keys of the directory.
#[test]
fn storage_keys_that_the_other_implementation_refuses_are_never_listed() {
    let (mut stopped, mut unseen, mut not_stored) = (0, 0, 0);
    let vectors = Vectors::load("storage_keys.json");
    let mut good = None;
    vectors.run("accepted", |vector| {
        if vector.text("path") == "database/password" {
            good = Some((vector.bytes("storage_key"), vector.array("root_id")));
        }
    });
    let (good, root): (Vec<u8>, [u8; 16]) = good.unwrap();
    let run = vectors.run("refused", |vector| {
        let key = vector.bytes("storage_key");
        let (storage, barrier) = barrier_of(vector, root);
        let mut batch = Batch::new();
        batch.put(key.clone(), b"anything".to_vec());
        if block_on(storage.commit(batch)).is_err() {
            assert!(key.is_empty() || key.len() > MAX_KEY, "{}", vector.name());
            not_stored += 1;
            return;
        }
        let listing = block_on(barrier.list(&"database".parse().unwrap(), None, 10));
        if key.starts_with(&good[..19]) {
            assert!(matches!(listing, Err(ReadError::Name)), "{}", vector.name());
            stopped += 1;
        } else {
            assert!(listing.unwrap().names.is_empty(), "{}", vector.name());
            unseen += 1;
        }
    });
    assert_eq!((run, stopped, unseen, not_stored), (20, 12, 6, 2));
}

#[test]
fn entries_are_those_of_the_other_implementation() {
    let vectors = Vectors::load("entries.json");
    let run = vectors.run("accepted", |vector| {
        let plaintext = vector.bytes("plaintext");
        let entry = fuzzing::entry(&plaintext);
        match vector.text("kind") {
            "directory" => assert_eq!((plaintext.len(), entry), (0, None)),
            _ => assert_eq!(entry, Some((vector.number("revision"), vector.bytes("value").as_slice()))),
        }
    });
    assert_eq!(run, 7);
    let run = vectors.run("refused", |vector| {
        assert_eq!(fuzzing::entry(&vector.bytes("plaintext")), None, "{}", vector.name());
    });
    assert_eq!(run, 5);
}

#[test]
fn heads_are_those_of_the_other_implementation() {
    let vectors = Vectors::load("heads.json");
    let run = vectors.run("accepted", |vector| {
        let term = Term::new(vector.number("term"));
        let keys = OneKey(term, Secret::copy_from_slice(&vector.bytes("term_key")).unwrap());
        let opener = Opener::new(StoreId(vector.array("store_id")));
        let plaintext = opener.open(&keys, HEAD, &vector.bytes("record")).unwrap();
        assert_eq!(plaintext.as_slice(), vector.bytes("plaintext"), "{}", vector.name());
        let head = Head::decode(plaintext.as_slice()).unwrap();
        assert_eq!(head.encode().unwrap(), plaintext.as_slice());
        assert_eq!(head.sequence, vector.number::<u64>("sequence"));
        assert_eq!(head.previous, vector.array("previous"));
        assert_eq!(head.keyring, vector.number::<u64>("keyring_generation"));
        assert_eq!(head.slots, vector.number::<u64>("slots_generation"));
        assert_eq!(head.names, vector.number::<u16>("names_generation"));
        assert_eq!(head.leaving_names, vector.number::<u16>("names_being_left"));
        let terms: Vec<[u64; 4]> = head
            .terms
            .iter()
            .map(|(term, usage)| [term.get().into(), usage.live, usage.seals, usage.blocks])
            .collect();
        let fields = ["term", "live_records", "seals", "blocks"];
        let expected: Vec<[u64; 4]> =
            vector.list("terms").iter().map(|term| fields.map(|field| term.number(field))).collect();
        assert_eq!(terms, expected, "{}", vector.name());
    });
    assert_eq!(run, 3);
    let run = vectors.run("refused", |vector| {
        let error = vector.refusal(Head::decode(&vector.bytes("plaintext")));
        let newer = ["unknown version", "unknown set hash"].contains(&vector.text("reason"));
        assert_eq!(error, if newer { HeadError::Version } else { HeadError::Malformed }, "{}", vector.name());
    });
    assert_eq!(run, 10);
}

#[test]
fn progress_of_a_rewrap_is_that_of_the_other_implementation() {
    let vectors = Vectors::load("rewraps.json");
    let run = vectors.run("accepted", |vector| {
        let expected = RewrapState {
            target: Term::new(vector.number("target_term")),
            started: vector.number("started"),
            done: vector.number("done"),
            cursor: vector.bytes("cursor"),
        };
        assert_eq!(RewrapState::decode(&vector.bytes("plaintext")), Some(expected), "{}", vector.name());
    });
    assert_eq!(run, 3);
    let run = vectors.run("refused", |vector| {
        assert_eq!(RewrapState::decode(&vector.bytes("plaintext")), None, "{}", vector.name());
    });
    assert_eq!(run, 5);
}

/// The keys of a names generation, and each step to the storage key.
fn assert_derivations(vector: Vector<'_>) {
    let names: Secret<32> = Secret::copy_from_slice(&vector.bytes("names_key")).unwrap();
    let (store, generation) = (vector.bytes("store_id"), vector.number::<u16>("generation").to_be_bytes());
    let directory: Secret<32> =
        kdf::expand(&names, &[b"strongroom names directory", &store, &generation]).unwrap();
    let segment: Secret<64> =
        kdf::expand(&names, &[b"strongroom names segment", &store, &generation]).unwrap();
    assert_eq!(directory.expose(), &vector.array::<32>("directory_key"));
    assert_eq!(segment.expose(), &vector.array::<64>("segment_key"));
    let token = MacKey::new(&directory).mac(&[&vector.bytes("token_input")]);
    assert_eq!(token[..16], vector.bytes("directory_token"));
    let padded = vector.bytes("padded_segment");
    assert!(
        padded.starts_with(&vector.bytes("text")) && fuzzing::unpad_segment(&padded).is_some(),
        "{}",
        vector.name()
    );
    let sealed = SivKey::new(&segment).unwrap().seal(&token[..16], &padded).unwrap();
    assert_eq!(sealed, vector.bytes("sealed_segment"), "{}", vector.name());
    let key = vector.bytes("storage_key");
    let place = EntryPlace::parse(&key).unwrap();
    assert_eq!(place.generation, vector.number::<u16>("generation"));
    assert_eq!((place.token.as_slice(), place.sealed), (&token[..16], sealed.as_slice()));
    assert_eq!(place.to_key(), key);
}

fn barrier_with(vector: Vector<'_>) -> (MemoryStorage, Barrier) {
    barrier_of(vector, vector.array("root_id"))
}

/// An empty store whose names have the vector's keys.
fn barrier_of(vector: Vector<'_>, root_id: [u8; 16]) -> (MemoryStorage, Barrier) {
    let store = StoreId(vector.array("store_id"));
    let keyring = [
        &[1][..],
        store.as_bytes(),
        &1_u64.to_be_bytes(),
        &[0; 8 + 32 + 8 + 8],
        &root_id,
        &[7; 32],
        &[1],
        &vector.number::<u16>("generation").to_be_bytes(),
        &[1],
        &vector.bytes("names_key"),
        &[0, 0],
        &[0, 0, 0, 1, 0, 0, 0, 1, 1],
        &[0; 24],
        &[9; 32],
    ]
    .concat();
    let keyring = Keyring::decode(&keyring).unwrap();
    let key = KeyringKey::derive(store, &Secret::random().unwrap()).unwrap();
    let storage = MemoryStorage::new();
    let barrier = Barrier::create(Arc::new(storage.clone()), keyring, key, Vec::new(), Options::default());
    (storage, block_on(barrier).unwrap())
}

struct OneKey(Term, Secret<32>);

impl TermKeys for OneKey {
    fn key(&self, term: Term) -> Option<&Secret<32>> {
        (term == self.0).then_some(&self.1)
    }
}
