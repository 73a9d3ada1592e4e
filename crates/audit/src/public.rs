//! Text that may be read by anybody who gets the records.

mod suspect;

use std::fmt;

use suspect::key_like;

/// Text that may stand in a record: somebody decided that it is public, and it does not look like a key.
///
/// Secret types have no way here: none of them is text. What a person typed may still be anything; so text with a run of characters
/// as long as a key is refused ([`new`](Self::new)) or loses it ([`redacted`](Self::redacted)). Hashes, numbers and keys that
/// are public have [values](crate::Value) of their own, which say what they are.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Public(String);

impl Public {
    /// Declares that this text is public.
    ///
    /// # Errors
    ///
    /// [`NotPublic`]: it is empty or too long, has characters that do not show, or holds something like a key.
    pub fn new(text: &str) -> Result<Self, NotPublic> {
        if text.is_empty() {
            return Err(NotPublic::Empty);
        }
        if text.len() > MAX_TEXT {
            return Err(NotPublic::TooLong);
        }
        if let Some(c) = text.chars().find(|c| !is_plain(*c)) {
            return Err(NotPublic::Character(c));
        }
        if text.starts_with(' ') || text.ends_with(' ') {
            return Err(NotPublic::OuterSpace);
        }
        if key_like(text).is_some() {
            return Err(NotPublic::LooksLikeAKey);
        }
        Ok(Self(text.to_owned()))
    }

    /// What may be public of text that a person typed. What may not be is replaced by a note that says so.
    pub fn redacted(text: &str) -> Self {
        let mut plain: String =
            text.trim().chars().map(|c| if is_plain(c) { c } else { char::REPLACEMENT_CHARACTER }).collect();
        plain = withheld(plain);
        if plain.len() > MAX_TEXT {
            let limit = MAX_TEXT.saturating_sub(CUT.len());
            let end = (0..=limit).rev().find(|end| plain.is_char_boundary(*end)).unwrap_or(0);
            plain.truncate(end);
            plain.push_str(CUT);
            // A word that was cut in two is another word.
            plain = withheld(plain);
        }
        Self(if plain.is_empty() { EMPTY.to_owned() } else { plain })
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Public {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text may not stand in a record. It is not repeated here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotPublic {
    /// There is none.
    Empty,
    /// It has more than 1024 bytes.
    TooLong,
    /// It begins or ends with a space.
    OuterSpace,
    /// It has a control or invisible character.
    Character(char),
    /// It holds a run of letters and digits as long as a key.
    LooksLikeAKey,
}

impl fmt::Display for NotPublic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("a text in a record has at least one character"),
            Self::TooLong => write!(f, "a text in a record has at most {MAX_TEXT} bytes: say it in fewer words"),
            Self::OuterSpace => f.write_str("a text in a record neither begins nor ends with a space"),
            Self::Character(c) => write!(
                f,
                "a text in a record may not contain the control or invisible character {}: leave it out",
                c.escape_unicode()
            ),
            Self::LooksLikeAKey => f.write_str(
                "this text holds something that looks like a key, and no key enters a record: leave it out; if it was one, it \
                 must be replaced",
            ),
        }
    }
}

impl std::error::Error for NotPublic {}

/// The text with a note in the place of everything that looks like a key. Each note is shorter than what it stands for.
fn withheld(mut text: String) -> String {
    while let Some((from, to)) = key_like(&text) {
        let kept = (text.get(..from).unwrap_or_default(), text.get(to..).unwrap_or_default());
        text = format!("{}{WITHHELD}{}", kept.0, kept.1);
    }
    text
}

fn is_plain(c: char) -> bool {
    let invisible = matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}');
    !c.is_control() && !invisible && (c == ' ' || !c.is_whitespace())
}

/// Bytes of UTF-8.
const MAX_TEXT: usize = 1024;
const WITHHELD: &str = "[withheld: looked like a key]";
const CUT: &str = " [cut]";
const EMPTY: &str = "(nothing)";

#[cfg(test)]
mod tests;
