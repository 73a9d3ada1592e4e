//! Backups: a consistent copy of a store in use, and its way back.
//!
//! A backup is the store as it lies in storage at one instant, sealed as it is; whoever holds it learns what a reader of
//! storage learns. It says in the clear which shares open it: those of its time, not those of today.
//!
//! [`Store::backup`](crate::Store::backup) opens every record as it is written and compares their number with the head's, so
//! that a damaged store is noticed when there still is another copy. A backup comes back in three steps: [`Backup::open`] reads what it tells to anybody,
//! [`BackupUnsealing`] takes its shares and then checks its seal, its head, every record and the whole's HMAC, and only
//! [`VerifiedBackup::restore`] writes. The format is drawn in `docs/FORMATS.md`, section "Backup".

use std::collections::BTreeMap;

use strongroom_barrier::Head;
use strongroom_crypto::record::Term;

mod error;
mod format;
mod restore;
mod write;

pub use error::{BackupError, RestoreError};
pub use restore::{Backup, BackupUnsealing, RestoreReport, VerifiedBackup};
pub use write::BackupReport;

/// Whether a head counts just these entries, term by term.
fn counts_agree(head: &Head, by_term: &BTreeMap<Term, u64>) -> bool {
    let listed = by_term.keys().all(|term| head.terms.iter().any(|(of, _)| of == term));
    listed && head.terms.iter().all(|(term, usage)| by_term.get(term).copied().unwrap_or(0) == usage.live)
}

/// The reader of backup files, for fuzzing.
#[doc(hidden)]
pub mod fuzzing {
    pub use super::format::{Item, Reader};
}
