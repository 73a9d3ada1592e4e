//! The plaintext of a value's record (`docs/FORMATS.md`, section "Entry").

use strongroom_crypto::record::RecordBuf;
use strongroom_crypto::secret::Plaintext;

/// A value as it was put.
///
/// Neither `Debug` nor `Clone`; wiped when dropped.
pub struct Entry {
    revision: u64,
    plaintext: Plaintext,
    len: usize,
}

impl Entry {
    /// The number of the commit that put the value: for [`Condition::Revision`](crate::Condition::Revision).
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// The value.
    pub fn value(&self) -> &[u8] {
        self.plaintext.as_slice().get(PREFIX_LEN..PREFIX_LEN + self.len).unwrap_or_default()
    }

    pub(crate) fn parse(plaintext: Plaintext) -> Option<Self> {
        let (revision, value) = decode(plaintext.as_slice())?;
        let len = value.len();
        Some(Self { revision, plaintext, len })
    }
}

/// Splits an entry's plaintext into its revision and its value; `None` when it breaks the format.
pub fn decode(plaintext: &[u8]) -> Option<(u64, &[u8])> {
    let (revision, rest) = plaintext.split_first_chunk()?;
    let (len, rest) = rest.split_first_chunk()?;
    let len = usize::try_from(u32::from_be_bytes(*len)).ok()?;
    let (value, padding) = rest.split_at_checked(len)?;
    padding.iter().all(|&byte| byte == 0).then_some((u64::from_be_bytes(*revision), value))
}

/// Writes an entry's plaintext; `None` when the value is longer than [`MAX_VALUE`].
pub(crate) fn encode(revision: u64, value: &[u8], padding: u32, out: &mut RecordBuf) -> Option<()> {
    if value.len() > MAX_VALUE {
        return None;
    }
    let len = u32::try_from(value.len()).ok()?;
    out.clear();
    out.push(&revision.to_be_bytes());
    out.push(&len.to_be_bytes());
    out.push(value);
    out.push_zeros(padded_len(value.len(), padding).saturating_sub(value.len()));
    Some(())
}

/// How long a value becomes by padding: never more than [`MAX_VALUE`].
pub(crate) fn padded_len(len: usize, padding: u32) -> usize {
    let step = usize::try_from(padding.max(1)).unwrap_or(MAX_VALUE);
    len.checked_next_multiple_of(step).map_or(MAX_VALUE, |padded| padded.min(MAX_VALUE))
}

/// The longest value, in bytes: a record's 16 MiB less the revision and the length.
pub const MAX_VALUE: usize = strongroom_crypto::record::MAX_PLAINTEXT - PREFIX_LEN;
const PREFIX_LEN: usize = 8 + 4;

#[cfg(test)]
mod tests {
    use super::*;

    fn plaintext(value: &[u8], padding: u32) -> Vec<u8> {
        let mut out = RecordBuf::new();
        encode(5, value, padding, &mut out).unwrap();
        out.body().to_vec()
    }

    #[test]
    fn padding_hides_the_length_and_comes_off() {
        for len in [0, 1, 63, 64, 65, 1000] {
            let value = vec![0xab; len];
            let padded = plaintext(&value, 64);
            assert_eq!((padded.len() - PREFIX_LEN) % 64, 0);
            assert_eq!(decode(&padded), Some((5, &value[..])));
        }
        assert_eq!(plaintext(b"abc", 0).len(), PREFIX_LEN + 3);
    }

    #[test]
    fn a_value_that_is_too_long_is_refused() {
        let value = vec![0; MAX_VALUE + 1];
        assert!(encode(1, &value, 0, &mut RecordBuf::new()).is_none());
        assert!(encode(1, &value[1..], 1 << 31, &mut RecordBuf::new()).is_some());
    }

    #[test]
    fn truncated_and_overlong_plaintexts_are_refused() {
        let good = plaintext(b"value", 16);
        for len in 0..PREFIX_LEN + 5 {
            assert_eq!(decode(&good[..len]), None);
        }
        assert_eq!(decode(&[&good[..], b"x"].concat()), None);
    }
}
