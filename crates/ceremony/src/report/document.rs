//! What a report consists of, before it has a form.

pub(super) struct Document {
    pub(super) title: String,
    /// Stands above everything where the whole is worth nothing.
    pub(super) mark: Option<&'static str>,
    pub(super) sections: Vec<Section>,
}

pub(super) struct Section {
    pub(super) heading: String,
    pub(super) about: String,
    pub(super) table: Table,
}

pub(super) struct Table {
    /// The columns' names and widths in hundredths. Nameless where each row has a head of its own.
    pub(super) head: &'static [(&'static str, u8)],
    pub(super) rows: Vec<Vec<Cell>>,
}

impl Table {
    pub(super) fn row<const N: usize>(cells: [Cell; N]) -> Vec<Cell> {
        cells.into()
    }
}

pub(super) enum Cell {
    Text(String),
    /// What the row is about.
    Head(String),
    /// Hexadecimal digits.
    Code(String),
    /// That there is nothing.
    Faint(&'static str),
    /// Numbers of lines, each of which leads there.
    Lines(Vec<u64>),
    /// The line itself.
    Anchor(u64),
}

impl Cell {
    pub(super) fn new(text: &str) -> Self {
        Self::Text(text.to_owned())
    }

    pub(super) fn head(text: &str) -> Self {
        Self::Head(text.to_owned())
    }

    pub(super) fn code(text: &str) -> Self {
        Self::Code(text.to_owned())
    }

    pub(super) fn faint(text: &'static str) -> Self {
        Self::Faint(text)
    }

    pub(super) fn lines(numbers: &[u64]) -> Self {
        Self::Lines(numbers.to_vec())
    }

    pub(super) fn anchor(number: u64) -> Self {
        Self::Anchor(number)
    }

    /// The cell without its form.
    pub(super) fn plain(&self) -> String {
        match self {
            Self::Text(text) | Self::Head(text) | Self::Code(text) => text.clone(),
            Self::Faint(text) => (*text).to_owned(),
            Self::Lines(numbers) => runs(numbers)
                .iter()
                .map(|run| joined(run, |number| number.to_string()))
                .collect::<Vec<_>>()
                .join(", "),
            Self::Anchor(number) => number.to_string(),
        }
    }
}

/// First and last of each run of numbers that follow one another.
pub(super) fn runs(numbers: &[u64]) -> Vec<(u64, u64)> {
    let mut runs: Vec<(u64, u64)> = Vec::new();
    for &number in numbers {
        match runs.last_mut() {
            Some((_, last)) if last.saturating_add(1) == number => *last = number,
            _ => runs.push((number, number)),
        }
    }
    runs
}

/// A run as text: one number, or the first and the last.
pub(super) fn joined(&(first, last): &(u64, u64), form: impl Fn(u64) -> String) -> String {
    if first == last { form(first) } else { format!("{}–{}", form(first), form(last)) }
}
