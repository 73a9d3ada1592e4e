//! Data keys and streams for objects of any size.

mod data_key;
mod envelope;
mod error;
mod external;
pub mod files;
mod floe;
mod header;
mod key;
mod read_at;
mod small;
pub mod stream;

pub use envelope::Envelope;
pub use error::{KeyError, OpenError, RewrapError, SealError};
pub use external::ExternalKey;
pub use floe::{MAX_SEGMENT, MIN_SEGMENT};
pub use header::Algorithm;
pub use key::{KeyEncryption, MAX_NAME, MAX_WRAPPED, WrappedKey, WrappedKeyError};
pub use read_at::ReadAt;
pub use small::{MAX_SMALL, wrapped_key};
