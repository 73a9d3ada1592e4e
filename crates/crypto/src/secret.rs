//! Secret memory: locked, guarded pages that are wiped, never dumped, and never inherited by a child process.
//!
//! One arena serves the whole process. It maps chunks of 32 KiB, each between two guard pages (`PROT_NONE`), locked and
//! faulted in (`mlock`), left out of core dumps (`MADV_DONTDUMP`) and zeroed in a child of `fork` (`MADV_WIPEONFORK`).
//! Secrets are packed in units of 32 bytes, so that hundreds share a chunk and a limit of 64 KiB (`RLIMIT_MEMLOCK`) is
//! enough for ordinary use. A freed secret is wiped before its place is given to another.
//!
//! A child of `fork` must not use what it inherited: it has the same nonces in store, and zeros for keys. Call
//! [`check_not_forked`] before using a key. (Dropping secrets in such a child is harmless when the process had one
//! thread; with more, another thread may have held the arena's lock at the fork: leave with `exec` or `_exit`.)
//!
//! A secret type can be neither printed, copied nor compared by accident:
//!
//! ```compile_fail
//! let secret = strongroom_crypto::secret::Secret::<32>::random().unwrap();
//! println!("{secret:?}");
//! ```
//!
//! ```compile_fail
//! let secret = strongroom_crypto::secret::Secret::<32>::random().unwrap();
//! let copy = secret.clone();
//! ```
//!
//! ```compile_fail
//! let secret = strongroom_crypto::secret::Secret::<32>::random().unwrap();
//! assert!(secret == secret);
//! ```
//!
//! What does compile, so that the three above fail for the reason meant:
//!
//! ```
//! let secret = strongroom_crypto::secret::Secret::<32>::random().unwrap();
//! let copy = secret.duplicate().unwrap();
//! assert!(secret.ct_eq(&copy));
//! ```

mod arena;
mod bytes;
mod error;
mod fixed;
mod fork;
mod mapping;
mod plaintext;
mod stack;

pub use arena::{Locking, MAX_SECRET, Protection, prepare, protection};
pub use bytes::SecretBytes;
pub use error::{SecretError, SecretMemoryError};
pub use fixed::Secret;
pub use fork::{Forked, check_not_forked};
pub use plaintext::Plaintext;
pub use stack::with_wiped_stack;
