//! Keys that were made elsewhere.

use std::num::NonZeroU32;
use std::sync::{Arc, PoisonError};

use strongroom_barrier::{Batch, CommitError, Condition};
use strongroom_crypto::secret::Plaintext;

use super::versions::append;
use super::{Transit, not_deleted};
use crate::algorithm::{KeyType, Material, OaepHash};
use crate::error::ManageError;
use crate::import::WrappingKey;
use crate::key::Key;
use crate::name::KeyName;
use crate::policy::{KeySpec, Policy};
use crate::record::RecordError;
use crate::state::VersionState;
use crate::version::{Version, VersionKey};

/// A key as it comes in.
#[derive(Clone, Copy)]
pub enum Incoming<'a> {
    /// The bytes of a symmetric or HMAC key; PKCS #8 in DER of another.
    Bytes(&'a [u8]),
    /// As Vault exports it: base64 or PEM.
    Text(&'a str),
    /// Wrapped for [`Transit::wrapping_key`]: RSA-OAEP of an AES key ‖ AES-KWP of what `Bytes` would be.
    Wrapped {
        /// The blob.
        blob: &'a [u8],
        /// The hash that OAEP was used with.
        hash: OaepHash,
    },
}

impl Transit {
    /// Makes a key whose first version comes from outside. Where `allow_rotation` is false, all its versions do.
    ///
    /// That version has the number 1, and each [`import_version`](Self::import_version) the next. A text says which version made it, so
    /// the versions of a key come in the order that they have there; those of a key that was trimmed begin with
    /// [`import_from`](Self::import_from). The HMAC key beside a version is new, as in Vault: MACs that the key made elsewhere do not
    /// verify, but for type `hmac`.
    ///
    /// Its other uses are not known here: what it has encrypted elsewhere does not count towards its limits.
    ///
    /// # Errors
    ///
    /// [`ManageError::Import`] or [`ManageError::Unwrap`] where the key is refused; as [`create`](Self::create).
    pub async fn import(
        &self,
        name: &KeyName,
        spec: &KeySpec,
        key: Incoming<'_>,
        allow_rotation: bool,
    ) -> Result<Key, ManageError> {
        self.import_from(name, spec, key, allow_rotation, NonZeroU32::MIN).await
    }

    /// [`import`](Self::import) of a key whose versions before `first` were trimmed where it comes from: `vault:v3:…` opens where
    /// version 3 is imported as such.
    ///
    /// # Errors
    ///
    /// As [`import`](Self::import).
    pub async fn import_from(
        &self,
        name: &KeyName,
        spec: &KeySpec,
        key: Incoming<'_>,
        allow_rotation: bool,
        first: NonZeroU32,
    ) -> Result<Key, ManageError> {
        spec.check()?;
        let material = self.take(spec.key_type, key).await?;
        let policy = Policy {
            imported: true,
            allow_rotation,
            min_available_version: first.get(),
            min_decryption_version: first.get(),
            ..Policy::new(spec, self.now())
        };
        self.insert(name, policy, VersionKey::local(material)).await
    }

    /// Adds a version that comes from outside to a key that did; says its number.
    ///
    /// # Errors
    ///
    /// [`ManageError::NotImported`]; [`ManageError::SameKey`] for one that is a version already: the
    /// two would count apart, and open each other's ciphertexts; as [`import`](Self::import).
    pub async fn import_version(&self, name: &KeyName, key: Incoming<'_>) -> Result<u32, ManageError> {
        let policy = not_deleted(&self.inner.read(name).await?.record)?.policy;
        let key_type = policy.kind.local().filter(|_| policy.imported).ok_or(ManageError::NotImported)?;
        let mut material = Some(self.take(key_type, key).await?);
        let now = self.now();
        loop {
            let live = self.inner.read(name).await?;
            let record = not_deleted(&live.record)?;
            if record.policy.kind != policy.kind || !record.policy.imported {
                return Err(ManageError::NotImported);
            }
            let incoming = material.take().ok_or(ManageError::Contended)?;
            let same = |version: &&Version| {
                let known = version.key.as_ref().and_then(|key| key.material());
                known.is_some_and(|known| known.is_same_key(&incoming))
            };
            if let Some(version) = record.versions.iter().find(same) {
                return Err(ManageError::SameKey { version: version.number });
            }
            // Moved in, and back out of a record that was not committed: key material has no copies.
            let key = VersionKey::local(incoming);
            let (next, number) = append(record, key, VersionState::Active, now)?;
            match self.inner.write(name, &next, Condition::Revision(live.revision)).await {
                Ok(revision) => {
                    self.inner.install(name, crate::cell::Live::new(next, revision));
                    return Ok(number);
                }
                Err(ManageError::Commit(CommitError::Condition { .. })) => {
                    let last = next.versions.last().and_then(|version| version.key.as_ref());
                    let encoded = last.map(|key| key.encode()).transpose()?.ok_or(ManageError::Contended)?;
                    material = Some(Material::decode(encoded.expose()).map_err(RecordError::from)?);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// The public key, in PEM, that [`Incoming::Wrapped`] is wrapped for. It is drawn when it is first asked for, which takes a
    /// few seconds.
    ///
    /// # Errors
    ///
    /// As storage says.
    pub async fn wrapping_key(&self) -> Result<String, ManageError> {
        Ok(self.find_wrapping_key().await?.public_pem())
    }

    async fn take(&self, key_type: KeyType, key: Incoming<'_>) -> Result<Material, ManageError> {
        Ok(match key {
            Incoming::Bytes(bytes) => Material::import(key_type, bytes)?,
            Incoming::Text(text) => Material::import_text(key_type, text)?,
            Incoming::Wrapped { blob, hash } => {
                let opened = self.find_wrapping_key().await?.unwrap(hash, blob)?;
                Material::import(key_type, opened.expose())?
            }
        })
    }

    async fn find_wrapping_key(&self) -> Result<Arc<WrappingKey>, ManageError> {
        let inner = &self.inner;
        inner.check_open()?;
        if let Some(key) = &*inner.wrapping_key.lock().unwrap_or_else(PoisonError::into_inner) {
            return Ok(Arc::clone(key));
        }
        let path = inner.mount.value("wrapping-key")?;
        let key = loop {
            if let Some(entry) = inner.barrier.get(&path).await? {
                break WrappingKey::decode(entry.value()).map_err(RecordError::from)?;
            }
            let drawn = WrappingKey::generate()?;
            let stored = Plaintext::new(drawn.encode()?.expose().to_vec());
            match inner.barrier.commit(Batch::new().put_if(path.clone(), stored, Condition::Absent)).await {
                Ok(_) => break drawn,
                // Another was first: read that one.
                Err(CommitError::Condition { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        };
        let key = Arc::new(key);
        let mut kept = inner.wrapping_key.lock().unwrap_or_else(PoisonError::into_inner);
        // Under the lock that sealing takes after it has set the flag.
        inner.check_open()?;
        *kept = Some(Arc::clone(&key));
        Ok(key)
    }
}
