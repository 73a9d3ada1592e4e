//! `hsm tokens|mechanisms|keys|generate|check`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use strongroom::pkcs11::{self, CheckValue, KeyDescription, KeyKind, KeySelector, KeySpec, TokenSummary};
use strongroom::{HsmKey, Hsms};

use crate::context::Context;
use crate::exit::{Failure, Kind};
use crate::text::{hex, quoted};

/// What one can ask of HSMs.
#[derive(Subcommand)]
pub(crate) enum Hsm {
    /// List the tokens of a module, or of every module that the configuration names.
    Tokens(Tokens),
    /// List what a token can do.
    Mechanisms(Mechanisms),
    /// List the keys in a token, with what they may do.
    Keys(OfToken),
    /// Make a key in a token. It never leaves it.
    Generate(Generate),
    /// Try a key: look at its attributes, wrap and unwrap a made-up secret, or sign with it.
    Check(Check),
}

/// Which tokens to list.
#[derive(Args)]
pub(crate) struct Tokens {
    /// The PKCS #11 module. [default: those of the configuration]
    #[arg(long, value_name = "FILE")]
    lib: Option<PathBuf>,
}

/// Which token is meant.
#[derive(Args)]
pub(crate) struct OfToken {
    /// The token, by its name in the configuration.
    token: String,
}

/// Which mechanisms to list.
#[derive(Args)]
pub(crate) struct Mechanisms {
    /// The token, by its name in the configuration.
    token: String,
    /// List those too that serve nothing here.
    #[arg(long)]
    all: bool,
}

/// What key to make.
#[derive(Args)]
pub(crate) struct Generate {
    /// The token, by its name in the configuration.
    token: String,
    /// The key's label, by which policies name it. [default: `key_label` in the configuration]
    label: Option<String>,
    /// Its kind: aes-256 (or rsa-3072, rsa-4096 where a token has no AES-GCM) wraps keys, ec-p256 and ec-p384 sign,
    /// hmac-256 authenticates what rsa wraps.
    #[arg(long, value_parser = parse_kind, default_value = "aes-256")]
    kind: KeyKind,
    /// Its `CKA_ID` in hexadecimal. [default: 16 random bytes]
    #[arg(long, value_name = "HEX", value_parser = parse_id)]
    id: Option<Id>,
}

/// Which key to try.
#[derive(Args)]
pub(crate) struct Check {
    /// The token, by its name in the configuration.
    token: String,
    /// The key's label. [default: `key_label` in the configuration]
    label: Option<String>,
    /// Its `CKA_ID` in hexadecimal, where several keys have that label. [default: `key_id` in the configuration]
    #[arg(long, value_name = "HEX", value_parser = parse_id)]
    id: Option<Id>,
}

/// A key's id.
#[derive(Clone)]
struct Id(Vec<u8>);

fn parse_id(text: &str) -> Result<Id, String> {
    data_encoding::HEXLOWER_PERMISSIVE
        .decode(text.as_bytes())
        .ok()
        .filter(|id| !id.is_empty())
        .map(Id)
        .ok_or_else(|| "an id is hexadecimal, as in 01a4".to_owned())
}

fn parse_kind(text: &str) -> Result<KeyKind, String> {
    text.parse().map_err(|error: pkcs11::UnknownWord| error.to_string())
}

impl Hsm {
    pub(crate) fn run(self, context: &mut Context) -> Result<(), Failure> {
        match self {
            Self::Tokens(tokens) => tokens.run(context),
            Self::Mechanisms(mechanisms) => mechanisms.run(context),
            Self::Keys(token) => token.keys(context),
            Self::Generate(generate) => generate.run(context),
            Self::Check(check) => check.run(context),
        }
    }
}

impl Tokens {
    fn run(self, context: &mut Context) -> Result<(), Failure> {
        let output = context.output;
        let libs = match self.lib {
            Some(lib) => vec![(lib, None)],
            None => context.hsms()?.libs(),
        };
        if libs.is_empty() {
            return Err(Failure::usage(
                "no module is known: give --lib FILE, or write `[hsm.NAME]` with `lib = \"FILE\"` into the configuration",
            ));
        }
        let (mut found, mut lines) = (Vec::new(), Vec::new());
        for (lib, parameters) in libs {
            let list = pkcs11::tokens(&lib, parameters.as_deref())?;
            for (slot, why) in &list.unreadable {
                output.warning(&format!("slot {slot} of {} could not be read: {why}", lib.display()));
            }
            for token in &list.tokens {
                found.push(token_json(&lib.display().to_string(), token));
                lines.push(token_line(token));
            }
            if list.tokens.is_empty() {
                lines.push(format!("{} shows no token.", lib.display()));
            }
        }
        output.result(&json!({ "tokens": found }), || lines)
    }
}

