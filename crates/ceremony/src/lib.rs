//! Key ceremonies: root keys made, split, replaced, recovered and destroyed by people in a room, by one reviewed plan.
//!
//! [`plan`] is the whole input, parsed into types; [`run`] does what it says, step by step, over the façade `strongroom`;
//! [`custody`] brings each share to its holder and to nobody else, [`pages`] prints those that are to lie in a safe, [`erasure`]
//! sees to it that these stay nowhere else; [`hsm`] is what the tokens do at a ceremony. [`transcript`] is what happened, chained and signed, and how others verify it; [`report`] is what an
//! auditor reads of it, and [`register`] the yearly checks of shares.
//!
//! What the crate does not do: it has no network code, and it draws no screen (a [`run::conversation::Conversation`] does).

pub mod custody;
pub mod erasure;
pub mod hsm;
pub mod pages;
pub mod plan;
pub mod register;
pub mod report;
pub mod run;
pub mod slot_file;
pub mod transcript;
pub mod words;

/// The chain that a transcript is.
pub use strongroom_audit as audit;
