//! A token: opened, logged in to, and kept usable.

mod recovery;
mod workers;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use cryptoki::error::RvError;
use cryptoki::slot::Slot;
use strongroom_crypto::secret::SecretBytes;

use crate::config::TokenConfig;
use crate::error::{Failure, TokenError};
use crate::login::{self, Login};
use crate::module::{Module, lock};
use crate::pool::{OpenSession, Pool, Stamp};
use crate::slots::{self, TokenSummary};
use crate::threads;
use recovery::Recovery;
pub use workers::Pending;
use workers::Workers;

/// An open token. Copies share everything; the last one closes the sessions.
#[derive(Clone)]
pub struct Token(Arc<Inner>);

struct Inner {
    module: &'static Module,
    config: TokenConfig,
    pin: Option<SecretBytes>,
    place: Arc<str>,
    /// The number of the slot where the token was seen last.
    slot: AtomicU64,
    summary: Mutex<TokenSummary>,
    /// One session that is logged in and never lent: when the last session closes, the login ends and handles die.
    anchor: Mutex<Option<OpenSession>>,
    logins: AtomicU64,
    /// The module's generation at the last login, or [`LOGGED_OUT`].
    generation: AtomicU64,
    pin_unchecked: AtomicBool,
    pool: Pool,
    recovery: Recovery,
    workers: OnceLock<Workers>,
}

/// A session of a token, lent for one operation.
pub(crate) struct Lease<'a> {
    inner: &'a Inner,
    open: &'a OpenSession,
}

impl Lease<'_> {
    pub(crate) fn session(&self) -> &cryptoki::session::Session {
        self.open.session()
    }

    pub(crate) fn stamp(&self) -> Stamp {
        self.open.stamp()
    }

    pub(crate) fn module(&self) -> &'static Module {
        self.inner.module
    }

    pub(crate) fn slot(&self) -> Result<Slot, Failure> {
        self.inner.slot()
    }

    pub(crate) fn config(&self) -> &TokenConfig {
        &self.inner.config
    }

    pub(crate) fn pin_unchecked(&self) -> bool {
        self.inner.pin_unchecked.load(Ordering::Acquire)
    }
}

impl Token {
    /// Loads the module where it is not loaded, finds the token, and logs in.
    ///
    /// It gives up after the configured time-out, since a module may wait for a network.
    ///
    /// # Errors
    ///
    /// [`TokenError`] names module and token. A refused PIN is final for this process: see [`Failure::Pin`].
    pub fn open(config: TokenConfig) -> Result<Self, TokenError> {
        let timeout = config.timeout;
        let place: Arc<str> = format!("module {}", config.lib.display()).into();
        if !(1..=MOST_SESSIONS).contains(&config.max_parallel) {
            let text = format!("max_parallel is {}; use 1 to {MOST_SESSIONS}", config.max_parallel);
            return Err(TokenError::new(&place, Failure::Setting(text)));
        }
        if config.timeout.is_zero() || config.timeout > LONGEST {
            let text = "timeout is 0 or longer than a day; use something in between".into();
            return Err(TokenError::new(&place, Failure::Setting(text)));
        }
        within(timeout, move || Self::open_here(config))
            .unwrap_or_else(|failure| Err(TokenError::new(&place, failure)))
    }

    fn open_here(config: TokenConfig) -> Result<Self, TokenError> {
        let place: Arc<str> = format!("module {}", config.lib.display()).into();
        let at_module = |failure| TokenError::new(&place, failure);
        let module = Module::load(&config.lib, config.library_parameters.as_deref()).map_err(at_module)?;
        let pin = config.pin.as_ref().map(login::read).transpose().map_err(at_module)?;
        let summary = {
            let _pass = module.enter(config.timeout).map_err(at_module)?;
            slots::select(module, &config).map_err(at_module)?
        };
        let place: Arc<str> =
            format!("module {}, token “{}” (serial {})", config.lib.display(), summary.label, summary.serial)
                .into();
        let inner = Inner {
            module,
            pin,
            slot: AtomicU64::new(summary.slot),
            summary: Mutex::new(summary),
            anchor: Mutex::new(None),
            logins: AtomicU64::new(0),
            generation: AtomicU64::new(LOGGED_OUT),
            pin_unchecked: AtomicBool::new(false),
            pool: Pool::new(config.max_parallel),
            recovery: Recovery::default(),
            workers: OnceLock::new(),
            place: Arc::clone(&place),
            config,
        };
        inner.log_in().map_err(|failure| TokenError::new(&place, failure))?;
        Ok(Self(Arc::new(inner)))
    }

    /// What the token says of itself, as it was when it was last found.
    pub fn summary(&self) -> TokenSummary {
        lock(&self.0.summary).clone()
    }

