//! Kryoptic, a token in software, built from its source in the registry: no distribution packages it, and `cargo install`
//! takes programs alone.

use std::path::{Path, PathBuf};

use crate::shell::{self, Failure, Outcome, Program};

/// Builds the module unless this version of it is there already.
pub(crate) fn prepare() -> Outcome {
    if is_current()? { Ok(()) } else { build() }
}

/// Whether [`prepare`] would have nothing to do.
pub(crate) fn is_current() -> Result<bool, Failure> {
    let directory = directory()?;
    let built = std::fs::read_to_string(directory.join(STAMP)).ok();
    Ok(directory.join(MODULE).is_file() && built == Some(stamp()))
}

fn build() -> Outcome {
    let directory = directory()?;
    // Inside the directory, so that it is moved into its place by a rename.
    let work = directory.join("work");
    clear(&work)?;
    let source = work.join("source");
    Program::new("cp").arg("-R").arg(download(&work)?).arg(&source).run()?;
    let manifest = source.join("Cargo.toml");
    let text = std::fs::read_to_string(&manifest)
        .map_err(Failure::while_doing(format!("cannot read {}", manifest.display())))?;
    // The target directory may lie within our own workspace, to which this package does not belong.
    shell::write_file(&manifest, &format!("{text}\n[workspace]\n"))?;
    let target = work.join("target");
    Program::cargo()
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", OPT_LEVEL)
        .words("build --quiet --release --locked --no-default-features --features")
        .arg(FEATURES.map(|feature| format!("kryoptic-lib/{feature}")).join(","))
        .arg("--manifest-path")
        .arg(&manifest)
        .arg("--target-dir")
        .arg(&target)
        .run()?;
    let built = target.join("release").join(MODULE);
    std::fs::rename(&built, directory.join(MODULE))
        .map_err(Failure::while_doing(format!("cannot move {}", built.display())))?;
    clear(&work)?;
    // Written last: a build that was interrupted is done again.
    shell::write_file(&directory.join(STAMP), &stamp())
}

/// Has cargo fetch the package, and returns where it put its source.
fn download(work: &Path) -> Result<PathBuf, Failure> {
    let manifest = work.join("download/Cargo.toml");
    shell::write_file(&manifest, &format!("{DOWNLOAD}kryoptic = \"={VERSION}\"\n"))?;
    shell::write_file(&work.join("download/src/lib.rs"), "")?;
    let captured = Program::cargo()
        .words("metadata --format-version 1 --filter-platform")
        .arg(format!("{}-unknown-linux-gnu", std::env::consts::ARCH))
        .arg("--manifest-path")
        .arg(&manifest)
        .capture()?;
    source_of(&captured.stdout).ok_or_else(|| {
        Failure::new(format!("cargo cannot fetch kryoptic {VERSION}: {}", captured.stderr.trim()))
    })
}

fn source_of(metadata: &str) -> Option<PathBuf> {
    let metadata: serde_json::Value = serde_json::from_str(metadata).ok()?;
    let packages = metadata.get("packages")?.as_array()?;
    let package =
        packages.iter().find(|package| package.get("name").is_some_and(|name| name == "kryoptic"))?;
    Path::new(package.get("manifest_path")?.as_str()?).parent().map(Path::to_path_buf)
}

fn clear(directory: &Path) -> Outcome {
    match std::fs::remove_dir_all(directory) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Failure::new(format!("cannot remove {}: {error}", directory.display())))
        }
        _ => Ok(()),
    }
}

/// Where the tests look for it, too.
fn directory() -> Result<PathBuf, Failure> {
    Ok(shell::target_directory()?.join("kryoptic"))
}

fn stamp() -> String {
    format!("{VERSION} {} {OPT_LEVEL}\n", FEATURES.join(" "))
}

const VERSION: &str = "1.5.4";
/// Its defaults want an OpenSSL newer than that of Debian 12.
const FEATURES: [&str; 7] = ["dynamic", "sqlitedb", "aes", "ecc_min", "hash_all", "kdf_all", "rsa"];
/// OpenSSL does the work, so that more would cost time at every build and gain none in tests.
const OPT_LEVEL: &str = "1";
const MODULE: &str = "libkryoptic_pkcs11.so";
const STAMP: &str = "built";
const DOWNLOAD: &str =
    "[package]\nname = \"download\"\nedition = \"2024\"\n\n[workspace]\n\n[dependencies]\n";

#[cfg(test)]
mod tests {
    use super::source_of;
    use std::path::Path;

    #[test]
    fn source_is_where_the_manifest_of_the_package_lies() {
        let metadata = r#"{"packages": [{"name": "ossl", "manifest_path": "/a/ossl/Cargo.toml"},
            {"name": "kryoptic", "manifest_path": "/a/kryoptic/Cargo.toml"}]}"#;
        assert_eq!(source_of(metadata).as_deref(), Some(Path::new("/a/kryoptic")));
        assert_eq!(source_of(r#"{"packages": []}"#), None);
        assert_eq!(source_of(""), None);
    }
}
