//! Reads the JSON files beside it, for the tests that include this file as a module.
#![allow(dead_code, reason = "each test takes what its format needs")]

use std::path::Path;

use serde_json::Value;

/// One file of vectors.
pub(crate) struct Vectors(Value);

impl Vectors {
    pub(crate) fn load(file: &str) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testvectors").join(file);
        let text =
            std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self(serde_json::from_str(&text).unwrap())
    }

    /// Runs a list of vectors, and says how many there were: assert it, so that none is skipped in silence.
    pub(crate) fn run(&self, list: &str, mut check: impl FnMut(Vector<'_>)) -> usize {
        let vectors = self.0[list].as_array().unwrap_or_else(|| panic!("no list {list}"));
        for vector in vectors {
            check(Vector(vector));
        }
        vectors.len()
    }
}

/// One vector, or a part of it.
#[derive(Clone, Copy)]
pub(crate) struct Vector<'a>(pub(crate) &'a Value);

impl<'a> Vector<'a> {
    pub(crate) fn name(self) -> &'a str {
        self.text("name")
    }

    pub(crate) fn text(self, field: &str) -> &'a str {
        self.0[field].as_str().unwrap_or_else(|| panic!("{field} is no text in {}", self.0))
    }

    pub(crate) fn has(self, field: &str) -> bool {
        self.0.get(field).is_some_and(|value| !value.is_null())
    }

    pub(crate) fn number<T: TryFrom<u64, Error: std::fmt::Debug>>(self, field: &str) -> T {
        let number = self.0[field].as_u64().unwrap_or_else(|| panic!("{field} is no number in {}", self.0));
        T::try_from(number).unwrap()
    }

    pub(crate) fn bytes(self, field: &str) -> Vec<u8> {
        hex(self.text(field))
    }

    pub(crate) fn array<const N: usize>(self, field: &str) -> [u8; N] {
        self.bytes(field).try_into().unwrap_or_else(|_| panic!("{field} has not {N} bytes in {}", self.0))
    }

    pub(crate) fn list(self, field: &str) -> Vec<Vector<'a>> {
        let list = self.0[field].as_array().unwrap_or_else(|| panic!("{field} is no list in {}", self.0));
        list.iter().map(Vector).collect()
    }

    /// Why the vector was refused; fails the test when it was not.
    pub(crate) fn refusal<T, E>(self, result: Result<T, E>) -> E {
        result.err().unwrap_or_else(|| panic!("accepted: {}", self.name()))
    }

    /// The vector itself, where it is a text.
    pub(crate) fn as_text(self) -> &'a str {
        self.0.as_str().unwrap()
    }

    pub(crate) fn part(self, field: &str) -> Vector<'a> {
        Vector(&self.0[field])
    }
}

pub(crate) fn hex(digits: &str) -> Vec<u8> {
    assert!(digits.len().is_multiple_of(2));
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}
