//! A report as text.

use super::document::{Document, Section};

pub(super) fn page(document: &Document) -> String {
    let mut text = document.mark.map(|mark| format!("*** {mark} ***\n\n")).unwrap_or_default();
    let rule = "=".repeat(document.title.chars().count().min(WIDTH));
    text.push_str(&wrapped(&document.title, "", ""));
    text.push_str(&rule);
    text.push('\n');
    for section in &document.sections {
        text.push_str(&self::section(section));
    }
    text
}

fn section(section: &Section) -> String {
    let rule = "-".repeat(section.heading.chars().count());
    let mut text = format!("\n{}\n{rule}\n{}", section.heading, wrapped(&section.about, "", ""));
    if section.table.rows.is_empty() {
        text.push_str("\nNone.\n");
    }
    for row in &section.table.rows {
        text.push('\n');
        if section.table.head.iter().all(|(name, _)| name.is_empty()) {
            let cells: Vec<_> = row.iter().map(super::document::Cell::plain).collect();
            text.push_str(&wrapped(&cells.join(": "), "", "    "));
            continue;
        }
        for (place, ((name, _), cell)) in section.table.head.iter().zip(row).enumerate() {
            let (first, later) = if place == 0 { ("", "    ") } else { ("  ", "    ") };
            text.push_str(&wrapped(&format!("{name}: {}", cell.plain()), first, later));
        }
    }
    text
}

/// The text in lines of at most [`WIDTH`] characters, ended by a line feed.
fn wrapped(text: &str, first: &str, later: &str) -> String {
    let mut lines = String::from(first);
    let mut column = first.chars().count();
    let mut is_empty = true;
    for word in text.trim_end().split(' ') {
        let length = word.chars().count();
        if !is_empty && column + 1 + length > WIDTH {
            lines.push('\n');
            lines.push_str(later);
            column = later.chars().count();
        } else if !is_empty {
            lines.push(' ');
            column += 1;
        }
        lines.push_str(word);
        column += length;
        is_empty = false;
    }
    lines.push('\n');
    lines
}

/// Characters.
const WIDTH: usize = 100;
