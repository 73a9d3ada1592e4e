//! FLOE (c2sp.org/FLOE): AES-256-GCM in segments, with keys from HKDF-Expand-SHA-384. Streaming, random access, committing.
//!
//! This is the random-access half of the specification: a position and whether it is the last are the caller's to get
//! right. So it stays within the crate; [`crate::stream`] is what people use.
//!
//! Departures: none. Limits of our own: a segment has at most [`MAX_SEGMENT`] bytes, so that memory stays bounded whatever
//! a header claims.

mod error;
mod kdf;
mod message;
mod parameters;

pub(crate) use error::FloeError;
pub(crate) use message::{EpochKey, HEADER_LEN, IV_LEN, Message, PLAINTEXT_AT, SEGMENT_OVERHEAD};
pub(crate) use parameters::Parameters;
pub use parameters::{MAX_SEGMENT, MIN_SEGMENT};

#[cfg(test)]
mod tests;
