//! A named key with versions, in memory.
#![allow(dead_code, reason = "each test takes what it needs")]
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::sync::RwLock;
use std::sync::atomic::{AtomicU32, Ordering};

use strongroom_crypto::aead::AeadKey;
use strongroom_crypto::external::{ExternalError, ExternalFault};
use strongroom_crypto::random;
use strongroom_crypto::secret::{Secret, SecretBytes};
use strongroom_envelope::{KeyEncryption, WrappedKey};

/// Versions count from 1; the last is in use, and those that were withdrawn open nothing.
pub(crate) struct NamedKey {
    name: &'static str,
    versions: RwLock<Vec<AeadKey>>,
    withdrawn: AtomicU32,
    pub(crate) asked: AtomicU32,
}

impl NamedKey {
    pub(crate) fn new(name: &'static str) -> Self {
        let key = Self {
            name,
            versions: RwLock::default(),
            withdrawn: AtomicU32::new(0),
            asked: AtomicU32::new(0),
        };
        key.rotate();
        key
    }

    pub(crate) fn rotate(&self) {
        self.versions.write().unwrap().push(AeadKey::new(&Secret::random().unwrap()).unwrap());
    }

    /// Takes every version up to this one out of use.
    pub(crate) fn withdraw(&self, version: u32) {
        self.withdrawn.store(version, Ordering::Relaxed);
    }
}

impl KeyEncryption for NamedKey {
    fn wrap(&self, data_key: &Secret<32>, context: &[u8]) -> Result<WrappedKey, ExternalError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let nonce: [u8; 12] = random::array().unwrap();
        let mut key = SecretBytes::copy_from_slice(data_key.expose()).unwrap();
        let versions = self.versions.read().unwrap();
        let tag = versions.last().unwrap().seal_in_place(&nonce, context, key.expose_mut()).unwrap();
        let version = u32::try_from(versions.len()).unwrap();
        Ok(WrappedKey::new(self.name, version, [&nonce, key.expose(), &tag].concat()).unwrap())
    }

    fn unwrap(&self, wrapped: &WrappedKey, context: &[u8]) -> Result<Secret<32>, ExternalError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let rejected = || ExternalError::new(ExternalFault::Rejected, "another key, context or object");
        let versions = self.versions.read().unwrap();
        let key = Some(wrapped.version())
            .filter(|version| {
                wrapped.name() == self.name && *version > self.withdrawn.load(Ordering::Relaxed)
            })
            .and_then(|version| versions.get(usize::try_from(version.checked_sub(1)?).ok()?))
            .ok_or_else(|| ExternalError::new(ExternalFault::Refused, "no such key or version"))?;
        let (nonce, sealed) = wrapped.bytes().split_first_chunk().ok_or_else(rejected)?;
        let (sealed, tag) = sealed.split_last_chunk().ok_or_else(rejected)?;
        let mut data_key = SecretBytes::copy_from_slice(sealed).unwrap();
        key.open_in_place(nonce, context, data_key.expose_mut(), tag).map_err(|_| rejected())?;
        Secret::copy_from_slice(data_key.expose()).map_err(|_| rejected())
    }
}

/// Bytes that repeat nowhere soon.
pub(crate) fn bytes(len: usize) -> Vec<u8> {
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_be_bytes()[0]
    };
    (0..len).map(|_| next()).collect()
}
