//! The part of a configuration file that says where tokens are.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use serde::Deserialize;
use strongroom_pkcs11::{PinSource, TokenConfig, UnknownWord};

/// One token, as a configuration file describes it under `[hsm.NAME]`.
///
/// The words are those that users of Vault and OpenBao know. `NAME` is the token's name in policies. Keys are named by
/// policies, so that `key_label` is a default for commands only; `key_id` chooses the key that wraps where several have one
/// label.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HsmSection {
    /// The PKCS #11 module: a path to a shared library.
    pub lib: Option<PathBuf>,
    /// For modules that want a string at `C_Initialize`.
    pub library_parameters: Option<String>,
    /// The slot's number.
    pub slot: Option<u64>,
    /// The token's label. Without `slot`, `token_label` and `serial` it is the section's name.
    pub token_label: Option<String>,
    /// The token's serial number.
    pub serial: Option<String>,
    /// Where the PIN is: `env://NAME` or `file:///path`. Never the PIN itself.
    pub pin: Option<String>,
    /// The same as `pin = "file://…"`.
    pub pin_file: Option<PathBuf>,
    /// The same as `pin = "env://…"`.
    pub pin_env: Option<String>,
    /// The label that commands look for when they are told none.
    pub key_label: Option<String>,
    /// The `CKA_ID` of the key that wraps, in hexadecimal: for a time in which two keys have one label.
    pub key_id: Option<String>,
    /// `aes-gcm`, `rsa-oaep` or `aes-cbc-hmac`; without it the first of these that key and token can do.
    pub mechanism: Option<String>,
    /// `sha1`, `sha256`, `sha384` or `sha512`.
    pub rsa_oaep_hash: Option<String>,
    /// The label of the HMAC key that `rsa-oaep` and `aes-cbc-hmac` need.
    pub hmac_key_label: Option<String>,
    /// Whether a key that is not there is made when a slot is.
    pub generate_key: Option<bool>,
    /// How many sessions work at once.
    pub max_parallel: Option<usize>,
    /// For tokens that have no read-only sessions.
    pub force_rw_session: Option<bool>,
    /// `caller`, `zeroed-writeback`, `appended` or `message-api`.
    pub iv_mode: Option<String>,
    /// How long a call may take, in seconds.
    pub timeout: Option<u64>,
    /// Whether keys are used that could leave the token.
    pub allow_weak_attributes: Option<bool>,
    /// Whether the token's generator is mixed into every key that is made.
    pub mix_random: Option<bool>,
}

/// Every word, so that the environment can be asked for it.
const WORDS: &[&str] = &[
    "lib",
    "library_parameters",
    "slot",
    "token_label",
    "serial",
    "pin",
    "pin_file",
    "pin_env",
    "key_label",
    "key_id",
    "mechanism",
    "rsa_oaep_hash",
    "hmac_key_label",
    "generate_key",
    "max_parallel",
    "force_rw_session",
    "iv_mode",
    "timeout",
    "allow_weak_attributes",
    "mix_random",
];

/// Each says where the PIN is: what the environment says of one holds in place of them all.
const PIN_WORDS: &[&str] = &["pin", "pin_file", "pin_env"];

/// Everything that a file says about HSMs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HsmFile {
    /// The tokens, by the names that policies use.
    #[serde(default)]
    pub hsm: BTreeMap<String, HsmSection>,
    /// Seal the store when no HSM of it has answered for so many seconds.
    pub seal_after_outage: Option<u64>,
}

impl FromStr for HsmFile {
    type Err = HsmConfigError;

    fn from_str(text: &str) -> Result<Self, HsmConfigError> {
        let file: Self = toml::from_str(text).map_err(|error| HsmConfigError::File {
            line: error.span().map(|span| line_of(text, span.start)),
            message: plain(error.message()),
        })?;
        if file.seal_after_outage == Some(0) {
            let message = "seal_after_outage is a number of seconds from 1 on; without it a store stays open"
                .to_owned();
            return Err(HsmConfigError::File { line: None, message });
        }
        Ok(file)
    }
}

