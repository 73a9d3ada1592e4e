//! AES-256-GCM (SP 800-38D) with 96-bit nonces and 128-bit tags.
//!
//! The caller answers for the nonce: one nonce twice under one key gives away both plaintexts and the key of the tags.
//! [`record`](crate::record) is the use that cannot get this wrong.
//!
//! # Where a scheduled key lies
//!
//! An AES key schedule begins with the key itself, and the libraries keep it on the ordinary heap.
//!
//! - aws-lc holds it inside a context that aws-lc-rs allocates with `OPENSSL_malloc`. `EVP_AEAD_CTX_cleanup` does nothing
//!   for AES-GCM; what wipes the schedule is `OPENSSL_free`, which `EVP_AEAD_CTX_free` ends with and which cleanses the
//!   whole allocation (`crypto/mem.c`, read in aws-lc-sys 0.47.0). It would not where the linking program installs allocators
//!   of its own with `CRYPTO_set_mem_functions` or the `OPENSSL_memory_*` symbols: those must cleanse.
//! - The one in Rust is boxed, and wiped on drop (feature `zeroize` of `aes` and `ghash`).
//!
//! The test `traces` searches the whole process for keys that were dropped, with either library.

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
