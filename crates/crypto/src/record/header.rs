//! The 34 bytes before the ciphertext, and the associated data that begin with them.

use std::fmt;

use super::error::OpenError;
use super::{MAX_PLACE, MAX_PLAINTEXT, OVERHEAD, TAG_LEN};
use crate::random::{self, RandomnessError};

/// The record format that is written.
pub const FORMAT: u8 = 1;
/// The cipher suite that is written: AES-256-GCM under a session key.
pub const SUITE: u8 = 1;
/// The bytes before the ciphertext.
pub const HEADER_LEN: usize = 2 + TERM_LEN + SALT_LEN + NONCE_LEN;

/// Names a store; every record is bound to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreId(pub [u8; 16]);

impl StoreId {
    /// A new store's.
    ///
    /// # Errors
    ///
    /// No randomness.
    pub fn random() -> Result<Self, RandomnessError> {
        random::array().map(Self)
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for StoreId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Numbers the key under which a record is sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Term(u32);

impl Term {
    /// Not a term of the keyring: its key is the keyring key, and only the keyring is sealed under it.
    pub const KEYRING: Self = Self(0);

    /// The term with this number.
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// The number.
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Reads the term out of a record without opening it. Storage could have written any: only opening proves it.
///
/// # Errors
///
/// As [`Opener::open`](super::Opener::open), as far as the header and the length show.
pub fn term_of(record: &[u8]) -> Result<Term, OpenError> {
    Parts::split(record).map(|parts| parts.header.term)
}

/// The salt of a session.
pub(super) type Salt = [u8; SALT_LEN];

pub(super) const SALT_LEN: usize = 16;
pub(super) const NONCE_LEN: usize = 12;
const TERM_LEN: usize = 4;

/// What the header says.
#[derive(Clone, Copy)]
pub(super) struct Header {
    pub(super) term: Term,
    pub(super) salt: Salt,
    pub(super) nonce: [u8; NONCE_LEN],
}

/// A record, cut apart but not yet believed.
pub(super) struct Parts<'a> {
    pub(super) header: Header,
    pub(super) header_bytes: &'a [u8; HEADER_LEN],
    pub(super) ciphertext: &'a [u8],
    pub(super) tag: &'a [u8; TAG_LEN],
}

impl<'a> Parts<'a> {
    pub(super) fn split(record: &'a [u8]) -> Result<Self, OpenError> {
        let (header_bytes, rest) = record.split_first_chunk::<HEADER_LEN>().ok_or(OpenError::Truncated)?;
        let (ciphertext, tag) = rest.split_last_chunk::<TAG_LEN>().ok_or(OpenError::Truncated)?;
        let (&[format, suite], fields) = header_bytes.split_first_chunk::<2>().ok_or(OpenError::Truncated)?;
        if format != FORMAT {
            return Err(OpenError::UnknownFormat(format));
        }
        if suite != SUITE {
            return Err(OpenError::UnknownSuite(suite));
        }
        if ciphertext.len() > MAX_PLAINTEXT {
            return Err(OpenError::TooLong);
        }
        let (term, fields) = fields.split_first_chunk::<TERM_LEN>().ok_or(OpenError::Truncated)?;
        let (salt, nonce) = fields.split_first_chunk::<SALT_LEN>().ok_or(OpenError::Truncated)?;
        let nonce = nonce.try_into().map_err(|_| OpenError::Truncated)?;
        let header = Header { term: Term::new(u32::from_be_bytes(*term)), salt: *salt, nonce };
        Ok(Self { header, header_bytes, ciphertext, tag })
    }
}

/// Room of `N` bytes for header ‖ store id ‖ place, the associated data.
pub(super) struct Associated<const N: usize>([u8; N]);

impl<const N: usize> Associated<N> {
    #[inline]
    pub(super) fn new(header: &[u8; HEADER_LEN], store: StoreId) -> Self {
        let mut bytes = [0; N];
        if let Some((head, rest)) = bytes.split_first_chunk_mut::<HEADER_LEN>()
            && let Some(id) = rest.first_chunk_mut::<STORE_LEN>()
        {
            *head = *header;
            *id = store.0;
        }
        Self(bytes)
    }

    /// The header of the first record of a commit: its counter is to be set.
    pub(super) fn for_sealing(store: StoreId, term: Term, salt: &Salt) -> Self {
        let mut header = [0; HEADER_LEN];
        let fields = [FORMAT, SUITE].into_iter().chain(term.get().to_be_bytes()).chain(*salt);
        header.iter_mut().zip(fields).for_each(|(byte, field)| *byte = field);
        Self::new(&header, store)
    }

    #[inline]
    pub(super) fn set_nonce(&mut self, nonce: &[u8; NONCE_LEN]) {
        if let Some(place) = self.0.first_chunk_mut::<HEADER_LEN>().and_then(|header| header.last_chunk_mut())
        {
            *place = *nonce;
        }
    }

    #[inline]
    pub(super) fn header(&self) -> [u8; HEADER_LEN] {
        self.0.first_chunk().copied().unwrap_or([0; HEADER_LEN])
    }

    /// The associated data for a place. `None` when the place is too long.
    #[inline]
    pub(super) fn with_place(&mut self, place: &[u8]) -> Option<&[u8]> {
        let len = PREFIX_LEN + place.len();
        self.0.get_mut(PREFIX_LEN..len)?.copy_from_slice(place);
        self.0.get(..len)
    }
}

/// Room for the longest place.
pub(super) const ROOM: usize = PREFIX_LEN + MAX_PLACE;
/// Room for the storage keys of most entries: less to clear for each opening.
pub(super) const SMALL_ROOM: usize = 192;
/// The places for which it suffices.
pub(super) const SMALL_PLACE: usize = SMALL_ROOM - PREFIX_LEN;
const STORE_LEN: usize = 16;
const PREFIX_LEN: usize = HEADER_LEN + STORE_LEN;
const _: () = assert!(OVERHEAD == 50);
