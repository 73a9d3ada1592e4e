//! How long a store stays open while its HSMs do not answer.

use std::time::{Duration, Instant};

use strongroom_seal::hsm::HsmPartError;
use strongroom_seal::slot::SlotState;

use crate::error::SlotError;
use crate::store::Store;

/// Watches the HSMs of an open store, and seals it when they have been out of reach for too long.
///
/// An open store needs no HSM. So an outage harms nobody at once; but whoever takes an HSM away, perhaps on purpose, wants
/// the stores that it opens to close in the end. How long that takes is the policy here. A store without an HSM slot has no
/// outages.
#[derive(Clone, Debug)]
pub struct OutageWatch {
    seal_after: Option<Duration>,
    since: Option<Instant>,
}

/// What a look at the HSMs came to.
#[derive(Debug)]
pub enum Outage {
    /// At least one slot that needs HSMs has them all, or no slot needs any.
    None,
    /// No slot that needs HSMs has them all. The store stays open.
    Lasting {
        /// For how long it has been so.
        lasted: Duration,
        /// When the store will be sealed, if ever: from now on, and if nothing changes.
        seals_in: Option<Duration>,
        /// What the HSMs say.
        errors: Vec<HsmPartError>,
    },
    /// It lasted as long as the policy allows, and the store is sealed.
    Sealed {
        /// For how long it lasted.
        lasted: Duration,
    },
}

impl OutageWatch {
    /// Seals after an outage of this length; never where there is none.
    pub fn new(seal_after: Option<Duration>) -> Self {
        Self { seal_after, since: None }
    }

    /// Asks the HSMs of all active slots, and seals the store when it is time. Call it regularly; `now` is when this is.
    ///
    /// # Errors
    ///
    /// When the store is sealed already.
    pub async fn look(&mut self, store: &Store, now: Instant) -> Result<Outage, SlotError> {
        let slots = store.slots()?;
        let (mut errors, mut wanted, mut answered) = (Vec::new(), false, false);
        let with_hsm = slots.slots().iter().filter(|slot| slot.policy().hsm_keys().next().is_some());
        for slot in with_hsm.filter(|slot| slot.state() == SlotState::Active) {
            wanted = true;
            match store.verify_hsm(slot.id()).await {
                Ok(silent) if silent.is_empty() => {
                    answered = true;
                    break;
                }
                Ok(silent) => errors.extend(silent),
                // What cannot be asked has not answered.
                Err(SlotError::Blocking(_)) => {}
                Err(error) => return Err(error),
            }
        }
        if answered || !wanted {
            self.since = None;
            return Ok(Outage::None);
        }
        let lasted = now.saturating_duration_since(*self.since.get_or_insert(now));
        let seals_in = self.seal_after.map(|limit| limit.saturating_sub(lasted));
        if seals_in == Some(Duration::ZERO) {
            store.seal().await;
            return Ok(Outage::Sealed { lasted });
        }
        Ok(Outage::Lasting { lasted, seals_in, errors })
    }
}
