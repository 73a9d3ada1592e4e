//! A keyboard and a screen: lines in, text out, and pages that leave nothing behind.

use std::any::Any;
use std::io::{self, BufRead, Write};

use zeroize::Zeroizing;

use super::Gone;

/// Reads a line without echo. A terminal's is given by whoever owns the terminal.
pub type SecretInput = Box<dyn FnMut() -> io::Result<Zeroizing<String>>>;

/// Enters the terminal's alternate screen, which has no scroll-back, and clears it. Dropping what comes back clears it and
/// leaves it. Whoever owns the terminal can have the same done when a signal ends the process.
pub type EnterScreen = Box<dyn FnMut() -> io::Result<Box<dyn Any>>>;

/// A keyboard and a screen.
pub struct Console<R, W> {
    input: R,
    output: W,
    secret: SecretInput,
    enter: Option<EnterScreen>,
}

impl<R: BufRead, W: Write> Console<R, W> {
    /// Over these. `output` should be the terminal itself, since shares are shown on it.
    pub fn new(input: R, output: W, secret: SecretInput) -> Self {
        Self { input, output, secret, enter: None }
    }

    /// With screens that the terminal's owner guards.
    #[must_use]
    pub fn with_screens(mut self, enter: EnterScreen) -> Self {
        self.enter = Some(enter);
        self
    }

    pub(super) fn say(&mut self, text: &str) -> Result<(), Gone> {
        let written = self.output.write_all(text.as_bytes()).and_then(|()| self.output.flush());
        written.map_err(|error| Gone(format!("the terminal cannot be written to ({error})")))
    }

    pub(super) fn line(&mut self) -> Result<String, Gone> {
        let mut line = String::new();
        match self.input.read_line(&mut line) {
            Ok(0) => Err(Gone("the input ended".to_owned())),
            Ok(_) => Ok(line.trim().to_owned()),
            Err(error) => Err(unreadable(&error)),
        }
    }

    pub(super) fn hidden(&mut self) -> Result<Zeroizing<String>, Gone> {
        (self.secret)().map_err(|error| unreadable(&error))
    }

    /// Enters a screen of its own. To be given to [`leave`](Self::leave).
    pub(super) fn enter(&mut self) -> Result<Option<Box<dyn Any>>, Gone> {
        match &mut self.enter {
            Some(enter) => enter().map(Some).map_err(|error| unreadable(&error)),
            None => self.say(ENTER).map(|()| None),
        }
    }

    pub(super) fn leave(&mut self, screen: Option<Box<dyn Any>>) -> Result<(), Gone> {
        match screen {
            Some(screen) => {
                drop(screen);
                Ok(())
            }
            None => self.say(LEAVE),
        }
    }

    /// Shows a share until its last characters were typed. The screen is the caller's to clear.
    pub(super) fn until_written_down(&mut self, heading: &str, share: &str) -> Result<(), Gone> {
        let letters: Zeroizing<String> =
            Zeroizing::new(share.chars().filter(|c| !c.is_whitespace()).collect());
        let skipped = letters.chars().count().saturating_sub(PROOF);
        let proof: Zeroizing<String> = Zeroizing::new(letters.chars().skip(skipped).collect());
        loop {
            self.say(&format!("{heading}\n\n"))?;
            self.say(share)?;
            self.say(&format!("\n\nWhen it is written down, type its last {PROOF} characters: "))?;
            if self.hidden()?.trim().eq_ignore_ascii_case(&proof) {
                return Ok(());
            }
            self.say("\nIt ends otherwise.\n")?;
        }
    }
}

#[cfg(test)]
impl<R> Console<R, Vec<u8>> {
    /// Everything that was shown.
    pub(super) fn output_mut(&mut self) -> &mut Vec<u8> {
        &mut self.output
    }
}

fn unreadable(error: &io::Error) -> Gone {
    Gone(format!("the terminal cannot be read ({error})"))
}

/// The alternate screen, cleared.
pub(super) const ENTER: &str = "\x1b[?1049h\x1b[2J\x1b[H";
/// Cleared, its scroll-back too where it has one after all, and left.
pub(super) const LEAVE: &str = "\x1b[2J\x1b[3J\x1b[H\x1b[?1049l";
/// Cleared, and stayed on.
pub(super) const CLEAR: &str = "\x1b[2J\x1b[3J\x1b[H";
const PROOF: usize = 6;
