//! Constant time, as valgrind's memcheck sees it: secrets are marked as undefined, so that each branch and each address
//! that depends on one is reported as an error.
//!
//! The control is a table-driven implementation in the same program: if memcheck finds nothing in it, the marking does
//! not work and a clean result means nothing.

use crate::arguments::Arguments;
use crate::shell::{self, Captured, Failure, Outcome, Program};

pub(crate) fn command(arguments: &mut Arguments) -> Outcome {
    arguments.finish()?;
    check()
}

pub(crate) fn check() -> Outcome {
    Program::cargo().words("build --locked --release -p strongroom-shamir --example memcheck").run()?;
    let ours = errors_of("ours")?;
    let control = errors_of("control")?;
    let verdict = if ours == 0 && control > 0 { "pass" } else { "fail" };
    println!(
        "evidence: id=shamir/memcheck figure={ours} errors in split and combine, {control} in the control verdict={verdict}"
    );
    if ours != 0 {
        return Err(Failure::new(format!(
            "split or combine is not constant-time: {ours} errors (listed above)"
        )));
    }
    if control == 0 {
        return Err(Failure::new(
            "the control shows no error: the check itself is broken, and proves nothing",
        ));
    }
    Ok(())
}

fn errors_of(mode: &str) -> Result<u64, Failure> {
    let program = shell::target_directory()?.join("release/examples/memcheck");
    let captured = Program::new("valgrind")
        .words(&format!("--tool=memcheck --error-exitcode={FOUND} --track-origins=no"))
        .arg(program)
        .arg(mode)
        .capture()?;
    print!("{}", captured.stdout);
    let errors = errors(&captured, mode)?;
    if mode == "ours" && errors != 0 {
        eprint!("{}", captured.stderr);
    }
    Ok(errors)
}

/// The count in valgrind's closing line, once the exit code agrees with it: a program that crashed proves nothing.
fn errors(captured: &Captured, mode: &str) -> Result<u64, Failure> {
    let count = captured.stderr.lines().rev().find_map(|line| {
        let (_, rest) = line.split_once("ERROR SUMMARY: ")?;
        rest.split(' ').next()?.replace(',', "").parse::<u64>().ok()
    });
    match (count, captured.code) {
        (Some(0), Some(0)) => Ok(0),
        (Some(count), Some(FOUND)) if count > 0 => Ok(count),
        (_, code) => Err(Failure::new(format!(
            "`memcheck {mode}` did not end properly under valgrind (exit {code:?}):\n{}",
            captured.stderr
        ))),
    }
}

/// The exit code that valgrind is told to use when it found errors.
const FOUND: i32 = 9;

#[cfg(test)]
mod tests {
    use super::{Captured, errors};

    fn captured(code: i32, summary: &str) -> Captured {
        let stderr = format!("==7== Memcheck\n==7== {summary}\n");
        Captured { success: code == 0, code: Some(code), stdout: String::new(), stderr }
    }

    #[test]
    fn count_is_read_and_agrees_with_the_exit_code() {
        let clean = captured(0, "ERROR SUMMARY: 0 errors from 0 contexts (suppressed: 0 from 0)");
        assert_eq!(errors(&clean, "ours").unwrap(), 0);
        let dirty = captured(9, "ERROR SUMMARY: 1,024 errors from 3 contexts (suppressed: 0 from 0)");
        assert_eq!(errors(&dirty, "control").unwrap(), 1024);
    }

    #[test]
    fn crash_is_not_mistaken_for_a_clean_run() {
        let crashed = captured(101, "ERROR SUMMARY: 0 errors from 0 contexts (suppressed: 0 from 0)");
        assert!(errors(&crashed, "ours").is_err());
        assert!(errors(&captured(0, "nothing"), "ours").is_err());
    }
}
