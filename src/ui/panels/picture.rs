//! A lesson's picture: a table whose cells may be bars, drawn line by line so that it can be scrolled.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::glyph::{self, Charset};
use crate::lesson::{Bar, Cell, Column, Mark, Picture, Row};
use crate::ui::look::Look;
use crate::ui::paint::{self, put, put_right};
use crate::ui::theme::Role;

/// The widest bar.
const LONGEST_BAR: u16 = 30;
/// The narrowest bar, and the narrowest column of text.
const SHORTEST: u16 = 4;
/// Cells between two columns, and before the first one.
const GAP: u16 = 2;

/// Text that a teacher wrote, in symbols that can be drawn.
#[must_use]
pub fn printable(text: &str, charset: Charset) -> String {
    let spelt = glyph::spelt(text, charset);
    if spelt.chars().all(|c| c == ' ' || c.is_ascii_graphic()) {
        return spelt.into_owned();
    }
    glyph::cut(&glyph::plain(&spelt, charset), usize::MAX, charset)
}

/// A picture with the width of each of its columns.
pub struct Drawing<'a> {
    picture: &'a Picture,
    widths: Vec<u16>,
    bar: u16,
}

impl<'a> Drawing<'a> {
    /// Fits a picture into so many cells: bars take what numbers and names leave, and long names are cut.
    #[must_use]
    pub fn new(picture: &'a Picture, room: u16, charset: Charset) -> Self {
        let mut widths: Vec<u16> =
            (0..picture.columns.len()).map(|index| column_width(picture, index, charset)).collect();
        let bars = picture.columns.iter().filter(|column| matches!(column, Column::Bar(..))).count() as u16;
        // A title stands over number and bar together.
        let title = |(column, width): (&Column, &u16)| match column {
            Column::Bar(title, _) => (glyph::cells(&printable(title, charset)) as u16).saturating_sub(width + 1),
            Column::Text(_) | Column::Number(_) => 0,
        };
        let least = picture.columns.iter().zip(&widths).map(title).fold(SHORTEST, u16::max);
        let needed = |widths: &[u16], bar: u16| widths.iter().map(|width| width + GAP).sum::<u16>() + bars * (bar + 1);
        let texts: Vec<usize> = (0..widths.len()).filter(|&i| matches!(picture.columns[i], Column::Text(_))).collect();
        while needed(&widths, least) > room {
            // The longest name gives way.
            let Some(&longest) = texts.iter().max_by_key(|&&i| widths[i]).filter(|&&i| widths[i] > SHORTEST) else {
                break;
            };
            widths[longest] -= 1;
        }
        let spare = room.saturating_sub(needed(&widths, 0));
        let bar = (spare / bars.max(1)).clamp(least, LONGEST_BAR.max(least));
        Self { picture, widths, bar }
    }

    /// Its lines: caption, titles and rows.
    #[must_use]
    pub fn height(&self) -> usize {
        self.picture.rows.len() + 2
    }

    /// Draws one line.
    pub fn line(&self, index: usize, area: Rect, look: Look<'_>, buffer: &mut Buffer) {
        match index {
            0 => {
                let caption = printable(&self.picture.caption, look.charset);
                put(buffer, area.x, area.y, &caption, area.width.into(), look.style(Role::Strong));
            }
            1 => self.titles(area, look, buffer),
            index => {
                if let Some(row) = self.picture.rows.get(index - 2) {
                    self.row(row, area, look, buffer);
                }
            }
        }
    }

    /// Where each column begins and ends, without its bar.
    fn places(&self, area: Rect) -> impl Iterator<Item = (usize, u16, u16)> {
        let mut x = area.x;
        self.picture.columns.iter().zip(&self.widths).enumerate().map(move |(index, (column, width))| {
            let start = x + GAP;
            let end = start + width;
            x = end + if matches!(column, Column::Bar(..)) { self.bar + 1 } else { 0 };
            (index, start, end)
        })
    }

    fn titles(&self, area: Rect, look: Look<'_>, buffer: &mut Buffer) {
        let style = look.style(Role::Muted);
        for (index, start, end) in self.places(area) {
            let column = &self.picture.columns[index];
            let title = printable(column.title(), look.charset);
            let room = usize::from(end - start);
            match column {
                Column::Text(_) => put(buffer, start, area.y, &title, room, style),
                Column::Number(_) => put_right(buffer, end, area.y, &title, style),
                Column::Bar(..) => put(buffer, start, area.y, &title, room + usize::from(self.bar) + 1, style),
            };
        }
    }

