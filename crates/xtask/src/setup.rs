//! What the tests need beyond cargo: said, checked, and installed when missing.

use std::path::PathBuf;

use crate::arguments::Arguments;
use crate::kryoptic;
use crate::shell::{self, Failure, Outcome, Program};
use crate::table::Table;

pub(crate) fn command(arguments: &mut Arguments) -> Outcome {
    let check = arguments.flag("--check");
    arguments.finish()?;
    if check { report() } else { prepare() }
}

/// Installs what is missing; quick when nothing is.
pub(crate) fn prepare() -> Outcome {
    toolchain()?;
    let missing = show();
    if !missing.is_empty() {
        install(&missing)?;
        let still: Vec<_> = NEEDS.iter().filter(|need| !(need.present)()).map(|need| need.what).collect();
        if !still.is_empty() {
            return Err(Failure::new(format!(
                "apt-get succeeded, yet these are still missing: {}",
                still.join(", ")
            )));
        }
    }
    python_packages()?;
    kryoptic::prepare()
}

/// The Python interpreter of the virtual environment that [`prepare`] makes.
pub(crate) fn python() -> Result<PathBuf, Failure> {
    Ok(shell::target_directory()?.join("venv/bin/python"))
}

fn report() -> Outcome {
    toolchain()?;
    let missing = show();
    let packages_ready = packages_are_current()?;
    if !packages_ready {
        println!("Python packages of {REQUIREMENTS}: missing (`cargo xtask setup` installs them)");
    }
    let kryoptic_ready = kryoptic::is_current()?;
    if !kryoptic_ready {
        println!("Kryoptic, a token for the tests: not built (`cargo xtask setup` builds it)");
    }
    if missing.is_empty() && packages_ready && kryoptic_ready {
        println!("Nothing is missing.");
        return Ok(());
    }
    if !missing.is_empty() {
        println!("{}", apt_command(&missing));
    }
    Err(Failure::new("something is missing; `cargo xtask setup` installs it"))
}

/// Prints every need and whether it is there; returns the Debian packages to install.
fn show() -> Vec<&'static str> {
    let mut table = Table::new(&["need", "for", "Debian packages", "present"]);
    let mut missing = Vec::new();
    for need in NEEDS {
        let present = (need.present)();
        if !present {
            missing.extend_from_slice(need.packages);
        }
        let told = if present { "yes" } else { "NO" };
        table.row([need.what.into(), need.why.into(), need.packages.join(" "), told.into()]);
    }
    println!("{}", table.text());
    missing
}

fn toolchain() -> Outcome {
    for (name, component) in [("fmt", "rustfmt"), ("clippy", "clippy")] {
        if !Program::cargo().arg(name).arg("--version").capture()?.success {
            return Err(Failure::new(format!(
                "`cargo {name}` is missing; run `rustup component add {component}`"
            )));
        }
    }
    Ok(())
}

