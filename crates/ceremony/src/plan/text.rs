//! Text that people read: nothing hidden in it, and no name that could be taken for another.

use std::collections::BTreeMap;

use unicode_security::skeleton;

use super::PlanError;

/// Refuses a file with a character in any of its strings, or of the names of its words, that nobody sees.
pub(super) fn all_visible(file: &toml::Table) -> Result<(), PlanError> {
    table_is_visible("", file)
}

fn table_is_visible(path: &str, table: &toml::Table) -> Result<(), PlanError> {
    for (word, value) in table {
        let dot = if path.is_empty() { "" } else { "." };
        if let Some((place, character)) = hidden(word) {
            let within = if path.is_empty() { "the file" } else { path };
            let word = format!("the name of a word in {within}");
            return Err(PlanError::Hidden { word, character, place });
        }
        is_visible(&format!("{path}{dot}{word}"), value)?;
    }
    Ok(())
}

fn is_visible(path: &str, value: &toml::Value) -> Result<(), PlanError> {
    match value {
        toml::Value::String(text) => visible(path, text),
        toml::Value::Array(values) => values.iter().try_for_each(|value| is_visible(path, value)),
        toml::Value::Table(table) => table_is_visible(path, table),
        _ => Ok(()),
    }
}

/// Refuses text with a character that nobody sees.
pub(super) fn visible(word: &str, text: &str) -> Result<(), PlanError> {
    match hidden(text) {
        Some((place, character)) => Err(PlanError::Hidden { word: word.to_owned(), character, place }),
        None => Ok(()),
    }
}

/// Text that can stand in one line of a screen, a page or a record without meaning anything there.
pub(super) fn plain(word: &'static str, text: String) -> Result<String, PlanError> {
    visible(word, &text)?;
    let spaced = text.trim() == text && !text.contains("  ");
    if !text.is_empty() && spaced && text.chars().count() <= MAX_TEXT {
        return Ok(text);
    }
    Err(PlanError::Value {
        word,
        value: text.chars().take(MAX_TEXT).collect(),
        expected: format!("one line of 1 to {MAX_TEXT} characters, with single spaces, and none at its ends"),
    })
}

/// The first character that is not seen where text is shown, or alters what stands beside it, and its place from 1 on.
fn hidden(text: &str) -> Option<(usize, char)> {
    (1..).zip(text.chars()).find(|(_, c)| is_hidden(*c))
}

fn is_hidden(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_control();
    }
    c.is_control() || c.is_whitespace() || BLANK.contains(&c) || is_format(c) || is_ignorable(c)
}

/// Default-ignorable code points are those that a skeleton leaves out (UTS #39, section 4).
fn is_ignorable(c: char) -> bool {
    skeleton(c.encode_utf8(&mut [0; 4])).next().is_none()
}

/// Format characters (general category Cf) that are not default-ignorable.
fn is_format(c: char) -> bool {
    matches!(c, '\u{600}'..='\u{605}' | '\u{6dd}' | '\u{70f}' | '\u{890}'..='\u{891}' | '\u{8e2}' | '\u{fff9}'..='\u{fffb}'
        | '\u{110bd}' | '\u{110cd}' | '\u{13430}'..='\u{1343f}')
}

/// Texts, so that another that could be taken for one of them is found.
#[derive(Default)]
pub(super) struct Lookalikes(BTreeMap<(Case, String), String>);

impl Lookalikes {
    pub(super) fn of<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut all = Self::default();
        texts.into_iter().for_each(|text| all.insert(text));
        all
    }

    pub(super) fn insert(&mut self, text: &str) {
        for key in keys(text) {
            self.0.entry(key).or_insert_with(|| text.to_owned());
        }
    }

    /// The text that this one could be taken for.
    pub(super) fn like(&self, text: &str) -> Option<&str> {
        keys(text).iter().find_map(|key| self.0.get(key)).map(String::as_str)
    }
}

/// Which letters of a text are compared.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Case {
    /// Those that stand there.
    Kept,
    /// The small ones.
    Small,
}

/// Two texts that share one of these look alike, or differ by case alone.
///
/// The skeleton of a capital may be another's than that of its small letter (`I` is like `l`, `i` is not; a Cyrillic `Н` is like
/// `H`, `н` is not like `h`): so there is one of the text as it stands, one of it in small letters, and one put into small
/// letters. ASCII keeps its letters in the last, for else the initials `IB` and `LB` would be alike.
fn keys(text: &str) -> [(Case, String); 3] {
    let shape = |text: &str| skeleton(text).collect::<String>();
    let of_character = |c: char| if c.is_ascii() { c.to_string() } else { shape(c.encode_utf8(&mut [0; 4])) };
    let shapes: String = text.chars().map(of_character).collect();
    [
        (Case::Kept, shape(text)),
        (Case::Small, shape(&without_case(text))),
        (Case::Small, without_case(&shapes)),
    ]
}

