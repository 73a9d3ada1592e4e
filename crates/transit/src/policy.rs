//! What a key may be used for, and how long.

use std::fmt;

use crate::algorithm::KeyType;

/// Where the versions of a key are, and what they can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// In this store, of one of Vault's types.
    Local(KeyType),
    /// Elsewhere, e.g. in an HSM, where they wrap: encrypting and decrypting.
    HeldWrapping,
    /// Elsewhere, e.g. in an HSM, where they sign.
    HeldSigning,
}

impl KeyKind {
    /// The type, of a key that is in this store.
    pub const fn local(self) -> Option<KeyType> {
        match self {
            Self::Local(key_type) => Some(key_type),
            Self::HeldWrapping | Self::HeldSigning => None,
        }
    }

    /// The most operations that one version may do, whatever its limits say: 2^32 with random 96-bit nonces (SP 800-38D,
    /// section 8.3), for the chance of a nonce coming twice stays under 2^-32.
    pub const fn most_operations(self) -> u64 {
        match self {
            Self::Local(key_type) => match key_type.nonce_len() {
                Some(12) => 1 << 32,
                _ => u64::MAX,
            },
            Self::HeldWrapping | Self::HeldSigning => u64::MAX,
        }
    }

    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Local(key_type) => key_type.code(),
            Self::HeldWrapping => HELD_WRAPPING,
            Self::HeldSigning => HELD_SIGNING,
        }
    }

    pub(crate) fn from_code(code: u8) -> Option<Self> {
        match code {
            HELD_WRAPPING => Some(Self::HeldWrapping),
            HELD_SIGNING => Some(Self::HeldSigning),
            _ => KeyType::from_code(code).map(Self::Local),
        }
    }
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(key_type) => key_type.fmt(f),
            Self::HeldWrapping => f.write_str("managed_key (wrapping)"),
            Self::HeldSigning => f.write_str("managed_key (signing)"),
        }
    }
}

/// How much one version of a key may protect: what it encrypts, signs or makes MACs of. Opening and verifying do not count.
///
/// A version never does more: see [`crate`] for how the count survives a crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many operations; `None`: as many as the type allows.
    pub operations: Option<u64>,
    /// How many bytes of plaintext or message; `None`: any number.
    pub bytes: Option<u64>,
    /// What happens at the limit, also at that of the type.
    pub at_limit: AtLimit,
}

impl Limits {
    /// What the type allows, and then a new version.
    pub const NONE: Self = Self { operations: None, bytes: None, at_limit: AtLimit::Rotate };

    /// The two limits of a version of this kind.
    pub(crate) fn of(self, kind: KeyKind) -> Amount {
        let most = kind.most_operations();
        Amount {
            operations: self.operations.map_or(most, |operations| operations.min(most)),
            bytes: self.bytes.unwrap_or(u64::MAX),
        }
    }
}

/// What happens when a version has reached its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AtLimit {
    /// The operation is refused until somebody rotates the key.
    Refuse,
    /// The key is rotated, and the operation is done by the new version.
    Rotate,
}

/// Operations, and the bytes that went through them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amount {
    /// Encryptions, signatures and MACs.
    pub operations: u64,
    /// Bytes of plaintext or message.
    pub bytes: u64,
}

impl Amount {
    pub(crate) fn covers(self, other: Self) -> bool {
        self.operations >= other.operations && self.bytes >= other.bytes
    }

    pub(crate) fn saturating_sub(self, other: Self) -> Self {
        Self {
            operations: self.operations.saturating_sub(other.operations),
            bytes: self.bytes.saturating_sub(other.bytes),
        }
    }

    pub(crate) fn saturating_add(self, other: Self) -> Self {
        Self {
            operations: self.operations.saturating_add(other.operations),
            bytes: self.bytes.saturating_add(other.bytes),
        }
    }

    pub(crate) fn min(self, other: Self) -> Self {
        Self { operations: self.operations.min(other.operations), bytes: self.bytes.min(other.bytes) }
    }

