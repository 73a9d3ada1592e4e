//! Questions to the person at the terminal, even where stdin and stdout are taken.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, IsTerminal as _, Read, Write as _};
use std::os::fd::AsFd as _;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, poll};
use nix::sys::signal::{Signal, kill};
use nix::sys::termios::{FlushArg, SetArg, Termios, tcflush, tcgetattr, tcsetattr};
use nix::unistd::Pid;
use rustix::termios::tcgetwinsize;
use strongroom_ceremony::run::conversation::RESIZED;
use zeroize::Zeroizing;

use crate::exit::{Failure, Kind};

/// Whether somebody can be asked: stderr is theirs to read, and the process has a terminal.
pub(crate) fn is_present() -> bool {
    io::stderr().is_terminal() && open().is_ok()
}

/// Asks without echo. `None` when the person ends the input (Ctrl-D).
pub(crate) fn ask_hidden(prompt: &str) -> Result<Option<Zeroizing<String>>, Failure> {
    let _settings = Settings::keep();
    match rpassword::prompt_password(prompt) {
        Ok(answer) => Ok(Some(Zeroizing::new(answer))),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(interrupt()),
        Err(error) => Err(unreadable(error)),
    }
}

/// The terminal's settings, which are restored when a signal ends the process before this is dropped. Whoever changes them
/// restores them in any other case.
pub(crate) struct Settings;

impl Settings {
    pub(crate) fn keep() -> Self {
        let kept = open().ok().and_then(|terminal| Some((tcgetattr(&terminal).ok()?, terminal)));
        *settings() = kept;
        Self
    }
}

impl Drop for Settings {
    fn drop(&mut self) {
        *settings() = None;
    }
}

/// Restores the settings that are kept. None are kept anew as long as the lock is.
pub(crate) fn restore() -> MutexGuard<'static, Option<(Termios, File)>> {
    let mut settings = settings();
    if let Some((before, terminal)) = settings.take() {
        // Nobody can be told when the terminal is gone.
        let _ = tcsetattr(&terminal, SetArg::TCSANOW, &before);
    }
    settings
}

fn settings() -> MutexGuard<'static, Option<(Termios, File)>> {
    SETTINGS.lock().unwrap_or_else(PoisonError::into_inner)
}

static SETTINGS: Mutex<Option<(Termios, File)>> = Mutex::new(None);

/// The terminal's lines, and [`RESIZED`] where its window has changed its size.
pub(crate) struct Lines {
    terminal: File,
    size: Option<(u16, u16)>,
}

impl Lines {
    pub(crate) fn open() -> Result<Self, Failure> {
        let terminal = open().map_err(unreadable)?;
        Ok(Self { size: size(&terminal), terminal })
    }
}

impl Read for Lines {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        loop {
            let mut coming = [PollFd::new(self.terminal.as_fd(), PollFlags::POLLIN)];
            match poll(&mut coming, LOOK_MS) {
                Ok(0) => {}
                Ok(_) => return self.terminal.read(bytes),
                Err(Errno::EINTR) => continue,
                Err(error) => return Err(error.into()),
            }
            let now = size(&self.terminal);
            if std::mem::replace(&mut self.size, now) != now {
                return Err(RESIZED.into());
            }
        }
    }
}

fn size(terminal: &File) -> Option<(u16, u16)> {
    tcgetwinsize(terminal).ok().map(|size| (size.ws_row, size.ws_col))
}

/// Throws away what was typed and not read yet, until nothing more comes: of a long paste a part may still be on its way.
pub(crate) fn discard(terminal: &File) -> io::Result<()> {
    let end = Instant::now() + PASTE_MAX;
    loop {
        tcflush(terminal, FlushArg::TCIFLUSH)?;
        let mut coming = [PollFd::new(terminal.as_fd(), PollFlags::POLLIN)];
        match poll(&mut coming, PASTE_PAUSE_MS) {
            Ok(0) => return Ok(()),
            Ok(_) | Err(Errno::EINTR) if Instant::now() < end => {}
            Ok(_) => return Err(io::Error::other("more is typed than anybody is asked for")),
            Err(error) => return Err(error.into()),
        }
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

/// Between two pieces of a paste less time passes.
const PASTE_PAUSE_MS: u16 = 30;
/// No paste takes so long.
const PASTE_MAX: Duration = Duration::from_secs(10);
/// So often is the window's size looked at.
const LOOK_MS: u16 = 250;
