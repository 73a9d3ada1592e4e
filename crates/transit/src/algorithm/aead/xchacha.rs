//! XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03): ChaCha20-Poly1305 under a key that `HChaCha20` makes of the key
//! and the first 16 bytes of the nonce. `HChaCha20` comes from `chacha20`, the rest is aws-lc's ChaCha20-Poly1305.

use chacha20::{R20, hchacha};
use strongroom_crypto::secret::Secret;
use zeroize::{Zeroize as _, Zeroizing};

/// The ChaCha20-Poly1305 key for nonces that begin so.
pub(super) fn message_key(key: &Secret<32>, prefix: &[u8; 16]) -> Zeroizing<[u8; 32]> {
    let mut derived = hchacha::<R20>(key.expose().into(), prefix.into());
    let message_key = Zeroizing::new(derived.0);
    derived.0.zeroize();
    message_key
}

/// The nonce under that key: the last eight bytes after four zeros.
pub(super) fn message_nonce(rest: [u8; 8]) -> [u8; 12] {
    let mut nonce = [0; 12];
    for (byte, input) in nonce.iter_mut().skip(4).zip(rest) {
        *byte = input;
    }
    nonce
}