impl Mechanisms {
    fn run(self, context: &mut Context) -> Result<(), Failure> {
        let output = context.output;
        let hsms = context.hsms()?;
        let (config, summary) = hsms.find(&self.token)?;
        let mut mechanisms =
            pkcs11::mechanisms(&config.lib, config.library_parameters.as_deref(), summary.slot)?;
        mechanisms.retain(|mechanism| self.all || mechanism.serves.is_some());
        let value: Vec<Value> = mechanisms
            .iter()
            .map(|mechanism| {
                json!({
                    "number": mechanism.number,
                    "name": mechanism.name,
                    "key_sizes": mechanism.key_sizes.map(|(least, most)| [least, most]),
                    "serves": mechanism.serves,
                })
            })
            .collect();
        output.result(&json!({ "token": self.token, "mechanisms": value }), || {
            let lines = mechanisms.iter().map(|mechanism| {
                let name = mechanism.name.clone().unwrap_or_else(|| format!("{:#010x}", mechanism.number));
                let sizes = mechanism
                    .key_sizes
                    .map_or(String::new(), |(least, most)| format!("keys of {least} to {most}"));
                format!("{name:<32} {sizes:<24} {}", mechanism.serves.unwrap_or_default())
                    .trim_end()
                    .to_owned()
            });
            lines.collect()
        })
    }
}

impl OfToken {
    fn keys(self, context: &mut Context) -> Result<(), Failure> {
        let output = context.output;
        context.protect()?;
        let token = context.hsms()?.token(&self.token)?;
        let keys = token.keys()?;
        let value: Vec<Value> = keys.iter().map(key_json).collect();
        output.result(&json!({ "token": self.token, "keys": value }), || {
            if keys.is_empty() {
                return vec![format!("There is no key in the token {}.", quoted(&self.token))];
            }
            keys.iter().map(key_line).collect()
        })
    }
}

impl Generate {
    fn run(self, context: &mut Context) -> Result<(), Failure> {
        let output = context.output;
        context.protect()?;
        let hsms = context.hsms()?;
        // The name must be one that a policy can have.
        let named = named(&hsms, &self.token, self.label.as_deref())?;
        let token = hsms.token(&self.token)?;
        let mut spec = KeySpec::new(self.kind, named.key());
        let given = self.id.is_some();
        let same = match &self.id {
            Some(id) => token.find(&KeySelector { label: None, id: Some(id.0.clone()) })?,
            None => Vec::new(),
        };
        if given && !same.is_empty() {
            return Err(Failure::new(Kind::Conflict, "there is a key of that id in the token already"));
        }
        let others = token.find(&KeySelector::label(named.key()))?.len();
        spec.id = self.id.map(|id| id.0);
        let key = token.generate(&spec)?;
        let check = token.check_value(&KeySelector::id(key.id.clone()))?;
        if others > 0 {
            output.warning(&format!(
                "the token has {} keys of the label {} now: name the one that wraps with key_id = \"{}\" under [hsm.{}]",
                others + 1,
                quoted(named.key()),
                hex(&key.id),
                self.token
            ));
        }
        let value = with_check_value(key_json(&key), Some(&check));
        output.result(&json!({ "token": self.token, "key": value }), || {
            vec![
                format!("Made {} in the token {}.", key_line(&key), quoted(&self.token)),
                check_line(key.kind, &check),
                format!("In a policy it is {named}."),
            ]
        })
    }
}

impl Check {
    fn run(self, context: &mut Context) -> Result<(), Failure> {
        let output = context.output;
        context.protect()?;
        let hsms = context.hsms()?;
        let key = named(&hsms, &self.token, self.label.as_deref())?;
        let checked = hsms.check(&key, self.id.as_ref().map(|id| id.0.as_slice()))?;
        let mut value = with_check_value(key_json(&checked.key), checked.check_value.as_ref());
        if let Value::Object(fields) = &mut value {
            fields.insert("did".into(), json!(checked.did));
        }
        output.result(&json!({ "token": self.token, "key": value }), || {
            vec![
                format!("{}: {}", output.good("Good"), key_line(&checked.key)),
                checked.check_value.as_ref().map_or_else(
                    || "Check value: none".to_owned(),
                    |check| check_line(checked.key.kind, check),
                ),
                format!("It {}.", checked.did),
            ]
        })
    }
}

