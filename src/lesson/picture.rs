//! What a lesson draws: a table whose cells may be bars. The same picture is drawn in the interface and printed as text.

/// A table of text and bars.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Picture {
    /// What it shows, in one line.
    pub caption: String,
    /// Its columns.
    pub columns: Vec<Column>,
    /// Its rows; each has a cell for every column.
    pub rows: Vec<Row>,
}

impl Picture {
    /// The widest text of each column, in characters; what stands over a bar or in its place is not counted. Shape: `[columns]`.
    #[must_use]
    pub fn widths(&self) -> Vec<usize> {
        let width = |(index, column): (usize, &Column)| {
            let cells = self.rows.iter().filter_map(|row| row.cells.get(index));
            let counted = cells.filter(|cell| !matches!((column, cell), (Column::Bar(..), Cell::Text(_))));
            let title = if matches!(column, Column::Bar(..)) { 0 } else { column.title().chars().count() };
            counted.map(|cell| cell.text().chars().count()).fold(title, usize::max)
        };
        self.columns.iter().enumerate().map(width).collect()
    }
}

/// A column.
#[derive(Clone, Debug, PartialEq)]
pub enum Column {
    /// Text from the left edge.
    Text(String),
    /// Numbers to the right edge.
    Number(String),
    /// Numbers with bars.
    Bar(String, Bar),
}

impl Column {
    /// What stands above it.
    #[must_use]
    pub fn title(&self) -> &str {
        match self {
            Self::Text(title) | Self::Number(title) | Self::Bar(title, _) => title,
        }
    }
}

/// What a bar stands for, which decides its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bar {
    /// The model's own share.
    Model,
    /// The share after something was done to it.
    After,
}

/// A row.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// What became of what it stands for.
    pub mark: Mark,
    /// One for each column.
    pub cells: Vec<Cell>,
}

/// What became of what a row stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Nothing in particular.
    Plain,
    /// It was chosen.
    Chosen,
    /// It is out.
    Out,
}

/// A cell.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// Text or a number.
    Text(String),
    /// A number with a bar that is this share of the full one, from 0 to 1.
    Bar(String, f64),
}

impl Cell {
    /// What is written in it.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Text(text) | Self::Bar(text, _) => text,
        }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl Row {
    pub(super) fn new(mark: Mark, cells: impl IntoIterator<Item = Cell>) -> Self {
        Self { mark, cells: cells.into_iter().collect() }
    }
}

/// A probability with its bar.
pub(super) fn share(p: f64) -> Cell {
    Cell::Bar(percent(p), p)
}

/// A probability in per cent, one digit more where it is small.
pub(super) fn percent(p: f64) -> String {
    match p * 100.0 {
        0.0 => "0%".into(),
        x if x < 0.005 => "<0.01%".into(),
        x if x < 0.95 => format!("{x:.2}%"),
        x => format!("{x:.1}%"),
    }
}
