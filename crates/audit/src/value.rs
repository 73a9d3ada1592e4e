//! What a field of a record may hold.

use crate::key::{Fingerprint, PublicKey, Signature};
use crate::public::Public;
use crate::time::Time;

/// What a field of a record may hold. Nothing else enters a record, and there is no way to make one of a secret type:
///
/// ```compile_fail,E0277
/// # use strongroom_audit::Entry;
/// # use strongroom_crypto::secret::Secret;
/// fn leak(secret: Secret<32>) -> Entry {
///     Entry::new("made").with("key", secret)
/// }
/// ```
///
/// ```
/// # use strongroom_audit::{Entry, PublicKey};
/// fn record(public: PublicKey) -> Entry {
///     Entry::new("made").with("key", public)
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Text that is public.
    Text(Public),
    /// A number up to 2^53 − 1, which every JSON reader reads exactly (RFC 8259, section 6).
    Number(u64),
    /// Yes or no.
    Flag(bool),
    /// A moment.
    Time(Time),
    /// A SHA-256 of something that is public, or too large to be guessed.
    Sha256([u8; 32]),
    /// A number of 16 bytes that names something: a store, a slot, a set of shares.
    Id([u8; 16]),
    /// HMAC-SHA-256 of something that is not public, under a key that the reader may not have: equal for equal things.
    Hmac([u8; 32]),
    /// A key's check value, by which people tell whether two places hold the same key. 1 to 32 bytes.
    CheckValue(Vec<u8>),
    /// What a device calls one of its objects (PKCS #11's `CKA_ID`). 1 to 64 bytes.
    ObjectId(Vec<u8>),
    /// A public key.
    PublicKey(PublicKey),
    /// A public key's fingerprint.
    Fingerprint(Fingerprint),
    /// A signature.
    Signature(Signature),
}

impl Value {
    /// Whether it can be written: numbers, check values and object ids have limits.
    pub(crate) fn is_within_limits(&self) -> bool {
        match self {
            Self::Number(number) => *number <= MAX_NUMBER,
            Self::CheckValue(bytes) => (1..=MAX_CHECK_VALUE).contains(&bytes.len()),
            Self::ObjectId(bytes) => (1..=MAX_OBJECT_ID).contains(&bytes.len()),
            _ => true,
        }
    }
}

macro_rules! from {
    ($($variant:ident($type:ty)),* $(,)?) => {
        $(impl From<$type> for Value {
            fn from(value: $type) -> Self {
                Self::$variant(value)
            }
        })*
    };
}

from! {
    Text(Public),
    Number(u64),
    Flag(bool),
    Time(Time),
    PublicKey(PublicKey),
    Fingerprint(Fingerprint),
    Signature(Signature),
}

impl From<u8> for Value {
    fn from(number: u8) -> Self {
        Self::Number(number.into())
    }
}

pub(crate) const MAX_NUMBER: u64 = (1 << 53) - 1;
pub(crate) const MAX_CHECK_VALUE: usize = 32;
pub(crate) const MAX_OBJECT_ID: usize = 64;