    fn row(&self, row: &Row, area: Rect, look: Look<'_>, buffer: &mut Buffer) {
        let role = match row.mark {
            Mark::Plain => Role::Base,
            Mark::Chosen => Role::Chosen,
            Mark::Out => Role::Removed,
        };
        let sign = match row.mark {
            Mark::Plain => " ",
            Mark::Chosen => look.signs().chosen,
            Mark::Out => look.signs().removed,
        };
        put(buffer, area.x, area.y, sign, 1, look.style(role));
        for (index, start, end) in self.places(area) {
            let (Some(cell), column) = (row.cells.get(index), &self.picture.columns[index]) else { continue };
            let text = printable(cell.text(), look.charset);
            match (column, cell) {
                (Column::Bar(_, bar), Cell::Bar(_, share)) => {
                    put_right(buffer, end, area.y, &text, look.style(role));
                    let track = Rect { x: end + 1, width: self.bar, ..area };
                    paint::bar(buffer, track.intersection(area), *share, look, ink(*bar, row.mark));
                }
                (Column::Bar(..), Cell::Text(_)) => {
                    // A word stands where number and bar would be.
                    let room = usize::from(end - start + self.bar);
                    put(buffer, start, area.y, &text, room, look.style(Role::Tag));
                }
                (Column::Number(_), _) => {
                    put_right(buffer, end, area.y, &text, look.style(role));
                }
                (Column::Text(_), _) => {
                    let cut =
                        glyph::cut(&glyph::plain(&text, Charset::Unicode), usize::from(end - start), look.charset);
                    put(buffer, start, area.y, &cut, usize::from(end - start), look.style(role));
                }
            }
        }
    }
}

fn ink(bar: Bar, mark: Mark) -> Role {
    match (mark, bar) {
        (Mark::Out, _) => Role::BarRemoved,
        (Mark::Chosen, _) => Role::BarChosen,
        (Mark::Plain, Bar::Model) => Role::BarModel,
        (Mark::Plain, Bar::After) => Role::BarAfter,
    }
}

/// The widest text of a column, in cells; what stands over a bar or in its place is not counted.
fn column_width(picture: &Picture, index: usize, charset: Charset) -> u16 {
    let column = &picture.columns[index];
    let cells = picture.rows.iter().filter_map(|row| row.cells.get(index));
    let counted = cells.filter(|cell| !matches!((column, cell), (Column::Bar(..), Cell::Text(_))));
    let wide = |text: &str| glyph::cells(&printable(text, charset));
    let title = if matches!(column, Column::Bar(..)) { 0 } else { wide(column.title()) };
    counted.map(|cell| wide(cell.text())).fold(title, usize::max) as u16
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lesson::Lesson;
    use crate::ui::app::tests::rows;
    use crate::ui::theme::Theme;

    fn drawn(picture: &Picture, width: u16, charset: Charset) -> Vec<String> {
        let theme = Theme::built_in("dark").unwrap();
        let look = Look { theme: &theme, charset };
        let drawing = Drawing::new(picture, width, charset);
        let mut buffer = Buffer::empty(Rect::new(0, 0, width, drawing.height() as u16));
        for y in 0..drawing.height() {
            drawing.line(y, Rect::new(0, y as u16, width, 1), look, &mut buffer);
        }
        rows(&buffer)
    }

    fn picture() -> Picture {
        let text = r#"
title = "t"
summary = "s"
[figures.f]
compute = "distribution"
labels = ["mat", "rug"]
probs = [0.75, 0.25]
chain = "top_k=1"
[[page]]
title = "p"
text = "x"
show = ["f"]
"#;
        Lesson::parse("t", text).unwrap().pages.remove(0).pictures.remove(0)
    }

    #[test]
    fn numbers_names_and_bars_stand_in_columns() {
        let rows = drawn(&picture(), 46, Charset::Ascii);
        assert_eq!(rows[0], "top_k=1");
        assert!(rows[2].starts_with("  mat    75.0% ##") && rows[2].contains("100.0% #"), "{rows:?}");
        assert!(rows[3].starts_with("x rug    25.0%") && rows[3].contains("out: top_k"), "{rows:?}");
    }

    #[test]
    fn every_picture_fits_from_36_cells_on() {
        for (name, _) in crate::lesson::BUILT_IN {
            let lesson = Lesson::built_in(name).unwrap();
            let asked = lesson.pages.iter().filter_map(|page| page.question.as_ref());
            let all =
                lesson.pages.iter().flat_map(|page| &page.pictures).chain(asked.flat_map(|asked| &asked.pictures));
            for picture in all {
                for width in [36, 76, 90] {
                    let rows = drawn(picture, width, Charset::Ascii);
                    assert!(rows.iter().all(|row| row.is_ascii() && row.len() <= usize::from(width)), "{rows:?}");
                }
                // At 76 cells nothing is lost of any number.
                let drawing = Drawing::new(picture, 76, Charset::Unicode);
                let last = drawing.places(Rect::new(0, 0, 76, 1)).map(|(_, _, end)| end).max().unwrap();
                assert!(last <= 76, "{name}: {}", picture.caption);
            }
        }
    }
}
