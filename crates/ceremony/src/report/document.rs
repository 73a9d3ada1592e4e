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
    /// Empty where each row has a head of its own.
    pub(super) head: Vec<&'static str>,
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
            Self::Lines(numbers) => numbers.iter().map(u64::to_string).collect::<Vec<_>>().join(", "),
            Self::Anchor(number) => number.to_string(),
        }
    }
}
