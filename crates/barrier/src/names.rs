//! How names are hidden: a keyed token for the directory, a synthetic-IV ciphertext for the segment.

use strongroom_crypto::kdf;
use strongroom_crypto::mac::MacKey;
use strongroom_crypto::record::StoreId;
use strongroom_crypto::secret::{Secret, SecretError};
use strongroom_crypto::siv::SivKey;
use strongroom_keyring::{NamesGeneration, RootId};
use zeroize::Zeroizing;

use crate::path::{Directory, MAX_SEGMENT, Path};
use crate::place::{EntryPlace, Token};

/// The keys of one generation of names, derived.
pub(crate) struct NamesCipher {
    generation: u16,
    root: RootId,
    directories: MacKey,
    segments: SivKey,
}

impl NamesCipher {
    pub(crate) fn derive(store: StoreId, root: RootId, names: &NamesGeneration) -> Result<Self, SecretError> {
        let generation = names.number().to_be_bytes();
        let directories: Secret<32> =
            kdf::expand(names.key(), &[b"strongroom names directory", store.as_bytes(), &generation])?;
        let segments: Secret<64> =
            kdf::expand(names.key(), &[b"strongroom names segment", store.as_bytes(), &generation])?;
        Ok(Self {
            generation: names.number(),
            root,
            directories: MacKey::new(&directories),
            segments: SivKey::new(&segments)?,
        })
    }

    pub(crate) fn generation(&self) -> u16 {
        self.generation
    }

    /// What storage sees of a directory: HMAC over the root's number and the segments, cut to 128 bits.
    pub(crate) fn token(&self, directory: &Directory) -> Token {
        let mut path = Zeroizing::new(Vec::with_capacity(64));
        for segment in directory.segments() {
            // A segment has at most 254 bytes, so its length is never 255.
            path.push(u8::try_from(segment.len()).unwrap_or(u8::MAX));
            path.extend_from_slice(segment.as_bytes());
        }
        let mac = self.directories.mac(&[&self.root.0, &path]);
        let mut token = [0; 16];
        token.iter_mut().zip(mac).for_each(|(to, from)| *to = from);
        token
    }

    /// The storage key of a value.
    pub(crate) fn value_key(&self, path: &Path) -> Result<Vec<u8>, NamesError> {
        self.key(self.token(path.directory()), path.name().as_bytes(), b"")
    }

    /// The storage key of a directory's entry in its parent.
    pub(crate) fn directory_key(&self, parent: Token, name: &str) -> Result<Vec<u8>, NamesError> {
        self.key(parent, name.as_bytes(), b"/")
    }

    fn key(&self, token: Token, name: &[u8], end: &[u8]) -> Result<Vec<u8>, NamesError> {
        let sealed = self.segments.seal(&token, &pad_segment(name, end)).map_err(|_| NamesError)?;
        Ok(EntryPlace { generation: self.generation, token, sealed: &sealed }.to_key())
    }

    /// Opens the segment of an entry that lies in the directory of that token.
    pub(crate) fn open(&self, place: &EntryPlace<'_>) -> Result<EntryName, NamesError> {
        let padded = self.segments.open(&place.token, place.sealed).map_err(|_| NamesError)?;
        unpad_segment(&padded).ok_or(NamesError)
    }
}

/// What an entry's storage key says when it is opened.
#[derive(Clone, PartialEq, Eq)]
pub enum EntryName {
    /// The last segment of a value's path.
    Value(Zeroizing<String>),
    /// The name of a directory, without its slash.
    Directory(Zeroizing<String>),
}

/// A storage key does not open: damaged, forged, or moved from another directory.
#[derive(Debug)]
pub struct NamesError;

fn pad_segment(name: &[u8], end: &[u8]) -> Zeroizing<Vec<u8>> {
    let len = (name.len() + end.len() + 1).next_multiple_of(SEGMENT_STEP);
    let mut padded = Zeroizing::new(Vec::with_capacity(len));
    padded.extend_from_slice(name);
    padded.extend_from_slice(end);
    padded.push(PADDING);
    padded.resize(len, 0);
    padded
}