/// The key that is meant, with the label that the configuration gives where none was typed.
fn named(hsms: &Hsms, token: &str, label: Option<&str>) -> Result<HsmKey, Failure> {
    let label = match label {
        Some(label) => label.to_owned(),
        None => hsms.default_key(token)?,
    };
    HsmKey::new(token, &label).map_err(|error| Failure::usage(error.to_string()))
}

/// The check value of a key pair is the fingerprint of its public key, which plans and transcripts name.
fn check_line(kind: Option<KeyKind>, check: &CheckValue) -> String {
    match kind {
        Some(KeyKind::Rsa3072 | KeyKind::Rsa4096 | KeyKind::EcP256 | KeyKind::EcP384) => {
            format!("Fingerprint: {check}")
        }
        Some(KeyKind::Aes256 | KeyKind::Hmac256) | None => format!("Check value: {check}"),
    }
}

fn with_check_value(mut value: Value, check: Option<&CheckValue>) -> Value {
    if let Value::Object(fields) = &mut value {
        fields.insert("check_value".into(), json!(check.map(|check| hex(&check.bytes))));
        fields.insert("check_method".into(), json!(check.map(|check| check.method)));
    }
    value
}

fn token_json(lib: &str, token: &TokenSummary) -> Value {
    json!({
        "lib": lib,
        "slot": token.slot,
        "label": token.label,
        "serial": token.serial,
        "manufacturer": token.manufacturer,
        "model": token.model,
        "firmware": token.firmware,
        "initialised": token.flags.initialised,
        "user_pin_initialised": token.flags.user_pin_initialised,
        "user_pin_count_low": token.flags.user_pin_count_low,
        "user_pin_final_try": token.flags.user_pin_final_try,
        "user_pin_locked": token.flags.user_pin_locked,
        "write_protected": token.flags.write_protected,
    })
}

fn token_line(token: &TokenSummary) -> String {
    let flags = &token.flags;
    let states = [
        (!flags.initialised, "not initialised"),
        (flags.initialised && !flags.user_pin_initialised, "no user PIN"),
        (flags.user_pin_locked, "PIN LOCKED"),
        (flags.user_pin_final_try && !flags.user_pin_locked, "ONE PIN TRY LEFT"),
        (flags.user_pin_count_low && !flags.user_pin_final_try, "a wrong PIN was tried"),
        (flags.write_protected, "write-protected"),
    ];
    let states: Vec<&str> = states.into_iter().filter_map(|(is, text)| is.then_some(text)).collect();
    let state = if states.is_empty() { String::new() } else { format!("  [{}]", states.join(", ")) };
    format!(
        "slot {}  {}  serial {}  {} {}, firmware {}{state}",
        token.slot,
        quoted(&token.label),
        token.serial,
        token.manufacturer,
        token.model,
        token.firmware,
    )
}

fn key_json(key: &KeyDescription) -> Value {
    let attributes: serde_json::Map<String, Value> =
        key.attributes.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    json!({
        "label": key.label,
        "id": hex(&key.id),
        "kind": key.kind.map(|kind| kind.to_string()),
        "type": key.key_type,
        "bits": key.bits,
        "attributes": attributes,
        "local": key.origin.local,
        "always_sensitive": key.origin.always_sensitive,
        "never_extractable": key.origin.never_extractable,
        "weaknesses": weaknesses(key),
    })
}

fn key_line(key: &KeyDescription) -> String {
    let kind = key.kind.map_or_else(|| key.key_type.clone(), |kind| kind.to_string());
    let weak = weaknesses(key);
    let judged = match (key.kind, weak.as_slice()) {
        (None, _) => "  not of a kind that Strongroom uses".to_owned(),
        (_, []) => String::new(),
        (_, weak) => format!("  WEAK: {}", weak.join("; ")),
    };
    format!("{kind} {}  id {}{judged}", quoted(&key.label), hex(&key.id))
}

fn weaknesses(key: &KeyDescription) -> Vec<String> {
    key.kind.map_or_else(Vec::new, |kind| key.weaknesses(kind.purpose()))
}
