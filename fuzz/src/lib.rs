//! What each fuzz target does with its bytes, as ordinary functions.
//!
//! Beyond "does not panic" each asserts what must hold for whatever was accepted: mostly that it encodes to the very same
//! bytes, so that there is one form only. Where a checksum would keep every mutation out, the target also tries the bytes
//! with the right checksum behind them. Each returns whether anything was accepted: every seed must be.

use std::num::NonZeroU8;
use std::str::FromStr;
use std::sync::{LazyLock, Once};

use strongroom::backup::fuzzing::{Item, Reader};
use strongroom_barrier::{Directory, Head, Path, fuzzing};
use strongroom_crypto::hash::sha256;
use strongroom_crypto::hpke::{KeyPair, Suite};
use strongroom_crypto::record::{Opener, Term, TermKeys, term_of};
use strongroom_crypto::secret::{self, Locking, Secret, SecretBytes};
use strongroom_keyring::Keyring;
use strongroom_pkcs11::blob::Blob;
use strongroom_seal::policy::Policy;
use strongroom_seal::slot::SlotSet;
use strongroom_shamir::text::{self, Decoded, ShareText};
use strongroom_shamir::{Share, vault};
use strongroom_storage::fuzzing as storage;

mod audit;
mod envelope;
pub mod fixed;
mod log;

pub use audit::chain as audit_chain;
pub use envelope::{header as envelope_header, small as envelope_small, stream as envelope_stream};
pub use log::patched as log;

/// Every target by name, so that the seeds can be checked against them.
pub const TARGETS: &[(&str, fn(&[u8]) -> bool)] = &[
    ("audit_chain", audit_chain),
    ("backup", backup),
    ("entry", entry),
    ("envelope_header", envelope_header),
    ("envelope_small", envelope_small),
    ("envelope_stream", envelope_stream),
    ("head", head),
    ("hpke", hpke),
    ("hsm_wrapped", hsm_wrapped),
    ("keyring", keyring),
    ("log", log::patched),
    ("log_replay", log_replay),
    ("path", path),
    ("policy", policy),
    ("policy_text", policy_text),
    ("record", record),
    ("rewrap_state", rewrap_state),
    ("share_text", share_text),
    ("slot_set", slot_set),
    ("storage_key", storage_key),
    ("vault_share", vault_share),
];

pub fn record(data: &[u8]) -> bool {
    prepare();
    let keys = OneKey(fixed::term_key());
    let (opener, term) = (Opener::new(fixed::STORE), term_of(data));
    match opener.open(&keys, fixed::PLACE, data) {
        // Sealed by our own seeds; a mutation of one that opens would be a forgery.
        Ok(plaintext) => {
            assert!(term.is_ok_and(|term| term == fixed::TERM));
            assert_eq!(plaintext.as_slice(), fixed::PLAINTEXT);
            true
        }
        // What was wiped on failure must not be told apart by its length.
        Err(_) => {
            let mut out = vec![0xAA; 16];
            assert!(opener.open_into(&keys, fixed::PLACE, data, &mut out).is_err());
            assert!(out.iter().all(|byte| *byte == 0 || *byte == 0xAA));
            false
        }
    }
}

pub fn hpke(data: &[u8]) -> bool {
    prepare();
    PAIRS.iter().any(|pair| {
        let opened = pair.open_psk(&fixed::psk(), b"psk id", b"info", b"", data);
        opened.is_ok_and(|root| {
            assert!(root.ct_eq(&fixed::root()));
            true
        })
    })
}

pub fn share_text(data: &[u8]) -> bool {
    prepare();
    let typed = text_of(data).is_some_and(typed_share);
    // No mutation finds its way past a code that corrects: whatever bytes there are make a share that comes back.
    typed | made_share(data).is_some()
}

