//! Collecting shares, from files or from a person who may mistype, and what HSMs give.

use std::fs::File;
use std::io::{Read, Seek};
use std::num::NonZeroU8;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pollster::block_on;
use strongroom::backup::BackupUnsealing;
use strongroom::share_text::{self, Correction};
use strongroom::{
    Accepted, Decoded, HsmKeys, HsmPartError, Possession, Progress, SecretBytes, Share, ShareError,
    ShareText, Slot, Unsealing, vault_share,
};
use zeroize::Zeroizing;

use crate::exit::{Failure, Kind};
use crate::output::Output;
use crate::terminal;
use crate::text::quoted;

/// What takes shares until it has enough.
pub(crate) trait Collector {
    fn offer(&mut self, share: ShareText) -> Result<Accepted, ShareError>;
    fn offer_raw(&mut self, share: Share) -> Result<Accepted, ShareError>;
    /// Has HSMs give what they can; what they say instead comes back.
    fn ask_hsms(&mut self, hsm: &Arc<dyn HsmKeys>) -> Result<Vec<HsmPartError>, Failure>;
    fn is_complete(&self) -> bool;
    fn progress(&self) -> Vec<Progress>;
    /// The option by which files with its shares are given.
    fn option(&self) -> &'static str {
        "--share-file"
    }
    /// What is said of it while shares are missing.
    fn while_missing(&self) -> &'static str {
        "stays sealed"
    }
}

impl Collector for Unsealing {
    fn offer(&mut self, share: ShareText) -> Result<Accepted, ShareError> {
        Unsealing::offer(self, share)
    }

    fn offer_raw(&mut self, share: Share) -> Result<Accepted, ShareError> {
        self.offer_vault(None, share)
    }

    fn ask_hsms(&mut self, _: &Arc<dyn HsmKeys>) -> Result<Vec<HsmPartError>, Failure> {
        block_on(Unsealing::ask_hsms(self)).map_err(|error| Failure::io(NOT_ASKED, &error))
    }

    fn is_complete(&self) -> bool {
        self.ready().is_some()
    }

    fn progress(&self) -> Vec<Progress> {
        Unsealing::progress(self)
    }
}

impl<R: Read + Seek> Collector for BackupUnsealing<R> {
    fn offer(&mut self, share: ShareText) -> Result<Accepted, ShareError> {
        BackupUnsealing::offer(self, share)
    }

    fn offer_raw(&mut self, share: Share) -> Result<Accepted, ShareError> {
        self.offer_vault(None, share)
    }

    fn ask_hsms(&mut self, hsm: &Arc<dyn HsmKeys>) -> Result<Vec<HsmPartError>, Failure> {
        let asked = block_on(BackupUnsealing::ask_hsms(self, Arc::clone(hsm)));
        asked.map_err(|error| Failure::io(NOT_ASKED, &error))
    }

    fn is_complete(&self) -> bool {
        self.ready().is_some()
    }

    fn progress(&self) -> Vec<Progress> {
        BackupUnsealing::progress(self)
    }
}

/// The holders of one slot who show that they have their shares.
pub(crate) struct Holders {
    pub(crate) possession: Possession,
    slot: Slot,
    /// Whether a quorum is enough, or every holder must come.
    quorum: bool,
}

impl Holders {
    /// Everyone must come.
    pub(crate) fn all(possession: Possession, slot: Slot) -> Self {
        Self { possession, slot, quorum: false }
    }

    /// A quorum is enough.
    pub(crate) fn quorum(possession: Possession, slot: Slot) -> Self {
        Self { possession, slot, quorum: true }
    }
}

impl Collector for Holders {
    fn offer(&mut self, share: ShareText) -> Result<Accepted, ShareError> {
        self.possession.offer(share)
    }

