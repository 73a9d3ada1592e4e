//! The policy in bytes, a tree in prefix order.

use std::fmt;

use super::{Group, HsmKey, Policy, PolicyError, Quorum};
use crate::wire::{Reader, length8};

impl Policy {
    /// The policy in bytes, as they are bound into keys and written into the slot's header.
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Shamir(quorum) => leaf(*quorum).to_vec(),
            Self::Groups { required, groups } => {
                let mut out = vec![TAG_GROUPS, *required, length8(groups.len())];
                for group in groups {
                    out.push(length8(group.name.len()));
                    out.extend_from_slice(group.name.as_bytes());
                    out.extend_from_slice(&leaf(group.quorum));
                }
                out
            }
            Self::Hsm(key) => {
                let mut out = vec![TAG_HSM];
                for name in [key.token(), key.key()] {
                    out.push(length8(name.len()));
                    out.extend_from_slice(name.as_bytes());
                }
                out
            }
            Self::All { members } => {
                let mut out = vec![TAG_ALL, length8(members.len())];
                for member in members {
                    out.extend_from_slice(&member.encode());
                }
                out
            }
        }
    }

    /// Reads a policy back: exactly one, with nothing behind it, and only one that could have been made here.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Unsupported`] is a policy of a later version; the others are damage.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader(bytes);
        let policy = match reader.u8().ok_or(DecodeError::Truncated)? {
            TAG_ALL => read_all(&mut reader)?,
            tag => read_member(tag, &mut reader)?,
        };
        if reader.is_empty() { Ok(policy) } else { Err(DecodeError::Trailing) }
    }
}

/// Why bytes are no policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// The bytes end too early.
    Truncated,
    /// Bytes follow the policy.
    Trailing,
    /// The policy needs something that this version does not have.
    Unsupported(&'static str),
    /// No policy begins like this.
    UnknownTag(u8),
    /// A name is no UTF-8.
    NotText,
    /// The numbers or names make no policy.
    Invalid(PolicyError),
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated => f.write_str("the policy ends too early"),
            Self::Trailing => f.write_str("bytes follow the policy"),
            Self::Unsupported(what) => {
                write!(f, "this version knows no {what}: open the store with the version that made the slot")
            }
            Self::UnknownTag(tag) => write!(f, "no policy begins with {tag:#04x}"),
            Self::NotText => f.write_str("a name in it is no text"),
            Self::Invalid(error) => write!(f, "the policy makes no sense: {error}"),
        }
    }
}

impl std::error::Error for DecodeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Invalid(error) => Some(error),
            _ => None,
        }
    }
}

fn leaf(quorum: Quorum) -> [u8; 3] {
    [TAG_SHAMIR, quorum.threshold, quorum.shares]
}

fn read_quorum(reader: &mut Reader<'_>) -> Result<Quorum, DecodeError> {
    let [threshold, shares] = reader.array().ok_or(DecodeError::Truncated)?;
    Quorum::new(threshold, shares).map_err(DecodeError::Invalid)
}

/// A policy that may stand within `all(…)`.
fn read_member(tag: u8, reader: &mut Reader<'_>) -> Result<Policy, DecodeError> {
    match tag {
        TAG_SHAMIR => read_quorum(reader).map(Policy::Shamir),
        TAG_GROUPS => read_groups(reader),
        TAG_HSM => {
            let (token, key) = (read_name(reader)?, read_name(reader)?);
            HsmKey::new(token, key).map(Policy::Hsm).map_err(DecodeError::Invalid)
        }
        tag => Err(DecodeError::UnknownTag(tag)),
    }
}

fn read_all(reader: &mut Reader<'_>) -> Result<Policy, DecodeError> {
    let count = reader.u8().ok_or(DecodeError::Truncated)?;
    let mut members = Vec::with_capacity(usize::from(count));
    for _ in 0..count {
        members.push(match reader.u8().ok_or(DecodeError::Truncated)? {
            TAG_ALL => return Err(DecodeError::Invalid(PolicyError::Nested)),
            tag => read_member(tag, reader)?,
        });
    }
    Policy::all(members).map_err(DecodeError::Invalid)
}

fn read_name<'a>(reader: &mut Reader<'a>) -> Result<&'a str, DecodeError> {
    std::str::from_utf8(reader.bytes8().ok_or(DecodeError::Truncated)?).map_err(|_| DecodeError::NotText)
}

