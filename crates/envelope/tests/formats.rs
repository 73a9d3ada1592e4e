//! Objects as the independent implementation in `testvectors/` makes them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::panic,
    missing_docs
)]

use strongroom_crypto::external::{ExternalError, ExternalFault};
use strongroom_crypto::secret::Secret;
use strongroom_envelope::stream::{DecryptError, Options};
use strongroom_envelope::{Envelope, KeyEncryption, KeyError, OpenError, WrappedKey, stream, wrapped_key};

#[path = "../../../testvectors/reader.rs"]
mod reader;

use reader::{Vector, Vectors};

#[test]
fn small_objects_of_the_other_implementation_open() {
    let run = Vectors::load("envelopes.json").run("small", |vector| {
        let (envelope, object) = (Envelope::new(Keys(vector)), vector.bytes("object"));
        let opened = envelope.open(&vector.bytes("associated"), &object).unwrap();
        assert_eq!(opened.as_slice(), vector.bytes("plaintext"), "{}", vector.name());
        assert_eq!(wrapped_key(&object).unwrap(), Keys(vector).wrapped()[0].0);
        // With nothing but the wrapping changed, a rewrap gives the same object.
        assert_eq!(envelope.rewrap(&object).unwrap(), object, "{}", vector.name());
    });
    assert_eq!(run, 10);
}

#[test]
fn streams_of_the_other_implementation_open_by_every_way() {
    let run = Vectors::load("envelopes.json").run("streams", |vector| {
        let (envelope, object) = (Envelope::new(Keys(vector)), vector.bytes("object"));
        let (associated, plaintext) = (vector.bytes("associated"), vector.bytes("plaintext"));
        let options = Options::default();
        let opened = envelope.decrypt(&associated, &object[..], Vec::new(), &options).unwrap();
        assert_eq!(opened, plaintext, "{}", vector.name());
        let opened = envelope.decrypt_from(&associated, &object, Vec::new(), &options).unwrap();
        assert_eq!(opened, plaintext, "{}", vector.name());
        let opened = envelope.decrypt_slice(&associated, &object, &options).unwrap();
        assert_eq!(opened.as_slice(), plaintext, "{}", vector.name());
        assert_eq!(
            envelope.reader(&associated, &object).unwrap().len(),
            u64::try_from(plaintext.len()).unwrap()
        );
        assert!(
            Keys(vector).wrapped().iter().any(|(known, _)| *known == stream::wrapped_key(&object).unwrap())
        );
    });
    assert_eq!(run, 19);
}

#[test]
fn what_the_other_implementation_refuses_is_refused_alike() {
    let vectors = Vectors::load("envelopes.json");
    let small = vectors.run("refused_small", |vector| {
        let envelope = Envelope::new(Keys(vector));
        let refused = envelope.open(&vector.bytes("associated"), &vector.bytes("object"));
        assert_eq!(said(&vector.refusal(refused)), vector.text("reason"), "{}", vector.name());
    });
    let streams = vectors.run("refused_streams", |vector| {
        let (envelope, object) = (Envelope::new(Keys(vector)), vector.bytes("object"));
        let associated = vector.bytes("associated");
        let refused = envelope.decrypt(&associated, &object[..], Vec::new(), &Options::default());
        let said = match vector.refusal(refused) {
            DecryptError::Open(error) => said(&error),
            DecryptError::Key(KeyError::Wrapping(_)) => "unwrapping",
            DecryptError::Truncated => "truncated",
            DecryptError::Trailing => "bytes after the end",
            DecryptError::Forged { .. } => "forged",
            error => panic!("{}: {error}", vector.name()),
        };
        assert_eq!(said, vector.text("reason"), "{}", vector.name());
        assert!(envelope.decrypt_from(&associated, &object, Vec::new(), &Options::default()).is_err());
    });
    assert_eq!((small, streams), (23, 29));
}

fn said(error: &OpenError) -> &'static str {
    match error {
        OpenError::NotAnObject => "not an object",
        OpenError::UnknownFormat(_) => "unknown format",
        OpenError::UnknownAlgorithm(_) => "unknown algorithm",
        OpenError::IsAStream => "is a stream",
        OpenError::IsSmall => "is small",
        OpenError::Truncated => "truncated",
        OpenError::TooLong => "too long",
        OpenError::HeaderForged => "header forged",
        OpenError::Forged => "forged",
        OpenError::Key(KeyError::Wrapping(_)) => "unwrapping",
        OpenError::Damaged("the wrapped key is too long") => "wrapped key is too long",
        OpenError::Damaged("the key's name is not UTF-8") => "name is not UTF-8",
        OpenError::Damaged("a part of the wrapped key is empty") => "wrapped key is empty",
        OpenError::Damaged("its slots have an impossible length") => "slots have an impossible length",
        OpenError::Damaged("its segments have an impossible length") => "segments have an impossible length",
        OpenError::Damaged("its padding is not zero") => "padding is not zero",
        OpenError::Damaged("both of its slots are torn") => "slots are torn",
        error => panic!("{error}"),
    }
}

/// In the place of a wrapping key: knows the wrapped keys of one vector, each in its context.
#[derive(Clone, Copy)]
struct Keys<'a>(Vector<'a>);

impl Keys<'_> {
    fn wrapped(self) -> Vec<(WrappedKey, Secret<32>)> {
        let wrapped = |key: &Vector<'_>| {
            let wrapped = WrappedKey::new(key.name(), key.number("version"), key.bytes("wrapped")).unwrap();
            (wrapped, Secret::copy_from_slice(&key.bytes("data_key")).unwrap())
        };
        self.0.list("keys").iter().map(wrapped).collect()
    }
}

impl KeyEncryption for Keys<'_> {
    fn wrap(&self, data_key: &Secret<32>, context: &[u8]) -> Result<WrappedKey, ExternalError> {
        assert_eq!(context, self.0.bytes("context"));
        let known = self.wrapped().into_iter().find(|(_, known)| known.ct_eq(data_key));
        Ok(known.unwrap().0)
    }

    fn unwrap(&self, wrapped: &WrappedKey, context: &[u8]) -> Result<Secret<32>, ExternalError> {
        let known = self.wrapped().into_iter().find(|(known, _)| known == wrapped);
        known
            .filter(|_| context == self.0.bytes("context"))
            .map(|(_, key)| key)
            .ok_or_else(|| ExternalError::new(ExternalFault::Rejected, "not of this vector"))
    }
}
