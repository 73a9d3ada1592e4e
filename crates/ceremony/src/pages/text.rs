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
        line(&[&format!("{word:<10}"), value]);
    }
    line(&[""]);
    line(&[&numbered_rows(&page.share)]);
    for duty in DUTIES {
        let mut column = 0;
        for word in duty.split(' ') {
            if column + word.len() > COLUMNS {
                text.push('\n');
                column = 0;
            }
            if column > 0 {
                text.push(' ');
            }
            text.push_str(word);
            column += word.len() + 1;
        }
        text.push('\n');
    }
    if page.rehearsal {
        text.push_str("\n*** ");
        text.push_str(MARK);
        text.push_str(" ***\n");
    }
    text
}

const COLUMNS: usize = 72;
