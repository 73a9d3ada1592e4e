//! Pages to be printed: a share on paper, in a form that a person can type again and a camera can read.
//!
//! One document model ([`Page`]) has two forms: HTML made for printing ([`Page::html`]), self-contained and without scripts,
//! and plain text ([`Page::text`]). A page holds one share and nothing of the others'. PDF is left to the browser that prints
//! the page: a library for it would be a large dependency for what the printing does anyway.

mod html;
mod qr;
mod text;

use strongroom::{Policy, ShareText, Slot, StoreId, share_text};
use zeroize::Zeroizing;

/// A page with one share. Secret as the share is: neither `Debug` nor `Clone`.
pub struct Page {
    /// What the ceremony is called.
    title: String,
    /// For whom it is.
    custodian: String,
    /// What is printed beside the share: word and value.
    facts: Vec<(&'static str, String)>,
    /// The share, in blocks of six characters.
    share: Zeroizing<String>,
    /// Whether the share is worth nothing.
    rehearsal: bool,
}

impl Page {
    /// The page of one share, for its custodian. `date` is written as it is.
    ///
    /// # Errors
    ///
    /// As [`share_text::encode_grouped`].
    pub fn new(
        title: &str,
        custodian: &str,
        date: &str,
        store: StoreId,
        slot: &Slot,
        share: &ShareText,
        rehearsal: bool,
    ) -> Result<Self, share_text::ShareEncodeError> {
        let leaf = slot.policy().leaf(share.group);
        let shares = leaf.map_or(0, |leaf| leaf.quorum.shares());
        let mut facts = vec![
            ("Custodian", custodian.to_owned()),
            ("Store", store.to_string()),
            ("Slot", slot.label().to_owned()),
            ("Set", data_encoding::HEXLOWER.encode(&share.set)),
        ];
        if let Some(name) = leaf.and_then(|leaf| leaf.name) {
            facts.push(("Group", name.to_owned()));
        }
        facts.push(("Share", format!("{} of {shares}", share.share.index())));
        facts.push((
            "Needed",
            needed(slot.policy(), share.threshold, leaf.is_some_and(|leaf| leaf.name.is_some())),
        ));
        facts.push(("Date", date.to_owned()));
        let text = share_text::encode_grouped(share)?;
        Ok(Self { title: title.to_owned(), custodian: custodian.to_owned(), facts, share: text, rehearsal })
    }

    /// The page for a browser that prints it.
    pub fn html(&self) -> Zeroizing<String> {
        html::page(self)
    }

    /// The page as text of at most 72 columns.
    pub fn text(&self) -> Zeroizing<String> {
        text::page(self)
    }

    /// The rows of the share.
    fn rows(&self) -> Vec<Vec<&str>> {
        rows(&self.share)
    }

    /// What the QR code holds: the share without spaces, in capitals, which codes hold more densely.
    fn code_text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(self.share.len()));
        text.extend(self.share.chars().filter(|c| *c != ' ').map(|c| c.to_ascii_uppercase()));
        text
    }
}

/// The rows of a share: at most six blocks each.
fn rows(share: &str) -> Vec<Vec<&str>> {
    let blocks: Vec<&str> = share.split(' ').collect();
    blocks.chunks(BLOCKS_IN_ROW).map(<[&str]>::to_vec).collect()
}

/// A share as it stands on a page of text, and on a screen: in rows of six blocks, each behind the number of its first block,
/// so that a block that a correction names is found. A row has at most 52 columns.
pub fn numbered_rows(share: &str) -> Zeroizing<String> {
    // Reserved in full, since growing would leave a copy of the share behind.
    let mut text = Zeroizing::new(String::with_capacity(share.len().saturating_mul(4)));
    for (number, row) in (0..).zip(rows(share)) {
        let first = format!("{:>4}", number * BLOCKS_IN_ROW + 1);
        text.push_str(&first);
        for block in row {
            text.push_str("  ");
            text.push_str(block);
        }
        text.push('\n');
    }
    text
}

/// What opens the store together with this share: a holder must know that shares alone do not, where they do not.
fn needed(policy: &Policy, threshold: u8, in_group: bool) -> String {
    let mut text = format!("any {threshold}");
    if in_group {
        text.push_str(" of this group");
    }
    let keys: Vec<String> = policy.hsm_keys().map(ToString::to_string).collect();
    if !keys.is_empty() {
        text.push_str(" and the HSM key ");
        text.push_str(&keys.join(" and "));
    }
    if in_group || !keys.is_empty() {
        text.push_str("; the policy is ");
        text.push_str(&policy.to_string());
    }
    text
}

/// What the page tells its holder.
const DUTIES: [&str; 4] = [
    "Keep this page where only you can reach it. Show it to nobody; nobody has a right to ask for it outside a ceremony.",
    "Once a year, check it with the slot file: strongroom ceremony, kind share-check. No other share is needed.",
    "Behind sr1, with which it begins, the letters b, i, o and the digit 1 never stand in it. Up to 4 wrong letters are corrected \
     when it is typed.",
    "If it is lost, damaged or was seen by somebody, say so at once: a rekey ends it.",
];

const MARK: &str = "REHEARSAL: this share opens nothing";
const BLOCKS_IN_ROW: usize = 6;

#[cfg(test)]
mod tests;
