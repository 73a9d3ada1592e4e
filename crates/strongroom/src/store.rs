//! An open store.

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};

use strongroom_barrier::{Barrier, CheckReport, KEYRING, ReadError, SLOTS};
use strongroom_crypto::record::StoreId;
use strongroom_keyring::Keyring;
use strongroom_seal::hsm::HsmKeys;
use strongroom_seal::slot::SlotSet;

/// An open store: the barrier for reading and writing, and the changes of its keys and slots.
///
/// Everything is wiped at once by [`Store::seal`], or when it and the last [handle](Store::barrier) cloned from it are dropped.
pub struct Store {
    barrier: Barrier,
    pub(crate) slots: Arc<VerifiedSlots>,
    /// One change of slots at a time.
    pub(crate) changing: async_lock::Mutex<()>,
    pub(crate) hsm: Arc<dyn HsmKeys>,
}

impl Store {
    pub(crate) fn new(barrier: Barrier, slots: SlotSet, hsm: Arc<dyn HsmKeys>) -> Self {
        let slots = Arc::new(VerifiedSlots { sets: Mutex::new(vec![slots]) });
        Self { barrier, slots, changing: async_lock::Mutex::new(()), hsm }
    }

    /// Names and values. A handle that can be cloned and kept; it is of no use once the store is sealed.
    pub fn barrier(&self) -> &Barrier {
        &self.barrier
    }

    /// The store's number.
    pub fn id(&self) -> StoreId {
        self.barrier.store()
    }

    /// The slots, verified when the store was unsealed and kept in memory since.
    ///
    /// # Errors
    ///
    /// [`ReadError::Sealed`].
    pub fn slots(&self) -> Result<SlotSet, ReadError> {
        self.barrier.with_keyring(|keyring| self.slots.of(keyring))?.ok_or(ReadError::Malformed)
    }

    /// Wipes every key, and waits for the commit in flight.
    pub async fn seal(&self) {
        self.barrier.seal().await;
    }

    /// Reads everything and says what is wrong where, the slots and the keyring included.
    ///
    /// # Errors
    ///
    /// As [`Barrier::check`].
    pub async fn check(
        &self,
        progress: impl FnMut(u64, u64) -> ControlFlow<()>,
    ) -> Result<StoreCheck, ReadError> {
        let entries = self.barrier.check(progress).await?;
        let storage = self.barrier.storage();
        let slots = storage.get(SLOTS).await?;
        let expected = self.barrier.with_keyring(|keyring| *keyring.slots().1)?;
        let slots_intact = slots.is_some_and(|encoded| SlotSet::digest(&encoded) == expected);
        let keyring_intact = match storage.get(KEYRING).await? {
            Some(record) => self.barrier.keyring_opens(&record)?,
            None => false,
        };
        Ok(StoreCheck { entries, slots_intact, keyring_intact })
    }
}

/// What a check of a whole store found.
#[derive(Debug)]
pub struct StoreCheck {
    /// The entries and the head.
    pub entries: CheckReport,
    /// Whether the slots in storage are those of the keyring.
    pub slots_intact: bool,
    /// Whether the keyring in storage opens.
    pub keyring_intact: bool,
}

impl StoreCheck {
    /// Whether nothing is wrong.
    pub fn is_clean(&self) -> bool {
        self.entries.is_clean() && self.slots_intact && self.keyring_intact
    }
}

/// The set of slots that belongs to the keyring in use, and that of a change which may be in flight.
///
/// Never read from storage again: a slot that is planted there is not wrapped for.
pub(crate) struct VerifiedSlots {
    sets: Mutex<Vec<SlotSet>>,
}

impl VerifiedSlots {
    pub(crate) fn of(&self, keyring: &Keyring) -> Option<SlotSet> {
        let sets = self.sets.lock().unwrap_or_else(PoisonError::into_inner);
        let (generation, digest) = keyring.slots();
        sets.iter()
            .find(|set| set.generation() == generation && SlotSet::digest(&set.encode()) == *digest)
            .cloned()
    }

    /// Keeps a set that is about to be committed beside the one in use.
    pub(crate) fn propose(&self, in_use: SlotSet, next: SlotSet) {
        *self.sets.lock().unwrap_or_else(PoisonError::into_inner) = vec![in_use, next];
    }
}