    pub(crate) fn max(self, other: Self) -> Self {
        Self { operations: self.operations.max(other.operations), bytes: self.bytes.max(other.bytes) }
    }
}

/// What a key is made with.
#[expect(clippy::struct_excessive_bools, reason = "each is a parameter of Vault's, and they are independent")]
#[derive(Clone, Copy, Debug)]
pub struct KeySpec {
    /// The type.
    pub key_type: KeyType,
    /// Whether every operation names a context from which a key of its own is derived.
    pub derived: bool,
    /// Whether equal plaintexts in equal contexts give equal ciphertexts. Only with `derived`.
    pub convergent: bool,
    /// Whether the keys may be exported.
    pub exportable: bool,
    /// Whether the whole key may be backed up in the clear. Only with `exportable`.
    pub allow_plaintext_backup: bool,
    /// How old, in seconds, the newest version may become before it is replaced; `None`: any age. At least an hour.
    pub auto_rotate_period: Option<u64>,
    /// How much a version may protect.
    pub limits: Limits,
    /// The length of the key in bytes, for type `hmac` alone: 32 to 512, by default 32.
    pub key_size: Option<usize>,
}

impl KeySpec {
    /// A key of this type and nothing out of the ordinary.
    pub const fn new(key_type: KeyType) -> Self {
        Self {
            key_type,
            derived: false,
            convergent: false,
            exportable: false,
            allow_plaintext_backup: false,
            auto_rotate_period: None,
            limits: Limits::NONE,
            key_size: None,
        }
    }

    /// Whether these go together.
    ///
    /// # Errors
    ///
    /// [`PolicyError`] names what does not.
    pub fn check(&self) -> Result<(), PolicyError> {
        if self.derived && !self.key_type.supports_derivation() {
            return Err(PolicyError::NoDerivation);
        }
        if self.convergent && !(self.derived && self.key_type.supports_convergent()) {
            return Err(PolicyError::NoConvergence);
        }
        let size_fits = match (self.key_type, self.key_size) {
            (_, None) => true,
            (KeyType::Hmac, Some(size)) => HMAC_KEY_SIZES.contains(&size),
            (_, Some(_)) => false,
        };
        if !size_fits {
            return Err(PolicyError::KeySize);
        }
        check_backup(self.exportable, self.allow_plaintext_backup)?;
        check_period(self.auto_rotate_period)
    }
}

/// What to change of a key; `None` leaves it.
#[derive(Clone, Copy, Debug, Default)]
pub struct ConfigChange {
    /// The oldest version that decrypts and verifies. 0 counts as 1.
    pub min_decryption_version: Option<u32>,
    /// The oldest version that encrypts and signs on request; 0: only the newest does unless a version is named.
    pub min_encryption_version: Option<u32>,
    /// Whether the key may be deleted.
    pub deletion_allowed: Option<bool>,
    /// Whether the keys may be exported: never back to `false`.
    pub exportable: Option<bool>,
    /// Whether the whole key may be backed up in the clear: never back to `false`.
    pub allow_plaintext_backup: Option<bool>,
    /// As in [`KeySpec::auto_rotate_period`]; `Some(None)` switches it off.
    pub auto_rotate_period: Option<Option<u64>>,
    /// How much a version may protect.
    pub limits: Option<Limits>,
}

