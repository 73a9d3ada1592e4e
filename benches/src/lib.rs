//! What is measured, and how: shared by the criterion groups (`cargo bench`) and by `measure`, which `cargo xtask bench`
//! runs.
//!
//! The machine may be shared and noisy. So a figure and its limit are measured in turns, in processor time of the thread
//! where that is meaningful, and the ratio reported is the median over the turns.

pub mod envelope;
pub mod line;
pub mod memory;
pub mod record;
pub mod shamir;
pub mod storage;
pub mod store;
pub mod transit;
pub mod turns;
pub mod unsealed;
