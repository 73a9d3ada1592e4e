//! HSMs over PKCS #11.

use std::fmt::Write as _;

use strongroom::pkcs11::{KeyKind, KeySelector, KeySpec};
use strongroom::{HsmConfigError, HsmFile, HsmKey, Hsms};
use strongroom_audit::Signer;

use super::Tokens;
use crate::plan::Plan;
use crate::run::{CeremonyError, hexadecimal};

/// The HSMs of a plan. None is opened before it is needed.
///
/// # Errors
///
/// [`HsmConfigError`] for a word that a section does not know, or a value that it does not take: it names both.
pub fn hsms(plan: &Plan) -> Result<Hsms, HsmConfigError> {
    let file = plan.hsm_configuration().parse::<HsmFile>();
    Hsms::new(file.map_err(|error| placed(plan, error))?, |_| None)
}

/// What is wrong with the sections, as far as one can tell without the HSMs.
pub(crate) fn checked(plan: &Plan) -> Vec<HsmConfigError> {
    if let Err(error) = hsms(plan) {
        return vec![error];
    }
    let file: HsmFile = plan.hsm_configuration().parse().unwrap_or_default();
    file.hsm.iter().filter_map(|(name, section)| section.token(name).err()).map(as_in_plan).collect()
}

/// The same error with section and word: lines of the sections alone are not those of the plan.
fn placed(plan: &Plan, error: HsmConfigError) -> HsmConfigError {
    let wrong = |token: &str, word: &str, message: String| HsmConfigError::Word {
        token: token.to_owned(),
        word: word.to_owned(),
        message: Some(message),
    };
    for (name, section) in &plan.hsm {
        let Some(words) = section.as_table() else {
            return wrong(name, "section", format!("write its words under [hsm.{name}]"));
        };
        for (word, value) in words {
            let alone = toml::Table::from_iter([(word.clone(), value.clone())]);
            let section = toml::Table::from_iter([(name.clone(), alone.into())]);
            let file = toml::Table::from_iter([("hsm".to_owned(), section.into())]).to_string();
            if let Err(HsmConfigError::File { message, .. }) = file.parse::<HsmFile>() {
                return wrong(name, word, message);
            }
        }
    }
    error
}

/// A ceremony asks no environment, so that no variable helps.
fn as_in_plan(error: HsmConfigError) -> HsmConfigError {
    match error {
        HsmConfigError::NoLib { token } => {
            let message = "it is missing; write the whole path of the HSM's PKCS #11 module".to_owned();
            HsmConfigError::Word { token, word: "lib".to_owned(), message: Some(message) }
        }
        error => error,
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(section: &str) -> Plan {
        let text = format!(
            "version = 1\nkind = \"unseal\"\ntitle = \"T\"\nstore = \"s\"\noutput = \"o\"\n\
             steps = [\"open\", \"environment\", \"unseal\", \"close\"]\n\
             [[people]]\nname = \"Ada\"\ninitials = \"A\"\nroles = [\"administrator\"]\n\
             [[people]]\nname = \"Grace\"\ninitials = \"G\"\nroles = [\"witness\"]\n{section}"
        );
        Plan::parse(&text).unwrap()
    }

    #[test]
    fn wrong_word_of_a_section_is_named_with_its_section() {
        for (section, word) in [
            ("[hsm.A]\nlib = \"/l\"\n[hsm.B]\nlib = \"/l\"\nslot = \"three\"\n", "slot"),
            ("[hsm.A]\nlib = \"/l\"\n[hsm.B]\nlib = \"/l\"\ncolour = \"red\"\n", "colour"),
            ("[hsm]\nB = 1\n", "section"),
        ] {
            let error = hsms(&plan(section)).err().unwrap();
            assert!(
                matches!(&error, HsmConfigError::Word { token, word: found, .. } if token == "B" && found == word),
                "{word}: {error:?}"
            );
            assert!(!error.to_string().contains(" line "), "{error}");
            assert_eq!(checked(&plan(section)), [error]);
        }
        assert!(hsms(&plan("[hsm.B]\nlib = \"/l\"\nslot = 3\n")).is_ok(), "the control");
    }

    #[test]
    fn value_that_would_fail_in_the_room_is_found_before() {
        assert_eq!(checked(&plan("[hsm.B]\nlib = \"/l\"\n")), []);
        for (section, word) in [
            ("token_label = \"B\"", "lib"),
            ("lib = \"lib.so\"", "lib"),
            ("lib = \"/l\"\nkey_id = \"x\"", "key_id"),
        ] {
            let errors = checked(&plan(&format!("[hsm.B]\n{section}\n")));
            let [HsmConfigError::Word { word: found, .. }] = errors.as_slice() else { panic!("{errors:?}") };
            assert_eq!(found, word);
            assert!(!errors[0].to_string().contains("STRONGROOM_"), "{}", errors[0]);
        }
    }
}