impl HsmFile {
    /// Lets the environment have its say, which wins: `STRONGROOM_HSM_NAME_WORD`, name and word in capitals and every
    /// character but letters and digits an underscore.
    ///
    /// # Errors
    ///
    /// [`HsmConfigError::Word`] for a value that its word does not take.
    pub fn overridden(
        mut self,
        environment: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, HsmConfigError> {
        for (name, section) in &mut self.hsm {
            section.override_from(name, &environment)?;
        }
        Ok(self)
    }
}

impl HsmSection {
    /// As [`HsmFile::overridden`], for one token.
    ///
    /// # Errors
    ///
    /// [`HsmConfigError::Word`] for a value that its word does not take.
    pub fn override_from(
        &mut self,
        name: &str,
        environment: impl Fn(&str) -> Option<String>,
    ) -> Result<(), HsmConfigError> {
        for word in WORDS {
            let variable = variable(name, word);
            let Some(value) = environment(&variable) else { continue };
            if PIN_WORDS.contains(word) {
                (self.pin, self.pin_file, self.pin_env) = (None, None, None);
            }
            self.set(word, &value).ok_or(HsmConfigError::Word {
                token: name.to_owned(),
                word: variable,
                message: None,
            })?;
        }
        Ok(())
    }

    fn set(&mut self, word: &str, value: &str) -> Option<()> {
        fn put<T: FromStr>(place: &mut Option<T>, value: &str) -> Option<()> {
            *place = Some(value.parse().ok()?);
            Some(())
        }
        match word {
            "lib" => put(&mut self.lib, value),
            "library_parameters" => put(&mut self.library_parameters, value),
            "slot" => put(&mut self.slot, value),
            "token_label" => put(&mut self.token_label, value),
            "serial" => put(&mut self.serial, value),
            "pin" => put(&mut self.pin, value),
            "pin_file" => put(&mut self.pin_file, value),
            "pin_env" => put(&mut self.pin_env, value),
            "key_label" => put(&mut self.key_label, value),
            "key_id" => put(&mut self.key_id, value),
            "mechanism" => put(&mut self.mechanism, value),
            "rsa_oaep_hash" => put(&mut self.rsa_oaep_hash, value),
            "hmac_key_label" => put(&mut self.hmac_key_label, value),
            "generate_key" => put(&mut self.generate_key, value),
            "max_parallel" => put(&mut self.max_parallel, value),
            "force_rw_session" => put(&mut self.force_rw_session, value),
            "iv_mode" => put(&mut self.iv_mode, value),
            "timeout" => put(&mut self.timeout, value),
            "allow_weak_attributes" => put(&mut self.allow_weak_attributes, value),
            "mix_random" => put(&mut self.mix_random, value),
            _ => None,
        }
    }

    /// The configuration of a token of this name.
    ///
    /// # Errors
    ///
    /// [`HsmConfigError`] names the token and the word.
    pub fn token(&self, name: &str) -> Result<TokenConfig, HsmConfigError> {
        let wrong = |word: &'static str, message: String| HsmConfigError::Word {
            token: name.to_owned(),
            word: word.to_owned(),
            message: Some(message),
        };
        let lib = self.lib.clone().ok_or_else(|| HsmConfigError::NoLib { token: name.to_owned() })?;
        if !lib.is_absolute() {
            return Err(wrong("lib", "give the whole path of the module, from / on".into()));
        }
        let mut config = TokenConfig::new(lib);
        let selected = self.slot.is_some() || self.token_label.is_some() || self.serial.is_some();
        config.library_parameters.clone_from(&self.library_parameters);
        config.slot = self.slot;
        config.token_label = if selected { self.token_label.clone() } else { Some(name.to_owned()) };
        config.serial.clone_from(&self.serial);
        config.pin = self.pin(name)?;
        config.key_label.clone_from(&self.key_label);
        if let Some(id) = &self.key_id {
            let id = hex(id).ok_or_else(|| wrong("key_id", "it is hexadecimal, as in \"01a4\"".into()))?;
            config.key_id = Some(id);
        }
        if let Some(word) = &self.mechanism {
            config.mechanism = Some(parsed(name, "mechanism", word)?);
        }
        if let Some(word) = &self.rsa_oaep_hash {
            config.rsa_oaep_hash = parsed(name, "rsa_oaep_hash", word)?;
        }
        if let Some(word) = &self.iv_mode {
            config.iv_mode = parsed(name, "iv_mode", word)?;
        }
        config.hmac_key_label.clone_from(&self.hmac_key_label);
        config.generate_key = self.generate_key.unwrap_or(config.generate_key);
        config.force_rw_session = self.force_rw_session.unwrap_or(config.force_rw_session);
        config.allow_weak_attributes = self.allow_weak_attributes.unwrap_or(config.allow_weak_attributes);
        match self.max_parallel {
            Some(0 | 1025..) => return Err(wrong("max_parallel", "give 1 to 1024 sessions".into())),
            Some(sessions) => config.max_parallel = sessions,
            None => {}
        }
        match self.timeout {
            Some(0 | 86_401..) => return Err(wrong("timeout", "give 1 to 86400 seconds".into())),
            Some(seconds) => config.timeout = Duration::from_secs(seconds),
            None => {}
        }
        Ok(config)
    }

