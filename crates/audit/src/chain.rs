//! What a chain consists of: its place, and the kinds of its own records.

use crate::entry::Entry;
use crate::key::{PublicKey, Signature};
use crate::public::Public;
use crate::record::Record;
use crate::time::Time;
use crate::value::Value;

/// Where the next record goes.
#[derive(Clone, Copy)]
pub(crate) struct Tip {
    pub(crate) next: u64,
    pub(crate) previous: [u8; 32],
}

impl Tip {
    /// Before the first record.
    pub(crate) fn start() -> Self {
        Self { next: 1, previous: [0; 32] }
    }

    pub(crate) fn place(&self, at: Time, entry: Entry) -> Record {
        Record { at, entry, number: self.next, previous: self.previous }
    }

    /// Behind this record.
    pub(crate) fn behind(record: &Record) -> Self {
        Self { next: record.number.saturating_add(1), previous: record.hash() }
    }
}

/// A record of the chain's own.
pub(crate) enum Own {
    /// The first.
    Opened { id: [u8; 16], purpose: Public },
    /// Signed by the chain's key, and it goes on.
    Signed(PublicKey, Signature),
    /// Signed by somebody else.
    Cosigned(PublicKey, Signature, Public),
    /// The last, signed by the chain's key.
    Sealed(PublicKey, Signature),
    /// An incomplete line stood here, which a crash had left.
    Repaired,
}

impl Own {
    /// The entry, if it is one of the chain's own and has its very fields.
    pub(crate) fn of(entry: &Entry) -> Option<Self> {
        let fields: Vec<_> = entry.fields().collect();
        match (entry.event(), fields.as_slice()) {
            (
                OPENED,
                [
                    (FORMAT, Value::Number(VERSION)),
                    (IDENTITY, Value::Id(id)),
                    (PURPOSE, Value::Text(purpose)),
                ],
            ) => Some(Self::Opened { id: *id, purpose: purpose.clone() }),
            (SIGNED, [(KEY, Value::PublicKey(key)), (SIGNATURE, Value::Signature(signature))]) => {
                Some(Self::Signed(key.clone(), signature.clone()))
            }
            (SEALED, [(KEY, Value::PublicKey(key)), (SIGNATURE, Value::Signature(signature))]) => {
                Some(Self::Sealed(key.clone(), signature.clone()))
            }
            (
                COSIGNED,
                [
                    (KEY, Value::PublicKey(key)),
                    (NAME, Value::Text(name)),
                    (SIGNATURE, Value::Signature(signature)),
                ],
            ) => Some(Self::Cosigned(key.clone(), signature.clone(), name.clone())),
            (REPAIRED, [(BYTES, Value::Number(_)), (HASH, Value::Sha256(_))]) => Some(Self::Repaired),
            _ => None,
        }
    }
}

pub(crate) fn opened(id: [u8; 16], purpose: Public) -> Entry {
    Entry::new(OPENED).with(FORMAT, VERSION).with(IDENTITY, Value::Id(id)).with(PURPOSE, purpose)
}

pub(crate) fn repaired(bytes: u64, hash: [u8; 32]) -> Entry {
    Entry::new(REPAIRED).with(BYTES, bytes).with(HASH, Value::Sha256(hash))
}

/// What is signed: the record's line without the signature, which through its `prev` covers every line before.
pub(crate) fn signed_message(record: &Record) -> Vec<u8> {
    let unsigned = Record { entry: record.entry.without(SIGNATURE), ..record.clone() };
    [LABEL, unsigned.line().as_bytes()].concat()
}

pub(crate) const SIGNED: &str = "chain-signed";
pub(crate) const COSIGNED: &str = "chain-cosigned";
pub(crate) const SEALED: &str = "chain-sealed";
pub(crate) const KEY: &str = "key";
pub(crate) const NAME: &str = "name";
pub(crate) const SIGNATURE: &str = "signature";
const OPENED: &str = "chain-opened";
const REPAIRED: &str = "chain-repaired";
const FORMAT: &str = "format";
const IDENTITY: &str = "id";
const PURPOSE: &str = "purpose";
const BYTES: &str = "bytes";
const HASH: &str = "sha256";
const VERSION: u64 = 1;
/// Keeps a signature under a transcript from being one under anything else that the key signs.
const LABEL: &[u8] = b"strongroom audit chain\n";
