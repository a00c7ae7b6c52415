//! The frame of a window.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use tui_input::Input;

use crate::glyph::{self, Glyph};
use crate::ui::look::Look;
use crate::ui::paint::{put, put_glyphs, wipe};
use crate::ui::theme::Role;

/// A framed window in the middle of the screen. Returns its inside.
#[must_use]
pub fn window(look: Look<'_>, title: &str, size: (u16, u16), screen: Rect, buffer: &mut Buffer) -> Rect {
    let (width, height) = (size.0.min(screen.width), size.1.min(screen.height));
    let area =
        Rect { x: screen.x + (screen.width - width) / 2, y: screen.y + (screen.height - height) / 2, width, height };
    let ground = look.style(Role::Overlay);
    // The left half of a wide character must not stay without its right half.
    let edge = Rect { x: area.x.saturating_sub(1), width: u16::from(area.x > 0), ..area };
    for position in edge.positions() {
        if let Some(cell) = buffer.cell_mut(position).filter(|cell| glyph::cells(cell.symbol()) > 1) {
            cell.set_symbol(" ");
        }
    }
    wipe(buffer, area, ground);
    let rule = look.style(Role::OverlayRule);
    let [top_left, top_right, bottom_left, bottom_right, side] = look.signs().frame;
    let line = look.signs().rule.repeat(usize::from(width.saturating_sub(2)));
    put(buffer, area.x, area.y, &format!("{top_left}{line}{top_right}"), width.into(), rule);
    put(
        buffer,
        area.x,
        area.bottom().saturating_sub(1),
        &format!("{bottom_left}{line}{bottom_right}"),
        width.into(),
        rule,
    );
    for y in area.y + 1..area.bottom().saturating_sub(1) {
        put(buffer, area.x, y, side, 1, rule);
        put(buffer, area.right() - 1, y, side, 1, rule);
    }
    let title = format!(" {title} ");
    put(
        buffer,
        area.x + 2,
        area.y,
        &title,
        width.saturating_sub(4).into(),
        rule.patch(look.style(Role::Title).bg(rule.bg.unwrap_or_default())),
    );
    Rect { x: area.x + 2, y: area.y + 1, width: width.saturating_sub(4), height: height.saturating_sub(2) }
}

/// A line being typed. Returns where the terminal's cursor belongs.
pub fn field(look: Look<'_>, input: &Input, line: Rect, buffer: &mut Buffer) -> Option<Position> {
    let style = look.style(Role::Input);
    let room = usize::from(line.width);
    put(buffer, line.x, line.y, &" ".repeat(room), room, style);
    let glyphs = glyph::plain(input.value(), look.charset);
    let before: String = input.value().chars().take(input.cursor()).collect();
    let cursor = glyph::width(&glyph::plain(&before, look.charset));
    // The text slides left just far enough that the cursor shows.
    let skipped = skip(&glyphs, (cursor + 1).saturating_sub(room));
    let hidden = glyph::width(&glyphs[..skipped]);
    put_glyphs(buffer, line.x, line.y, &glyphs[skipped..], room, look, style);
    let x = line.x + (cursor.saturating_sub(hidden)) as u16;
    (x < line.right()).then_some(Position { x, y: line.y })
}

/// How many glyphs make up at least these cells.
fn skip(glyphs: &[Glyph], cells: usize) -> usize {
    let mut used = 0;
    glyphs
        .iter()
        .take_while(|glyph| {
            let goes = used < cells;
            used += usize::from(glyph.width);
            goes
        })
        .count()
}
