//! Splitting a line into words.

use zeroize::Zeroizing;

/// The words of a line: separated by white space, with '…' and "…" to keep it, `\` before a character that is meant
/// itself (not within '…'), and `#` at a word's beginning for a remark.
pub(super) fn split(line: &str) -> Result<Vec<String>, &'static str> {
    let mut words = Vec::new();
    let mut word = Zeroizing::new(String::new());
    let mut within = false;
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '#' if !within => break,
            '\'' | '"' => {
                within = true;
                loop {
                    match letters.next() {
                        None => return Err("a quotation mark is missing at the end"),
                        Some(end) if end == letter => break,
                        Some('\\') if letter == '"' => word.push(letters.next().ok_or(AFTER_BACKSLASH)?),
                        Some(quoted) => word.push(quoted),
                    }
                }
            }
            '\\' => {
                within = true;
                word.push(letters.next().ok_or(AFTER_BACKSLASH)?);
            }
            space if space.is_whitespace() => {
                if within {
                    words.push(std::mem::take(&mut *word));
                    within = false;
                }
            }
            other => {
                within = true;
                word.push(other);
            }
        }
    }
    if within {
        words.push(std::mem::take(&mut *word));
    }
    Ok(words)
}

const AFTER_BACKSLASH: &str = "a character is missing after the last backslash";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_split_as_in_a_shell() {
        for (line, words) in [
            ("", vec![]),
            ("  \n", vec![]),
            ("# a remark", vec![]),
            ("get a/b # a remark", vec!["get", "a/b"]),
            ("get a#b", vec!["get", "a#b"]),
            ("get 'a b/c'", vec!["get", "a b/c"]),
            (r#"get "a \"b\" 'c'" ''"#, vec!["get", "a \"b\" 'c'", ""]),
            (r"get a\ b\#", vec!["get", "a b#"]),
        ] {
            assert_eq!(split(line).unwrap(), words, "{line}");
        }
    }

    #[test]
    fn an_open_quotation_is_refused() {
        for line in ["get 'a", "get \"a\\\"", "get a\\"] {
            assert!(split(line).is_err(), "{line}");
        }
    }
}
