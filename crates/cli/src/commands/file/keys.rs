//! The keys that wrap the data keys of files: named ones in the store, and ones in HSMs.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use clap::Args;
use pollster::block_on;
use strongroom::{HsmKey, HsmKeys as _, Policy, Secret, SecretBytes};
use strongroom_envelope::{Envelope, ExternalError, ExternalKey, KeyEncryption, KeyWrapper, WrappedKey};
use strongroom_transit::{Key, KeyName, ManageError, Transit, VersionState};

use crate::commands::key::{self, parse_name};
use crate::context::{Context, Hsms};
use crate::exit::{Failure, Kind};
use crate::text::shown;

/// Which key is meant.
#[derive(Args)]
pub(super) struct Choice {
    /// The key, by its name in the store.
    #[arg(long, value_name = "NAME", value_parser = parse_name)]
    pub(super) key: Option<KeyName>,
    /// The key, in an HSM: `hsm(TOKEN, KEY)`, as in policies. No store is needed for it.
    #[arg(long, value_name = "hsm(TOKEN, KEY)", value_parser = parse_hsm, conflicts_with = "key")]
    pub(super) hsm: Option<HsmKey>,
}

impl Choice {
    /// The key's name in headers.
    fn name(&self) -> Option<String> {
        let named = self.key.as_ref().map(ToString::to_string);
        named.or_else(|| self.hsm.as_ref().map(ToString::to_string))
    }
}

/// Reads `hsm(token, key)`. What is wrong with it is not repeated.
pub(crate) fn parse_hsm(text: &str) -> Result<HsmKey, String> {
    match text.parse() {
        Ok(Policy::Hsm(key)) => Ok(key),
        _ => Err("a key in an HSM is written hsm(TOKEN, KEY), with the token's name in the configuration"
            .to_owned()),
    }
}

/// A key that wraps data keys.
pub(super) enum WrappingKey {
    Named(Key),
    Hsm(ExternalKey<TokenKey>),
}

impl KeyEncryption for WrappingKey {
    fn wrap(&self, data_key: &Secret<32>, context: &[u8]) -> Result<WrappedKey, ExternalError> {
        match self {
            Self::Named(key) => key.wrap(data_key, context),
            Self::Hsm(key) => key.wrap(data_key, context),
        }
    }

    fn unwrap(&self, wrapped: &WrappedKey, context: &[u8]) -> Result<Secret<32>, ExternalError> {
        match self {
            Self::Named(key) => key.unwrap(wrapped, context),
            Self::Hsm(key) => key.unwrap(wrapped, context),
        }
    }
}

/// A key of a token that the configuration names.
pub(super) struct TokenKey {
    hsms: Arc<Hsms>,
    key: HsmKey,
}

impl KeyWrapper for TokenKey {
    fn wrap(&self, key: &SecretBytes, context: &[u8]) -> Result<Vec<u8>, ExternalError> {
        self.hsms.wrap(&self.key, key, context)
    }

    fn unwrap(&self, wrapped: &[u8], context: &[u8]) -> Result<SecretBytes, ExternalError> {
        self.hsms.unwrap(&self.key, wrapped, context)
    }
}

/// The keys of one command. The store is unsealed when the first named key is needed.
pub(super) struct Keys<'c> {
    context: &'c mut Context,
    chosen: Option<String>,
    /// Those in HSMs that may be asked.
    hsm: Vec<HsmKey>,
    named: Option<KeyName>,
    transit: Option<Transit>,
    known: HashMap<String, Rc<Envelope<WrappingKey>>>,
    unusable: bool,
}

impl<'c> Keys<'c> {
    /// With the key that was chosen, and more HSM keys that may be asked.
    pub(super) fn new(context: &'c mut Context, choice: Choice, more: Option<HsmKey>) -> Self {
        let chosen = choice.name();
        let hsm = choice.hsm.into_iter().chain(more).collect();
        Self {
            context,
            chosen,
            hsm,
            named: choice.key,
            transit: None,
            known: HashMap::new(),
            unusable: false,
        }
    }

    /// Whether the store or the HSMs could not be reached at all, so that every other file would fail as well.
    pub(super) fn unusable(&self) -> bool {
        self.unusable
    }

    /// Whether the command line names a key.
    pub(super) fn is_chosen(&self) -> bool {
        self.chosen.is_some()
    }

    /// The key that the command line names. Without it, no file can be done.
    pub(super) fn chosen(&mut self) -> Result<Rc<Envelope<WrappingKey>>, Failure> {
        let key = match (self.named.clone(), self.chosen.clone()) {
            (Some(name), _) => self.named(&name),
            (None, Some(name)) => self.find(&name),
            (None, None) => {
                Err(Failure::usage("say under which key: --key NAME, or --hsm 'hsm(TOKEN, KEY)'"))
            }
        };
        key.inspect_err(|_| self.unusable = true)
    }

