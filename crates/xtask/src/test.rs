//! Everything that proves the workspace, in as few different builds as will do: `--all-features` for the whole, and one
//! small build for each feature set that it would hide.

use crate::arguments::Arguments;
use crate::shell::{Outcome, Program};
use crate::stages::Stages;
use crate::{memcheck, setup};

pub(crate) fn command(arguments: &mut Arguments) -> Outcome {
    let quick = arguments.flag("--quick");
    arguments.finish()?;
    let mut stages = Stages::new("test");
    stages.run("setup", setup::prepare);
    for stage in STAGES {
        match stage.slow {
            Some(why) if quick => stages.skip(stage.name, why),
            _ => stages.run(stage.name, stage.run),
        }
    }
    stages.finish()
}

struct Stage {
    name: &'static str,
    /// Why `--quick` leaves it out.
    slow: Option<&'static str>,
    run: fn() -> Outcome,
}

fn workspace() -> Outcome {
    // Doc tests are part of it.
    Program::cargo().words("test --locked --workspace --all-features").run()
}

fn pure_rust_provider() -> Outcome {
    Program::cargo()
        .words(
            "test --locked -p strongroom-crypto --no-default-features --features rustcrypto,fault-injection",
        )
        .run()
}

fn storage_without_engines() -> Outcome {
    Program::cargo().words("check --locked -p strongroom-storage --no-default-features").run()
}

fn ceremonies_without_hsms() -> Outcome {
    Program::cargo().words("test --locked -p strongroom-ceremony --lib").run()
}

fn second_implementation() -> Outcome {
    Program::new(setup::python()?).arg("testvectors/check.py").run()
}

const STAGES: &[Stage] = &[
    Stage { name: "workspace, all features", slow: None, run: workspace },
    Stage {
        name: "crypto, RustCrypto alone",
        slow: Some("builds crypto a second time"),
        run: pure_rust_provider,
    },
    Stage { name: "storage builds without engines", slow: None, run: storage_without_engines },
    Stage {
        name: "ceremonies without HSMs",
        slow: Some("builds the ceremonies a second time"),
        run: ceremonies_without_hsms,
    },
    Stage { name: "vectors, in Python", slow: None, run: second_implementation },
    Stage {
        name: "memcheck",
        slow: Some("builds shamir for release and runs under valgrind"),
        run: memcheck::check,
    },
];
