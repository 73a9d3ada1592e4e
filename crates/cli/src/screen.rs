//! A screen of its own for a share: it shows until it was written down, and nothing of it stays, however it ends.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

use nix::sys::termios::{FlushArg, SetArg, SpecialCharacterIndices, Termios, tcflush, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use crate::exit::{Failure, Kind};
use crate::terminal::{open, say, unreadable};

/// Shows `text` on a screen of its own until its last characters, which `proof` ends in, were typed.
///
/// What was typed before the screen came is thrown away: no share is passed over by an Enter too many.
pub(crate) fn show_until_written_down(text: &str, proof: &str) -> Result<(), Failure> {
    let letters: Vec<char> = proof.chars().filter(|letter| !letter.is_whitespace()).collect();
    let last = Zeroizing::new(letters.iter().rev().take(TYPED).rev().collect::<String>());
    drop(Zeroizing::new(letters));
    let _screen = Screen::enter()?;
    say(&format!("{text}\n\n"))?;
    loop {
        let terminal = open().map_err(unreadable)?;
        tcflush(&terminal, FlushArg::TCIFLUSH).map_err(|error| unreadable(error.into()))?;
        say(&format!("When it is written down, type its last {TYPED} characters: "))?;
        let mut typed = Zeroizing::new(String::new());
        if BufReader::new(terminal).read_line(&mut typed).map_err(unreadable)? == 0 {
            return Err(Failure::new(Kind::Failure, "the input ended before all shares were shown"));
        }
        if typed.trim().eq_ignore_ascii_case(&last) {
            return Ok(());
        }
        say("It ends otherwise. ")?;
    }
}

/// The screen, until it is dropped.
pub(crate) struct Screen;

/// What is needed to leave it.
pub(crate) struct Shown {
    terminal: File,
    before: Option<Termios>,
}

impl Screen {
    pub(crate) fn enter() -> Result<Self, Failure> {
        let mut shown = shown();
        let mut terminal = open().map_err(unreadable)?;
        let before = tcgetattr(&terminal).ok();
        if let Some(mut settings) = before.clone() {
            // A process that is stopped (Ctrl-Z) would leave the share on the screen.
            if let Some(suspend) = settings.control_chars.get_mut(SpecialCharacterIndices::VSUSP as usize) {
                *suspend = DISABLED;
            }
            let _ = tcsetattr(&terminal, SetArg::TCSANOW, &settings);
        }
        let entered = terminal.write_all(ENTER.as_bytes());
        *shown = Some(Shown { terminal, before });
        drop(shown);
        let screen = Self;
        entered.map_err(|error| Failure::io("the terminal could not be written", &error))?;
        Ok(screen)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        drop(leave());
    }
}

/// Clears the screen that is shown and leaves it. None comes as long as the lock is kept.
pub(crate) fn leave() -> MutexGuard<'static, Option<Shown>> {
    let mut shown = shown();
    if let Some(Shown { mut terminal, before }) = shown.take() {
        // Nobody can be told when the terminal is gone, and then nothing shows either.
        let _ = terminal.write_all(LEAVE.as_bytes());
        if let Some(before) = before {
            let _ = tcsetattr(&terminal, SetArg::TCSANOW, &before);
        }
    }
    shown
}

/// The terminal, to which nothing is written any more once a signal had the screen left: else it would stand on the ordinary one.
pub(crate) struct Guarded(pub(crate) File);

impl Write for Guarded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _shown = shown();
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// The screen that is shown, if there is one.
pub(crate) fn shown() -> MutexGuard<'static, Option<Shown>> {
    SHOWN.lock().unwrap_or_else(PoisonError::into_inner)
}

static SHOWN: Mutex<Option<Shown>> = Mutex::new(None);
/// The alternate screen has no scroll-back; it is cleared before it is used and before it is left.
const ENTER: &str = "\x1b[?1049h\x1b[2J\x1b[H";
const LEAVE: &str = "\x1b[2J\x1b[H\x1b[?1049l";
/// So many characters show that the share was copied to its end, and are no burden.
const TYPED: usize = 4;
/// `_POSIX_VDISABLE` of Linux: no character has this effect.
const DISABLED: u8 = 0;
