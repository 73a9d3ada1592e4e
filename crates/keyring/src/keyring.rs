//! The keyring itself: what it holds, and the changes that it knows.

use std::fmt;

use strongroom_crypto::kdf;
use strongroom_crypto::record::{StoreId, Term, TermKeys};
use strongroom_crypto::secret::{Secret, SecretError};

use crate::names::{NamesGeneration, NamesState};
use crate::rotation::{Due, RotationPolicy, TermUsage};
use crate::term::{TermEntry, TermInfo, TermState};

/// The number of a slot, as `seal` gives it. The keyring knows nothing else of slots.
pub type SlotRef = [u8; 16];

/// The random number under which the tree of names begins: moving a tree is a new number for its mount, not a new name
/// for each entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RootId(pub [u8; 16]);

/// The keys of an unsealed store. Neither `Debug` nor `Clone`: see [`Keyring::next`].
pub struct Keyring {
    pub(crate) store: StoreId,
    pub(crate) generation: u64,
    pub(crate) slots_generation: u64,
    pub(crate) slots_digest: [u8; 32],
    pub(crate) rotation: RotationPolicy,
    pub(crate) root_id: RootId,
    pub(crate) purpose: Secret<32>,
    /// Ascending by number; exactly one is active.
    pub(crate) names: Vec<NamesGeneration>,
    pub(crate) psks: Vec<(SlotRef, Secret<32>)>,
    /// Ascending by term; the last one is active.
    pub(crate) terms: Vec<TermEntry>,
}

impl Keyring {
    /// The first keyring of a store: term 1, names generation 1, no slot yet.
    ///
    /// # Errors
    ///
    /// When secret memory or randomness is not to be had.
    pub fn create(store: StoreId, rotation: RotationPolicy, now: u64) -> Result<Self, KeyringError> {
        let mut root_id = [0; 16];
        strongroom_crypto::random::fill(&mut root_id).map_err(SecretError::from)?;
        Ok(Self {
            store,
            generation: 1,
            slots_generation: 0,
            slots_digest: [0; 32],
            rotation,
            root_id: RootId(root_id),
            purpose: Secret::random()?,
            names: vec![NamesGeneration::install(1)?],
            psks: Vec::new(),
            terms: vec![TermEntry::install(Term::new(1), now)?],
        })
    }

    /// The successor, equal but for its generation, to be changed and committed in this one's place.
    ///
    /// # Errors
    ///
    /// When secret memory is exhausted, or after 2^64 changes.
    pub fn next(&self) -> Result<Self, KeyringError> {
        Ok(Self {
            store: self.store,
            generation: self.generation.checked_add(1).ok_or(KeyringError::Exhausted)?,
            slots_generation: self.slots_generation,
            slots_digest: self.slots_digest,
            rotation: self.rotation,
            root_id: self.root_id,
            purpose: self.purpose.duplicate()?,
            names: self.names.iter().map(NamesGeneration::duplicate).collect::<Result<_, _>>()?,
            psks: self
                .psks
                .iter()
                .map(|(slot, psk)| Ok((*slot, psk.duplicate()?)))
                .collect::<Result<_, SecretError>>()?,
            terms: self.terms.iter().map(TermEntry::duplicate).collect::<Result<_, _>>()?,
        })
    }

    /// The store whose keyring this is.
    pub fn store(&self) -> StoreId {
        self.store
    }

    /// How often this keyring has been changed, from 1.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Where the tree of names begins.
    pub fn root_id(&self) -> RootId {
        self.root_id
    }

    /// When the active term is to be replaced without being told.
    pub fn rotation(&self) -> RotationPolicy {
        self.rotation
    }

    /// Replaces the rotation policy.
    pub fn set_rotation(&mut self, rotation: RotationPolicy) {
        self.rotation = rotation;
    }

    /// The key for one purpose, e.g. `backup`.
    ///
    /// # Errors
    ///
    /// When secret memory is exhausted.
    pub fn purpose_key(&self, name: &str) -> Result<Secret<32>, KeyringError> {
        Ok(kdf::expand(&self.purpose, &[b"strongroom purpose ", name.as_bytes()])?)
    }

    /// Draws new keys for all purposes, so that whoever knew the old ones can authenticate nothing any more.
    ///
    /// # Errors
    ///
    /// When secret memory or randomness is not to be had.
    pub fn renew_purpose(&mut self) -> Result<(), KeyringError> {
        self.purpose = Secret::random()?;
        Ok(())
    }
}

/// Slots.
impl Keyring {
    /// The generation and digest of the slot set that belongs to this keyring.
    pub fn slots(&self) -> (u64, &[u8; 32]) {
        (self.slots_generation, &self.slots_digest)
    }

