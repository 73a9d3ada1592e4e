//! Sealing: one session after another under one term.

use std::time::{Duration, Instant};

use super::buffer::RecordBuf;
use super::error::SealError;
use super::header::{Associated, HEADER_LEN, NONCE_LEN, ROOM, StoreId, Term};
use super::{MAX_PLAINTEXT, TAG_LEN, session};
use crate::aead::{AeadError, AeadKey};
use crate::random;
use crate::secret::{Secret, SecretBytes, check_not_forked};

/// Seals records under one term. See [the module](super) for why no nonce comes twice.
pub struct Sealer {
    store: StoreId,
    term: Term,
    term_key: Secret<32>,
    session: Session,
}

impl Sealer {
    /// Begins a session. The term key is copied, so that later sessions can be derived.
    ///
    /// # Errors
    ///
    /// No randomness, no memory, or a forked process.
    pub fn start(store: StoreId, term: Term, key: &Secret<32>) -> Result<Self, SealError> {
        check_not_forked()?;
        let term_key = key.duplicate()?;
        let session = Session::start(store, term, &term_key)?;
        Ok(Self { store, term, term_key, session })
    }

    /// Begins a commit: draws the 4 bytes that its nonces begin with, and a new session when the old one is due.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start). The sealer stays as it was.
    pub fn begin_commit(&mut self) -> Result<(), SealError> {
        check_not_forked()?;
        if self.session.is_due(Instant::now()) {
            self.session = Session::start(self.store, self.term, &self.term_key)?;
        } else {
            self.session.commit = random::array()?;
        }
        Ok(())
    }

    /// Seals the buffer's body for `place`, in place. A buffer that is sealed already stands for an empty body.
    ///
    /// # Errors
    ///
    /// [`SealError::TooLong`]; or as [`start`](Self::start). The body is then wiped, and its nonce, if it had one, is
    /// never used again.
    pub fn seal_in_place(&mut self, place: &[u8], record: &mut RecordBuf) -> Result<(), SealError> {
        if record.is_sealed() {
            record.clear();
        }
        record.seal_with(|body| self.seal_body(place, body))
    }

    /// Seals a copy of the plaintext for `place`.
    ///
    /// # Errors
    ///
    /// As [`seal_in_place`](Self::seal_in_place).
    pub fn seal(&mut self, place: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, SealError> {
        if plaintext.len() > MAX_PLAINTEXT {
            return Err(SealError::TooLong);
        }
        let mut record = RecordBuf::with_capacity(plaintext.len());
        record.push(plaintext);
        self.seal_in_place(place, &mut record)?;
        record.into_vec().ok_or(SealError::Cipher)
    }

    /// Seals keys for `place` where they lie, so that no copy of them leaves secret memory.
    ///
    /// # Errors
    ///
    /// As [`seal_in_place`](Self::seal_in_place).
    pub fn seal_secret(&mut self, place: &[u8], mut plaintext: SecretBytes) -> Result<Vec<u8>, SealError> {
        let (header, tag) = self.seal_body(place, plaintext.expose_mut())?;
        // Ciphertext by now.
        Ok([header.as_slice(), plaintext.expose(), tag.as_slice()].concat())
    }

    /// The term.
    pub fn term(&self) -> Term {
        self.term
    }

    #[inline]
    fn seal_body(
        &mut self,
        place: &[u8],
        body: &mut [u8],
    ) -> Result<([u8; HEADER_LEN], [u8; TAG_LEN]), SealError> {
        check_not_forked()?;
        if body.len() > MAX_PLAINTEXT {
            return Err(SealError::TooLong);
        }
        let blocks = blocks(body.len());
        if !self.session.has_room(blocks) {
            self.session = Session::start(self.store, self.term, &self.term_key)?;
        }
        let session = &mut self.session;
        let nonce = session.next_nonce(blocks)?;
        session.associated.set_nonce(&nonce);
        let header = session.associated.header();
        let associated = session.associated.with_place(place).ok_or(SealError::TooLong)?;
        let tag = session.key.seal_in_place(&nonce, associated, body)?;
        Ok((header, tag))
    }
}

impl From<AeadError> for SealError {
    fn from(_: AeadError) -> Self {
        Self::Cipher
    }
}

struct Session {
    key: AeadKey,
    /// With the salt, and room for the rest; kept so that a seal writes little more than the counter and the place.
    associated: Box<Associated<ROOM>>,
    /// Drawn for each commit.
    commit: [u8; COMMIT_LEN],
    /// Of the next seal.
    counter: u64,
    blocks: u64,
    started: Instant,
}

impl Session {
    fn start(store: StoreId, term: Term, term_key: &Secret<32>) -> Result<Self, SealError> {
        let salt = random::array()?;
        let commit = random::array()?;
        let key = session::key::<SealError>(term_key, store, term, &salt)?;
        let associated = Box::new(Associated::for_sealing(store, term, &salt));
        Ok(Self { key, associated, commit, counter: 0, blocks: 0, started: Instant::now() })
    }

    fn is_due(&self, now: Instant) -> bool {
        !self.has_room(1) || now.saturating_duration_since(self.started) >= MAX_AGE
    }

