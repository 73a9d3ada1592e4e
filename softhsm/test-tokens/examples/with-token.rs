//! Makes a token, runs a program with it, and removes it.
//!
//! ```text
//! cargo run -p strongroom-test-tokens --example with-token -- softhsm pkcs11-tool --module {lib} -M
//! ```
//!
//! The kinds are `softhsm`, `kryoptic`, `nss` and `network`. In the program's arguments `{lib}` stands for the module,
//! `{label}` for the token's label and `{pin-file}` for the path of a file with the PIN. The program gets the
//! environment that the module wants.

use std::process::{Command, ExitCode};

use strongroom_test_tokens::{TestToken, TokenError};

#[allow(clippy::print_stderr, reason = "a program that talks to a person on a terminal")]
fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let kind = words.next().and_then(|kind| KINDS.iter().find(|(name, _)| *name == kind));
    let (Some((_, make)), Some(program)) = (kind, words.next()) else {
        let names: Vec<&str> = KINDS.iter().map(|(name, _)| *name).collect();
        eprintln!("usage: with-token {} PROGRAM [ARGUMENTS]", names.join("|"));
        return ExitCode::from(2);
    };
    let token = match make(LABEL) {
        Ok(token) => token,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::FAILURE;
        }
    };
    let (lib, pin_file) = (token.lib().display().to_string(), token.pin_file().display().to_string());
    let filled = words.map(|word| {
        word.replace("{lib}", &lib).replace("{label}", token.label()).replace("{pin-file}", &pin_file)
    });
    match Command::new(&program).args(filled).status() {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: cannot start {program}: {error}");
            ExitCode::FAILURE
        }
    }
}

type Make = fn(&str) -> Result<TestToken, TokenError>;

const KINDS: &[(&str, Make)] = &[
    ("softhsm", TestToken::softhsm),
    ("kryoptic", TestToken::kryoptic),
    ("nss", TestToken::nss),
    ("network", TestToken::network),
];
const LABEL: &str = "throw-away";
