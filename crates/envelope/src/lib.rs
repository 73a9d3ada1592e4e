//! Data keys and streams for objects of any size.

mod external;
mod key;

pub use external::ExternalKey;
pub use key::{KeyEncryption, MAX_NAME, MAX_WRAPPED, WrappedKey, WrappedKeyError};
