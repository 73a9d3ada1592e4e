//! A small store's seal, and the hands of an attacker who writes its storage.

#![allow(
    dead_code,
    unused_imports,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    unreachable_pub
)]

mod token;

use std::sync::atomic::{AtomicUsize, Ordering};

use strongroom_crypto::hash::sha256;
pub use strongroom_crypto::hpke::Suite;
pub use strongroom_crypto::record::StoreId;
pub use strongroom_crypto::secret::Secret;
pub use strongroom_seal::create::{NewSlot, create};
pub use strongroom_seal::hsm::{HsmKeys, HsmPartError, NoHsm};
pub use strongroom_seal::slot::{Slot, SlotId, SlotSet};
pub use strongroom_seal::unseal::{Collector, OpenError, Opened, ShareError};
use strongroom_shamir::Share;
pub use strongroom_shamir::text::ShareText;
pub use token::{Answer, Token};

pub const STORE: StoreId = StoreId(*b"store of the one");

/// A store with its slots, the root key that they wrap, and what the holders hold.
pub struct Sealed {
    pub set: SlotSet,
    pub root: Secret<32>,
    pub psks: Vec<(SlotId, Secret<32>)>,
    pub shares: Vec<Vec<ShareText>>,
}

impl Sealed {
    /// One active slot for each policy, called by its number.
    pub fn new(suite: Suite, policies: &[&str]) -> Self {
        Self::of(STORE, suite, policies)
    }

    pub fn of(store: StoreId, suite: Suite, policies: &[&str]) -> Self {
        Self::with(store, suite, policies, &NoHsm)
    }

    pub fn with(store: StoreId, suite: Suite, policies: &[&str], hsm: &dyn HsmKeys) -> Self {
        let root = Secret::random().unwrap();
        let made: Vec<NewSlot> = policies
            .iter()
            .enumerate()
            .map(|(n, policy)| {
                create(store, &format!("slot {n}"), policy.parse().unwrap(), suite, 1_700_000_000, hsm)
                    .unwrap()
            })
            .collect();
        let mut sealed = Self { set: SlotSet::new(store), root, psks: Vec::new(), shares: Vec::new() };
        let mut slots = Vec::new();
        for NewSlot { slot, psk, shares } in made {
            sealed.psks.push((slot.id(), psk));
            sealed.shares.push(shares);
            slots.push(slot.activated());
        }
        sealed.set = sealed.rewrapped(1, slots, &sealed.root);
        sealed
    }

    pub fn psk(&self, id: SlotId) -> Option<&Secret<32>> {
        self.psks.iter().find(|(of, _)| *of == id).map(|(_, psk)| psk)
    }

    pub fn rewrapped(&self, generation: u64, slots: Vec<Slot>, root: &Secret<32>) -> SlotSet {
        self.set.rewrapped(generation, slots, root, |id| self.psk(id)).unwrap()
    }

    pub fn share(&self, slot: usize, place: usize) -> ShareText {
        duplicate(&self.shares[slot][place])
    }

    pub fn raw(&self, slot: usize, place: usize) -> Share {
        self.shares[slot][place].share.duplicate().unwrap()
    }
}

pub fn duplicate(share: &ShareText) -> ShareText {
    let ShareText { set, group, threshold, ref share } = *share;
    ShareText { set, group, threshold, share: share.duplicate().unwrap() }
}

/// Offers shares and opens.
pub fn open(set: &SlotSet, shares: impl IntoIterator<Item = ShareText>) -> Result<Opened, OpenError> {
    let mut collector = Collector::new(set.clone());
    for share in shares {
        collector.offer(share).map_err(|error| error.to_string()).expect("a good share");
    }
    let opened = collector.open();
    OPENED.fetch_add(usize::from(opened.is_ok()), Ordering::SeqCst);
    opened
}

/// Recomputes the checksum, as an attacker would.
pub fn resum(bytes: &mut [u8]) {
    let end = bytes.len() - 32;
    let sum = sha256(&[&bytes[..end]]);
    bytes[end..].copy_from_slice(&sum);
}

/// The set with its encoded bytes changed and the checksum made to fit.
pub fn altered(set: &SlotSet, alter: impl FnOnce(&mut Vec<u8>)) -> SlotSet {
    let mut bytes = set.encode();
    alter(&mut bytes);
    resum(&mut bytes);
    SlotSet::decode(&bytes).expect("an alteration that decodes")
}

/// Where these bytes stand, which must be once.
pub fn find(bytes: &[u8], wanted: &[u8]) -> usize {
    let mut places = (0..=bytes.len() - wanted.len()).filter(|&at| &bytes[at..at + wanted.len()] == wanted);
    let place = places.next().expect("the bytes are there");
    assert_eq!(places.next(), None, "the bytes are there once");
    place
}

/// Replaces bytes that stand there once by others of any length.
pub fn replace(bytes: &mut Vec<u8>, old: &[u8], new: &[u8]) {
    let at = find(bytes, old);
    bytes.splice(at..at + old.len(), new.iter().copied());
}

/// `magic 4 │ version 1 │ store 16 │ generation 8`
pub const GENERATION: std::ops::Range<usize> = 21..29;

/// All subsets of `0..n` with `size` members.
pub fn subsets(n: usize, size: usize) -> impl Iterator<Item = Vec<usize>> {
    (0..1_usize << n)
        .filter(move |bits| bits.count_ones() as usize == size)
        .map(move |bits| (0..n).filter(|place| bits >> place & 1 == 1).collect())
}

/// The error of something that cannot be shown.
pub trait Refused<E> {
    fn refused(self) -> E;
}

impl<T, E> Refused<E> for Result<T, E> {
    fn refused(self) -> E {
        match self {
            Ok(_) => panic!("this must be refused"),
            Err(error) => {
                REFUSED.fetch_add(1, Ordering::SeqCst);
                error
            }
        }
    }
}

/// How often something was refused that had to be, and how often shares opened a set.
pub static REFUSED: AtomicUsize = AtomicUsize::new(0);
pub static OPENED: AtomicUsize = AtomicUsize::new(0);
