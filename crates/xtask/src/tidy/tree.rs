//! The files of the repository, and what may lie at its top.

use std::path::{Path, PathBuf};

use super::{File, Problem};
use crate::shell::Failure;

/// Every text file, without what git ignores.
pub(super) fn read(root: &Path) -> Result<Vec<File>, Failure> {
    let mut files = Vec::new();
    let mut waiting: Vec<PathBuf> = entries(root)?;
    while let Some(path) = waiting.pop() {
        let relative = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
        if path.is_symlink() || IGNORED.contains(&relative.as_str()) {
            continue;
        }
        if path.is_dir() {
            // Cargo marks its target directories with this file, whatever they are called.
            if !path.join("CACHEDIR.TAG").exists() {
                waiting.extend(entries(&path)?);
            }
        } else if let Ok(text) = std::fs::read_to_string(&path) {
            files.push(File { path: relative, text });
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

/// The names at the top of the tree.
pub(super) fn top_level(root: &Path) -> Result<Vec<String>, Failure> {
    let name = |path: PathBuf| path.file_name().map(|name| name.to_string_lossy().into_owned());
    Ok(entries(root)?.into_iter().filter_map(name).collect())
}

pub(super) fn check_top_level(names: &[String]) -> Vec<Problem> {
    let strangers = names.iter().filter(|name| !TOP_LEVEL.contains(&name.as_str()));
    strangers
        .map(|name| Problem::new(name, "does not belong at the top level (crates/xtask/src/tidy/tree.rs)"))
        .collect()
}

fn entries(directory: &Path) -> Result<Vec<PathBuf>, Failure> {
    let reading = || format!("cannot list {}", directory.display());
    let list = std::fs::read_dir(directory).map_err(Failure::while_doing(reading()))?;
    list.map(|entry| entry.map(|entry| entry.path()).map_err(Failure::while_doing(reading()))).collect()
}

const TOP_LEVEL: &[&str] = &[
    ".cargo",
    ".ci",
    ".editorconfig",
    ".git",
    ".gitattributes",
    ".github",
    ".gitignore",
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "SECURITY.md",
    "benches",
    "clippy.toml",
    "crates",
    "deny.toml",
    "docs",
    "fuzz",
    "rustfmt.toml",
    "softhsm",
    "target",
    "testvectors",
];

const IGNORED: &[&str] =
    &[".git", "target", "fuzz/target", "fuzz/artifacts", "fuzz/coverage", "fuzz/corpus", "fuzz/regressions"];

#[cfg(test)]
mod tests {
    use super::{check_top_level, read};

    #[test]
    fn stranger_at_the_top_is_named() {
        let names = ["Cargo.toml".to_string(), "notes.txt".to_string()];
        let problems = check_top_level(&names);
        assert_eq!(problems.len(), 1);
        assert!(problems[0].to_string().starts_with("notes.txt: error"));
    }

    #[test]
    fn every_manifest_of_this_workspace_is_read() {
        let files = read(&crate::shell::root()).unwrap();
        for path in ["Cargo.toml", "Cargo.lock", "crates/xtask/Cargo.toml", "crates/crypto/src/lib.rs"] {
            assert!(files.iter().any(|file| file.path == path), "{path}");
        }
    }
}
