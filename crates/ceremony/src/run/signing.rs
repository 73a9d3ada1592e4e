//! Signatures at the end: those of the people who have keys, and that of the transcript's own key, which seals it.

use strongroom_audit::{Fingerprint, P256Key, PublicKey, Signer};

use super::record::{CosignError, Event};
use super::{Ceremony, CeremonyError};
use crate::hsm::Tokens;
use crate::plan::{Person, Plan, SigningKey, Step};

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
            return Self::with(throw_away()?).map(Some);
        }
        let Some(transcript) = &plan.transcript else { return Ok(None) };
        let seal = Self::with(hsm.signer(&transcript.key)?)?;
        if seal.fingerprint == transcript.fingerprint {
            Ok(Some(seal))
        } else {
            Err(CeremonyError::Misfit(ANOTHER))
        }
    }

    /// This key, whatever a plan says.
    ///
    /// # Errors
    ///
    /// [`CeremonyError::Misfit`] when its public key is none.
    pub fn with(key: Box<dyn Signer>) -> Result<Self, CeremonyError> {
        let public = PublicKey::new(key.algorithm(), key.public_key());
        let public = public.ok_or(CeremonyError::Misfit(NO_KEY))?;
        Ok(Self { key, fingerprint: public.fingerprint() })
    }

    /// What others verify the transcript with.
    pub fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    pub(crate) fn key(&self) -> &dyn Signer {
        self.key.as_ref()
    }
}

impl Ceremony<'_> {
    /// Everybody with a key signs what was written so far. Whoever does not says why, and that is an exception.
    pub(super) fn cosign(&mut self) -> Result<(), CeremonyError> {
        let plan = self.plan;
        for (person, signing) in plan.signers() {
            let question = format!("sign the transcript with your key {}?", signing.key);
            loop {
                if !self.talk.confirm(person, &question)? {
                    let why = self.talk.ask(person, "why not? (it is written down as an exception)")?;
                    let what = format!("{} did not sign the transcript: {}", person.name, why.trim());
                    self.event(&Event::Exception { step: Step::Close, by: person, what: &what })?;
                    break;
                }
                match self.cosign_one(person, signing)? {
                    Ok(()) => {
                        self.talk.tell(&format!("Signed by {}.", person.name))?;
                        break;
                    }
                    Err(why) => self.talk.tell(&format!("Not signed: {why}. Try again, or answer no."))?,
                }
            }
        }
        Ok(())
    }

    /// Why it was not signed, where somebody can do something about it.
    fn cosign_one(
        &mut self,
        person: &Person,
        signing: &SigningKey,
    ) -> Result<Result<(), String>, CeremonyError> {
        let key = if self.setting.rehearsal { throw_away() } else { self.setting.hsm.signer(&signing.key) };
        let key = match key {
            Ok(key) => key,
            Err(error) => return Ok(Err(error.to_string())),
        };
        let found = PublicKey::new(key.algorithm(), key.public_key()).map(|public| public.fingerprint());
        if !self.setting.rehearsal && found.as_ref() != Some(&signing.fingerprint) {
            let found = found.map_or_else(|| "none".to_owned(), |found| found.to_string());
            return Ok(Err(format!(
                "the key's fingerprint is {found}, and the plan names {}",
                signing.fingerprint
            )));
        }
        match self.record.cosign(person, key.as_ref()) {
            Ok(()) => Ok(Ok(())),
            Err(CosignError::Key(why)) => Ok(Err(why)),
            Err(CosignError::Record(error)) => Err(CeremonyError::Record(error)),
        }
    }
}

/// A key for a rehearsal.
fn throw_away() -> Result<Box<dyn Signer>, CeremonyError> {
    let key = P256Key::random().map_err(|error| CeremonyError::Signing(error.to_string()))?;
    Ok(Box::new(key))
}

const ANOTHER: &str = "the key that would sign the transcript is not the one whose fingerprint stands in the plan: nothing was begun; correct \
     one of the two";
const NO_KEY: &str = "the key that would sign the transcript is no public key on its curve: name another";
