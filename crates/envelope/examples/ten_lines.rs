//! Envelope encryption in ten lines, under a key that lies outside this process.

use strongroom_crypto::external::KeyWrapper;
use strongroom_envelope::stream::Options;
use strongroom_envelope::{Envelope, ExternalKey};

fn store_and_fetch(hsm: impl KeyWrapper) -> Result<(), Box<dyn std::error::Error>> {
    let envelope = Envelope::new(ExternalKey::new("invoices", 1, hsm)?);

    let sealed = envelope.seal(b"invoice 4711", b"9.99 EUR")?;
    let opened = envelope.open(b"invoice 4711", &sealed)?;
    assert_eq!(opened.as_slice(), b"9.99 EUR");

    let archive = vec![7; 1_000_000];
    let stream = envelope.encrypt(b"archive 2026", &archive[..], Vec::new(), &Options::default())?;
    let back = envelope.decrypt(b"archive 2026", &stream[..], Vec::new(), &Options::default())?;
    assert_eq!(back, archive);
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    store_and_fetch(stand_in::Key::generate()?)
}

/// In the place of an HSM: `strongroom-pkcs11` gives a real one.
mod stand_in {
    use strongroom_crypto::aead::AeadKey;
    use strongroom_crypto::external::{ExternalError, ExternalFault, KeyWrapper};
    use strongroom_crypto::random;
    use strongroom_crypto::secret::{Secret, SecretBytes};

    pub(super) struct Key(AeadKey);

    impl Key {
        pub(super) fn generate() -> Result<Self, Box<dyn std::error::Error>> {
            Ok(Self(AeadKey::new(&Secret::random()?)?))
        }
    }

    impl KeyWrapper for Key {
        fn wrap(&self, key: &SecretBytes, context: &[u8]) -> Result<Vec<u8>, ExternalError> {
            let failed = |error| ExternalError::new(ExternalFault::Unavailable, error);
            let nonce: [u8; 12] = random::array().map_err(|error| failed(error.to_string()))?;
            let mut sealed = key.duplicate().map_err(|error| failed(error.to_string()))?;
            let tag = self.0.seal_in_place(&nonce, context, sealed.expose_mut());
            let tag = tag.map_err(|error| failed(error.to_string()))?;
            Ok([&nonce, sealed.expose(), &tag].concat())
        }

        fn unwrap(&self, wrapped: &[u8], context: &[u8]) -> Result<SecretBytes, ExternalError> {
            let rejected = || ExternalError::new(ExternalFault::Rejected, "this key did not wrap that");
            let (nonce, sealed) = wrapped.split_first_chunk().ok_or_else(rejected)?;
            let (sealed, tag) = sealed.split_last_chunk().ok_or_else(rejected)?;
            let mut key = SecretBytes::copy_from_slice(sealed).map_err(|_| rejected())?;
            self.0.open_in_place(nonce, context, key.expose_mut(), tag).map_err(|_| rejected())?;
            Ok(key)
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn example_runs() {
        super::main().unwrap();
    }
}
