//! The keyring as a record: sealed under a key that comes from the root key.

use std::fmt;

use strongroom_crypto::kdf;
use strongroom_crypto::record::{OpenError, Opener, SealError, Sealer, StoreId, Term, TermKeys};
use strongroom_crypto::secret::{Secret, SecretError};

use crate::encoding::DecodeError;
use crate::keyring::Keyring;

/// The key under which the keyring lies in storage: HKDF of the root key, bound to the store.
///
/// A running store keeps this one, not the root key, so that it can rotate terms but not open a slot.
pub struct KeyringKey {
    store: StoreId,
    key: Secret<32>,
}

impl KeyringKey {
    /// Derives the key (RFC 5869).
    ///
    /// # Errors
    ///
    /// When secret memory is exhausted.
    pub fn derive(store: StoreId, root: &Secret<32>) -> Result<Self, SecretError> {
        let key = kdf::hkdf(store.as_bytes(), root.expose(), &[b"strongroom keyring key"])?;
        Ok(Self { store, key })
    }

    /// Another handle on the same key.
    ///
    /// # Errors
    ///
    /// When secret memory is exhausted.
    pub fn duplicate(&self) -> Result<Self, SecretError> {
        Ok(Self { store: self.store, key: self.key.duplicate()? })
    }

    /// Seals a keyring for `place`. Every call draws a session of its own.
    ///
    /// # Errors
    ///
    /// When randomness or secret memory is not to be had.
    pub fn seal(&self, keyring: &Keyring, place: &[u8]) -> Result<Vec<u8>, SealError> {
        let plaintext = keyring.encode()?;
        let mut sealer = Sealer::start(self.store, Term::KEYRING, &self.key)?;
        sealer.begin_commit()?;
        sealer.seal_secret(place, plaintext)
    }

    /// Opens the keyring that lies at `place`.
    ///
    /// # Errors
    ///
    /// [`OpenKeyringError::Record`] with [`OpenError::Forged`] means that the root key does not belong to these bytes.
    pub fn open(&self, place: &[u8], record: &[u8]) -> Result<Keyring, OpenKeyringError> {
        let plaintext =
            Opener::new(self.store).open_secret(self, place, record).map_err(OpenKeyringError::Record)?;
        let keyring = Keyring::decode(plaintext.expose()).map_err(OpenKeyringError::Decode)?;
        if keyring.store() == self.store { Ok(keyring) } else { Err(OpenKeyringError::OtherStore) }
    }
}

impl TermKeys for KeyringKey {
    fn key(&self, term: Term) -> Option<&Secret<32>> {
        (term == Term::KEYRING).then_some(&self.key)
    }
}

/// Why a keyring did not open.
#[derive(Debug)]
pub enum OpenKeyringError {
    /// The record is damaged, forged, or of another root key.
    Record(OpenError),
    /// It opened, but breaks the format.
    Decode(DecodeError),
    /// It opened, but says that it is another store's.
    OtherStore,
}

impl fmt::Display for OpenKeyringError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Record(error) => write!(f, "the keyring does not open: {error}"),
            Self::Decode(error) => write!(f, "{error}"),
            Self::OtherStore => f.write_str("the keyring is another store's"),
        }
    }
}

impl std::error::Error for OpenKeyringError {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rotation::RotationPolicy;

    const STORE: StoreId = StoreId([7; 16]);

    #[test]
    fn opens_with_the_root_key_that_sealed_it_alone() {
        let root = Secret::random().unwrap();
        let keyring = Keyring::create(STORE, RotationPolicy::DEFAULT, 1).unwrap();
        let key = KeyringKey::derive(STORE, &root).unwrap();
        let record = key.seal(&keyring, b"\0keyring").unwrap();
        assert!(key.open(b"\0keyring", &record).unwrap().encode().unwrap().ct_eq(&keyring.encode().unwrap()));

        let other = KeyringKey::derive(STORE, &Secret::random().unwrap()).unwrap();
        assert!(matches!(
            other.open(b"\0keyring", &record),
            Err(OpenKeyringError::Record(OpenError::Forged))
        ));
        let elsewhere = KeyringKey::derive(StoreId([8; 16]), &root).unwrap();
        assert!(elsewhere.open(b"\0keyring", &record).is_err());
        assert!(key.open(b"\0elsewhere", &record).is_err());
    }

    #[test]
    fn keyring_of_a_store_that_rotated_ten_thousand_times_still_seals_and_opens() {
        let root = Secret::random().unwrap();
        let mut keyring = Keyring::create(STORE, RotationPolicy::DEFAULT, 1).unwrap();
        for number in 1..10_000 {
            keyring.install_term(2).unwrap();
            keyring.destroy_term(Term::new(number), 1, 3).unwrap();
        }
        let key = KeyringKey::derive(STORE, &root).unwrap();
        let record = key.seal(&keyring, b"k").unwrap();
        assert_eq!(key.open(b"k", &record).unwrap().terms().count(), 10_000);
    }

    #[test]
    fn two_seals_of_one_keyring_differ() {
        let root = Secret::random().unwrap();
        let keyring = Keyring::create(STORE, RotationPolicy::DEFAULT, 1).unwrap();
        let key = KeyringKey::derive(STORE, &root).unwrap();
        assert_ne!(key.seal(&keyring, b"k").unwrap(), key.seal(&keyring, b"k").unwrap());
    }
}
