//! One version of a key: its number, its state, and its secret, which is scheduled once.

use std::fmt;
use std::sync::{Arc, OnceLock};

use strongroom_crypto::secret::{SecretBytes, SecretError};

use crate::algorithm::{AeadError, AeadKey, Material};
use crate::counter::Counter;
use crate::ledger::VersionId;
use crate::policy::{Amount, KeyKind};
use crate::record::RecordError;
use crate::state::VersionState;

/// A version as it is on record.
pub(crate) struct Version {
    pub(crate) number: u32,
    pub(crate) id: VersionId,
    pub(crate) state: VersionState,
    /// In seconds since 1970.
    pub(crate) created: u64,
    /// When it came into its state, in seconds since 1970.
    pub(crate) changed: u64,
    /// `None` exactly when it is destroyed.
    pub(crate) key: Option<Arc<VersionKey>>,
}

impl Version {
    pub(crate) fn new(
        number: u32,
        state: VersionState,
        key: VersionKey,
        now: u64,
    ) -> Result<Self, SecretError> {
        let id = VersionId::random()?;
        Ok(Self { number, id, state, created: now, changed: now, key: Some(Arc::new(key)) })
    }

    /// The same version, its key shared.
    pub(crate) fn share(&self) -> Self {
        Self { key: self.key.clone(), ..*self }
    }
}

/// The secret of a version, or where it is held.
pub(crate) struct VersionKey {
    pub(crate) secret: VersionSecret,
    scheduled: OnceLock<AeadKey>,
    counter: OnceLock<Box<Counter>>,
}

pub(crate) enum VersionSecret {
    Local(Box<Material>),
    /// What the place that holds it calls it.
    Held(HeldReference),
}

impl VersionKey {
    pub(crate) fn local(material: Material) -> Self {
        Self::new(VersionSecret::Local(Box::new(material)))
    }

    pub(crate) fn held(reference: HeldReference) -> Self {
        Self::new(VersionSecret::Held(reference))
    }

    fn new(secret: VersionSecret) -> Self {
        Self { secret, scheduled: OnceLock::new(), counter: OnceLock::new() }
    }

    pub(crate) fn decode(kind: KeyKind, stored: &[u8]) -> Result<Self, RecordError> {
        match kind {
            KeyKind::Local(key_type) => {
                let material = Material::decode(stored)?;
                if material.key_type() != key_type {
                    return Err(RecordError::Malformed("a version of another type than the key"));
                }
                Ok(Self::local(material))
            }
            KeyKind::HeldWrapping | KeyKind::HeldSigning => {
                let reference = std::str::from_utf8(stored).ok().and_then(HeldReference::new);
                let reference = reference.ok_or(RecordError::Malformed("a reference that is none"))?;
                Ok(Self::held(reference))
            }
        }
    }

    pub(crate) fn encode(&self) -> Result<SecretBytes, SecretError> {
        match &self.secret {
            VersionSecret::Local(material) => material.encode(),
            VersionSecret::Held(reference) => SecretBytes::copy_from_slice(reference.as_str().as_bytes()),
        }
    }

    /// Whether this is what was stored so.
    pub(crate) fn is(&self, stored: &[u8]) -> Result<bool, SecretError> {
        Ok(self.encode()?.ct_eq(&SecretBytes::copy_from_slice(stored)?))
    }

    pub(crate) fn material(&self) -> Option<&Material> {
        match &self.secret {
            VersionSecret::Local(material) => Some(material),
            VersionSecret::Held(_) => None,
        }
    }

    pub(crate) fn held_by(&self) -> Option<&HeldReference> {
        match &self.secret {
            VersionSecret::Local(_) => None,
            VersionSecret::Held(reference) => Some(reference),
        }
    }

    /// The scheduled key of a version that is not derived; made once.
    #[inline]
    pub(crate) fn aead(&self, material: &Material) -> Result<&AeadKey, AeadError> {
        if let Some(key) = self.scheduled.get() {
            return Ok(key);
        }
        let key = material.aead()?;
        Ok(self.scheduled.get_or_init(|| key))
    }

    /// What the version may still protect; 2 KiB that a version which only opens does without.
    #[inline]
    pub(crate) fn counter(&self) -> &Counter {
        self.counter.get_or_init(|| Box::new(Counter::new()))
    }
}

/// What the place that holds a key calls it: 1 to 1,024 bytes of UTF-8. Not a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldReference(Box<str>);

impl HeldReference {
    /// `None` for none or more than 1,024 bytes.
    pub fn new(reference: &str) -> Option<Self> {
        (1..=1024).contains(&reference.len()).then(|| Self(reference.into()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for HeldReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What may be told of a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionInfo {
    /// Its number, from 1.
    pub version: u32,
    /// Its state.
    pub state: VersionState,
    /// When it was made, in seconds since 1970.
    pub created: u64,
    /// When it came into its state, in seconds since 1970.
    pub changed: u64,
    /// The public key in PEM, of an asymmetric one; in base64 for Ed25519, as Vault shows it.
    pub public_key: Option<String>,
    /// What holds it, of a key that is held elsewhere.
    pub held: Option<HeldReference>,
    /// What was reserved of it: never less than it has protected.
    pub reserved: Amount,
}