    #[inline]
    fn has_room(&self, blocks: u64) -> bool {
        self.counter < MAX_SEALS && self.blocks + blocks <= MAX_BLOCKS
    }

    /// Uses a counter up. It stays used, whatever becomes of the seal.
    #[inline]
    fn next_nonce(&mut self, blocks: u64) -> Result<[u8; NONCE_LEN], SealError> {
        let counter = self.counter;
        self.counter = counter.checked_add(1).ok_or(SealError::Exhausted)?;
        self.blocks += blocks;
        let mut nonce = [0; NONCE_LEN];
        let (commit, count) = nonce.split_at_mut(COMMIT_LEN);
        commit.copy_from_slice(&self.commit);
        count.copy_from_slice(&counter.to_be_bytes());
        Ok(nonce)
    }
}

/// Blocks of the cipher, at least one.
#[inline]
fn blocks(len: usize) -> u64 {
    // No plaintext has more than 2^20 blocks, so the fallback is never met and would end the session.
    u64::try_from(len.div_ceil(16).max(1)).unwrap_or(MAX_BLOCKS)
}

const COMMIT_LEN: usize = 4;
const MAX_SEALS: u64 = 1 << 24;
const MAX_BLOCKS: u64 = 1 << 32;
const MAX_AGE: Duration = Duration::from_secs(600);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{OpenError, Opener, TermKeys};

    /// Format, suite, term and salt.
    fn salt(sealer: &Sealer) -> Vec<u8> {
        sealer.session.associated.header()[..22].to_vec()
    }

    fn sealer() -> Sealer {
        Sealer::start(StoreId([0; 16]), Term::new(1), &Secret::random().unwrap()).unwrap()
    }

    #[test]
    fn session_ends_after_its_last_seal_even_within_a_commit() {
        let mut sealer = sealer();
        let before = salt(&sealer);
        sealer.session.counter = MAX_SEALS - 1;
        sealer.seal(b"", b"last").unwrap();
        assert_eq!(salt(&sealer), before, "the last one is still of this session");
        sealer.seal(b"", b"first").unwrap();
        assert_ne!(salt(&sealer), before);
        assert_eq!(sealer.session.counter, 1);
    }

    #[test]
    fn session_ends_before_a_block_too_many() {
        let mut sealer = sealer();
        let before = salt(&sealer);
        sealer.session.blocks = MAX_BLOCKS - 2;
        sealer.seal(b"", &[0; 32]).unwrap();
        assert_eq!((salt(&sealer), sealer.session.blocks), (before.clone(), MAX_BLOCKS));
        sealer.seal(b"", b"").unwrap();
        assert_ne!(salt(&sealer), before, "an empty record counts as a block");
        assert_eq!(sealer.session.blocks, 1);
    }

    #[test]
    fn commit_begins_a_session_when_one_is_due() {
        let mut sealer = sealer();
        let before = salt(&sealer);
        sealer.begin_commit().unwrap();
        assert_eq!(salt(&sealer), before, "a young session goes on");
        sealer.session.counter = MAX_SEALS;
        sealer.begin_commit().unwrap();
        assert_ne!(salt(&sealer), before);
        let started = sealer.session.started;
        assert!(!sealer.session.is_due(started + Duration::from_secs(599)));
        assert!(sealer.session.is_due(started + MAX_AGE));
    }

    #[test]
    fn keys_are_sealed_and_opened_as_other_plaintext_is() {
        struct OneKey(Secret<32>);
        impl TermKeys for OneKey {
            fn key(&self, _: Term) -> Option<&Secret<32>> {
                Some(&self.0)
            }
        }
        let (store, keys) = (StoreId([0; 16]), OneKey(Secret::random().unwrap()));
        let mut sealer = Sealer::start(store, Term::new(1), &keys.0).unwrap();
        let record = sealer.seal_secret(b"place", SecretBytes::copy_from_slice(b"keys").unwrap()).unwrap();
        let opener = Opener::new(store);
        assert_eq!(opener.open(&keys, b"place", &record).unwrap().as_slice(), b"keys");
        let record = sealer.seal(b"place", b"keys").unwrap();
        assert_eq!(opener.open_secret(&keys, b"place", &record).unwrap().expose(), b"keys");
        assert_eq!(opener.open_secret(&keys, b"elsewhere", &record).err(), Some(OpenError::Forged));
    }

    #[cfg(feature = "fault-injection")]
    #[test]
    fn session_that_is_used_up_seals_nothing_when_no_other_can_begin() {
        use crate::random::fault;

        let mut sealer = sealer();
        sealer.session.counter = MAX_SEALS;
        let before = salt(&sealer);
        for _ in 0..3 {
            fault::fail_after(0);
            assert!(matches!(sealer.seal(b"", b"value"), Err(SealError::Randomness(_))));
        }
        fault::reset();
        assert_eq!((salt(&sealer), sealer.session.counter), (before.clone(), MAX_SEALS));
        sealer.seal(b"", b"value").unwrap();
        assert_ne!(salt(&sealer), before);
    }
}
