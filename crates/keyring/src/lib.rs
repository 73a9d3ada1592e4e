//! Versioned keys, their states and limits; pure data.
//!
//! A [`Keyring`] holds what a store needs once its root key is known: the keys of its terms, of its names, of its
//! purposes, and the pre-shared keys with which a new root key is wrapped for every slot. It does no I/O and keeps no
//! clock: times come from the caller, in seconds since 1970.
//!
//! # Changing a keyring
//!
//! A keyring in use is never changed in place. [`Keyring::next`] makes its successor, the successor is changed, sealed and
//! committed, and only then takes the place of the old one: a commit that fails leaves the keyring as it was.
//!
//! # Terms
//!
//! A term is one generation of the key under which records are sealed. Its life follows NIST SP 800-57 part 1, section 7,
//! as far as a storage key needs it: *active* (seals and opens), *deactivated* (opens), *destroyed* (its key is gone, the
//! fact that it existed stays). Pre-activation, suspension and compromise are not states here: a term is active from the
//! commit that installs it, and a compromise is answered by rotation and a rewrap.
//!
//! The byte format is drawn in `docs/FORMATS.md`, section "Keyring".

mod encoding;
mod keyring;
mod names;
mod rotation;
mod sealed;
mod term;

pub use encoding::DecodeError;
pub use keyring::{Keyring, KeyringError, RootId, SlotRef};
pub use names::{NamesGeneration, NamesState};
pub use rotation::{Due, RotationPolicy, TermUsage};
pub use sealed::{KeyringKey, OpenKeyringError};
pub use term::{TermInfo, TermState};