/// What is stored of a key beside its versions.
#[expect(clippy::struct_excessive_bools, reason = "each is a parameter of Vault's, and they are independent")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Where the versions are, and what they can do.
    pub kind: KeyKind,
    /// Whether every operation names a context.
    pub derived: bool,
    /// Whether equal plaintexts in equal contexts give equal ciphertexts.
    pub convergent: bool,
    /// Whether the keys may be exported.
    pub exportable: bool,
    /// Whether the whole key may be backed up in the clear.
    pub allow_plaintext_backup: bool,
    /// Whether the key may be deleted.
    pub deletion_allowed: bool,
    /// Whether its first version came from outside.
    pub imported: bool,
    /// Whether an imported key may be rotated here, to versions that were not imported.
    pub allow_rotation: bool,
    /// The oldest version that is kept.
    pub min_available_version: u32,
    /// The oldest version that decrypts and verifies.
    pub min_decryption_version: u32,
    /// The oldest version that encrypts and signs on request; 0: only the newest, unless a version is named.
    pub min_encryption_version: u32,
    /// How old the newest version may become, in seconds; `None`: any age.
    pub auto_rotate_period: Option<u64>,
    /// How much a version may protect.
    pub limits: Limits,
    /// When the key was made, in seconds since 1970.
    pub created: u64,
    /// When it was deleted, so that it can still be restored; `None`: it was not.
    pub deleted: Option<u64>,
    /// When it will be destroyed, a deleted key alone.
    pub destroy_at: Option<u64>,
}

impl Policy {
    pub(crate) fn new(spec: &KeySpec, now: u64) -> Self {
        Self {
            kind: KeyKind::Local(spec.key_type),
            derived: spec.derived,
            convergent: spec.convergent,
            exportable: spec.exportable,
            allow_plaintext_backup: spec.allow_plaintext_backup,
            auto_rotate_period: spec.auto_rotate_period,
            limits: spec.limits,
            ..Self::plain(KeyKind::Local(spec.key_type), now)
        }
    }

    /// The policy of a key with nothing out of the ordinary.
    pub(crate) fn plain(kind: KeyKind, now: u64) -> Self {
        Self {
            kind,
            derived: false,
            convergent: false,
            exportable: false,
            allow_plaintext_backup: false,
            deletion_allowed: false,
            imported: false,
            allow_rotation: true,
            min_available_version: 1,
            min_decryption_version: 1,
            min_encryption_version: 0,
            auto_rotate_period: None,
            limits: Limits::NONE,
            created: now,
            deleted: None,
            destroy_at: None,
        }
    }

    /// The policy with the change made, for a key whose newest version is `latest`.
    pub(crate) fn changed(mut self, change: &ConfigChange, latest: u32) -> Result<Self, PolicyError> {
        if let Some(version) = change.min_decryption_version {
            self.min_decryption_version = version.max(1);
        }
        if let Some(version) = change.min_encryption_version {
            self.min_encryption_version = version;
        }
        self.check_versions(latest)?;
        if let Some(allowed) = change.deletion_allowed {
            self.deletion_allowed = allowed;
        }
        raise(&mut self.exportable, change.exportable)?;
        raise(&mut self.allow_plaintext_backup, change.allow_plaintext_backup)?;
        check_backup(self.exportable, self.allow_plaintext_backup)?;
        if let Some(period) = change.auto_rotate_period {
            check_period(period)?;
            self.auto_rotate_period = period;
        }
        self.limits = change.limits.unwrap_or(self.limits);
        Ok(self)
    }

    fn check_versions(&self, latest: u32) -> Result<(), PolicyError> {
        if self.min_decryption_version > latest || self.min_encryption_version > latest {
            return Err(PolicyError::BeyondLatest { latest });
        }
        if self.min_decryption_version < self.min_available_version {
            return Err(PolicyError::Trimmed { min_available: self.min_available_version });
        }
        if self.min_encryption_version != 0 && self.min_encryption_version < self.min_decryption_version {
            return Err(PolicyError::EncryptionBelowDecryption);
        }
        Ok(())
    }

    /// The policy once every version before `min_available` is gone.
    pub(crate) fn trimmed(mut self, min_available: u32, latest: u32) -> Result<Self, PolicyError> {
        if min_available > latest {
            return Err(PolicyError::BeyondLatest { latest });
        }
        if min_available < self.min_available_version {
            return Err(PolicyError::Trimmed { min_available: self.min_available_version });
        }
        // As in Vault: whoever trims has said before that neither use needs those versions.
        if self.min_encryption_version == 0
            || min_available > self.min_encryption_version
            || min_available > self.min_decryption_version
        {
            return Err(PolicyError::TrimInUse);
        }
        self.min_available_version = min_available;
        Ok(self)
    }

