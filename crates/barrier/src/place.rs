//! Where things lie in storage (`docs/FORMATS.md`, section "Storage keys").

/// The head record.
pub const HEAD: &[u8] = b"\0head";
/// The keyring record.
pub const KEYRING: &[u8] = b"\0keyring";
/// The slot set.
pub const SLOTS: &[u8] = b"\0slots";
/// How far a rewrap has come.
pub const REWRAP: &[u8] = b"\0rewrap";

/// The prefix of all entries that people name.
pub(crate) const ENTRIES: &[u8] = &[SPACE_ENTRIES];

/// The token of a directory: what storage sees of it.
pub(crate) type Token = [u8; 16];

/// The parts of an entry's storage key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntryPlace<'a> {
    /// The generation of names.
    pub generation: u16,
    /// The directory's token.
    pub token: Token,
    /// The sealed segment.
    pub sealed: &'a [u8],
}

impl<'a> EntryPlace<'a> {
    /// Splits a storage key; `None` when it is no entry's.
    pub fn parse(key: &'a [u8]) -> Option<Self> {
        let ([SPACE_ENTRIES], rest) = key.split_first_chunk()? else { return None };
        let (generation, rest) = rest.split_first_chunk()?;
        let (token, sealed) = rest.split_first_chunk()?;
        Some(Self { generation: u16::from_be_bytes(*generation), token: *token, sealed })
    }

    /// Joins the parts to a storage key.
    pub fn to_key(self) -> Vec<u8> {
        [&directory_prefix(self.generation, self.token), self.sealed].concat()
    }
}

/// The beginning of the storage keys of all entries of a generation.
pub(crate) fn generation_prefix(generation: u16) -> [u8; 3] {
    let [high, low] = generation.to_be_bytes();
    [SPACE_ENTRIES, high, low]
}

/// The beginning of the storage keys of all entries of a directory.
pub(crate) fn directory_prefix(generation: u16, token: Token) -> [u8; DIRECTORY_PREFIX] {
    let mut prefix = [0; DIRECTORY_PREFIX];
    let (front, back) = prefix.split_at_mut(3);
    front.copy_from_slice(&generation_prefix(generation));
    back.copy_from_slice(&token);
    prefix
}

const SPACE_ENTRIES: u8 = 1;
const DIRECTORY_PREFIX: usize = 3 + 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_splits_into_what_it_was_made_of() {
        let place = EntryPlace { generation: 0x0203, token: [9; 16], sealed: b"sealed" };
        let key = place.to_key();
        assert_eq!(key[..3], [1, 2, 3]);
        assert_eq!(EntryPlace::parse(&key), Some(place));
    }

    #[test]
    fn no_system_entry_and_no_short_key_is_an_entry() {
        for key in [HEAD, KEYRING, SLOTS, REWRAP, b"", &[1], &[1; 18], &[2; 40]] {
            assert_eq!(EntryPlace::parse(key), None);
        }
    }
}
