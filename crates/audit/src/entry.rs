//! What happened, before it has a place in a chain.

use std::fmt;

use crate::value::Value;

/// Something that happened: what kind of thing, and what it was like.
///
/// ```
/// use strongroom_audit::{Entry, Public};
///
/// let entry = Entry::new("present").with("name", Public::new("Grace Hopper")?).with("shares", 2_u64);
/// # Ok::<(), strongroom_audit::NotPublic>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    event: String,
    fields: Vec<(String, Value)>,
}

impl Entry {
    /// Something of this kind: a lower-case word, see [`BadEntry::Word`]. Words that begin with `chain-` are the chain's own.
    pub fn new(event: &str) -> Self {
        Self { event: event.to_owned(), fields: Vec::new() }
    }

    /// The same with another field. The order of fields says nothing.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        let place = self.fields.partition_point(|(other, _)| other.as_str() <= name);
        self.fields.insert(place, (name.to_owned(), value.into()));
        self
    }

    /// The same with another field, if there is a value.
    #[must_use]
    pub fn with_some(self, name: &str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// Its kind.
    pub fn event(&self) -> &str {
        &self.event
    }

    /// The fields, ascending by name.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.fields.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// A field.
    pub fn field(&self, name: &str) -> Option<&Value> {
        self.fields().find(|(found, _)| *found == name).map(|(_, value)| value)
    }

    /// A field that is text.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.field(name)? {
            Value::Text(text) => Some(text.as_str()),
            _ => None,
        }
    }

    /// A field that is a number.
    pub fn number(&self, name: &str) -> Option<u64> {
        match self.field(name)? {
            Value::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// Whether the entry is the chain's own.
    pub(crate) fn is_of_chain(&self) -> bool {
        self.event.starts_with(OF_CHAIN)
    }

    pub(crate) fn without(&self, name: &str) -> Self {
        let fields = self.fields.iter().filter(|(found, _)| found != name).cloned().collect();
        Self { event: self.event.clone(), fields }
    }

    /// Whether it can be written.
    pub(crate) fn check(&self) -> Result<(), BadEntry> {
        let names = self.fields.iter().map(|(name, _)| name);
        if let Some(word) = std::iter::once(&self.event).chain(names.clone()).find(|word| !is_word(word)) {
            return Err(BadEntry::Word(word.clone()));
        }
        if self.fields.len() > MAX_FIELDS {
            return Err(BadEntry::TooManyFields);
        }
        if let Some((one, _)) = names.clone().zip(names.skip(1)).find(|(one, next)| one == next) {
            return Err(BadEntry::Repeated(one.clone()));
        }
        match self.fields.iter().find(|(_, value)| !value.is_within_limits()) {
            Some((name, _)) => Err(BadEntry::Limit(name.clone())),
            None => Ok(()),
        }
    }
}

/// Why an entry cannot be written. Whoever wrote the program must mend it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BadEntry {
    /// A kind or a field's name is not 1 to 40 of `a`–`z`, `0`–`9` and `-`, beginning with a letter.
    Word(String),
    /// The kind is one of the chain's own.
    Reserved,
    /// There are more than 24 fields.
    TooManyFields,
    /// A field is there twice.
    Repeated(String),
    /// A field's number or check value is beyond its limit.
    Limit(String),
}

impl fmt::Display for BadEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("this cannot be recorded, by a mistake of the program: ")?;
        match self {
            Self::Word(word) => write!(f, "{word:?} is no word for a kind or a field"),
            Self::Reserved => f.write_str("words that begin with \"chain-\" are the chain's own"),
            Self::TooManyFields => write!(f, "a record has at most {MAX_FIELDS} fields"),
            Self::Repeated(name) => write!(f, "the field {name:?} is there twice"),
            Self::Limit(name) => write!(f, "the field {name:?} is beyond its limit"),
        }
    }
}

impl std::error::Error for BadEntry {}

pub(crate) fn is_word(word: &str) -> bool {
    word.len() <= MAX_WORD
        && word.starts_with(|c: char| c.is_ascii_lowercase())
        && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

const OF_CHAIN: &str = "chain-";
const MAX_WORD: usize = 40;
const MAX_FIELDS: usize = 24;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_stand_in_order_whatever_order_they_were_given_in() {
        let one = Entry::new("a").with("x", 1_u64).with("b", 2_u64).with("m", true);
        let other = Entry::new("a").with("m", true).with("x", 1_u64).with("b", 2_u64);
        assert_eq!(one, other);
        assert_eq!(one.fields().map(|(name, _)| name).collect::<Vec<_>>(), ["b", "m", "x"]);
        assert_eq!((one.number("x"), one.text("x"), one.number("y")), (Some(1), None, None));
    }

    #[test]
    fn what_cannot_be_written_is_named() {
        assert_eq!(Entry::new("step-2").with("b2", 1_u64).check(), Ok(()));
        for word in ["", "A", "2a", "-a", "a b", "a_b", "é", &"a".repeat(41)] {
            assert_eq!(Entry::new(word).check(), Err(BadEntry::Word(word.to_owned())));
            assert_eq!(Entry::new("a").with(word, 1_u64).check(), Err(BadEntry::Word(word.to_owned())));
        }
        let twice = Entry::new("a").with("x", 1_u64).with("y", 1_u64).with("x", 2_u64);
        assert_eq!(twice.check(), Err(BadEntry::Repeated("x".to_owned())));
        assert_eq!(Entry::new("a").with("x", 1_u64 << 53).check(), Err(BadEntry::Limit("x".to_owned())));
        assert_eq!(Entry::new("a").with("x", (1_u64 << 53) - 1).check(), Ok(()));
        let empty = Value::CheckValue(Vec::new());
        assert_eq!(Entry::new("a").with("x", empty).check(), Err(BadEntry::Limit("x".to_owned())));
        let many = (0..25).fold(Entry::new("a"), |entry, number| entry.with(&format!("f{number}"), true));
        assert_eq!(many.check(), Err(BadEntry::TooManyFields));
    }
}