    /// Notes the slot set with which this keyring will be committed.
    pub fn set_slots(&mut self, generation: u64, digest: [u8; 32]) {
        self.slots_generation = generation;
        self.slots_digest = digest;
    }

    /// The pre-shared key of a slot.
    pub fn psk(&self, slot: SlotRef) -> Option<&Secret<32>> {
        self.psks.iter().find(|(id, _)| *id == slot).map(|(_, psk)| psk)
    }

    /// Adds the pre-shared key of a new slot, or replaces it.
    pub fn add_psk(&mut self, slot: SlotRef, psk: Secret<32>) {
        self.psks.retain(|(id, _)| *id != slot);
        self.psks.push((slot, psk));
    }

    /// Forgets a slot's pre-shared key.
    pub fn remove_psk(&mut self, slot: SlotRef) {
        self.psks.retain(|(id, _)| *id != slot);
    }
}

/// Terms.
impl Keyring {
    /// All terms that ever were, ascending.
    pub fn terms(&self) -> impl DoubleEndedIterator<Item = TermInfo> + '_ {
        self.terms.iter().map(|entry| entry.info)
    }

    /// The term under which records are sealed, and its key.
    ///
    /// # Errors
    ///
    /// [`KeyringError::NoActiveTerm`] cannot happen with a keyring that was made or decoded by this crate.
    pub fn active_term(&self) -> Result<(TermInfo, &Secret<32>), KeyringError> {
        let entry = self.terms.last().ok_or(KeyringError::NoActiveTerm)?;
        Ok((entry.info, entry.key.as_ref().ok_or(KeyringError::NoActiveTerm)?))
    }

    /// Why the active term should be replaced now, if it should.
    pub fn rotation_due(&self, usage: TermUsage, now: u64) -> Option<Due> {
        let active = self.terms.last()?;
        self.rotation.due(active.info.installed, usage, now)
    }

    /// Installs a new active term; the one before it is deactivated.
    ///
    /// # Errors
    ///
    /// When secret memory or randomness is not to be had, or after 2^32 terms.
    pub fn install_term(&mut self, now: u64) -> Result<Term, KeyringError> {
        let last = self.terms.last_mut().ok_or(KeyringError::NoActiveTerm)?;
        let term = Term::new(last.info.term.get().checked_add(1).ok_or(KeyringError::Exhausted)?);
        let entry = TermEntry::install(term, now)?;
        last.deactivate(now);
        self.terms.push(entry);
        Ok(term)
    }

    /// Destroys the key of a deactivated term. The caller has proved that no record is left under it.
    ///
    /// # Errors
    ///
    /// [`KeyringError::NotDeactivated`] for the active term, a destroyed one, and one that never was.
    pub fn destroy_term(&mut self, term: Term, seals: u64, now: u64) -> Result<(), KeyringError> {
        let entry = self.terms.iter_mut().find(|entry| entry.info.term == term);
        match entry {
            Some(entry) if entry.info.state == TermState::Deactivated => {
                entry.destroy(seals, now);
                Ok(())
            }
            _ => Err(KeyringError::NotDeactivated(term)),
        }
    }
}

impl TermKeys for Keyring {
    fn key(&self, term: Term) -> Option<&Secret<32>> {
        let at = self.terms.binary_search_by_key(&term, |entry| entry.info.term).ok()?;
        self.terms.get(at)?.key.as_ref()
    }
}

/// Names.
impl Keyring {
    /// The generation under which names are written.
    ///
    /// # Errors
    ///
    /// [`KeyringError::NoActiveTerm`] cannot happen with a keyring that was made or decoded by this crate.
    pub fn active_names(&self) -> Result<&NamesGeneration, KeyringError> {
        self.names.iter().find(|names| names.state == NamesState::Active).ok_or(KeyringError::NoActiveTerm)
    }

    /// The generation that a rewrap is emptying, if there is one.
    pub fn leaving_names(&self) -> Option<&NamesGeneration> {
        self.names.iter().find(|names| names.state == NamesState::Leaving)
    }

    /// Installs a new generation of names; the one before it is left by the next rewrap.
    ///
    /// # Errors
    ///
    /// [`KeyringError::NamesBeingLeft`] while a rewrap has not emptied an earlier one.
    pub fn install_names(&mut self) -> Result<u16, KeyringError> {
        if self.leaving_names().is_some() {
            return Err(KeyringError::NamesBeingLeft);
        }
        let last = self.names.last_mut().ok_or(KeyringError::NoActiveTerm)?;
        let number = last.number.checked_add(1).ok_or(KeyringError::Exhausted)?;
        let generation = NamesGeneration::install(number)?;
        last.state = NamesState::Leaving;
        self.names.push(generation);
        Ok(number)
    }

