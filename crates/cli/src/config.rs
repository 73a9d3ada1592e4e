//! The configuration file: where it is, and the HSMs that it names.

use std::env;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use strongroom::{HsmFile, Hsms, SecretBytes};

use crate::exit::{Failure, Kind};
use crate::output::Output;
use crate::terminal;

/// Reads the file and the environment. Without either there are no HSMs, which is no error until one is needed.
pub(crate) fn hsms(given: Option<&Path>, output: Output) -> Result<Hsms, Failure> {
    let text = match given {
        Some(path) => read(path)?,
        None => match default_place() {
            Some(path) if path.is_file() => read(&path)?,
            _ => String::new(),
        },
    };
    let file: HsmFile = text.parse()?;
    let environment = |name: &str| env::var(name).ok();
    Ok(Hsms::new(file, environment)?.asking(ask_pin).warning(move |text| output.warning(text)))
}

/// A module that the file names runs within this process: so the file must be nobody else's to write.
fn read(path: &Path) -> Result<String, Failure> {
    let failed = |error: io::Error| {
        Failure::io(format_args!("the configuration {} could not be read", path.display()), &error)
    };
    let metadata = fs::metadata(path).map_err(failed)?;
    if metadata.mode() & WRITABLE_BY_OTHERS != 0 {
        return Err(Failure::new(
            Kind::Unprotected,
            format!(
                "the configuration {} can be written by other users (mode {:03o}), and it names modules that run within this \
                 process: make it yours alone with chmod go-w",
                path.display(),
                metadata.mode() & 0o777
            ),
        ));
    }
    fs::read_to_string(path).map_err(failed)
}

fn default_place() -> Option<PathBuf> {
    let directory = match env::var_os("XDG_CONFIG_HOME").filter(|directory| !directory.is_empty()) {
        Some(directory) => PathBuf::from(directory),
        None => PathBuf::from(env::var_os("HOME")?).join(".config"),
    };
    Some(directory.join("strongroom/config.toml"))
}

/// Asks for a PIN that the configuration does not tell where to find.
fn ask_pin(token: &str) -> Option<SecretBytes> {
    if !terminal::is_present() {
        return None;
    }
    let pin = terminal::ask_hidden(&format!("PIN of the token \"{token}\": ")).ok()??;
    SecretBytes::copy_from_slice(pin.trim_end_matches(['\r', '\n']).as_bytes()).ok()
}

const WRITABLE_BY_OTHERS: u32 = 0o022;
