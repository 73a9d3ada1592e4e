//! Which tokens a module shows, and what they can do.

use std::path::Path;
use std::time::Duration;

use cryptoki::mechanism::MechanismType;
use cryptoki::slot::{Slot, TokenInfo};

use crate::config::TokenConfig;
use crate::error::{Failure, TokenError};
use crate::module::Module;

/// What a token says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenSummary {
    /// The slot's number.
    pub slot: u64,
    /// The token's label.
    pub label: String,
    /// Its serial number.
    pub serial: String,
    /// Who made it.
    pub manufacturer: String,
    /// Its model.
    pub model: String,
    /// The version of its firmware.
    pub firmware: String,
    /// What state it is in.
    pub flags: TokenFlags,
}

/// A token's flags (`CK_TOKEN_INFO.flags`) that matter here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools)]
pub struct TokenFlags {
    /// It was initialised.
    pub initialised: bool,
    /// It has a random generator.
    pub random: bool,
    /// It asks for a login.
    pub login_required: bool,
    /// The user's PIN was set.
    pub user_pin_initialised: bool,
    /// A wrong PIN was given since the last right one.
    pub user_pin_count_low: bool,
    /// The next wrong PIN locks it.
    pub user_pin_final_try: bool,
    /// The user's PIN is locked.
    pub user_pin_locked: bool,
    /// Nothing can be written to it.
    pub write_protected: bool,
}

/// The tokens of a module, and the slots that could not be read.
#[derive(Debug)]
pub struct TokenList {
    /// Those that could be read.
    pub tokens: Vec<TokenSummary>,
    /// The others, by the slot's number, with the reason.
    pub unreadable: Vec<(u64, Failure)>,
}

/// Lists the tokens of a module. `parameters` are [`TokenConfig::library_parameters`].
///
/// # Errors
///
/// The module cannot be loaded or initialised. A slot that cannot be read is an entry of the list.
pub fn tokens(lib: &Path, parameters: Option<&str>) -> Result<TokenList, TokenError> {
    at_module(lib, parameters, |module| {
        let _pass = module.enter(PATIENCE)?;
        list(module)
    })
}

/// One mechanism of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MechanismSummary {
    /// Its number.
    pub number: u64,
    /// Its name, where the binding knows it.
    pub name: Option<String>,
    /// The least and the greatest key, in the mechanism's own unit (bits or bytes: the standard leaves that to the mechanism).
    pub key_sizes: Option<(usize, usize)>,
    /// What it serves here.
    pub serves: Option<&'static str>,
}

/// Lists the mechanisms of the token in a slot. `parameters` are [`TokenConfig::library_parameters`].
///
/// # Errors
///
/// The module or the slot cannot be read.
pub fn mechanisms(
    lib: &Path,
    parameters: Option<&str>,
    slot: u64,
) -> Result<Vec<MechanismSummary>, TokenError> {
    at_module(lib, parameters, |module| {
        let _pass = module.enter(PATIENCE)?;
        let slot = Slot::try_from(slot)?;
        let numbers = module.raw().mechanisms(module.binding(), slot)?;
        Ok(numbers.into_iter().map(|number| describe(module, slot, number)).collect())
    })
}

/// The one token that the configuration means. The caller is inside the module.
pub(crate) fn select(module: &Module, config: &TokenConfig) -> Result<TokenSummary, Failure> {
    let present = list(module)?.tokens;
    let matches = |token: &&TokenSummary| {
        config.slot.is_none_or(|slot| token.slot == slot)
            && config.token_label.as_ref().is_none_or(|label| *label == token.label)
            && config.serial.as_ref().is_none_or(|serial| *serial == token.serial)
            && token.flags.initialised
    };
    let found: Vec<_> = present.iter().filter(matches).collect();
    if let [token] = found.as_slice() {
        return Ok((*token).clone());
    }
    Err(Failure::Selection { found: found.len(), wanted: wanted(config), present: shown(&present) })
}

fn list(module: &Module) -> Result<TokenList, Failure> {
    let binding = module.binding();
    let mut all = TokenList { tokens: Vec::new(), unreadable: Vec::new() };
    for slot in binding.get_slots_with_token()? {
        match binding.get_token_info(slot) {
            Ok(info) => all.tokens.push(summary(slot, &info)),
            Err(error) => all.unreadable.push((slot.id(), error.into())),
        }
    }
    Ok(all)
}

