//! Named, versioned keys as a service: what Vault's transit engine does, as a library.
//!
//! [`Transit`] keeps the keys of one mount behind a [`Barrier`](strongroom_barrier::Barrier): it makes, rotates, configures, exports, imports
//! and destroys them. [`Key`] is a handle on one of them, for programs: it encrypts, decrypts, signs and so on, at the speed of the cipher,
//! and never shows a key. Ciphertexts, signatures and MACs are Vault's texts (`vault:v1:…`), or the same as bytes.
//!
//! ```
//! use strongroom_barrier::Barrier;
//! use strongroom_transit::algorithm::KeyType;
//! use strongroom_transit::{DecryptOptions, EncryptOptions, KeySpec, MOUNT, Options, Transit};
//!
//! async fn keep_secret(barrier: Barrier) -> Result<(), Box<dyn std::error::Error>> {
//!     let transit = Transit::open(barrier, MOUNT.parse()?, Options::default())?;
//!     let name = "invoices".parse()?;
//!     let key = transit.create(&name, &KeySpec::new(KeyType::Aes256Gcm96)).await?;
//!
//!     let ciphertext = key.encrypt(b"9.99 EUR", &EncryptOptions::default())?;
//!     transit.rotate(&name).await?;
//!     let plaintext = key.decrypt(&ciphertext, &DecryptOptions::default())?;
//!     assert_eq!(plaintext.as_slice(), b"9.99 EUR");
//!     Ok(())
//! }
//! ```
//!
//! # Versions
//!
//! A key has versions, numbered from 1. Each has a [state](VersionState) of SP 800-57. The newest active one encrypts, signs and makes MACs, unless
//! another is named; a ciphertext names the one that made it, which opens it for as long as it is kept, its state allows it and the policy's minimum
//! does not forbid it.
//!
//! # Limits, and what a crash leaves of them
//!
//! How much a version protects is counted and [limited](Limits): with random 96-bit nonces never more than 2^32 messages (SP 800-38D, section
//! 8.3), whatever the policy says. The count is kept durably *ahead of use*: a block is reserved and committed before any of it is used. A crash, or
//! the end of the process, loses the rest of a block (a thousandth of the limit, at most 2^20 operations), and never gives any of it out again. The
//! record stays when the key is destroyed, and follows the version, not the name: whoever restores a backup of it goes on from there.
//! In another store the count begins with what the backup knew: two stores that use one key count apart.
//!
//! **An older copy of the whole store takes the counts back with it**: what the versions have done since the copy was made is no
//! longer known, and the copy would let them do it again. After restoring a store, rotate every key with 96-bit nonces, and every key
//! whose policy limits it, before it is used. So too where a copy runs beside the original.
//!
//! # What is promised about secrets in memory
//!
//! As in [`strongroom_crypto`]: keys lie in locked pages, scheduled ones on the cipher library's heap, wiped when freed. Records with keys in them
//! pass the ordinary heap on their way to the barrier and back, and are wiped.

pub mod algorithm;
mod backup;
mod base64;
mod cell;
mod counter;
mod error;
mod held;
pub mod import;
mod key;
mod ledger;
mod name;
mod nonce;
mod policy;
mod record;
mod state;
pub mod text;
mod transit;
mod utility;
mod version;

pub use error::{ManageError, UseError};
pub use held::HeldKeys;
pub use key::{
    Ciphertext, DataKey, DataKeyBits, DecryptOptions, Encapsulated, EncryptOptions, Key, MacOptions,
    RewrapStream, Rewrapped, SignRequest,
};
pub use ledger::VersionId;
pub use name::{KeyName, NameError};
pub use policy::{Amount, AtLimit, ConfigChange, KeyKind, KeySpec, Limits, Policy, PolicyError};
pub use record::RecordError;
pub use state::VersionState;
pub use transit::{Exported, Incoming, MOUNT, Options, Transit};
pub use utility::{hash, random_bytes};
pub use version::{HeldReference, VersionInfo};

/// Parsers of untrusted bytes, for fuzzing.
#[doc(hidden)]
pub mod fuzzing {
    pub use crate::backup::decode as backup;
    pub use crate::ledger::decode as usage;
    pub use crate::record::KeyRecord;
}