/// By way of the capitals, so that letters of two small forms become one.
fn without_case(text: &str) -> String {
    text.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect()
}

/// The text, and its characters by number where it has others than ASCII: for those who cannot tell it from another.
pub(super) fn spelled(text: &str) -> String {
    if text.is_ascii() {
        return format!("\"{text}\"");
    }
    let numbered = |c: char| if c.is_ascii() { c.to_string() } else { format!("<U+{:04X}>", u32::from(c)) };
    format!("\"{text}\" ({})", text.chars().map(numbered).collect::<String>())
}

const MAX_TEXT: usize = 200;
/// They have a width and no ink: braille pattern blank, musical symbol null notehead, Khitan small script filler.
const BLANK: [char; 3] = ['\u{2800}', '\u{1d159}', '\u{16fe4}'];

#[cfg(test)]
mod tests {
    use super::*;

    fn alike(one: &str, other: &str) -> bool {
        let (there, back) =
            (Lookalikes::of([one]).like(other).is_some(), Lookalikes::of([other]).like(one).is_some());
        assert_eq!(there, back, "{one} {other}");
        there
    }

    #[test]
    fn names_that_look_alike_are_found_and_others_are_not() {
        for (one, other) in [
            ("Ada", "ada"),
            ("Ada", "\u{410}da"),
            ("ADA", "\u{430}da"),
            ("Hopper", "\u{41d}OPPER"),
            ("Ida", "lda"),
            ("Ada", "Ad\u{2060}a"),
            ("Ada", "\u{ff21}da"),
            ("Ren\u{e9}", "Rene\u{301}"),
            ("REN\u{c9}", "rene\u{301}"),
            ("O", "0"),
            ("A1", "AL"),
            ("Sofie\u{3c3}", "Sofie\u{3c2}"),
            ("\u{399}da", "ida"),
        ] {
            assert!(alike(one, other), "{one} {other}");
        }
        for (one, other) in [
            ("Ada Byron", "Ada Bryon"),
            ("IB", "LB"),
            ("AI", "AL"),
            ("i0", "i1"),
            ("Ida", "Lda"),
            ("Ren\u{e9}", "Rene"),
            ("\u{738b}\u{5c0f}\u{660e}", "\u{738b}\u{5c0f}\u{7ea2}"),
        ] {
            assert!(!alike(one, other), "{one} {other}");
        }
    }

    #[test]
    fn characters_that_nobody_sees_are_found_and_letters_of_all_scripts_are_not() {
        for c in [
            '\0',
            '\t',
            '\n',
            '\r',
            '\u{1b}',
            '\u{7f}',
            '\u{85}',
            '\u{a0}',
            '\u{ad}',
            '\u{34f}',
            '\u{61c}',
            '\u{600}',
            '\u{115f}',
            '\u{1160}',
            '\u{1680}',
            '\u{17b4}',
            '\u{180b}',
            '\u{180e}',
            '\u{2000}',
            '\u{200b}',
            '\u{200c}',
            '\u{200d}',
            '\u{200e}',
            '\u{2028}',
            '\u{2029}',
            '\u{202e}',
            '\u{202f}',
            '\u{205f}',
            '\u{2060}',
            '\u{2064}',
            '\u{2066}',
            '\u{206f}',
            '\u{2800}',
            '\u{3000}',
            '\u{3164}',
            '\u{fe00}',
            '\u{fe0f}',
            '\u{feff}',
            '\u{ffa0}',
            '\u{fff9}',
            '\u{1d173}',
            '\u{e0001}',
            '\u{e0041}',
            '\u{e007f}',
            '\u{e0100}',
        ] {
            assert_eq!(hidden(&format!("a{c}b")), Some((2, c)), "{:04x}", u32::from(c));
        }
        for text in [
            "Ada Byron-King 3rd, O'Neill",
            "René",
            "Rene\u{301}",
            "王小明",
            "Łukasz",
            "Ада",
            "أحمد",
            "अमित",
            "한글",
            "ß",
        ] {
            assert_eq!(hidden(text), None, "{text}");
        }
    }

    #[test]
    fn text_has_single_spaces_and_none_at_its_ends() {
        assert!(plain("title", "Root key".to_owned()).is_ok());
        assert!(plain("title", "王".repeat(MAX_TEXT)).is_ok());
        for wrong in ["", " ", " a", "a ", "a  b", &"a".repeat(MAX_TEXT + 1)] {
            assert!(
                matches!(plain("title", wrong.to_owned()), Err(PlanError::Value { word: "title", .. })),
                "{wrong}"
            );
        }
    }
}
