//! A key as it lies behind the barrier (`docs/FORMATS.md`, section "Named key").
//!
//! The bytes are authenticated before they come here, yet they are parsed as if they were not.

mod wire;

use std::fmt;
use std::sync::Arc;

use strongroom_crypto::secret::{Plaintext, SecretError};

use crate::algorithm::DecodeError;
use crate::ledger::VersionId;
use crate::policy::{AtLimit, KeyKind, Limits, Policy};
use crate::state::VersionState;
use crate::version::{Version, VersionKey};
use wire::{Reader, Writer};

/// A policy and the versions that it rules: ascending without gaps, from the oldest that is kept to the newest.
pub struct KeyRecord {
    pub(crate) policy: Policy,
    pub(crate) versions: Vec<Version>,
}

impl KeyRecord {
    /// The number of the newest version.
    pub(crate) fn latest(&self) -> u32 {
        self.versions.last().map_or(0, |version| version.number)
    }

    /// The version of that number, if it is kept.
    #[inline]
    pub(crate) fn version(&self, number: u32) -> Option<&Version> {
        let first = self.versions.first()?.number;
        let at = usize::try_from(number.checked_sub(first)?).ok()?;
        self.versions.get(at)
    }

    /// Whether this is a later state of that key, and not another key under its name: they have a version in common, or all
    /// that it had were trimmed.
    pub(crate) fn continues(&self, before: &Self) -> bool {
        let common =
            |version: &Version| before.version(version.number).is_some_and(|old| old.id == version.id);
        self.versions.iter().any(common)
            || (self.policy.min_available_version > before.latest()
                && self.policy.created == before.policy.created)
    }

    /// The same keys, not copied, to be changed.
    pub(crate) fn successor(&self) -> Self {
        Self { policy: self.policy, versions: self.versions.iter().map(Version::share).collect() }
    }

    /// The bytes to store.
    ///
    /// # Errors
    ///
    /// When secret memory is exhausted.
    pub fn encode(&self) -> Result<Plaintext, RecordError> {
        let policy = &self.policy;
        // Secrets are written once, into a buffer that never moves: a moved one would leave a copy behind.
        let secrets =
            self.versions.iter().map(|version| version.key.as_ref().map(|key| key.encode()).transpose());
        let secrets = secrets.collect::<Result<Vec<_>, _>>()?;
        let secrets_len: usize = secrets.iter().flatten().map(|secret| secret.len() + SECRET_LENGTH).sum();
        let mut out = Writer::with_capacity(FIXED_LEN + self.versions.len() * VERSION_LEN + secrets_len);
        out.put(&[FORMAT, policy.kind.code()]);
        out.put(&flags(policy).to_be_bytes());
        for number in [
            policy.created,
            policy.deleted.unwrap_or(0),
            policy.destroy_at.unwrap_or(0),
            policy.auto_rotate_period.unwrap_or(0),
            policy.limits.operations.map_or(0, |limit| limit.saturating_add(1)),
            policy.limits.bytes.map_or(0, |limit| limit.saturating_add(1)),
        ] {
            out.put(&number.to_be_bytes());
        }
        let count =
            u32::try_from(self.versions.len()).map_err(|_| RecordError::Malformed("too many versions"))?;
        for number in [
            policy.min_available_version,
            policy.min_decryption_version,
            policy.min_encryption_version,
            count,
        ] {
            out.put(&number.to_be_bytes());
        }
        for (version, secret) in self.versions.iter().zip(&secrets) {
            out.put(&version.number.to_be_bytes());
            out.put(&version.id.0);
            out.put(&[version.state.code()]);
            out.put(&version.created.to_be_bytes());
            out.put(&version.changed.to_be_bytes());
            if let Some(secret) = secret {
                out.put_secret(secret.expose())?;
            }
        }
        Ok(out.finish())
    }

    /// Reads what [`encode`](Self::encode) wrote.
    ///
    /// # Errors
    ///
    /// Every departure from the format is refused.
    pub fn decode(record: &[u8]) -> Result<Self, RecordError> {
        Self::decode_sharing(record, None)
    }

    /// Reads a record; versions that `known` has too, with the same key, are shared with it, so that no key is scheduled twice
    /// and what was counted stays counted.
    pub(crate) fn decode_sharing(record: &[u8], known: Option<&Self>) -> Result<Self, RecordError> {
        let mut input = Reader::new(record);
        if input.array()? != [FORMAT] {
            return Err(RecordError::Format);
        }
        let [kind] = input.array()?;
        let kind = KeyKind::from_code(kind).ok_or(RecordError::Malformed("unknown type of key"))?;
        let flags = input.u16()?;
        let mut policy = Policy::plain(kind, input.u64()?);
        set_flags(&mut policy, flags)?;
        policy.deleted = nonzero(input.u64()?);
        policy.destroy_at = nonzero(input.u64()?);
        policy.auto_rotate_period = nonzero(input.u64()?);
        policy.limits.operations = input.u64()?.checked_sub(1);
        policy.limits.bytes = input.u64()?.checked_sub(1);
        policy.min_available_version = input.u32()?;
        policy.min_decryption_version = input.u32()?;
        policy.min_encryption_version = input.u32()?;
        let versions = decode_versions(&mut input, kind, known)?;
        if !input.is_empty() {
            return Err(RecordError::Malformed("bytes after the end"));
        }
        let (first, last) = match (versions.first(), versions.last()) {
            (Some(first), Some(last)) => (first.number, last.number),
            _ => return Err(RecordError::Malformed("no version")),
        };
        if first != policy.min_available_version || !policy.is_sound(last) {
            return Err(RecordError::Malformed("the policy does not go with the versions or with itself"));
        }
        Ok(Self { policy, versions })
    }
}

