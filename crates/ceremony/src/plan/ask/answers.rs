//! Whether an answer can be taken.

use std::fs;
use std::path::Path;

use strongroom::Policy;

use crate::custody::Recipient;
use crate::plan::text::visible;
use crate::plan::{Custody, PlanError, value};

/// What to answer instead.
pub(super) fn why(error: PlanError) -> String {
    match error {
        PlanError::Value { expected, .. } => format!("write {expected}"),
        PlanError::Person { problem, .. } => problem.to_owned(),
        error => error.to_string(),
    }
}

pub(super) fn path(word: &str, answer: &str) -> Result<String, String> {
    visible(word, answer).map_err(why)?;
    if answer.is_empty() { Err("a place must be named".to_owned()) } else { Ok(answer.to_owned()) }
}

/// How a share comes, as far as one answer says it.
pub(super) enum Way {
    Known(Custody),
    /// A certificate's file, which wants its fingerprint.
    Certificate(String),
}

/// What was typed is not repeated: it may be a private key.
pub(super) fn way(answer: &str) -> Result<Way, String> {
    visible("custody", answer).map_err(why)?;
    match answer.to_lowercase().as_str() {
        "screen" => return Ok(Way::Known(Custody::Screen)),
        "paper" => return Ok(Way::Known(Custody::Paper)),
        lower if lower.starts_with("age1") || lower.starts_with("age-secret-key-") => {
            let custody = Custody::Age { recipient: answer.to_owned() };
            Recipient::of(&custody).map_err(|error| error.to_string())?;
            return Ok(Way::Known(custody));
        }
        _ => {}
    }
    if !Path::new(answer).is_file() {
        return Err("write screen or paper, an age recipient (age1…), or the file of an OpenPGP certificate, and there is no \
                    file of this name"
            .to_owned());
    }
    fs::read(answer).map_err(|error| format!("the file could not be read: {error}"))?;
    Ok(Way::Certificate(answer.to_owned()))
}

/// The certificate in a file, which must have this fingerprint and be fit to encrypt to.
pub(super) fn certificate(file: &str, fingerprint: &str) -> Result<Custody, String> {
    let fingerprint = value::certificate_fingerprint(fingerprint)?;
    let custody = Custody::OpenPgp { certificate: file.into(), fingerprint };
    Recipient::of(&custody).map_err(|error| error.to_string())?;
    Ok(custody)
}

/// Names of tokens, with commas between.
pub(super) fn tokens(answer: &str) -> Result<Vec<String>, String> {
    visible("the name of an HSM", answer).map_err(why)?;
    let mut tokens: Vec<String> = Vec::new();
    for name in answer.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        format!("hsm({name}, key)").parse::<Policy>().map_err(|error| error.to_string())?;
        if !tokens.iter().any(|token| token == name) {
            tokens.push(name.to_owned());
        }
    }
    Ok(tokens)
}

pub(super) fn module(answer: &str) -> Result<String, String> {
    let path = path("lib", answer)?;
    if !Path::new(&path).is_absolute() {
        return Err("give the whole path of the module, from / on".to_owned());
    }
    Ok(path)
}

pub(super) fn key_id(answer: &str) -> Result<String, String> {
    let is_hexadecimal =
        answer.len().is_multiple_of(2) && answer.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_hexadecimal { Ok(answer.to_owned()) } else { Err("an id is hexadecimal, as in 01a4".to_owned()) }
}

pub(super) fn yes_or_no(answer: &str) -> Result<bool, String> {
    match answer.to_lowercase().as_str() {
        "yes" | "y" => Ok(true),
        "no" | "n" => Ok(false),
        _ => Err("answer yes or no".to_owned()),
    }
}
