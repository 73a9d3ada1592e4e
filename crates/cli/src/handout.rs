//! Handing out shares: into files, on a terminal one at a time, or printed.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::fs::{
    DirBuilderExt as _, FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _,
};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use strongroom::{Policy, ShareText, Slot, StoreId, share_text, vault_share};
use strongroom_ceremony::pages::numbered_rows;
use zeroize::Zeroizing;

use crate::exit::{Failure, Kind};
use crate::output::Output;
use crate::screen;
use crate::terminal;
use crate::text::{hex, quoted, set};

/// How new shares reach their holders.
#[derive(Args, Clone)]
pub(crate) struct Handout {
    /// Write each share into a file of its own in this directory, readable by you alone. Without this, shares are shown on
    /// the terminal one at a time.
    #[arg(long, value_name = "DIR", conflicts_with = "print_shares")]
    shares_out: Option<PathBuf>,
    /// Print all shares to stdout.
    #[arg(long)]
    print_shares: bool,
    /// The form of the shares: Strongroom's own, which finds and corrects typing errors, or Vault's.
    #[arg(long, value_enum, default_value_t = Format::Strongroom)]
    format: Format,
}

/// A text form of shares.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Strongroom's own.
    Strongroom,
    /// Vault's, in hex.
    VaultHex,
    /// Vault's, in base64.
    VaultBase64,
}

impl Handout {
    /// Makes sure that the shares can be handed out, before there are any. To be kept until the command ends.
    pub(crate) fn check(&self, policy: &Policy) -> Result<Place, Failure> {
        if policy.total_shares() == 0 {
            return Ok(Place::default());
        }
        match &self.shares_out {
            Some(directory) => Place::make(directory),
            None if self.print_shares && stdout_is_null() => Err(Failure::usage(
                "stdout is closed or the null device, so the shares would be lost: nothing was made. Send stdout to where \
                 the shares are to go, or give --shares-out DIR",
            )),
            None if self.print_shares || terminal::is_present() => Ok(Place::default()),
            None => Err(Failure::usage(
                "there is no terminal to show the shares on: give --shares-out DIR, which writes one file for each holder, \
                 or --print-shares",
            )),
        }
    }

    /// Whether shares go to stdout.
    pub(crate) fn prints(&self, policy: &Policy) -> bool {
        self.print_shares && policy.total_shares() > 0
    }

    /// Hands the shares out. Returns what JSON says of them: with the shares themselves only if they were to be printed.
    pub(crate) fn give(
        &self,
        output: Output,
        store: StoreId,
        slot: &Slot,
        shares: &[ShareText],
    ) -> Result<Given, Failure> {
        let given = match &self.shares_out {
            _ if shares.is_empty() => Given { json: Vec::new(), files: Vec::new() },
            Some(directory) => self.write_files(directory, store, slot, shares)?,
            None if self.print_shares => self.print(output, store, slot, shares)?,
            None => self.show(store, slot, shares)?,
        };
        Ok(given)
    }

    fn write_files(
        &self,
        directory: &Path,
        store: StoreId,
        slot: &Slot,
        shares: &[ShareText],
    ) -> Result<Given, Failure> {
        let paths: Vec<PathBuf> = shares.iter().map(|share| directory.join(file_name(slot, share))).collect();
        if let Some(taken) = paths.iter().find(|path| path.exists()) {
            return Err(Failure::new(
                Kind::Conflict,
                format!("{} exists already and was left as it is: choose another directory", taken.display()),
            ));
        }
        let mut given = Given { json: Vec::new(), files: Vec::new() };
        for (share, path) in shares.iter().zip(paths) {
            let text = self.with_remarks(store, slot, share)?;
            given.json.push(share_json(slot, share, &[("file", json!(path.display().to_string()))]));
            if let Err(error) = write_private(&path, text.as_bytes()) {
                given.files.push(path);
                given.take_back();
                return Err(Failure::io("a share could not be written, so nothing was made", &error));
            }
            given.files.push(path);
        }
        File::open(directory)
            .and_then(|directory| directory.sync_all())
            .map_err(|error| Failure::io("the directory of the shares could not be synced", &error))?;
        Ok(given)
    }

    fn print(
        &self,
        output: Output,
        store: StoreId,
        slot: &Slot,
        shares: &[ShareText],
    ) -> Result<Given, Failure> {
        let mut json = Vec::new();
        for share in shares {
            if output.json {
                json.push(share_json(slot, share, &[("share", json!(*self.encode(slot, share)?))]));
            } else {
                let text = self.with_remarks(store, slot, share)?;
                output.raw(text.as_bytes()).map_err(|_| {
                    Failure::new(Kind::Failure, "not all shares could be printed, so nothing was made")
                })?;
            }
        }
        Ok(Given { json, files: Vec::new() })
    }

    fn show(&self, store: StoreId, slot: &Slot, shares: &[ShareText]) -> Result<Given, Failure> {
        let mut json = Vec::new();
        for share in shares {
            let (text, laid_out) = if self.format == Format::Strongroom {
                let text = share_text::encode_grouped(share).map_err(encoding)?;
                let rows = numbered_rows(&text);
                (text, rows)
            } else {
                let text = self.encode(slot, share)?;
                (text.clone(), text)
            };
            let shown = Zeroizing::new(format!(
                "{}\nStore {store}\n\nWrite this down; nobody else may see it:\n\n{}",
                describe(slot, share),
                laid_out.trim_end_matches('\n')
            ));
            screen::show_until_written_down(&shown, &text)?;
            json.push(share_json(slot, share, &[]));
        }
        Ok(Given { json, files: Vec::new() })
    }