fn install(packages: &[&'static str]) -> Outcome {
    let is_root = Program::new("id").arg("-u").capture()?.stdout.trim() == "0";
    if !is_root || !shell::on_path("apt-get") {
        return Err(Failure::new(format!(
            "these programs are missing; run\n\n    {}\n",
            apt_command(packages)
        )));
    }
    let apt = || Program::new("apt-get").env("DEBIAN_FRONTEND", "noninteractive");
    apt().words("update -q").run()?;
    apt().words("install -q -y --no-install-recommends").args(packages.iter().copied()).run()
}

fn apt_command(packages: &[&'static str]) -> String {
    format!("sudo apt-get update && sudo apt-get install --no-install-recommends {}", packages.join(" "))
}

fn python_packages() -> Outcome {
    if packages_are_current()? {
        return Ok(());
    }
    let environment = shell::target_directory()?.join("venv");
    Program::new("python3").words("-m venv --clear").arg(&environment).run()?;
    Program::new(environment.join("bin/python"))
        .words("-m pip install --quiet --disable-pip-version-check -r")
        .arg(REQUIREMENTS)
        .run()?;
    // Written last: an installation that was interrupted is done again.
    shell::write_file(&environment.join(STAMP), &requirements()?)
}

fn packages_are_current() -> Result<bool, Failure> {
    let environment = shell::target_directory()?.join("venv");
    // A virtual environment names its interpreter by path, and a cached one may have lost it.
    let runs = Program::new(environment.join("bin/python")).arg("--version").capture();
    let stamp = std::fs::read_to_string(environment.join(STAMP)).ok();
    Ok(runs.is_ok_and(|captured| captured.success) && stamp == Some(requirements()?))
}

fn requirements() -> Result<String, Failure> {
    std::fs::read_to_string(shell::root().join(REQUIREMENTS))
        .map_err(Failure::while_doing(format!("cannot read {REQUIREMENTS}")))
}

struct Need {
    what: &'static str,
    why: &'static str,
    packages: &'static [&'static str],
    present: fn() -> bool,
}

fn python_makes_environments() -> bool {
    let program = Program::new("python3")
        .arg("-c")
        .arg("import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 9))");
    program.capture().is_ok_and(|captured| captured.success)
}

fn c_headers_are_there() -> bool {
    shell::on_path("cc") && std::path::Path::new("/usr/include/stdlib.h").is_file()
}

fn library_is_there(name: &str) -> bool {
    let beside = std::fs::read_dir("/usr/lib").into_iter().flatten().flatten().map(|entry| entry.path());
    let mut directories = beside.chain([PathBuf::from("/usr/lib"), PathBuf::from("/usr/lib64")]);
    directories.any(|directory| directory.join(name).is_file())
}

fn libclang_is_there() -> bool {
    let in_llvm = || {
        let versions = std::fs::read_dir("/usr/lib").into_iter().flatten().flatten();
        versions.map(|entry| entry.path().join("lib/libclang.so")).any(|library| library.is_file())
    };
    library_is_there("libclang.so") || in_llvm()
}

fn header_is_there(name: &str) -> bool {
    std::path::Path::new("/usr/include").join(name).is_file()
}

const NEEDS: &[Need] = &[
    Need {
        what: "C compiler and headers",
        why: "building aws-lc",
        packages: &["gcc", "libc6-dev"],
        present: c_headers_are_there,
    },
    Need {
        what: "C++ compiler",
        why: "building libFuzzer",
        packages: &["g++"],
        present: || shell::on_path("c++"),
    },
    Need {
        what: "valgrind",
        why: "the constant-time check",
        packages: &["valgrind"],
        present: || shell::on_path("valgrind"),
    },
    Need {
        what: "gcore",
        why: "the memory image of a running process",
        packages: &["gdb"],
        present: || shell::on_path("gcore"),
    },
    Need {
        what: "Python with venv",
        why: "the vectors' second implementation",
        packages: &["python3", "python3-venv"],
        present: python_makes_environments,
    },
    Need {
        what: "SoftHSM",
        why: "tokens for the tests",
        packages: &["softhsm2"],
        present: || shell::on_path("softhsm2-util") && library_is_there("softhsm/libsofthsm2.so"),
    },
    Need {
        what: "p11-kit with its server",
        why: "a token behind a network",
        packages: &["p11-kit", "p11-kit-modules"],
        present: || shell::on_path("p11-kit") && library_is_there("pkcs11/p11-kit-client.so"),
    },
    Need {
        what: "NSS with its tools",
        why: "a token that is strict",
        packages: &["libnss3", "libnss3-tools"],
        present: || {
            let softokn = ["libsoftokn3.so", "nss/libsoftokn3.so"];
            shell::on_path("certutil") && softokn.into_iter().any(library_is_there)
        },
    },
    Need {
        what: "libclang",
        why: "building Kryoptic, a token",
        packages: &["libclang-dev"],
        present: libclang_is_there,
    },
    Need {
        what: "headers of OpenSSL and SQLite",
        why: "building Kryoptic",
        packages: &["libssl-dev", "libsqlite3-dev", "pkg-config"],
        present: || {
            shell::on_path("pkg-config") && header_is_there("openssl/ssl.h") && header_is_there("sqlite3.h")
        },
    },
];

const REQUIREMENTS: &str = "testvectors/requirements.txt";
const STAMP: &str = "requirements.installed";