    /// A raw share says of itself neither set nor group, so each group is tried.
    fn offer_raw(&mut self, share: Share) -> Result<Accepted, ShareError> {
        let index = share.index().get();
        let mut last = ShareError::Unrecognised { index };
        let leaves: Vec<(u8, u8)> = self
            .slot
            .policy()
            .leaves()
            .filter(|leaf| index <= leaf.quorum.shares())
            .map(|leaf| (leaf.group, leaf.quorum.threshold()))
            .collect();
        for (group, threshold) in leaves {
            let share = ShareText { set: self.slot.set_id(), group, threshold, share: share.duplicate()? };
            match self.possession.offer(share) {
                Ok(accepted) => return Ok(accepted),
                Err(ShareError::Damaged(_)) => {}
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn ask_hsms(&mut self, hsm: &Arc<dyn HsmKeys>) -> Result<Vec<HsmPartError>, Failure> {
        let mut errors = Vec::new();
        for part in self.possession.hsm_parts() {
            match part.unwrap(hsm.as_ref()) {
                Ok(secret) => self.possession.take_hsm(secret),
                Err(error) => errors.push(error),
            }
        }
        Ok(errors)
    }

    fn is_complete(&self) -> bool {
        if self.quorum {
            // An altered slot shows when the proof is asked for.
            self.possession.quorum_proved().unwrap_or(true)
        } else {
            self.possession.is_complete()
        }
    }

    fn progress(&self) -> Vec<Progress> {
        vec![self.possession.progress()]
    }

    fn option(&self) -> &'static str {
        "--new-share-file"
    }

    fn while_missing(&self) -> &'static str {
        "is not complete"
    }
}

/// Takes shares from the files, then what HSMs give, then shares from the person at the terminal, until there is enough.
///
/// HSMs are asked only where files did not suffice, and the person only where HSMs did not. A bad share is named and costs nothing. `what` is what the shares are to open.
///
/// # Errors
///
/// [`Kind::Sealed`] says what is missing and what was refused; [`Kind::Hsm`] the same, where an HSM did not do its part.
pub(crate) fn collect(
    output: Output,
    files: &[PathBuf],
    hsm: &Arc<dyn HsmKeys>,
    collector: &mut impl Collector,
    what: &str,
) -> Result<(), Failure> {
    let (mut refused, mut silent) = (Vec::new(), Vec::new());
    for file in files {
        for (line, text) in read_file(output, file)? {
            if collector.is_complete() {
                break;
            }
            if let Err(why) = take_exact(&text, collector) {
                refused.push(format!("{}, line {line}: {why}", file.display()));
            }
        }
    }
    if !collector.is_complete() {
        silent.extend(collector.ask_hsms(hsm)?.iter().map(ToString::to_string));
    }
    if collector.is_complete() {
        warn(output, &refused);
        return Ok(());
    }
    if !terminal::is_present() || !wants_shares(collector) {
        let alone = files.is_empty() && wants_shares(collector);
        let hint = if alone {
            format!("{NO_TERMINAL}{} FILE, once or more", collector.option())
        } else {
            String::new()
        };
        return Err(missing(collector, what, &refused, &silent, &hint));
    }
    warn(output, &refused);
    warn(output, &silent);
    ask(output, collector, what, &silent)
}

/// Whether a share could still help: not where HSMs, which have been asked, are missing too.
fn wants_shares(collector: &impl Collector) -> bool {
    collector
        .progress()
        .iter()
        .any(|slot| slot.have < slot.need && slot.hsm_keys.iter().all(|(_, here)| *here))
}

fn warn(output: Output, refused: &[String]) {
    for refusal in refused {
        output.warning(refusal);
    }
}

/// Reads the shares of a file, with their line numbers.
pub(crate) fn read_file(output: Output, path: &Path) -> Result<Vec<(usize, Zeroizing<String>)>, Failure> {
    let failed =
        |error| Failure::io(format_args!("the share file {} could not be read", path.display()), &error);
    let file = File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if metadata.is_file() && metadata.mode() & OTHERS != 0 {
        output.warning(&format!(
            "the share file {} can be read by other users (mode {:03o}): make it yours alone with chmod 600",
            path.display(),
            metadata.mode() & 0o777
        ));
    }
    // Reserved in full, since growing would leave a copy behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(FILE_MAX));
    file.take(u64::try_from(FILE_MAX).unwrap_or(u64::MAX)).read_to_end(&mut bytes).map_err(failed)?;
    let text = std::str::from_utf8(&bytes)
        .map_err(|_| Failure::usage(format!("the share file {} is no text", path.display())))?;
    let lines = (1..).zip(text.lines()).filter(|(_, line)| {
        let line = line.trim();
        !line.is_empty() && !line.starts_with('#')
    });
    Ok(lines.map(|(number, line)| (number, Zeroizing::new(line.trim().to_owned()))).collect())
}

/// A share in one of its forms.
pub(crate) enum Typed {
    Own(ShareText),
    Mended(ShareText, Vec<Correction>),
    Raw(Share),
}

/// Reads a share: Strongroom's own form, or Vault's in hex or base64.
pub(crate) fn parse(text: &str) -> Result<Typed, String> {
    match share_text::decode(text) {
        Ok(Decoded::Exact(share)) => return Ok(Typed::Own(share)),
        Ok(Decoded::Corrected { share, corrections }) => return Ok(Typed::Mended(share, corrections)),
        Err(share_text::ShareTextError::Prefix) => {}
        Err(error) => return Err(error.to_string()),
    }
    if let Some(share) = bare_secret(text) {
        return Ok(Typed::Raw(share));
    }
    vault_share::parse(text).map(Typed::Raw).map_err(|error| {
        format!("a share begins with sr1, or is Vault's in hex or base64, and this is none of them: {error}")
    })
}

/// Vault's 1-of-1: 32 bytes without a number.
fn bare_secret(text: &str) -> Option<Share> {
    let encoding = match text.len() {
        64 => data_encoding::HEXLOWER_PERMISSIVE,
        44 => data_encoding::BASE64,
        _ => return None,
    };
    let bytes = Zeroizing::new(encoding.decode(text.as_bytes()).ok()?);
    let y = SecretBytes::copy_from_slice(&bytes).ok().filter(|y| y.len() == 32)?;
    Some(Share::new(NonZeroU8::MIN, y))
}

/// Takes a share that nobody can be asked about.
fn take_exact(text: &str, collector: &mut impl Collector) -> Result<Accepted, String> {
    match parse(text)? {
        Typed::Own(share) => collector.offer(share),
        Typed::Raw(share) => collector.offer_raw(share),
        Typed::Mended(_, corrections) => return Err(unconfirmed(&corrections)),
    }
    .map_err(|error| error.to_string())
}

/// Where a share differs from what it must be, for those whom nobody can ask.
pub(crate) fn unconfirmed(corrections: &[Correction]) -> String {
    let places: Vec<String> = corrections.iter().map(place).collect();
    format!(
        "the share has typing errors at character {}: correct it, or enter it at the prompt, which shows what is meant",
        places.join(", ")
    )
}

/// Where it stands, also as counted on a screen or paper with groups of letters.
fn place(correction: &Correction) -> String {
    let before = correction.position.saturating_sub(1);
    format!("{} (group {}, letter {})", correction.position, before / GROUP + 1, before % GROUP + 1)
}

/// Shows the holder what would be corrected, and asks.
pub(crate) fn confirm(output: Output, corrections: &[Correction]) -> Result<bool, Failure> {
    for correction in corrections {
        output.note(&format!(
            "  character {}: {} was typed, {} is meant",
            place(correction),
            correction.typed,
            correction.corrected
        ));
    }
    terminal::confirm("The share has typing errors that can be corrected so. Is that what your copy says?")
}

fn ask(output: Output, collector: &mut impl Collector, what: &str, silent: &[String]) -> Result<(), Failure> {
    output.note(&format!("Shares are needed for {what}. What is typed does not show."));
    let mut empty = 0;
    while !collector.is_complete() && wants_shares(collector) {
        let prompt = format!("Share ({} so far): ", standings(collector));
        let Some(text) = terminal::ask_hidden(&prompt)? else { break };
        if text.trim().is_empty() {
            empty += 1;
            if empty == EMPTY_MAX {
                break;
            }
            continue;
        }
        empty = 0;
        let offered = match parse(text.trim()) {
            Err(why) => Err(why),
            Ok(Typed::Own(share)) => collector.offer(share).map_err(|error| error.to_string()),
            Ok(Typed::Raw(share)) => collector.offer_raw(share).map_err(|error| error.to_string()),
            Ok(Typed::Mended(share, corrections)) => {
                if confirm(output, &corrections)? {
                    collector.offer(share).map_err(|error| error.to_string())
                } else {
                    Err("then enter it again".to_owned())
                }
            }
        };
        match offered {
            Ok(accepted) => {
                output.note(&format!("{} is good: {}.", name(&accepted), standing(&accepted.progress)));
            }
            Err(why) => output.note(&format!("Not taken: {why}.")),
        }
    }
    if collector.is_complete() { Ok(()) } else { Err(missing(collector, what, &[], silent, "")) }
}

fn missing(
    collector: &impl Collector,
    what: &str,
    refused: &[String],
    silent: &[String],
    hint: &str,
) -> Failure {
    let mut message = format!(
        "{what} {}: {} missing ({})",
        collector.while_missing(),
        lacking(collector),
        standings(collector)
    );
    if refused.is_empty() {
        message.push_str(hint);
    }
    let mut before = "";
    for refusal in refused {
        message.push_str("\n  not taken: ");
        // What to do about it is said once.
        let (origin, why) = refusal.split_once(": ").unwrap_or(("", refusal));
        if why == before {
            message.push_str(origin);
            message.push_str(": the same");
        } else {
            message.push_str(refusal);
        }
        before = why;
    }
    for answer in silent {
        message.push_str("\n  ");
        message.push_str(answer);
    }
    // What an HSM says is told from shares that are missing or wrong: scripts act otherwise on it.
    Failure::new(if silent.is_empty() { Kind::Sealed } else { Kind::Hsm }, message)
}

fn lacking(collector: &impl Collector) -> &'static str {
    let progress = collector.progress();
    let hsms = progress.iter().any(|slot| slot.hsm_keys.iter().any(|(_, here)| !here));
    match (progress.iter().any(|slot| slot.have < slot.need), hsms) {
        (true, true) => "shares or HSMs are",
        (false, true) => "HSMs are",
        _ => "shares are",
    }
}