    /// Whether what was read from storage can have been written by this crate.
    pub(crate) fn is_sound(&self, latest: u32) -> bool {
        let spec_fits = match self.kind {
            KeyKind::Local(key_type) => {
                (!self.derived || key_type.supports_derivation())
                    && (!self.convergent || (self.derived && key_type.supports_convergent()))
            }
            KeyKind::HeldWrapping | KeyKind::HeldSigning => {
                !(self.derived || self.convergent || self.exportable || self.imported)
            }
        };
        spec_fits
            && self.min_available_version >= 1
            && self.min_available_version <= latest
            && self.check_versions(latest).is_ok()
            && check_backup(self.exportable, self.allow_plaintext_backup).is_ok()
            && (self.destroy_at.is_none() || self.deleted.is_some())
    }
}

fn raise(flag: &mut bool, wanted: Option<bool>) -> Result<(), PolicyError> {
    match (*flag, wanted) {
        (true, Some(false)) => return Err(PolicyError::OneWay),
        (_, Some(wanted)) => *flag = wanted,
        (_, None) => {}
    }
    Ok(())
}

fn check_backup(exportable: bool, plaintext_backup: bool) -> Result<(), PolicyError> {
    if plaintext_backup && !exportable { Err(PolicyError::BackupNeedsExport) } else { Ok(()) }
}

fn check_period(period: Option<u64>) -> Result<(), PolicyError> {
    match period {
        Some(seconds) if seconds < SHORTEST_PERIOD => Err(PolicyError::ShortPeriod),
        _ => Ok(()),
    }
}

/// Why a policy is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyError {
    /// Keys of this type are not derived.
    NoDerivation,
    /// Convergent without derived, or of a type that does not encrypt symmetrically.
    NoConvergence,
    /// A size for a type that has one size, or outside 32 to 512 bytes.
    KeySize,
    /// A plaintext backup of a key that may not be exported.
    BackupNeedsExport,
    /// What was allowed cannot be forbidden again.
    OneWay,
    /// A period of automatic rotation under an hour.
    ShortPeriod,
    /// A version that does not exist yet.
    BeyondLatest {
        /// The newest.
        latest: u32,
    },
    /// A version that was trimmed.
    Trimmed {
        /// The oldest that is kept.
        min_available: u32,
    },
    /// The minimum for encryption lies below that for decryption.
    EncryptionBelowDecryption,
    /// Versions are to be trimmed that the minimums still allow.
    TrimInUse,
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoDerivation => f.write_str(
                "keys of this type cannot be derived: leave `derived` out, or choose a type of symmetric encryption or ed25519",
            ),
            Self::NoConvergence => f.write_str(
                "convergent encryption needs a derived key of a type of symmetric encryption: set `derived` too",
            ),
            Self::KeySize => f.write_str("only keys of type hmac have a size of choice, from 32 to 512 bytes"),
            Self::BackupNeedsExport => {
                f.write_str("a plaintext backup holds the keys: it needs `exportable` as well")
            }
            Self::OneWay => f.write_str(
                "what was exportable may have been exported, so `exportable` and `allow_plaintext_backup` never go back: make \
                 a new key instead",
            ),
            Self::ShortPeriod => {
                f.write_str("the period of automatic rotation is at least an hour: choose a longer one, or none")
            }
            Self::BeyondLatest { latest } => write!(f, "the newest version is {latest}: name one up to that"),
            Self::Trimmed { min_available } => {
                write!(f, "versions before {min_available} were trimmed: name one from that on")
            }
            Self::EncryptionBelowDecryption => f.write_str(
                "the minimum version for encryption is not below that for decryption: raise the former or lower the latter",
            ),
            Self::TrimInUse => f.write_str(
                "only versions below both minimums can be trimmed: raise the minimum versions for decryption and for \
                 encryption first",
            ),
        }
    }
}

