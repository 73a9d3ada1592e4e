//! The libraries that do the work. Each compiled in gives a `Key` with the same methods; tests compare them.

#[cfg(feature = "aws-lc-rs")]
pub mod aws_lc;
#[cfg(feature = "rustcrypto")]
pub mod rustcrypto;