/// `1 of 3`, or for several slots which has what.
fn standings(collector: &impl Collector) -> String {
    let progress = collector.progress();
    match progress.as_slice() {
        [one] => standing(one),
        several => several
            .iter()
            .map(|slot| format!("{} for slot {}", standing(slot), quoted(&slot.label)))
            .collect::<Vec<_>>()
            .join(", or "),
    }
}

fn standing(progress: &Progress) -> String {
    let mut whole = if progress.need == 0 && !progress.hsm_keys.is_empty() {
        String::new()
    } else {
        format!("{} of {}", progress.have, progress.need)
    };
    if !progress.groups.is_empty() {
        let groups = progress.groups.iter().map(|(name, have, need)| format!("{name} {have} of {need}"));
        whole = format!("{whole} [{}]", groups.collect::<Vec<_>>().join(", "));
    }
    for (key, here) in &progress.hsm_keys {
        let and = if whole.is_empty() { "" } else { " and " };
        let state = if *here { "here" } else { "missing" };
        whole = format!("{whole}{and}{key} {state}");
    }
    whole
}

fn name(accepted: &Accepted) -> String {
    let group =
        accepted.group.as_ref().map(|group| format!(" of group {}", quoted(group))).unwrap_or_default();
    format!("Share {}{group} of slot {}", accepted.index, quoted(&accepted.label))
}

const NOT_ASKED: &str = "the HSMs could not be asked";
const NO_TERMINAL: &str = ". There is no terminal to ask at: give ";
const OTHERS: u32 = 0o077;
/// 255 shares with remarks stay far below.
const FILE_MAX: usize = 256 * 1024;
/// A share is shown in groups of so many.
const GROUP: usize = 6;
/// So often may nothing be entered.
const EMPTY_MAX: u32 = 3;
