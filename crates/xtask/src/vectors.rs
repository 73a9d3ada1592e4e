//! The vectors, held against the independent implementation in Python that makes them.

use crate::arguments::Arguments;
use crate::setup;
use crate::shell::{Outcome, Program};

pub(crate) fn command(arguments: &mut Arguments) -> Outcome {
    arguments.finish()?;
    Program::new(setup::python()?).arg("testvectors/check.py").run()
}