    /// Where the PIN is.
    fn pin(&self, token: &str) -> Result<Option<PinSource>, HsmConfigError> {
        let given = [self.pin.is_some(), self.pin_file.is_some(), self.pin_env.is_some()];
        if given.iter().filter(|given| **given).count() > 1 {
            return Err(HsmConfigError::TwoPins { token: token.to_owned() });
        }
        if let Some(file) = &self.pin_file {
            return Ok(Some(PinSource::File(file.clone())));
        }
        if let Some(variable) = &self.pin_env {
            return Ok(Some(PinSource::Env(variable.clone())));
        }
        let Some(pin) = &self.pin else { return Ok(None) };
        if let Some(variable) = pin.strip_prefix("env://") {
            return Ok(Some(PinSource::Env(variable.to_owned())));
        }
        if let Some(file) = pin.strip_prefix("file://") {
            return Ok(Some(PinSource::File(file.into())));
        }
        Err(HsmConfigError::BarePin { token: token.to_owned() })
    }
}

/// The environment variable that overrides a word of a token.
fn variable(token: &str, word: &str) -> String {
    let upper = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    format!("STRONGROOM_HSM_{}_{}", token.chars().map(upper).collect::<String>(), word.to_ascii_uppercase())
}

fn parsed<T: FromStr<Err = UnknownWord>>(
    token: &str,
    word: &'static str,
    value: &str,
) -> Result<T, HsmConfigError> {
    value.parse().map_err(|error: UnknownWord| HsmConfigError::Word {
        token: token.to_owned(),
        word: word.to_owned(),
        message: Some(format!("use one of {}", error.known().join(", "))),
    })
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect();
    let (pairs, rest) = digits.as_ref()?.as_chunks::<2>();
    (rest.is_empty() && !pairs.is_empty()).then(|| pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

/// What is wrong with the file, without what stands in it: that may be what does not belong there, such as a PIN.
fn plain(message: &str) -> String {
    let (what, rest) = message.split_once('`').unwrap_or((message, ""));
    let word = rest.split('`').next().unwrap_or_default();
    let is_word = !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    match what.trim() {
        "unknown field" => {
            let named = if is_word { format!("word `{word}`") } else { "such word".to_owned() };
            let words = WORDS.join(", ");
            format!(
                "there is no {named}; under [hsm.NAME] there are {words}, and above all sections seal_after_outage"
            )
        }
        "duplicate field" | "duplicate key" => "a word stands there twice".to_owned(),
        what if what.starts_with("invalid type") || what.starts_with("invalid value") => {
            "a value is not of the kind that its word takes".to_owned()
        }
        _ => "this is not TOML: write word = \"value\"".to_owned(),
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

/// What is wrong with a configuration of HSMs. No message repeats a value, which might be a PIN in the wrong place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HsmConfigError {
    /// The file is no TOML, or has words that mean nothing here.
    File {
        /// In which line, counted from 1.
        line: Option<usize>,
        /// What the parser says.
        message: String,
    },
    /// A word has a value that it does not take.
    Word {
        /// The token's name.
        token: String,
        /// The word, or the environment variable.
        word: String,
        /// What is wrong.
        message: Option<String>,
    },
    /// The module is not named.
    NoLib {
        /// The token's name.
        token: String,
    },
    /// The PIN stands in the configuration.
    BarePin {
        /// The token's name.
        token: String,
    },
    /// Several words say where the PIN is.
    TwoPins {
        /// The token's name.
        token: String,
    },
}

impl fmt::Display for HsmConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { line: Some(line), message } => {
                write!(f, "the configuration is not understood at line {line}: {message}")
            }
            Self::File { line: None, message } => write!(f, "the configuration is not understood: {message}"),
            Self::Word { token, word, message: Some(message) } => {
                write!(f, "the configuration of the token \"{token}\" has a wrong {word}: {message}")
            }
            Self::Word { token, word, message: None } => {
                write!(
                    f,
                    "the environment variable {word}, for the token \"{token}\", has a value that it does not take"
                )
            }
            Self::NoLib { token } => write!(
                f,
                "the configuration does not say where the token \"{token}\" is: write `lib = \"/path/to/module.so\"` under [hsm.{token}] in the \
                 configuration, or set {}",
                variable(token, "lib")
            ),
            Self::BarePin { token } => write!(
                f,
                "the PIN of the token \"{token}\" does not belong in the configuration: write pin = \"file:///path\" or \
                 pin = \"env://NAME\", or leave it out to be asked"
            ),
            Self::TwoPins { token } => write!(
                f,
                "the configuration of the token \"{token}\" says twice where its PIN is: keep one of pin, pin_file and pin_env"
            ),
        }
    }
}

