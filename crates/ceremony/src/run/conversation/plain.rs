//! A plain prompt: one line after the other, for terminals that can do no more and for people who want no more.

use std::io::{BufRead, Write};

use zeroize::Zeroizing;

use super::layout::harmless;
use super::{Console, Conversation, Gone, Stage};
use crate::plan::Person;

/// A plain prompt.
pub struct Plain<R, W>(Console<R, W>);

impl<R: BufRead, W: Write> Plain<R, W> {
    /// A prompt over a console.
    pub fn new(console: Console<R, W>) -> Self {
        Self(console)
    }

    /// On a screen of its own, which leaves nothing behind.
    fn apart<T>(&mut self, show: impl FnOnce(&mut Console<R, W>) -> Result<T, Gone>) -> Result<T, Gone> {
        let screen = self.0.enter()?;
        let shown = show(&mut self.0);
        self.0.leave(screen)?;
        shown
    }
}

impl<R: BufRead, W: Write> Conversation for Plain<R, W> {
    fn stage(&mut self, stage: &Stage<'_>) -> Result<(), Gone> {
        let mark = if stage.rehearsal { " [REHEARSAL]" } else { "" };
        let next = stage.next().map_or_else(String::new, |next| format!(" Next: {next}."));
        let (number, steps, step) = (stage.number, stage.steps.len(), stage.step);
        self.0.say(&format!("\n== {number}/{steps} {step}{mark} ==\n{}{next}\n", step.explained()))
    }

    fn tell(&mut self, text: &str) -> Result<(), Gone> {
        self.0.say(&format!("{}\n", harmless(text)))
    }

    fn ask(&mut self, who: &Person, question: &str) -> Result<String, Gone> {
        self.0.discard()?;
        self.0.say(&format!("{}: {question} ", who.name))?;
        self.0.line(|_| Ok(()))
    }

    fn secret(&mut self, who: &Person, question: &str) -> Result<Zeroizing<String>, Gone> {
        self.0.discard()?;
        self.0.say(&format!("{}: {question} (nothing is shown) ", who.name))?;
        let typed = self.0.hidden()?;
        self.0.say("\n")?;
        Ok(typed)
    }

    fn private(&mut self, who: &Person, text: &str, question: &str) -> Result<String, Gone> {
        self.apart(|console| console.private(who, text, question))
    }

    fn show_share(&mut self, who: &Person, heading: &str, share: &str) -> Result<(), Gone> {
        self.ask(who, "only you may see the screen now; everybody else turns away. Press Enter")?;
        self.apart(|console| console.until_written_down(who, heading, share))
    }

    fn progress(&mut self, have: usize, need: usize) -> Result<(), Gone> {
        self.0.say(&format!("Shares: {have}/{need}\n"))
    }
}

#[cfg(test)]
impl<R> Plain<R, Vec<u8>> {
    /// Everything that was shown since this was asked last.
    pub(super) fn shown(&mut self) -> String {
        String::from_utf8(std::mem::take(self.0.output_mut())).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::VecDeque;
    use std::io::{self, Cursor};
    use std::rc::Rc;

    use super::super::console::tests::ada;
    use super::super::console::{ENTER, LEAVE};
    use super::*;

    type Secrets = Rc<RefCell<VecDeque<String>>>;

    fn plain(secrets: &[&str]) -> (Plain<Cursor<Vec<u8>>, Vec<u8>>, Secrets) {
        let secrets: VecDeque<String> = secrets.iter().map(|&secret| secret.to_owned()).collect();
        let secrets = Rc::new(RefCell::new(secrets));
        let mine = Rc::clone(&secrets);
        let next = move || {
            let next = mine.borrow_mut().pop_front();
            next.map(Zeroizing::new).ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))
        };
        (Plain::new(Console::new(Cursor::new(b"\n\n".to_vec()), Vec::new(), Box::new(next))), secrets)
    }

    #[test]
    fn share_stays_on_the_screen_until_its_end_was_typed_and_not_longer() {
        let (mut plain, left) = plain(&["wrong", "ABCDEF"]);
        plain.show_share(&ada(), "Share 1", "sr1qqq abcdef").unwrap();
        assert!(left.borrow().is_empty());
        let shown = plain.shown();
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
        assert!(plain.shown().ends_with(LEAVE));
    }
}
