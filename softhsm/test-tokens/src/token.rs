//! A token and all that belongs to it.

use std::path::{Path, PathBuf};

use crate::directory::Directory;
use crate::environment::Claim;
use crate::error::TokenError;
use crate::network::Server;
use crate::programs::{self, Program};
use crate::{kryoptic, network, nss, softhsm};

/// A token that lasts as long as this value, in a temporary directory that is removed with it.
///
/// A token in a `static` is never dropped. Its directory is removed when the next token is made, by whatever process,
/// and a server that belongs to it ends with the process.
#[derive(Debug)]
pub struct TestToken {
    pub(crate) label: String,
    pub(crate) lib: PathBuf,
    /// What the fault shim stands before: the same as `lib`, unless that is a shim already.
    pub(crate) module: PathBuf,
    pub(crate) serial: String,
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) server: Option<Server>,
    pub(crate) directory: Directory,
    /// Last, so that the variables stay set until all else is gone.
    pub(crate) _claim: Claim,
}

impl TestToken {
    /// A token of [SoftHSM], with a label of at most 32 bytes.
    ///
    /// # Errors
    ///
    /// [`TokenError::Missing`] names the Debian package that is not installed; [`TokenError::Taken`] means that this
    /// process has a token of SoftHSM already. The others tell what failed.
    ///
    /// [SoftHSM]: https://www.softhsm.org/
    pub fn softhsm(label: &str) -> Result<Self, TokenError> {
        softhsm::make(label)
    }

    /// A token of [Kryoptic], which knows PKCS #11 3.0's message functions and locks after ten wrong PINs.
    ///
    /// `cargo xtask setup` builds its module into the target directory; `STRONGROOM_KRYOPTIC` names another one.
    ///
    /// # Errors
    ///
    /// As [`TestToken::softhsm`], whose tool makes this token too.
    ///
    /// [Kryoptic]: https://github.com/latchset/kryoptic
    pub fn kryoptic(label: &str) -> Result<Self, TokenError> {
        kryoptic::make(label)
    }

    /// A token of NSS softokn, strict and full of surprises. NSS wants its configuration as an argument of
    /// `C_Initialize`, so that [`lib`](Self::lib) is the fault shim, which supplies it.
    ///
    /// # Errors
    ///
    /// As [`TestToken::softhsm`].
    pub fn nss(label: &str) -> Result<Self, TokenError> {
        nss::make(label)
    }

    /// A token of SoftHSM behind a server of p11-kit: what a program sees of it is p11-kit's client, as it would be with
    /// an HSM in the network. [`kill_server`](Self::kill_server) cuts the connection.
    ///
    /// p11-kit 0.24 passes on only mechanisms whose parameters it knows: RSA-OAEP, ECDSA and HMAC among them, but of AES
    /// only ECB and key generation. 0.25 knows more.
    ///
    /// # Errors
    ///
    /// As [`TestToken::softhsm`].
    pub fn network(label: &str) -> Result<Self, TokenError> {
        network::make(label)
    }

    /// The module to load.
    pub fn lib(&self) -> &Path {
        &self.lib
    }

    /// The token's label, by which to find it among the slots.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The token's serial number, as its module tells it.
    pub fn serial(&self) -> &str {
        &self.serial
    }

