//! Key material and the primitives on it: no names, no versions, no policies, nothing stored.
//!
//! | Algorithm | Crate | Why |
//! |---|---|---|
//! | AES-GCM, ChaCha20-Poly1305 | `aws-lc-rs` | the fastest measured, in the tree already |
//! | XAES-256-GCM | `aes` for two blocks of key derivation, then `aws-lc-rs` | aws-lc-rs has no bare AES block |
//! | `XChaCha20`-Poly1305 | `chacha20` for `HChaCha20`, then `aws-lc-rs` | aws-lc-rs has no `HChaCha20` |
//! | Ed25519, ECDSA, RSA, ML-DSA | `aws-lc-rs` | one library for all, constant in time, maintained |
//! | ML-KEM | `aws-lc-rs`; `ml-kem` makes keys from seeds | aws-lc-rs has no keys from seeds |
//! | SHA-2, SHA-3, HMAC; HKDF | `sha2`, `sha3`, `hmac`; `strongroom-crypto` | one shape for eight hashes, no call that can fail, wiped on drop |
//! | PKCS #8, `SubjectPublicKeyInfo`, PEM | `pkcs8` | strict DER; PEM in constant time |
//! | AES-KWP | `aws-lc-rs` | |
//!
//! The crate `rsa` is not used: RUSTSEC-2023-0071 is open.
//!
//! # Where keys lie
//!
//! A [`Material`] keeps its key in secret memory ([`strongroom_crypto::secret`]). Beside it there are, on the
//! ordinary heap, not locked, and wiped when they are dropped:
//!
//! - of an asymmetric key, what aws-lc makes of it (`EVP_PKEY`; for RSA two of them, since aws-lc-rs has a type per
//!   use). Whatever aws-lc frees it cleanses (`OPENSSL_free`, read in aws-lc-sys 0.47.0), unless the linking program
//!   installs allocators of its own;
//! - of a symmetric key that was scheduled, the [`AeadKey`];
//! - what is on its way in or out as text or DER.
//!
//! One call of aws-lc-rs leaves a copy, `Ed25519KeyPair::seed`, and is not used. The test `algorithms_traces`
//! searches the whole process for every kind of key after it was used in every way and dropped. Stack frames and
//! registers are not wiped.
//!
//! # What is left out of Vault's parameters
//!
//! - SHA-1 anywhere but in OAEP: SP 800-131A disallows it for signatures.
//! - RSA signatures with SHA-224, SHA-3 or without a hash: see the error [`ParameterError::RsaHash`].
//! - RSA encryption with PKCS #1 v1.5 padding: whoever can see whether a decryption fails can decrypt
//!   (Bleichenbacher, 1998), and a service shows that by nature. OAEP is Vault's default.
//! - Ed25519ph and `HashML-DSA`: other signatures than those of the same key over the message, which few verify.

mod aead;
pub(crate) mod asn1;
mod derive;
pub(crate) mod ecdsa;
mod error;
mod hash;
mod key_type;
mod mac;
mod material;
pub(crate) mod ml_dsa;
pub(crate) mod ml_kem;
mod oaep;
pub(crate) mod private;
mod public_key;
pub(crate) mod rsa;
mod sign;

pub use aead::{AeadError, AeadKey, TAG_LEN};
pub use derive::Convergent;
pub use error::{
    DecapsulateError, DecodeError, DecryptError, DeriveError, EncapsulateError, EncryptError, GenerateError,
    PublicKeyError,
};
pub use hash::{HashAlgorithm, UnknownHash};
pub use key_type::{KeyType, UnknownKeyType};
pub(crate) use material::{BodyError, HMAC_KEY_LENS, MAX_BODY};
pub use material::{GenerateOptions, Material};
pub use oaep::OaepHash;
pub(crate) use private::Private;
pub use public_key::PublicKey;
pub use sign::{
    Marshaling, ParameterError, RsaPadding, SaltLength, SignError, SignOptions, UnknownMarshaling,
    UnknownSaltLength, VerifyError,
};
