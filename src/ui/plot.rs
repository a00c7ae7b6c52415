//! Lines in a field of dots: Braille patterns, eight dots to a cell, or letters where there are none.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::look::Look;
use super::paint::put;
use super::theme::Role;
use crate::glyph::Charset;

/// Bits of a Braille pattern by column and row (Unicode 16, section 21.1).
const BITS: [[u8; 4]; 2] = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]];

/// A field of dots over some cells. Places are in [0, 1], from left to right and from the bottom up.
pub struct Plot {
    area: Rect,
    charset: Charset,
    cells: Vec<Option<Cell>>,
}

#[derive(Clone, Copy)]
struct Cell {
    bits: u8,
    role: Role,
    letter: char,
}

impl Plot {
    /// An empty field.
    #[must_use]
    pub fn new(area: Rect, charset: Charset) -> Self {
        Self { area, charset, cells: vec![None; usize::from(area.width) * usize::from(area.height)] }
    }

    /// Dots in a cell, across and down.
    fn grain(&self) -> (f64, f64) {
        match self.charset {
            Charset::Unicode => (2.0, 4.0),
            Charset::Ascii => (1.0, 1.0),
        }
    }

    /// Dots across and down.
    fn size(&self) -> (f64, f64) {
        let (across, down) = self.grain();
        (f64::from(self.area.width) * across, f64::from(self.area.height) * down)
    }

    /// A line through these places; where it crosses another one, the later one gives the colour.
    pub fn line(&mut self, places: impl IntoIterator<Item = (f64, f64)>, role: Role, letter: char) {
        let (width, height) = self.size();
        if self.cells.is_empty() {
            return;
        }
        let dot = |(x, y): (f64, f64)| (x.clamp(0.0, 1.0) * (width - 1.0), (1.0 - y.clamp(0.0, 1.0)) * (height - 1.0));
        let mut before: Option<(f64, f64)> = None;
        for to in places.into_iter().filter(|(x, y)| x.is_finite() && y.is_finite()).map(dot) {
            let from = before.replace(to).unwrap_or(to);
            let steps = (to.0 - from.0).abs().max((to.1 - from.1).abs()).ceil().max(1.0);
            for step in 0..=steps as usize {
                let part = step as f64 / steps;
                self.dot(from.0 + (to.0 - from.0) * part, from.1 + (to.1 - from.1) * part, role, letter);
            }
        }
    }

    fn dot(&mut self, x: f64, y: f64, role: Role, letter: char) {
        let (across, down) = self.grain();
        let (x, y) = (x.round(), y.round());
        let (column, row) = ((x / across) as usize, (y / down) as usize);
        let bit = BITS[(x % across) as usize][(y % down) as usize];
        let index = row * usize::from(self.area.width) + column;
        if let Some(cell) = self.cells.get_mut(index) {
            *cell = Some(Cell { bits: cell.map_or(0, |cell| cell.bits) | bit, role, letter });
        }
    }

    /// The cell of a place; none where there are no cells.
    #[must_use]
    pub fn cell(&self, x: f64, y: f64) -> Option<(u16, u16)> {
        let (width, height) = self.size();
        let (across, down) = self.grain();
        if self.cells.is_empty() || !x.is_finite() || !y.is_finite() {
            return None;
        }
        let column = ((x.clamp(0.0, 1.0) * (width - 1.0)).round() / across) as u16;
        let row = (((1.0 - y.clamp(0.0, 1.0)) * (height - 1.0)).round() / down) as u16;
        Some((self.area.x + column, self.area.y + row))
    }

    /// Draws the lines.
    pub fn render(&self, look: Look<'_>, buffer: &mut Buffer) {
        for (position, cell) in self.area.positions().zip(&self.cells) {
            let Some(Cell { bits, role, letter }) = *cell else { continue };
            let symbol = match self.charset {
                Charset::Unicode => char::from_u32(0x2800 + u32::from(bits)).unwrap_or(letter),
                Charset::Ascii => letter,
            };
            put(buffer, position.x, position.y, symbol.encode_utf8(&mut [0; 4]), 1, look.style(role));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::app::tests::rows;
    use crate::ui::theme::Theme;

    fn drawn(charset: Charset, size: (u16, u16), lines: &[(&[(f64, f64)], char)]) -> Vec<String> {
        let theme = Theme::built_in("dark").unwrap();
        let mut buffer = Buffer::empty(Rect::new(0, 0, size.0, size.1));
        let mut plot = Plot::new(buffer.area, charset);
        for (places, letter) in lines {
            plot.line(places.iter().copied(), Role::Series0, *letter);
        }
        plot.render(Look { theme: &theme, charset }, &mut buffer);
        rows(&buffer)
    }

    #[test]
    fn corners_are_in_their_dots() {
        let corners: [&[(f64, f64)]; 4] = [&[(0.0, 0.0)], &[(0.0, 1.0)], &[(1.0, 0.0)], &[(1.0, 1.0)]];
        let all: Vec<_> = corners.into_iter().map(|places| (places, 'a')).collect();
        assert_eq!(drawn(Charset::Unicode, (1, 1), &all), ["⣉"]);
        assert_eq!(drawn(Charset::Unicode, (2, 2), &all), ["⠁⠈", "⡀⢀"]);
    }

    #[test]
    fn a_line_has_no_gaps_and_the_later_one_is_on_top() {
        assert_eq!(drawn(Charset::Unicode, (2, 1), &[(&[(0.0, 0.0), (1.0, 1.0)], 'a')]), ["⡠⠊"]);
        let lines: [(&[(f64, f64)], char); 2] = [(&[(0.0, 1.0), (1.0, 1.0)], 'a'), (&[(0.5, 0.0), (0.5, 1.0)], 'b')];
        assert_eq!(drawn(Charset::Ascii, (5, 2), &lines), ["aabaa", "  b"]);
    }

    #[test]
    fn places_outside_stay_at_the_edge_and_what_is_no_place_is_left_out() {
        let lines: [(&[(f64, f64)], char); 1] = [(&[(-3.0, 9.0), (f64::NAN, 0.5), (7.0, 9.0)], 'a')];
        assert_eq!(drawn(Charset::Ascii, (3, 2), &lines), ["aaa", ""]);
        assert_eq!(drawn(Charset::Unicode, (0, 0), &lines), Vec::<String>::new());
        let plot = Plot::new(Rect::new(3, 4, 5, 6), Charset::Unicode);
        assert_eq!((plot.cell(0.0, 1.0), plot.cell(1.0, 0.0)), (Some((3, 4)), Some((7, 9))));
        assert_eq!(Plot::new(Rect::new(0, 0, 0, 3), Charset::Ascii).cell(0.5, 0.5), None);
    }
}
