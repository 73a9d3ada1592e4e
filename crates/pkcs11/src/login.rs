//! PINs, and what tokens said about them.
//!
//! A token counts wrong PINs and locks itself. So a PIN that was refused is remembered for the life of the process, by
//! module and token, and never tried again, whoever asks.

use std::env;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use cryptoki::error::RvError;
use cryptoki::session::Session;
use strongroom_crypto::secret::SecretBytes;
use zeroize::Zeroizing;

use crate::code::{Code, Remedy};
use crate::config::PinSource;
use crate::error::Failure;
use crate::module::{Module, lock};

/// Reads the PIN into secret memory.
pub(crate) fn read(source: &PinSource) -> Result<SecretBytes, Failure> {
    let pin = match source {
        PinSource::Env(name) => {
            let value = env::var_os(name).ok_or_else(|| {
                Failure::Setting(format!("the environment variable {name} is not set; put the PIN there"))
            })?;
            let bytes = Zeroizing::new(value.into_encoded_bytes());
            SecretBytes::copy_from_slice(&bytes)?
        }
        PinSource::File(path) => {
            let failed =
                |error| Failure::Setting(format!("the PIN file {} cannot be read ({error})", path.display()));
            // Reserved in full, since growing would leave a copy behind.
            let mut bytes = Zeroizing::new(Vec::with_capacity(PIN_MAX));
            let most = u64::try_from(PIN_MAX).unwrap_or(u64::MAX);
            File::open(path).map_err(failed)?.take(most).read_to_end(&mut bytes).map_err(failed)?;
            if bytes.len() == PIN_MAX {
                return Err(Failure::Setting(format!(
                    "the PIN file {} is no PIN: it is too long",
                    path.display()
                )));
            }
            let line = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
            SecretBytes::copy_from_slice(line.strip_suffix(b"\r").unwrap_or(line))?
        }
        PinSource::Given(pin) => pin.duplicate()?,
    };
    if pin.expose().contains(&b'\n') {
        return Err(Failure::Setting(
            "the PIN has more than one line; keep it alone where it is read from".into(),
        ));
    }
    if pin.is_empty() {
        // Some tokens count an empty PIN as a wrong one.
        return Err(Failure::Setting("the PIN is empty; give the PIN of the token's user".into()));
    }
    Ok(pin)
}

/// What the token said to a login.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Login {
    /// It took the PIN.
    Accepted,
    /// The process was logged in already, so it did not look at the PIN.
    Unchecked,
}

/// Logs in. At most one thread of the process is inside for one token, so that two tries of one wrong PIN cannot count twice.
pub(crate) fn login(
    module: &Module,
    serial: &str,
    session: &Session,
    pin: &SecretBytes,
) -> Result<Login, Failure> {
    let refusals = refusals_of(module.path(), serial);
    let mut refusals = lock(&refusals);
    if let Some(refusal) = refusals.iter().find(|refusal| refusal.pin.ct_eq(pin)) {
        return Err(Failure::Pin { code: refusal.code, remembered: true });
    }
    match module.raw().login(session, Some(pin.expose())) {
        Ok(()) => Ok(Login::Accepted),
        Err(Failure::Call { code, .. }) if code.error() == RvError::UserAlreadyLoggedIn => {
            Ok(Login::Unchecked)
        }
        Err(Failure::Call { code, .. }) if code.remedy() == Remedy::Pin => {
            refusals.push(Refusal { pin: pin.duplicate()?, code });
            Err(Failure::Pin { code, remembered: false })
        }
        Err(other) => Err(other),
    }
}

/// Remembers a PIN that the token must have counted as wrong, though it did not say so.
pub(crate) fn refuse(
    module: &Module,
    serial: &str,
    pin: &SecretBytes,
    code: Code,
) -> Result<Failure, Failure> {
    lock(&refusals_of(module.path(), serial)).push(Refusal { pin: pin.duplicate()?, code });
    Ok(Failure::Pin { code, remembered: false })
}

struct Refusal {
    pin: SecretBytes,
    code: Code,
}

type Refusals = Arc<Mutex<Vec<Refusal>>>;

fn refusals_of(module: &Path, serial: &str) -> Refusals {
    let mut tokens = lock(&TOKENS);
    let known = tokens.iter().find(|token| token.module == module && token.serial == serial);
    if let Some(token) = known {
        return Arc::clone(&token.refusals);
    }
    let refusals = Refusals::default();
    tokens.push(Token { module: module.into(), serial: serial.into(), refusals: Arc::clone(&refusals) });
    refusals
}

struct Token {
    module: PathBuf,
    serial: String,
    refusals: Refusals,
}

/// Longer than every token's PIN.
const PIN_MAX: usize = 4096;

static TOKENS: Mutex<Vec<Token>> = Mutex::new(Vec::new());
