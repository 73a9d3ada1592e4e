//! The tokens that a configuration names, opened when they are needed.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use strongroom_crypto::external::{EntropySource, ExternalError, ExternalFault, KeyWrapper as _};
use strongroom_crypto::random;
use strongroom_crypto::secret::{SecretBytes, SecretError};
use strongroom_crypto::sign::Signer as _;
use strongroom_pkcs11::blob::Blob;
use strongroom_pkcs11::{
    self as pkcs11, CheckValue, Failure, KeyDescription, KeySelector, PinSource, Purpose, Token, TokenConfig,
    TokenError, TokenSigner, TokenSummary,
};
use strongroom_seal::hsm::HsmKeys;
use strongroom_seal::policy::HsmKey;
use zeroize::Zeroizing;

use super::config::{HsmConfigError, HsmFile, HsmSection};

/// The HSMs of a configuration: what policies mean by `hsm(token, key)`.
///
/// Nothing is opened, and no PIN read or asked for, before it is needed; then it stays open. A token that the file does
/// not name is one whose label that is, in the module that `STRONGROOM_HSM_LIB` names.
pub struct Hsms {
    file: HsmFile,
    environment: Environment,
    ask: Option<AskPin>,
    warn: Option<Warn>,
    state: Mutex<State>,
}

type Environment = Box<dyn Fn(&str) -> Option<String> + Send + Sync>;
type AskPin = Box<dyn Fn(&str) -> Option<SecretBytes> + Send + Sync>;
type Warn = Box<dyn Fn(&str) + Send + Sync>;

#[derive(Default)]
struct State {
    /// PINs that a person gave, by the token's name: asked for once, and again when one was refused.
    pins: BTreeMap<String, SecretBytes>,
    tokens: BTreeMap<String, Token>,
}