fn typed_share(typed: &str) -> bool {
    match text::decode(typed) {
        Ok(Decoded::Exact(share)) => {
            let encoded = text::encode(&share).expect("what was decoded encodes");
            let letters: String = typed.chars().filter(char::is_ascii_alphanumeric).collect();
            assert_eq!(*encoded, letters.to_lowercase());
            true
        }
        Ok(Decoded::Corrected { share, corrections }) => {
            assert!(!corrections.is_empty() && corrections.len() <= 8);
            let encoded = text::encode(&share).expect("what was corrected encodes");
            assert!(matches!(text::decode(&encoded), Ok(Decoded::Exact(_))));
            true
        }
        Err(_) => false,
    }
}

fn made_share(data: &[u8]) -> Option<()> {
    let (&[group, index, threshold], y) = data.split_first_chunk()?;
    let (index, y) = (NonZeroU8::new(index)?, <&[u8; 32]>::try_from(y).ok()?);
    let threshold = NonZeroU8::new(threshold)?.get();
    let secret = SecretBytes::copy_from_slice(y).expect("memory for a share");
    let share = ShareText { set: fixed::SET, group, threshold, share: Share::new(index, secret) };
    let encoded = text::encode_grouped(&share).expect("a share encodes");
    let Ok(Decoded::Exact(again)) = text::decode(&encoded) else { panic!("what was encoded decodes") };
    assert_eq!((again.set, again.group, again.threshold), (share.set, group, threshold));
    assert_eq!(again.share.index(), index);
    assert_eq!(again.share.y().expose(), y);
    Some(())
}

pub fn vault_share(data: &[u8]) -> bool {
    prepare();
    let raw = vault::from_bytes(data);
    if let Ok(share) = &raw {
        assert_eq!(vault::to_bytes(share).as_slice(), data);
    }
    let typed = text_of(data).and_then(|text| vault::parse(text).ok());
    if let Some(share) = &typed {
        let again = vault::parse(&vault::to_hex(share)).expect("what was encoded parses");
        assert_eq!(vault::to_bytes(&again), vault::to_bytes(share));
    }
    raw.is_ok() || typed.is_some()
}

pub fn policy(data: &[u8]) -> bool {
    let Ok(policy) = Policy::decode(data) else { return false };
    assert_eq!(policy.encode(), data);
    assert_eq!(Policy::from_str(&policy.to_string()).as_ref(), Ok(&policy));
    true
}

pub fn policy_text(data: &[u8]) -> bool {
    let Some(policy) = text_of(data).and_then(|text| Policy::from_str(text).ok()) else { return false };
    assert_eq!(Policy::from_str(&policy.to_string()).as_ref(), Ok(&policy));
    assert_eq!(Policy::decode(&policy.encode()).as_ref(), Ok(&policy));
    true
}

pub fn slot_set(data: &[u8]) -> bool {
    let completed = [data, &sha256(&[data])].concat();
    [data, &completed].into_iter().any(|bytes| {
        let Ok(slots) = SlotSet::decode(bytes) else { return false };
        assert_eq!(slots.encode(), bytes);
        true
    })
}

/// What says of itself which key made it says so within its limits, and takes every byte for something.
pub fn hsm_wrapped(data: &[u8]) -> bool {
    let Ok(blob) = Blob::decode(data) else { return false };
    let header = blob.header();
    assert!((1..=64).contains(&header.key_id().len()) && header.mac_key_id().len() <= 64);
    let lengths = [header.key_id(), header.mac_key_id(), blob.iv(), blob.ciphertext(), blob.mac()];
    // Version, three codes, three lengths of one byte and one of two.
    assert_eq!(lengths.iter().map(|part| part.len()).sum::<usize>() + 9, data.len());
    assert_ne!(header.binding(b"one context"), header.binding(b"another"));
    true
}

pub fn keyring(data: &[u8]) -> bool {
    prepare();
    let Ok(keyring) = Keyring::decode(data) else { return false };
    assert_eq!(keyring.encode().expect("what was decoded encodes").expose(), data);
    true
}

