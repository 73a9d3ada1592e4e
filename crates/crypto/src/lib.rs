//! AEAD, KDF, MAC, HPKE, randomness, records and secret memory for Strongroom.
//!
//! The lowest layer: it does no I/O beyond asking the operating system for memory and randomness, and nothing here is
//! asynchronous. It is also the only place of Strongroom, beside the PKCS #11 binding, with `unsafe` code, all of it in
//! [`secret`] and [`process`].
//!
//! # What is promised about secrets in memory
//!
//! - Every key of 32 or 64 bytes that Strongroom holds is a [`secret::Secret`]: in locked, guarded pages that are left
//!   out of core dumps, that a child of `fork` sees as zeros, and that are wiped on drop. A key's type has neither
//!   `Debug` nor `Clone` nor `PartialEq`.
//! - A scheduled AES key ([`aead::AeadKey`]) lies on the ordinary heap of the cipher library, since the library allocates
//!   it. See [`aead`] for how it is wiped. It is not locked: [`process::harden`] and disabled or encrypted swap cover it.
//! - Plaintext ([`secret::Plaintext`]) can be large; it lies on the ordinary heap and is wiped on drop.
//! - Registers and stack frames of the cipher and hash functions are not wiped.

#[cfg(not(any(feature = "aws-lc-rs", feature = "rustcrypto")))]
compile_error!("strongroom-crypto needs an AES-GCM provider: enable the feature `aws-lc-rs` or `rustcrypto`");

pub mod aead;
pub mod external;
pub mod hash;
pub mod hpke;
pub mod kdf;
pub mod mac;
pub mod process;
pub mod random;
pub mod record;
pub mod secret;
pub mod sign;
pub mod siv;
