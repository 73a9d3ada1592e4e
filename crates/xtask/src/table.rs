//! Tables, for a terminal and for Markdown.

/// Columns are as wide as their widest cell.
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(head: &[&str]) -> Self {
        Self { rows: vec![head.iter().map(ToString::to_string).collect()] }
    }

    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    pub(crate) fn text(&self) -> String {
        self.lines(
            |cells| cells.join("  ").trim_end().to_string(),
            |widths| widths.iter().map(|width| "─".repeat(*width)).collect::<Vec<_>>().join("  "),
        )
    }

    pub(crate) fn markdown(&self) -> String {
        self.lines(
            |cells| format!("| {} |", cells.join(" | ")),
            |widths| {
                let dashes: Vec<_> = widths.iter().map(|width| "-".repeat(*width)).collect();
                format!("| {} |", dashes.join(" | "))
            },
        )
    }

    fn lines(&self, row: impl Fn(&[String]) -> String, rule: impl Fn(&[usize]) -> String) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            self.rows
                .iter()
                .filter_map(|row| row.get(column))
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let mut text = String::new();
        for (number, cells) in self.rows.iter().enumerate() {
            let padded: Vec<String> =
                cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
            text.push_str(&row(&padded));
            text.push('\n');
            if number == 0 {
                text.push_str(&rule(&widths));
                text.push('\n');
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::Table;

    #[test]
    fn columns_line_up() {
        let mut table = Table::new(&["id", "value"]);
        table.row(["record/seal/1024".to_string(), "1".to_string()]);
        assert_eq!(
            table.markdown(),
            "| id               | value |\n| ---------------- | ----- |\n| record/seal/1024 | 1     |\n"
        );
        assert_eq!(table.text(), "id                value\n────────────────  ─────\nrecord/seal/1024  1\n");
    }
}
