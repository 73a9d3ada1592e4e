//! A store behind a seal: open, unseal, read and write, change keys, back up; in one import.
//!
//! ```
//! # pollster::block_on(async {
//! use std::sync::Arc;
//! use strongroom::{InitOptions, MemoryStorage, Plaintext, Preparation, SealedStore};
//!
//! let storage = Arc::new(MemoryStorage::new());
//! let prepared = Preparation::new(storage.clone(), InitOptions::new("custodians", "3 of 5".parse()?)).await?;
//! let shares: Vec<_> = prepared.shares()?; // hand them out, then:
//! let store = prepared.commit().await?;
//! store.barrier().put("db/password".parse()?, Plaintext::new(b"hunter2".to_vec())).await?;
//! store.seal().await;
//! let mut unsealing = SealedStore::open(storage).await?.unsealing();
//! for share in shares.iter().take(3) { unsealing.offer_text(share)?; }
//! let store = unsealing.unseal().await?;
//! assert_eq!(store.barrier().get(&"db/password".parse()?).await?.unwrap().value(), b"hunter2");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```
//!
//! # Life cycle
//!
//! [`Preparation`] makes a new store; [`SealedStore`] reads what a sealed one tells to anybody; [`Unsealing`] collects
//! shares; [`Store`] is open. Each owns just what its stage may touch: there is no key to be found before [`Store`], and
//! none is left after [`Store::seal`].
//!
//! # The root key
//!
//! It exists for moments only: while a store is made or unsealed, and while the set of slots changes. A running store
//! holds the keyring's key, which comes from it, and for every slot a public key and a pre-shared key, with which it can
//! wrap a *new* root key for all slots. So every change of slots brings a new root key, without any holder at hand.
//!
//! # What is detected, and what is not
//!
//! Whoever writes the storage cannot plant a root key (wrapping one takes a slot's pre-shared key), nor a slot (the keyring
//! holds the digest of the set), nor put back an older set of slots or an older keyring by itself (the head names the
//! generation of both). Not detected in this version: putting back *all* of an older state; an older head of the same
//! keyring; and an older record at its own place, until a rewrap has destroyed the term that it is sealed under. A deleted
//! entry shows in [`Store::check`], which counts.
//!
//! Whoever once opened the store knows the pre-shared keys of all slots that it had then. Who has left, kept an image, and can
//! write storage can put a store of his own making before the slots that stayed: where that matters, replace those too.

pub mod backup;
mod blocking;
mod error;
mod hsm;
mod init;
mod rekey;
mod root;
mod slots;
mod store;
mod unseal;

pub use error::{InitError, OpenError, SlotError, UnsealError};
#[cfg(feature = "hsm")]
pub use hsm::config::{HsmConfigError, HsmFile, HsmSection};
pub use hsm::outage::{Outage, OutageWatch};
#[cfg(feature = "hsm")]
pub use hsm::tokens::{Checked, Hsms, HsmsError};
pub use init::{InitOptions, Preparation};
pub use rekey::Rekeyed;
pub use root::{EndOfRewrapError, RewrapOutcome};
pub use slots::{Dealt, SlotOptions};
pub use store::{Store, StoreCheck};
pub use unseal::{OfferTextError, SealedStore, Unsealing};

pub use strongroom_barrier::{
    Barrier, Batch, CheckReport, CommitError, Committed, Condition, Directory, Entry, Finding, Head,
    MAX_VALUE, Name, Options, Page, Path, PathError, Problem, ReadError, RewrapError, RewrapProgress,
    RewrapReport, Status, TermStatus,
};
pub use strongroom_crypto::hpke::Suite;
pub use strongroom_crypto::record::{StoreId, Term};
pub use strongroom_crypto::secret::{Locking, Plaintext, Protection, Secret, SecretBytes};
pub use strongroom_keyring::{Due, RotationPolicy, TermInfo, TermState, TermUsage};
pub use strongroom_seal::hsm::{HsmKeys, HsmPart, HsmPartError, HsmSecret, NoHsm};
pub use strongroom_seal::policy::{Group, HsmKey, Policy, Quorum};
pub use strongroom_seal::slot::{
    CoolingOff, MAX_COOLING_OFF, PENDING_LIFETIME, Slot, SlotId, SlotSet, SlotState,
};
pub use strongroom_seal::unseal::{
    Accepted, Possession, Progress, Proved, ShareError, ShareIdentity, ShareName, verify_share,
};
pub use strongroom_shamir::text::{Decoded, ShareText, ShareTextError};
pub use strongroom_shamir::{Share, text as share_text, vault as vault_share};
#[cfg(feature = "sled")]
pub use strongroom_storage::SledStorage;
pub use strongroom_storage::{DiskStorage, MemoryStorage, Storage};

/// Tokens and the keys in them, for commands about HSMs.
#[cfg(feature = "hsm")]
pub use strongroom_pkcs11 as pkcs11;

/// What lies behind the errors, for whoever sorts them by cause.
pub mod causes {
    pub use strongroom_barrier::OpenBarrierError;
    pub use strongroom_crypto::record::OpenError as RecordError;
    pub use strongroom_crypto::secret::SecretError;
    pub use strongroom_seal::create::CreateError;
    pub use strongroom_seal::policy::{ParseError as PolicyParseError, PolicyError};
    pub use strongroom_seal::slot::ParseCoolingOffError;
    pub use strongroom_seal::unseal::{OpenError as SlotOpenError, PossessionError};
    pub use strongroom_storage::{
        CommitError as StorageCommitError, OpenError as StorageOpenError, ReadError as StorageReadError,
    };
}

/// Secret memory and the process around it; and which panics a hook has no need to tell of.
pub mod protection {
    pub use strongroom_crypto::process::{harden, swap_in_use};
    pub use strongroom_crypto::secret::{Locking, Protection, SecretMemoryError, prepare};
    pub use strongroom_storage::panic_is_contained;
}

/// The README's example is compiled and run with the documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
