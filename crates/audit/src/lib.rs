//! Chained, signed, redacted records: what happened, so that others can check it.
//!
//! A chain is a file of lines. Each line is one [`Record`] in JSON and holds the SHA-256 of the line before it, so that no line
//! can be changed, removed, inserted, repeated or moved without the next one telling. The last line holds a signature
//! over everything, so that nobody without the key can make another chain, or cut this one off. `docs/FORMATS.md`, "Audit
//! chain", draws every byte.
//!
//! - [`Writer`] appends, durably, record by record, and seals; [`file`](mod@file) keeps it in a file and goes on after a crash.
//! - [`verify`] checks a sealed chain, on any machine, with nothing but the fingerprint of the key; [`Chain::read`] what is not
//!   sealed yet.
//!
//! # What may stand in a record
//!
//! A [`Value`], and no other thing: a number, a time, a hash, a number of 16 bytes, a public key, or [`Public`] text, which
//! has crossed a line by name. Secret types have no way into one. Text that looks like a key is refused, whoever wrote it.
//!
//! # What is detected, and what is not
//!
//! Without the signature, only what happened by accident, or by somebody who did not make the later hashes anew: an unsealed
//! chain is therefore reported as unfinished, never as good. Whoever holds the signing key can write another chain; that
//! is why others co-sign, and why the number of the chain ([`Chain::id`]) is written down elsewhere. A growing chain that was cut
//! off after one of its checkpoints verifies up to there: what the last checkpoint was must be known from elsewhere.

mod chain;
mod entry;
pub mod file;
mod key;
mod parse;
mod public;
mod record;
mod time;
mod value;
mod verify;
mod writer;

pub use entry::{BadEntry, Entry};
pub use key::{Fingerprint, FingerprintError, PublicKey, Signature};
pub use public::{NotPublic, Public};
pub use record::{BadLine, Record};
pub use time::Time;
pub use value::Value;
pub use verify::{BadLines, Chain, End, Problem, Signed, Verified, VerifyError, verify, verify_growing};
pub use writer::{AppendError, Sink, Writer};

/// Keys that sign, here or in an HSM.
pub use strongroom_crypto::sign::{Algorithm, P256Key, Signer};
