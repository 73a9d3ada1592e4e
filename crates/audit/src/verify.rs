//! Checking a chain that somebody else may have written.

mod check;
mod error;

pub(crate) use check::Checker;
pub use check::{End, Signed};
pub use error::{BadLines, Problem, VerifyError};

use crate::key::{Fingerprint, PublicKey};
use crate::public::Public;
use crate::record::Record;

/// A whole chain: every line is a record at its place, and every signature in it is by the key beside it. Whose the keys are,
/// and whether the chain ends where it should, is another question: see [`verify`].
#[derive(Clone, Debug)]
pub struct Chain {
    id: [u8; 16],
    purpose: Public,
    records: Vec<Record>,
    signed: Vec<Signed>,
    end: End,
}

impl Chain {
    /// Reads a chain.
    ///
    /// # Errors
    ///
    /// [`BadLines`] names the first line that is not as it should be.
    pub fn read(bytes: &[u8]) -> Result<Self, BadLines> {
        let mut checker = Checker::default();
        let mut records = Vec::new();
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            let record = match line.strip_suffix(b"\n") {
                Some(line) => checker.take(line),
                None => Err(Problem::Torn),
            };
            records.push(record.map_err(|problem| BadLines { line: checker.next(), problem })?);
        }
        let (id, purpose) = checker.opened().ok_or(BadLines { line: 1, problem: Problem::Missing })?;
        let end = checker.end();
        Ok(Self { id, purpose, records, signed: checker.into_signed(), end })
    }

    /// The chain's number, drawn when it was begun.
    pub fn id(&self) -> &[u8; 16] {
        &self.id
    }

    /// What the chain is a record of.
    pub fn purpose(&self) -> &str {
        self.purpose.as_str()
    }

    /// Every record, the chain's own among them.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// The records of what happened, without the chain's own.
    pub fn entries(&self) -> impl Iterator<Item = &Record> {
        self.records.iter().filter(|record| !record.entry.is_of_chain())
    }

    /// The signatures, in order. All of them are right.
    pub fn signed(&self) -> &[Signed] {
        &self.signed
    }

    /// How it ends.
    pub fn end(&self) -> End {
        self.end
    }

    /// The hash of the last line, which stands for the whole chain.
    pub fn hash(&self) -> [u8; 32] {
        self.records.last().map_or([0; 32], Record::hash)
    }

    /// The lines whose time is before that of the line above: the clock was set back there.
    pub fn clock_set_back(&self) -> Vec<u64> {
        let pairs = self.records.iter().zip(self.records.iter().skip(1));
        pairs.filter(|(above, below)| below.at < above.at).map(|(_, below)| below.number).collect()
    }
}

/// A chain that the expected key signed up to its end.
#[derive(Clone, Debug)]
pub struct Verified {
    chain: Chain,
    key: PublicKey,
}

impl Verified {
    /// The chain.
    pub fn chain(&self) -> &Chain {
        &self.chain
    }

    /// The key that signed it.
    pub fn key(&self) -> &PublicKey {
        &self.key
    }
}

/// Verifies a chain that is sealed: of this purpose, whole, and sealed by the key of this fingerprint.
///
/// # Errors
///
/// [`VerifyError`]. A chain without a seal is [`VerifyError::Unfinished`], however good it looks: lines may be missing at its end.
pub fn verify(bytes: &[u8], purpose: &str, key: &Fingerprint) -> Result<Verified, VerifyError> {
    signed_to_its_end(bytes, purpose, key, &[End::Sealed])
}

/// Verifies a chain that goes on for years: its last line must be a seal or a checkpoint by the key of this fingerprint.
///
/// That no later checkpoint was cut off does not show in the file: compare [`Chain::hash`] with what was noted elsewhere.
///
/// # Errors
///
/// As [`verify`].
pub fn verify_growing(bytes: &[u8], purpose: &str, key: &Fingerprint) -> Result<Verified, VerifyError> {
    signed_to_its_end(bytes, purpose, key, &[End::Sealed, End::Signed])
}

fn signed_to_its_end(
    bytes: &[u8],
    purpose: &str,
    expected: &Fingerprint,
    ends: &[End],
) -> Result<Verified, VerifyError> {
    let chain = Chain::read(bytes).map_err(VerifyError::Damaged)?;
    if chain.purpose() != purpose {
        return Err(VerifyError::OtherPurpose { found: chain.purpose });
    }
    let lines = chain.records.len();
    let last = chain.signed.last().filter(|_| ends.contains(&chain.end));
    let key = last.map(|signed| signed.key().clone()).ok_or(VerifyError::Unfinished { lines })?;
    if key.fingerprint() != *expected {
        return Err(VerifyError::OtherKey { found: key.fingerprint() });
    }
    Ok(Verified { chain, key })
}
