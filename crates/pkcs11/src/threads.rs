//! Threads that call modules, and what becomes of them as the process ends.
//!
//! The libraries under a module leave destructors with every thread that called them, and destructors of their own with the
//! process. Where a thread ends while the process exits, both free the same memory. So, as the process exits and before it runs
//! what the modules left with it: nobody is let into a module any more, calls under way are waited for, threads that are about to
//! end are waited for, and the others stay where they are.
#![allow(unsafe_code)]

use std::collections::BTreeMap;
use std::io;
use std::mem;
use std::sync::{Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use crate::error::Failure;
use crate::module;

/// Runs this on a thread of its own, which may call modules.
pub(crate) fn start(body: impl FnOnce() + Send + 'static) -> Result<(), Failure> {
    let failed = |error: io::Error| Failure::Setting(format!("no thread could be started ({error})"));
    reap();
    let mut threads = lock();
    if threads.exiting {
        return Err(Failure::Setting("the process is about to end".into()));
    }
    let number = threads.next;
    threads.next += 1;
    let thread = thread::Builder::new()
        .name("strongroom-hsm".into())
        .spawn(move || {
            // Declared first, so that it is dropped last, after a panic too.
            let _leave = Leave(number);
            body();
        })
        .map_err(failed)?;
    threads.running.insert(number, thread);
    Ok(())
}

/// To be called once a module is initialised: what was registered last runs first, and the libraries under a module register
/// theirs as it is initialised.
pub(crate) fn watch_exit() {
    // SAFETY: the function neither unwinds nor leaves by other ways, and is never unloaded. That no more can be registered leaves the
    // process without this care, as it would be without this crate.
    let _ = unsafe { libc::atexit(at_exit) };
}

extern "C" fn at_exit() {
    lock().exiting = true;
    module::close_all();
    join(mem::take(&mut lock().leaving));
}

/// Says that a thread has nothing left to do but to end.
struct Leave(u64);

impl Drop for Leave {
    fn drop(&mut self) {
        let mut threads = lock();
        if threads.exiting {
            drop(threads);
            // It ends with the process.
            loop {
                thread::park();
            }
        }
        let own = threads.running.remove(&self.0);
        threads.leaving.extend(own);
    }
}

/// Forgets threads that have ended.
fn reap() {
    let ended = lock().leaving.extract_if(.., |thread| thread.is_finished()).collect();
    join(ended);
}

fn join(threads: Vec<JoinHandle<()>>) {
    for thread in threads {
        // A panic was told of by whoever waited for its answer.
        let _ = thread.join();
    }
}

fn lock() -> std::sync::MutexGuard<'static, Threads> {
    THREADS.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Threads {
    exiting: bool,
    next: u64,
    running: BTreeMap<u64, JoinHandle<()>>,
    /// Their work is done; what is left are their destructors.
    leaving: Vec<JoinHandle<()>>,
}

static THREADS: Mutex<Threads> =
    Mutex::new(Threads { exiting: false, next: 0, running: BTreeMap::new(), leaving: Vec::new() });

#[cfg(test)]
mod tests {
    use std::process::{Command, exit};
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    /// As OpenSSL does, a destructor of the thread's: here it takes its time.
    struct Left;

    impl Drop for Left {
        fn drop(&mut self) {
            thread::sleep(Duration::from_millis(300));
            say("the thread's");
        }
    }

    thread_local! {
        static LEFT: Left = const { Left };
    }

    extern "C" fn process_ends() {
        say("the process's");
    }

    fn say(what: &str) {
        use io::Write as _;
        let _ = writeln!(io::stdout(), "destructor: {what}");
    }

    /// A process that exits while a thread is ending, or goes on working, with or without the care that is taken here.
    #[test]
    fn child() {
        let Ok(how) = std::env::var("STRONGROOM_TEST_EXIT") else { return };
        // SAFETY: the function does not unwind.
        assert_eq!(unsafe { libc::atexit(process_ends) }, 0);
        let (done, told) = mpsc::channel();
        let body = move || {
            LEFT.with(|_| ());
            done.send(()).unwrap();
        };
        match how.as_str() {
            "ending" => {
                watch_exit();
                start(body).unwrap();
                told.recv().unwrap();
                while !lock().running.is_empty() {
                    thread::yield_now();
                }
            }
            "working" => {
                watch_exit();
                start(move || {
                    body();
                    while !lock().exiting {
                        thread::yield_now();
                    }
                })
                .unwrap();
                told.recv().unwrap();
            }
            _ => {
                drop(thread::spawn(body));
                told.recv().unwrap();
            }
        }
        exit(0);
    }

    fn destructors(how: &str) -> Vec<String> {
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "threads::tests::child", "--nocapture", "--test-threads=1"])
            .env("STRONGROOM_TEST_EXIT", how)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().filter_map(|line| line.split("destructor: ").nth(1)).map(str::to_owned).collect()
    }

    #[test]
    fn thread_that_ends_is_waited_for_before_the_process_runs_its_own_destructors() {
        assert_eq!(destructors("ending"), ["the thread's", "the process's"]);
        // The control: without the care that is taken here the process does not wait.
        assert_ne!(destructors("plain"), ["the thread's", "the process's"]);
    }

    #[test]
    fn thread_that_works_as_the_process_exits_does_not_end_before_it() {
        assert_eq!(destructors("working"), ["the process's"]);
    }
}
