//! HSMs over PKCS #11.

use std::fmt::Write as _;

use strongroom::pkcs11::{KeyKind, KeySelector, KeySpec};
use strongroom::{HsmConfigError, HsmKey, Hsms};
use strongroom_audit::Signer;

use super::Tokens;
use crate::plan::Plan;
use crate::run::{CeremonyError, hexadecimal};

/// The HSMs of a plan. None is opened before it is needed.
///
/// # Errors
///
/// [`HsmConfigError`] for a word that a section does not know, or a value that it does not take.
pub fn hsms(plan: &Plan) -> Result<Hsms, HsmConfigError> {
    Hsms::new(plan.hsm_configuration().parse()?, |_| None)
}

impl Tokens for Hsms {
    fn make(&self, key: &HsmKey) -> Result<bool, CeremonyError> {
        let token = self.token(key.token()).map_err(|error| failed(&error))?;
        let Some(id) = token.config().key_id.clone().filter(|_| token.config().generate_key) else {
            return Ok(false);
        };
        let wanted = KeySelector { label: Some(key.key().to_owned()), id: Some(id.clone()) };
        if !token.find(&wanted).map_err(|error| failed(&error))?.is_empty() {
            return Ok(false);
        }
        let mut spec = KeySpec::new(KeyKind::Aes256, key.key());
        spec.id = Some(id);
        token.generate(&spec).map_err(|error| failed(&error))?;
        Ok(true)
    }

    fn evidence(&self, key: &HsmKey) -> Result<String, CeremonyError> {
        let (_, token) = self.find(key.token()).map_err(|error| failed(&error))?;
        let checked = self.check(key, None).map_err(|error| failed(&error))?;
        let described = &checked.key;
        let kind = described.kind.map_or_else(|| described.key_type.clone(), |kind| kind.to_string());
        let mut text = format!(
            "{key}: token serial {}, {} {}, firmware {}; {kind} id {}",
            token.serial,
            token.manufacturer,
            token.model,
            token.firmware,
            hexadecimal(&described.id)
        );
        for (name, value) in &described.attributes {
            // Writing into a string does not fail. A token need not answer for every attribute.
            if let Some(value) = value {
                let _ = write!(text, ", {name} {value}");
            }
        }
        match &checked.check_value {
            Some(value) => {
                let _ = write!(text, "; check value {value}");
            }
            None => text.push_str("; no check value"),
        }
        Ok(text)
    }

    fn signer(&self, key: &HsmKey) -> Result<Box<dyn Signer>, CeremonyError> {
        let signer = Hsms::signer(self, key, None).map_err(|error| failed(&error))?;
        Ok(Box::new(signer))
    }
}

fn failed(error: &impl std::fmt::Display) -> CeremonyError {
    CeremonyError::Hsm(error.to_string())
}
