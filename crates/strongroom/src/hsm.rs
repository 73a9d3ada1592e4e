//! HSMs and an open store: a slot's parts opened, proved, and wrapped anew.

#[cfg(feature = "hsm")]
pub(crate) mod config;
pub(crate) mod outage;
#[cfg(feature = "hsm")]
pub(crate) mod tokens;

use std::sync::Arc;

use strongroom_seal::hsm::{HsmKeys, HsmPart, HsmPartError, HsmSecret};
use strongroom_seal::slot::SlotId;
use strongroom_seal::unseal::Possession;

use crate::blocking;
use crate::error::SlotError;
use crate::store::Store;

impl Store {
    /// The store with these HSMs at hand, for slots that are added or proved from now on.
    #[must_use]
    pub fn with_hsm(mut self, hsm: Arc<dyn HsmKeys>) -> Self {
        self.hsm = hsm;
        self
    }

    /// Has HSMs open their parts of a slot, and holds each answer against the slot. Nothing changes.
    ///
    /// An empty list means that all of them do, or that the slot has none. The calls run on a thread of their own.
    ///
    /// # Errors
    ///
    /// [`SlotError::Unknown`]; and when no thread can be had.
    pub async fn verify_hsm(&self, slot: SlotId) -> Result<Vec<HsmPartError>, SlotError> {
        let slots = self.slots()?;
        let parts = slots.hsm_parts(slots.find(slot).ok_or(SlotError::Unknown)?);
        Ok(ask(Arc::clone(&self.hsm), parts).await.map_err(SlotError::Blocking)?.1)
    }

    /// Has HSMs give their parts for a proof of possession. What they say instead comes back.
    ///
    /// # Errors
    ///
    /// When no thread can be had.
    pub async fn prove_hsm(&self, possession: &mut Possession) -> Result<Vec<HsmPartError>, SlotError> {
        let asked = ask(Arc::clone(&self.hsm), possession.hsm_parts()).await;
        let (secrets, errors) = asked.map_err(SlotError::Blocking)?;
        for secret in secrets {
            possession.take_hsm(secret);
        }
        Ok(errors)
    }

    /// Wraps a slot's parts anew with the keys that the HSMs now use for their names, in one commit with a new root key.
    ///
    /// So a key in an HSM is replaced: make a key of the same label, let the configuration name it for wrapping, and call
    /// this. The secrets, and so the shares, stay. The old key opens older images and backups: keep it until those are gone.
    ///
    /// # Errors
    ///
    /// [`SlotError::HsmPart`] when an HSM does not answer, or wrongly: then nothing has changed.
    pub async fn rewrap_hsm(&self, slot: SlotId) -> Result<(), SlotError> {
        let (slots, hsm) = (self.slots()?, Arc::clone(&self.hsm));
        let before = slots.find(slot).ok_or(SlotError::Unknown)?.clone();
        let rewrapped = blocking::run(move || slots.hsm_rewrapped(slot, hsm.as_ref()));
        let rewrapped = rewrapped.await.map_err(SlotError::Blocking)?.ok_or(SlotError::Unknown)?;
        let rewrapped = rewrapped.map_err(SlotError::HsmPart)?;
        self.change_slots(move |slots, _| {
            let now = slots.find(slot).ok_or(SlotError::Unknown)?;
            if now.set_id() != before.set_id() || now.hsm_wrapped() != before.hsm_wrapped() {
                return Err(SlotError::OutOfStep);
            }
            let replaced = slots.slots().iter().map(|other| {
                if other.id() == slot { other.clone().with_parts_of(&rewrapped) } else { other.clone() }
            });
            Ok(replaced.collect())
        })
        .await
    }
}

/// Asks for each part, on a thread of its own.
pub(crate) async fn ask(
    hsm: Arc<dyn HsmKeys>,
    parts: Vec<HsmPart>,
) -> std::io::Result<(Vec<HsmSecret>, Vec<HsmPartError>)> {
    if parts.is_empty() {
        return Ok((Vec::new(), Vec::new()));
    }
    blocking::run(move || {
        let (mut secrets, mut errors) = (Vec::new(), Vec::new());
        for part in parts {
            match part.unwrap(hsm.as_ref()) {
                Ok(secret) => secrets.push(secret),
                Err(error) => errors.push(error),
            }
        }
        (secrets, errors)
    })
    .await
}
