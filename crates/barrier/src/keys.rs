//! Everything secret that an open barrier holds, in one place, so that sealing wipes it by dropping it.

use std::sync::{Mutex, PoisonError};

use strongroom_crypto::record::{OpenError, Opener, SealError, Sealer, StoreId, Term, TermKeys};
use strongroom_crypto::secret::{Plaintext, SecretError};
use strongroom_keyring::{Keyring, KeyringError, KeyringKey};

use crate::names::NamesCipher;

/// The keys of an unsealed barrier.
pub(crate) struct Keys {
    pub(crate) keyring: Keyring,
    pub(crate) keyring_key: KeyringKey,
    pub(crate) names: NamesCipher,
    pub(crate) leaving_names: Option<NamesCipher>,
    opener: Opener,
    sealer: Mutex<Sealer>,
}

impl Keys {
    pub(crate) fn new(keyring: Keyring, keyring_key: KeyringKey) -> Result<Self, KeysError> {
        let store = keyring.store();
        let cipher = |names| NamesCipher::derive(store, keyring.root_id(), names);
        let names = cipher(keyring.active_names()?)?;
        let leaving_names = keyring.leaving_names().map(cipher).transpose()?;
        let (active, key) = keyring.active_term()?;
        let sealer = Mutex::new(Sealer::start(store, active.term, key)?);
        Ok(Self { names, leaving_names, opener: Opener::new(store), sealer, keyring, keyring_key })
    }

    pub(crate) fn open(&self, place: &[u8], record: &[u8]) -> Result<Plaintext, OpenError> {
        self.opener.open(&self.keyring, place, record)
    }

    pub(crate) fn with_sealer<T>(&self, work: impl FnOnce(&mut Sealer) -> T) -> T {
        work(&mut self.sealer.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The term that seals.
    pub(crate) fn active_term(&self) -> Term {
        self.with_sealer(|sealer| sealer.term())
    }

    /// The generations to look a name up in. An entry moves only from the leaving generation to the active one, so who
    /// asks in this order never misses it between the two.
    pub(crate) fn lookup_order(&self) -> impl Iterator<Item = &NamesCipher> {
        self.leaving_names.iter().chain([&self.names])
    }
}

/// Opens the records of a store that is not running, such as a backup being checked.
pub struct RecordOpener<'a> {
    keyring: &'a Keyring,
    opener: Opener,
}

impl<'a> RecordOpener<'a> {
    /// Opens with the keys of this keyring.
    pub fn new(store: StoreId, keyring: &'a Keyring) -> Self {
        Self { keyring, opener: Opener::new(store) }
    }

    /// Opens a record that lies at `place`.
    ///
    /// # Errors
    ///
    /// As [`Opener::open`].
    pub fn open(&self, place: &[u8], record: &[u8]) -> Result<Plaintext, OpenError> {
        self.opener.open(self.keyring, place, record)
    }

    /// Whether the keyring has the key of a term.
    pub fn knows(&self, term: Term) -> bool {
        self.keyring.key(term).is_some()
    }
}

/// Why keys could not be made ready.
pub(crate) enum KeysError {
    Keyring(KeyringError),
    Seal(SealError),
}

impl From<KeyringError> for KeysError {
    fn from(error: KeyringError) -> Self {
        Self::Keyring(error)
    }
}

impl From<SecretError> for KeysError {
    fn from(error: SecretError) -> Self {
        Self::Keyring(error.into())
    }
}

impl From<SealError> for KeysError {
    fn from(error: SealError) -> Self {
        Self::Seal(error)
    }
}
