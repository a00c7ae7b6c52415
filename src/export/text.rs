//! A screen as text: what somebody would copy from the terminal.

use ratatui::buffer::Buffer;
use unicode_width::UnicodeWidthStr;

/// The rows of a buffer, without blanks at their ends, each ended by a line feed.
#[must_use]
pub fn text(buffer: &Buffer) -> String {
    let mut out = String::new();
    for y in buffer.area.top()..buffer.area.bottom() {
        let mut row = String::new();
        let mut x = buffer.area.left();
        while x < buffer.area.right() {
            let symbol = buffer.cell((x, y)).map_or(" ", |cell| cell.symbol());
            row.push_str(if symbol.is_empty() { " " } else { symbol });
            x = x.saturating_add(symbol.width().max(1) as u16);
        }
        out.push_str(row.trim_end());
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::{layout::Rect, style::Style};

    #[test]
    fn wide_characters_take_their_cells_once() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 8, 2));
        buffer.set_string(0, 0, "世界 a", Style::new());
        assert_eq!(text(&buffer), "世界 a\n\n");
        assert_eq!(text(&Buffer::empty(Rect::ZERO)), "");
    }
}
