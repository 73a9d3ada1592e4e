//! Real tokens to throw away, for tests: SoftHSM, Kryoptic, NSS softokn, a token behind a network, and a token that
//! fails on purpose.
//!
//! [`TestToken`] makes a token in a temporary directory of its own, with a label of the caller's and a PIN, and sets the
//! environment variables by which the token's module finds it. [`FaultShim`] stands between a program and such a token
//! and answers chosen calls with chosen codes.
//!
//! PKCS #11 initialises a module once for a whole process, and a module reads its environment when that happens. So a
//! process has at most one token of a kind at a time: tests that want different ones belong in different test programs,
//! and those of one program share one token.
//!
//! ```no_run
//! use strongroom_test_tokens::{FaultShim, TestToken};
//!
//! # fn main() -> Result<(), strongroom_test_tokens::TokenError> {
//! let token = TestToken::softhsm("records")?;
//! let shim = FaultShim::over(&token)?;
//! shim.plan("C_Encrypt 2 CKR_DEVICE_ERROR")?;
//! // Open shim.lib(), log in to token.label() with token.pin(), and encrypt twice: the second time fails.
//! assert_eq!(shim.struck(), 1);
//! # Ok(())
//! # }
//! ```

mod directory;
mod environment;
mod error;
mod kryoptic;
mod network;
mod nss;
mod programs;
mod shim;
mod softhsm;
mod token;

pub use error::TokenError;
pub use shim::FaultShim;
pub use token::TestToken;
