//! `demo`.
use crate::context::Context;
use crate::exit::Failure;
use clap::Args;
/// Protect files.
#[derive(Args)]
pub(crate) struct Demo {}
/// Runs it.
pub(crate) fn run(_: &Demo, _: &mut Context) -> Result<(), Failure> {
    Ok(())
}
