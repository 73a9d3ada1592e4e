//! Keys and places that seeds and targets share. Known to everybody, so worth nothing.

use strongroom_crypto::record::{StoreId, Term};
use strongroom_crypto::secret::Secret;

pub const STORE: StoreId = StoreId([0x51; 16]);
pub const TERM: Term = Term::new(7);
pub const PLACE: &[u8] = b"\x01place";
pub const PLAINTEXT: &[u8] = b"attack at dawn";
pub const SET: [u8; 16] = [0x52; 16];

pub fn term_key() -> Secret<32> {
    secret(1)
}

pub fn seed() -> Secret<32> {
    secret(2)
}

pub fn psk() -> Secret<32> {
    secret(3)
}

pub fn root() -> Secret<32> {
    secret(4)
}

fn secret(byte: u8) -> Secret<32> {
    Secret::from_array(&mut [byte; 32]).expect("memory for a secret")
}
