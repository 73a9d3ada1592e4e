//! From sealed to open.

use std::io;
use std::sync::Arc;

use strongroom_barrier::{Barrier, KEYRING, Options, SLOTS};
use strongroom_crypto::record::StoreId;
use strongroom_keyring::{Keyring, KeyringKey};
use strongroom_seal::hsm::{HsmKeys, HsmPartError, NoHsm};
use strongroom_seal::slot::{SlotId, SlotSet};
use strongroom_seal::unseal::{
    Accepted, Collector, OpenError as SlotOpenError, Opened, Progress, ShareError, ShareIdentity,
    verify_share,
};
use strongroom_shamir::Share;
use strongroom_shamir::text::{self, Decoded, ShareText, ShareTextError};
use strongroom_storage::Storage;

use crate::error::{OpenError, UnsealError};
use crate::hsm;
use crate::store::Store;

/// A store as anybody sees it: its number and its slots.
pub struct SealedStore {
    storage: Arc<dyn Storage>,
    slots: SlotSet,
    digest: [u8; 32],
}

impl SealedStore {
    /// Reads the slots. They are authentic only once a store was unsealed with them.
    ///
    /// # Errors
    ///
    /// [`OpenError::NoStore`] in empty storage.
    pub async fn open(storage: Arc<dyn Storage>) -> Result<Self, OpenError> {
        let encoded = storage.get(SLOTS).await.map_err(OpenError::Read)?.ok_or(OpenError::NoStore)?;
        let slots = SlotSet::decode(&encoded).map_err(OpenError::Slots)?;
        let digest = SlotSet::digest(&encoded);
        Ok(Self { storage, slots, digest })
    }

    /// The store's number.
    pub fn store(&self) -> StoreId {
        self.slots.store()
    }

    /// Its slots.
    pub fn slots(&self) -> &SlotSet {
        &self.slots
    }

    /// Tells which share this is, without a quorum: for the yearly check.
    ///
    /// # Errors
    ///
    /// [`ShareError`] names what is wrong with it.
    pub fn verify_share(&self, share: &ShareText) -> Result<ShareIdentity, ShareError> {
        verify_share(&self.slots, share)
    }

    /// Begins to collect shares.
    pub fn unsealing(self) -> Unsealing {
        self.unsealing_with(Options::default())
    }

    /// Begins to collect shares for a barrier with these options.
    pub fn unsealing_with(self, options: Options) -> Unsealing {
        let collector = Collector::new(self.slots.clone());
        Unsealing { sealed: self, collector, options, hsm: Arc::new(NoHsm) }
    }
}

/// A store whose shares are being collected. A bad share is named and changes nothing.
pub struct Unsealing {
    sealed: SealedStore,
    collector: Collector,
    options: Options,
    hsm: Arc<dyn HsmKeys>,
}

impl Unsealing {
    /// With these HSMs at hand, for unsealing and for the open store.
    #[must_use]
    pub fn with_hsm(mut self, hsm: Arc<dyn HsmKeys>) -> Self {
        self.hsm = hsm;
        self
    }

    /// Has HSMs open what they can of the active slots. A slot that needs HSMs alone is then ready, without a person.
    ///
    /// The calls run on a thread of their own. What could not be opened comes back; it may be asked for again, and other slots
    /// are not touched by it.
    ///
    /// # Errors
    ///
    /// When no thread can be had.
    pub async fn ask_hsms(&mut self) -> io::Result<Vec<HsmPartError>> {
        let (secrets, errors) = hsm::ask(Arc::clone(&self.hsm), self.collector.hsm_parts()).await?;
        for secret in secrets {
            self.collector.take_hsm(secret);
        }
        Ok(errors)
    }

    /// Takes a share.
    ///
    /// # Errors
    ///
    /// [`ShareError`] names what is wrong with it; those taken before stay.
    pub fn offer(&mut self, share: ShareText) -> Result<Accepted, ShareError> {
        self.collector.offer(share)
    }

