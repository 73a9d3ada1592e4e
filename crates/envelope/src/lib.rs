//! Data keys and streams for objects of any size.
//!
//! Each object is encrypted under a data key of its own, and the data key is wrapped by a [`KeyEncryption`]: a named key with
//! versions, or through [`ExternalKey`] one in an HSM. What an object needs to be opened stands in its header; only the
//! wrapping key and the caller's associated data are elsewhere.
//!
//! | | small object | stream |
//! |---|---|---|
//! | made by | [`Envelope::seal`] | [`Envelope::encrypt`] and its kin, [`Envelope::encrypt_file`] |
//! | length | up to 64 KiB | any |
//! | cipher | AES-256-GCM once | FLOE: AES-256-GCM in segments |
//! | beyond the plaintext | 69 bytes, the key's name and the wrapped key | 1,610 bytes, mostly, and 32 for each segment |
//! | read | whole | as it arrives, at random, on all cores |
//! | rewrapped | into a copy with a new header | where it lies: two slots, 1,024 to 10,240 bytes |
//!
//! ```
//! use strongroom_envelope::stream::Options;
//! use strongroom_envelope::{Envelope, KeyEncryption};
//!
//! fn store_and_fetch(key: impl KeyEncryption) -> Result<(), Box<dyn std::error::Error>> {
//!     let envelope = Envelope::new(key);
//!     let sealed = envelope.seal(b"invoice 4711", b"9.99 EUR")?;
//!     assert_eq!(envelope.open(b"invoice 4711", &sealed)?.as_slice(), b"9.99 EUR");
//!
//!     let archive = vec![7; 1_000_000];
//!     let stream = envelope.encrypt(b"archive 2026", &archive[..], Vec::new(), &Options::default())?;
//!     let back = envelope.decrypt(b"archive 2026", &stream[..], Vec::new(), &Options::default())?;
//!     assert_eq!(back, archive);
//!     Ok(())
//! }
//! ```
//!
//! The key may be a named one of the crate `strongroom-transit`, or an [`ExternalKey`], as in `examples/ten_lines.rs`.
//!
//! # What holds
//!
//! - No byte of plaintext comes out that was not authenticated, in its place, in this object, with these associated data.
//!   [`Envelope::decrypt`] gives such bytes out before it knows that the stream is whole; all else checks that first.
//! - Both forms commit to the data key: no object opens under two. A stream commits to the associated data, too.
//! - A rewrap changes the header alone. The body is bound to the data key, which stays, so a header of one object does not fit
//!   the body of another. Whoever had the data key keeps it: a rewrap changes who can unwrap it from now on, no more.
//! - A changed bit is refused, or the object opens to what was sealed. The latter only where the bit is in one of the two header
//!   slots of a stream, which opens as long as one of them is whole ([`stream`] says more, and [`stream::inspect`] tells).
//! - A key seals one body. Where a small object has a fixed nonce, that is why; a stream draws one for each segment, at most
//!   2^20 for a key.
//!
//! # What does not
//!
//! - Lengths, the name and the version of the wrapping key, and the number of rewraps are visible.
//! - Whoever can write to storage can put an older version of an object back, or of a header as long as the old version of
//!   the wrapping key is in use. That the newest one is there must be known elsewhere.
//! - The name and version in a header are as authentic as the wrapping key makes them; whatever is written there, what unwraps
//!   is this object's data key or the object does not open.

mod buffer;
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
/// What a wrapping key outside this process implements, for [`ExternalKey`].
pub use strongroom_crypto::external::{ExternalError, ExternalFault, KeyWrapper};
