//! The whole campaign of faults between a store and its token; `cargo xtask test` runs a short form of it.

use crate::arguments::Arguments;
use crate::machine;
use crate::shell::{self, Failure, Outcome, Program};

pub(crate) fn command(arguments: &mut Arguments) -> Outcome {
    let write = arguments.flag("--write");
    arguments.finish()?;
    let mut lines = Vec::new();
    let campaign = Program::cargo().words(CAMPAIGN).env("STRONGROOM_HSM_FAULTS", "full");
    let succeeded = campaign.stream(|line| {
        println!("{line}");
        if let Some((_, figure)) = line.split_once("evidence: id=hsm/faults figure=") {
            lines.push(figure.to_string());
        }
    })?;
    let [figure] = lines.as_slice() else {
        return Err(Failure::new("the campaign came to no result (above)"));
    };
    if !succeeded {
        return Err(Failure::new("the campaign broke something (above)"));
    }
    if write {
        shell::write_file(&shell::root().join(RESULTS), &results(figure))?;
        println!("written to {RESULTS}");
    }
    Ok(())
}

fn results(figure: &str) -> String {
    let figure = figure.rsplit_once(" verdict=").map_or(figure, |(figure, _)| figure);
    format!(
        "# Faults of a token\n\nWritten by `cargo xtask hsm-faults --write`: each PKCS #11 function that a store calls is answered \
         with each of 18\nreturn values, and with four kinds of success that is none, at its first, its second and its last \
         call and at all of\nthem, while the store is unsealed, a slot is added, the root key rotated, a part wrapped anew and a \
         slot verified. Each case\nis a process of its own. Afterwards the store must be there with all that it held, for its \
         holders and for its token, no\nmessage may hold a secret, and a refused PIN must have been tried once.\n\n{}\n{figure}\n",
        machine::description()
    )
}

const CAMPAIGN: &str = "test --locked -p strongroom --features hsm --test hsm_faults";
const RESULTS: &str = "docs/HSM-FAULTS.md";
