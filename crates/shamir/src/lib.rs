//! Shamir secret sharing in constant time, and the text forms of shares.
//!
//! A secret of 1 to 1024 bytes is split into `n` shares, of which any `t` give it back and fewer say nothing about it
//! (Adi Shamir, *How to share a secret*, 1979). Each byte is the constant term of its own polynomial of degree `t − 1` over
//! GF(2^8) modulo x^8+x^4+x^3+x+1, the field that HashiCorp Vault and OpenBao use; share number `x` holds the values at `x`.
//!
//! ```
//! use strongroom_shamir::{combine, split};
//!
//! let shares = split(b"correct horse battery staple", 2, 3)?;
//! let [first, _lost, third] = shares.as_slice() else { unreachable!() };
//! assert_eq!(combine(&[third, first])?.expose(), b"correct horse battery staple");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What holds
//!
//! - **Constant time.** No branch and no address in [`split`] and [`combine`] depends on a secret, a coefficient or a share's
//!   bytes; share numbers, lengths and the threshold are public. The field has no tables. The example `memcheck` shows it on
//!   the compiled code: it marks every secret byte as undefined and runs both under valgrind, beside a table-driven control
//!   that must be caught.
//! - **Uniform coefficients.** Every coefficient of every byte is uniform on 0 to 255, the top one too. (Where the top one is
//!   never 0, each new sharing of a secret rules out one more value for each byte: RUSTSEC-2024-0398.) Each [`split`] draws a
//!   new polynomial from the operating system; if it gives no randomness, there are no shares.
//! - **Wiped.** Secrets, coefficients and shares lie in locked memory and are wiped when dropped.
//!
//! # What does not
//!
//! - [`combine`] knows no threshold: too few shares, or a false one, give a wrong secret and no error. Whoever combines must
//!   check the result, or better each share beforehand; Strongroom's slots do both.
//! - The text forms are made for a person who types or prints a share once. They are wiped, but not constant-time.

mod combine;
mod field;
mod share;
mod split;
#[cfg(feature = "testing")]
pub mod testing;
pub mod text;
pub mod vault;

pub use combine::{CombineError, combine};
pub use share::{MAX_SECRET_LEN, Share};
pub use split::{SplitError, split};
