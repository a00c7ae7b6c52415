//! Strokes that every panel uses. All of them are safe anywhere: what lies outside of the buffer is not drawn.

use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::{Position, Rect};
use ratatui::style::{Modifier, Style};

use super::look::Look;
use super::theme::Role;
use crate::glyph::{self, Glyph};

/// Printable text at a place, cut to a number of cells. Returns where the next text may begin.
pub fn put(buffer: &mut Buffer, x: u16, y: u16, text: &str, cells: usize, style: Style) -> u16 {
    // A buffer panics when it is asked for a place that it doesn't have.
    if buffer.area.contains(Position { x, y }) { buffer.set_stringn(x, y, text, cells, style).0 } else { x }
}

/// Text that ends at a column instead of beginning there. Returns where it begins.
pub fn put_right(buffer: &mut Buffer, end: u16, y: u16, text: &str, style: Style) -> u16 {
    let start = end.saturating_sub(glyph::cells(text) as u16);
    put(buffer, start, y, text, usize::from(end - start), style);
    start
}

/// Glyphs at a place, spelt-out ones in their own colour, cut to a number of cells with an ellipsis.
pub fn put_glyphs(
    buffer: &mut Buffer,
    x: u16,
    y: u16,
    glyphs: &[Glyph],
    cells: usize,
    look: Look<'_>,
    style: Style,
) -> u16 {
    let fits = glyph::width(glyphs) <= cells;
    let room = if fits { cells } else { cells.saturating_sub(1) };
    let mut at = x;
    for glyph in glyphs {
        if usize::from(at - x + glyph.width) > room {
            break;
        }
        put(buffer, at, y, &glyph.symbol, usize::from(glyph.width), look.glyph(glyph, style));
        at += glyph.width;
    }
    if !fits && cells > 0 {
        at = put(buffer, at, y, look.signs().ellipsis, 1, style);
    }
    at
}

/// A style on the background of its row. Reverse video stands for a background where colours are few: the row is then of
/// one colour, or every word of it would have a background of its own.
#[must_use]
pub fn on(style: Style, ground: Style) -> Style {
    match ground.bg {
        Some(_) if ground.add_modifier.contains(Modifier::REVERSED) => ground.add_modifier(style.add_modifier),
        Some(bg) => Style { bg: Some(bg), ..style }.add_modifier(ground.add_modifier),
        None => style,
    }
}

/// A horizontal bar, precise to an eighth of a cell. A share that is not zero always shows.
pub fn bar(buffer: &mut Buffer, area: Rect, share: f64, look: Look<'_>, role: Role) {
    let signs = look.signs();
    let wanted = (share.clamp(0.0, 1.0) * 8.0 * f64::from(area.width)).round() as usize;
    let eighths = if share > 0.0 { wanted.max(1) } else { 0 };
    let (full, rest) = (eighths / 8, eighths % 8);
    let ink = look.style(role);
    for column in 0..usize::from(area.width) {
        let (symbol, style) = match column {
            column if column < full => (signs.eighths[7], ink),
            column if column == full && rest > 0 => (signs.eighths[rest - 1], ink),
            _ => (signs.track, look.style(Role::Track)),
        };
        // The background stays that of the row, which may be a selected one; in reverse video it is the bar's own colour.
        let reversed = |cell: &Cell| cell.modifier.contains(Modifier::REVERSED);
        let on_reversed = buffer.cell((area.x.saturating_add(column as u16), area.y)).is_some_and(reversed);
        let style = if on_reversed { Style::new() } else { Style { bg: None, ..style } };
        put(buffer, area.x.saturating_add(column as u16), area.y, symbol, 1, style);
    }
}

/// A heading over a panel: a line with a title in it.
pub fn heading(buffer: &mut Buffer, area: Rect, title: &str, look: Look<'_>) -> u16 {
    rule(buffer, area, look);
    let x = put(buffer, area.x.saturating_add(1), area.y, " ", 1, look.style(Role::Base));
    let room = usize::from(area.width).saturating_sub(4);
    let x = put(buffer, x, area.y, title, room, look.style(Role::Title));
    put(buffer, x, area.y, " ", 1, look.style(Role::Base))
}

/// A line across an area.
pub fn rule(buffer: &mut Buffer, area: Rect, look: Look<'_>) {
    put(
        buffer,
        area.x,
        area.y,
        &look.signs().rule.repeat(area.width.into()),
        area.width.into(),
        look.style(Role::Rule),
    );
}

/// A note at the right end of a heading: the first of its forms that there is room for after `from`.
pub fn note(buffer: &mut Buffer, area: Rect, from: u16, forms: &[&str], look: Look<'_>) {
    let room = usize::from(area.right().saturating_sub(from));
    if let Some(text) = forms.iter().find(|text| glyph::cells(text) + 4 <= room) {
        put_right(buffer, area.right().saturating_sub(1), area.y, &format!(" {text} "), look.style(Role::Muted));
    }
}

/// Wipes an area: what was drawn there shows through neither as a symbol nor as a modifier.
pub fn wipe(buffer: &mut Buffer, area: Rect, style: Style) {
    let area = area.intersection(buffer.area);
    for position in area.positions() {
        if let Some(cell) = buffer.cell_mut(position) {
            cell.reset();
            cell.set_style(style);
        }
    }
}

/// A row of an area; nothing where the area has no such row.
#[must_use]
pub fn row(area: Rect, index: u16) -> Rect {
    Rect { y: area.y.saturating_add(index), height: 1, ..area }.intersection(area)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::glyph::Charset;
    use crate::ui::theme::Theme;

    fn drawn(width: u16, share: f64, charset: Charset) -> String {
        let theme = Theme::built_in("dark").unwrap();
        let mut buffer = Buffer::empty(Rect::new(0, 0, width, 1));
        let area = buffer.area;
        bar(&mut buffer, area, share, Look { theme: &theme, charset }, Role::BarModel);
        crate::ui::app::tests::rows(&buffer).join("")
    }

    #[test]
    fn bars_are_precise_to_an_eighth_and_small_ones_show() {
        assert_eq!(drawn(4, 1.0, Charset::Unicode), "████");
        assert_eq!(drawn(4, 0.53125, Charset::Unicode), "██▏");
        assert_eq!(drawn(4, 1e-9, Charset::Unicode), "▏");
        assert_eq!(drawn(4, 0.0, Charset::Unicode), "");
        assert_eq!(drawn(4, 7.0, Charset::Unicode), "████");
        assert_eq!(drawn(4, 0.625, Charset::Ascii), "##-");
    }

    #[test]
    fn strokes_outside_of_the_buffer_are_not_drawn() {
        let theme = Theme::built_in("dark").unwrap();
        let look = Look { theme: &theme, charset: Charset::Unicode };
        let mut buffer = Buffer::empty(Rect::new(0, 0, 3, 1));
        let beyond = Rect::new(2, 5, 20, 2);
        bar(&mut buffer, beyond, 0.5, look, Role::BarModel);
        let x = heading(&mut buffer, beyond, "title", look);
        note(&mut buffer, beyond, x, &["note"], look);
        put_right(&mut buffer, 9, 9, "text", Style::new());
        assert_eq!(crate::ui::app::tests::rows(&buffer).join(""), "");
    }
}
