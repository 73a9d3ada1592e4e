//! The configuration file: where it is, and the HSMs that it names.

use std::env;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use strongroom::{HsmFile, Hsms, SecretBytes};

use crate::exit::{Failure, Kind};
use crate::output::Output;
use crate::terminal;

/// Reads the file and the environment. Without either there are no HSMs, which is no error until one is needed.
pub(crate) fn hsms(given: Option<&Path>, output: Output) -> Result<Hsms, Failure> {
    let text = match (given, default_place()) {
        (Some(path), _) => read(path)?,
        (None, Some(path)) => match read(&path) {
            Err(failure) if failure.kind == Kind::NotFound && !path.is_symlink() => String::new(),
            text => text?,
        },
        (None, None) => String::new(),
    };
    let file: HsmFile = text.parse()?;
    let environment = |name: &str| env::var(name).ok();
    Ok(Hsms::new(file, environment)?.asking(ask_pin).warning(move |text| output.warning(text)))
}

/// Lets PINs be asked for, or not: a thread that only watches must not write into a person's prompt.
pub(crate) fn let_ask(may: bool) {
    MAY_ASK.store(may, Ordering::SeqCst);
}

/// A module that the file names runs within this process: so the file, and the directory that says which file it is, must be
/// nobody else's to write.
fn read(path: &Path) -> Result<String, Failure> {
    let failed = |error: io::Error| {
        Failure::io(format_args!("the configuration {} could not be read", path.display()), &error)
    };
    // What was looked at is what is read.
    let mut file = File::open(path).map_err(failed)?;
    let real = fs::canonicalize(path).map_err(failed)?;
    let mut places = vec![(path, file.metadata().map_err(failed)?)];
    for directory in [path.parent(), real.parent()].into_iter().flatten() {
        let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
        places.push((directory, fs::metadata(directory).map_err(failed)?));
    }
    let me = fs::metadata("/proc/self").map_or(0, |process| process.uid());
    for (place, metadata) in places {
        // In a directory like /tmp others can make files, but not replace this one.
        let shared = metadata.is_dir() && metadata.mode() & STICKY != 0;
        let others = metadata.mode() & WRITABLE_BY_OTHERS != 0 && !shared;
        if others || (metadata.uid() != 0 && metadata.uid() != me) {
            return Err(Failure::new(
                Kind::Unprotected,
                format!(
                    "the configuration {} can be changed by other users ({}: owner {}, mode {:03o}), and it names modules that run \
                     within this process: make it yours alone with chown and chmod go-w",
                    path.display(),
                    place.display(),
                    metadata.uid(),
                    metadata.mode() & 0o777
                ),
            ));
        }
    }
    let mut text = String::new();
    file.read_to_string(&mut text).map_err(failed)?;
    Ok(text)
}

fn default_place() -> Option<PathBuf> {
    let directory = match env::var_os("XDG_CONFIG_HOME").filter(|directory| !directory.is_empty()) {
        Some(directory) => PathBuf::from(directory),
        None => PathBuf::from(env::var_os("HOME")?).join(".config"),
    };
    Some(directory.join("strongroom/config.toml"))
}

/// Asks for a PIN that the configuration does not tell where to find.
pub(crate) fn ask_pin(token: &str) -> Option<SecretBytes> {
    if !MAY_ASK.load(Ordering::SeqCst) || !terminal::is_present() {
        return None;
    }
    let pin = terminal::ask_hidden(&format!("PIN of the token \"{token}\": ")).ok()??;
    SecretBytes::copy_from_slice(pin.trim_end_matches(['\r', '\n']).as_bytes()).ok()
}

static MAY_ASK: AtomicBool = AtomicBool::new(true);

const WRITABLE_BY_OTHERS: u32 = 0o022;
const STICKY: u32 = 0o1000;
