//! Key ceremonies: root keys made, split, replaced, recovered and destroyed by people in a room, by one reviewed plan.
//!
//! [`plan`] is the whole input, parsed into types; [`run`] does what it says, step by step, over the façade `strongroom`;
//! [`custody`] brings each share to its holder and to nobody else, [`pages`] prints those that are to lie in a safe; [`hsm`] is
//! what the tokens do at a ceremony.
//!
//! What the crate does not do: it has no network code, it draws no screen (a [`run::conversation::Conversation`] does), and
//! it signs nothing (what happened goes to a [`run::record::Record`], which may).

pub mod custody;
pub mod hsm;
pub mod pages;
pub mod plan;
pub mod run;
pub mod slot_file;
