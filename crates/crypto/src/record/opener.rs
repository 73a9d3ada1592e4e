//! Opening, with a bounded cache of session keys.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use zeroize::Zeroize as _;

use super::error::OpenError;
use super::header::{Associated, Header, Parts, ROOM, SMALL_PLACE, SMALL_ROOM, Salt, StoreId, Term};
use super::session;
use crate::aead::{AeadError, AeadKey};
use crate::secret::{Plaintext, Secret, SecretBytes, check_not_forked};

/// Finds the key of a term: the keyring does.
pub trait TermKeys {
    /// The key, while the term may still be opened.
    fn key(&self, term: Term) -> Option<&Secret<32>>;
}

/// Opens the records of one store.
///
/// A session's key is derived once and kept, but only after a record's tag has verified under it, so that storage cannot
/// fill the cache with keys of its own invention. The cache holds at most 2,048 sessions in four lanes, which threads
/// take in turn, so that two threads seldom wait for one cache line. A key that is evicted or forgotten is wiped, once the
/// openings that use it have ended.
pub struct Opener {
    store: StoreId,
    /// Raised by each forgetting: a key derived before it is not kept after it.
    epoch: AtomicU64,
    lanes: [Lane; LANES],
}

impl Opener {
    /// An empty cache.
    pub fn new(store: StoreId) -> Self {
        Self { store, epoch: AtomicU64::new(0), lanes: Default::default() }
    }

    /// Opens the record stored at `place`.
    ///
    /// # Errors
    ///
    /// [`OpenError::UnknownTerm`] means that the keyring is older than the storage: reload it and try again. The others
    /// are permanent. No error carries plaintext, key bytes or the place.
    pub fn open(&self, keys: &impl TermKeys, place: &[u8], record: &[u8]) -> Result<Plaintext, OpenError> {
        let mut plaintext = Vec::new();
        self.open_into(keys, place, record, &mut plaintext)?;
        Ok(Plaintext::new(plaintext))
    }

    /// Opens the record stored at `place` and replaces what `output` holds; its memory is used again where it suffices.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open). The output is then wiped and empty.
    pub fn open_into(
        &self,
        keys: &impl TermKeys,
        place: &[u8],
        record: &[u8],
        output: &mut Vec<u8>,
    ) -> Result<(), OpenError> {
        let outcome = self.open_parts(keys, place, record, |len| {
            resize(output, len);
            Ok(output.as_mut_slice())
        });
        if outcome.is_err() {
            wipe(output);
        }
        outcome
    }

    /// Opens a record that holds keys, into secret memory.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open), and [`OpenError::Memory`] for more than
    /// [`MAX_SECRET`](crate::secret::MAX_SECRET) bytes.
    pub fn open_secret(
        &self,
        keys: &impl TermKeys,
        place: &[u8],
        record: &[u8],
    ) -> Result<SecretBytes, OpenError> {
        let mut secret = None;
        self.open_parts(keys, place, record, |len| {
            Ok(secret.insert(SecretBytes::zeroed(len)?).expose_mut())
        })?;
        secret.ok_or(OpenError::Truncated)
    }

    /// Wipes the cache, as sealing a store does. Openings in flight end first.
    pub fn forget(&self) {
        self.epoch.fetch_add(1, Ordering::SeqCst);
        self.lanes.iter().for_each(|lane| lane.write().clear());
    }

    /// Wipes the keys of one term.
    pub fn forget_term(&self, term: Term) {
        self.epoch.fetch_add(1, Ordering::SeqCst);
        self.lanes.iter().for_each(|lane| lane.write().forget_term(term));
    }

    #[inline]
    fn open_parts<'o>(
        &self,
        keys: &impl TermKeys,
        place: &[u8],
        record: &[u8],
        room: impl FnOnce(usize) -> Result<&'o mut [u8], OpenError>,
    ) -> Result<(), OpenError> {
        check_not_forked()?;
        let parts = Parts::split(record)?;
        let (mut small, mut large);
        let associated = if place.len() <= SMALL_PLACE {
            small = Associated::<SMALL_ROOM>::new(parts.header_bytes, self.store);
            small.with_place(place)
        } else {
            large = Associated::<ROOM>::new(parts.header_bytes, self.store);
            large.with_place(place)
        };
        let associated = associated.ok_or(OpenError::TooLong)?;
        // Read before the term's key is: what is forgotten from here on stays forgotten.
        let epoch = self.epoch.load(Ordering::SeqCst);
        // Asked first even when the session's key is at hand: a term that has left the keyring opens nothing.
        let term_key = keys.key(parts.header.term).ok_or(OpenError::UnknownTerm(parts.header.term))?;
        let output = room(parts.ciphertext.len())?;

        let lane = self.lane();
        let open = |key: &AeadKey, output: &mut [u8]| {
            key.open_into(&parts.header.nonce, associated, parts.ciphertext, parts.tag, output)
        };
        if let Some(key) = lane.read().find(&parts.header) {
            return Ok(open(key, output)?);
        }
        let key = session::key::<OpenError>(term_key, self.store, parts.header.term, &parts.header.salt)?;
        open(&key, output)?;
        let mut sessions = lane.write();
        if self.epoch.load(Ordering::SeqCst) == epoch {
            sessions.keep(&parts.header, key);
        }
        Ok(())
    }

    #[inline]
    fn lane(&self) -> &Lane {
        let [first, ..] = &self.lanes;
        self.lanes.get(LANE.get()).unwrap_or(first)
    }
}

impl From<AeadError> for OpenError {
    fn from(_: AeadError) -> Self {
        Self::Forged
    }
}

