//! Tries what a token can do, by doing it, and prints what came of it as JSON.
//!
//! ```text
//! capabilities LIB TOKEN_LABEL PIN_FILE
//! ```
//!
//! It goes straight to the module, past all that the crate does to be safe, since what a token *accepts* is part of the
//! answer: one that encrypts without an IV will do so for anybody. All keys are session objects but one, which is destroyed.

mod probes;
mod raw;

use std::path::Path;
use std::process::ExitCode;

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::session::UserType;
use cryptoki::types::AuthPin;
use serde_json::{Value, json};

use self::probes::Probes;
use self::raw::Raw;

#[allow(clippy::print_stdout, clippy::print_stderr, reason = "a program that prints its result")]
fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [lib, label, pin_file] = arguments.as_slice() else {
        eprintln!("usage: capabilities LIB TOKEN_LABEL PIN_FILE");
        return ExitCode::from(2);
    };
    match probe(Path::new(lib), label, Path::new(pin_file)) {
        Ok(report) => {
            println!("{report:#}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn probe(lib: &Path, label: &str, pin_file: &Path) -> Result<Value, Box<dyn std::error::Error>> {
    let pin = std::fs::read_to_string(pin_file)?;
    let module = Pkcs11::new(lib)?;
    let locking = || CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK);
    module.initialize(locking())?;
    let again = module.initialize(locking());
    let is_meant = |slot: &_| module.get_token_info(*slot).is_ok_and(|token| token.label() == label);
    let slot =
        module.get_slots_with_token()?.into_iter().find(is_meant).ok_or("no token has this label")?;
    let token = module.get_token_info(slot)?;
    let session = module.open_rw_session(slot)?;
    session.login(UserType::User, Some(&AuthPin::new(pin.trim_end_matches('\n').into())))?;

    let mut capabilities = Probes::new(&module, slot, Raw::load(lib)?).all();
    capabilities.push(("a second C_Initialize", raw::told(&again)));
    // Another session of a process that is logged in. No token counts this as a try.
    let other = module.open_rw_session(slot)?;
    let wrong = other.login(UserType::User, Some(&AuthPin::new("wrong-wrong-1357".into())));
    capabilities.push(("a wrong PIN while logged in", raw::told(&wrong)));

    let version = token.firmware_version();
    Ok(json!({
        "describes_itself": format!(
            "{}, {}, firmware {}.{}",
            token.manufacturer_id(),
            token.model(),
            version.major(),
            version.minor()
        ),
        "capabilities": capabilities
            .into_iter()
            .map(|(name, answer)| json!({ "name": name, "answer": answer }))
            .collect::<Vec<_>>(),
    }))
}
