//! Text that may be read by anybody who gets the records.

use std::fmt;

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
        while let Some((from, to)) = key_like(&plain) {
            let kept = (plain.get(..from).unwrap_or_default(), plain.get(to..).unwrap_or_default());
            plain = format!("{}{WITHHELD}{}", kept.0, kept.1);
        }
        if plain.len() > MAX_TEXT {
            let limit = MAX_TEXT.saturating_sub(CUT.len());
            let end = (0..=limit).rev().find(|end| plain.is_char_boundary(*end)).unwrap_or(0);
            plain.truncate(end);
            plain.push_str(CUT);
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

/// The first stretch that could be a key of 20 bytes or more: in hexadecimal, base32 or base64, also in groups. Where it begins
/// and ends, in bytes.
fn key_like(text: &str) -> Option<(usize, usize)> {
    let solid = |c: char| c.is_ascii_alphanumeric() || c == '+' || c == '=';
    let hexadecimal = |c: char| c.is_ascii_hexdigit() || c == ' ' || c == ':' || c == '-';
    let grouped = |c: char| c.is_ascii_alphanumeric() || " :-_+/=".contains(c);
    let long = |part: &str| part.chars().filter(char::is_ascii_alphanumeric).count() >= KEY_LIKE;
    let long_with_digit = |part: &str| long(part) && part.contains(|c: char| c.is_ascii_digit());
    let found = [
        stretch(text, solid, long_with_digit),
        stretch(text, hexadecimal, long_with_digit),
        stretch(text, grouped, |part| long(part) && is_mixed(part)),
    ];
    found.into_iter().flatten().next()
}

/// The first longest stretch of characters that `within` takes and that is suspect.
fn stretch(
    text: &str,
    within: impl Fn(char) -> bool,
    suspect: impl Fn(&str) -> bool,
) -> Option<(usize, usize)> {
    let mut from = 0;
    for part in text.split_inclusive(|c| !within(c)) {
        let inner = part.strip_suffix(|c| !within(c)).unwrap_or(part);
        if suspect(inner) {
            return Some((from, from.saturating_add(inner.len())));
        }
        from = from.saturating_add(part.len());
    }
    None
}

/// Whether letters and digits, or small letters and capitals behind them, take turns somewhere as often as they do in random
/// text and do in no language: at least [`MIXED`] times within as many characters as a key has.
fn is_mixed(part: &str) -> bool {
    let mut turns = Vec::new();
    let mut before = ' ';
    for c in part.chars() {
        if c.is_ascii_alphanumeric() {
            let digit = before.is_ascii_alphanumeric() && before.is_ascii_digit() != c.is_ascii_digit();
            turns.push(digit || (before.is_ascii_lowercase() && c.is_ascii_uppercase()));
        }
        before = c;
    }
    turns.windows(KEY_LIKE).any(|window| window.iter().filter(|turn| **turn).count() >= MIXED)
}

fn is_plain(c: char) -> bool {
    let invisible = matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}');
    !c.is_control() && !invisible && (c == ' ' || !c.is_whitespace())
}

/// Bytes of UTF-8.
const MAX_TEXT: usize = 1024;
/// Hexadecimal digits of 20 bytes. No word of a language with a digit in it is as long.
const KEY_LIKE: usize = 40;
/// A share's text, in its groups, has 18 on average where it has the most, and one in 10,000 has fewer than this; names with two or
/// three serial numbers among them stay below.
const MIXED: usize = 10;
const WITHHELD: &str = "[withheld: looked like a key]";
const CUT: &str = " [cut]";
const EMPTY: &str = "(nothing)";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_text_in_any_script_is_accepted() {
        for text in [
            "a",
            "Grace Hopper",
            "Überwachungsaufgabenübertragungsgesetz 2026",
            "安全 3 of 5",
            "groups(2 of {security: 2 of 3, operations: 1 of 2})",
            "share 2 of set 1f0c22ab… is here already: another one is needed",
            "/var/lib/strongroom/2026-11-25/store_1",
            "Ada Lovelace Brought Bag 00448 And Token 0017 Of Batch B2 In Room 3F At 9h30 On Day 2",
            "8c1f0e2a-4b7d-4c3e-9f1a-2b3c4d5e6f70",
            "laptop serial PF3XK9Q2 Lenovo T14 Gen 3 asset 00442 bag AB123456",
            "the seal of bag 00448 \"was\" \\ broken & <noted>",
            "x ".repeat(511).trim_end(),
        ] {
            assert_eq!(Public::new(text).unwrap().as_str(), text);
            assert_eq!(Public::redacted(text).as_str(), text);
        }
    }

    #[test]
    fn text_that_could_disguise_itself_is_refused() {
        for text in ["a\nb", "a\u{1b}[2J", "a\u{202e}b", "a\u{200b}b", "a\u{a0}b", "a\tb"] {
            assert!(matches!(Public::new(text), Err(NotPublic::Character(_))), "{text:?}");
            let redacted = Public::redacted(text);
            assert_eq!(Public::new(redacted.as_str()).as_ref(), Ok(&redacted));
        }
        assert_eq!(Public::new(""), Err(NotPublic::Empty));
        assert_eq!(Public::new(" a"), Err(NotPublic::OuterSpace));
        assert_eq!(Public::new(&"x".repeat(1025)), Err(NotPublic::TooLong));
    }

    #[test]
    fn keys_in_their_usual_forms_are_refused_and_withheld() {
        for key in [
            "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
            "00112233445566778899AABBCCDDEEFF00112233",
            "00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff:00:11:22:33",
            "0011 2233 4455 6677 8899 aabb ccdd eeff 0011 2233",
            "sr1qpzry9x8gf2tvdw0s3jn54khce6mua7lqpzry9x8gf2tvdw0s3jn54khce6mua7l",
            "MDEyMzQ1Njc4OWFiY2RlZmdoaWprbG1ub3BxcnN0dXY=",
            "sr1qpz ry9x8g f2tvdw 0s3jn5 4khce6 mua7lq pzry9x 8gf2tv dw0s3j n54khc",
            "8Xk2/pQ9+vB/7nR4tY/1mC6zA/0eH5sJ/3gL8wD/2fT7uN4oV=",
            "8Xk2_pQ9-vB_7nR4tY_1mC6zA_0eH5sJ_3gL8wD_2fT7uN4oV",
            "AGE0SECRET0KEY01QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L",
        ] {
            for text in [key.to_owned(), format!("it said {key}"), format!("\"{key}\", he said")] {
                assert_eq!(Public::new(&text), Err(NotPublic::LooksLikeAKey), "{text}");
                let redacted = Public::redacted(&text);
                assert!(
                    !redacted.as_str().contains(key) && redacted.as_str().contains(WITHHELD),
                    "{redacted}"
                );
                assert_eq!(Public::new(redacted.as_str()).as_ref(), Ok(&redacted));
            }
            assert!(!NotPublic::LooksLikeAKey.to_string().contains(key));
        }
        // One character fewer is no key: the rule is about length.
        assert!(Public::new("00112233445566778899aabbccddeeff0011223").is_ok());
    }

    #[test]
    fn long_and_empty_text_says_that_it_was_cut_or_empty() {
        let cut = Public::redacted(&"é ".repeat(1000));
        assert!(cut.as_str().len() <= MAX_TEXT && cut.as_str().ends_with(CUT), "{cut}");
        assert_eq!(Public::redacted(" ").as_str(), EMPTY);
    }
}
