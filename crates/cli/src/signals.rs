//! Signals that end or stop the process: before it ends nothing secret is left on its screen or in its files, and the terminal
//! echoes again.

use std::fs;
use std::io::{self, Write as _};
use std::sync::{Mutex, MutexGuard, PoisonError};

use nix::sys::signal::{SigSet, Signal, raise};
use strongroom_ceremony::erasure::erase_all;

use crate::screen;
use crate::terminal;

/// Has a thread wait for the signals. Called before any other thread is started, since these must not take them.
pub(crate) fn watch() {
    let awaited: SigSet = ending().into_iter().chain([STOPPING]).collect();
    if awaited.thread_block().is_err() {
        return;
    }
    let watching = std::thread::Builder::new().name("strongroom-signals".to_owned()).spawn(move || {
        while let Ok(signal) = awaited.wait() {
            if signal == STOPPING { stop() } else { end(signal) }
        }
    });
    if watching.is_err() {
        let _ = awaited.thread_unblock();
    }
}

/// Does what stops itself at Ctrl-Z, as an editor of lines does, and shows no share.
pub(crate) fn stoppable<T>(work: impl FnOnce() -> T) -> T {
    let _ = only(STOPPING).thread_unblock();
    let done = work();
    let _ = only(STOPPING).thread_block();
    done
}

/// What is said to the person when a signal ends the process, as long as it lives.
pub(crate) struct Farewell;

impl Farewell {
    pub(crate) fn new(text: String) -> Self {
        *farewell() = Some(text);
        Self
    }
}

impl Drop for Farewell {
    fn drop(&mut self) {
        *farewell() = None;
    }
}

/// Ends the process by the signal. What it takes away stays away until then, since the locks are kept.
fn end(signal: Signal) {
    let _pages = erase_all();
    let _settings = terminal::restore();
    let _screen = screen::leave();
    if let Some(text) = farewell().take() {
        // Nobody can be told when stderr is gone.
        let _ = writeln!(io::stderr(), "\n{text}");
    }
    // The signal's own effect: its number is what the parent is to see.
    let _ = only(signal).thread_unblock();
    let _ = raise(signal);
}

/// Stops the process. A screen with a share would stay for whoever comes by, so nothing stops one.
fn stop() {
    let shown = screen::shown();
    if shown.is_none() {
        let _ = only(STOPPING).thread_unblock();
        let _ = raise(STOPPING);
        let _ = only(STOPPING).thread_block();
    }
}

/// The signals that end the process: not those that its parent has it ignore (`nohup`), which would take the pages and the screen
/// away from a ceremony that goes on.
fn ending() -> Vec<Signal> {
    let ignored = fs::read_to_string("/proc/self/status").ok().and_then(|status| ignored(&status));
    let is_ignored = |signal: &Signal| {
        let bit = u32::try_from(*signal as i32 - 1).unwrap_or(0);
        ignored.unwrap_or(0).checked_shr(bit).unwrap_or(0) & 1 == 1
    };
    let ending = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT];
    ending.into_iter().filter(|signal| !is_ignored(signal)).collect()
}

/// The mask of ignored signals, as proc(5) has it.
fn ignored(status: &str) -> Option<u64> {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"))?;
    u64::from_str_radix(mask.trim(), 16).ok()
}

fn only(signal: Signal) -> SigSet {
    [signal].into_iter().collect()
}

fn farewell() -> MutexGuard<'static, Option<String>> {
    FAREWELL.lock().unwrap_or_else(PoisonError::into_inner)
}

static FAREWELL: Mutex<Option<String>> = Mutex::new(None);
const STOPPING: Signal = Signal::SIGTSTP;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ignored_signals_are_read_from_the_status() {
        assert_eq!(ignored("SigBlk:\t0000000000000000\nSigIgn:\t0000000000000001\n"), Some(1));
        assert_eq!(ignored("SigBlk:\t0000000000000001\n"), None);
    }
}
