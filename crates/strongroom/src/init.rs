//! Making a store: everything is validated first, then committed once.

use std::sync::Arc;

use strongroom_barrier::{Barrier, KEYRING, OpenBarrierError, Options, SLOTS};
use strongroom_crypto::hpke::Suite;
use strongroom_crypto::record::StoreId;
use strongroom_crypto::secret::{Secret, SecretError};
use strongroom_keyring::{Keyring, KeyringKey, RotationPolicy};
use strongroom_seal::hsm::{HsmKeys, NoHsm};
use strongroom_seal::policy::Policy;
use strongroom_seal::slot::{SlotId, SlotSet};
use strongroom_seal::unseal::Collector;
use strongroom_shamir::text::{self, ShareText};
use strongroom_storage::Storage;
use zeroize::Zeroizing;

use crate::error::InitError;
use crate::hsm;
use crate::slots::create_slot;
use crate::store::Store;

/// What a new store is to be.
pub struct InitOptions {
    /// What its first slot is called.
    pub label: String,
    /// Who can open it.
    pub policy: Policy,
    /// How the root key is wrapped.
    pub suite: Suite,
    /// When terms are replaced without being told.
    pub rotation: RotationPolicy,
    /// How the barrier behaves.
    pub barrier: Options,
    /// The HSMs that the policy may name.
    pub hsm: Arc<dyn HsmKeys>,
}

impl InitOptions {
    /// X-Wing, a new term each year, no padding, and no HSM.
    pub fn new(label: &str, policy: Policy) -> Self {
        Self {
            label: label.to_owned(),
            policy,
            suite: Suite::XWing,
            rotation: RotationPolicy::DEFAULT,
            barrier: Options::default(),
            hsm: Arc::new(NoHsm),
        }
    }
}

/// A store that is ready to be made: its shares are there to be handed out, its storage is still empty.
///
/// Dropping it makes nothing, and the shares open nothing. So hand the shares out first, then [`commit`](Self::commit).
pub struct Preparation {
    storage: Arc<dyn Storage>,
    keyring: Keyring,
    key: KeyringKey,
    slot: SlotId,
    slots: SlotSet,
    shares: Vec<ShareText>,
    options: Options,
    hsm: Arc<dyn HsmKeys>,
}

impl Preparation {
    /// Draws all keys, splits, wraps, and proves that the shares open what they are to open. Writes nothing.
    ///
    /// # Errors
    ///
    /// [`InitError::Exists`] where there is a store already.
    pub async fn new(storage: Arc<dyn Storage>, options: InitOptions) -> Result<Self, InitError> {
        for place in [SLOTS, KEYRING] {
            if storage.get(place).await.map_err(InitError::Read)?.is_some() {
                return Err(InitError::Exists);
            }
        }
        let store = StoreId::random().map_err(|error| InitError::Secret(error.into()))?;
        let now = (options.barrier.clock)();
        let new = create_slot(store, &options.label, options.policy, options.suite, now, &options.hsm).await;
        let new = new.map_err(InitError::Blocking)?.map_err(InitError::Create)?;
        let root = Secret::random().map_err(InitError::Secret)?;
        let slot = new.slot.id();
        let slots = SlotSet::new(store)
            .rewrapped(1, vec![new.slot.activated()], &root, |_| Some(&new.psk))
            .map_err(InitError::Wrap)?;
        prove(&slots, &new.shares, &root, &options.hsm).await?;
        let mut keyring = Keyring::create(store, options.rotation, now).map_err(InitError::Keyring)?;
        keyring.add_psk(*slot.as_bytes(), new.psk);
        keyring.set_slots(slots.generation(), SlotSet::digest(&slots.encode()));
        let key = KeyringKey::derive(store, &root).map_err(InitError::Secret)?;
        let (shares, hsm) = (new.shares, options.hsm);
        Ok(Self { storage, keyring, key, slot, slots, shares, options: options.barrier, hsm })
    }

    /// The number that the store will have.
    pub fn store(&self) -> StoreId {
        self.slots.store()
    }

    /// The slots that the store will have.
    pub fn slots(&self) -> &SlotSet {
        &self.slots
    }

    /// The first slot.
    pub fn slot(&self) -> SlotId {
        self.slot
    }

    /// The shares in text form, one for each holder, in the order of the policy.
    ///
    /// # Errors
    ///
    /// Never with shares that were made here.
    pub fn shares(&self) -> Result<Vec<Zeroizing<String>>, InitError> {
        self.shares.iter().map(text::encode).collect::<Result<_, _>>().map_err(InitError::Encode)
    }

    /// The shares themselves, e.g. to be written in Vault's raw form.
    pub fn share_texts(&self) -> &[ShareText] {
        &self.shares
    }

    /// Makes the store, in one commit.
    ///
    /// # Errors
    ///
    /// When storage refuses, or somebody else has made a store there meanwhile.
    pub async fn commit(self) -> Result<Store, InitError> {
        let puts = vec![(SLOTS.to_vec(), self.slots.encode())];
        let barrier = Barrier::create(self.storage, self.keyring, self.key, puts, self.options)
            .await
            .map_err(|error| match error {
                OpenBarrierError::Exists => InitError::Exists,
                error => InitError::Barrier(error),
            })?;
        Ok(Store::new(barrier, self.slots, self.hsm))
    }
}

/// Opens the new slot with copies of its new shares, and what the HSMs give for it.
async fn prove(
    slots: &SlotSet,
    shares: &[ShareText],
    root: &Secret<32>,
    hsm: &Arc<dyn HsmKeys>,
) -> Result<(), InitError> {
    let mut collector = Collector::new(slots.clone());
    // A refusal shows in the opening that follows.
    let (secrets, _) = hsm::ask(Arc::clone(hsm), collector.hsm_parts()).await.map_err(InitError::Blocking)?;
    for secret in secrets {
        collector.take_hsm(secret);
    }
    for share in shares {
        let share = duplicate(share).map_err(InitError::Secret)?;
        // A refusal shows in the opening that follows.
        let _ = collector.offer(share);
    }
    let opened = collector.open().map_err(InitError::SelfCheck)?;
    if opened.root.ct_eq(root) {
        Ok(())
    } else {
        Err(InitError::SelfCheck(strongroom_seal::unseal::OpenError::NotReady))
    }
}

fn duplicate(share: &ShareText) -> Result<ShareText, SecretError> {
    Ok(ShareText {
        set: share.set,
        group: share.group,
        threshold: share.threshold,
        share: share.share.duplicate()?,
    })
}
