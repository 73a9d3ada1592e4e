//! The encrypted view over storage.
//!
//! A [`Barrier`] takes names and values and gives storage neither: names become keyed tokens and synthetic-IV
//! ciphertexts, values become records that open only where they were written. Every change, be it one value, a batch, a
//! rotation or a new set of slots, is one atomic commit of the storage below, and every commit seals a new *head*, on which
//! the next commit insists: of two writers with one view of a store, one is refused.
//!
//! # What stays visible
//!
//! Storage sees how many entries there are, how they group into directories, the lengths of names (in steps of 32 bytes)
//! and of values (unless [`Options::padding`] rounds them up), and when each is read or written. It can hold back or roll
//! back what it stores as a whole; the head makes partial roll-back of the keyring visible, not that of everything.
//!
//! # Threads
//!
//! One thread per barrier builds commits: it takes all requests that wait, seals them into one storage batch, and answers
//! when that batch is durable. So the callers' futures may be dropped at any time without harm: what was handed over is
//! committed all the same.
//!
//! # Sealing
//!
//! [`Barrier::seal`] wipes the keys first and waits for the commit in flight afterwards, so it cannot be held up by a
//! storage that is slow. Readers never hold the keys while they wait for storage; the committing thread does while it reads
//! what a commit builds on, and sealing makes it give up. (A storage whose futures block when they are polled, as the one on
//! disk does, holds sealing up for one such reading at most.)

mod barrier;
mod batch;
mod check;
mod committer;
mod entry;
mod error;
mod gathering;
mod group;
mod head;
mod keys;
mod listing;
mod names;
mod path;
mod place;
mod rewrap;
mod rewrap_state;
mod sealing;

pub use barrier::{Barrier, Options, Status, TermStatus};
pub use batch::{Batch, Condition};
pub use check::{CheckReport, Finding, Problem};
pub use committer::{Committed, KeyringChange};
pub use entry::{Entry, MAX_VALUE};
pub use error::{CommitError, OpenBarrierError, ReadError, RewrapError};
pub use head::{Head, HeadError};
pub use keys::RecordOpener;
pub use listing::{Name, Page};
pub use path::{Directory, Path, PathError};
pub use place::{HEAD, KEYRING, REWRAP, SLOTS};
pub use rewrap::{RewrapProgress, RewrapReport};
pub use sealing::SealedTogether;

/// Parsers of untrusted bytes, for fuzzing.
#[doc(hidden)]
pub mod fuzzing {
    pub use crate::entry::decode as entry;
    pub use crate::names::unpad_segment;
    pub use crate::place::EntryPlace;
    pub use crate::rewrap_state::RewrapState;
}
