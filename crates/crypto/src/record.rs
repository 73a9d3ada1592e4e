//! Records: values sealed to the place where they are stored.
//!
//! `format 1 | suite 1 | term u32 | salt 16 | nonce 12 | ciphertext | tag 16`, AES-256-GCM (SP 800-38D). The associated
//! data are the 34 header bytes, the store's id and the storage key, so that a record opens only where it was written.
//!
//! # Why no nonce comes twice
//!
//! A [`Sealer`] is one session: its key comes from the term key and 16 random bytes (the salt), so that two sessions,
//! in whatever process, thread or machine, share a key only if their salts collide (2^-128 for a pair). Within a session
//! the nonce is 4 bytes drawn for each commit and a counter that is raised *before* each use and never goes back. A
//! sealer is not `Sync`-shared: `&mut self` orders its seals. A forked child is refused. A session ends after 2^24 seals,
//! 2^32 blocks or ten minutes, and the next begins with a new salt.
//!
//! What remains is a virtual machine that is cloned or resumed from a snapshot in the middle of a session: two copies
//! then hold the same salt and counter. The 4 bytes drawn at each commit after that differ but for a chance of 2^-32 for
//! each pair of commits at the same counter; a commit in flight at the snapshot itself has no such protection.

mod buffer;
mod error;
mod header;
mod opener;
mod sealer;
mod session;

pub use buffer::RecordBuf;
pub use error::{OpenError, SealError};
pub use header::{FORMAT, HEADER_LEN, SUITE, StoreId, Term, term_of};
pub use opener::{Opener, TermKeys};
pub use sealer::Sealer;

/// An authentication tag.
pub const TAG_LEN: usize = 16;
/// The bytes that a record has beyond its plaintext.
pub const OVERHEAD: usize = HEADER_LEN + TAG_LEN;
/// The longest plaintext.
pub const MAX_PLAINTEXT: usize = 16 * 1024 * 1024;
/// The longest place.
pub const MAX_PLACE: usize = 512;
