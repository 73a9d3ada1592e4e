//! Records, and the HPKE beneath slots, as the independent implementation in `testvectors/` makes them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::panic,
    missing_docs
)]

use strongroom_crypto::aead::{AeadKey, provider};
use strongroom_crypto::hpke::{HpkeError, KeyPair, Suite};
use strongroom_crypto::kdf;
use strongroom_crypto::record::{OpenError, Opener, StoreId, Term, TermKeys, term_of};
use strongroom_crypto::secret::Secret;

#[path = "../../../testvectors/reader.rs"]
mod reader;

use reader::{Vector, Vectors};

#[test]
fn records_are_those_of_the_other_implementation() {
    let run = Vectors::load("records.json").run("accepted", |vector| {
        let (store, term) = (StoreId(vector.array("store_id")), Term::new(vector.number("term")));
        let term_key = secret(vector, "term_key");
        let (place, record, plaintext) =
            (vector.bytes("storage_key"), vector.bytes("record"), vector.bytes("plaintext"));

        // Each step of the way, and the record sealed again from its parts by either provider.
        let term_bytes = term.get().to_be_bytes();
        let salt = vector.bytes("salt");
        let info: [&[u8]; 5] = [b"strongroom record session", &[1, 1], store.as_bytes(), &term_bytes, &salt];
        let session_key: Secret<32> = kdf::expand(&term_key, &info).unwrap();
        assert_eq!(session_key.expose(), &vector.array::<32>("session_key"), "{}", vector.name());
        let nonce = vector.array("nonce");
        assert_eq!(nonce[..4], vector.bytes("commit"));
        assert_eq!(nonce[4..], vector.number::<u64>("counter").to_be_bytes());
        let aad = [&record[..34], store.as_bytes(), &place].concat();
        assert_eq!(
            (&record[..34], &aad),
            (vector.bytes("header").as_slice(), &vector.bytes("aad")),
            "{}",
            vector.name()
        );
        let mut body = plaintext.clone();
        let tag = AeadKey::new(&session_key).unwrap().seal_in_place(&nonce, &aad, &mut body).unwrap();
        assert_eq!([&body[..], &tag].concat(), record[34..], "{}", vector.name());
        let mut body = plaintext.clone();
        let key = provider::rustcrypto::Key::new(&session_key).unwrap();
        let tag = key.seal_in_place(&nonce, &aad, &mut body).unwrap();
        assert_eq!([&body[..], &tag].concat(), record[34..], "{}", vector.name());

        // And the whole way at once.
        assert_eq!(term_of(&record), Ok(term));
        let keys = Keys(vec![(term, term_key)]);
        let opened = Opener::new(store).open(&keys, &place, &record).unwrap();
        assert_eq!(opened.as_slice(), plaintext, "{}", vector.name());
    });
    assert_eq!(run, 17);
}

#[test]
fn records_that_the_other_implementation_refuses_are_refused_alike() {
    let run = Vectors::load("records.json").run("refused", |vector| {
        let terms = vector.list("terms");
        let keys = Keys(
            terms.iter().map(|term| (Term::new(term.number("term")), secret(*term, "term_key"))).collect(),
        );
        let opener = Opener::new(StoreId(vector.array("store_id")));
        let refused = opener.open(&keys, &vector.bytes("storage_key"), &vector.bytes("record"));
        let said = match vector.refusal(refused) {
            OpenError::Truncated => "truncated",
            OpenError::UnknownFormat(_) => "unknown format",
            OpenError::UnknownSuite(_) => "unknown suite",
            OpenError::UnknownTerm(_) => "unknown term",
            OpenError::Forged => "forged",
            error => panic!("{}: {error}", vector.name()),
        };
        assert_eq!(said, vector.text("reason"), "{}", vector.name());
    });
    assert_eq!(run, 19);
}

#[test]
fn hpke_opens_what_the_other_implementation_sealed() {
    let (mut pairs, mut opened) = (0, 0);
    let sets = Vectors::load("slots.json").run("sets", |set| {
        for slot in set.list("slots") {
            let suite = Suite::from_code(slot.number("suite")).unwrap();
            let pair = KeyPair::derive(suite, &secret(slot, "hpke_seed")).unwrap();
            assert_eq!(pair.public_key(), slot.bytes("public_key"), "{}", slot.text("label"));
            pairs += 1;
            if !slot.has("wrapped") {
                continue;
            }
            let (psk, id, info) = (secret(slot, "psk"), slot.bytes("slot_id"), slot.bytes("info"));
            let wrapped = slot.bytes("wrapped");
            assert_eq!(wrapped, [slot.bytes("enc"), slot.bytes("ciphertext")].concat());
            assert_eq!(wrapped.len(), suite.sealed_len());
            let root = pair.open_psk(&psk, &id, &info, &[], &wrapped).unwrap();
            assert_eq!(root.expose(), &set.array::<32>("root_key"), "{}", slot.text("label"));
            let other = secret(slot, "kek");
            assert_eq!(pair.open_psk(&other, &id, &info, &[], &wrapped).err(), Some(HpkeError::Forged));
            opened += 1;
        }
    });
    assert_eq!((sets, pairs, opened), (5, 25, 20));
}

fn secret<const N: usize>(vector: Vector<'_>, field: &str) -> Secret<N> {
    Secret::copy_from_slice(&vector.bytes(field)).unwrap()
}

struct Keys(Vec<(Term, Secret<32>)>);

impl TermKeys for Keys {
    fn key(&self, term: Term) -> Option<&Secret<32>> {
        self.0.iter().find(|(of, _)| *of == term).map(|(_, key)| key)
    }
}
