//! Where a ceremony's files lie: not in each other's way, and nobody else's.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::CeremonyError;
use crate::plan::Plan;

/// Whether the store and the output directory lie apart. What is written and removed in one of them must not be the other.
///
/// # Errors
///
/// [`CeremonyError::Misfit`].
pub fn fit(plan: &Plan) -> Result<(), CeremonyError> {
    let Some(store) = &plan.store else { return Ok(()) };
    let (store, output) = (real(store), real(&plan.output));
    if store.starts_with(&output) || output.starts_with(&store) {
        return Err(CeremonyError::Misfit(OVERLAP));
    }
    Ok(())
}

/// The path without links and dots, as far as it is there.
pub(super) fn real(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::ParentDir => {
                plain.pop();
            }
            part => plain.push(part),
        }
        plain = fs::canonicalize(&plain).unwrap_or(plain);
    }
    plain
}

/// Whether nobody but this user (and root) can write here: what lies here is gone on with.
///
/// # Errors
///
/// [`CeremonyError::Writable`].
pub fn is_ours(directory: &Path) -> Result<(), CeremonyError> {
    let failed = |error| CeremonyError::io("the output directory could not be looked at", error);
    let found = fs::metadata(directory).map_err(failed)?;
    let me = fs::metadata("/proc/self").map_err(failed)?.uid();
    if (found.uid() == me || found.uid() == 0) && found.mode() & WRITABLE_BY_OTHERS == 0 {
        return Ok(());
    }
    Err(CeremonyError::Writable(directory.to_owned()))
}

const WRITABLE_BY_OTHERS: u32 = 0o022;
const OVERLAP: &str = "the store and the output directory lie within each other, and what is removed in one would be lost in the \
     other: give the plan two directories apart";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_is_the_same_whatever_leads_to_it() {
        let directory = tempfile::tempdir().unwrap();
        let base = fs::canonicalize(directory.path()).unwrap();
        fs::create_dir(base.join("a")).unwrap();
        std::os::unix::fs::symlink(base.join("a"), base.join("link")).unwrap();
        for path in ["a", "link", "a/../a", "./link/.", "a/new/.."] {
            assert_eq!(real(&base.join(path)), base.join("a"), "{path}");
        }
        assert_eq!(real(&base.join("link/x/y")), base.join("a/x/y"));
    }
}
