//! What both forms of an object begin with, and how a wrapped key is written (`docs/FORMATS.md`, section "Envelope").

use crate::data_key::ID_LEN;
use crate::error::OpenError;
use crate::key::{MAX_NAME, MAX_WRAPPED, WrappedKey};

/// Which of the two forms an object has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// AES-256-GCM in one piece, for small objects.
    Small,
    /// FLOE: AES-256-GCM in segments, for objects of any size.
    Stream,
}

impl Algorithm {
    fn code(self) -> u8 {
        match self {
            Self::Small => 1,
            Self::Stream => 2,
        }
    }

    fn from_code(code: u8) -> Option<Self> {
        [Self::Small, Self::Stream].into_iter().find(|algorithm| algorithm.code() == code)
    }
}

/// Magic ‖ format ‖ algorithm ‖ object id: what never changes in an object's header.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Prologue {
    bytes: [u8; PROLOGUE_LEN],
    algorithm: Algorithm,
}

impl Prologue {
    pub(crate) fn new(algorithm: Algorithm, id: [u8; ID_LEN]) -> Self {
        let mut bytes = [0; PROLOGUE_LEN];
        let fields = MAGIC.iter().copied().chain([FORMAT, algorithm.code()]).chain(id);
        bytes.iter_mut().zip(fields).for_each(|(byte, field)| *byte = field);
        Self { bytes, algorithm }
    }

    pub(crate) fn split(object: &[u8]) -> Result<(Self, &[u8]), OpenError> {
        let Some((magic, fields)) = object.split_first_chunk::<{ MAGIC.len() }>() else {
            let begins = MAGIC.starts_with(object);
            return Err(if begins { OpenError::Truncated } else { OpenError::NotAnObject });
        };
        if magic != MAGIC {
            return Err(OpenError::NotAnObject);
        }
        let (&[format], fields) = fields.split_first_chunk().ok_or(OpenError::Truncated)?;
        if format != FORMAT {
            return Err(OpenError::UnknownFormat(format));
        }
        let (&[code], _) = fields.split_first_chunk().ok_or(OpenError::Truncated)?;
        let algorithm = Algorithm::from_code(code).ok_or(OpenError::UnknownAlgorithm(code))?;
        let (bytes, rest) = object.split_first_chunk().ok_or(OpenError::Truncated)?;
        Ok((Self { bytes: *bytes, algorithm }, rest))
    }

    pub(crate) fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The object's id.
    pub(crate) fn id(&self) -> &[u8] {
        self.bytes.get(PROLOGUE_LEN - ID_LEN..).unwrap_or_default()
    }

    pub(crate) fn as_bytes(&self) -> &[u8; PROLOGUE_LEN] {
        &self.bytes
    }
}

/// How many bytes [`push_wrapped`] adds.
pub(crate) fn wrapped_len(wrapped: &WrappedKey) -> usize {
    1 + wrapped.name().len() + 4 + 2 + wrapped.bytes().len()
}

/// Key name bytes8 ‖ version u32 ‖ wrapped bytes16. [`WrappedKey`] keeps both lengths within what their fields hold.
pub(crate) fn push_wrapped(wrapped: &WrappedKey, out: &mut Vec<u8>) {
    out.push(u8::try_from(wrapped.name().len()).unwrap_or(u8::MAX));
    out.extend_from_slice(wrapped.name().as_bytes());
    out.extend_from_slice(&wrapped.version().to_be_bytes());
    out.extend_from_slice(&u16::try_from(wrapped.bytes().len()).unwrap_or(u16::MAX).to_be_bytes());
    out.extend_from_slice(wrapped.bytes());
}

