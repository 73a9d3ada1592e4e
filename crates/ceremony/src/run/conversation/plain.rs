//! A plain prompt: one line after the other, for terminals that can do no more and for people who want no more.

use std::io::{BufRead, Write};

use zeroize::Zeroizing;

use super::{Conversation, Gone, Stage};
use crate::plan::Person;

/// Reads a line without echo. A terminal's is given by whoever owns the terminal.
pub type SecretInput = Box<dyn FnMut() -> std::io::Result<Zeroizing<String>>>;

/// A plain prompt.
pub struct Plain<R, W> {
    input: R,
    output: W,
    secret: SecretInput,
}

impl<R: BufRead, W: Write> Plain<R, W> {
    /// A prompt over these. `output` should be the terminal itself, since shares are shown on it.
    pub fn new(input: R, output: W, secret: SecretInput) -> Self {
        Self { input, output, secret }
    }

    fn say(&mut self, text: &str) -> Result<(), Gone> {
        let written = self.output.write_all(text.as_bytes()).and_then(|()| self.output.flush());
        written.map_err(|error| Gone(format!("the terminal cannot be written to ({error})")))
    }

    fn line(&mut self) -> Result<String, Gone> {
        let mut line = String::new();
        match self.input.read_line(&mut line) {
            Ok(0) => Err(Gone("the input ended".to_owned())),
            Ok(_) => Ok(line.trim().to_owned()),
            Err(error) => Err(Gone(format!("the terminal cannot be read ({error})"))),
        }
    }

    fn hidden(&mut self) -> Result<Zeroizing<String>, Gone> {
        (self.secret)().map_err(|error| Gone(format!("the terminal cannot be read ({error})")))
    }

    /// On a screen of its own, which leaves nothing behind.
    fn apart<T>(&mut self, show: impl FnOnce(&mut Self) -> Result<T, Gone>) -> Result<T, Gone> {
        self.say(ENTER)?;
        let shown = show(self);
        self.say(LEAVE)?;
        shown
    }
}

impl<R: BufRead, W: Write> Conversation for Plain<R, W> {
    fn stage(&mut self, stage: &Stage<'_>) -> Result<(), Gone> {
        let mark = if stage.rehearsal { " [REHEARSAL]" } else { "" };
        let next = stage.next.map_or_else(String::new, |next| format!(" Next: {next}."));
        let (number, steps, step) = (stage.number, stage.steps, stage.step);
        self.say(&format!("\n== {number}/{steps} {step}{mark} ==\n{}{next}\n", step.explained()))
    }

    fn tell(&mut self, text: &str) -> Result<(), Gone> {
        self.say(&format!("{text}\n"))
    }

    fn ask(&mut self, who: &Person, question: &str) -> Result<String, Gone> {
        self.say(&format!("{}: {question} ", who.name))?;
        self.line()
    }

    fn secret(&mut self, who: &Person, question: &str) -> Result<Zeroizing<String>, Gone> {
        self.say(&format!("{}: {question} (nothing is shown) ", who.name))?;
        let typed = self.hidden()?;
        self.say("\n")?;
        Ok(typed)
    }

    fn private(&mut self, who: &Person, text: &str, question: &str) -> Result<String, Gone> {
        self.apart(|plain| {
            plain.say(&format!("For {} alone.\n\n{text}\n\n{question} ", who.name))?;
            plain.line()
        })
    }

    fn show_share(&mut self, who: &Person, heading: &str, share: &str) -> Result<(), Gone> {
        self.ask(who, "only you may see the screen now; everybody else turns away. Press Enter")?;
        let letters: Zeroizing<String> =
            Zeroizing::new(share.chars().filter(|c| !c.is_whitespace()).collect());
        let skipped = letters.chars().count().saturating_sub(PROOF);
        let proof: Zeroizing<String> = Zeroizing::new(letters.chars().skip(skipped).collect());
        self.apart(|plain| {
            loop {
                plain.say(&format!("{heading}\n\n"))?;
                plain.say(share)?;
                plain.say(&format!("\n\nWhen it is written down, type its last {PROOF} characters: "))?;
                if plain.hidden()?.trim().eq_ignore_ascii_case(&proof) {
                    return Ok(());
                }
                plain.say("\nIt ends otherwise.\n")?;
            }
        })
    }

    fn progress(&mut self, have: usize, need: usize) -> Result<(), Gone> {
        self.say(&format!("Shares: {have}/{need}\n"))
    }
}

/// The alternate screen, which has no scroll-back, cleared.
const ENTER: &str = "\x1b[?1049h\x1b[2J\x1b[H";
/// Cleared, its scroll-back too where it has one after all, and left.
const LEAVE: &str = "\x1b[2J\x1b[3J\x1b[H\x1b[?1049l";
const PROOF: usize = 6;

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::VecDeque;
    use std::io::{self, Cursor};
    use std::rc::Rc;

    use super::*;

    fn ada() -> Person {
        Person {
            name: "Ada".to_owned(),
            initials: "A".to_owned(),
            roles: [crate::plan::Role::Custodian].into(),
            group: None,
            custody: None,
        }
    }

    type Secrets = Rc<RefCell<VecDeque<String>>>;

    fn plain(secrets: &[&str]) -> (Plain<Cursor<Vec<u8>>, Vec<u8>>, Secrets) {
        let secrets: VecDeque<String> = secrets.iter().map(|&secret| secret.to_owned()).collect();
        let secrets = Rc::new(RefCell::new(secrets));
        let mine = Rc::clone(&secrets);
        let next = move || {
            let next = mine.borrow_mut().pop_front();
            next.map(Zeroizing::new).ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))
        };
        (Plain::new(Cursor::new(b"\n\n".to_vec()), Vec::new(), Box::new(next)), secrets)
    }

    #[test]
    fn share_stays_on_the_screen_until_its_end_was_typed_and_not_longer() {
        let (mut plain, left) = plain(&["wrong", "ABCDEF"]);
        plain.show_share(&ada(), "Share 1", "sr1qqq abcdef").unwrap();
        assert!(left.borrow().is_empty());
        let shown = String::from_utf8(plain.output).unwrap();
        let (_, after) = shown.rsplit_once(LEAVE).unwrap();
        assert!(!after.contains("abcdef"));
        let (before, _) = shown.split_once(ENTER).unwrap();
        assert!(!before.contains("abcdef"));
        assert!(shown.contains("abcdef"));
    }

    #[test]
    fn screen_is_left_when_the_custodian_is_gone() {
        let (mut plain, _) = plain(&[]);
        assert!(plain.show_share(&ada(), "Share 1", "sr1qqq abcdef").is_err());
        assert!(String::from_utf8(plain.output).unwrap().ends_with(LEAVE));
    }
}
