//! Tries what a token can do, and leads a key through its life, and prints JSON:
//!
//! `cargo run -p strongroom-pkcs11 --example capabilities -- LIB TOKEN_LABEL PIN-FILE`
#![allow(clippy::print_stdout)]

use std::error::Error;

use serde_json::json;
use strongroom_crypto::secret::SecretBytes;
use strongroom_crypto::sign::{self, Signer as _};
use strongroom_pkcs11::{
    Failure, KeyKind, KeySelector, KeySpec, Mechanism, OaepHash, PinSource, Token, TokenConfig, TokenError,
};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [lib, label, pin_file] = arguments.as_slice() else {
        return Err("usage: capabilities LIB TOKEN_LABEL PIN-FILE".into());
    };
    let config = || {
        let mut config = TokenConfig::new(lib);
        config.token_label = Some(label.clone());
        config.pin = Some(PinSource::File(pin_file.into()));
        config
    };
    let mut steps = Vec::new();
    // Before anybody is logged in, since a token looks at no PIN afterwards.
    steps.push(step("a wrong PIN is refused, and asked once", || wrong_pin(config())));
    let token = Token::open(config())?;
    let summary = token.summary();
    let capabilities: Vec<_> = token
        .capabilities()?
        .into_iter()
        .map(|capability| json!({ "name": capability.name, "answer": capability.answer.to_string() }))
        .collect();
    life(&token, &config, &mut steps);
    let steps: Vec<_> = steps
        .into_iter()
        .map(|step| json!({ "name": step.name, "passed": step.outcome.is_ok(), "detail": step.outcome.unwrap_or_else(|text| text) }))
        .collect();
    let describes_itself = format!("{} {} {}", summary.manufacturer, summary.model, summary.firmware);
    println!(
        "{}",
        json!({ "describes_itself": describes_itself, "capabilities": capabilities, "life_cycle": steps })
    );
    Ok(())
}

/// Mechanism, hash, and whether weak attributes are accepted.
type Way = (Mechanism, OaepHash, bool);

struct Step {
    name: &'static str,
    outcome: Result<String, String>,
}

fn step(name: &'static str, run: impl FnOnce() -> Result<String, Box<dyn Error>>) -> Step {
    Step { name, outcome: run().map_err(|error| error.to_string()) }
}

fn wrong_pin(mut config: TokenConfig) -> Result<String, Box<dyn Error>> {
    let mut open = || {
        config.pin = Some(PinSource::Given(SecretBytes::copy_from_slice(b"wrong-PIN")?));
        let mut copy = TokenConfig::new(&config.lib);
        copy.token_label.clone_from(&config.token_label);
        copy.pin = config.pin.take();
        Ok::<_, Box<dyn Error>>(Token::open(copy).err())
    };
    match (open()?, open()?) {
        (Some(first), Some(second)) if is_pin(&first, false) && is_pin(&second, true) => Ok(String::new()),
        (first, _) => Err(first.map_or_else(|| "it was accepted".into(), |error| error.to_string()).into()),
    }
}

fn is_pin(error: &TokenError, again: bool) -> bool {
    matches!(error.failure(), Failure::Pin { remembered, .. } if *remembered == again)
}

fn life(token: &Token, config: &dyn Fn() -> TokenConfig, steps: &mut Vec<Step>) {
    let name = format!("probe-{}", std::process::id());
    let mut wrapped = None;
    let configured = |(mechanism, hash, weak): Way| {
        let mut config = config();
        config.key_label = Some(format!("{name}-{mechanism}"));
        config.mechanism = Some(mechanism);
        config.rsa_oaep_hash = hash;
        config.hmac_key_label = Some(format!("{name}-hmac"));
        config.generate_key = true;
        config.allow_weak_attributes = weak;
        config
    };
    let key = SecretBytes::copy_from_slice(&[7; 32]);
    steps.push(step("generate and wrap", || {
        let key = key?;
        let tries = [
            (Mechanism::AesGcm, OaepHash::Sha256, false),
            (Mechanism::AesGcm, OaepHash::Sha256, true),
            (Mechanism::RsaOaep, OaepHash::Sha256, false),
            (Mechanism::RsaOaep, OaepHash::Sha1, false),
            (Mechanism::AesCbcHmac, OaepHash::Sha256, false),
        ];
        let mut last: Box<dyn Error> = "nothing was tried".into();
        for way in tries {
            let made =
                Token::open(configured(way)).and_then(|token| token.wrapping_key()).and_then(|wrapping| {
                    Ok((
                        wrapping.wrap_key(&key, b"probe")?,
                        wrapping.header().mechanism(),
                        wrapping.warnings().join(", "),
                    ))
                });
            match made {
                Ok((bytes, made, warnings)) => {
                    wrapped = Some((bytes, way));
                    let warnings =
                        if warnings.is_empty() { warnings } else { format!(", although {warnings}") };
                    return Ok(format!("{made}{warnings}"));
                }
                Err(error) => last = error.into(),
            }
        }
        Err(last)
    }));
    let unwrap = |context: &[u8]| -> Result<Result<SecretBytes, TokenError>, Box<dyn Error>> {
        let (bytes, way) = wrapped.as_ref().ok_or("nothing was wrapped")?;
        let wrapping = Token::open(configured(*way))?.wrapping_key()?;
        Ok(wrapping.unwrap_key(bytes, context))
    };
    steps.push(step("open again and unwrap", || {
        let same = unwrap(b"probe")??.expose() == [7; 32];
        if same { Ok(String::new()) } else { Err("another key came out".into()) }
    }));
    steps.push(step("another context is rejected", || match unwrap(b"other")? {
        Ok(_) => Err("it was unwrapped".into()),
        Err(error) if error.fault() == strongroom_crypto::external::ExternalFault::Rejected => {
            Ok(String::new())
        }
        Err(error) => Err(error.into()),
    }));
    steps.push(step("sign", || {
        let label = format!("{name}-sign");
        let mut config = config();
        config.allow_weak_attributes = wrapped.as_ref().is_some_and(|(_, (.., weak))| *weak);
        let token = Token::open(config)?;
        token.generate(&KeySpec::new(KeyKind::EcP256, &label))?;
        let signer = token.signer(&KeySelector::label(&label))?;
        let signature = signer.sign_message(b"probe")?;
        if sign::verify(signer.algorithm(), signer.public_key(), b"probe", &signature) {
            Ok(String::new())
        } else {
            Err("the signature is wrong".into())
        }
    }));
    steps.push(step("destroy", || {
        for found in token.keys()? {
            if found.label.starts_with(&name) {
                token.destroy(&KeySelector::id(found.id))?;
            }
        }
        let left = token.keys()?.into_iter().filter(|found| found.label.starts_with(&name)).count();
        if left == 0 { Ok(String::new()) } else { Err(format!("{left} keys are left").into()) }
    }));
}
