//! Data keys and streams for objects of any size.

mod wrap;

pub use wrap::{KeyEncryption, WrappedKey, WrappedKeyError};
