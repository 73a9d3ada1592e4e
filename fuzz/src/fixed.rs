//! Keys and places that seeds and targets share. Known to everybody, so worth nothing.

use std::num::NonZeroUsize;

use strongroom_crypto::external::{ExternalError, ExternalFault};
use strongroom_crypto::record::{StoreId, Term};
use strongroom_crypto::secret::{Secret, SecretBytes};
use strongroom_envelope::stream::Options;
use strongroom_envelope::{Envelope, KeyEncryption, WrappedKey};
use strongroom_seal::hsm::HsmKeys;
use strongroom_seal::policy::HsmKey;

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

/// An HSM that keeps nothing to itself.
pub struct OpenHsm;

impl HsmKeys for OpenHsm {
    fn wrap(&self, _: &HsmKey, secret: &SecretBytes, _: &[u8]) -> Result<Vec<u8>, ExternalError> {
        Ok(secret.expose().to_vec())
    }

    fn unwrap(&self, _: &HsmKey, wrapped: &[u8], _: &[u8]) -> Result<SecretBytes, ExternalError> {
        let failed = |error| ExternalError::new(ExternalFault::Rejected, error);
        SecretBytes::copy_from_slice(wrapped).map_err(failed)
    }
}

/// Envelopes under a key that hides and binds nothing, so that no mutation of a header is kept out by it.
pub fn envelope() -> Envelope<Transparent> {
    Envelope::without_reserve(Transparent)
}

/// Short ones, by one thread.
pub fn segments() -> Options {
    Options::default().with_segments_of(64).expect("64 is enough").with_threads(NonZeroUsize::MIN)
}

pub struct Transparent;

impl KeyEncryption for Transparent {
    fn wrap(&self, data_key: &Secret<32>, _: &[u8]) -> Result<WrappedKey, ExternalError> {
        Ok(WrappedKey::new("transparent", 1, *data_key.expose()).expect("32 bytes fit"))
    }

    fn unwrap(&self, wrapped: &WrappedKey, _: &[u8]) -> Result<Secret<32>, ExternalError> {
        Secret::copy_from_slice(wrapped.bytes())
            .map_err(|_| ExternalError::new(ExternalFault::Rejected, "not 32 bytes"))
    }
}

fn secret(byte: u8) -> Secret<32> {
    Secret::from_array(&mut [byte; 32]).expect("memory for a secret")
}
