//! `strongroom-ceremony`: the commands of `strongroom ceremony`, for a machine without a network.

use std::process::ExitCode;

fn main() -> ExitCode {
    strongroom_cli::ceremony()
}
