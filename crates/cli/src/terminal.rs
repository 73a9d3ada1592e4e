//! Questions to the person at the terminal, even where stdin and stdout are taken.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, IsTerminal as _, Write as _};

use zeroize::Zeroizing;

use crate::exit::Failure;

/// Whether somebody can be asked: stderr is theirs to read, and the process has a terminal.
pub(crate) fn is_present() -> bool {
    io::stderr().is_terminal() && open().is_ok()
}

/// Asks without echo. `None` when the person ends the input (Ctrl-D).
pub(crate) fn ask_hidden(prompt: &str) -> Result<Option<Zeroizing<String>>, Failure> {
    match rpassword::prompt_password(prompt) {
        Ok(answer) => Ok(Some(Zeroizing::new(answer))),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(Failure::io("the terminal could not be read", &error)),
    }
}

/// Asks a question that only "y" answers with yes.
pub(crate) fn confirm(question: &str) -> Result<bool, Failure> {
    say(&format!("{question} [y/N] "))?;
    let mut answer = String::new();
    BufReader::new(open().map_err(unreadable)?).read_line(&mut answer).map_err(unreadable)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// Shows something on a screen of its own, which leaves nothing behind, until Enter is pressed.
pub(crate) fn show_once(text: &str) -> Result<(), Failure> {
    say(&format!("{ENTER_OTHER_SCREEN}{text}\n\nPress Enter, and the screen will be cleared: "))?;
    let answer = BufReader::new(open().map_err(unreadable)?).read_line(&mut String::new());
    say(LEAVE_OTHER_SCREEN)?;
    match answer.map_err(unreadable)? {
        0 => Err(Failure::new(crate::exit::Kind::Failure, "the input ended before all shares were shown")),
        _ => Ok(()),
    }
}

fn say(text: &str) -> Result<(), Failure> {
    let mut terminal = open().map_err(unreadable)?;
    terminal
        .write_all(text.as_bytes())
        .and_then(|()| terminal.flush())
        .map_err(|error| Failure::io("the terminal could not be written", &error))
}

fn open() -> io::Result<File> {
    OpenOptions::new().read(true).write(true).open("/dev/tty")
}

#[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
fn unreadable(error: io::Error) -> Failure {
    Failure::io("the terminal could not be read", &error)
}

/// The alternate screen has no scroll-back; it is cleared before it is used and before it is left.
const ENTER_OTHER_SCREEN: &str = "\x1b[?1049h\x1b[2J\x1b[H";
const LEAVE_OTHER_SCREEN: &str = "\x1b[2J\x1b[H\x1b[?1049l";
