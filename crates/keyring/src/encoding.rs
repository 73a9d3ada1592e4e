//! The keyring as bytes (`docs/FORMATS.md`, section "Keyring").
//!
//! The bytes are authenticated before they come here, yet they are parsed as if they were not.

use std::fmt;

use strongroom_crypto::record::{StoreId, Term};
use strongroom_crypto::secret::{Secret, SecretBytes, SecretError};

use crate::keyring::{Keyring, RootId};
use crate::names::{NamesGeneration, NamesState};
use crate::rotation::RotationPolicy;
use crate::term::{TermEntry, TermInfo, TermState};

impl Keyring {
    /// The plaintext of the keyring record.
    ///
    /// # Errors
    ///
    /// When secret memory is exhausted, or there are more slots or generations than the format counts.
    pub fn encode(&self) -> Result<SecretBytes, SecretError> {
        let mut plaintext = SecretBytes::zeroed(self.encoded_len())?;
        let mut out = Writer { rest: plaintext.expose_mut() };
        out.put(&[VERSION])?;
        out.put(self.store.as_bytes())?;
        out.put(&self.generation.to_be_bytes())?;
        out.put(&self.slots_generation.to_be_bytes())?;
        out.put(&self.slots_digest)?;
        out.put(&self.rotation.max_age.unwrap_or(0).to_be_bytes())?;
        out.put(&self.rotation.max_seals.unwrap_or(0).to_be_bytes())?;
        out.put(&self.root_id.0)?;
        out.put(self.purpose.expose())?;
        out.put(&u8::try_from(self.names.len()).map_err(|_| SecretError::Length)?.to_be_bytes())?;
        for names in &self.names {
            out.put(&names.number.to_be_bytes())?;
            out.put(&[names.state.code()])?;
            out.put(names.key.expose())?;
        }
        out.put(&u16::try_from(self.psks.len()).map_err(|_| SecretError::Length)?.to_be_bytes())?;
        for (slot, psk) in &self.psks {
            out.put(slot)?;
            out.put(psk.expose())?;
        }
        out.put(&u32::try_from(self.terms.len()).map_err(|_| SecretError::Length)?.to_be_bytes())?;
        for TermEntry { info, key } in &self.terms {
            out.put(&info.term.get().to_be_bytes())?;
            out.put(&[info.state.code()])?;
            out.put(&info.installed.to_be_bytes())?;
            out.put(&info.left.to_be_bytes())?;
            out.put(&info.seals.to_be_bytes())?;
            if let Some(key) = key {
                out.put(key.expose())?;
            }
        }
        Ok(plaintext)
    }

    fn encoded_len(&self) -> usize {
        let keys = self.terms.iter().filter(|entry| entry.key.is_some()).count();
        FIXED_LEN
            + self.names.len() * NAMES_LEN
            + self.psks.len() * PSK_LEN
            + self.terms.len() * TERM_LEN
            + keys * KEY_LEN
    }

    /// Reads what [`Keyring::encode`] wrote.
    ///
    /// # Errors
    ///
    /// Every departure from the format is refused: a count that does not fit, a state that is not known, terms out of
    /// order, more or fewer than one active term or names generation, a byte too many.
    pub fn decode(plaintext: &[u8]) -> Result<Self, DecodeError> {
        let mut input = Reader { rest: plaintext };
        if input.array::<1>()? != [VERSION] {
            return Err(DecodeError::Version);
        }
        let store = StoreId(input.array()?);
        let generation = input.u64()?;
        let slots_generation = input.u64()?;
        let slots_digest = input.array()?;
        let rotation = RotationPolicy { max_age: limit(input.u64()?), max_seals: limit(input.u64()?) };
        let root_id = RootId(input.array()?);
        let purpose = input.key()?;
        let names = decode_names(&mut input)?;
        let psks = decode_psks(&mut input)?;
        let terms = decode_terms(&mut input)?;
        if !input.rest.is_empty() {
            return Err(DecodeError::Malformed("bytes after the end"));
        }
        Ok(Self {
            store,
            generation,
            slots_generation,
            slots_digest,
            rotation,
            root_id,
            purpose,
            names,
            psks,
            terms,
        })
    }
}

