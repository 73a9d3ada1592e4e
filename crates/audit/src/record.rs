//! One line of a chain.

use std::fmt;

use data_encoding::HEXLOWER;
use strongroom_crypto::hash::sha256;
use strongroom_crypto::sign::Algorithm;

use crate::entry::{BadEntry, Entry};
use crate::parse;
use crate::public::NotPublic;
use crate::time::Time;
use crate::value::Value;

/// What happened, with its time and its place in the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub(crate) at: Time,
    pub(crate) entry: Entry,
    pub(crate) number: u64,
    pub(crate) previous: [u8; 32],
}

impl Record {
    /// Reads a line without its line feed, in the one form that [`line`](Self::line) has. Its place in a chain is not checked.
    ///
    /// # Errors
    ///
    /// [`BadLine`].
    pub fn parse(line: &[u8]) -> Result<Self, BadLine> {
        if line.len() > MAX_LINE {
            return Err(BadLine::TooLong);
        }
        let text = std::str::from_utf8(line).map_err(|_| BadLine::NotText)?;
        let record = parse::record(text)?;
        record.entry.check().map_err(BadLine::Entry)?;
        // One record has one form, so that nothing of a line can be changed without changing what it says.
        if record.line() == text { Ok(record) } else { Err(BadLine::OtherForm) }
    }

    /// The line: JSON in the form of RFC 8785, without its line feed.
    pub fn line(&self) -> String {
        let fields: Vec<_> =
            self.entry.fields().map(|(name, value)| format!("\"{name}\":{}", json(value))).collect();
        format!(
            "{{\"at\":\"{}\",\"event\":\"{}\",\"fields\":{{{}}},\"n\":{},\"prev\":\"{}\"}}",
            self.at,
            self.entry.event(),
            fields.join(","),
            self.number,
            HEXLOWER.encode(&self.previous)
        )
    }

    /// What the next record holds as the hash of this one: the SHA-256 of the line with its line feed.
    pub fn hash(&self) -> [u8; 32] {
        sha256(&[self.line().as_bytes(), b"\n"])
    }

    /// When it was written.
    pub fn at(&self) -> Time {
        self.at
    }

    /// What happened.
    pub fn entry(&self) -> &Entry {
        &self.entry
    }

    /// Which line it is, from 1.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The hash of the record before.
    pub fn previous(&self) -> &[u8; 32] {
        &self.previous
    }
}

fn json(value: &Value) -> String {
    let (tag, bytes): (&str, &[u8]) = match value {
        // Control characters, which JSON escapes as well, never stand in public text.
        Value::Text(text) => {
            return format!("\"{}\"", text.as_str().replace('\\', "\\\\").replace('"', "\\\""));
        }
        Value::Number(number) => return number.to_string(),
        Value::Flag(flag) => return flag.to_string(),
        Value::Time(time) => return format!("{{\"{TIME}\":\"{time}\"}}"),
        Value::Sha256(bytes) => (SHA256, bytes),
        Value::Id(bytes) => (ID, bytes),
        Value::Hmac(bytes) => (HMAC, bytes),
        Value::CheckValue(bytes) => (CHECK, bytes),
        Value::ObjectId(bytes) => (OBJECT, bytes),
        Value::PublicKey(key) => (key_tag(key.algorithm()), key.as_bytes()),
        Value::Fingerprint(fingerprint) => (FINGERPRINT, fingerprint.as_bytes()),
        Value::Signature(signature) => (signature_tag(signature.algorithm()), signature.as_bytes()),
    };
    format!("{{\"{tag}\":\"{}\"}}", HEXLOWER.encode(bytes))
}

pub(crate) fn key_tag(algorithm: Algorithm) -> &'static str {
    if algorithm == Algorithm::EcdsaP384Sha384 { "p-384" } else { "p-256" }
}

pub(crate) fn signature_tag(algorithm: Algorithm) -> &'static str {
    if algorithm == Algorithm::EcdsaP384Sha384 { "ecdsa-p-384-sha-384" } else { "ecdsa-p-256-sha-256" }
}

/// Why a line is no record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BadLine {
    /// It has more than 65536 bytes.
    TooLong,
    /// It is not UTF-8.
    NotText,
    /// It is not as records are from this byte on, counted from 1.
    Syntax {
        /// The byte.
        column: usize,
    },
    /// It says what a record may say, in another form than the one it has.
    OtherForm,
    /// A text in it may not stand in a record.
    Text(NotPublic),
    /// A word or a number in it is none.
    Entry(BadEntry),
}

impl fmt::Display for BadLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => write!(f, "it is longer than {MAX_LINE} bytes, and no record is"),
            Self::NotText => f.write_str("it is not text"),
            Self::Syntax { column } => write!(f, "it is no record from character {column} on"),
            Self::OtherForm => f.write_str("it is written in another form than the one that records have"),
            Self::Text(error) => write!(f, "it holds a text that no record may hold ({error})"),
            Self::Entry(_) => f.write_str("it holds a word or a number that no record may hold"),
        }
    }
}

impl std::error::Error for BadLine {}

/// Bytes.
pub(crate) const MAX_LINE: usize = 1 << 16;
pub(crate) const SHA256: &str = "sha256";
pub(crate) const ID: &str = "id";
pub(crate) const HMAC: &str = "hmac";
pub(crate) const CHECK: &str = "check";
pub(crate) const OBJECT: &str = "object";
pub(crate) const FINGERPRINT: &str = "fingerprint";
pub(crate) const TIME: &str = "time";
