//! Keys that live outside this process, by one of their names and versions.

use strongroom_crypto::external::{ExternalError, ExternalFault, KeyWrapper};
use strongroom_crypto::secret::{Secret, SecretBytes};

use crate::key::{KeyEncryption, WrappedKey, WrappedKeyError};

/// A [`KeyWrapper`], such as a key in an HSM, as one version of a named key.
pub struct ExternalKey<W> {
    name: String,
    version: u32,
    wrapper: W,
}

impl<W: KeyWrapper> ExternalKey<W> {
    /// Gives the wrapper a name and a version. Objects say both, so they must not change while objects exist.
    ///
    /// # Errors
    ///
    /// [`WrappedKeyError::Name`].
    pub fn new(name: impl Into<String>, version: u32, wrapper: W) -> Result<Self, WrappedKeyError> {
        let name = name.into();
        // As long as a name may be in a header.
        WrappedKey::new(name.as_str(), version, [0])?;
        Ok(Self { name, version, wrapper })
    }

    /// The context, and after it which key this is: the same key under another name opens nothing.
    fn bound(&self, context: &[u8]) -> Vec<u8> {
        // No name is longer than its length can say.
        let len = u8::try_from(self.name.len()).unwrap_or(u8::MAX);
        [context, &[len], self.name.as_bytes(), &self.version.to_be_bytes()].concat()
    }
}

impl<W: KeyWrapper> KeyEncryption for ExternalKey<W> {
    fn wrap(&self, data_key: &Secret<32>, context: &[u8]) -> Result<WrappedKey, ExternalError> {
        let key = SecretBytes::copy_from_slice(data_key.expose()).map_err(unavailable)?;
        let wrapped = self.wrapper.wrap(&key, &self.bound(context))?;
        WrappedKey::new(self.name.as_str(), self.version, wrapped).map_err(misbehaved)
    }

    fn unwrap(&self, wrapped: &WrappedKey, context: &[u8]) -> Result<Secret<32>, ExternalError> {
        if (wrapped.name(), wrapped.version()) != (self.name.as_str(), self.version) {
            return Err(ExternalError::new(
                ExternalFault::Refused,
                format!(
                    "the data key was wrapped by version {} of the key {:?}, and this is version {} of {:?}: use that key",
                    wrapped.version(),
                    wrapped.name(),
                    self.version,
                    self.name
                ),
            ));
        }
        let key = self.wrapper.unwrap(wrapped.bytes(), &self.bound(context))?;
        if key.len() != 32 {
            return Err(misbehaved("a data key has 32 bytes, and the key outside gave another number"));
        }
        Secret::copy_from_slice(key.expose()).map_err(unavailable)
    }
}

fn unavailable(error: strongroom_crypto::secret::SecretError) -> ExternalError {
    ExternalError::new(ExternalFault::Unavailable, error)
}

fn misbehaved(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> ExternalError {
    ExternalError::new(ExternalFault::Misbehaved, error)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives back what it was given, masked: enough to see what arrives.
    struct Masking {
        length: usize,
    }

    impl KeyWrapper for Masking {
        fn wrap(&self, key: &SecretBytes, context: &[u8]) -> Result<Vec<u8>, ExternalError> {
            Ok([context, &key.expose().iter().map(|byte| byte ^ 0x5A).collect::<Vec<_>>()].concat())
        }

        fn unwrap(&self, wrapped: &[u8], context: &[u8]) -> Result<SecretBytes, ExternalError> {
            let masked = wrapped
                .strip_prefix(context)
                .ok_or_else(|| ExternalError::new(ExternalFault::Rejected, "another context"))?;
            let key: Vec<u8> = masked.iter().take(self.length).map(|byte| byte ^ 0x5A).collect();
            Ok(SecretBytes::copy_from_slice(&key).unwrap())
        }
    }

    fn key(name: &str, version: u32, length: usize) -> ExternalKey<Masking> {
        ExternalKey::new(name, version, Masking { length }).unwrap()
    }

    fn fault(outcome: Result<Secret<32>, ExternalError>) -> ExternalFault {
        outcome.err().unwrap().fault()
    }

    #[test]
    fn wrapped_key_comes_back_and_says_who_wrapped_it() {
        let (hsm, data_key) = (key("root", 3, 32), Secret::random().unwrap());
        let wrapped = hsm.wrap(&data_key, b"object").unwrap();
        assert_eq!((wrapped.name(), wrapped.version()), ("root", 3));
        assert!(hsm.unwrap(&wrapped, b"object").unwrap().ct_eq(&data_key));
        assert_eq!(fault(hsm.unwrap(&wrapped, b"other")), ExternalFault::Rejected);
    }

    #[test]
    fn key_wrapped_by_another_name_or_version_is_not_even_tried() {
        let wrapped = key("root", 3, 32).wrap(&Secret::random().unwrap(), b"object").unwrap();
        assert_eq!(fault(key("root", 4, 32).unwrap(&wrapped, b"object")), ExternalFault::Refused);
        assert_eq!(fault(key("Root", 3, 32).unwrap(&wrapped, b"object")), ExternalFault::Refused);
    }

    #[test]
    fn same_key_under_another_name_opens_nothing() {
        let wrapped = key("root", 3, 32).wrap(&Secret::random().unwrap(), b"object").unwrap();
        for (name, version) in [("tree", 3), ("root", 4)] {
            let relabelled = WrappedKey::new(name, version, wrapped.bytes()).unwrap();
            let opened = key(name, version, 32).unwrap(&relabelled, b"object");
            assert_eq!(fault(opened), ExternalFault::Rejected, "{name} {version}");
        }
    }

    #[test]
    fn key_of_another_length_is_the_fault_of_what_is_outside() {
        let wrapped = key("root", 3, 32).wrap(&Secret::random().unwrap(), b"object").unwrap();
        assert_eq!(fault(key("root", 3, 31).unwrap(&wrapped, b"object")), ExternalFault::Misbehaved);
    }

    #[test]
    fn name_that_no_header_can_hold_is_refused_at_once() {
        assert!(ExternalKey::new("", 1, Masking { length: 32 }).is_err());
        assert!(ExternalKey::new("n".repeat(256), 1, Masking { length: 32 }).is_err());
    }
}
