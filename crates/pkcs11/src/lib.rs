//! Tokens, sessions and keys in an HSM, over PKCS #11.
//!
//! ```no_run
//! use strongroom_crypto::secret::SecretBytes;
//! use strongroom_pkcs11::{PinSource, Token, TokenConfig};
//!
//! let mut config = TokenConfig::new("/usr/lib/softhsm/libsofthsm2.so");
//! config.token_label = Some("main".into());
//! config.pin = Some(PinSource::File("/etc/strongroom/pin".into()));
//! config.key_label = Some("root-2026".into());
//! let key = Token::open(config)?.wrapping_key()?;
//! let wrapped = key.wrap_key(&SecretBytes::copy_from_slice(b"a key of thirty-two random bytes")?, b"its purpose")?;
//! let same = key.unwrap_key(&wrapped, b"its purpose")?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! This is the only crate of Strongroom, beside secret memory, with `unsafe` code, and the only one that knows PKCS #11.
//!
//! # What is promised
//!
//! - A key of a token never leaves it. What is generated here is private, sensitive, not extractable, and good for one
//!   purpose alone; a key of which the token says less is refused by the attribute's name.
//! - What is wrapped was opened again and compared; a signature was verified in this process. A token that answers `CKR_OK` and
//!   wrong bytes is found out before anybody relies on them.
//! - A wrapped key says which keys made it and how ([`blob`]). It is opened so or not at all.
//! - A PIN that a token refused is not tried again in this process, whoever asks.
//! - After an error a session is never used again. A token that went away is found again ([`Token`]): a new session, a new
//!   login, and at last a module initialised anew, once for all threads, while their requests wait or fail at once.
//! - A child of `fork` is refused.
//!
//! # What is not
//!
//! A call into a module cannot be interrupted. One that hangs keeps its thread, and the module can then not be initialised anew.
//! The module's own memory is its own: a PIN and the plaintexts of wrapped keys pass through it.

pub mod blob;
mod capabilities;
mod code;
mod config;
mod error;
mod keys;
mod login;
mod module;
mod pool;
mod random;
mod raw;
mod signer;
mod slots;
mod threads;
mod token;
mod wrap;

pub use capabilities::{Answer, Capability};
pub use code::{Code, Remedy};
pub use config::{IvMode, Mechanism, OaepHash, PinSource, TokenConfig, UnknownWord};
pub use error::{Failure, TokenError};
pub use keys::{CheckValue, KeyDescription, KeyKind, KeySelector, KeySpec, Origin, Purpose};
pub use random::TokenRandom;
pub use signer::TokenSigner;
pub use slots::{MechanismSummary, TokenFlags, TokenList, TokenSummary, mechanisms, tokens};
pub use token::{Pending, Token};
pub use wrap::{TimedKey, TokenKey};
