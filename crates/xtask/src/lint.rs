//! Formatting, clippy and documentation, with every warning an error.

use crate::arguments::Arguments;
use crate::shell::{Outcome, Program};
use crate::stages::Stages;
use crate::tidy;

pub(crate) fn command(arguments: &mut Arguments) -> Outcome {
    arguments.finish()?;
    let mut stages = Stages::new("lint");
    stages.run("fmt", || Program::cargo().words("fmt --all --check").run());
    stages.run("fmt, fuzz", || Program::cargo().words("fmt --check --manifest-path fuzz/Cargo.toml").run());
    stages.run("clippy", || {
        Program::cargo()
            .words("clippy --locked --workspace --all-targets --all-features -- -D warnings")
            .run()
    });
    stages.run("tidy", tidy::check);
    stages.finish()
}

pub(crate) fn doc(arguments: &mut Arguments) -> Outcome {
    arguments.finish()?;
    // The program and the façade's library are both called `strongroom`, and one page would overwrite the other's.
    Program::cargo()
        .env("RUSTDOCFLAGS", "-D warnings")
        .words("doc --locked --workspace --exclude strongroom-cli --no-deps --all-features")
        .run()
}
