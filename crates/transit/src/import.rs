//! Keys that come in and go out: PKCS #8, PEM and raw, and Vault's wrapped form.
//!
//! | Kind of key | comes in ([`Material::import`]) as | goes out ([`Material::export`]) by default as |
//! |---|---|---|
//! | symmetric, HMAC | its bytes | base64 |
//! | Ed25519 | PKCS #8 (RFC 8410) | base64 of seed ‖ public key, as in Vault |
//! | ECDSA | PKCS #8 or SEC 1 (RFC 5915) | PEM, SEC 1 |
//! | RSA | PKCS #8 or PKCS #1 (RFC 8017) | PEM, PKCS #1 |
//! | ML-DSA | PKCS #8 (RFC 9881), with the seed | PEM, PKCS #8, the seed alone |
//! | ML-KEM | PKCS #8 (RFC 9935), with the seed | PEM, PKCS #8, the seed alone |
//!
//! [`Material::import_text`] takes whatever [`Material::export`] gives. [`WrappingKey`] is how a key travels to a server
//! without being seen: RSA-OAEP of an AES key ‖ AES-KWP of the key, PKCS #11's `CKM_RSA_AES_KEY_WRAP`.

mod error;
mod export;
mod private;
mod wrapped;

pub use error::{ExportError, ImportError, UnwrapError, WrapError};
pub use export::{ExportFormat, ExportKind, UnknownExport};
pub use wrapped::WrappingKey;

#[cfg(doc)]
use crate::algorithm::Material;
