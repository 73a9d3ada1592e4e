//! What is wrong with a chain.

use std::fmt;

use crate::key::Fingerprint;
use crate::public::Public;
use crate::record::BadLine;

/// The first line that is not as it should be. Nothing from there on counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadLines {
    /// The line, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub problem: Problem,
}

impl fmt::Display for BadLines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, problem } = self;
        write!(f, "line {line}: {problem}")
    }
}

impl std::error::Error for BadLines {}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// There is no line at all.
    Missing,
    /// It has no end: a crash, or somebody, cut it off.
    Torn,
    /// It is no record.
    Bad(BadLine),
    /// It says that it is another line.
    Number {
        /// Which.
        found: u64,
    },
    /// The line before is not the one that it was written after.
    Previous,
    /// The chain does not begin as one of this format's version.
    NotOpened,
    /// Another chain begins in the middle.
    OpenedTwice,
    /// It looks like one of the chain's own lines and is none.
    NotOfChain,
    /// The signature is not by the key beside it, or not of these lines.
    Signature,
    /// It stands behind the seal.
    AfterSeal,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("there is nothing: is this the right file?"),
            Self::Torn => f.write_str("the line has no end: it was cut off"),
            Self::Bad(bad) => bad.fmt(f),
            Self::Number { found } => write!(
                f,
                "line {found} stands here: lines were removed, inserted, repeated or moved"
            ),
            Self::Previous => f.write_str(
                "the line before is not the one that this was written after: one of the two was changed, or they are of \
                 different files",
            ),
            Self::NotOpened => {
                f.write_str("the file does not begin as a chain of version 1: its beginning was removed, or it is another kind of file")
            }
            Self::OpenedTwice => f.write_str("another chain begins here: two files were joined"),
            Self::NotOfChain => f.write_str("it looks like one of the chain's own lines and is none"),
            Self::Signature => f.write_str("the signature is wrong: the lines above it, or it, were changed"),
            Self::AfterSeal => f.write_str("something was added behind the seal"),
        }
    }
}

/// Why a chain is no evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VerifyError {
    /// It was changed or is incomplete.
    Damaged(BadLines),
    /// It is a record of something else.
    OtherPurpose {
        /// Of what.
        found: Public,
    },
    /// What is there fits together, but it was never sealed: lines may be missing at the end, and anybody could have written it.
    Unfinished {
        /// How many lines there are.
        lines: usize,
    },
    /// It was signed by another key.
    OtherKey {
        /// That key's fingerprint.
        found: Fingerprint,
    },
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damaged(bad) => write!(f, "{bad}. This file is no evidence: take an untouched copy"),
            Self::OtherPurpose { found } => {
                write!(f, "this is a {found}, which is not what was asked for: take the right file")
            }
            Self::Unfinished { lines } => write!(
                f,
                "the {lines} lines fit together, but nobody signed the last one: the file is unfinished or was cut off, and is no \
                 evidence. Finish what it records, or take the finished copy"
            ),
            Self::OtherKey { found } => write!(
                f,
                "it was signed by another key, with the fingerprint {found}: take the fingerprint from the reviewed plan; if \
                 that is the one you gave, this file is not the one that was signed then"
            ),
        }
    }
}

impl std::error::Error for VerifyError {}