/// Reads what [`push_wrapped`] wrote, and gives what follows.
pub(crate) fn split_wrapped(bytes: &[u8]) -> Result<(WrappedKey, &[u8]), OpenError> {
    let (&[len], rest) = bytes.split_first_chunk().ok_or(OpenError::Truncated)?;
    let (name, rest) = rest.split_at_checked(usize::from(len)).ok_or(OpenError::Truncated)?;
    let (version, rest) = rest.split_first_chunk().ok_or(OpenError::Truncated)?;
    let (len, rest) = rest.split_first_chunk().ok_or(OpenError::Truncated)?;
    let len = usize::from(u16::from_be_bytes(*len));
    if len > MAX_WRAPPED {
        return Err(OpenError::Damaged("the wrapped key is too long"));
    }
    let (wrapped, rest) = rest.split_at_checked(len).ok_or(OpenError::Truncated)?;
    let name = str::from_utf8(name).map_err(|_| OpenError::Damaged("the key's name is not UTF-8"))?;
    let wrapped = WrappedKey::new(name, u32::from_be_bytes(*version), wrapped)
        .map_err(|_| OpenError::Damaged("a part of the wrapped key is empty"))?;
    Ok((wrapped, rest))
}

/// Magic, format, algorithm and object id.
pub(crate) const PROLOGUE_LEN: usize = MAGIC.len() + 2 + ID_LEN;
/// A header's tag.
pub(crate) const TAG_LEN: usize = 32;
/// The longest wrapped key in a header.
pub(crate) const MAX_WRAPPED_LEN: usize = 1 + MAX_NAME + 4 + 2 + MAX_WRAPPED;
const MAGIC: &[u8; 4] = b"SREN";
/// The format that is written.
const FORMAT: u8 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prologue_that_was_written_is_read_and_every_other_first_byte_refused() {
        for algorithm in [Algorithm::Small, Algorithm::Stream] {
            let prologue = Prologue::new(algorithm, [9; ID_LEN]);
            let bytes = [prologue.as_bytes(), &b"rest"[..]].concat();
            let (read, rest) = Prologue::split(&bytes).unwrap();
            assert!(read == prologue && rest == b"rest");
            for len in 0..PROLOGUE_LEN {
                assert!(matches!(Prologue::split(&bytes[..len]).err(), Some(OpenError::Truncated)), "{len}");
            }
        }
        let known = |at: usize, value: u8| {
            let mut bytes = *Prologue::new(Algorithm::Small, [9; ID_LEN]).as_bytes();
            bytes[at] = value;
            Prologue::split(&bytes).map(drop)
        };
        let accepted = |at| (0..=255).filter(|value| known(at, *value).is_ok()).collect::<Vec<u8>>();
        assert_eq!(accepted(0), [b'S']);
        assert_eq!(accepted(4), [1]);
        assert_eq!(accepted(5), [1, 2]);
    }

    #[test]
    fn wrapped_keys_are_read_as_written_and_no_prefix_of_them_is() {
        for (name, bytes) in [("k", 1), ("a longer name, ü", 60), (&*"n".repeat(255), 4096)] {
            let wrapped = WrappedKey::new(name, 7, vec![3; bytes]).unwrap();
            let mut encoded = Vec::new();
            push_wrapped(&wrapped, &mut encoded);
            assert_eq!(encoded.len(), wrapped_len(&wrapped));
            let with_more = [&encoded[..], b"more"].concat();
            assert_eq!(split_wrapped(&with_more).unwrap(), (wrapped, &b"more"[..]));
            for len in 0..encoded.len() {
                assert!(split_wrapped(&encoded[..len]).is_err(), "{len}");
            }
        }
    }

    #[test]
    fn empty_or_too_long_or_unreadable_parts_are_refused() {
        let fields = |name: &[u8], len: u16| {
            let name_len = u8::try_from(name.len()).unwrap();
            [&[name_len], name, &[0; 4], &len.to_be_bytes(), &vec![1; usize::from(len)]].concat()
        };
        let damaged = |bytes: &[u8]| matches!(split_wrapped(bytes), Err(OpenError::Damaged(_)));
        assert!(split_wrapped(&fields(b"n", 1)).is_ok() && split_wrapped(&fields(b"n", 4096)).is_ok());
        assert!(damaged(&fields(b"", 1)) && damaged(&fields(b"n", 0)) && damaged(&fields(b"n", 4097)));
        assert!(damaged(&fields(b"\xff", 1)));
    }
}
