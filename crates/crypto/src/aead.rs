//! AES-256-GCM (SP 800-38D) with 96-bit nonces and 128-bit tags.
//!
//! The caller answers for the nonce: one nonce twice under one key gives away both plaintexts and the key of the tags.
//! [`record`](crate::record) is the use that cannot get this wrong.

mod error;
pub mod provider;

pub use error::AeadError;
#[cfg(feature = "aws-lc-rs")]
pub use provider::aws_lc::Key as AeadKey;
#[cfg(not(feature = "aws-lc-rs"))]
pub use provider::rustcrypto::Key as AeadKey;

/// An AES-256 key.
pub const KEY_LEN: usize = 32;
/// A 96-bit nonce.
pub const NONCE_LEN: usize = 12;
/// A 128-bit tag.
pub const TAG_LEN: usize = 16;
