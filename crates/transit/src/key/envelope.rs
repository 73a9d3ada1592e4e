//! Wrapping the data keys of envelopes.

use strongroom_crypto::external::{ExternalError, ExternalFault};
use strongroom_crypto::secret::Secret;
use strongroom_envelope::{KeyEncryption, WrappedKey};

use super::{DecryptOptions, EncryptOptions, Key};
use crate::error::UseError;
use crate::policy::KeyKind;
use crate::text;

/// Symmetric keys and keys that are held elsewhere wrap data keys, bound to the context: it is the associated data, and what a
/// derived key is derived for. RSA cannot bind a context: it refuses.
impl KeyEncryption for Key {
    fn wrap(&self, data_key: &Secret<32>, context: &[u8]) -> Result<WrappedKey, ExternalError> {
        let derived_for = self.check_wrapping(context).map_err(external)?;
        let options =
            EncryptOptions { context: derived_for, associated_data: context, ..EncryptOptions::default() };
        let ciphertext = self.encrypt(data_key.expose(), &options).map_err(external)?;
        let (version, sealed) = text::split_bytes(&ciphertext).map_err(|error| external(error.into()))?;
        WrappedKey::new(self.name().as_str(), version, sealed)
            .map_err(|error| ExternalError::new(ExternalFault::Misbehaved, error))
    }

    fn unwrap(&self, wrapped: &WrappedKey, context: &[u8]) -> Result<Secret<32>, ExternalError> {
        if wrapped.name() != self.name().as_str() {
            // Both names are known to whoever asks: the header shows one, and he chose the other.
            let message = format!(
                "it is under the key {:?}, and this is {}: use that key",
                wrapped.name(),
                self.name()
            );
            return Err(ExternalError::new(ExternalFault::Rejected, message));
        }
        let derived_for = self.check_wrapping(context).map_err(external)?;
        let options =
            DecryptOptions { context: derived_for, associated_data: context, ..DecryptOptions::default() };
        let plaintext = self.open(wrapped.version(), wrapped.bytes(), &options).map_err(external)?;
        Secret::copy_from_slice(plaintext.as_slice()).map_err(|_| external(UseError::Forged))
    }
}

impl Key {
    /// What the key is derived for, if it is a key that wraps.
    fn check_wrapping<'a>(&self, context: &'a [u8]) -> Result<&'a [u8], UseError> {
        let policy = self.policy()?;
        let wraps = match policy.kind {
            KeyKind::Local(key_type) => key_type.supports_associated_data(),
            KeyKind::HeldWrapping => true,
            KeyKind::HeldSigning => false,
        };
        match (wraps, policy.derived) {
            (false, _) => Err(UseError::Unsupported(policy.kind)),
            (true, true) => Ok(context),
            (true, false) => Ok(&[]),
        }
    }
}

fn external(error: UseError) -> ExternalError {
    let fault = match &error {
        UseError::External(error) => error.fault(),
        UseError::Forged | UseError::Text(_) => ExternalFault::Rejected,
        UseError::Sealed | UseError::Usage(_) | UseError::Secret(_) | UseError::Randomness(_) => {
            ExternalFault::Unavailable
        }
        UseError::Cipher => ExternalFault::Misbehaved,
        _ => ExternalFault::Refused,
    };
    ExternalError::new(fault, error)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use strongroom_barrier::{Barrier, Options as BarrierOptions};
    use strongroom_crypto::record::StoreId;
    use strongroom_keyring::{Keyring, KeyringKey, RotationPolicy};
    use strongroom_storage::MemoryStorage;

    use super::*;
    use crate::algorithm::KeyType;
    use crate::policy::KeySpec;
    use crate::transit::{MOUNT, Options, Transit};

    #[test]
    fn data_key_under_another_key_names_both_and_is_not_even_tried() {
        let (store, root) = (StoreId([7; 16]), Secret::random().unwrap());
        let keyring = Keyring::create(store, RotationPolicy::NEVER, 0).unwrap();
        let key = KeyringKey::derive(store, &root).unwrap();
        let storage = Arc::new(MemoryStorage::new());
        let barrier = Barrier::create(storage, keyring, key, Vec::new(), BarrierOptions::default());
        let barrier = pollster::block_on(barrier).unwrap();
        let transit = Transit::open(barrier, MOUNT.parse().unwrap(), Options::default()).unwrap();
        let create = |name: &str| {
            let spec = KeySpec::new(KeyType::Aes256Gcm96);
            pollster::block_on(transit.create(&name.parse().unwrap(), &spec)).unwrap()
        };
        let (invoices, letters) = (create("invoices"), create("letters"));
        let told = |wrapped: &WrappedKey| {
            let error = letters.unwrap(wrapped, b"object").err().unwrap();
            assert_eq!(error.fault(), ExternalFault::Rejected);
            error.to_string()
        };
        let wrapped = invoices.wrap(&Secret::random().unwrap(), b"object").unwrap();
        let told_of_another = told(&wrapped);
        assert!(told_of_another.contains("\"invoices\"") && told_of_another.contains("letters"));
        let renamed = WrappedKey::new("letters", 1, wrapped.bytes()).unwrap();
        assert_eq!(told(&renamed), UseError::Forged.to_string(), "the control: it is tried");
    }
}
