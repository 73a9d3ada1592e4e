//! Why a token did not do what it was asked.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use strongroom_crypto::external::{ExternalError, ExternalFault};
use strongroom_crypto::random::RandomnessError;
use strongroom_crypto::secret::{Forked, SecretError};

use crate::code::{Code, Remedy};

/// What happened, and at which module and token.
#[derive(Clone, Debug)]
pub struct TokenError {
    place: Arc<str>,
    failure: Failure,
}

impl TokenError {
    pub(crate) fn new(place: &Arc<str>, failure: Failure) -> Self {
        Self { place: Arc::clone(place), failure }
    }

    /// What happened.
    pub fn failure(&self) -> &Failure {
        &self.failure
    }

    /// Whose fault it is.
    pub fn fault(&self) -> ExternalFault {
        self.failure.fault()
    }
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.failure)
    }
}

impl Error for TokenError {}

impl From<TokenError> for ExternalError {
    fn from(error: TokenError) -> Self {
        Self::new(error.fault(), error)
    }
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failure {
    /// A setting cannot be followed. The text names it and says what to do.
    Setting(String),
    /// The module is no PKCS #11 library, or could not be loaded.
    Module(String),
    /// No token, or more than one, is what the configuration says.
    Selection {
        /// How many matched.
        found: usize,
        /// What was looked for.
        wanted: String,
        /// The tokens that there are.
        present: String,
    },
    /// No key, or more than one, is what the configuration says.
    Key {
        /// How many matched.
        found: usize,
        /// What was looked for.
        wanted: String,
        /// Whether this process was logged in before, so that the token never looked at the PIN.
        pin_unchecked: bool,
    },
    /// A key's attribute is not as safe as it must be.
    WeakKey {
        /// The key.
        key: String,
        /// What is wrong with it, each with the attribute's name.
        weaknesses: Vec<String>,
    },
    /// The token refused the PIN, now or earlier in this process. It is not asked again.
    Pin {
        /// The token's answer.
        code: Code,
        /// Whether this is the token's earlier answer, repeated without asking it.
        remembered: bool,
    },
    /// The token or the key cannot do this.
    Unsupported(String),
    /// A function answered an error.
    Call {
        /// The function.
        function: String,
        /// With which mechanism, where there is one.
        mechanism: Option<&'static str>,
        /// Its answer.
        code: Code,
    },
    /// A recovery failed a moment ago, and the next may not start yet.
    Recovering {
        /// When to ask again.
        wait: Duration,
        /// Why the last recovery failed.
        last: String,
    },
    /// No session became free in time.
    Busy {
        /// How long was waited.
        waited: Duration,
    },
    /// A call took longer than it may. It goes on in a thread that was given up.
    TimedOut {
        /// How long was waited.
        waited: Duration,
    },
    /// Calls hang in the module, so that it can be neither used further nor initialised anew.
    Hung {
        /// How many.
        calls: usize,
    },
    /// The bytes were not made by this key for this context.
    Rejected(&'static str),
    /// The token answered `CKR_OK` and something that cannot be right.
    Misbehaved(String),
    /// This process is a child of the one that opened the module.
    Forked,
    /// No secret memory.
    Secret(SecretError),
    /// No randomness from the operating system.
    Randomness(RandomnessError),
}

impl Failure {
    pub(crate) fn call(function: &str, mechanism: Option<&'static str>, code: impl Into<Code>) -> Self {
        Self::Call { function: function.into(), mechanism, code: code.into() }
    }

    /// Whose fault it is.
    pub fn fault(&self) -> ExternalFault {
        match self {
            Self::Setting(_)
            | Self::Module(_)
            | Self::Selection { .. }
            | Self::Key { .. }
            | Self::WeakKey { .. }
            | Self::Pin { .. }
            | Self::Unsupported(_)
            | Self::Forked => ExternalFault::Refused,
            Self::Call { code, .. } => match code.remedy() {
                Remedy::NewSession | Remedy::Login | Remedy::Reinitialise | Remedy::Ambiguous => {
                    ExternalFault::Unavailable
                }
                Remedy::Rejected => ExternalFault::Rejected,
                Remedy::Pin | Remedy::Configuration => ExternalFault::Refused,
                Remedy::Fatal => ExternalFault::Misbehaved,
            },
            Self::Rejected(_) => ExternalFault::Rejected,
            Self::Misbehaved(_) => ExternalFault::Misbehaved,
            Self::Recovering { .. }
            | Self::Busy { .. }
            | Self::TimedOut { .. }
            | Self::Hung { .. }
            | Self::Secret(_)
            | Self::Randomness(_) => ExternalFault::Unavailable,
        }
    }

    /// What a client does about it.
    pub(crate) fn remedy(&self) -> Remedy {
        match self {
            Self::Call { code, .. } => code.remedy(),
            // A key that cannot be found may be hidden from a session that lost its login.
            Self::Key { found: 0, .. } => Remedy::NewSession,
            Self::Selection { found: 0, .. } => Remedy::Reinitialise,
            Self::Rejected(_) => Remedy::Rejected,
            Self::Pin { .. } => Remedy::Pin,
            Self::Misbehaved(_) | Self::Hung { .. } | Self::Forked => Remedy::Fatal,
            _ => Remedy::Configuration,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Setting(text) | Self::Module(text) | Self::Unsupported(text) => f.write_str(text),
            Self::Selection { found: 0, wanted, present } => write!(
                f,
                "no token with {wanted}; the module shows {present}. Correct slot, token_label or serial, or plug the token in"
            ),
            Self::Selection { found, wanted, present } => write!(
                f,
                "{found} tokens with {wanted}; the module shows {present}. Name one by its serial"
            ),
            Self::Key { found: 0, wanted, pin_unchecked } => {
                write!(
                    f,
                    "no key with {wanted}. Correct the key's name, or generate the key; what a key that is gone has wrapped opens \
                     only when it comes back from the token's own backup"
                )?;
                if *pin_unchecked {
                    f.write_str(
                        "; this process was logged in before, so that the token did not check the PIN: check it too",
                    )?;
                }
                Ok(())
            }
            Self::Key { found, wanted, .. } => {
                write!(f, "{found} keys with {wanted}. Name one by its key_id, or destroy the others")
            }
            Self::WeakKey { key, weaknesses } => write!(
                f,
                "{key} is not safe to use: {}. Generate another, or set allow_weak_attributes to accept that (never with CKA_PRIVATE false)",
                weaknesses.join("; ")
            ),
            Self::Pin { code, remembered } => {
                write!(f, "the token refused the PIN ({code})")?;
                f.write_str(if *remembered {
                    " earlier, and is not asked again, since that could lock it. Give another PIN; where it was right after all, \
                     restart this process"
                } else {
                    ". It is not asked again with this PIN, since that could lock it. Correct the PIN, or have the security \
                     officer of the token reset it"
                })
            }
            Self::Call { function, mechanism, code } => {
                write!(f, "{function}")?;
                if let Some(mechanism) = mechanism {
                    write!(f, " with {mechanism}")?;
                }
                write!(f, " answered {code}; {}", advice(*code))
            }
            Self::Recovering { wait, last } => write!(
                f,
                "the token does not answer ({last}); the next try to reach it is in {} ms. Check the token, its network and \
                 its power",
                wait.as_millis()
            ),
            Self::Busy { waited } => write!(
                f,
                "no session became free within {} ms. Raise max_parallel, or find out why calls take that long",
                waited.as_millis()
            ),
            Self::TimedOut { waited } => write!(
                f,
                "no answer within {} ms; the call was given up. Check the token and its network, or raise timeout",
                waited.as_millis()
            ),
            Self::Hung { calls } => write!(
                f,
                "{calls} calls hang in the module, so that it cannot be initialised anew. Restart this process once the token \
                 answers again"
            ),
            Self::Rejected(what) => write!(f, "{what}: it was made by another key, for another purpose, or is damaged"),
            Self::Misbehaved(what) => {
                write!(f, "the token answered CKR_OK, but {what}. Do not trust it until its maker has explained that")
            }
            Self::Forked => f.write_str(
                "this process was forked from the one that opened the token, and must not use its sessions. Open the token \
                 after the fork, or in a process started with exec",
            ),
            Self::Secret(error) => error.fmt(f),
            Self::Randomness(error) => error.fmt(f),
        }
    }
}

impl Error for Failure {}

impl From<cryptoki::error::Error> for Failure {
    fn from(error: cryptoki::error::Error) -> Self {
        use cryptoki::error::Error;
        match error {
            Error::Pkcs11(code, function) => Self::call(&format!("C_{function:?}"), None, code),
            Error::NullFunctionPointer | Error::NotSupported => {
                Self::Unsupported("the module does not have a function that is needed here".into())
            }
            other => Self::Misbehaved(format!("its answer could not be read ({other})")),
        }
    }
}

impl From<SecretError> for Failure {
    fn from(error: SecretError) -> Self {
        Self::Secret(error)
    }
}

impl From<RandomnessError> for Failure {
    fn from(error: RandomnessError) -> Self {
        Self::Randomness(error)
    }
}

impl From<Forked> for Failure {
    fn from(_: Forked) -> Self {
        Self::Forked
    }
}

fn advice(code: Code) -> &'static str {
    match code.remedy() {
        Remedy::NewSession => "a new session did not help: the token may be out of sessions or memory",
        Remedy::Login => "logging in anew did not help: look whether the key is still there",
        Remedy::Reinitialise => "check that the token is there and powered",
        Remedy::Ambiguous => {
            "the token says no more than that it failed: look into its own log, and at its own configuration (SOFTHSM2_CONF and \
             the like)"
        }
        Remedy::Rejected => "what was given was not made by this key, or is damaged",
        Remedy::Pin => "correct the PIN before trying again",
        Remedy::Configuration => {
            "the token or the key does not permit this: compare mechanism, iv_mode and the key's attributes with what the \
             token offers"
        }
        Remedy::Fatal => "this should not happen with a sound module: look into its own log",
    }
}
