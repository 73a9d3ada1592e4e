//! `key create|list|show|rotate|config|trim|delete|restore|destroy`: named keys, for files.

use clap::{Args, Subcommand, ValueEnum};
use pollster::block_on;
use serde_json::{Value, json};
use strongroom::Directory;
use strongroom_transit::algorithm::KeyType;
use strongroom_transit::{
    ConfigChange, KeyName, KeySpec, MOUNT, ManageError, NameError, Options, Policy, Transit, VersionInfo,
};

use super::init::{Age, MOST_DAYS, parse_age};
use crate::context::Context;
use crate::exit::{Failure, Kind};
use crate::text::{counted, date};

/// What one can do with named keys.
#[derive(Subcommand)]
pub(crate) enum Key {
    /// Make a key with one version.
    Create(Create),
    /// List the keys.
    List(List),
    /// Tell a key's policy and versions.
    Show(OfKey),
    /// Add a version, under which files are encrypted from now on; the older ones still decrypt what they encrypted.
    Rotate(OfKey),
    /// Change a key's policy.
    Config(Config),
    /// Destroy the versions before one, for ever. Both minimum versions must have been raised that far.
    Trim(Trim),
    /// Take a key out of use; `key restore` brings it back. Its policy must allow it (`key config NAME --deletion-allowed true`).
    Delete(OfKey),
    /// Bring a deleted key back, and call its destruction off.
    Restore(OfKey),
    /// Say when a deleted key is destroyed, with all that only it decrypts.
    ///
    /// From that time on nobody can use it or bring it back. It is destroyed by the next command that uses named keys, `file`
    /// commands too, and at the latest by the next `key` command.
    Destroy(Destroy),
}

/// A key.
#[derive(Args)]
pub(crate) struct OfKey {
    /// The key's name.
    #[arg(value_parser = parse_name)]
    name: KeyName,
}

/// Make a key.
#[derive(Args)]
pub(crate) struct Create {
    /// Its name: letters, digits, `_`, `-` and `.`.
    #[arg(value_parser = parse_name)]
    name: KeyName,
    /// Its cipher. With 96-bit nonces a version encrypts at most 2^32 times and is then replaced by itself; each command that
    /// encrypts reserves 2^20 of these. With 192-bit nonces there is no such limit.
    #[arg(long = "type", value_enum, value_name = "TYPE", default_value_t = Cipher::Aes256Gcm96)]
    cipher: Cipher,
    /// Let programs that use Strongroom as a library export the key; this command line exports none.
    #[arg(long)]
    exportable: bool,
    /// Rotate it by itself when its newest version is so many days old, or `never`.
    #[arg(long, value_name = "DAYS", default_value = "never", value_parser = parse_age)]
    auto_rotate: Age,
}

/// The types that wrap data keys, by Vault's names.
#[derive(Clone, Copy, ValueEnum)]
enum Cipher {
    /// AES-256-GCM with 96-bit nonces.
    #[value(name = "aes256-gcm96")]
    Aes256Gcm96,
    /// AES-128-GCM with 96-bit nonces.
    #[value(name = "aes128-gcm96")]
    Aes128Gcm96,
    /// ChaCha20-Poly1305 with 96-bit nonces.
    #[value(name = "chacha20-poly1305")]
    ChaCha20Poly1305,
    /// XChaCha20-Poly1305 with 192-bit nonces.
    #[value(name = "xchacha20-poly1305")]
    XChaCha20Poly1305,
    /// XAES-256-GCM with 192-bit nonces.
    #[value(name = "xaes256-gcm")]
    Xaes256Gcm,
}

impl Cipher {
    fn key_type(self) -> KeyType {
        match self {
            Self::Aes256Gcm96 => KeyType::Aes256Gcm96,
            Self::Aes128Gcm96 => KeyType::Aes128Gcm96,
            Self::ChaCha20Poly1305 => KeyType::ChaCha20Poly1305,
            Self::XChaCha20Poly1305 => KeyType::XChaCha20Poly1305,
            Self::Xaes256Gcm => KeyType::Xaes256Gcm,
        }
    }
}

/// List the keys.
#[derive(Args)]
pub(crate) struct List {}

/// Change a key's policy.
#[derive(Args)]
#[command(group = clap::ArgGroup::new("change").required(true).multiple(true).args(CHANGES))]
pub(crate) struct Config {
    /// The key's name.
    #[arg(value_parser = parse_name)]
    name: KeyName,
    /// The oldest version that decrypts.
    #[arg(long, value_name = "N")]
    min_decryption_version: Option<u32>,
    /// The oldest version that may encrypt; 0 for the newest alone.
    #[arg(long, value_name = "N")]
    min_encryption_version: Option<u32>,
    /// Whether the key may be deleted.
    #[arg(long, value_name = "BOOL")]
    deletion_allowed: Option<bool>,
    /// Let programs that use Strongroom as a library export the key; this command line exports none. This cannot be taken back.
    #[arg(long)]
    exportable: bool,
    /// Rotate it by itself when its newest version is so many days old, or `never`.
    #[arg(long, value_name = "DAYS", value_parser = parse_age)]
    auto_rotate: Option<Age>,
}

