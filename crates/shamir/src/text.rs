//! Strongroom's own text form of a share, which a person can write down and type: it says which sharing it is of, and
//! typing errors in it are found and mended.
//!
//! `sr1`, 84 symbols, 15 check symbols; the project's `docs/FORMATS.md`, "Share", draws every bit. The alphabet is bech32's
//! (BIP-173), without `b`, `i`, `o` and `1`. The code is BIP-93's long one: up to 4 wrong letters anywhere are mended, or up
//! to 8 that are known to be unreadable, and any 8 wrong letters are noticed. Mended is not proven: show each correction to
//! the holder, then check the share against its commitment.

mod code;
mod correction;
mod decode;
mod encode;

pub use decode::{Correction, Decoded, ShareTextError, decode};
pub use encode::{ShareEncodeError, encode, encode_grouped};

use crate::share::Share;

/// What all shares of one sharing have in common, and no other share has.
pub type SetId = [u8; 16];

/// A share and what is printed with it.
///
/// Secret as the share is: neither `Debug` nor `Clone`.
pub struct ShareText {
    /// Of which sharing it is.
    pub set: SetId,
    /// The number of its group, or 0 if there are no groups.
    pub group: u8,
    /// How many shares of its group are needed. Never 0.
    pub threshold: u8,
    /// The share, of a secret of 32 bytes.
    pub share: Share,
}

/// The length of the secrets whose shares have a text form.
pub const SECRET_LEN: usize = 32;

/// How many characters a text has, without spaces.
pub const TEXT_LEN: usize = PREFIX.len() + SYMBOLS;

const PREFIX: &str = "sr1";

const VERSION: u8 = 1;

/// Version, set, group, index, threshold, values.
const PAYLOAD_LEN: usize = 1 + size_of::<SetId>() + 3 + SECRET_LEN;

/// The symbols that hold the payload, five bits each.
const DATA_SYMBOLS: usize = (PAYLOAD_LEN * 8).div_ceil(5);

const SYMBOLS: usize = DATA_SYMBOLS + code::CHECK_LEN;
