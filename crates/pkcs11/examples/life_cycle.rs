//! Takes keys of a token through their life, and prints what came of it as JSON.
//!
//! ```text
//! life_cycle LIB TOKEN_LABEL PIN_FILE
//! ```
//!
//! Each mechanism that the token has is used from the key's generation to its destruction, with a re-opening of the token
//! between. At the end a wrong PIN is given, once: do not run this on a token that is one try from locked.

use std::fmt::Display;
use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::{Value, json};
use strongroom_crypto::external::ExternalFault;
use strongroom_crypto::secret::SecretBytes;
use strongroom_crypto::sign::{self, Signer as _};
use strongroom_pkcs11::{
    Failure, KeyKind, KeySelector, KeySpec, Mechanism, OaepHash, PinSource, Token, TokenConfig, TokenError,
};

#[allow(clippy::print_stdout, clippy::print_stderr, reason = "a program that prints its result")]
fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [lib, label, pin_file] = arguments.as_slice() else {
        eprintln!("usage: life_cycle LIB TOKEN_LABEL PIN_FILE");
        return ExitCode::from(2);
    };
    let place = Place { lib: lib.into(), label: label.clone(), pin_file: pin_file.into() };
    println!("{:#}", Value::Array(live(&place)));
    ExitCode::SUCCESS
}

struct Place {
    lib: PathBuf,
    label: String,
    pin_file: PathBuf,
}

impl Place {
    fn config(&self) -> TokenConfig {
        let mut config = TokenConfig::new(&self.lib);
        config.token_label = Some(self.label.clone());
        config.pin = Some(PinSource::File(self.pin_file.clone()));
        config
    }

    /// A wrapping key of this mechanism, generated where there is none.
    fn wrapping(&self, mechanism: Mechanism, hash: OaepHash) -> TokenConfig {
        let mut config = self.config();
        config.mechanism = Some(mechanism);
        config.rsa_oaep_hash = hash;
        config.generate_key = true;
        config.key_label = Some(format!("life-{mechanism}"));
        if mechanism != Mechanism::AesGcm {
            config.hmac_key_label = Some(format!("life-{mechanism}-mac"));
        }
        config
    }
}

fn live(place: &Place) -> Vec<Value> {
    let mut steps = vec![
        step("wraps with AES-GCM", wrap(place, Mechanism::AesGcm, &[OaepHash::Sha256])),
        step("wraps with RSA-OAEP", wrap(place, Mechanism::RsaOaep, &[OaepHash::Sha256, OaepHash::Sha1])),
        step("wraps with AES-CBC and HMAC", wrap(place, Mechanism::AesCbcHmac, &[OaepHash::Sha256])),
        step("signs with P-256", sign(place, KeyKind::EcP256)),
        step("signs with P-384", sign(place, KeyKind::EcP384)),
        step("draws random bytes", draw(place)),
    ];
    // Last, since it is by its PIN that a token is locked.
    steps.push(step("refuses a wrong PIN, and is not asked again", refuse(place)));
    steps
}

/// What one step came to. That a token lacks a mechanism is an answer, not a failure.
fn step(name: &str, outcome: Result<String, Trouble>) -> Value {
    let (passed, detail) = match outcome {
        Ok(detail) => (true, detail),
        Err(Trouble::Lacks(what)) => (true, format!("no: {what}")),
        Err(Trouble::Failed(what)) => (false, what),
    };
    json!({ "name": name, "passed": passed, "detail": detail })
}

enum Trouble {
    Lacks(String),
    Failed(String),
}

impl Trouble {
    fn failed(what: impl Display) -> Self {
        Self::Failed(what.to_string())
    }
}

impl From<TokenError> for Trouble {
    fn from(error: TokenError) -> Self {
        match error.failure() {
            Failure::Unsupported(what) => Self::Lacks(what.clone()),
            _ => Self::failed(error),
        }
    }
}

/// Generates, wraps, opens, refuses another context, opens again after a re-opening of the token, destroys.
fn wrap(place: &Place, mechanism: Mechanism, hashes: &[OaepHash]) -> Result<String, Trouble> {
    let key = SecretBytes::copy_from_slice(&[0x5a; 32]).map_err(Trouble::failed)?;
    let mut lacks = Trouble::failed("no hash was tried");
    for hash in hashes {
        let config = || place.wrapping(mechanism, *hash);
        let wrapped = match Token::open(config())?.wrapping_key().and_then(|by| by.wrap_key(&key, CONTEXT)) {
            Ok(wrapped) => wrapped,
            // A token that lists OAEP may still know one hash alone, and says so only when it is asked.
            Err(error) if hashes.len() > 1 => {
                lacks = error.into();
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        let token = Token::open(config())?;
        let by = token.wrapping_key()?;
        if !by.unwrap_key(&wrapped, CONTEXT)?.ct_eq(&key) {
            return Err(Trouble::failed("another key came back"));
        }
        match by.unwrap_key(&wrapped, b"another purpose") {
            Ok(_) => return Err(Trouble::failed("a key opened for another purpose")),
            Err(error) if error.fault() == ExternalFault::Rejected => {}
            Err(error) => return Err(error.into()),
        }
        let config = config();
        for label in config.key_label.iter().chain(&config.hmac_key_label) {
            token.destroy(&KeySelector::label(label))?;
        }
        if by.unwrap_key(&wrapped, CONTEXT).is_ok() {
            return Err(Trouble::failed("a key that was destroyed still opens"));
        }
        return Ok(if mechanism == Mechanism::RsaOaep { format!("yes, {hash}") } else { String::new() });
    }
    Err(lacks)
}

fn sign(place: &Place, kind: KeyKind) -> Result<String, Trouble> {
    let label = format!("life-{kind}");
    Token::open(place.config())?.generate(&KeySpec::new(kind, &label))?;
    let token = Token::open(place.config())?;
    let signer = token.signer(&KeySelector::label(&label))?;
    let signature = signer.sign_message(CONTEXT)?;
    if !sign::verify(signer.algorithm(), signer.public_key(), CONTEXT, &signature) {
        return Err(Trouble::failed("the signature is wrong"));
    }
    token.destroy(&KeySelector::label(&label))?;
    Ok(String::new())
}

fn draw(place: &Place) -> Result<String, Trouble> {
    let random = Token::open(place.config())?.random();
    let (mut first, mut second) = ([0; 32], [0; 32]);
    random.draw(&mut first)?;
    random.draw(&mut second)?;
    if first == second { Err(Trouble::failed("the same bytes came twice")) } else { Ok(String::new()) }
}

fn refuse(place: &Place) -> Result<String, Trouble> {
    let wrong = || -> Result<TokenConfig, Trouble> {
        let mut config = place.config();
        let pin = SecretBytes::copy_from_slice(WRONG_PIN).map_err(Trouble::failed)?;
        config.pin = Some(PinSource::Given(pin));
        Ok(config)
    };
    for expected in [false, true] {
        match Token::open(wrong()?) {
            Ok(_) => return Err(Trouble::failed("a wrong PIN was accepted")),
            Err(error) => match error.failure() {
                Failure::Pin { remembered, .. } if *remembered == expected => {}
                _ => return Err(error.into()),
            },
        }
    }
    // The right PIN still opens it.
    Token::open(place.config())?;
    Ok(String::new())
}

const CONTEXT: &[u8] = b"life cycle";
const WRONG_PIN: &[u8] = b"wrong-wrong-1357";
