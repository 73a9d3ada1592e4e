//! The tokens that a configuration names, opened when they are needed.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use strongroom_crypto::external::{ExternalError, ExternalFault, KeyWrapper as _};
use strongroom_crypto::random;
use strongroom_crypto::secret::{SecretBytes, SecretError};
use strongroom_crypto::sign::Signer as _;
use strongroom_pkcs11::{
    self as pkcs11, KeyDescription, KeySelector, Mechanism, PinSource, Purpose, Token, TokenConfig,
    TokenError, TokenKey, TokenSigner, TokenSummary,
};
use strongroom_seal::hsm::HsmKeys;
use strongroom_seal::policy::HsmKey;

use super::config::{HsmConfigError, HsmFile, HsmSection};

/// The HSMs of a configuration: what policies mean by `hsm(token, key)`.
///
/// Nothing is opened, and no PIN read or asked for, before it is needed; then it stays open. A token that the file does
/// not name is one whose label that is, in the module that `STRONGROOM_HSM_LIB` names.
pub struct Hsms {
    file: HsmFile,
    environment: Environment,
    ask: Option<AskPin>,
    state: Mutex<State>,
}

type Environment = Box<dyn Fn(&str) -> Option<String> + Send + Sync>;
type AskPin = Box<dyn Fn(&str) -> Option<SecretBytes> + Send + Sync>;

#[derive(Default)]
struct State {
    /// PINs that a person gave, by the token's name: asked for once.
    pins: BTreeMap<String, SecretBytes>,
    /// Keys that unwrap: found once, since what they wrapped names them.
    keys: HashMap<Wanted, TokenKey>,
    /// Tokens by name, and by the label of the key that is to wrap.
    tokens: BTreeMap<(String, Option<String>), Token>,
}

/// Which key of which token, and how it wraps where that is prescribed.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Wanted {
    token: String,
    label: String,
    /// The `CKA_ID` that a wrapped secret names.
    id: Vec<u8>,
    /// The mechanism that it names, if it does.
    mechanism: Option<Mechanism>,
}

/// What a trial of a key showed.
pub struct Checked {
    /// The key.
    pub key: KeyDescription,
    /// By which people tell whether two tokens hold the same key; some keys have none.
    pub check_value: Option<String>,
    /// What it did.
    pub did: &'static str,
}

impl Hsms {
    /// The HSMs of this file; the environment wins over it.
    ///
    /// # Errors
    ///
    /// [`HsmConfigError`] for a value that its word does not take.
    pub fn new(
        file: HsmFile,
        environment: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
    ) -> Result<Self, HsmConfigError> {
        let file = file.overridden(&environment)?;
        let environment = Box::new(environment);
        Ok(Self { file, environment, ask: None, state: Mutex::default() })
    }

    /// Asks for PINs that the configuration does not tell where to find. `ask` gets the token's name.
    #[must_use]
    pub fn asking(mut self, ask: impl Fn(&str) -> Option<SecretBytes> + Send + Sync + 'static) -> Self {
        self.ask = Some(Box::new(ask));
        self
    }

    /// How long a store stays open when no HSM of it answers, if there is a limit.
    pub fn seal_after_outage(&self) -> Option<Duration> {
        self.file.seal_after_outage.map(Duration::from_secs)
    }

