//! A whole key in the clear (`docs/FORMATS.md`, section "Backup of a named key").

use strongroom_crypto::hash::sha256;
use strongroom_crypto::secret::Plaintext;
use zeroize::Zeroizing;

use crate::error::ManageError;
use crate::ledger::VersionId;
use crate::name::KeyName;
use crate::policy::Amount;
use crate::record::{KeyRecord, RecordError};

/// What a backup holds.
pub struct Backup {
    pub(crate) name: KeyName,
    pub(crate) record: KeyRecord,
    pub(crate) used: Vec<(VersionId, Amount)>,
}

pub(crate) fn encode(
    name: &KeyName,
    record: &Plaintext,
    used: &[(VersionId, Amount)],
) -> Result<Plaintext, RecordError> {
    let too_long = |_| RecordError::Malformed("a part too long");
    let name = name.as_str().as_bytes();
    let len = MAGIC.len() + 1 + name.len() + 4 + record.len() + used.len() * USED_LEN + CHECKSUM_LEN;
    // Written once, into a buffer that never moves.
    let mut out = Zeroizing::new(Vec::with_capacity(len));
    out.extend_from_slice(MAGIC);
    out.push(u8::try_from(name.len()).map_err(too_long)?);
    out.extend_from_slice(name);
    out.extend_from_slice(&u32::try_from(record.len()).map_err(too_long)?.to_be_bytes());
    out.extend_from_slice(record.as_slice());
    for (version, amount) in used {
        out.extend_from_slice(&version.0);
        out.extend_from_slice(&amount.operations.to_be_bytes());
        out.extend_from_slice(&amount.bytes.to_be_bytes());
    }
    let checksum = sha256(&[&out]);
    out.extend_from_slice(&checksum);
    Ok(out.into())
}

/// Reads a backup.
///
/// # Errors
///
/// [`ManageError::Backup`] where the frame is damaged, [`ManageError::Record`] where the key in it is.
pub fn decode(backup: &[u8]) -> Result<Backup, ManageError> {
    let (content, checksum) = backup.split_last_chunk::<CHECKSUM_LEN>().ok_or(ManageError::Backup)?;
    if sha256(&[content]) != *checksum {
        return Err(ManageError::Backup);
    }
    let (name, record, mut rest) = split(content).ok_or(ManageError::Backup)?;
    let record = KeyRecord::decode(record)?;
    let most = record.policy.kind.most_operations();
    let mut used = Vec::with_capacity(record.versions.len());
    for version in &record.versions {
        // No version has done more than its type allows.
        let (amount, tail) = split_used(rest)
            .filter(|((id, used), _)| *id == version.id && used.operations <= most)
            .ok_or(ManageError::Backup)?;
        used.push(amount);
        rest = tail;
    }
    if rest.is_empty() { Ok(Backup { name, record, used }) } else { Err(ManageError::Backup) }
}

fn split(content: &[u8]) -> Option<(KeyName, &[u8], &[u8])> {
    let rest = content.strip_prefix(MAGIC)?;
    let (&[name_len], rest) = rest.split_first_chunk()?;
    let (name, rest) = rest.split_at_checked(usize::from(name_len))?;
    let (len, rest) = rest.split_first_chunk()?;
    let (record, rest) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*len)).ok()?)?;
    Some((std::str::from_utf8(name).ok()?.parse().ok()?, record, rest))
}

fn split_used(rest: &[u8]) -> Option<((VersionId, Amount), &[u8])> {
    let (id, rest) = rest.split_first_chunk()?;
    let (operations, rest) = rest.split_first_chunk()?;
    let (bytes, rest) = rest.split_first_chunk()?;
    let amount = Amount { operations: u64::from_be_bytes(*operations), bytes: u64::from_be_bytes(*bytes) };
    Some(((VersionId(*id), amount), rest))
}

/// With the version of the format.
const MAGIC: &[u8] = b"strongroom named key\x01";
const USED_LEN: usize = 16 + 8 + 8;
const CHECKSUM_LEN: usize = 32;
