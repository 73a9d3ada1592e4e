//! Keys that leave: export of single versions, and backup of a whole key in the clear. Both only as the policy allows.

use strongroom_crypto::secret::Plaintext;
use zeroize::Zeroizing;

use super::{Transit, not_deleted};
use crate::backup;
use crate::error::ManageError;
use crate::import::{ExportFormat, ExportKind};
use crate::name::KeyName;
use crate::state::VersionState;

/// One exported version.
pub struct Exported {
    /// Its number.
    pub version: u32,
    /// When it was made, in seconds since 1970.
    pub created: u64,
    /// The key as Vault writes it: see [`crate::import`].
    pub text: Zeroizing<String>,
}

impl Transit {
    /// Exports one version, or all that the policy's minimum lets decrypt and verify, also those that are out of use: suspended,
    /// deactivated or compromised. Never one that was not active yet or is destroyed.
    ///
    /// # Errors
    ///
    /// [`ManageError::NotExportable`], unless only public keys are asked for; [`ManageError::NoVersion`];
    /// [`ManageError::Export`] where the type has nothing of the sort; [`ManageError::Deleted`]; or as storage says.
    pub async fn export(
        &self,
        name: &KeyName,
        kind: ExportKind,
        format: ExportFormat,
        version: Option<u32>,
    ) -> Result<Vec<Exported>, ManageError> {
        let live = self.inner.read(name).await?;
        let policy = not_deleted(&live.record)?.policy;
        if !policy.exportable && kind != ExportKind::PublicKey {
            return Err(ManageError::NotExportable);
        }
        let wanted = |number: u32| match version {
            Some(version) => number == version,
            None => true,
        };
        let mut exported = Vec::new();
        for version in &live.record.versions {
            if !wanted(version.number) || version.number < policy.min_decryption_version {
                continue;
            }
            let Some(key) = version.key.as_ref().filter(|_| version.state != VersionState::PreActivation)
            else {
                continue;
            };
            let material = key.material().ok_or(ManageError::Unsupported(policy.kind))?;
            exported.push(Exported {
                version: version.number,
                created: version.created,
                text: material.export(kind, format)?,
            });
        }
        if exported.is_empty() { Err(ManageError::NoVersion) } else { Ok(exported) }
    }

    /// The whole key in the clear: every version, the policy, and what was used (`docs/FORMATS.md`, section "Backup of a
    /// named key"). Whoever holds it holds the key.
    ///
    /// # Errors
    ///
    /// [`ManageError::BackupNotAllowed`], [`ManageError::Deleted`], or as storage says.
    pub async fn backup(&self, name: &KeyName) -> Result<Plaintext, ManageError> {
        let live = self.inner.read(name).await?;
        if !not_deleted(&live.record)?.policy.allow_plaintext_backup {
            return Err(ManageError::BackupNotAllowed);
        }
        let mut used = Vec::new();
        for version in &live.record.versions {
            used.push((version.id, self.inner.ledger.reserved(version.id).await?));
        }
        Ok(backup::encode(name, &live.record.encode()?, &used)?)
    }
}
