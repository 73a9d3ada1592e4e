//! What a person may call a slot, a group, or a key in an HSM.
//!
//! Names come back from untrusted storage and are shown on terminals before anything has been authenticated, so they
//! are limited to what cannot disguise itself.

use std::fmt;

/// Why a label or a group name is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameError {
    /// It has no characters.
    Empty,
    /// It has more bytes than [`MAX_NAME`].
    TooLong,
    /// It begins or ends with a space.
    OuterSpace,
    /// It has a character that a name may not have.
    Character(char),
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("a name needs at least one character"),
            Self::TooLong => write!(f, "a name has at most {MAX_NAME} bytes"),
            Self::OuterSpace => f.write_str("a name neither begins nor ends with a space"),
            Self::Character(c) if PUNCTUATION.contains(*c) => {
                write!(f, "a name in a policy may not contain {c:?}, which policies are punctuated with")
            }
            Self::Character(c) => {
                write!(f, "a name may not contain the control or invisible character {c:?}")
            }
        }
    }
}

impl std::error::Error for NameError {}

/// Checks a slot's label.
pub(crate) fn check_label(name: &str) -> Result<(), NameError> {
    if name.is_empty() {
        return Err(NameError::Empty);
    }
    if name.len() > MAX_NAME {
        return Err(NameError::TooLong);
    }
    if let Some(c) = name.chars().find(|c| !is_plain(*c)) {
        return Err(NameError::Character(c));
    }
    if name.starts_with(' ') || name.ends_with(' ') {
        return Err(NameError::OuterSpace);
    }
    Ok(())
}

/// Checks a group's name, which must also be told from the text of a policy around it.
pub(crate) fn check_group(name: &str) -> Result<(), NameError> {
    check_label(name)?;
    name.chars().find(|c| PUNCTUATION.contains(*c)).map_or(Ok(()), |c| Err(NameError::Character(c)))
}

/// Checks the name of a token or of its key, which stands between brackets and a comma.
pub(crate) fn check_hsm(name: &str) -> Result<(), NameError> {
    check_label(name)?;
    let punctuation = |c: &char| *c != ':' && PUNCTUATION.contains(*c);
    name.chars().find(punctuation).map_or(Ok(()), |c| Err(NameError::Character(c)))
}

fn is_plain(c: char) -> bool {
    let invisible = matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}');
    !c.is_control() && !invisible && (c == ' ' || !c.is_whitespace())
}

/// The longest name, in bytes of UTF-8.
pub const MAX_NAME: usize = 255;

/// What the text form of a policy is punctuated with.
const PUNCTUATION: &str = ":,(){}";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_names_in_any_script_are_accepted() {
        for name in
            ["security", "Security officers", "ops-1_b.2", "sécurité", "安全", "a/b", &"x".repeat(255)]
        {
            assert_eq!(check_group(name), Ok(()), "{name}");
        }
        assert_eq!(check_label("board, second (2026)"), Ok(()));
    }

    #[test]
    fn names_that_could_disguise_themselves_are_refused() {
        for name in ["a\u{1b}[2J", "a\nb", "a\u{202e}b", "a\u{200b}b", "a\u{85}b", "a\u{a0}b"] {
            assert!(matches!(check_label(name), Err(NameError::Character(_))), "{name:?}");
            let message = check_group(name).unwrap_err().to_string();
            assert!(!message.chars().any(char::is_control), "{message:?}");
        }
        for name in ["a:b", "a,b", "a{b", "a)b"] {
            assert!(matches!(check_group(name), Err(NameError::Character(_))), "{name:?}");
        }
        assert_eq!(check_hsm("prod:root 2026"), Ok(()));
        for name in ["a,b", "a(b", "a)b", "a{b", "a}b"] {
            assert!(matches!(check_hsm(name), Err(NameError::Character(_))), "{name:?}");
        }
        assert_eq!(check_label(""), Err(NameError::Empty));
        assert_eq!(check_label(" a"), Err(NameError::OuterSpace));
        assert_eq!(check_label("a "), Err(NameError::OuterSpace));
        assert_eq!(check_label(&"x".repeat(256)), Err(NameError::TooLong));
    }
}
