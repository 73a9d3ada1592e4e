//! How text lies on a screen of 24 lines of 80 columns.

use strongroom_audit::Public;
use zeroize::Zeroizing;

use crate::pages::numbered_rows;
use crate::plan::Person;

/// What a custodian sees while a share is written down: whose it is, what it is, and its blocks in numbered rows.
pub(super) fn share_page(who: &Person, heading: &str, share: &str) -> Zeroizing<String> {
    let head = format!("For {} alone.\n\n{heading}", who.name);
    let rows = numbered_rows(share);
    // Reserved in full, since growing would leave a copy of the share behind.
    let room = head.len().saturating_mul(2).saturating_add(rows.len()).saturating_add(1);
    let mut page = Zeroizing::new(String::with_capacity(room));
    for line in head.lines().flat_map(wrapped) {
        page.push_str(&line);
        page.push('\n');
    }
    page.push('\n');
    page.push_str(&rows);
    page
}

/// Lines of at most the screen's width.
pub(super) fn wrapped(text: &str) -> impl Iterator<Item = String> + use<> {
    let mut lines: Vec<String> = vec![String::new()];
    let mut width = 0;
    for word in text.split(' ') {
        let letters: Vec<char> = word.chars().collect();
        for (piece_number, piece) in letters.chunks(WIDTH).enumerate() {
            if width > 0 && (width + 1 + piece.len() > WIDTH || piece_number > 0) {
                lines.push(String::new());
                width = 0;
            }
            let Some(line) = lines.last_mut() else { continue };
            if width > 0 {
                line.push(' ');
                width += 1;
            }
            line.extend(piece);
            width += piece.len();
        }
    }
    lines.into_iter()
}

/// An answer as it may be repeated: without what a terminal would obey, and without what looks like a key, since somebody may
/// have typed a share where it shows.
pub(super) fn repeated(answer: &str) -> String {
    if answer.is_empty() { String::new() } else { Public::redacted(answer).to_string() }
}

/// The text without what a terminal would obey: labels come from tokens and other people.
pub(super) fn harmless(text: &str) -> String {
    let harmless = |c: char| if c.is_control() && c != '\n' { char::REPLACEMENT_CHARACTER } else { c };
    text.chars().map(harmless).collect()
}

pub(super) const WIDTH: usize = 78;

#[cfg(test)]
mod tests {
    use super::super::console::tests::ada;
    use super::*;

    #[test]
    fn share_page_fits_the_screen_with_every_block_whole_and_counted() {
        let blocks: Vec<String> = (1..=17).map(|number| format!("abcd{number:02}")).collect();
        let heading =
            format!("Share 255 of 255, group {}, slot {}: any 255.", "g".repeat(100), "l".repeat(100));
        let page =
            share_page(&ada(), &format!("{heading} REHEARSAL\nSet {}", "0".repeat(32)), &blocks.join(" "));
        assert!(page.starts_with("For Ada alone.\n\nShare 255 of 255"), "{}", *page);
        assert!(page.lines().count() < 20 && page.lines().all(|line| line.chars().count() < 80), "{}", *page);
        let rows: Vec<Vec<&str>> = page.lines().map(|line| line.split_whitespace().collect()).collect();
        for (number, block) in (1..).zip(&blocks) {
            let row = rows.iter().find(|row| row.contains(&block.as_str())).unwrap();
            let first: usize = row[0].parse().unwrap();
            assert_eq!(row[number - first + 1], block);
        }
    }

    #[test]
    fn share_that_was_typed_where_it_shows_is_not_repeated() {
        let share = "sr1qqq qqqqqq zs3x2c 37alc3 zyk9ne 8y42ad 7t2vjk 3m5n6p 8uw0ff 4c2exj 5mt3yh 77ll2s";
        for typed in [share.to_owned(), share.replace(' ', ""), format!("yes {share}")] {
            let repeated = repeated(&typed);
            assert!(repeated.contains("withheld") && !repeated.contains("zyk9ne"), "{repeated}");
        }
        for typed in ["yes", "", "the seal of bag 4711 was broken", "AD"] {
            assert_eq!(repeated(typed), typed, "the control");
        }
    }

    #[test]
    fn nothing_that_was_typed_moves_the_cursor() {
        for text in ["\x1b[2Jyes", "\x07", "a\rb", "\u{9b}2J"] {
            assert!(!repeated(text).contains(char::is_control) && !harmless(text).contains(char::is_control));
        }
        assert_eq!(harmless("two\nlines ▸ é"), "two\nlines ▸ é", "the control");
    }
}