fn decode_versions(
    input: &mut Reader<'_>,
    kind: KeyKind,
    known: Option<&KeyRecord>,
) -> Result<Vec<Version>, RecordError> {
    let count = input.u32()?;
    let mut versions: Vec<Version> = Vec::new();
    for _ in 0..count {
        let number = input.u32()?;
        let id = VersionId(input.array()?);
        let [state] = input.array()?;
        let state = VersionState::from_code(state).ok_or(RecordError::Malformed("unknown state"))?;
        let (created, changed) = (input.u64()?, input.u64()?);
        if versions.last().is_some_and(|last| last.number.checked_add(1) != Some(number)) {
            return Err(RecordError::Malformed("versions out of order"));
        }
        let key = if state == VersionState::Destroyed {
            None
        } else {
            let secret = input.secret()?;
            let known = known
                .filter(|known| known.policy.kind == kind)
                .and_then(|known| known.version(number))
                .filter(|version| version.id == id)
                .and_then(|version| version.key.as_ref());
            Some(match known {
                Some(key) if key.is(secret)? => Arc::clone(key),
                _ => Arc::new(VersionKey::decode(kind, secret)?),
            })
        };
        versions.push(Version { number, id, state, created, changed, key });
    }
    Ok(versions)
}

fn nonzero(value: u64) -> Option<u64> {
    (value != 0).then_some(value)
}

fn flags(policy: &Policy) -> u16 {
    let Policy { limits: Limits { at_limit, .. }, .. } = *policy;
    [
        (policy.derived, DERIVED),
        (policy.convergent, CONVERGENT),
        (policy.exportable, EXPORTABLE),
        (policy.allow_plaintext_backup, PLAINTEXT_BACKUP),
        (policy.deletion_allowed, DELETION),
        (policy.imported, IMPORTED),
        (policy.allow_rotation, ROTATION),
        (at_limit == AtLimit::Rotate, ROTATE_AT_LIMIT),
    ]
    .into_iter()
    .filter(|(set, _)| *set)
    .fold(0, |flags, (_, flag)| flags | flag)
}

fn set_flags(policy: &mut Policy, flags: u16) -> Result<(), RecordError> {
    if flags & !KNOWN_FLAGS != 0 {
        return Err(RecordError::Malformed("unknown flag"));
    }
    let set = |flag: u16| flags & flag != 0;
    policy.derived = set(DERIVED);
    policy.convergent = set(CONVERGENT);
    policy.exportable = set(EXPORTABLE);
    policy.allow_plaintext_backup = set(PLAINTEXT_BACKUP);
    policy.deletion_allowed = set(DELETION);
    policy.imported = set(IMPORTED);
    policy.allow_rotation = set(ROTATION);
    policy.limits.at_limit = if set(ROTATE_AT_LIMIT) { AtLimit::Rotate } else { AtLimit::Refuse };
    Ok(())
}

