//! How far a rewrap has come, committed with each of its steps (`docs/FORMATS.md`, section "Rewrap").

use strongroom_crypto::record::Term;

/// The plaintext of the record at `00 rewrap`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RewrapState {
    /// The term that everything is to be sealed under. A rotation during a rewrap makes it begin anew.
    pub target: Term,
    /// When it began, in seconds since 1970.
    pub started: u64,
    /// Entries sealed anew so far.
    pub done: u64,
    /// The last storage key that was looked at; empty before the first.
    pub cursor: Vec<u8>,
}

impl RewrapState {
    pub(crate) fn advanced(&self, entries: u64) -> Self {
        Self { done: self.done.saturating_add(entries), ..self.clone() }
    }

    pub(crate) fn encode(&self) -> Option<Vec<u8>> {
        let mut out = Vec::with_capacity(FIXED_LEN + self.cursor.len());
        out.push(VERSION);
        out.extend_from_slice(&self.target.get().to_be_bytes());
        out.extend_from_slice(&self.started.to_be_bytes());
        out.extend_from_slice(&self.done.to_be_bytes());
        out.extend_from_slice(&u16::try_from(self.cursor.len()).ok()?.to_be_bytes());
        out.extend_from_slice(&self.cursor);
        Some(out)
    }

    /// Reads what was encoded; `None` for anything else.
    pub fn decode(plaintext: &[u8]) -> Option<Self> {
        let ([VERSION], rest) = plaintext.split_first_chunk()? else { return None };
        let (target, rest) = rest.split_first_chunk()?;
        let (started, rest) = rest.split_first_chunk()?;
        let (done, rest) = rest.split_first_chunk()?;
        let (len, cursor) = rest.split_first_chunk()?;
        (usize::from(u16::from_be_bytes(*len)) == cursor.len()).then(|| Self {
            target: Term::new(u32::from_be_bytes(*target)),
            started: u64::from_be_bytes(*started),
            done: u64::from_be_bytes(*done),
            cursor: cursor.to_vec(),
        })
    }
}

const VERSION: u8 = 1;
const FIXED_LEN: usize = 1 + 4 + 8 + 8 + 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_decodes_to_the_same_and_nothing_else_does() {
        let state = RewrapState { target: Term::new(3), started: 4, done: 5, cursor: b"cursor".to_vec() };
        let bytes = state.encode().unwrap();
        assert_eq!(RewrapState::decode(&bytes), Some(state));
        for len in 0..bytes.len() {
            assert_eq!(RewrapState::decode(&bytes[..len]), None);
        }
        assert_eq!(RewrapState::decode(&[&bytes[..], b"x"].concat()), None);
    }
}
