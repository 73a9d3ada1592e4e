//! Questions to the person at the terminal, even where stdin and stdout are taken.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, IsTerminal as _, Write as _};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use zeroize::Zeroizing;

use crate::exit::{Failure, Kind};

/// Whether somebody can be asked: stderr is theirs to read, and the process has a terminal.
pub(crate) fn is_present() -> bool {
    io::stderr().is_terminal() && open().is_ok()
}

/// Asks without echo. `None` when the person ends the input (Ctrl-D).
pub(crate) fn ask_hidden(prompt: &str) -> Result<Option<Zeroizing<String>>, Failure> {
    match rpassword::prompt_password(prompt) {
        Ok(answer) => Ok(Some(Zeroizing::new(answer))),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(interrupt()),
        Err(error) => Err(unreadable(error)),
    }
}

/// Ends the process as Ctrl-C does, which a prompt without echo reads as a letter.
fn interrupt() -> Failure {
    if kill(Pid::this(), Signal::SIGINT).is_ok() {
        // For the thread that waits for signals.
        std::thread::sleep(Duration::from_secs(1));
    }
    // The parent has it ignored.
    Failure::new(Kind::Failure, "interrupted")
}

/// Asks a question that only "y" answers with yes.
pub(crate) fn confirm(question: &str) -> Result<bool, Failure> {
    say(&format!("{question} [y/N] "))?;
    let mut answer = String::new();
    BufReader::new(open().map_err(unreadable)?).read_line(&mut answer).map_err(unreadable)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

pub(crate) fn say(text: &str) -> Result<(), Failure> {
    let mut terminal = open().map_err(unreadable)?;
    terminal
        .write_all(text.as_bytes())
        .and_then(|()| terminal.flush())
        .map_err(|error| Failure::io("the terminal could not be written", &error))
}

pub(crate) fn open() -> io::Result<File> {
    OpenOptions::new().read(true).write(true).open("/dev/tty")
}

#[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
pub(crate) fn unreadable(error: io::Error) -> Failure {
    Failure::io("the terminal could not be read", &error)
}
