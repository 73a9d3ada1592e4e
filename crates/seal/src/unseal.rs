//! From shares back to the root key, and from one share to the certainty that it is good.

mod collector;
mod possession;
mod share;

pub use collector::{Accepted, Collector, OpenError, Opened, Progress};
pub use possession::{Possession, PossessionError, Proved};
pub use share::{KnownSet, ShareError, ShareIdentity, ShareName, verify_share};
