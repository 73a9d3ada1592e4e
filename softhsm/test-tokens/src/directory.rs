//! Temporary directories that go when their token goes, or when the process does.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::error::TokenError;
use crate::token::PIN;

/// One token's directory: its store, a file with its PIN, and a configuration of SoftHSM.
#[derive(Debug)]
pub(crate) struct Directory(TempDir);

impl Directory {
    pub(crate) fn new() -> Result<Self, TokenError> {
        let parent = std::env::temp_dir();
        sweep(&parent);
        let made = tempfile::Builder::new().prefix(&prefix(std::process::id())).tempdir_in(&parent);
        let directory =
            Self(made.map_err(TokenError::io(format!("cannot make a directory in {}", parent.display())))?);
        let store = directory.store();
        fs::create_dir(&store).map_err(TokenError::io(format!("cannot make {}", store.display())))?;
        let pin = directory.pin_file();
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&pin)
            .and_then(|mut file| file.write_all(PIN.as_bytes()))
            .map_err(TokenError::io(format!("cannot write {}", pin.display())))?;
        let configuration = directory.softhsm_configuration();
        let text = SOFTHSM_TEMPLATE.replace("@DIRECTORY@", &directory.path().display().to_string());
        fs::write(&configuration, text)
            .map_err(TokenError::io(format!("cannot write {}", configuration.display())))?;
        Ok(directory)
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Where the module keeps its objects.
    pub(crate) fn store(&self) -> PathBuf {
        self.path().join("tokens")
    }

    pub(crate) fn pin_file(&self) -> PathBuf {
        self.path().join("pin")
    }

    pub(crate) fn softhsm_configuration(&self) -> PathBuf {
        self.path().join("softhsm2.conf")
    }

    pub(crate) fn take_store_away(&self) -> Result<(), TokenError> {
        rename(&self.store(), &self.away())
    }

    pub(crate) fn put_store_back(&self) -> Result<(), TokenError> {
        let store = self.store();
        // A module may have made the directory anew meanwhile; one with objects in it is not for us to remove.
        if store.exists() {
            fs::remove_dir(&store)
                .map_err(TokenError::io(format!("{} came back by itself", store.display())))?;
        }
        rename(&self.away(), &store)
    }

    fn away(&self) -> PathBuf {
        self.path().join("tokens.away")
    }
}

fn rename(from: &Path, to: &Path) -> Result<(), TokenError> {
    fs::rename(from, to).map_err(TokenError::io(format!(
        "cannot rename {} to {}",
        from.display(),
        to.display()
    )))
}

/// Removes what processes that are gone have left, as they do when a token was in a `static`.
fn sweep(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    let stem = prefix_stem();
    for entry in entries.flatten() {
        let name = entry.file_name();
        let owner =
            name.to_str().and_then(|name| name.strip_prefix(&stem)).and_then(|rest| rest.split('-').next());
        let Some(owner) = owner.and_then(|owner| owner.parse::<u32>().ok()) else { continue };
        if !Path::new("/proc").join(owner.to_string()).exists() {
            // Another process may be sweeping too.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn prefix(process: u32) -> String {
    format!("{}{process}-", prefix_stem())
}

/// Process numbers mean something only within their name space.
fn prefix_stem() -> String {
    let space = fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    let digits: String = space.to_string_lossy().chars().filter(char::is_ascii_digit).collect();
    format!("strongroom-token-{digits}-")
}

const SOFTHSM_TEMPLATE: &str = include_str!("../../softhsm2.conf.in");

#[cfg(test)]
mod tests {
    use super::{Directory, prefix, sweep};
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn leftovers_of_dead_processes_are_swept_and_those_of_the_living_stay() {
        let parent = tempfile::tempdir().unwrap();
        // Above the kernel's largest process number.
        let dead = parent.path().join(format!("{}x", prefix(u32::MAX)));
        let living = parent.path().join(format!("{}x", prefix(std::process::id())));
        let stranger = parent.path().join("strongroom-token-");
        for directory in [&dead, &living, &stranger] {
            fs::create_dir(directory).unwrap();
        }
        sweep(parent.path());
        assert!(!dead.exists());
        assert!(living.exists());
        assert!(stranger.exists());
    }

    #[test]
    fn store_goes_away_and_comes_back() {
        let directory = Directory::new().unwrap();
        fs::write(directory.store().join("object"), "key").unwrap();
        directory.take_store_away().unwrap();
        assert!(!directory.store().exists());
        assert!(directory.take_store_away().is_err());
        fs::create_dir(directory.store()).unwrap();
        directory.put_store_back().unwrap();
        assert_eq!(fs::read_to_string(directory.store().join("object")).unwrap(), "key");
        assert!(directory.put_store_back().is_err());
    }

    #[test]
    fn pin_is_for_its_owner_alone_and_all_is_gone_afterwards() {
        let directory = Directory::new().unwrap();
        let path = directory.path().to_path_buf();
        let mode = fs::metadata(directory.pin_file()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        drop(directory);
        assert!(!path.exists());
    }
}
