//! Reads the JSON files beside it, for the tests that include this file as a module.
//!
//! When every list of a file has been run, its evidence is printed: a list that no test reads leaves it out, and then
//! `cargo xtask evidence` fails.
#![allow(dead_code, reason = "each test takes what its format needs")]
#![allow(clippy::print_stdout, reason = "evidence is printed")]

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use serde_json::Value;

/// One file of vectors.
pub(crate) struct Vectors {
    file: String,
    lists: Value,
}

impl Vectors {
    pub(crate) fn load(file: &str) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testvectors").join(file);
        let text =
            std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self { file: file.into(), lists: serde_json::from_str(&text).unwrap() }
    }

    /// Runs a list of vectors, and says how many there were: assert it, so that none is skipped in silence.
    pub(crate) fn run(&self, list: &str, mut check: impl FnMut(Vector<'_>)) -> usize {
        let vectors = self.lists[list].as_array().unwrap_or_else(|| panic!("no list {list}"));
        for vector in vectors {
            check(Vector(vector));
        }
        self.passed(list);
        vectors.len()
    }

    /// Notes that a list was run to its end; with the last one, tells how many vectors the whole file has.
    fn passed(&self, list: &str) {
        let mut passed = PASSED.lock().unwrap_or_else(PoisonError::into_inner);
        let first_time = passed.insert((self.file.clone(), list.to_owned()));
        let lists: Vec<(&String, usize)> = self
            .lists
            .as_object()
            .unwrap()
            .iter()
            .filter_map(|(name, list)| Some((name, list.as_array()?.len())))
            .collect();
        if first_time && lists.iter().all(|(name, _)| passed.contains(&(self.file.clone(), (*name).clone())))
        {
            let vectors: usize = lists.iter().map(|(_, length)| length).sum();
            let name = self.file.trim_end_matches(".json").replace('_', "-");
            println!(
                "evidence: id=vectors/{name} figure={vectors} vectors, all {} lists of {} verdict=pass",
                lists.len(),
                self.file
            );
        }
    }
}

/// The lists that were run to their end, by file.
static PASSED: Mutex<BTreeSet<(String, String)>> = Mutex::new(BTreeSet::new());

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
