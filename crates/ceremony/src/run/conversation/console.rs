//! A keyboard and a screen: lines in, text out, and pages that leave nothing behind.

use std::any::Any;
use std::io::{self, BufRead, Write};

use zeroize::Zeroizing;

use super::Gone;
use super::layout::share_page;
use crate::plan::Person;

/// Reads a line without echo. A terminal's is given by whoever owns the terminal.
pub type SecretInput = Box<dyn FnMut() -> io::Result<Zeroizing<String>>>;

/// Enters the terminal's alternate screen, which has no scroll-back, and clears it. Dropping what comes back clears it and
/// leaves it. Whoever owns the terminal can have the same done when a signal ends the process.
pub type EnterScreen = Box<dyn FnMut() -> io::Result<Box<dyn Any>>>;

/// The error of an input whose window has changed its size.
pub const RESIZED: io::ErrorKind = io::ErrorKind::WouldBlock;

/// Throws away what was typed and not read yet.
pub type Discard = Box<dyn FnMut() -> io::Result<()>>;

/// A keyboard and a screen.
pub struct Console<R, W> {
    input: R,
    output: W,
    secret: SecretInput,
    enter: Option<EnterScreen>,
    discard: Option<Discard>,
}

impl<R: BufRead, W: Write> Console<R, W> {
    /// Over these. `output` should be the terminal itself, since shares are shown on it. Where a read of `input` ends with
    /// [`RESIZED`], what is shown is drawn anew.
    pub fn new(input: R, output: W, secret: SecretInput) -> Self {
        Self { input, output, secret, enter: None, discard: None }
    }

    /// With screens that the terminal's owner guards.
    #[must_use]
    pub fn with_screens(mut self, enter: EnterScreen) -> Self {
        self.enter = Some(enter);
        self
    }

    /// With answers that count only when they were typed after their question came: nobody's paste answers for others.
    /// `input` must not read ahead then.
    #[must_use]
    pub fn discarding(mut self, discard: Discard) -> Self {
        self.discard = Some(discard);
        self
    }

    /// To be called before a question is shown.
    pub(super) fn discard(&mut self) -> Result<(), Gone> {
        self.discard.as_mut().map_or(Ok(()), |discard| discard()).map_err(|error| unreadable(&error))
    }

    pub(super) fn say(&mut self, text: &str) -> Result<(), Gone> {
        let written = self.output.write_all(text.as_bytes()).and_then(|()| self.output.flush());
        written.map_err(|error| Gone(format!("the terminal cannot be written to ({error})")))
    }

    /// A line of text. What is none is asked for again, and `redraw` draws anew what the window lost when its size changed.
    pub(super) fn line(
        &mut self,
        mut redraw: impl FnMut(&mut Self) -> Result<(), Gone>,
    ) -> Result<String, Gone> {
        // Reserved in full, since growing would leave a copy behind where somebody typed a share.
        let mut line = Zeroizing::new(Vec::with_capacity(LINE));
        loop {
            match self.input.read_until(b'\n', &mut line) {
                Ok(0) => return Err(Gone("the input ended".to_owned())),
                Ok(_) => {}
                Err(error) if error.kind() == RESIZED => {
                    redraw(self)?;
                    continue;
                }
                Err(error) => return Err(unreadable(&error)),
            }
            if let Ok(line) = std::str::from_utf8(&line) {
                return Ok(line.trim().to_owned());
            }
            line = Zeroizing::new(Vec::with_capacity(LINE));
            self.discard()?;
            self.say(NO_TEXT)?;
        }
    }

    /// Shows what is for one person's eyes, and asks. The screen is the caller's to enter and to clear.
    pub(super) fn private(&mut self, who: &Person, text: &str, question: &str) -> Result<String, Gone> {
        // Reserved in full, since growing would leave a copy behind.
        let room = who.name.len().saturating_add(text.len()).saturating_add(question.len());
        let mut page = Zeroizing::new(String::with_capacity(room.saturating_add(32)));
        for part in ["For ", &who.name, " alone.\n\n", text, "\n\n", question, " "] {
            page.push_str(part);
        }
        self.discard()?;
        self.say(&page)?;
        self.line(|console| {
            console.say(TOP)?;
            console.say(&page)
        })
    }

    pub(super) fn hidden(&mut self) -> Result<Zeroizing<String>, Gone> {
        loop {
            match (self.secret)() {
                Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                    self.discard()?;
                    self.say(NO_TEXT)?;
                }
                answer => return answer.map_err(|error| unreadable(&error)),
            }
        }
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

