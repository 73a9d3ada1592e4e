//! Rules for single files: where `unsafe` may be, how long a file may grow, what it may speak of.

use super::{File, Problem};

pub(super) fn check(file: &File) -> Vec<Problem> {
    let mut problems = Vec::new();
    let is_rust = has_extension(file, "rs");
    if is_rust {
        problems.extend(length(file));
    }
    // The rules' own texts name what they forbid.
    if file.path.starts_with("crates/xtask/src/tidy/") {
        return problems;
    }
    for (number, line) in file.text.lines().enumerate() {
        if is_rust
            && lifts_the_ban_on_unsafe(line)
            && !UNSAFE.iter().any(|place| file.path.starts_with(place))
        {
            let message =
                "`unsafe` belongs in secret memory and pkcs11 alone (crates/xtask/src/tidy/sources.rs)";
            problems.push(Problem::new(&file.path, message).at(number + 1));
        }
        if names_a_ticket(line) {
            let message = "a ticket's number: say what it is about, since numbers do not outlive a tracker";
            problems.push(Problem::new(&file.path, message).at(number + 1));
        }
    }
    problems
}

fn has_extension(file: &File, extension: &str) -> bool {
    std::path::Path::new(&file.path).extension().is_some_and(|found| found == extension)
}

fn length(file: &File) -> Option<Problem> {
    let lines = file.text.lines().count();
    let message = format!("{lines} lines: one role per file; {MOST_LINES} are too many");
    if lines > MOST_LINES {
        return Some(Problem::new(&file.path, message));
    }
    (lines > MANY_LINES).then(|| Problem::new(&file.path, message).warning())
}

fn lifts_the_ban_on_unsafe(line: &str) -> bool {
    let names_it = line
        .split(|letter: char| !letter.is_alphanumeric() && letter != '_')
        .any(|word| word == "unsafe_code");
    names_it && !line.contains("deny(") && !line.contains("forbid(")
}

fn names_a_ticket(line: &str) -> bool {
    let line = line.to_lowercase();
    line.match_indices("issue ").any(|(position, word)| {
        let rest = line.get(position + word.len()..).unwrap_or_default();
        rest.trim_start_matches('#').starts_with(|letter: char| letter.is_ascii_digit())
    })
}

/// Where the workspace's `unsafe_code = "deny"` may be lifted: prefixes of paths.
const UNSAFE: &[&str] = &[
    "crates/crypto/src/secret/",
    "crates/crypto/src/process.rs",
    "crates/pkcs11/",
    // It stands between a program and a token, in C's calling convention.
    "softhsm/fault-shim/",
    // It sets the environment variables by which a token's module, loaded into the same process, finds the token.
    "softhsm/test-tokens/src/environment.rs",
    // Tests that fork, ask the kernel for limits and flags, and mark memory for valgrind.
    "crates/crypto/tests/",
    "crates/strongroom/tests/memory.rs",
    "crates/shamir/examples/memcheck.rs",
];

const MANY_LINES: usize = 600;
const MOST_LINES: usize = 900;

#[cfg(test)]
mod tests {
    use super::super::File;
    use super::check;

    fn problems(path: &str, text: &str) -> Vec<String> {
        check(&File { path: path.into(), text: text.into() }).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn unsafe_is_refused_outside_its_places() {
        let text = "//! Doc.\n#![allow(unsafe_code)]\n";
        assert!(
            problems("crates/barrier/src/lib.rs", text)[0].starts_with("crates/barrier/src/lib.rs:2: error")
        );
        assert!(problems("crates/crypto/src/secret/arena.rs", text).is_empty());
    }

    #[test]
    fn unsafe_allowed_over_several_lines_or_with_expect_is_seen() {
        assert_eq!(
            problems("crates/barrier/src/a.rs", "#[allow(\n    dead_code,\n    unsafe_code,\n)]\n").len(),
            1
        );
        assert_eq!(problems("crates/barrier/src/a.rs", "#[expect(unsafe_code, reason = \"…\")]\n").len(), 1);
        assert!(problems("crates/barrier/src/a.rs", "#![forbid(unsafe_code)]\n").is_empty());
    }

    #[test]
    fn long_file_warns_and_then_fails() {
        assert!(problems("a.rs", &"\n".repeat(600)).is_empty());
        assert!(problems("a.rs", &"\n".repeat(601))[0].contains("warning"));
        assert!(problems("a.rs", &"\n".repeat(901))[0].contains("error"));
    }

    #[test]
    fn text_that_speaks_of_something_else_is_refused() {
        for text in ["fixes issue #12", "as issue 2 says"] {
            assert_eq!(problems("README.md", text).len(), 1, "{text}");
        }
        for text in ["the issue is closed", "we issue tokens", "a session key", "the shared cache"] {
            assert!(problems("README.md", text).is_empty(), "{text}");
        }
    }
}