    /// How it was configured.
    pub fn config(&self) -> &TokenConfig {
        &self.0.config
    }

    /// Hands work over to one of the token's own threads.
    ///
    /// The future needs no runtime. It ends with [`Failure::TimedOut`] when the configured time is over: the thread is then
    /// given up and another takes its place.
    pub fn submit<T, E>(&self, work: impl FnOnce() -> Result<T, E> + Send + 'static) -> Pending<T, E>
    where
        T: Send + 'static,
        E: From<TokenError> + Send + 'static,
    {
        let workers = self.0.workers.get_or_init(|| Workers::new(self.0.config.max_parallel));
        workers.submit(&self.0, self.0.config.timeout, work)
    }

    /// As [`submit`](Self::submit), and waits. The calling thread is free again when the time is over.
    ///
    /// # Errors
    ///
    /// The work's, or [`Failure::TimedOut`].
    pub fn submit_and_wait<T, E>(&self, work: impl FnOnce() -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<TokenError> + Send + 'static,
    {
        pollster::block_on(self.submit(work))
    }

    /// Runs an operation on a session of this thread, recovering the token where that is what it takes.
    ///
    /// The operation is tried at most twice. The canary says whether the token works at all.
    pub(crate) fn run<T>(
        &self,
        operation: &dyn Fn(&Lease<'_>) -> Result<T, Failure>,
        canary: &dyn Fn(&Lease<'_>) -> Result<(), Failure>,
    ) -> Result<T, TokenError> {
        self.0.run(operation, canary).map_err(|failure| self.error(failure))
    }

    /// As [`run`](Self::run), where it is canary enough that the session is known to the token.
    pub(crate) fn run_plain<T>(
        &self,
        operation: &dyn Fn(&Lease<'_>) -> Result<T, Failure>,
    ) -> Result<T, TokenError> {
        self.run(operation, &|lease| {
            lease.session().get_session_info()?;
            Ok(())
        })
    }

    /// Runs an operation that writes to the token. It is never tried a second time, since the first may have been done.
    pub(crate) fn run_writing<T>(
        &self,
        operation: &dyn Fn(&Lease<'_>) -> Result<T, Failure>,
    ) -> Result<T, TokenError> {
        // What can be recovered is recovered before.
        self.run_plain(&|lease| {
            lease.session().get_session_info()?;
            Ok(())
        })?;
        self.0.attempt_writing(operation).map_err(|failure| self.error(failure))
    }

    pub(crate) fn error(&self, failure: Failure) -> TokenError {
        TokenError::new(&self.0.place, failure)
    }
}

impl Inner {
    fn slot(&self) -> Result<Slot, Failure> {
        Ok(Slot::try_from(self.slot.load(Ordering::Acquire))?)
    }

    fn stamp(&self) -> Stamp {
        Stamp {
            generation: self.generation.load(Ordering::Acquire),
            login: self.logins.load(Ordering::Acquire),
        }
    }

    /// Runs an operation once, on an idle session or a new one. The session is given back only after success.
    fn attempt<T>(&self, operation: &dyn Fn(&Lease<'_>) -> Result<T, Failure>) -> Result<T, Failure> {
        let (permit, idle) = self.pool.take(self.config.timeout)?;
        let open = match idle {
            Some(open) if self.is_current(&open) => open,
            stale => self.replace(stale)?,
        };
        let _pass = self.module.enter_again(self.config.timeout)?;
        if !self.is_current(&open) {
            // The module was initialised anew in between.
            open.close(self.module);
            return Err(stale_login());
        }
        let outcome = operation(&Lease { inner: self, open: &open });
        if outcome.is_ok() {
            permit.put(open);
        } else {
            open.close(self.module);
        }
        outcome
    }

    /// Whether the token has come nearer to locking itself since it was looked at.
    fn counts_it_as_wrong(&self, before: &TokenSummary) -> bool {
        slots::select(self.module, &self.config).is_ok_and(|after| {
            let (was, is) = (before.flags, after.flags);
            (is.user_pin_count_low && !was.user_pin_count_low) || is.user_pin_final_try || is.user_pin_locked
        })
    }

    fn is_current(&self, open: &OpenSession) -> bool {
        open.stamp() == self.stamp() && self.is_of_this_generation()
    }

    /// Whether the login is of this life of the module. It cannot change for a thread that is inside.
    fn is_of_this_generation(&self) -> bool {
        self.generation.load(Ordering::Acquire) == self.module.generation()
    }

    fn replace(&self, stale: Option<OpenSession>) -> Result<OpenSession, Failure> {
        let _pass = self.module.enter(self.config.timeout)?;
        if let Some(stale) = stale {
            stale.close(self.module);
        }
        if !self.is_of_this_generation() {
            return Err(stale_login());
        }
        self.new_session(self.stamp(), self.config.force_rw_session)
    }

    fn new_session(&self, stamp: Stamp, writable: bool) -> Result<OpenSession, Failure> {
        let binding = self.module.binding();
        let slot = self.slot()?;
        let session = if writable {
            binding.open_rw_session_no_drop(slot)?
        } else {
            binding.open_ro_session_no_drop(slot)?
        };
        Ok(OpenSession::new(session, stamp))
    }

    /// Runs an operation that writes, once, on a read/write session of its own.
    fn attempt_writing<T>(&self, operation: &dyn Fn(&Lease<'_>) -> Result<T, Failure>) -> Result<T, Failure> {
        let (_permit, idle) = self.pool.take(self.config.timeout)?;
        let _pass = self.module.enter(self.config.timeout)?;
        if let Some(idle) = idle {
            idle.close(self.module);
        }
        if !self.is_of_this_generation() {
            return Err(stale_login());
        }
        let open = self.new_session(self.stamp(), true)?;
        let outcome = operation(&Lease { inner: self, open: &open });
        open.close(self.module);
        outcome
    }

    /// Logs in: finds the slot, opens the anchor, gives the PIN. Only one thread does, see [`recovery`].
    fn log_in(&self) -> Result<(), Failure> {
        let mut anchor = lock(&self.anchor);
        let _pass = self.module.enter(self.config.timeout)?;
        self.generation.store(LOGGED_OUT, Ordering::Release);
        for idle in self.pool.drain() {
            idle.close(self.module);
        }
        if let Some(old) = anchor.take() {
            old.close(self.module);
        }
        let summary = slots::select(self.module, &self.config)?;
        let known = lock(&self.summary).serial.clone();
        if summary.serial != known {
            return Err(Failure::Setting(format!(
                "another token has come in its place (serial {}); set serial to say which is meant",
                summary.serial
            )));
        }
        self.slot.store(summary.slot, Ordering::Release);
        let stamp = Stamp {
            generation: self.module.generation(),
            login: self.logins.load(Ordering::Acquire).wrapping_add(1),
        };
        let open = self.new_session(stamp, self.config.force_rw_session)?;
        let answer = match &self.pin {
            Some(_) if summary.flags.user_pin_final_try => Err(Failure::Setting(
                "the token says that the next wrong PIN locks it, so that none is tried; log in once with the vendor's own \
                 tool, which sets the count back, or have the security officer reset the PIN"
                    .into(),
            )),
            Some(pin) => match login::login(self.module, &summary.serial, open.session(), pin) {
                // Not every token says of a wrong PIN that it is one; but they count.
                Err(Failure::Call { code, .. }) if self.counts_it_as_wrong(&summary) => {
                    login::refuse(self.module, &summary.serial, pin, code).and_then(Err)
                }
                answer => answer,
            },
            None if summary.flags.login_required => {
                Err(Failure::Setting("the token asks for a login, and no PIN was given; set pin_file or pin_env, or be there to be asked".into()))
            }
            None => Ok(Login::Accepted),
        };
        match answer {
            Ok(login) => self.pin_unchecked.store(login == Login::Unchecked, Ordering::Release),
            Err(failure) => {
                open.close(self.module);
                return Err(failure);
            }
        }
        *lock(&self.summary) = summary;
        *anchor = Some(open);
        self.generation.store(stamp.generation, Ordering::Release);
        self.logins.store(stamp.login, Ordering::Release);
        Ok(())
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let Ok(_pass) = self.module.enter_again(Duration::ZERO) else { return };
        for idle in self.pool.drain() {
            idle.close(self.module);
        }
        if let Some(anchor) = lock(&self.anchor).take() {
            anchor.close(self.module);
        }
    }
}

fn stale_login() -> Failure {
    Failure::call("C_OpenSession", None, RvError::UserNotLoggedIn)
}

/// Runs work on a thread of its own and waits no longer than that.
fn within<T: Send + 'static>(
    timeout: Duration,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Failure> {
    let (sender, receiver) = std::sync::mpsc::sync_channel(1);
    threads::start(move || {
        // The receiver is gone when the time is over, and the token is closed again as it is dropped.
        let _ = sender.send(work());
    })?;
    receiver.recv_timeout(timeout).map_err(|_| Failure::TimedOut { waited: timeout })
}

/// No generation of a module: it counts from 0.
const LOGGED_OUT: u64 = u64::MAX;
/// More than any token has.
const MOST_SESSIONS: usize = 1024;
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
