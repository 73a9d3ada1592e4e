//! Slots: how the root key is wrapped and comes back.
//!
//! A store has one root key, wrapped once per *slot*; any one active slot opens the store on its own terms. A slot
//! has a [`policy`]: who must come together. This crate makes slots ([`create`]), wraps the root key for all of them
//! ([`wrap`]), and opens one of them again from shares ([`unseal`]). It does no I/O: the set of slots
//! ([`slot::SlotSet`]) encodes to bytes that lie in untrusted storage in the clear.
//!
//! ```
//! use strongroom_crypto::{hpke::Suite, record::StoreId, secret::Secret};
//! use strongroom_seal::{create::create, hsm::NoHsm, slot::SlotSet, unseal::Collector};
//!
//! // Once: a slot, its shares for five holders, and the root key wrapped for it.
//! let store = StoreId::random()?;
//! let new = create(store, "security officers", "3 of 5".parse()?, Suite::XWing, 1_767_225_600, &NoHsm)?;
//! let root = Secret::random()?;
//! let slots = SlotSet::new(store).rewrapped(1, vec![new.slot.activated()], &root, |_| Some(&new.psk))?;
//! let stored = slots.encode();
//!
//! // Later: any three holders, in any order.
//! let mut collector = Collector::new(SlotSet::decode(&stored)?);
//! for share in new.shares.into_iter().rev().take(3) {
//!     let accepted = collector.offer(share)?;
//!     println!("share {}: {} of {}", accepted.index, accepted.progress.have, accepted.progress.need);
//! }
//! assert!(collector.open()?.root.ct_eq(&root));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What an attacker who writes the storage can do
//!
//! The bytes hold no secret. What follows is refused, each by a test that mounts the attack (`tests/attacks.rs`):
//!
//! - *A planted root key.* The root key is sealed in HPKE's `mode_psk` ([RFC 9180], section 5.1.2): whoever knows the
//!   slot's public key alone can make no ciphertext that opens. (The keyring holds the psks of all slots, so whoever once
//!   opened the store knows them, and is not refused by this.)
//! - *A replayed or swapped wrapping.* Store, slot, policy, suite and the set's generation are HPKE's `info`.
//! - *A weaker policy.* The key that opens a slot is derived with the encoded policy, and every share names the set
//!   that it belongs to: a hash over the store, the slot, its public key, its policy and all commitments.
//! - *A planted slot.* It cannot hold the root key, since the planter has none; and the keyring holds the
//!   [digest](slot::SlotSet::digest) of the set, which whoever opens the store compares.
//!
//! Labels and dates are shown before anything is proved: they are authentic only once that digest agreed. What a
//! label may contain is limited, so that it cannot write over a terminal. Whoever writes the storage can still destroy
//! it, and can put back an older whole: nothing in here prevents that.
//!
//! # Keys in HSMs
//!
//! A policy may name keys that HSMs hold, alone or together with shares: see [`hsm`]. They are reached through the trait
//! [`hsm::HsmKeys`]; nothing here knows PKCS #11.
//!
//! # Shares
//!
//! Each share is checked against its commitment, a hash in the slot's header, before anything is combined. So a
//! wrong, foreign, damaged or repeated share is named at once and costs nothing, and one holder alone can check one
//! share at any time ([`unseal::verify_share`]). The price: the secrecy of shares below the threshold rests on
//! SHA-256, no longer on information theory alone. A plain `1 of n` has no commitments, because each share is the
//! secret itself; such a share is checked by deriving the slot's public key.
//!
//! HPKE here is not a validated module in the sense of FIPS 140-3.
//!
//! [RFC 9180]: https://www.rfc-editor.org/rfc/rfc9180

pub mod create;
pub mod hsm;
pub mod policy;
pub mod slot;
pub mod unseal;
pub mod wrap;

mod binding;
mod name;
mod recombine;
mod wire;
