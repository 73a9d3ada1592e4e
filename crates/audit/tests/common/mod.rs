//! Chains for tests.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::io;

use strongroom_audit::{Entry, P256Key, Public, PublicKey, Signer as _, Sink, Time, Value, Writer};
use strongroom_crypto::hash::sha256;
use strongroom_crypto::secret::{Locking, Secret, prepare};

pub(crate) const PURPOSE: &str = "transcript of a test";

/// A chain in memory.
pub(crate) struct Lines<'a>(pub(crate) &'a mut Vec<u8>);

impl Sink for Lines<'_> {
    fn append(&mut self, line: &[u8]) -> io::Result<()> {
        self.0.extend_from_slice(line);
        Ok(())
    }
}

/// The same key for the same number.
pub(crate) fn key(number: u8) -> P256Key {
    prepare(Locking::AllowUnlocked).unwrap();
    P256Key::from_secret(Secret::from_array(&mut [number; 32]).unwrap()).unwrap()
}

pub(crate) fn public(key: &P256Key) -> PublicKey {
    PublicKey::new(key.algorithm(), key.public_key()).unwrap()
}

pub(crate) fn at(second: u64) -> Time {
    Time::from_seconds(1_795_631_400 + second)
}

pub(crate) fn text(text: &str) -> Public {
    Public::new(text).unwrap()
}

/// A record of every kind of value, two signatures on the way, and a seal.
pub(crate) fn sealed(chain_key: &P256Key) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = begun(&mut bytes);
    writer.cosign(at(6), text("Grace Hopper"), &key(2)).unwrap();
    writer.sign(at(7), chain_key).unwrap();
    writer.append(at(8), Entry::new("closed")).unwrap();
    writer.seal(at(9), chain_key).unwrap();
    bytes
}

/// The same without any signature.
pub(crate) fn open() -> Vec<u8> {
    let mut bytes = Vec::new();
    begun(&mut bytes);
    bytes
}

fn begun(bytes: &mut Vec<u8>) -> Writer<Lines<'_>> {
    let mut writer = Writer::begin(Lines(bytes), at(0), PURPOSE).unwrap();
    let entry = Entry::new("plan").with("sha256", Value::Sha256([7; 32])).with("rehearsal", false);
    writer.append(at(1), entry).unwrap();
    let entry =
        Entry::new("present").with("name", text("Ada \"the first\" Lovelace \\ Zoë")).with("shares", 2_u8);
    writer.append(at(2), entry).unwrap();
    let entry = Entry::new("handed-out").with("set", Value::Id([9; 16])).with("until", at(99));
    let entry =
        entry.with("check", Value::CheckValue(vec![1, 2, 3])).with("object", Value::ObjectId(vec![4; 20]));
    writer.append(at(3), entry).unwrap();
    let entry =
        Entry::new("seen").with("path", Value::Hmac([3; 32])).with("by", public(&key(2)).fingerprint());
    writer.append(at(4), entry.with("key", public(&key(2)))).unwrap();
    writer
}

pub(crate) fn lines(bytes: &[u8]) -> Vec<String> {
    std::str::from_utf8(bytes).unwrap().split_inclusive('\n').map(str::to_owned).collect()
}

/// What somebody would do who changes lines and knows the format: numbers and hashes are made to fit again.
pub(crate) fn rechained(lines: &[String]) -> Vec<u8> {
    let mut previous = [0; 32];
    let mut bytes = Vec::new();
    for (place, line) in lines.iter().enumerate() {
        let (head, _) = line.rsplit_once(",\"n\":").unwrap();
        let hash = data_encoding::HEXLOWER.encode(&previous);
        let line = format!("{head},\"n\":{},\"prev\":\"{hash}\"}}\n", place + 1);
        previous = sha256(&[line.as_bytes()]);
        bytes.extend_from_slice(line.as_bytes());
    }
    bytes
}