impl std::error::Error for PolicyError {}

const HELD_WRAPPING: u8 = 0x80;
const HELD_SIGNING: u8 = 0x81;
const SHORTEST_PERIOD: u64 = 60 * 60;
const HMAC_KEY_SIZES: std::ops::RangeInclusive<usize> = 32..=512;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn policy() -> Policy {
        Policy::plain(KeyKind::Local(KeyType::Aes256Gcm96), 0)
    }

    #[test]
    fn what_was_allowed_is_never_forbidden_again() {
        let mut open = policy();
        let allow = ConfigChange {
            exportable: Some(true),
            allow_plaintext_backup: Some(true),
            ..ConfigChange::default()
        };
        open = open.changed(&allow, 1).unwrap();
        let export = ConfigChange { exportable: Some(false), ..ConfigChange::default() };
        let backup = ConfigChange { allow_plaintext_backup: Some(false), ..ConfigChange::default() };
        assert_eq!(open.changed(&export, 1), Err(PolicyError::OneWay));
        assert_eq!(open.changed(&backup, 1), Err(PolicyError::OneWay));
        assert!(open.changed(&allow, 1).is_ok());
        assert!(policy().changed(&export, 1).is_ok());
        let alone = ConfigChange { allow_plaintext_backup: Some(true), ..ConfigChange::default() };
        assert_eq!(policy().changed(&alone, 1), Err(PolicyError::BackupNeedsExport));
    }

    #[test]
    fn limits_are_never_above_those_of_the_type() {
        let limits = Limits { operations: Some(u64::MAX), bytes: None, at_limit: AtLimit::Refuse };
        assert_eq!(limits.of(KeyKind::Local(KeyType::Aes256Gcm96)).operations, 1 << 32);
        assert_eq!(limits.of(KeyKind::Local(KeyType::ChaCha20Poly1305)).operations, 1 << 32);
        assert_eq!(limits.of(KeyKind::Local(KeyType::Xaes256Gcm)).operations, u64::MAX);
        assert_eq!(Limits::NONE.of(KeyKind::Local(KeyType::Aes128Gcm96)).operations, 1 << 32);
    }

    #[test]
    fn codes_of_kinds_are_read_back() {
        for code in 0..=u8::MAX {
            if let Some(kind) = KeyKind::from_code(code) {
                assert_eq!(kind.code(), code);
            }
        }
        assert_eq!((0..=u8::MAX).filter_map(KeyKind::from_code).count(), KeyType::ALL.len() + 2);
    }

    proptest! {
        /// Against the rules as Vault's documentation states them, written out naively.
        #[test]
        fn minimums_keep_to_the_rules(
            latest in 1u32..6, available in 1u32..6, decryption in 0u32..7, encryption in 0u32..7, trim in 0u32..7,
        ) {
            let mut before = policy();
            before.min_available_version = available.min(latest);
            before.min_decryption_version = before.min_available_version;
            let change = ConfigChange {
                min_decryption_version: Some(decryption),
                min_encryption_version: Some(encryption),
                ..ConfigChange::default()
            };
            let wanted = decryption.max(1);
            let allowed = wanted <= latest
                && encryption <= latest
                && wanted >= before.min_available_version
                && (encryption == 0 || encryption >= wanted);
            let after = before.changed(&change, latest);
            prop_assert_eq!(after.is_ok(), allowed);
            if let Ok(after) = after {
                prop_assert!(after.is_sound(latest));
                let may_trim = encryption != 0
                    && trim >= before.min_available_version
                    && trim <= wanted
                    && trim <= encryption;
                let trimmed = after.trimmed(trim, latest);
                prop_assert_eq!(trimmed.is_ok(), may_trim);
                if let Ok(trimmed) = trimmed {
                    prop_assert!(trimmed.is_sound(latest));
                    prop_assert!(trimmed.min_available_version >= before.min_available_version);
                }
            }
        }
    }
}