/// Takes the padding off a segment and tells a directory from a value. Strict: one padded form per name.
pub fn unpad_segment(padded: &[u8]) -> Option<EntryName> {
    if padded.len() > SEGMENT_MAX {
        return None;
    }
    let end = padded.iter().rposition(|&byte| byte != 0)?;
    let (text, [PADDING, ..]) = padded.split_at_checked(end)? else { return None };
    if (text.len() + 1).next_multiple_of(SEGMENT_STEP) != padded.len() {
        return None;
    }
    let text = std::str::from_utf8(text).ok()?;
    let (name, directory) = match text.strip_suffix('/') {
        Some(name) => (name, true),
        None => (text, false),
    };
    // The rules of a segment are those of its path, checked by the one parser of paths.
    let name = Zeroizing::new(Directory::root().value(name).ok()?.name().to_owned());
    Some(if directory { EntryName::Directory(name) } else { EntryName::Value(name) })
}

const PADDING: u8 = 0x80;
const SEGMENT_STEP: usize = 32;
const SEGMENT_MAX: usize = 256;
const _: () = assert!((MAX_SEGMENT + 2).next_multiple_of(SEGMENT_STEP) == SEGMENT_MAX);

#[cfg(test)]
mod tests {
    use super::*;
    use strongroom_keyring::{Keyring, RotationPolicy};

    fn cipher() -> NamesCipher {
        let store = StoreId([7; 16]);
        let keyring = Keyring::create(store, RotationPolicy::NEVER, 0).unwrap();
        NamesCipher::derive(store, keyring.root_id(), keyring.active_names().unwrap()).unwrap()
    }

    fn path(text: &str) -> Path {
        text.parse().unwrap()
    }

    #[test]
    fn a_value_and_a_directory_of_one_name_are_two_entries() {
        let cipher = cipher();
        let value = cipher.value_key(&path("a")).unwrap();
        let directory = cipher.directory_key(cipher.token(&Directory::root()), "a").unwrap();
        assert_ne!(value, directory);
        let open = |key: &[u8]| cipher.open(&EntryPlace::parse(key).unwrap()).unwrap();
        assert!(open(&value) == EntryName::Value("a".to_owned().into()));
        assert!(open(&directory) == EntryName::Directory("a".to_owned().into()));
    }

    #[test]
    fn tokens_do_not_confuse_where_one_segment_ends() {
        let cipher = cipher();
        let token = |text: &str| cipher.token(&text.parse().unwrap());
        assert_ne!(token("ab/c"), token("a/bc"));
        assert_ne!(token("a/b"), token("ab"));
        assert_ne!(token(""), token("a"));
        assert_eq!(token("a/b"), token("a/b/"));
    }

    #[test]
    fn a_segment_moved_to_another_directory_does_not_open() {
        let cipher = cipher();
        let key = cipher.value_key(&path("a/x")).unwrap();
        let mut place = EntryPlace::parse(&key).unwrap();
        assert!(cipher.open(&place).is_ok());
        place.token = cipher.token(&"b".parse().unwrap());
        assert!(cipher.open(&place).is_err());
    }

    #[test]
    fn every_storage_key_stays_under_300_bytes() {
        let cipher = cipher();
        let long = "x".repeat(MAX_SEGMENT);
        assert!(cipher.value_key(&path(&long)).unwrap().len() < 300);
        assert!(cipher.directory_key([0; 16], &long).unwrap().len() < 300);
    }

    #[test]
    fn names_of_similar_length_look_alike() {
        let cipher = cipher();
        let len = |text: &str| cipher.value_key(&path(text)).unwrap().len();
        assert_eq!(len("a"), len(&"a".repeat(31)));
        assert_ne!(len("a"), len(&"a".repeat(32)));
    }

    #[test]
    fn only_one_padded_form_is_accepted() {
        let good = pad_segment(b"name", b"");
        assert!(unpad_segment(&good).is_some());
        let longer = [&good[..], &[0; 32]].concat();
        for bad in [
            &longer[..],
            &good[..31],
            b"",
            &[0; 32],
            &[0x80; 32],
            &pad_segment(b"", b""),
            &pad_segment(b"", b"/"),
        ] {
            assert!(unpad_segment(bad).is_none());
        }
        assert!(unpad_segment(&pad_segment(b"a/b", b"")).is_none());
        assert!(unpad_segment(&pad_segment(b"..", b"/")).is_none());
    }
}