/// What a trial of a key showed.
pub struct Checked {
    /// The key.
    pub key: KeyDescription,
    /// By which people tell whether two tokens hold the same key; some keys have none.
    pub check_value: Option<CheckValue>,
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
        let mut mixed = file.hsm.iter().filter(|(_, section)| section.mix_random == Some(true));
        if let (Some((first, _)), Some((second, _))) = (mixed.next(), mixed.next()) {
            return Err(HsmConfigError::Word {
                token: second.clone(),
                word: "mix_random".to_owned(),
                message: Some(format!("the token \"{first}\" has it already, and one is mixed in")),
            });
        }
        let environment = Box::new(environment);
        Ok(Self { file, environment, ask: None, warn: None, state: Mutex::default() })
    }

    /// Asks for PINs that the configuration does not tell where to find. `ask` gets the token's name.
    #[must_use]
    pub fn asking(mut self, ask: impl Fn(&str) -> Option<SecretBytes> + Send + Sync + 'static) -> Self {
        self.ask = Some(Box::new(ask));
        self
    }

    /// Tells what is not as it should be, and was gone on with.
    #[must_use]
    pub fn warning(mut self, warn: impl Fn(&str) + Send + Sync + 'static) -> Self {
        self.warn = Some(Box::new(warn));
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

    /// The modules that are named, each once, with their library parameters.
    pub fn libs(&self) -> Vec<(PathBuf, Option<String>)> {
        let named = self.file.hsm.values();
        let mut libs: Vec<_> = named
            .filter_map(|section| Some((section.lib.clone()?, section.library_parameters.clone())))
            .collect();
        libs.extend((self.environment)(LIB).map(|lib| (PathBuf::from(lib), None)));
        libs.sort();
        libs.dedup();
        libs
    }

    /// Finds a token without logging in.
    ///
    /// # Errors
    ///
    /// [`HsmsError`].
    pub fn find(&self, name: &str) -> Result<(TokenConfig, TokenSummary), HsmsError> {
        let wanted = self.section(name)?.token(name)?;
        let is_wanted = |token: &TokenSummary| {
            wanted.slot.is_none_or(|slot| slot == token.slot)
                && wanted.token_label.as_ref().is_none_or(|label| *label == token.label)
                && wanted.serial.as_ref().is_none_or(|serial| *serial == token.serial)
        };
        let mut found: Vec<TokenSummary> =
            pkcs11::tokens(&wanted.lib, wanted.library_parameters.as_deref())?.tokens;
        found.retain(is_wanted);
        match (found.len(), found.pop()) {
            (1, Some(token)) => Ok((wanted, token)),
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
        let mut state = self.state();
        if let Some(token) = state.tokens.get(name) {
            return Ok(token.clone());
        }
        let config = self.config(&mut state, name)?;
        let token = Token::open(config).inspect_err(|error| {
            if matches!(error.failure(), Failure::Pin { .. }) {
                // A person may have mistyped, and is asked again for the next command.
                state.pins.remove(name);
            }
        })?;
        state.tokens.insert(name.to_owned(), token.clone());
        Ok(token)
    }

    /// The label that the configuration of a token gives for commands that are told none.
    ///
    /// # Errors
    ///
    /// [`HsmsError::Config`] where it gives none.
    pub fn default_key(&self, name: &str) -> Result<String, HsmsError> {
        self.section(name)?.key_label.ok_or_else(|| HsmsError::NoKey {
            what: format!("no label was given, and [hsm.{name}] has no key_label"),
        })
    }

    /// A signing key, by its label, and by its `CKA_ID` where several have that label.
    ///
    /// # Errors
    ///
    /// [`HsmsError`].
    pub fn signer(&self, key: &HsmKey, id: Option<&[u8]>) -> Result<TokenSigner, HsmsError> {
        Ok(self.token(key.token())?.signer(&selector(key, id))?)
    }

    /// Mixes the generator of the token with `mix_random`, if there is one, into every key that this process makes from now on.
    ///
    /// The token is opened when the first key is made. If it then gives nothing, no key is made.
    pub fn mix_randomness(self: &Arc<Self>) {
        let mixed = self.file.hsm.iter().find(|(_, section)| section.mix_random == Some(true));
        if let Some((name, _)) = mixed {
            random::mix_in(Arc::new(Mixed { hsms: Arc::clone(self), token: name.clone() }));
        }
    }

    /// Tries a key: its attributes, its check value, and what it is for.
    ///
    /// # Errors
    ///
    /// [`HsmsError`] says what is wrong with it.
    pub fn check(&self, key: &HsmKey, id: Option<&[u8]>) -> Result<Checked, HsmsError> {
        let token = self.token(key.token())?;
        let id = id.map_or_else(|| token.config().key_id.clone(), |id| Some(id.to_vec()));
        let wanted = selector(key, id.as_deref());
        let found = token.find(&wanted)?;
        let [description] = found.as_slice() else {
            let what = match found.len() {
                0 => format!("there is no key with {wanted} in the token \"{}\"", key.token()),
                several => format!(
                    "{several} keys with {wanted} are in the token \"{}\": say which with --id, as `strongroom hsm keys` shows it",
                    key.token()
                ),
            };
            return Err(HsmsError::NoKey { what });
        };
        let by_id = KeySelector { label: None, id: Some(description.id.clone()) };
        let check_value = token.check_value(&by_id).ok();
        let purpose = description.kind.map(pkcs11::KeyKind::purpose);
        let did = match purpose {
            Some(Purpose::Signing) => {
                let signer = token.signer(&by_id)?;
                signer.sign(TRIAL).map_err(|error| HsmsError::Misbehaved(error.to_string()))?;
                "signed a text, and the signature is good"
            }
            Some(Purpose::Authenticating) => "is there, and authenticates what other keys wrap",
            _ => {
                let secret = SecretBytes::copy_from_slice(TRIAL).map_err(HsmsError::from)?;
                let tried = token.wrapping_key_named(&by_id)?;
                let wrapped = tried.wrap_key(&secret, TRIAL)?;
                if !tried.unwrap_key(&wrapped, TRIAL)?.ct_eq(&secret) {
                    return Err(HsmsError::Misbehaved("what it wrapped did not come back".to_owned()));
                }
                "wrapped a secret and unwrapped it again"
            }
        };
        Ok(Checked { key: description.clone(), check_value, did })
    }

    /// The configuration of a token, with its PIN from a person where nothing else is said.
    fn config(&self, state: &mut State, name: &str) -> Result<TokenConfig, HsmsError> {
        let mut config = self.section(name)?.token(name)?;
        check_module(name, &config.lib)?;
        if let Some(PinSource::File(path)) = &config.pin
            && let Ok(metadata) = fs::metadata(path)
            && metadata.mode() & OTHERS != 0
        {
            self.warn(&format!(
                "the PIN file {} can be read by other users (mode {:03o}): make it yours alone with chmod 600",
                path.display(),
                metadata.mode() & 0o777
            ));
        }
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

    fn warn(&self, text: &str) {
        if let Some(warn) = &self.warn {
            warn(text);
        }
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
    /// With the key of this label; where several have it, with the one whose `key_id` the configuration names.
    fn wrap(&self, key: &HsmKey, secret: &SecretBytes, context: &[u8]) -> Result<Vec<u8>, ExternalError> {
        let token = self.token(key.token())?;
        let label = selector(key, None);
        // Found anew each time: since the last slot was made, the key may have been replaced.
        let found = timed(&token, move |token| {
            let several = token.find(&label)?.len() > 1;
            let id = token.config().key_id.clone().filter(|_| several);
            token.wrapping_key_named(&KeySelector { id, ..label })
        })?;
        for weakness in found.warnings() {
            self.warn(&format!("{key}: {weakness}: accepted, since allow_weak_attributes is set"));
        }
        found.timed().wrap(secret, context)
    }

    /// With the very key and mechanism that the bytes name, whatever the configuration says of new ones.
    fn unwrap(&self, key: &HsmKey, wrapped: &[u8], context: &[u8]) -> Result<SecretBytes, ExternalError> {
        let blob = Blob::decode(wrapped).map_err(|_| {
            let message = format!(
                "the slot's part for {key} is no key that a token wrapped: it was altered or damaged"
            );
            ExternalError::new(ExternalFault::Rejected, message)
        })?;
        self.token(key.token())?.opening_key(blob.header()).timed().unwrap(wrapped, context)
    }
}

/// A module runs within this process, so nobody else may be able to change it. That it is there is the loader's to say.
fn check_module(token: &str, lib: &Path) -> Result<(), HsmConfigError> {
    let (Ok(module), Ok(process)) = (fs::metadata(lib), fs::metadata("/proc/self")) else { return Ok(()) };
    let others =
        module.mode() & WRITABLE_BY_OTHERS != 0 || (module.uid() != 0 && module.uid() != process.uid());
    if !others {
        return Ok(());
    }
    Err(HsmConfigError::Word {
        token: token.to_owned(),
        word: "lib".to_owned(),
        message: Some(format!(
            "the module {} runs within this process, and other users can change it (owner {}, mode {:03o}): it must be root's \
             or yours, and writable by nobody else",
            lib.display(),
            module.uid(),
            module.mode() & 0o777
        )),
    })
}

/// A token's generator, opened when it is first asked.
struct Mixed {
    hsms: Arc<Hsms>,
    token: String,
}

impl EntropySource for Mixed {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), ExternalError> {
        let len = buffer.len();
        let drawn = timed(&self.hsms.token(&self.token)?, move |token| {
            let mut drawn = Zeroizing::new(vec![0; len]);
            token.random().draw(&mut drawn)?;
            Ok(drawn)
        })?;
        buffer.copy_from_slice(&drawn);
        Ok(())
    }
}

/// Has the token do this on a thread of its own, and waits no longer than its configuration says.
fn timed<T: Send + 'static>(
    token: &Token,
    work: impl FnOnce(&Token) -> Result<T, TokenError> + Send + 'static,
) -> Result<T, HsmsError> {
    let at_work = token.clone();
    Ok(token.submit_and_wait(move || work(&at_work))?)
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
    /// There is no such key, or it is not clear which is meant.
    NoKey {
        /// What was looked for.
        what: String,
    },
    /// A key or a token is not what it should be.
    Misbehaved(String),
}

impl fmt::Display for HsmsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(error) => error.fmt(f),
            Self::Token(error) => error.fmt(f),
            Self::NoKey { what } | Self::Misbehaved(what) => f.write_str(what),
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
const OTHERS: u32 = 0o077;
const WRITABLE_BY_OTHERS: u32 = 0o022;