    /// The user's PIN.
    pub fn pin(&self) -> &'static str {
        PIN
    }

    /// The security officer's PIN.
    pub fn so_pin(&self) -> &'static str {
        SO_PIN
    }

    /// A file that holds the user's PIN and nothing else, readable for its owner alone.
    pub fn pin_file(&self) -> PathBuf {
        self.directory.pin_file()
    }

    /// Where everything of this token lies.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The environment variables by which the module finds this token. They are set in this process; a child inherits
    /// them unless its environment is made anew.
    pub fn environment(&self) -> Vec<(String, String)> {
        self.environment.clone()
    }

    /// Makes a second token beside this one, found in the same module under its own label, and returns its serial
    /// number. Only SoftHSM has room for one, and a module that is initialised already does not see it.
    ///
    /// # Errors
    ///
    /// [`TokenError::Program`] where the module has no free slot.
    pub fn add_token(&self, label: &str) -> Result<String, TokenError> {
        initialise(&self.directory, &self.module, &self.environment, label)?;
        serial(&self.directory, &self.module, &self.environment, label)
    }

    /// Takes the token's store away from under the module, as a volume that is no longer mounted.
    ///
    /// # Errors
    ///
    /// [`TokenError::Io`], also when it is away already.
    pub fn remove_directory(&self) -> Result<(), TokenError> {
        self.directory.take_store_away()
    }

    /// Puts back what [`remove_directory`](Self::remove_directory) took away.
    ///
    /// # Errors
    ///
    /// [`TokenError::Io`], also when it is there.
    pub fn restore_directory(&self) -> Result<(), TokenError> {
        self.directory.put_store_back()
    }

    /// Kills the server with SIGKILL, and with it every process that serves a connection.
    ///
    /// # Errors
    ///
    /// [`TokenError::NoServer`] for a token that has none; [`TokenError::Io`] when waiting fails.
    pub fn kill_server(&self) -> Result<(), TokenError> {
        self.server.as_ref().ok_or(TokenError::NoServer)?.kill()
    }

    /// Starts the server at the same address, after killing one that still runs, and waits until it listens.
    ///
    /// # Errors
    ///
    /// [`TokenError::NoServer`] for a token that has none; otherwise what the server says.
    pub fn restart_server(&self) -> Result<(), TokenError> {
        self.server.as_ref().ok_or(TokenError::NoServer)?.start()
    }
}

/// Initialises a free slot of the module as a token with this label and the PINs of all test tokens.
pub(crate) fn initialise(
    directory: &Directory,
    lib: &Path,
    environment: &[(String, String)],
    label: &str,
) -> Result<(), TokenError> {
    let program = util(directory, lib, environment)?.args(["--init-token", "--free", "--label", label]);
    program.args(["--so-pin", SO_PIN, "--pin", PIN]).run().map(drop)
}

/// The serial number of the module's token with this label.
pub(crate) fn serial(
    directory: &Directory,
    lib: &Path,
    environment: &[(String, String)],
    label: &str,
) -> Result<String, TokenError> {
    let printed = util(directory, lib, environment)?.args(["--show-slots"]).run()?;
    find_serial(&printed, label).ok_or_else(|| TokenError::NoToken { label: label.into(), printed })
}

/// SoftHSM's tool, which works with any module, but only where SoftHSM has a configuration that it may read.
fn util(directory: &Directory, lib: &Path, environment: &[(String, String)]) -> Result<Program, TokenError> {
    let program = Program::new("softhsm2-util", programs::SOFTHSM)?;
    let program = program.environment(&softhsm::environment(directory)).environment(environment);
    Ok(program.args(["--module".as_ref(), lib.as_os_str()]))
}

fn find_serial(printed: &str, label: &str) -> Option<String> {
    let mut serial = "";
    for line in printed.lines() {
        let Some((name, value)) = line.split_once(':') else { continue };
        match name.trim() {
            "Serial number" => serial = value.trim(),
            // The label comes last in a token's description.
            "Label" if value.trim() == label => return Some(serial.into()),
            _ => {}
        }
    }
    None
}

/// As long as the strictest of the modules wants it.
pub(crate) const PIN: &str = "open-sesame-2468";
pub(crate) const SO_PIN: &str = "officer-13579";

#[cfg(test)]
mod tests {
    use super::find_serial;

    #[test]
    fn serial_number_is_that_of_the_token_with_the_label() {
        let printed = "Available slots:\nSlot 1\n    Token info:\n        Serial number:    aa01            \n\
                       \x20       Label:            first   \nSlot 2\n        Serial number:    bb02\n\
                       \x20       Label:            second\n";
        assert_eq!(find_serial(printed, "first").as_deref(), Some("aa01"));
        assert_eq!(find_serial(printed, "second").as_deref(), Some("bb02"));
        assert_eq!(find_serial(printed, "third"), None);
    }
}
