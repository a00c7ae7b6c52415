//! The selection in a long list, and the part of it that shows.

/// Which row is selected, and which is the first to show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct List {
    selected: usize,
    offset: usize,
}

impl List {
    /// The selected row, from 0.
    #[must_use]
    pub fn selected(&self) -> usize {
        self.selected
    }

    /// The first row that shows, from 0.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// Selects a row of `length`, and scrolls just as far as `rows` need to show it.
    pub fn select(&mut self, row: usize, length: usize, rows: usize) {
        self.selected = row.min(length.saturating_sub(1));
        let lowest = self.selected.saturating_sub(rows.saturating_sub(1));
        self.offset = self.offset.clamp(lowest, self.selected).min(length.saturating_sub(rows.min(length)));
    }

    /// Moves the selection by rows, down for positive ones.
    pub fn shift(&mut self, by: isize, length: usize, rows: usize) {
        self.select(self.selected.saturating_add_signed(by), length, rows);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_follows_the_selection_no_further_than_needed() {
        let mut list = List::default();
        list.shift(4, 100, 5);
        assert_eq!((list.selected(), list.offset()), (4, 0));
        list.shift(1, 100, 5);
        assert_eq!((list.selected(), list.offset()), (5, 1));
        list.shift(-1, 100, 5);
        assert_eq!((list.selected(), list.offset()), (4, 1));
        list.select(usize::MAX, 100, 5);
        assert_eq!((list.selected(), list.offset()), (99, 95));
        list.select(0, 100, 5);
        assert_eq!((list.selected(), list.offset()), (0, 0));
        list.select(3, 0, 0);
        assert_eq!((list.selected(), list.offset()), (0, 0));
        list.select(98, 100, 5);
        list.select(98, 100, 50);
        assert_eq!(list.offset(), 50);
    }
}
