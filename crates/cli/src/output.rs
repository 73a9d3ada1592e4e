//! What people and scripts see: one place that writes to stdout and stderr.

use std::io::{self, IsTerminal as _, Write};
use std::sync::LazyLock;

use anstyle::{AnsiColor, Style};
use serde_json::{Value, json};

use crate::exit::{Failure, Kind};

/// Where output goes and in what form.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a choice of the caller's")]
pub(crate) struct Output {
    pub(crate) json: bool,
    pub(crate) quiet: bool,
    colour_out: bool,
    colour_err: bool,
}

impl Output {
    pub(crate) fn new(json: bool, quiet: bool) -> Self {
        let colours = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        Self {
            json,
            quiet,
            colour_out: colours && io::stdout().is_terminal(),
            colour_err: colours && io::stderr().is_terminal(),
        }
    }

    /// The result of a command: the JSON value with `--json`, else the lines.
    pub(crate) fn result(self, value: &Value, lines: impl FnOnce() -> Vec<String>) -> Result<(), Failure> {
        if self.json {
            return self.lines(&[value.to_string()]);
        }
        self.lines(&lines())
    }

    /// Lines on stdout, whatever `--json` says.
    #[expect(clippy::unused_self, reason = "all output goes through this type")]
    pub(crate) fn lines(self, lines: &[String]) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        let write = |line: &String| writeln!(out, "{}", harmless(line));
        lines.iter().try_for_each(write).and_then(|()| out.flush()).map_err(closed)
    }

    /// Bytes on stdout as they are; a line feed follows on a terminal.
    #[expect(clippy::unused_self, reason = "all output goes through this type")]
    pub(crate) fn raw(self, bytes: &[u8]) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        out.write_all(bytes).map_err(closed)?;
        if out.is_terminal() && !bytes.ends_with(b"\n") {
            out.write_all(b"\n").map_err(closed)?;
        }
        out.flush().map_err(closed)
    }

    /// A remark on stderr, unless `--quiet`.
    pub(crate) fn note(self, text: &str) {
        if !self.quiet {
            // Nobody can be told when stderr is gone.
            let _ = writeln!(io::stderr(), "{}", harmless(text));
        }
    }

    /// A question on stderr, whose answer stands behind it.
    #[expect(clippy::unused_self, reason = "all output goes through this type")]
    pub(crate) fn prompt(self, text: &str) {
        // Nobody can be told when stderr is gone.
        let _ = write!(io::stderr(), "{}", harmless(text));
    }

    /// Something that a person should know even if all goes well; on stderr, unless `--quiet`.
    pub(crate) fn warning(self, text: &str) {
        self.note(&format!("{} {text}", self.paint_err(YELLOW, "warning:")));
    }

    /// The end of a command that failed.
    pub(crate) fn failure(self, failure: &Failure) {
        if failure.message.is_empty() {
            return;
        }
        let text = if self.json {
            error_json(failure.kind, &failure.message).to_string()
        } else {
            format!("{} {}", self.paint_err(RED, "error:"), failure.message)
        };
        let _ = writeln!(io::stderr(), "{}", harmless(&text));
    }

    pub(crate) fn bold(self, text: &str) -> String {
        paint(self.colour_out, Style::new().bold(), text)
    }

    pub(crate) fn good(self, text: &str) -> String {
        paint(self.colour_out, GREEN, text)
    }

    pub(crate) fn bad(self, text: &str) -> String {
        paint(self.colour_out, RED, text)
    }

    fn paint_err(self, style: Style, text: &str) -> String {
        paint(self.colour_err, style, text)
    }
}

/// The text without what a terminal would obey, other than colours of our own: labels come from tokens and other people.
fn harmless(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c.is_control() && c != '\n') {
        let (before, from) = rest.split_at_checked(at).unwrap_or((rest, ""));
        safe.push_str(before);
        rest = if let Some(style) = PAINT.iter().find(|style| from.starts_with(style.as_str())) {
            safe.push_str(style);
            from.strip_prefix(style.as_str()).unwrap_or_default()
        } else {
            let mut characters = from.chars();
            safe.extend(characters.next().into_iter().flat_map(char::escape_default));
            characters.as_str()
        };
    }
    safe.push_str(rest);
    safe
}

/// An error as `--json` writes it.
fn error_json(kind: Kind, message: &str) -> Value {
    json!({ "error": { "kind": kind.name(), "message": message, "exit_code": kind.code() } })
}

fn paint(colour: bool, style: Style, text: &str) -> String {
    if colour { format!("{style}{text}{style:#}") } else { text.to_owned() }
}

#[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
fn closed(error: io::Error) -> Failure {
    if error.kind() == io::ErrorKind::BrokenPipe {
        // Whoever reads has enough (`strongroom list | head`): the exit code says it, and nobody wants to read it.
        return Failure::new(Kind::Failure, "");
    }
    Failure::io("the output could not be written", &error)
}

/// Every sequence that [`paint`] writes.
static PAINT: LazyLock<Vec<String>> = LazyLock::new(|| {
    let styles = [RED, GREEN, YELLOW, Style::new().bold()];
    styles.iter().flat_map(|style| [style.to_string(), format!("{style:#}")]).collect()
});

const RED: Style = AnsiColor::Red.on_default().bold();
const GREEN: Style = AnsiColor::Green.on_default();
const YELLOW: Style = AnsiColor::Yellow.on_default().bold();

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_shown_and_colours_of_our_own_stay() {
        let painted = paint(true, RED, "error:");
        assert_eq!(harmless(&painted), painted);
        assert_eq!(harmless("a\nb ü"), "a\nb ü");
        assert_eq!(
            harmless("\u{1b}]0;OWNED\u{7}\u{1b}[2J\r\u{9b}"),
            "\\u{1b}]0;OWNED\\u{7}\\u{1b}[2J\\r\\u{9b}"
        );
    }
}