fn limit(value: u64) -> Option<u64> {
    (value != 0).then_some(value)
}

fn decode_names(input: &mut Reader<'_>) -> Result<Vec<NamesGeneration>, DecodeError> {
    let [count] = input.array()?;
    let mut names: Vec<NamesGeneration> = Vec::new();
    for _ in 0..count {
        let number = u16::from_be_bytes(input.array()?);
        let state = match input.array()? {
            [1] => NamesState::Active,
            [2] => NamesState::Leaving,
            _ => return Err(DecodeError::Malformed("unknown state of names")),
        };
        if names.last().is_some_and(|last| last.number >= number) {
            return Err(DecodeError::Malformed("names out of order"));
        }
        names.push(NamesGeneration { number, state, key: input.key()? });
    }
    let leaving = names.iter().rev().skip(1).all(|names| names.state == NamesState::Leaving);
    let active = names.last().is_some_and(|names| names.state == NamesState::Active);
    if !(active && leaving && names.len() <= 2) {
        return Err(DecodeError::Malformed("not exactly one active generation of names"));
    }
    Ok(names)
}

fn decode_psks(input: &mut Reader<'_>) -> Result<Vec<([u8; 16], Secret<32>)>, DecodeError> {
    let count = u16::from_be_bytes(input.array()?);
    let mut psks: Vec<([u8; 16], Secret<32>)> = Vec::new();
    for _ in 0..count {
        let slot = input.array()?;
        if psks.iter().any(|(id, _)| *id == slot) {
            return Err(DecodeError::Malformed("a slot twice"));
        }
        psks.push((slot, input.key()?));
    }
    Ok(psks)
}

fn decode_terms(input: &mut Reader<'_>) -> Result<Vec<TermEntry>, DecodeError> {
    let count = u32::from_be_bytes(input.array()?);
    let mut terms: Vec<TermEntry> = Vec::new();
    for _ in 0..count {
        let term = Term::new(u32::from_be_bytes(input.array()?));
        let state = match input.array()? {
            [1] => TermState::Active,
            [2] => TermState::Deactivated,
            [3] => TermState::Destroyed,
            _ => return Err(DecodeError::Malformed("unknown state of a term")),
        };
        let info = TermInfo { term, state, installed: input.u64()?, left: input.u64()?, seals: input.u64()? };
        if terms.last().map_or(Term::KEYRING, |last| last.info.term) >= term {
            return Err(DecodeError::Malformed("terms out of order"));
        }
        let key = if state == TermState::Destroyed { None } else { Some(input.key()?) };
        terms.push(TermEntry { info, key });
    }
    let active = terms.iter().filter(|entry| entry.info.state == TermState::Active).count();
    let last = terms.last().is_some_and(|entry| entry.info.state == TermState::Active);
    if !last || active != 1 {
        return Err(DecodeError::Malformed("not exactly one active term, the last"));
    }
    Ok(terms)
}

struct Writer<'a> {
    rest: &'a mut [u8],
}

impl Writer<'_> {
    fn put(&mut self, bytes: &[u8]) -> Result<(), SecretError> {
        let rest = std::mem::take(&mut self.rest);
        let (head, tail) = rest.split_at_mut_checked(bytes.len()).ok_or(SecretError::Length)?;
        head.copy_from_slice(bytes);
        self.rest = tail;
        Ok(())
    }
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl Reader<'_> {
    fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let (head, tail) = self.rest.split_first_chunk().ok_or(DecodeError::Truncated)?;
        self.rest = tail;
        Ok(*head)
    }

    fn u64(&mut self) -> Result<u64, DecodeError> {
        self.array().map(u64::from_be_bytes)
    }

    /// Straight into secret memory, without a copy on the stack.
    fn key(&mut self) -> Result<Secret<32>, DecodeError> {
        let (head, tail) = self.rest.split_at_checked(KEY_LEN).ok_or(DecodeError::Truncated)?;
        self.rest = tail;
        Ok(Secret::copy_from_slice(head)?)
    }
}