fn read_groups(reader: &mut Reader<'_>) -> Result<Policy, DecodeError> {
    let [required, count] = reader.array().ok_or(DecodeError::Truncated)?;
    let mut groups = Vec::with_capacity(usize::from(count));
    for _ in 0..count {
        let name = read_name(reader)?;
        let quorum = match reader.u8().ok_or(DecodeError::Truncated)? {
            TAG_SHAMIR => read_quorum(reader)?,
            TAG_GROUPS => return Err(DecodeError::Unsupported("groups within groups")),
            TAG_HSM => return Err(DecodeError::Unsupported("HSM keys within groups")),
            TAG_ALL => return Err(DecodeError::Unsupported("all(…) within groups")),
            tag => return Err(DecodeError::UnknownTag(tag)),
        };
        groups.push(Group::new(name, quorum).map_err(DecodeError::Invalid)?);
    }
    Policy::groups(required, groups).map_err(DecodeError::Invalid)
}

const TAG_SHAMIR: u8 = 1;
const TAG_GROUPS: u8 = 2;
const TAG_HSM: u8 = 3;
const TAG_ALL: u8 = 4;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GROUPS: &str = "groups(2 of {security: 2 of 3, operations: 1 of 2})";
    const ALL: &str = "all(shamir(3 of 5), hsm(main, root), hsm(second, root))";

    #[test]
    fn bytes_are_those_of_the_document() {
        assert_eq!(Policy::shamir(3, 5).unwrap().encode(), [1, 3, 5]);
        let groups: Policy = GROUPS.parse().unwrap();
        assert_eq!(groups.encode(), b"\x02\x02\x02\x08security\x01\x02\x03\x0aoperations\x01\x01\x02");
    }

    #[test]
    fn bytes_of_hsm_policies_are_those_of_the_document() {
        let hsm: Policy = "hsm(main, root 2026)".parse().unwrap();
        assert_eq!(hsm.encode(), b"\x03\x04main\x09root 2026");
        let all: Policy = ALL.parse().unwrap();
        assert_eq!(all.encode(), b"\x04\x03\x01\x03\x05\x03\x04main\x04root\x03\x06second\x04root");
    }

    #[test]
    fn every_strict_prefix_and_every_appended_byte_is_refused() {
        for text in ["3 of 5", GROUPS, "hsm(main, root)", ALL] {
            let bytes = text.parse::<Policy>().unwrap().encode();
            assert!(Policy::decode(&bytes).is_ok());
            for length in 0..bytes.len() {
                assert_eq!(Policy::decode(&bytes[..length]), Err(DecodeError::Truncated), "{length}");
            }
            let longer = [bytes.as_slice(), &[0]].concat();
            assert_eq!(Policy::decode(&longer), Err(DecodeError::Trailing));
        }
    }

    #[test]
    fn unknown_and_nested_policies_are_refused() {
        assert_eq!(Policy::decode(&[0]), Err(DecodeError::UnknownTag(0)));
        assert_eq!(Policy::decode(&[5, 1, 1]), Err(DecodeError::UnknownTag(5)));
        assert!(matches!(Policy::decode(b"\x02\x01\x01\x01a\x02\x01\x01"), Err(DecodeError::Unsupported(_))));
        assert!(matches!(
            Policy::decode(b"\x02\x01\x01\x01a\x03\x01a\x01b"),
            Err(DecodeError::Unsupported(_))
        ));
        let nested = b"\x04\x02\x01\x01\x01\x04\x02\x03\x01a\x01b\x03\x01a\x01c";
        assert_eq!(Policy::decode(nested), Err(DecodeError::Invalid(PolicyError::Nested)));
    }

    #[test]
    fn policies_that_nobody_could_meet_do_not_decode() {
        for bytes in [
            &[1, 0, 5][..],
            &[1, 6, 5],
            &[2, 1, 0],
            b"\x02\x00\x01\x01a\x01\x01\x01",
            b"\x02\x02\x01\x01a\x01\x01\x01",
            b"\x02\x01\x02\x01a\x01\x01\x01\x01a\x01\x01\x01",
            b"\x02\x01\x01\x00\x01\x01\x01",
            b"\x02\x01\x01\x01\x1b\x01\x01\x01",
            b"\x03\x00\x01b",
            b"\x03\x01a\x01(",
            b"\x04\x00",
            b"\x04\x01\x03\x01a\x01b",
            b"\x04\x02\x03\x01a\x01b\x03\x01a\x01b",
            b"\x04\x02\x01\x01\x01\x01\x01\x01",
        ] {
            assert!(matches!(Policy::decode(bytes), Err(DecodeError::Invalid(_))), "{bytes:?}");
        }
        assert_eq!(Policy::decode(b"\x02\x01\x01\x01\xff\x01\x01\x01"), Err(DecodeError::NotText));
    }

    proptest! {
        #[test]
        fn what_decodes_encodes_to_the_same_bytes(mut bytes in prop::collection::vec(0u8..6, 0..40), tag in 1u8..5) {
            if let Some(first) = bytes.first_mut() { *first = tag; }
            if let Ok(policy) = Policy::decode(&bytes) {
                prop_assert_eq!(policy.encode(), bytes);
            }
        }
    }
}