fn summary(slot: Slot, info: &TokenInfo) -> TokenSummary {
    TokenSummary {
        slot: slot.id(),
        label: info.label().into(),
        serial: info.serial_number().into(),
        manufacturer: info.manufacturer_id().into(),
        model: info.model().into(),
        firmware: info.firmware_version().to_string(),
        flags: TokenFlags {
            initialised: info.token_initialized(),
            random: info.rng(),
            login_required: info.login_required(),
            user_pin_initialised: info.user_pin_initialized(),
            user_pin_count_low: info.user_pin_count_low(),
            user_pin_final_try: info.user_pin_final_try(),
            user_pin_locked: info.user_pin_locked(),
            write_protected: info.write_protected(),
        },
    }
}

fn describe(module: &Module, slot: Slot, number: u64) -> MechanismSummary {
    let known = MechanismType::try_from(number).ok();
    let info = known.and_then(|known| module.binding().get_mechanism_info(slot, known).ok());
    MechanismSummary {
        number,
        name: known.map(|known| known.to_string()).or_else(|| {
            UNBOUND.iter().find(|(unbound, _)| *unbound == number).map(|(_, name)| (*name).into())
        }),
        key_sizes: info.map(|info| (info.min_key_size(), info.max_key_size())),
        serves: SERVES.iter().find(|(serving, _)| *serving == number).map(|(_, what)| *what),
    }
}

fn wanted(config: &TokenConfig) -> String {
    let parts: Vec<_> = [
        config.slot.map(|slot| format!("slot {slot}")),
        config.token_label.as_ref().map(|label| format!("token_label “{label}”")),
        config.serial.as_ref().map(|serial| format!("serial {serial}")),
    ]
    .into_iter()
    .flatten()
    .collect();
    if parts.is_empty() {
        "any name (no slot, token_label or serial is set)".into()
    } else {
        parts.join(" and ")
    }
}

fn shown(present: &[TokenSummary]) -> String {
    let tokens: Vec<_> = present
        .iter()
        .filter(|token| token.flags.initialised)
        .map(|token| format!("“{}” (serial {}, slot {})", token.label, token.serial, token.slot))
        .collect();
    if tokens.is_empty() { "no initialised token".into() } else { tokens.join(", ") }
}

fn at_module<T>(
    lib: &Path,
    parameters: Option<&str>,
    work: impl FnOnce(&'static Module) -> Result<T, Failure>,
) -> Result<T, TokenError> {
    Module::load(lib, parameters)
        .and_then(work)
        .map_err(|failure| TokenError::new(&format!("module {}", lib.display()).into(), failure))
}

/// For the gate, which is closed only while the module is initialised anew.
const PATIENCE: Duration = Duration::from_secs(30);

/// Mechanisms that the binding has no name for.
const UNBOUND: &[(u64, &str)] = &[
    (cryptoki_sys::CKM_AES_KEY_WRAP_KWP, "CKM_AES_KEY_WRAP_KWP"),
    (cryptoki_sys::CKM_AES_KEY_WRAP_PKCS7, "CKM_AES_KEY_WRAP_PKCS7"),
];

const SERVES: &[(u64, &str)] = &[
    (cryptoki_sys::CKM_AES_KEY_GEN, "generating wrapping keys"),
    (cryptoki_sys::CKM_AES_GCM, "wrapping (aes-gcm)"),
    (cryptoki_sys::CKM_RSA_PKCS_KEY_PAIR_GEN, "generating wrapping keys"),
    (cryptoki_sys::CKM_RSA_PKCS_OAEP, "wrapping (rsa-oaep)"),
    (cryptoki_sys::CKM_AES_CBC_PAD, "wrapping (aes-cbc-hmac)"),
    (cryptoki_sys::CKM_SHA256_HMAC, "authenticating wrapped keys"),
    (cryptoki_sys::CKM_GENERIC_SECRET_KEY_GEN, "generating HMAC keys"),
    (cryptoki_sys::CKM_EC_KEY_PAIR_GEN, "generating signing keys"),
    (cryptoki_sys::CKM_ECDSA, "signing"),
    (cryptoki_sys::CKM_AES_ECB, "key check values"),
];