    /// The names of the tokens in the file.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.file.hsm.keys().map(String::as_str)
    }

    /// The modules that are named, each once.
    ///
    /// # Errors
    ///
    /// [`HsmsError::Config`].
    pub fn libs(&self) -> Result<Vec<PathBuf>, HsmsError> {
        let mut libs: Vec<PathBuf> =
            self.file.hsm.values().filter_map(|section| section.lib.clone()).collect();
        libs.extend((self.environment)(LIB).map(PathBuf::from));
        libs.sort();
        libs.dedup();
        Ok(libs)
    }

    /// Finds a token without logging in.
    ///
    /// # Errors
    ///
    /// [`HsmsError`].
    pub fn find(&self, name: &str) -> Result<(PathBuf, TokenSummary), HsmsError> {
        let wanted = self.section(name)?.token(name, None)?;
        let is_wanted = |token: &TokenSummary| {
            wanted.slot.is_none_or(|slot| slot == token.slot)
                && wanted.token_label.as_ref().is_none_or(|label| *label == token.label)
                && wanted.serial.as_ref().is_none_or(|serial| *serial == token.serial)
        };
        let mut found: Vec<TokenSummary> = pkcs11::tokens(&wanted.lib)?.tokens;
        found.retain(is_wanted);
        match (found.len(), found.pop()) {
            (1, Some(token)) => Ok((wanted.lib, token)),
            (several, _) => Err(HsmsError::Misbehaved(format!(
                "{several} tokens of {} are what the configuration says of \"{name}\": `strongroom hsm tokens` lists them",
                wanted.lib.display()
            ))),
        }
    }

    /// A token, logged in to.
    ///
    /// # Errors
    ///
    /// [`HsmsError`].
    pub fn token(&self, name: &str) -> Result<Token, HsmsError> {
        self.token_for(name, None)
    }

    fn token_for(&self, name: &str, label: Option<&str>) -> Result<Token, HsmsError> {
        let mut state = self.state();
        let place = (name.to_owned(), label.map(str::to_owned));
        if let Some(token) = state.tokens.get(&place) {
            return Ok(token.clone());
        }
        let config = self.config(&mut state, name, label)?;
        let token = Token::open(config)?;
        state.tokens.insert(place, token.clone());
        Ok(token)
    }

    /// A signing key, by its label, and by its `CKA_ID` where several have that label.
    ///
    /// # Errors
    ///
    /// [`HsmsError`].
    pub fn signer(&self, key: &HsmKey, id: Option<&[u8]>) -> Result<TokenSigner, HsmsError> {
        Ok(self.token(key.token())?.signer(&selector(key, id))?)
    }

    /// Mixes the generators of all tokens with `mix_random` into every key that this process makes from now on. A token that
    /// then fails makes that an error.
    ///
    /// # Errors
    ///
    /// [`HsmsError`], also when there are several such tokens: one is mixed in.
    pub fn mix_randomness(&self) -> Result<(), HsmsError> {
        let mut mixed = self.file.hsm.iter().filter(|(_, section)| section.mix_random == Some(true));
        let Some((name, _)) = mixed.next() else { return Ok(()) };
        if let Some((other, _)) = mixed.next() {
            return Err(HsmsError::Config(HsmConfigError::Word {
                token: other.clone(),
                word: "mix_random".to_owned(),
                message: Some(format!("the token \"{name}\" has it already, and one is mixed in")),
            }));
        }
        random::mix_in(Arc::new(self.token(name)?.random()));
        Ok(())
    }

    /// Tries a key: its attributes, its check value, and what it is for.
    ///
    /// # Errors
    ///
    /// [`HsmsError`] says what is wrong with it.
    pub fn check(&self, key: &HsmKey, id: Option<&[u8]>) -> Result<Checked, HsmsError> {
        let token = self.token(key.token())?;
        let found = token.find(&selector(key, id))?;
        let [description] = found.as_slice() else {
            let wanted = selector(key, id).to_string();
            return Err(HsmsError::Misbehaved(match found.len() {
                0 => format!("there is no key with {wanted} in the token \"{}\"", key.token()),
                several => format!(
                    "{several} keys with {wanted} are in the token \"{}\": say which with --id, as `strongroom hsm keys` shows it",
                    key.token()
                ),
            }));
        };
        let by_id = KeySelector { label: None, id: Some(description.id.clone()) };
        let check_value = token.check_value(&by_id).ok().map(|value| value.to_string());
        let purpose = description.kind.map(pkcs11::KeyKind::purpose);
        let did = match purpose {
            Some(Purpose::Signing) => {
                let signer = token.signer(&by_id)?;
                signer.sign(TRIAL).map_err(|error| HsmsError::Misbehaved(error.to_string()))?;
                "signed a text, and the signature is good"
            }
            Some(Purpose::Authenticating) => "is there, and authenticates what other keys wrap",
            _ => {
                let wanted = Wanted {
                    token: key.token().to_owned(),
                    label: key.key().to_owned(),
                    id: description.id.clone(),
                    mechanism: None,
                };
                let secret = SecretBytes::copy_from_slice(TRIAL).map_err(HsmsError::from)?;
                let tried = self.key(&wanted)?;
                let wrapped = tried.wrap_key(&secret, TRIAL)?;
                if !tried.unwrap_key(&wrapped, TRIAL)?.ct_eq(&secret) {
                    return Err(HsmsError::Misbehaved("what it wrapped did not come back".to_owned()));
                }
                "wrapped a secret and unwrapped it again"
            }
        };
        Ok(Checked { key: description.clone(), check_value, did })
    }

    fn key(&self, wanted: &Wanted) -> Result<TokenKey, HsmsError> {
        let mut state = self.state();
        if let Some(key) = state.keys.get(wanted) {
            return Ok(key.clone());
        }
        let mut config = self.config(&mut state, &wanted.token, Some(&wanted.label))?;
        config.key_id = Some(wanted.id.clone());
        config.mechanism = wanted.mechanism.or(config.mechanism);
        config.generate_key = false;
        let key = Token::open(config)?.wrapping_key()?;
        state.keys.insert(wanted.clone(), key.clone());
        Ok(key)
    }

    /// The configuration of a token, with its PIN from a person where nothing else is said.
    fn config(&self, state: &mut State, name: &str, label: Option<&str>) -> Result<TokenConfig, HsmsError> {
        let mut config = self.section(name)?.token(name, label)?;
        if config.pin.is_none()
            && let Some(ask) = &self.ask
        {
            if !state.pins.contains_key(name)
                && let Some(pin) = ask(name)
            {
                state.pins.insert(name.to_owned(), pin);
            }
            if let Some(pin) = state.pins.get(name) {
                config.pin = Some(PinSource::Given(pin.duplicate().map_err(HsmsError::from)?));
            }
        }
        Ok(config)
    }

    fn section(&self, name: &str) -> Result<HsmSection, HsmsError> {
        if let Some(section) = self.file.hsm.get(name) {
            return Ok(section.clone());
        }
        let mut section =
            HsmSection { lib: (self.environment)(LIB).map(PathBuf::from), ..HsmSection::default() };
        section.override_from(name, &self.environment)?;
        Ok(section)
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HsmKeys for Hsms {
    fn wrap(&self, key: &HsmKey, secret: &SecretBytes, context: &[u8]) -> Result<Vec<u8>, ExternalError> {
        let token = self.token_for(key.token(), Some(key.key()))?;
        // Found anew each time: since the last slot was made, the key may have been replaced.
        Ok(token.wrapping_key().map_err(HsmsError::from)?.timed().wrap(secret, context)?)
    }

    /// With the very key and mechanism that the bytes name, whatever the configuration says of new ones.
    fn unwrap(&self, key: &HsmKey, wrapped: &[u8], context: &[u8]) -> Result<SecretBytes, ExternalError> {
        let blob = pkcs11::blob::Blob::decode(wrapped).map_err(|_| {
            let message = format!(
                "the slot's part for {key} is no key that a token wrapped: it was altered or damaged"
            );
            ExternalError::new(ExternalFault::Rejected, message)
        })?;
        let wanted = Wanted {
            token: key.token().to_owned(),
            label: key.key().to_owned(),
            id: blob.header().key_id().to_vec(),
            mechanism: Some(blob.header().mechanism()),
        };
        self.key(&wanted)?.timed().unwrap(wrapped, context)
    }
}

fn selector(key: &HsmKey, id: Option<&[u8]>) -> KeySelector {
    KeySelector { label: Some(key.key().to_owned()), id: id.map(<[u8]>::to_vec) }
}

/// Why an HSM cannot be used.
#[derive(Debug)]
pub enum HsmsError {
    /// The configuration.
    Config(HsmConfigError),
    /// The token.
    Token(TokenError),
    /// A key is not there, or does not do what it should.
    Misbehaved(String),
}

impl fmt::Display for HsmsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(error) => error.fmt(f),
            Self::Token(error) => error.fmt(f),
            Self::Misbehaved(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for HsmsError {}

impl From<HsmConfigError> for HsmsError {
    fn from(error: HsmConfigError) -> Self {
        Self::Config(error)
    }
}

impl From<TokenError> for HsmsError {
    fn from(error: TokenError) -> Self {
        Self::Token(error)
    }
}

impl From<SecretError> for HsmsError {
    fn from(error: SecretError) -> Self {
        Self::Misbehaved(error.to_string())
    }
}

impl From<HsmsError> for ExternalError {
    fn from(error: HsmsError) -> Self {
        match error {
            HsmsError::Token(error) => error.into(),
            other => Self::new(ExternalFault::Refused, other),
        }
    }
}

/// Where tokens are that the file does not name.
const LIB: &str = "STRONGROOM_HSM_LIB";
/// What a key is tried with.
const TRIAL: &[u8] = b"strongroom hsm check";