    /// Shows a share until its last characters were typed. The screen is the caller's to enter and to clear.
    pub(super) fn until_written_down(
        &mut self,
        who: &Person,
        heading: &str,
        share: &str,
    ) -> Result<(), Gone> {
        let letters: Zeroizing<String> =
            Zeroizing::new(share.chars().filter(|c| !c.is_whitespace()).collect());
        let skipped = letters.chars().count().saturating_sub(PROOF);
        let proof: Zeroizing<String> = Zeroizing::new(letters.chars().skip(skipped).collect());
        let page = share_page(who, heading, share);
        let mut remark = "";
        loop {
            self.discard()?;
            self.say(&page)?;
            self.say(&format!("\n{remark}When it is written down, type its last {PROOF} characters: "))?;
            if self.hidden()?.trim().eq_ignore_ascii_case(&proof) {
                return Ok(());
            }
            // The page comes again in its place, so that no row of it ever leaves the screen.
            self.say(TOP)?;
            remark = "It ends otherwise. ";
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
/// Cleared, and nothing else.
const TOP: &str = "\x1b[2J\x1b[H";
const PROOF: usize = 6;
/// A terminal's lines are no longer.
const LINE: usize = 4096;
const NO_TEXT: &str = "\nThat is no text that can be read. Type it again: ";

#[cfg(test)]
pub(super) mod tests {
    use std::cell::Cell;
    use std::io::{BufReader, Cursor};
    use std::rc::Rc;

    use super::super::{Conversation as _, Full, Plain};
    use super::*;
    use crate::plan::Role;

    pub(in super::super) fn ada() -> Person {
        Person {
            name: "Ada".to_owned(),
            initials: "A".to_owned(),
            roles: [Role::Custodian].into(),
            group: None,
            custody: None,
            signing: None,
        }
    }

    fn nothing_hidden() -> SecretInput {
        Box::new(|| Err(io::ErrorKind::UnexpectedEof.into()))
    }

    #[test]
    fn what_is_no_text_is_asked_for_again() {
        let input = Cursor::new(b"\xff\xfe yes\nno\n".to_vec());
        let mut console = Console::new(input, Vec::new(), nothing_hidden());
        assert_eq!(console.line(|_| Ok(())).unwrap(), "no");
        assert!(String::from_utf8_lossy(&console.output).contains("Type it again"));
        assert!(console.line(|_| Ok(())).is_err(), "the control: the end is the end");

        let mut hidden = vec![Ok(Zeroizing::new("share".to_owned())), Err(io::ErrorKind::InvalidData.into())];
        let next = Box::new(move || hidden.pop().unwrap());
        let mut console = Console::new(Cursor::new(Vec::new()), Vec::new(), next);
        assert_eq!(*console.hidden().unwrap(), "share");
    }

    /// A keyboard whose window changes its size in the midst of each line.
    struct Resizing(Vec<io::Result<&'static [u8]>>);

    impl io::Read for Resizing {
        fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
            let next = self.0.pop().unwrap_or(Ok(b""))?;
            bytes[..next.len()].copy_from_slice(next);
            Ok(next.len())
        }
    }

    #[test]
    fn screen_is_drawn_anew_when_the_window_changes_and_the_answer_stays() {
        let resized = || Err(io::Error::from(RESIZED));
        let input = || BufReader::new(Resizing(vec![Ok(b"s\n".as_slice()), resized(), Ok(b"ye"), resized()]));
        let mut full = Full::new(Console::new(input(), Vec::new(), nothing_hidden())).unwrap();
        assert_eq!(full.ask(&ada(), "a?").unwrap(), "yes");
        assert_eq!(full.shown().matches("At the keyboard").count(), 3, "once, and twice anew");
        let mut plain = Plain::new(Console::new(input(), Vec::new(), nothing_hidden()));
        assert_eq!(plain.private(&ada(), "text", "a?").unwrap(), "yes");
        assert_eq!(plain.shown().matches("For Ada alone").count(), 3);
    }

    /// A keyboard at which a line lies ready whenever somebody looks, and how often such lines were thrown away.
    fn impatient() -> (impl BufRead, Discard, Rc<Cell<usize>>) {
        let thrown = Rc::new(Cell::new(0));
        let count = Rc::clone(&thrown);
        let discard = Box::new(move || {
            count.set(count.get() + 1);
            Ok(())
        });
        (BufReader::new(Cursor::new(b"yes\n".repeat(9))), discard, thrown)
    }

    #[test]
    fn what_was_typed_before_a_question_is_thrown_away_before_each_of_them() {
        let secret = || -> SecretInput { Box::new(|| Ok(Zeroizing::new("abcdef".to_owned()))) };
        let (input, discard, thrown) = impatient();
        let mut plain = Plain::new(Console::new(input, Vec::new(), secret()).discarding(discard));
        let mut counts = Vec::new();
        plain.tell("told").unwrap();
        counts.push(thrown.get());
        plain.ask(&ada(), "a?").unwrap();
        counts.push(thrown.get());
        plain.secret(&ada(), "b?").unwrap();
        counts.push(thrown.get());
        plain.private(&ada(), "text", "c?").unwrap();
        counts.push(thrown.get());
        plain.show_share(&ada(), "Share", "sr1qqq abcdef").unwrap();
        counts.push(thrown.get());
        assert_eq!(counts, [0, 1, 2, 3, 5], "a share has two questions");

        let (input, discard, thrown) = impatient();
        let mut full = Full::new(Console::new(input, Vec::new(), secret()).discarding(discard)).unwrap();
        let mut counts = Vec::new();
        full.tell("told").unwrap();
        counts.push(thrown.get());
        full.ask(&ada(), "a?").unwrap();
        counts.push(thrown.get());
        full.secret(&ada(), "b?").unwrap();
        counts.push(thrown.get());
        full.private(&ada(), "text", "c?").unwrap();
        counts.push(thrown.get());
        full.show_share(&ada(), "Share", "sr1qqq abcdef").unwrap();
        counts.push(thrown.get());
        assert_eq!(counts, [0, 1, 2, 3, 5]);
    }
}
