//! Reading a line. What this takes in another form than the one that lines have is refused by the comparison behind it.

use data_encoding::HEXLOWER;
use strongroom_crypto::sign::Algorithm;

use crate::entry::Entry;
use crate::key::{Fingerprint, PublicKey, Signature};
use crate::public::Public;
use crate::record::{
    BadLine, CHECK, FINGERPRINT, HMAC, ID, OBJECT, Record, SHA256, TIME, key_tag, signature_tag,
};
use crate::time::Time;
use crate::value::Value;

pub(crate) fn record(line: &str) -> Result<Record, BadLine> {
    let mut cursor = Cursor { line, rest: line };
    cursor.literal("{\"at\":\"")?;
    let at = cursor.before('"', Time::parse)?;
    cursor.literal(",\"event\":\"")?;
    let event = cursor.before('"', |word| Some(Entry::new(word)))?;
    cursor.literal(",\"fields\":{")?;
    let entry = cursor.fields(event)?;
    cursor.literal(",\"n\":")?;
    let number = cursor.number()?;
    cursor.literal(",\"prev\":\"")?;
    let previous = cursor.before('"', |hex| HEXLOWER.decode(hex.as_bytes()).ok()?.try_into().ok())?;
    cursor.literal("}")?;
    if cursor.rest.is_empty() { Ok(Record { at, entry, number, previous }) } else { Err(cursor.here()) }
}

struct Cursor<'a> {
    line: &'a str,
    rest: &'a str,
}

impl<'a> Cursor<'a> {
    fn here(&self) -> BadLine {
        BadLine::Syntax { column: self.line.len().saturating_sub(self.rest.len()).saturating_add(1) }
    }

    fn literal(&mut self, expected: &str) -> Result<(), BadLine> {
        self.rest = self.rest.strip_prefix(expected).ok_or_else(|| self.here())?;
        Ok(())
    }

    /// What stands before the next such character, as what it is read for.
    fn before<T>(&mut self, end: char, read: impl Fn(&'a str) -> Option<T>) -> Result<T, BadLine> {
        let (text, rest) = self.rest.split_once(end).ok_or_else(|| self.here())?;
        let value = read(text).ok_or_else(|| self.here())?;
        self.rest = rest;
        Ok(value)
    }

    fn fields(&mut self, mut entry: Entry) -> Result<Entry, BadLine> {
        if self.literal("}").is_ok() {
            return Ok(entry);
        }
        loop {
            self.literal("\"")?;
            let name = self.before('"', Some)?;
            self.literal(":")?;
            entry = entry.with(name, self.value()?);
            if self.literal(",").is_err() {
                self.literal("}")?;
                return Ok(entry);
            }
        }
    }

    fn value(&mut self) -> Result<Value, BadLine> {
        if self.literal("\"").is_ok() {
            return self.text().map(Value::Text);
        }
        for flag in [true, false] {
            if self.literal(if flag { "true" } else { "false" }).is_ok() {
                return Ok(Value::Flag(flag));
            }
        }
        if self.literal("{\"").is_err() {
            return self.number().map(Value::Number);
        }
        let tag = self.before('"', Some)?;
        self.literal(":\"")?;
        let value = self.before('"', |text| tagged(tag, text))?;
        self.literal("}")?;
        Ok(value)
    }

    fn number(&mut self) -> Result<u64, BadLine> {
        let end = self.rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(self.rest.len());
        let (digits, rest) = self.rest.split_at_checked(end).unwrap_or_default();
        let number = digits.parse().map_err(|_| self.here())?;
        self.rest = rest;
        Ok(number)
    }

    /// The text up to its closing quote.
    fn text(&mut self) -> Result<Public, BadLine> {
        let mut text = String::new();
        let mut chars = self.rest.chars();
        loop {
            match chars.next() {
                Some('"') => break,
                Some('\\') => match chars.next() {
                    Some(c @ ('"' | '\\')) => text.push(c),
                    _ => return Err(self.here()),
                },
                Some(c) => text.push(c),
                None => return Err(self.here()),
            }
        }
        self.rest = chars.as_str();
        Public::new(&text).map_err(BadLine::Text)
    }
}

fn tagged(tag: &str, text: &str) -> Option<Value> {
    if tag == TIME {
        return Time::parse(text).map(Value::Time);
    }
    let bytes = HEXLOWER.decode(text.as_bytes()).ok()?;
    match tag {
        SHA256 => bytes.try_into().ok().map(Value::Sha256),
        ID => bytes.try_into().ok().map(Value::Id),
        HMAC => bytes.try_into().ok().map(Value::Hmac),
        CHECK => Some(Value::CheckValue(bytes)),
        OBJECT => Some(Value::ObjectId(bytes)),
        FINGERPRINT => Some(Value::Fingerprint(Fingerprint::from_bytes(bytes.try_into().ok()?))),
        _ => ALGORITHMS.into_iter().find_map(|algorithm| {
            if tag == key_tag(algorithm) {
                PublicKey::new(algorithm, &bytes).map(Value::PublicKey)
            } else if tag == signature_tag(algorithm) {
                Signature::new(algorithm, &bytes).map(Value::Signature)
            } else {
                None
            }
        }),
    }
}

const ALGORITHMS: [Algorithm; 2] = [Algorithm::EcdsaP256Sha256, Algorithm::EcdsaP384Sha384];
