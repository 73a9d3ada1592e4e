//! What people hold: a wrapping key, and data keys drawn ahead.

use strongroom_crypto::secret::Plaintext;

use crate::data_key::Source;
use crate::error::{OpenError, RewrapError, SealError};
use crate::key::KeyEncryption;
use crate::small;

/// Seals and opens objects, each under a data key of its own that `K` wraps. It can be shared between threads.
pub struct Envelope<K> {
    key: K,
    pub(crate) data_keys: Source,
}

impl<K: KeyEncryption> Envelope<K> {
    /// Objects under this key.
    ///
    /// Data keys are drawn 64 at a time and used within 10 ms, which is what makes small objects cheap
    /// ([`Reserve`](strongroom_crypto::random::reserve) says how). What remains is a virtual machine that is resumed twice
    /// from one snapshot, or cloned, while it seals: for at most 20 ms of its clock both copies draw the same data keys, up to
    /// the 64. One key in two objects does no harm by itself, since the nanosecond goes into a small object's nonce, and since
    /// a stream's keys depend on 32 bytes that are drawn from the operating system for it alone. So a small object repeats a
    /// nonce where both copies draw at one reading of the clock, to the nanosecond: one pair in some thousands where their
    /// clocks have come apart by microseconds, every pair where they run in step. Then the two plaintexts and the tags of
    /// these two objects are exposed, and no others. Where machines are cloned while they run, use
    /// [`without_reserve`](Self::without_reserve).
    pub fn new(key: K) -> Self {
        Self { key, data_keys: Source::reserve() }
    }

    /// As [`new`](Self::new), but draws each data key when it is needed: a system call for each object.
    pub fn without_reserve(key: K) -> Self {
        Self { key, data_keys: Source::System }
    }

    /// The wrapping key.
    pub fn key(&self) -> &K {
        &self.key
    }

    /// Seals an object of up to [`MAX_SMALL`](crate::MAX_SMALL) bytes in one piece. It opens only with the same associated
    /// data, which are not stored: say what the object is and where it belongs, so that one cannot be put in the place of
    /// another.
    ///
    /// # Errors
    ///
    /// [`SealError`].
    pub fn seal(&self, associated: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, SealError> {
        let mut object = Vec::new();
        self.seal_into(associated, plaintext, &mut object)?;
        Ok(object)
    }

    /// As [`seal`](Self::seal), into a buffer whose contents are replaced and whose memory is used again where it suffices.
    ///
    /// # Errors
    ///
    /// [`SealError`]. The buffer is then empty, and holds no plaintext.
    pub fn seal_into(
        &self,
        associated: &[u8],
        plaintext: &[u8],
        object: &mut Vec<u8>,
    ) -> Result<(), SealError> {
        small::seal(&self.key, &self.data_keys, associated, plaintext, object)
    }

    /// Opens what [`seal`](Self::seal) made.
    ///
    /// # Errors
    ///
    /// [`OpenError`]. With [`OpenError::Key`] try again or ask a person, as it says; the others are permanent.
    pub fn open(&self, associated: &[u8], object: &[u8]) -> Result<Plaintext, OpenError> {
        small::open(&self.key, associated, object)
    }

    /// The same object with its data key wrapped anew, under the version of the key that is now in use. Its body is copied
    /// as it is and stays sealed: the associated data are not needed.
    ///
    /// # Errors
    ///
    /// [`RewrapError`]. The object as it was remains good.
    pub fn rewrap(&self, object: &[u8]) -> Result<Vec<u8>, RewrapError> {
        self.rewrap_from(&self.key, object)
    }

    /// As [`rewrap`](Self::rewrap), for an object under another key.
    ///
    /// # Errors
    ///
    /// [`RewrapError`]. The object as it was remains good.
    pub fn rewrap_from(&self, old: &dyn KeyEncryption, object: &[u8]) -> Result<Vec<u8>, RewrapError> {
        small::rewrap(old, &self.key, object)
    }
}
