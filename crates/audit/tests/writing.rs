//! Appending: what is refused, what fails, and what is told.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::io;

use common::{Lines, PURPOSE, at, key, text};
use strongroom_audit::{
    Algorithm, AppendError, BadEntry, Chain, Entry, NotPublic, Public, Record, Signer, Sink, Writer,
};
use strongroom_crypto::external::ExternalError;

/// A disk that is full after some lines.
struct Full(usize);

impl Sink for Full {
    fn append(&mut self, _: &[u8]) -> io::Result<()> {
        self.0 = self.0.checked_sub(1).ok_or(io::ErrorKind::StorageFull)?;
        Ok(())
    }
}

/// A key that says it is one, and signs with another or not at all.
struct Crooked {
    public: Vec<u8>,
    signature: Option<Vec<u8>>,
}

impl Signer for Crooked {
    fn algorithm(&self) -> Algorithm {
        Algorithm::EcdsaP256Sha256
    }

    fn public_key(&self) -> &[u8] {
        &self.public
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, ExternalError> {
        self.signature.clone().map_or_else(|| key(2).sign(message), Ok)
    }
}

#[test]
fn writer_whose_line_was_not_taken_takes_no_more() {
    let mut writer = Writer::begin(Full(2), at(0), PURPOSE).unwrap();
    assert_eq!(writer.append(at(1), Entry::new("a")).unwrap(), 2);
    let hash = writer.hash();
    assert!(matches!(writer.append(at(2), Entry::new("b")), Err(AppendError::Io(_))));
    assert!(matches!(writer.append(at(2), Entry::new("b")), Err(AppendError::Broken)));
    assert!(matches!(writer.seal(at(2), &key(1)), Err(AppendError::Broken)));
    assert_eq!(writer.hash(), hash);
    assert!(Writer::begin(Full(0), at(0), PURPOSE).is_err());
}

#[test]
fn entry_that_cannot_be_said_is_refused_and_the_chain_goes_on() {
    let mut bytes = Vec::new();
    let mut writer = Writer::begin(Lines(&mut bytes), at(0), PURPOSE).unwrap();
    for (event, why) in [
        ("chain-sealed", BadEntry::Reserved),
        ("chain-anything", BadEntry::Reserved),
        ("No word", BadEntry::Word("No word".to_owned())),
    ] {
        let found = writer.append(at(1), Entry::new(event));
        assert!(matches!(&found, Err(AppendError::Entry(bad)) if *bad == why), "{found:?}");
    }
    assert_eq!(writer.append(at(1), Entry::new("word")).unwrap(), 2);
    assert_eq!(Chain::read(&bytes).unwrap().records().len(), 2);
    let purpose = Writer::begin(Lines(&mut bytes), at(0), " ").map(drop);
    assert!(matches!(purpose, Err(AppendError::Purpose(NotPublic::OuterSpace))));
}

#[test]
fn largest_entry_is_written_and_read() {
    let mut bytes = Vec::new();
    let mut writer = Writer::begin(Lines(&mut bytes), at(0), PURPOSE).unwrap();
    let quotes = text(&"\"".repeat(1024));
    let entry = (0..24).fold(Entry::new(&"e".repeat(40)), |entry, number| {
        entry.with(&format!("f{number:039}"), quotes.clone())
    });
    writer.append(at(1), entry.clone()).unwrap();
    assert_eq!(Chain::read(&bytes).unwrap().records()[1].entry(), &entry);
}

#[test]
fn key_that_misbehaves_signs_nothing() {
    let mut bytes = Vec::new();
    let mut writer = Writer::begin(Lines(&mut bytes), at(0), PURPOSE).unwrap();
    let honest = key(1).public_key().to_vec();
    for crooked in [
        Crooked { public: honest.clone(), signature: None },
        Crooked { public: honest.clone(), signature: Some(vec![1; 64]) },
        Crooked { public: honest.clone(), signature: Some(vec![1; 63]) },
        Crooked { public: honest[1..].to_vec(), signature: None },
    ] {
        assert!(matches!(writer.seal(at(1), &crooked), Err(AppendError::Misbehaved)));
    }
    // The control: the same key with its own signature.
    writer.seal(at(1), &Crooked { public: key(2).public_key().to_vec(), signature: None }).unwrap();
}

#[test]
fn two_chains_of_the_same_things_differ_by_their_numbers() {
    assert_ne!(Chain::read(&common::open()).unwrap().id(), Chain::read(&common::open()).unwrap().id());
}

#[test]
fn text_that_looks_like_a_key_is_refused_by_the_reader_too() {
    let mut lines = common::lines(&common::open());
    assert!(Record::parse(lines[2].trim_end().as_bytes()).is_ok());
    lines[2] = lines[2].replace("Zoë", &"0a".repeat(20));
    assert!(Record::parse(lines[2].trim_end().as_bytes()).is_err());
    assert!(Public::new(&"0a".repeat(20)).is_err());
}
