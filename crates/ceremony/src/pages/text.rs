//! A page as plain text.

use zeroize::Zeroizing;

use super::{DUTIES, MARK, Page, numbered_rows};

pub(super) fn page(page: &Page) -> Zeroizing<String> {
    // Reserved in full, since growing would leave a copy of the share behind.
    let mut text = Zeroizing::new(String::with_capacity(16 * 1024));
    let mut line = |parts: &[&str]| {
        for part in parts {
            text.push_str(part);
        }
        text.push('\n');
    };
    if page.rehearsal {
        line(&["*** ", MARK, " ***\n"]);
    }
    line(&[&page.title, "\n"]);
    for (word, value) in &page.facts {
        for (place, part) in wrapped(value, COLUMNS - INDENT).iter().enumerate() {
            let word = if place == 0 { word } else { "" };
            line(&[&format!("{word:<INDENT$}"), part]);
        }
    }
    line(&[""]);
    line(&[&numbered_rows(&page.share)]);
    for duty in DUTIES {
        for part in wrapped(duty, COLUMNS) {
            line(&[&part]);
        }
    }
    if page.rehearsal {
        text.push_str("\n*** ");
        text.push_str(MARK);
        text.push_str(" ***\n");
    }
    text
}

/// The text in lines of so many characters, but for words that are longer. No secret: it leaves copies.
fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.chars().count() + 1 + word.chars().count() <= columns => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

const COLUMNS: usize = 72;
const INDENT: usize = 10;
