//! The root key renewed, and the end of a rewrap.

use std::fmt;
use std::ops::ControlFlow;

use strongroom_barrier::{RewrapError, RewrapProgress, RewrapReport};
use strongroom_keyring::{NamesGeneration, TermInfo, TermState};

use crate::error::SlotError;
use crate::store::Store;

/// What a rewrap came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RewrapOutcome {
    /// What was sealed anew, and the proof that nothing is left.
    pub report: RewrapReport,
    /// The terms whose keys are gone now, with their dates and final counts.
    pub destroyed: Vec<TermInfo>,
    /// The generation of the slots, and so the number of root keys that there have been.
    pub root_generation: u64,
}

impl Store {
    /// Draws a new root key and wraps it for every active slot, in one commit. No holder is needed; the shares stay what
    /// they are.
    ///
    /// # Errors
    ///
    /// When randomness, secret memory or storage fails; then the old root key stays.
    pub async fn rotate_root(&self) -> Result<(), SlotError> {
        self.change_slots(|slots, _| Ok(slots.slots().to_vec())).await
    }

    /// Seals anew whatever is under old terms or old names keys, proves that nothing is left there, destroys the old
    /// terms, and renews the root key.
    ///
    /// `progress` is called after each step and can stop it; so can a crash: the next call goes on. Readers and writers
    /// are served meanwhile. Run it on a thread or task of its own.
    ///
    /// What it cannot reach: images and backups made before. They stay readable to whoever holds them and the slot secrets
    /// of their time; destroy them when they are no longer needed.
    ///
    /// # Errors
    ///
    /// [`EndOfRewrapError`]; nothing is lost, and the old keys stay until a rewrap has ended.
    pub async fn rewrap(
        &self,
        progress: impl FnMut(RewrapProgress) -> ControlFlow<()>,
    ) -> Result<RewrapOutcome, EndOfRewrapError> {
        let report = self.barrier().rewrap(progress).await.map_err(EndOfRewrapError::Rewrap)?;
        let now = self.now();
        let status = self.barrier().status().map_err(|error| EndOfRewrapError::End(error.into()))?;
        let seals: Vec<_> = report
            .retired
            .iter()
            .map(|term| {
                let usage = status.terms.iter().find(|status| status.info.term == *term);
                (*term, usage.map_or(0, |status| status.usage.seals))
            })
            .collect();
        let left_names = report.left_names;
        if !seals.is_empty() || left_names.is_some() {
            self.change_slots(move |slots, keyring| {
                for (term, seals) in seals {
                    // Another rewrap may have come to its end first.
                    let gone = |info: TermInfo| info.term == term && info.state == TermState::Destroyed;
                    if !keyring.terms().any(gone) {
                        keyring.destroy_term(term, seals, now)?;
                    }
                }
                if left_names.is_some() && keyring.leaving_names().map(NamesGeneration::number) == left_names
                {
                    keyring.drop_leaving_names();
                }
                Ok(slots.slots().to_vec())
            })
            .await
            .map_err(EndOfRewrapError::End)?;
        }
        let status = self.barrier().status().map_err(|error| EndOfRewrapError::End(error.into()))?;
        let destroyed = status
            .terms
            .iter()
            .map(|term| term.info)
            .filter(|info| info.state == TermState::Destroyed && report.retired.contains(&info.term));
        Ok(RewrapOutcome { destroyed: destroyed.collect(), root_generation: status.slots_generation, report })
    }
}

/// Why a rewrap did not come to its end.
#[derive(Debug)]
pub enum EndOfRewrapError {
    /// While records were sealed anew.
    Rewrap(RewrapError),
    /// When the old terms were to be destroyed.
    End(SlotError),
}

impl fmt::Display for EndOfRewrapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rewrap(error) => write!(f, "{error}"),
            Self::End(error) => {
                write!(f, "everything is sealed anew, but the old terms could not be destroyed: {error}")
            }
        }
    }
}

impl std::error::Error for EndOfRewrapError {}
