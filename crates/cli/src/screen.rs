//! A screen of its own for a share: it shows until it was written down, and nothing of it stays, however it ends.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::sync::{Mutex, MutexGuard, PoisonError};

use nix::sys::signal::{SigSet, Signal, raise};
use nix::sys::termios::{FlushArg, SetArg, SpecialCharacterIndices, Termios, tcflush, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use crate::exit::{Failure, Kind};
use crate::terminal::{open, say, unreadable};

/// Has a thread wait for the signals that end a process, so that a screen is cleared before they do. Called before any other
/// thread is started, since these must not take the signals.
pub(crate) fn watch_signals() {
    let ending = ending_signals();
    if ending.thread_block().is_err() {
        return;
    }
    let watching = std::thread::Builder::new().name("strongroom-signals".to_owned()).spawn(end_on_signal);
    if watching.is_err() {
        let _ = ending.thread_unblock();
    }
}

fn end_on_signal() {
    let ending = ending_signals();
    while let Ok(signal) = ending.wait() {
        // The lock is kept, so that no other screen comes while the process ends.
        let mut shown = shown();
        leave(&mut shown);
        // The signal's own effect: its number is what the parent is to see.
        let _ = ending.thread_unblock();
        let _ = raise(signal);
        // It was one that the parent ignores.
        let _ = ending.thread_block();
    }
}

fn ending_signals() -> SigSet {
    [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT].into_iter().collect()
}

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
struct Shown {
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
        leave(&mut shown());
    }
}

fn leave(shown: &mut Option<Shown>) {
    if let Some(Shown { mut terminal, before }) = shown.take() {
        // Nobody can be told when the terminal is gone, and then nothing shows either.
        let _ = terminal.write_all(LEAVE.as_bytes());
        if let Some(before) = before {
            let _ = tcsetattr(&terminal, SetArg::TCSANOW, &before);
        }
    }
}

fn shown() -> MutexGuard<'static, Option<Shown>> {
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