    /// Takes a share in text form that has no typing errors; see [`text::decode`] for one that may have.
    ///
    /// # Errors
    ///
    /// [`OfferTextError`] for a text that is no share or needs correction, and as [`Unsealing::offer`].
    pub fn offer_text(&mut self, text: &str) -> Result<Accepted, OfferTextError> {
        match text::decode(text).map_err(OfferTextError::Text)? {
            Decoded::Exact(share) => self.offer(share).map_err(OfferTextError::Share),
            Decoded::Corrected { .. } => Err(OfferTextError::NeedsConfirmation),
        }
    }

    /// Takes a share in Vault's raw form, for this slot or for whichever it fits.
    ///
    /// # Errors
    ///
    /// As [`Unsealing::offer`].
    pub fn offer_vault(&mut self, slot: Option<SlotId>, share: Share) -> Result<Accepted, ShareError> {
        self.collector.offer_vault(slot, share)
    }

    /// The slots that shares are collected for.
    pub fn slots(&self) -> &SlotSet {
        self.collector.slots()
    }

    /// How far each slot is.
    pub fn progress(&self) -> Vec<Progress> {
        self.collector.progress()
    }

    /// The slot whose policy is met, if there is one.
    pub fn ready(&self) -> Option<SlotId> {
        self.collector.ready()
    }

    /// Opens the store.
    ///
    /// # Errors
    ///
    /// [`UnsealError`]. After [`UnsealError::Slot`], [`UnsealError::Read`] and [`UnsealError::NoKeyring`] the shares that were
    /// taken stay. After the others they are wiped, since the root key that they gave does not belong to what lies in storage.
    pub async fn unseal(&mut self) -> Result<Store, UnsealError> {
        let SealedStore { storage, digest, .. } = &self.sealed;
        if self.collector.ready().is_none() {
            return Err(UnsealError::Slot(SlotOpenError::NotReady));
        }
        // Read first: a storage that fails for a moment costs the holders nothing.
        let record = storage.get(KEYRING).await.map_err(UnsealError::Read)?.ok_or(UnsealError::NoKeyring)?;
        let opened = self.collector.open().map_err(UnsealError::Slot)?;
        let (keyring, key) = open_keyring(&opened, digest, &record)?;
        let barrier = Barrier::open(Arc::clone(storage), keyring, key, self.options)
            .await
            .map_err(UnsealError::Barrier)?;
        Ok(Store::new(barrier, opened.slots, Arc::clone(&self.hsm)))
    }
}

/// Opens the keyring and compares the slots with those that it was committed with.
pub(crate) fn open_keyring(
    opened: &Opened,
    slots_digest: &[u8; 32],
    record: &[u8],
) -> Result<(Keyring, KeyringKey), UnsealError> {
    let key = KeyringKey::derive(opened.slots.store(), &opened.root).map_err(UnsealError::Secret)?;
    let keyring = key.open(KEYRING, record).map_err(UnsealError::Keyring)?;
    let psk = keyring.psk(*opened.slot.as_bytes()).is_some_and(|psk| psk.ct_eq(&opened.psk));
    if !psk || keyring.slots() != (opened.slots.generation(), slots_digest) {
        return Err(UnsealError::SlotsMixed);
    }
    Ok((keyring, key))
}

/// Why a text was not taken as a share.
#[derive(Debug)]
pub enum OfferTextError {
    /// It is no share.
    Text(ShareTextError),
    /// It has typing errors that could be corrected: decode it, show the corrections, and offer the share.
    NeedsConfirmation,
    /// It is no good share of this store.
    Share(ShareError),
}

impl std::fmt::Display for OfferTextError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(error) => write!(f, "{error}"),
            Self::NeedsConfirmation => {
                f.write_str("the share has typing errors: check it against the original")
            }
            Self::Share(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for OfferTextError {}