/// Why bytes are no key. Carries nothing of them.
#[derive(Debug)]
pub enum RecordError {
    /// They end too early.
    Truncated,
    /// Another version of the format.
    Format,
    /// They break the rule that is named.
    Malformed(&'static str),
    /// The secret of a version is no key of its type.
    Material(DecodeError),
    /// No secret memory.
    Secret(SecretError),
}

impl From<SecretError> for RecordError {
    fn from(error: SecretError) -> Self {
        Self::Secret(error)
    }
}

impl From<DecodeError> for RecordError {
    fn from(error: DecodeError) -> Self {
        Self::Material(error)
    }
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated => f.write_str("the record of the key ends too early: restore it from a backup"),
            Self::Format => f.write_str(
                "the record of the key has a format that this program does not know: use a newer program",
            ),
            Self::Malformed(rule) => {
                write!(f, "the record of the key breaks its format ({rule}): restore it from a backup")
            }
            Self::Material(error) => write!(f, "a version of the key cannot be read: {error}"),
            Self::Secret(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for RecordError {}

const FORMAT: u8 = 1;
/// format, kind, flags, three times, period, two limits, three minimums, count.
const FIXED_LEN: usize = 1 + 1 + 2 + 6 * 8 + 4 * 4;
/// number, id, state, two times.
const VERSION_LEN: usize = 4 + 16 + 1 + 8 + 8;
/// Before the secret of a version.
const SECRET_LENGTH: usize = 4;

const DERIVED: u16 = 1;
const CONVERGENT: u16 = 1 << 1;
const EXPORTABLE: u16 = 1 << 2;
const PLAINTEXT_BACKUP: u16 = 1 << 3;
const DELETION: u16 = 1 << 4;
const IMPORTED: u16 = 1 << 5;
const ROTATION: u16 = 1 << 6;
const ROTATE_AT_LIMIT: u16 = 1 << 7;
const KNOWN_FLAGS: u16 = (1 << 8) - 1;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algorithm::{GenerateOptions, KeyType, Material};

    fn record() -> KeyRecord {
        let mut policy = Policy::plain(KeyKind::Local(KeyType::Aes256Gcm96), 1_000);
        policy.limits = Limits { operations: Some(0), bytes: Some(5), at_limit: AtLimit::Refuse };
        policy.auto_rotate_period = Some(3_600);
        policy.min_available_version = 2;
        policy.min_decryption_version = 2;
        policy.min_encryption_version = 3;
        let version = |number, state| {
            let material = Material::generate(KeyType::Aes256Gcm96, &GenerateOptions::default()).unwrap();
            let mut version = Version::new(number, state, VersionKey::local(material), 2_000).unwrap();
            if state == VersionState::Destroyed {
                version.key = None;
            }
            version
        };
        let versions = vec![
            version(2, VersionState::Destroyed),
            version(3, VersionState::Active),
            version(4, VersionState::PreActivation),
        ];
        KeyRecord { policy, versions }
    }

    #[test]
    fn what_is_encoded_decodes_to_the_same() {
        let record = record();
        let bytes = record.encode().unwrap();
        let again = KeyRecord::decode(bytes.as_slice()).unwrap();
        assert_eq!(again.policy, record.policy);
        assert_eq!(again.encode().unwrap().as_slice(), bytes.as_slice());
    }

    #[test]
    fn every_strict_prefix_and_any_extra_byte_is_refused() {
        let bytes = record().encode().unwrap();
        for len in 0..bytes.len() {
            assert!(KeyRecord::decode(&bytes.as_slice()[..len]).is_err(), "{len}");
        }
        let longer = [bytes.as_slice(), &[0]].concat();
        assert!(matches!(KeyRecord::decode(&longer), Err(RecordError::Malformed("bytes after the end"))));
    }

    #[test]
    fn no_byte_makes_it_panic_and_what_is_taken_has_one_form() {
        let bytes = record().encode().unwrap();
        let mut taken = 0;
        for at in 0..bytes.len() {
            for value in [0, 1, 2, 3, 4, 7, 0x7f, 0x80, 0xff] {
                let mut changed = bytes.as_slice().to_vec();
                changed[at] = value;
                if let Ok(record) = KeyRecord::decode(&changed) {
                    assert_eq!(record.encode().unwrap().as_slice(), changed);
                    taken += 1;
                }
            }
        }
        assert!(taken > 100, "the control: some changes are other keys: {taken}");
    }

    #[test]
    fn huge_count_costs_no_memory() {
        let bytes = record().encode().unwrap();
        let mut forged = bytes.as_slice().to_vec();
        forged[FIXED_LEN - 4..FIXED_LEN].fill(0xff);
        assert!(matches!(KeyRecord::decode(&forged), Err(RecordError::Truncated)));
    }

    #[test]
    fn unknown_tags_and_policies_that_contradict_themselves_are_refused() {
        let bytes = record().encode().unwrap();
        let changed = |at: usize, value: u8| {
            let mut changed = bytes.as_slice().to_vec();
            changed[at] = value;
            KeyRecord::decode(&changed).is_err()
        };
        assert!(changed(0, 2), "format");
        assert!(changed(1, 0) && changed(1, 99) && changed(1, 0x82), "kind");
        assert!(changed(2, 1), "flag");
        // The last byte of each minimum: no version 1 is kept, and there is none beyond 4.
        let minimums = FIXED_LEN - 16;
        for minimum in [minimums + 3, minimums + 7, minimums + 11] {
            assert!(changed(minimum, 1) && changed(minimum, 5), "{minimum}");
        }
    }

    #[test]
    fn version_read_again_shares_the_key_in_use() {
        let record = record();
        let bytes = record.encode().unwrap();
        let again = KeyRecord::decode_sharing(bytes.as_slice(), Some(&record)).unwrap();
        let key = |record: &KeyRecord| Arc::clone(record.versions[1].key.as_ref().unwrap());
        assert!(Arc::ptr_eq(&key(&again), &key(&record)));
        // The control: the same version with another key, as of a backup that went another way, is not shared.
        let secret = key(&record).encode().unwrap();
        let mut other = bytes.as_slice().to_vec();
        let at = other.windows(secret.len()).position(|window| window == secret.expose()).unwrap();
        other[at + secret.len() - 1] ^= 1;
        let again = KeyRecord::decode_sharing(&other, Some(&record)).unwrap();
        assert!(!Arc::ptr_eq(&key(&again), &key(&record)));
    }
}
