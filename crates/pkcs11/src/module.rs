//! Modules: one per process and path, never unloaded, initialised with the operating system's locks.
//!
//! Every call passes a gate. Initialising anew closes it, waits until the last call has come out, and only then finalises:
//! `C_Finalize` while another thread is inside the module is undefined (PKCS #11 v3.1, section 5.4.2). The generation counts how often
//! that was done. Session handles start again at the same numbers, so a session of an older generation is never closed: that
//! would close a stranger's.
#![allow(unsafe_code)]

use std::ffi::CString;
use std::fs;
use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};
use std::process;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use strongroom_crypto::secret::{SecretBytes, check_not_forked};

use crate::error::Failure;
use crate::raw::Raw;
use crate::threads;

/// A loaded module.
pub(crate) struct Module {
    path: PathBuf,
    parameters: Option<CString>,
    binding: Pkcs11,
    raw: Raw,
    pid: u32,
    initialised: Mutex<State>,
    generation: AtomicU64,
    gate: Gate,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Not,
    /// By us.
    Ours,
    /// By other code in this process, whose sessions would end with ours.
    Foreign,
}

impl Module {
    /// The module at this path: loaded now, or what was loaded before.
    pub(crate) fn load(path: &Path, parameters: Option<&str>) -> Result<&'static Self, Failure> {
        let canonical = fs::canonicalize(path).map_err(|error| {
            Failure::Module(format!(
                "the module cannot be read ({error}); set lib to the path of its shared library"
            ))
        })?;
        let parameters = parameters
            .map(CString::new)
            .transpose()
            .map_err(|_| Failure::Setting("library_parameters has a NUL in it; take it out".into()))?;
        let mut modules = lock(&MODULES);
        if let Some(module) = modules.iter().find(|module| module.path == canonical) {
            if module.parameters != parameters {
                return Err(Failure::Setting(
                    "the module was loaded with other library_parameters before; use the same everywhere"
                        .into(),
                ));
            }
            module.check_process()?;
            return Ok(module);
        }
        // The first secret sets the witness by which a forked child is told from its parent.
        SecretBytes::zeroed(1)?;
        // First: unlike the binding, it looks whether the module gives a list of functions at all.
        let raw = Raw::load(&canonical)?;
        let binding = Pkcs11::new(&canonical).map_err(|error| {
            Failure::Module(format!("it cannot be loaded as a PKCS #11 module ({error}); correct lib"))
        })?;
        let module: &'static Self = Box::leak(Box::new(Self {
            path: canonical,
            parameters,
            binding,
            pid: process::id(),
            initialised: Mutex::new(State::Not),
            generation: AtomicU64::new(0),
            gate: Gate { one_by_one: !raw.is_shared(), ..Gate::default() },
            raw,
        }));
        modules.push(module);
        Ok(module)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn raw(&self) -> &Raw {
        &self.raw
    }

    pub(crate) fn binding(&self) -> &Pkcs11 {
        &self.binding
    }

    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Whether a thread may call into the module: never in a child of the process that loaded it.
    pub(crate) fn check_process(&self) -> Result<(), Failure> {
        check_not_forked()?;
        if process::id() == self.pid { Ok(()) } else { Err(Failure::Forked) }
    }

    /// Lets a thread in, initialising the module first where it is not.
    pub(crate) fn enter(&self, timeout: Duration) -> Result<Pass<'_>, Failure> {
        self.check_process()?;
        let pass = self.gate.enter(timeout)?;
        self.initialise()?;
        Ok(pass)
    }

    /// Lets a thread in that holds a session, so that the module is known to be initialised.
    pub(crate) fn enter_again(&self, timeout: Duration) -> Result<Pass<'_>, Failure> {
        check_not_forked()?;
        self.gate.enter(timeout)
    }

    /// Finalises and initialises, unless another thread has done so since `seen`.
    pub(crate) fn reinitialise(&self, seen: u64, timeout: Duration) -> Result<(), Failure> {
        let _closed = self.gate.close(timeout)?;
        if self.generation() != seen {
            return Ok(());
        }
        let mut state = lock(&self.initialised);
        match *state {
            State::Foreign => {
                return Err(Failure::Setting(
                    "other code in this process initialised the module, so it is not ours to finalise. Restart the process"
                        .into(),
                ));
            }
            State::Ours => {
                // What it answers changes nothing: a module that lost its server cannot say good-bye to it.
                let _ = self.binding.clone().finalize();
                *state = State::Not;
            }
            State::Not => {}
        }
        self.generation.fetch_add(1, Ordering::AcqRel);
        self.start(&mut state)
    }

    fn initialise(&self) -> Result<(), Failure> {
        let mut state = lock(&self.initialised);
        if *state == State::Not { self.start(&mut state) } else { Ok(()) }
    }

    fn start(&self, state: &mut State) -> Result<(), Failure> {
        match self.binding.initialize(self.arguments()) {
            Ok(()) => *state = State::Ours,
            Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => *state = State::Foreign,
            Err(error) => return Err(error.into()),
        }
        threads::watch_exit();
        Ok(())
    }

    fn arguments(&self) -> CInitializeArgs {
        let flags = CInitializeFlags::OS_LOCKING_OK;
        match self.parameters.as_ref().and_then(|text| NonNull::new(text.as_ptr().cast_mut())) {
            // SAFETY: the string ends with a NUL and lives as long as the module, which is never dropped.
            Some(text) => unsafe { CInitializeArgs::new_with_reserved(flags, text.cast()) },
            None => CInitializeArgs::new(flags),
        }
    }
}

