//! What is said about a wrong command line: never what was typed, since a secret may have been typed there.

use std::error::Error as _;

use clap::Error;
use clap::error::{ContextKind, ContextValue, ErrorKind};

/// The message for an error of clap's. It has names of our own options and commands alone.
pub(crate) fn message(error: &Error) -> String {
    let of_argument = match list(error, ContextKind::InvalidArg).as_slice() {
        // For these kinds it is an argument of ours; for the unknown ones it is what was typed.
        [] => String::new(),
        names => format!(" of {}", names.join(" ")),
    };
    match error.kind() {
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand => {
            "a command is missing: `help` lists them".to_owned()
        }
        ErrorKind::UnknownArgument => {
            format!(
                "there is an argument too many, or an unknown option{}. {NOT_SHOWN}",
                meant(error, ContextKind::SuggestedArg)
            )
        }
        ErrorKind::InvalidSubcommand => {
            format!(
                "there is no such command{}. What was typed is not shown, since it may be a secret; `help` lists the commands",
                meant(error, ContextKind::SuggestedSubcommand)
            )
        }
        ErrorKind::MissingRequiredArgument => {
            format!("something is missing: {}", list(error, ContextKind::InvalidArg).join(" "))
        }
        ErrorKind::ArgumentConflict => {
            let others = list(error, ContextKind::PriorArg);
            let others = if others.is_empty() { "another option".to_owned() } else { others.join(" and ") };
            format!(
                "{} cannot be used together with {others}",
                list(error, ContextKind::InvalidArg).join(" ")
            )
        }
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            let valid = list(error, ContextKind::ValidValue);
            let valid = if valid.is_empty() {
                String::new()
            } else {
                format!(": one of {} is meant", valid.join(", "))
            };
            format!("the value{of_argument} is wrong or missing{valid}{}", reason(error))
        }
        ErrorKind::TooManyValues
        | ErrorKind::TooFewValues
        | ErrorKind::WrongNumberOfValues
        | ErrorKind::NoEquals => {
            format!("the number of values{of_argument} is wrong. {NOT_SHOWN}")
        }
        ErrorKind::InvalidUtf8 => "an argument is no text (UTF-8)".to_owned(),
        _ => format!("the command line is wrong. {NOT_SHOWN}"),
    }
}

/// What was probably meant: an option or command that there is.
fn meant(error: &Error, kind: ContextKind) -> String {
    match list(error, kind).as_slice() {
        [] => String::new(),
        names => format!(" (is {} meant?)", names.join(" or ")),
    }
}

/// Why our own parsers refuse a value. They tell what they expect; the parsers of numbers repeat what they were given.
fn reason(error: &Error) -> String {
    let ours = list(error, ContextKind::InvalidArg)
        .iter()
        .any(|name| OUR_PARSERS.iter().any(|ours| name.starts_with(ours)));
    let reason = error.source().filter(|_| ours && error.kind() == ErrorKind::ValueValidation);
    reason.map(|reason| format!(": {reason}")).unwrap_or_default()
}

fn list(error: &Error, kind: ContextKind) -> Vec<String> {
    match error.get(kind) {
        Some(ContextValue::String(text)) => vec![text.clone()],
        Some(ContextValue::Strings(texts)) => texts.clone(),
        _ => Vec::new(),
    }
}

const NOT_SHOWN: &str = "What was typed is not shown, since it may be a secret: a value is never given on the command line, but at \
                         the prompt, on stdin, or with --file";
const OUR_PARSERS: [&str; 11] = [
    "--policy",
    "--cooling-off",
    "--max-age",
    "--max-seals",
    "--auto-rotate",
    "--after <DAYS>",
    "--key",
    "--hsm",
    "--from-hsm",
    "--range",
    "<NAME>",
];

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::arguments::Arguments;

    fn said(words: &[&str]) -> (String, String) {
        let words = std::iter::once("strongroom").chain(words.iter().copied());
        let Err(error) = Arguments::try_parse_from(words) else { panic!("that was understood") };
        (message(&error), error.to_string())
    }

    #[test]
    fn no_wrong_command_line_is_repeated() {
        const SECRET: &str = "hunter2canary";
        let mut repeated_by_clap = 0;
        for words in [
            &[SECRET][..],
            &["put", "a", SECRET],
            &["put", "a", "--hunter2canary"],
            &["put", "a", "--hunter2canary=x"],
            &["put", "a", "-hunter2canary"],
            &["put", "a", "--if-absent=hunter2canary"],
            &["put", "a", "--if-revision", SECRET],
            &["put", "--padding", SECRET, "a"],
            &["shell", "--idle", SECRET],
            &["init", "--policy", SECRET],
            &["init", "--max-age", SECRET],
            &["init", "--shares", SECRET, "--threshold", "1"],
            &["init", "--suite", SECRET],
            &["init", "--format", SECRET],
            &["rotate", SECRET],
            &["completions", SECRET],
            &["slot", SECRET],
            &["rekey", SECRET],
            &["share", "verify", SECRET],
            &["backup", "create", "a", SECRET],
            &["help", SECRET],
            &["key", SECRET],
            &["key", "create", "hunter2canary!"],
            &["key", "create", "k", "--type", SECRET],
            &["key", "create", "k", "--auto-rotate", SECRET],
            &["key", "config", "k", "--min-decryption-version", SECRET],
            &["file", SECRET],
            &["file", "encrypt", "f", "--key", "hunter2canary!"],
            &["file", "encrypt", "f", "--hsm", SECRET],
            &["file", "decrypt", "f", "--range", SECRET],
            &["status", "--json", SECRET],
            &["list", "--after", SECRET, "--recursive"],
            &["put", "a", "--if-absent", "--if-revision", SECRET],
        ] {
            let (ours, claps) = said(words);
            assert!(!ours.contains("canary"), "{words:?}: {ours}");
            assert!(!ours.is_empty() && !ours.contains("  "), "{words:?}: {ours}");
            repeated_by_clap += usize::from(claps.contains("canary"));
        }
        assert!(repeated_by_clap > 15, "the control: clap itself repeated {repeated_by_clap} only");
    }

    #[test]
    fn a_number_out_of_range_is_not_repeated() {
        assert!(!said(&["init", "--shares", "31337", "--threshold", "1"]).0.contains("31337"));
    }

    #[test]
    fn what_there_is_instead_is_named() {
        assert!(said(&["put", "a", "--fil"]).0.contains("--file"));
        assert!(said(&["lst"]).0.contains("list"));
        assert!(said(&["init", "--suite", "x"]).0.contains("one of x-wing, p-256"));
        assert!(said(&["put"]).0.contains("<PATH>"));
        assert!(said(&["key", "create", "a b"]).0.contains("letters, digits"));
        assert!(said(&["file", "decrypt", "f", "--range", "x"]).0.contains("100.."));
        assert!(said(&["file", "encrypt", "f", "--hsm", "3 of 5"]).0.contains("hsm(TOKEN, KEY)"));
        assert!(said(&["get", "a", "--force"]).0.contains("--out"));
        assert!(said(&["init", "--max-seals", "999"]).0.contains("every 1000 records"));
        assert!(said(&["init", "--policy", "4 of 3"]).0.contains("threshold 4 is above"));
    }
}