/// Destroy old versions.
#[derive(Args)]
pub(crate) struct Trim {
    /// The key's name.
    #[arg(value_parser = parse_name)]
    name: KeyName,
    /// The oldest version that is kept.
    #[arg(value_name = "VERSION")]
    version: u32,
}

/// Destroy a deleted key.
#[derive(Args)]
pub(crate) struct Destroy {
    /// The key's name.
    #[arg(value_parser = parse_name)]
    name: KeyName,
    /// In so many days: at least 1 after the deletion, so that somebody can object.
    #[arg(long, value_name = "DAYS", default_value_t = 30, value_parser = parse_delay)]
    after: u64,
}

fn parse_delay(text: &str) -> Result<u64, String> {
    text.parse().ok().filter(|days| (1..=MOST_DAYS).contains(days)).ok_or_else(|| {
        format!(
            "give a number of days from 1 to {MOST_DAYS}; it takes one at least, so that somebody can object"
        )
    })
}

/// Reads the name of a key.
pub(super) fn parse_name(text: &str) -> Result<KeyName, String> {
    text.parse().map_err(|error: NameError| error.to_string())
}

/// The named keys of the store, which is unsealed if need be.
pub(super) fn open(context: &mut Context) -> Result<Transit, Failure> {
    let mount: Directory = MOUNT.parse()?;
    let barrier = context.store()?.barrier().clone();
    Ok(Transit::open(barrier, mount, Options::default())?)
}

impl Key {
    pub(crate) fn run(self, context: &mut Context) -> Result<(), Failure> {
        let output = context.output;
        let keys = open(context)?;
        // What is due may be the very key that comes back, out of an older copy of the store.
        let destroyed = if matches!(self, Self::Restore(_)) { 0 } else { block_on(keys.destroy_due())? };
        if destroyed > 0 {
            output.note(&format!(
                "Destroyed {}, whose time had come.",
                counted(destroyed, "deleted key", "deleted keys")
            ));
        }
        let (value, lines) = match self {
            Self::Create(create) => create.run(&keys)?,
            Self::List(_) => return list(&keys, context),
            Self::Show(OfKey { name }) => {
                let (policy, versions) =
                    block_on(keys.info(&name)).map_err(|error| explained(error, &name))?;
                (key_json(&name, &policy, &versions), key_lines(&name, &policy, &versions))
            }
            Self::Rotate(OfKey { name }) => {
                let version = block_on(keys.rotate(&name)).map_err(|error| explained(error, &name))?;
                let lines = vec![
                    format!("Files are encrypted under version {version} of {name} from now on."),
                    "`strongroom file rewrap` takes those that there are to it.".to_owned(),
                ];
                (json!({ "key": name.as_str(), "version": version }), lines)
            }
            Self::Config(config) => config.run(&keys)?,
            Self::Trim(Trim { name, version }) => {
                block_on(keys.trim(&name, version)).map_err(|error| explained(error, &name))?;
                changed(&keys, &name, format!("The versions of {name} before {version} are destroyed."))?
            }
            Self::Delete(OfKey { name }) => {
                block_on(keys.delete(&name)).map_err(|error| match error {
                    ManageError::DeletionNotAllowed => Failure::new(
                        Kind::Conflict,
                        format!(
                            "the key's policy does not allow its deletion: `strongroom key config {name} --deletion-allowed true` \
                             first"
                        ),
                    ),
                    error => explained(error, &name),
                })?;
                changed(
                    &keys,
                    &name,
                    format!(
                        "{name} is out of use. `strongroom key restore {name}` brings it back, `strongroom key destroy {name}` \
                         says when it is gone."
                    ),
                )?
            }
            Self::Restore(OfKey { name }) => {
                block_on(keys.restore_deleted(&name)).map_err(|error| explained(error, &name))?;
                changed(&keys, &name, format!("{name} is in use again."))?
            }
            Self::Destroy(Destroy { name, after }) => {
                let at = keys.barrier().now().saturating_add(after.saturating_mul(DAY));
                block_on(keys.schedule_destruction(&name, at)).map_err(|error| explained(error, &name))?;
                let line = format!(
                    "{name} is gone after {}: the next command that uses named keys destroys it. What is encrypted under it is \
                     lost then; until then `strongroom key restore {name}` calls it off.",
                    date(at)
                );
                changed(&keys, &name, line)?
            }
        };
        output.result(&value, || if output.quiet { Vec::new() } else { lines })
    }
}

impl Create {
    fn run(self, keys: &Transit) -> Result<(Value, Vec<String>), Failure> {
        let spec = KeySpec {
            exportable: self.exportable,
            auto_rotate_period: self.auto_rotate.0,
            ..KeySpec::new(self.cipher.key_type())
        };
        block_on(keys.create(&self.name, &spec))?;
        let line = format!("Made {}: {}, version 1.", self.name, self.cipher.key_type());
        changed(keys, &self.name, line)
    }
}

