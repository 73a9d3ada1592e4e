//! The transcript's own key, which seals it when the ceremony is over.

use strongroom_audit::{Fingerprint, P256Key, PublicKey, Signer};

use super::CeremonyError;
use crate::hsm::Tokens;
use crate::plan::Plan;
use crate::transcript::Transcript;

/// A key that seals a transcript.
pub struct Seal {
    key: Box<dyn Signer>,
    fingerprint: Fingerprint,
}

impl Seal {
    /// The key that the plan names, in its HSM; in a rehearsal one to throw away. `None` where the plan names none.
    ///
    /// To be called before the ceremony begins, so that a wrong key stops it there.
    ///
    /// # Errors
    ///
    /// [`CeremonyError::Hsm`] when the key cannot be used, [`CeremonyError::Misfit`] when its fingerprint is not the plan's.
    pub fn of(plan: &Plan, hsm: &dyn Tokens, rehearsal: bool) -> Result<Option<Self>, CeremonyError> {
        if rehearsal {
            let key = P256Key::random().map_err(|error| CeremonyError::Signing(error.to_string()))?;
            return Self::with(Box::new(key)).map(Some);
        }
        let Some(transcript) = &plan.transcript else { return Ok(None) };
        let seal = Self::with(hsm.signer(&transcript.key)?)?;
        if seal.fingerprint == transcript.fingerprint {
            Ok(Some(seal))
        } else {
            Err(CeremonyError::Misfit(ANOTHER))
        }
    }

    fn with(key: Box<dyn Signer>) -> Result<Self, CeremonyError> {
        let public = PublicKey::new(key.algorithm(), key.public_key());
        let public = public.ok_or(CeremonyError::Misfit(NO_KEY))?;
        Ok(Self { key, fingerprint: public.fingerprint() })
    }

    /// What others verify the transcript with.
    pub fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    /// Seals the transcript. Nothing can follow.
    ///
    /// # Errors
    ///
    /// [`CeremonyError::Signing`]; it can be tried again.
    pub fn close(&self, transcript: &mut Transcript) -> Result<(), CeremonyError> {
        let sealed = transcript.seal(self.key.as_ref());
        sealed.map(drop).map_err(|error| CeremonyError::Signing(error.to_string()))
    }
}

const ANOTHER: &str = "the key that would sign the transcript is not the one whose fingerprint stands in the plan: nothing was begun; correct \
     one of the two";
const NO_KEY: &str = "the key that would sign the transcript is no public key on its curve: name another";