/// Why bytes are no keyring. Carries nothing of them.
#[derive(Debug)]
pub enum DecodeError {
    /// They end too early.
    Truncated,
    /// Another version of the format.
    Version,
    /// They break the rule that is named.
    Malformed(&'static str),
    /// No secret memory.
    Secret(SecretError),
}

impl From<SecretError> for DecodeError {
    fn from(error: SecretError) -> Self {
        Self::Secret(error)
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated => f.write_str("the keyring ends too early"),
            Self::Version => {
                f.write_str("the keyring has a version that this program does not know: use a newer one")
            }
            Self::Malformed(rule) => write!(f, "the keyring breaks its format: {rule}"),
            Self::Secret(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for DecodeError {}

const VERSION: u8 = 1;
const KEY_LEN: usize = 32;
/// version, store, two generations, digest, two limits, root id, purpose key, three counts.
const FIXED_LEN: usize = 1 + 16 + 8 + 8 + 32 + 8 + 8 + 16 + KEY_LEN + 1 + 2 + 4;
const NAMES_LEN: usize = 2 + 1 + KEY_LEN;
const PSK_LEN: usize = 16 + KEY_LEN;
const TERM_LEN: usize = 4 + 1 + 8 + 8 + 8;

#[cfg(test)]
mod tests {
    use super::*;

    fn keyring() -> Keyring {
        let mut keyring = Keyring::create(StoreId([7; 16]), RotationPolicy::DEFAULT, 1_000).unwrap();
        keyring.install_term(2_000).unwrap();
        keyring.destroy_term(Term::new(1), 9, 3_000).unwrap();
        keyring.install_term(4_000).unwrap();
        keyring.install_names().unwrap();
        keyring.add_psk([1; 16], Secret::random().unwrap());
        keyring.add_psk([2; 16], Secret::random().unwrap());
        keyring.set_slots(4, [9; 32]);
        keyring
    }

    #[test]
    fn what_is_encoded_decodes_to_the_same() {
        let bytes = keyring().encode().unwrap();
        let again = Keyring::decode(bytes.expose()).unwrap();
        assert!(again.encode().unwrap().ct_eq(&bytes));
        assert_eq!(again.slots(), (4, &[9; 32]));
        assert_eq!(again.terms().count(), 3);
    }

    #[test]
    fn every_strict_prefix_and_any_extra_byte_is_refused() {
        let bytes = keyring().encode().unwrap();
        for len in 0..bytes.len() {
            assert!(Keyring::decode(&bytes.expose()[..len]).is_err(), "{len}");
        }
        let longer = [bytes.expose(), &[0]].concat();
        assert!(matches!(Keyring::decode(&longer), Err(DecodeError::Malformed("bytes after the end"))));
    }

    #[test]
    fn a_huge_count_costs_no_memory() {
        let bytes = keyring().encode().unwrap();
        let counts = FIXED_LEN - 4 + 2 * NAMES_LEN + 2 * PSK_LEN;
        let mut forged = bytes.expose().to_vec();
        forged[counts..counts + 4].fill(0xff);
        assert!(matches!(Keyring::decode(&forged), Err(DecodeError::Truncated)));
    }

    #[test]
    fn no_byte_makes_it_panic() {
        let bytes = keyring().encode().unwrap();
        for at in 0..bytes.len() {
            for value in [0, 1, 2, 3, 4, 0x7f, 0xff] {
                let mut changed = bytes.expose().to_vec();
                changed[at] = value;
                if let Ok(keyring) = Keyring::decode(&changed) {
                    assert_eq!(keyring.encode().unwrap().expose(), changed);
                }
            }
        }
    }
}