    fn with_remarks(
        &self,
        store: StoreId,
        slot: &Slot,
        share: &ShareText,
    ) -> Result<Zeroizing<String>, Failure> {
        Ok(Zeroizing::new(format!(
            "# {}\n# store {store}, set {}\n# Keep it secret. Once a year: strongroom share verify --share-file THIS-FILE\n{}\n",
            describe(slot, share),
            set(slot),
            *self.encode(slot, share)?
        )))
    }

    fn encode(&self, slot: &Slot, share: &ShareText) -> Result<Zeroizing<String>, Failure> {
        // Vault's 1-of-1 is the bare secret.
        let bare = matches!(slot.policy(), Policy::Shamir(quorum) if quorum.shares() == 1);
        let y = share.share.y().expose();
        Ok(match self.format {
            Format::Strongroom => share_text::encode(share).map_err(encoding)?,
            Format::VaultHex if bare => Zeroizing::new(hex(y)),
            Format::VaultHex => vault_share::to_hex(&share.share),
            Format::VaultBase64 if bare => Zeroizing::new(data_encoding::BASE64.encode(y)),
            Format::VaultBase64 => vault_share::to_base64(&share.share),
        })
    }
}

/// Shares that were handed out.
pub(crate) struct Given {
    /// One object for each.
    pub(crate) json: Vec<Value>,
    files: Vec<PathBuf>,
}

impl Given {
    /// How many files were written.
    pub(crate) fn files(&self) -> usize {
        self.files.len()
    }

    /// Deletes the files again: what the shares were to open was not made.
    pub(crate) fn take_back(&self) {
        for file in &self.files {
            // What stays opens nothing.
            let _ = fs::remove_file(file);
        }
    }
}

/// Writes a file that only its owner can read, whatever the umask; never over another.
pub(crate) fn write_private(path: &Path, contents: &[u8]) -> io::Result<()> {
    let mut file = create_private(path)?;
    file.write_all(contents)?;
    file.sync_all()
}

/// Creates a file that only its owner can read, whatever the umask; never over another.
pub(crate) fn create_private(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().write(true).read(true).create_new(true).mode(0o600).open(path)?;
    file.set_permissions(fs::Permissions::from_mode(0o600))?;
    Ok(file)
}

/// Where share files go. What was made for them goes away again if nothing was written into it.
#[derive(Default)]
pub(crate) struct Place {
    /// The directories that were made, the innermost first.
    made: Vec<PathBuf>,
}

impl Place {
    /// Makes a directory for its owner alone, or uses one that is there.
    fn make(directory: &Path) -> Result<Self, Failure> {
        let failed = |error| {
            Failure::io(format_args!("the directory {} could not be made", directory.display()), &error)
        };
        if directory.is_dir() {
            return Ok(Self::default());
        }
        let absent = |path: &&Path| !path.as_os_str().is_empty() && !path.exists();
        let place = Self { made: directory.ancestors().take_while(absent).map(Path::to_owned).collect() };
        DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(failed)?;
        fs::set_permissions(directory, fs::Permissions::from_mode(0o700)).map_err(failed)?;
        Ok(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // One that holds something stays: this fails then.
        let _ = self.made.iter().try_for_each(fs::remove_dir);
    }
}

/// Whether nothing that is printed arrives anywhere. A stdout that was closed is the null device too: the runtime opens
/// that in its place.
fn stdout_is_null() -> bool {
    let stdout = io::stdout().as_fd().try_clone_to_owned().map(File::from);
    let metadata = stdout.and_then(|stdout| stdout.metadata());
    metadata.is_ok_and(|metadata| metadata.file_type().is_char_device() && metadata.rdev() == NULL_DEVICE)
}

fn group_name<'a>(slot: &'a Slot, share: &ShareText) -> Option<&'a str> {
    slot.policy().leaf(share.group).and_then(|leaf| leaf.name)
}

fn describe(slot: &Slot, share: &ShareText) -> String {
    let shares = slot.policy().leaf(share.group).map_or(0, |leaf| leaf.quorum.shares());
    let (index, threshold, label) = (share.share.index(), share.threshold, quoted(slot.label()));
    let mut text = match group_name(slot, share) {
        None => format!("Share {index} of {shares}, slot {label}: any {threshold} open it"),
        Some(group) => format!(
            "Share {index} of {shares}, group {}, slot {label}: any {threshold} are enough for the group",
            quoted(group)
        ),
    };
    for key in slot.policy().hsm_keys() {
        text.push_str(", together with ");
        text.push_str(&key.to_string());
    }
    text
}

fn file_name(slot: &Slot, share: &ShareText) -> String {
    let group = group_name(slot, share).map(|name| format!("-{}", plain(name))).unwrap_or_default();
    format!("share-{}{group}-{}.txt", plain(slot.label()), share.share.index())
}

/// A name of which file names can be made.
fn plain(name: &str) -> String {
    name.chars().map(|c| if c.is_alphanumeric() || "._".contains(c) { c } else { '-' }).collect()
}

fn share_json(slot: &Slot, share: &ShareText, more: &[(&str, Value)]) -> Value {
    let mut object = json!({
        "group": group_name(slot, share),
        "index": share.share.index().get(),
        "threshold": share.threshold,
    });
    if let Some(object) = object.as_object_mut() {
        object.extend(more.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    }
    object
}

fn encoding(error: share_text::ShareEncodeError) -> Failure {
    Failure::new(Kind::Failure, error.to_string())
}

/// Device 1:3, on Linux `/dev/null`.
const NULL_DEVICE: u64 = 0x103;