/// Makes the length right without writing zeros over bytes that are about to be replaced.
#[inline]
fn resize(output: &mut Vec<u8>, len: usize) {
    if output.capacity() < len {
        // Growing would move the old contents, perhaps plaintext, and leave them in freed memory.
        wipe(output);
        *output = vec![0; len];
    } else {
        // Cut off, the rest of the old contents would stay in spare capacity.
        if let Some(rest) = output.get_mut(len..) {
            rest.zeroize();
        }
        output.resize(len, 0);
    }
}

/// All of its memory, in one sweep: spare capacity is wiped so, elements one by one.
fn wipe(output: &mut Vec<u8>) {
    output.clear();
    output.zeroize();
}

/// On cache lines of its own.
#[derive(Default)]
#[repr(align(128))]
struct Lane(RwLock<Sessions>);

impl Lane {
    #[inline]
    fn read(&self) -> RwLockReadGuard<'_, Sessions> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Sessions> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sets of a few sessions each, by the salt's first byte. Salts are random and only genuine ones get here, so the sets
/// fill evenly.
#[derive(Default)]
struct Sessions {
    /// Empty until the first session is kept.
    sets: Vec<Set>,
}

impl Sessions {
    #[inline]
    fn find(&self, header: &Header) -> Option<&AeadKey> {
        let set = self.sets.get(set_of(&header.salt))?;
        set.sessions.iter().flatten().find(|session| session.is_of(header)).map(|session| &session.key)
    }

    fn keep(&mut self, header: &Header, key: AeadKey) {
        if self.sets.is_empty() {
            self.sets.resize_with(SETS, Set::default);
        }
        if self.find(header).is_none()
            && let Some(set) = self.sets.get_mut(set_of(&header.salt))
        {
            set.keep(Session { term: header.term, salt: header.salt, key });
        }
    }

    fn clear(&mut self) {
        self.sets = Vec::new();
    }

    fn forget_term(&mut self, term: Term) {
        for session in self.sets.iter_mut().flat_map(|set| &mut set.sessions) {
            if session.as_ref().is_some_and(|session| session.term == term) {
                *session = None;
            }
        }
    }
}

#[derive(Default)]
struct Set {
    sessions: [Option<Session>; WAYS],
    /// The place to be taken next when all are.
    next: usize,
}

impl Set {
    fn keep(&mut self, session: Session) {
        let free = self.sessions.iter().position(Option::is_none).unwrap_or(self.next);
        if let Some(place) = self.sessions.get_mut(free) {
            *place = Some(session);
        }
        self.next = (free + 1) % WAYS;
    }
}

struct Session {
    term: Term,
    salt: Salt,
    key: AeadKey,
}

impl Session {
    #[inline]
    fn is_of(&self, header: &Header) -> bool {
        self.salt == header.salt && self.term == header.term
    }
}

#[inline]
fn set_of(salt: &Salt) -> usize {
    let [first, ..] = *salt;
    usize::from(first) % SETS
}

thread_local! {
    static LANE: Cell<usize> = Cell::new(NEXT_LANE.fetch_add(1, Ordering::Relaxed) % LANES);
}

static NEXT_LANE: AtomicUsize = AtomicUsize::new(0);

const LANES: usize = 4;
const SETS: usize = 64;
const WAYS: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Sealer;

    struct OneKey(Secret<32>);

    impl TermKeys for OneKey {
        fn key(&self, _: Term) -> Option<&Secret<32>> {
            Some(&self.0)
        }
    }

    fn cached(opener: &Opener) -> usize {
        let count = |lane: &Lane| lane.read().sets.iter().flat_map(|set| &set.sessions).flatten().count();
        opener.lanes.iter().map(count).sum()
    }

    #[test]
    fn cache_keeps_genuine_sessions_alone_and_stays_within_its_bound() {
        let store = StoreId([0; 16]);
        let keys = OneKey(Secret::random().unwrap());
        let opener = Opener::new(store);
        let mut record = Sealer::start(store, Term::new(1), &keys.0).unwrap().seal(b"", b"value").unwrap();
        for salt in 0..=255 {
            record[6] = salt;
            let _ = opener.open(&keys, b"", &record);
        }
        assert_eq!(cached(&opener), 1, "the genuine one");
        for _ in 0..SETS * WAYS * 4 {
            let record = Sealer::start(store, Term::new(1), &keys.0).unwrap().seal(b"", b"value").unwrap();
            opener.open(&keys, b"", &record).unwrap();
        }
        // One thread has one lane. The sets fill unevenly at first, but not for long.
        assert!((SETS * WAYS * 9 / 10..=SETS * WAYS).contains(&cached(&opener)), "{}", cached(&opener));
        opener.forget();
        assert_eq!(cached(&opener), 0);
    }

    #[test]
    fn opening_under_way_while_the_cache_is_wiped_leaves_nothing_in_it() {
        struct ForgottenMeanwhile<'a>(&'a OneKey, &'a Opener);

        impl TermKeys for ForgottenMeanwhile<'_> {
            fn key(&self, term: Term) -> Option<&Secret<32>> {
                self.1.forget();
                self.0.key(term)
            }
        }

        let store = StoreId([0; 16]);
        let keys = OneKey(Secret::random().unwrap());
        let record = Sealer::start(store, Term::new(1), &keys.0).unwrap().seal(b"", b"value").unwrap();
        let opener = Opener::new(store);
        opener.open(&ForgottenMeanwhile(&keys, &opener), b"", &record).unwrap();
        assert_eq!(cached(&opener), 0);
        // The control: without the interference it is kept.
        opener.open(&keys, b"", &record).unwrap();
        assert_eq!(cached(&opener), 1);
    }
}