impl Config {
    fn run(self, keys: &Transit) -> Result<(Value, Vec<String>), Failure> {
        let change = ConfigChange {
            min_decryption_version: self.min_decryption_version,
            min_encryption_version: self.min_encryption_version,
            deletion_allowed: self.deletion_allowed,
            exportable: self.exportable.then_some(true),
            auto_rotate_period: self.auto_rotate.map(|age| age.0),
            ..ConfigChange::default()
        };
        block_on(keys.configure(&self.name, &change)).map_err(|error| explained(error, &self.name))?;
        let (policy, versions) = block_on(keys.info(&self.name))?;
        Ok((key_json(&self.name, &policy, &versions), key_lines(&self.name, &policy, &versions)))
    }
}

fn list(keys: &Transit, context: &Context) -> Result<(), Failure> {
    let (mut values, mut lines) = (Vec::new(), Vec::new());
    let mut after: Option<String> = None;
    loop {
        let (names, more) = block_on(keys.list(after.as_deref(), PAGE))?;
        for name in &names {
            let (policy, versions) = block_on(keys.info(name))?;
            values.push(key_json(name, &policy, &versions));
            let state = if policy.deleted.is_some() { "  [deleted]" } else { "" };
            lines.push(format!("{name}  {}  version {}{state}", policy.kind, newest(&versions)));
        }
        match names.last() {
            Some(last) if more => after = Some(last.as_str().to_owned()),
            _ => break,
        }
    }
    context.output.result(&json!({ "keys": values }), || lines)
}

/// What a change has made of a key, and what to say of it.
fn changed(keys: &Transit, name: &KeyName, line: String) -> Result<(Value, Vec<String>), Failure> {
    let (policy, versions) = block_on(keys.info(name))?;
    Ok((key_json(name, &policy, &versions), vec![line]))
}

/// What is said with the words of the command line.
fn explained(error: ManageError, name: &KeyName) -> Failure {
    let said = match &error {
        ManageError::NotFound => {
            "there is no key of that name: `strongroom key list` shows those that there are".to_owned()
        }
        ManageError::Deleted => {
            format!(
                "the key is deleted: `strongroom key restore {name}` brings it back while it is not destroyed"
            )
        }
        ManageError::NotDeleted => {
            format!("only a deleted key can be restored or destroyed: `strongroom key delete {name}` first")
        }
        ManageError::TooSoon { earliest } => format!(
            "destruction needs a time in which somebody can object: it is possible from {} on",
            date(*earliest)
        ),
        _ => return error.into(),
    };
    Failure::new(Failure::from(error).kind, said)
}

fn newest(versions: &[VersionInfo]) -> u32 {
    versions.last().map_or(0, |version| version.version)
}

fn key_json(name: &KeyName, policy: &Policy, versions: &[VersionInfo]) -> Value {
    let of_version = |version: &VersionInfo| {
        json!({
            "version": version.version, "state": version.state.name(), "created": version.created,
            "changed": version.changed, "reserved_operations": version.reserved.operations,
        })
    };
    json!({
        "key": name.as_str(),
        "type": policy.kind.to_string(),
        "created": policy.created,
        "version": newest(versions),
        "min_decryption_version": policy.min_decryption_version,
        "min_encryption_version": policy.min_encryption_version,
        "min_available_version": policy.min_available_version,
        "exportable": policy.exportable,
        "deletion_allowed": policy.deletion_allowed,
        "auto_rotate_seconds": policy.auto_rotate_period,
        "deleted": policy.deleted,
        "destroyed_at": policy.destroy_at,
        "versions": versions.iter().map(of_version).collect::<Vec<_>>(),
    })
}

fn key_lines(name: &KeyName, policy: &Policy, versions: &[VersionInfo]) -> Vec<String> {
    let mut may = vec![format!("decrypts from version {} on", policy.min_decryption_version)];
    if policy.min_encryption_version > 0 {
        may.push(format!("encrypts from version {} on", policy.min_encryption_version));
    }
    if policy.exportable {
        may.push("exportable".to_owned());
    }
    if policy.deletion_allowed {
        may.push("deletion allowed".to_owned());
    }
    if let Some(seconds) = policy.auto_rotate_period {
        may.push(format!("rotated every {}", counted(seconds / DAY, "day", "days")));
    }
    let mut lines = vec![
        format!("key      {name}: {}, made {}", policy.kind, date(policy.created)),
        format!("policy   {}", may.join(", ")),
    ];
    if let Some(deleted) = policy.deleted {
        let end = policy.destroy_at.map_or(String::new(), |at| format!(", to be destroyed {}", date(at)));
        lines.push(format!("deleted  {}{end}", date(deleted)));
    }
    lines.extend(versions.iter().map(|version| {
        format!(
            "version  {}: {}, made {}, {} reserved",
            version.version,
            version.state.name(),
            date(version.created),
            counted(version.reserved.operations, "operation", "operations")
        )
    }));
    lines
}

const CHANGES: [&str; 5] =
    ["min_decryption_version", "min_encryption_version", "deletion_allowed", "exportable", "auto_rotate"];
const DAY: u64 = 24 * 60 * 60;
const PAGE: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::values::SYSTEM;

    #[test]
    fn keys_are_kept_where_no_value_is_read() {
        assert!(MOUNT.starts_with(SYSTEM));
    }
}