/// Lets nobody into any module for as long as the process lives, and waits for the calls under way, but not long for one that
/// hangs.
pub(crate) fn close_all() {
    // Whoever is loading one holds the lock, and has no call under way that could be waited for.
    let modules = MODULES.try_lock().map(|modules| modules.clone()).unwrap_or_default();
    let deadline = Instant::now() + PATIENCE_AT_EXIT;
    for module in modules {
        if let Ok(closed) = module.gate.close(deadline.saturating_duration_since(Instant::now())) {
            // Never opened again.
            let _ = ManuallyDrop::new(closed);
        }
    }
}

/// Counts the threads inside, and can be closed.
#[derive(Default)]
struct Gate {
    /// For modules that make a list of functions for each who asks: p11-kit's client. When its server dies while several
    /// threads wait for answers, one is told and the others wait for ever.
    one_by_one: bool,
    inside: AtomicUsize,
    closed: AtomicBool,
    lock: Mutex<()>,
    changed: Condvar,
}

/// The right to call into a module, until dropped.
pub(crate) struct Pass<'a>(&'a Gate);

struct Closed<'a>(&'a Gate);

impl Gate {
    fn enter(&self, timeout: Duration) -> Result<Pass<'_>, Failure> {
        if self.one_by_one {
            return self.enter_alone(timeout);
        }
        let mut deadline = None;
        loop {
            self.inside.fetch_add(1, Ordering::SeqCst);
            let pass = Pass(self);
            if !self.closed.load(Ordering::SeqCst) {
                return Ok(pass);
            }
            drop(pass);
            let deadline = *deadline.get_or_insert_with(|| Instant::now() + timeout);
            let mut guard = lock(&self.lock);
            while self.closed.load(Ordering::SeqCst) {
                guard = self.wait(guard, deadline).ok_or(Failure::Busy { waited: timeout })?;
            }
        }
    }

    fn enter_alone(&self, timeout: Duration) -> Result<Pass<'_>, Failure> {
        let deadline = Instant::now() + timeout;
        let mut guard = lock(&self.lock);
        while self.closed.load(Ordering::SeqCst) || self.inside.load(Ordering::SeqCst) != 0 {
            guard = self.wait(guard, deadline).ok_or(Failure::Busy { waited: timeout })?;
        }
        self.inside.store(1, Ordering::SeqCst);
        drop(guard);
        Ok(Pass(self))
    }

    /// Lets nobody in and waits until all are out. There may be one closer at a time; a second waits.
    fn close(&self, timeout: Duration) -> Result<Closed<'_>, Failure> {
        let deadline = Instant::now() + timeout;
        let mut guard = lock(&self.lock);
        while self.closed.load(Ordering::SeqCst) {
            guard = self.wait(guard, deadline).ok_or(Failure::Busy { waited: timeout })?;
        }
        self.closed.store(true, Ordering::SeqCst);
        let closed = Closed(self);
        while self.inside.load(Ordering::SeqCst) != 0 {
            let Some(again) = self.wait(guard, deadline) else {
                return Err(Failure::Hung { calls: self.inside.load(Ordering::SeqCst) });
            };
            guard = again;
        }
        drop(guard);
        Ok(closed)
    }

    fn wait<'a>(&self, guard: MutexGuard<'a, ()>, deadline: Instant) -> Option<MutexGuard<'a, ()>> {
        let left = deadline.checked_duration_since(Instant::now())?;
        Some(self.changed.wait_timeout(guard, left).unwrap_or_else(PoisonError::into_inner).0)
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        let last = self.0.inside.fetch_sub(1, Ordering::SeqCst) == 1;
        if last && (self.0.one_by_one || self.0.closed.load(Ordering::SeqCst)) {
            // The lock is taken so that whoever is between its look and its wait does not miss this.
            drop(lock(&self.0.lock));
            self.0.changed.notify_all();
        }
    }
}

impl Drop for Closed<'_> {
    fn drop(&mut self) {
        {
            let _guard = lock(&self.0.lock);
            self.0.closed.store(false, Ordering::SeqCst);
        }
        self.0.changed.notify_all();
    }
}

/// Nothing that is guarded here can be seen half changed, so a poisoned lock is as good as any.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A call that takes longer than this as the process exits is taken for one that hangs.
const PATIENCE_AT_EXIT: Duration = Duration::from_secs(2);
static MODULES: Mutex<Vec<&'static Module>> = Mutex::new(Vec::new());