    /// Drops the generation that has been emptied.
    pub fn drop_leaving_names(&mut self) {
        self.names.retain(|names| names.state == NamesState::Active);
    }
}

/// Why a keyring could not be changed.
#[derive(Debug)]
pub enum KeyringError {
    /// No secret memory or no randomness.
    Secret(SecretError),
    /// The term is not deactivated, so it cannot be destroyed.
    NotDeactivated(Term),
    /// A rewrap has not emptied the earlier generation of names.
    NamesBeingLeft,
    /// A counter is at its end.
    Exhausted,
    /// The keyring has no active term or names: it was not made by this crate.
    NoActiveTerm,
}

impl From<SecretError> for KeyringError {
    fn from(error: SecretError) -> Self {
        Self::Secret(error)
    }
}

impl fmt::Display for KeyringError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Secret(error) => write!(f, "{error}"),
            Self::NotDeactivated(term) => write!(
                f,
                "term {} is not deactivated, so its key stays: only a term that was rotated away can be destroyed",
                term.get()
            ),
            Self::NamesBeingLeft => f.write_str(
                "the names are still moving to the keys of an earlier change: let the rewrap finish first, then repeat this",
            ),
            Self::Exhausted => f.write_str("a counter of the keyring is at its end: move the data to a new store"),
            Self::NoActiveTerm => f.write_str("the keyring has no active term"),
        }
    }
}

impl std::error::Error for KeyringError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Secret(error) => Some(error),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keyring() -> Keyring {
        Keyring::create(StoreId([7; 16]), RotationPolicy::DEFAULT, 1_000).unwrap()
    }

    #[test]
    fn a_new_keyring_has_one_active_term() {
        let keyring = keyring();
        let (info, _) = keyring.active_term().unwrap();
        assert_eq!((info.term, info.state, info.installed), (Term::new(1), TermState::Active, 1_000));
        assert!(keyring.key(Term::new(0)).is_none());
        assert!(keyring.key(Term::new(2)).is_none());
    }

    #[test]
    fn rotation_deactivates_and_keeps_the_old_key() {
        let mut keyring = keyring();
        let term = keyring.install_term(2_000).unwrap();
        assert_eq!(term, Term::new(2));
        let states: Vec<_> = keyring.terms().map(|info| (info.state, info.left)).collect();
        assert_eq!(states, [(TermState::Deactivated, 2_000), (TermState::Active, 0)]);
        assert!(keyring.key(Term::new(1)).is_some());
    }

    #[test]
    fn a_destroyed_term_stays_on_record_without_its_key() {
        let mut keyring = keyring();
        keyring.install_term(2_000).unwrap();
        keyring.destroy_term(Term::new(1), 55, 3_000).unwrap();
        assert!(keyring.key(Term::new(1)).is_none());
        let first = keyring.terms().next().unwrap();
        assert_eq!((first.state, first.left, first.seals), (TermState::Destroyed, 3_000, 55));
    }

    #[test]
    fn the_active_term_is_not_destroyed() {
        let mut keyring = keyring();
        for term in [0, 1, 2] {
            assert!(matches!(
                keyring.destroy_term(Term::new(term), 0, 0),
                Err(KeyringError::NotDeactivated(_))
            ));
        }
        assert!(keyring.active_term().is_ok());
    }

    #[test]
    fn a_successor_shares_keys_but_not_changes() {
        let first = keyring();
        let mut second = first.next().unwrap();
        second.install_term(2_000).unwrap();
        assert_eq!((first.generation(), second.generation()), (1, 2));
        assert_eq!(first.terms().count(), 1);
        assert!(first.key(Term::new(1)).unwrap().ct_eq(second.key(Term::new(1)).unwrap()));
        assert!(!second.key(Term::new(1)).unwrap().ct_eq(second.key(Term::new(2)).unwrap()));
    }

    #[test]
    fn a_second_generation_of_names_waits_for_the_first() {
        let mut keyring = keyring();
        assert_eq!(keyring.install_names().unwrap(), 2);
        assert_eq!(keyring.leaving_names().unwrap().number(), 1);
        assert!(matches!(keyring.install_names(), Err(KeyringError::NamesBeingLeft)));
        keyring.drop_leaving_names();
        assert_eq!(keyring.install_names().unwrap(), 3);
    }

    #[test]
    fn purposes_have_keys_of_their_own() {
        let keyring = keyring();
        let backup = keyring.purpose_key("backup").unwrap();
        assert!(backup.ct_eq(&keyring.next().unwrap().purpose_key("backup").unwrap()));
        assert!(!backup.ct_eq(&keyring.purpose_key("audit").unwrap()));
        let mut renewed = keyring.next().unwrap();
        renewed.renew_purpose().unwrap();
        assert!(!backup.ct_eq(&renewed.purpose_key("backup").unwrap()));
    }
}