impl std::error::Error for HsmConfigError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_read_from_the_file_and_from_the_environment() {
        let text = r#"
            seal_after_outage = 900
            [hsm.main]
            lib = "/lib.so"
            library_parameters = "x"
            slot = 3
            token_label = "tokens"
            serial = "0a"
            pin_env = "PIN"
            key_label = "k"
            key_id = "0A0b"
            mechanism = "aes-gcm"
            rsa_oaep_hash = "sha1"
            hmac_key_label = "h"
            generate_key = true
            max_parallel = 2
            force_rw_session = true
            iv_mode = "caller"
            timeout = 5
            allow_weak_attributes = true
            mix_random = true
        "#;
        let file: HsmFile = text.parse().unwrap();
        assert_eq!(file.seal_after_outage, Some(900));
        let section = &file.hsm["main"];
        let config = section.token("main").unwrap();
        assert_eq!((config.slot, config.key_label.as_deref()), (Some(3), Some("k")));
        assert_eq!(config.key_id.as_deref(), Some([0x0a, 0x0b].as_slice()));
        assert!(matches!(&config.pin, Some(PinSource::Env(name)) if name == "PIN"));
        assert_eq!((config.max_parallel, config.timeout), (2, Duration::from_secs(5)));

        let numbers = ["slot", "max_parallel", "timeout"];
        let flags = ["generate_key", "force_rw_session", "allow_weak_attributes", "mix_random"];
        for word in WORDS {
            let value = if numbers.contains(word) {
                "7"
            } else if flags.contains(word) {
                "false"
            } else {
                "ee"
            };
            let wanted = variable("main", word);
            let changed = file.clone().overridden(|name| (name == wanted).then(|| value.to_owned())).unwrap();
            assert_ne!(changed.hsm["main"], *section, "{word}");
        }
        assert_eq!(variable("my-hsm 2", "lib"), "STRONGROOM_HSM_MY_HSM_2_LIB");
    }

    #[test]
    fn what_is_wrong_is_named_and_no_value_is_repeated() {
        let message = |text: &str| {
            let file: Result<HsmFile, _> = text.parse();
            file.and_then(|file| file.hsm["a"].token("a").map(drop)).unwrap_err().to_string()
        };
        assert!(message("[hsm.a]\npin = \"1234567\"\nlib = \"/x\"").contains("does not belong"));
        assert!(message("[hsm.a]\ntoken_label = \"x\"").contains("STRONGROOM_HSM_A_LIB"));
        assert!(message("[hsm.a]\nlib = \"/x\"\npin_env = \"A\"\npin_file = \"b\"").contains("twice"));
        assert!(message("[hsm.a]\nlib = \"/x\"\nmax_parallel = 0").contains("max_parallel"));
        assert!(message("[hsm.a]\nlib = \"/x\"\ntimeout = 0").contains("timeout"));
        assert!(message("[hsm.a]\nlib = \"/x\"\nkey_id = \"xyz\"").contains("hexadecimal"));
        assert!(message("[hsm.a]\nlib = \"/x\"\nmechanism = \"des\"").contains("aes-gcm"));
        assert!(message("[hsm.a]\nlib = \"/x\"\npim = \"1234567\"").contains("line 3"));
        for text in
            ["[hsm.a]\nlib = \"/x\"\npin = \"1234567\"", "[hsm.a]\npin = 1234567", "[hsm.a]\n1234567 1234567"]
        {
            assert!(!message(text).contains("1234567"), "{}", message(text));
        }
    }
}