pub fn head(data: &[u8]) -> bool {
    let Ok(head) = Head::decode(data) else { return false };
    assert_eq!(head.encode().as_deref(), Some(data));
    true
}

pub fn path(data: &[u8]) -> bool {
    let Some(text) = text_of(data) else { return false };
    let (path, directory) = (Path::from_str(text), Directory::from_str(text));
    if let Ok(path) = &path {
        assert_eq!(path.to_string(), text);
        // Built up from its segments, it is the same path: nothing can be read in two ways.
        let directory = path.directory().segments().iter().fold(Directory::root(), |directory, segment| {
            directory.child(segment).expect("a segment of a path is a segment")
        });
        assert!(directory.value(path.name()).as_ref() == Ok(path));
    }
    if let Ok(directory) = &directory {
        assert!(Directory::from_str(&directory.to_string()).as_ref() == Ok(directory));
    }
    path.is_ok() || directory.is_ok()
}

pub fn storage_key(data: &[u8]) -> bool {
    let place = fuzzing::EntryPlace::parse(data);
    if let Some(place) = place {
        assert_eq!(place.to_key(), data);
    }
    let named = fuzzing::unpad_segment(data).is_some();
    if named {
        assert!(data.len().is_multiple_of(32) && data.len() <= 256);
    }
    place.is_some() || named
}

pub fn entry(data: &[u8]) -> bool {
    let Some((_, value)) = fuzzing::entry(data) else { return false };
    assert!(value.len() + 12 <= data.len());
    true
}

pub fn backup(data: &[u8]) -> bool {
    let completed = with_checksums(data);
    std::iter::once(data).chain(completed.as_deref()).any(|bytes| {
        let Ok((mut reader, _, _)) = Reader::begin(bytes) else { return false };
        let mut taken = 0;
        loop {
            match reader.next_item() {
                Ok(Item::Entry { key, value }) => taken += key.len() + value.len(),
                Ok(Item::End { .. }) => return true,
                Err(_) => return false,
            }
            assert!(taken < bytes.len(), "more was read than there is");
        }
    })
}

/// A backup with the right checksums of its slots and its header, so that mutations of both get past them.
fn with_checksums(data: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = data.to_vec();
    let length = usize::try_from(u32::from_be_bytes(*bytes.get(42..)?.first_chunk()?)).ok()?;
    let header = 46_usize.checked_add(length)?;
    let set = bytes.get(46..header)?.len().checked_sub(32)?;
    let checksum = sha256(&[&bytes[46..46 + set]]);
    bytes[46 + set..header].copy_from_slice(&checksum);
    let checksum = sha256(&[&bytes[..header]]);
    bytes.get_mut(header..)?.first_chunk_mut::<32>()?.copy_from_slice(&checksum);
    Some(bytes)
}

/// The parsers under [`log`], each on its own; they tell nothing, and assert for themselves.
pub fn log_replay(data: &[u8]) -> bool {
    storage::header(data);
    storage::changes(data);
    storage::log(data);
    true
}

pub fn rewrap_state(data: &[u8]) -> bool {
    let Some(state) = fuzzing::RewrapState::decode(data) else { return false };
    assert!(state.cursor.len() < data.len());
    true
}

fn text_of(data: &[u8]) -> Option<&str> {
    std::str::from_utf8(data).ok()
}

static PAIRS: LazyLock<[KeyPair; 2]> = LazyLock::new(|| {
    [Suite::P256, Suite::XWing]
        .map(|suite| KeyPair::derive(suite, &fixed::seed()).expect("a key pair comes from any seed"))
});

struct OneKey(Secret<32>);

impl TermKeys for OneKey {
    fn key(&self, term: Term) -> Option<&Secret<32>> {
        (term == fixed::TERM).then_some(&self.0)
    }
}

/// Fuzzing has no secrets to lose, and a machine that fuzzes may allow no locked memory.
pub fn prepare() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        secret::prepare(Locking::AllowUnlocked).expect("memory for secrets");
    });
}