    /// The key that a header names, if it is the one that was chosen or none was.
    pub(super) fn of_chosen(&mut self, wrapped: &WrappedKey) -> Result<Rc<Envelope<WrappingKey>>, Failure> {
        match &self.chosen {
            Some(chosen) if chosen != wrapped.name() => Err(Failure::new(
                Kind::Conflict,
                format!(
                    "it is encrypted under {}, and the command names {chosen}: leave that out, or see whether this is the file \
                     that is meant",
                    wrapped.name()
                ),
            )),
            _ => self.of(wrapped),
        }
    }

    /// The key that a header names: one of the store's, or an HSM's that the command line names too.
    pub(super) fn of(&mut self, wrapped: &WrappedKey) -> Result<Rc<Envelope<WrappingKey>>, Failure> {
        self.find(wrapped.name())
    }

    /// Whether a file is under the newest version of the key that it is to be under. A key in an HSM does not tell.
    pub(super) fn is_newest(&mut self, wrapped: &WrappedKey) -> Result<bool, Failure> {
        if self.chosen.as_ref().is_some_and(|chosen| chosen != wrapped.name()) {
            return Ok(false);
        }
        let Ok(name) = wrapped.name().parse::<KeyName>() else { return Ok(false) };
        let (policy, versions) = match block_on(self.transit()?.info(&name)) {
            // Using the key tells it better.
            Err(ManageError::NotFound) => return Ok(false),
            info => info?,
        };
        let active = versions.iter().rev().find(|version| version.state == VersionState::Active);
        let newest = active.map(|version| version.version);
        Ok(policy.deleted.is_none() && newest == Some(wrapped.version()))
    }

    fn find(&mut self, name: &str) -> Result<Rc<Envelope<WrappingKey>>, Failure> {
        if let Some(known) = self.known.get(name) {
            return Ok(Rc::clone(known));
        }
        if let Some(key) = self.hsm.iter().find(|key| key.to_string() == name).cloned() {
            let wrapper = self.token_key(key).inspect_err(|_| self.unusable = true)?;
            let key = ExternalKey::new(name, HSM_VERSION, wrapper)?;
            return Ok(self.keep(name, WrappingKey::Hsm(key)));
        }
        if let Ok(key) = parse_hsm(name) {
            let option = if self.chosen.is_some() { "--from-hsm" } else { "--hsm" };
            let message = format!("it is encrypted under a key in an HSM: name it with {option} '{key}'");
            return Err(Failure::usage(message));
        }
        match name.parse::<KeyName>() {
            Ok(name) => self.named(&name).map_err(|failure| match failure.kind {
                Kind::NotFound if !self.unusable => Failure::new(
                    Kind::NotFound,
                    format!(
                        "it is encrypted under {name}, and this store has no such key: name the store that it was encrypted in \
                         (--store)"
                    ),
                ),
                _ => failure,
            }),
            Err(_) => Err(Failure::new(
                Kind::NotFound,
                format!("it is encrypted under \"{}\", which is no key of a store's", shown(name)),
            )),
        }
    }

    fn named(&mut self, name: &KeyName) -> Result<Rc<Envelope<WrappingKey>>, Failure> {
        if let Some(known) = self.known.get(name.as_str()) {
            return Ok(Rc::clone(known));
        }
        let key = block_on(self.transit()?.key(name)).map_err(|error| match error {
            ManageError::NotFound => Failure::new(
                Kind::NotFound,
                format!(
                    "there is no key {name} in the store: `strongroom key list` shows those that there are"
                ),
            ),
            error => error.into(),
        })?;
        Ok(self.keep(name.as_str(), WrappingKey::Named(key)))
    }

    fn transit(&mut self) -> Result<Transit, Failure> {
        if self.transit.is_none() {
            self.transit = Some(key::open(self.context).inspect_err(|_| self.unusable = true)?);
        }
        self.transit.clone().ok_or_else(|| Failure::new(Kind::Sealed, "the store is sealed"))
    }

    fn token_key(&mut self, key: HsmKey) -> Result<TokenKey, Failure> {
        self.context.protect()?;
        Ok(TokenKey { hsms: self.context.hsms()?, key })
    }

    fn keep(&mut self, name: &str, key: WrappingKey) -> Rc<Envelope<WrappingKey>> {
        let envelope = Rc::new(Envelope::without_reserve(key));
        self.known.insert(name.to_owned(), Rc::clone(&envelope));
        envelope
    }
}

/// What an HSM wraps says itself which of its keys did: a replaced key of the same label is no other version.
const HSM_VERSION: u32 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_in_an_hsm_is_named_as_in_policies() {
        assert_eq!(parse_hsm("hsm(main,files)").unwrap().to_string(), "hsm(main, files)");
        for other in ["3 of 5", "all(3 of 5, hsm(main, files))", "main", "hsm(main)", ""] {
            assert!(parse_hsm(other).is_err(), "{other}");
        }
    }

    #[test]
    fn no_named_key_has_the_name_of_one_in_an_hsm() {
        assert!(parse_hsm("hsm(main, files)").unwrap().to_string().parse::<KeyName>().is_err());
    }
}
