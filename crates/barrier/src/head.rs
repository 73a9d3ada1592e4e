//! The head: one record that every commit seals anew (`docs/FORMATS.md`, section "Head").

use std::fmt;

use strongroom_crypto::hash;
use strongroom_crypto::record::Term;
use strongroom_keyring::TermUsage;

/// What the last commit says of the whole store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The number of commits, from 1.
    pub sequence: u64,
    /// SHA-256 of the head record before this one; zeros in the first.
    pub previous: [u8; 32],
    /// The keyring that belongs to this head.
    pub keyring: u64,
    /// The slot set that belongs to this head.
    pub slots: u64,
    /// The generation under which names are written.
    pub names: u16,
    /// The generation that a rewrap is emptying; 0 when there is none.
    pub leaving_names: u16,
    /// What was sealed under each term that is not destroyed, ascending.
    pub terms: Vec<(Term, TermUsage)>,
}

impl Head {
    /// The usage of a term; nothing for one that the head does not list.
    pub fn usage(&self, term: Term) -> TermUsage {
        self.terms.iter().find(|(of, _)| *of == term).map_or_else(TermUsage::default, |(_, usage)| *usage)
    }

    /// Entries in storage, values and directories together.
    pub fn live(&self) -> u64 {
        self.terms.iter().map(|(_, usage)| usage.live).sum()
    }

    pub(crate) fn usage_mut(&mut self, term: Term) -> &mut TermUsage {
        let at = match self.terms.binary_search_by_key(&term, |(of, _)| *of) {
            Ok(at) => at,
            Err(at) => {
                self.terms.insert(at, (term, TermUsage::default()));
                at
            }
        };
        // `at` was found or made just now.
        #[expect(clippy::indexing_slicing, reason = "the index comes from the search above")]
        &mut self.terms[at].1
    }

    /// The successor, with nothing changed yet.
    pub(crate) fn next(&self, record: &[u8]) -> Option<Self> {
        Some(Self {
            sequence: self.sequence.checked_add(1)?,
            previous: hash::sha256(&[record]),
            ..self.clone()
        })
    }

    /// The plaintext of the head record; `None` with more terms than the format counts.
    pub fn encode(&self) -> Option<Vec<u8>> {
        let mut out = Vec::with_capacity(FIXED_LEN + self.terms.len() * TERM_LEN);
        out.push(VERSION);
        out.extend_from_slice(&self.sequence.to_be_bytes());
        out.extend_from_slice(&self.previous);
        out.extend_from_slice(&self.keyring.to_be_bytes());
        out.extend_from_slice(&self.slots.to_be_bytes());
        out.extend_from_slice(&self.names.to_be_bytes());
        out.extend_from_slice(&self.leaving_names.to_be_bytes());
        out.push(NO_SET_HASH);
        out.extend_from_slice(&0u16.to_be_bytes());
        out.extend_from_slice(&u16::try_from(self.terms.len()).ok()?.to_be_bytes());
        for (term, usage) in &self.terms {
            out.extend_from_slice(&term.get().to_be_bytes());
            out.extend_from_slice(&usage.live.to_be_bytes());
            out.extend_from_slice(&usage.seals.to_be_bytes());
            out.extend_from_slice(&usage.blocks.to_be_bytes());
        }
        Some(out)
    }

    /// Reads what [`Head::encode`] wrote.
    ///
    /// # Errors
    ///
    /// Every departure from the format is refused.
    pub fn decode(plaintext: &[u8]) -> Result<Self, HeadError> {
        let mut input = Reader(plaintext);
        if input.array()? != [VERSION] {
            return Err(HeadError::Version);
        }
        let sequence = input.u64()?;
        let previous = input.array()?;
        let keyring = input.u64()?;
        let slots = input.u64()?;
        let names = input.u16()?;
        let leaving_names = input.u16()?;
        // Algorithm 0 has no bytes; another algorithm is a promise that this version cannot check.
        if input.array()? != [NO_SET_HASH] || input.u16()? != 0 {
            return Err(HeadError::Version);
        }
        let count = input.u16()?;
        let mut terms: Vec<(Term, TermUsage)> = Vec::new();
        for _ in 0..count {
            let term = Term::new(u32::from_be_bytes(input.array()?));
            if terms.last().map_or(Term::KEYRING, |(last, _)| *last) >= term {
                return Err(HeadError::Malformed);
            }
            terms.push((term, TermUsage { live: input.u64()?, seals: input.u64()?, blocks: input.u64()? }));
        }
        if !input.0.is_empty() || sequence == 0 {
            return Err(HeadError::Malformed);
        }
        Ok(Self { sequence, previous, keyring, slots, names, leaving_names, terms })
    }
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn array<const N: usize>(&mut self) -> Result<[u8; N], HeadError> {
        let (head, tail) = self.0.split_first_chunk().ok_or(HeadError::Malformed)?;
        self.0 = tail;
        Ok(*head)
    }

    fn u64(&mut self) -> Result<u64, HeadError> {
        self.array().map(u64::from_be_bytes)
    }

    fn u16(&mut self) -> Result<u16, HeadError> {
        self.array().map(u16::from_be_bytes)
    }
}

/// Why bytes are no head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeadError {
    /// Written by a newer version.
    Version,
    /// Breaks the format.
    Malformed,
}

impl fmt::Display for HeadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Version => "the head was written by a newer version: use that one",
            Self::Malformed => "the head breaks its format",
        })
    }
}

impl std::error::Error for HeadError {}

const VERSION: u8 = 1;
const NO_SET_HASH: u8 = 0;
const FIXED_LEN: usize = 1 + 8 + 32 + 8 + 8 + 2 + 2 + 1 + 2 + 2;
const TERM_LEN: usize = 4 + 8 + 8 + 8;

#[cfg(test)]
mod tests {
    use super::*;

    fn head() -> Head {
        let usage = TermUsage { live: 3, seals: 4, blocks: 5 };
        Head {
            sequence: 9,
            previous: [1; 32],
            keyring: 2,
            slots: 3,
            names: 4,
            leaving_names: 3,
            terms: vec![(Term::new(1), usage), (Term::new(4), TermUsage::default())],
        }
    }

    #[test]
    fn what_is_encoded_decodes_to_the_same() {
        assert_eq!(Head::decode(&head().encode().unwrap()), Ok(head()));
    }

    #[test]
    fn every_strict_prefix_and_any_extra_byte_is_refused() {
        let bytes = head().encode().unwrap();
        for len in 0..bytes.len() {
            assert!(Head::decode(&bytes[..len]).is_err());
        }
        assert!(Head::decode(&[&bytes[..], &[0]].concat()).is_err());
    }

    #[test]
    fn no_byte_makes_it_panic_or_lose_information() {
        let bytes = head().encode().unwrap();
        for at in 0..bytes.len() {
            for value in [0, 1, 2, 0x7f, 0xff] {
                let mut changed = bytes.clone();
                changed[at] = value;
                if let Ok(head) = Head::decode(&changed) {
                    assert_eq!(head.encode().unwrap(), changed);
                }
            }
        }
    }

    #[test]
    fn usage_is_kept_in_order_of_terms() {
        let mut head = head();
        head.usage_mut(Term::new(2)).live = 7;
        let terms: Vec<u32> = head.terms.iter().map(|(term, _)| term.get()).collect();
        assert_eq!(terms, [1, 2, 4]);
        assert_eq!(head.live(), 10);
        assert_eq!(head.usage(Term::new(9)), TermUsage::default());
    }
}
