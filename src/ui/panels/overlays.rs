//! The windows: all keys, the prompt being edited, processors to add.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use tui_input::Input;

use crate::glyph::{self, Charset, Glyph};
use crate::ui::action::{ACTIONS, Context};
use crate::ui::app::App;
use crate::ui::knobs::Knobs;
use crate::ui::look::Look;
use crate::ui::overlay::Overlay;
use crate::ui::paint::{put, put_glyphs, wipe};
use crate::ui::theme::Role;

/// Draws a window over the screen. Returns where the terminal's cursor belongs, if anywhere.
pub fn render(app: &App, overlay: &Overlay, screen: Rect, buffer: &mut Buffer) -> Option<Position> {
    let look = app.look();
    match overlay {
        Overlay::Help { offset } => {
            help(look, *offset, screen, buffer);
            None
        }
        Overlay::Prompt { input } => prompt(look, input, screen, buffer),
        Overlay::Picker { selected } => {
            picker(look, *selected, screen, buffer);
            None
        }
    }
}

/// A framed window in the middle of the screen. Returns its inside.
fn window(look: Look<'_>, title: &str, size: (u16, u16), screen: Rect, buffer: &mut Buffer) -> Rect {
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

/// A line of help.
enum HelpLine {
    Title(&'static str),
    Keys(String, &'static str),
    Blank,
}

fn help_lines(charset: Charset) -> Vec<HelpLine> {
    let mut lines = Vec::new();
    for context in [Context::Step, Context::Prompt, Context::Picker, Context::Help] {
        if !lines.is_empty() {
            lines.push(HelpLine::Blank);
        }
        lines.push(HelpLine::Title(context.title()));
        for entry in ACTIONS.iter().filter(|entry| entry.context == context) {
            let keys: Vec<String> = entry.keys.iter().map(|key| key.name(charset)).collect();
            lines.push(HelpLine::Keys(keys.join("  "), entry.help));
        }
    }
    lines
}

fn help(look: Look<'_>, offset: usize, screen: Rect, buffer: &mut Buffer) {
    let lines = help_lines(look.charset);
    let height = (lines.len() as u16 + 2).min(screen.height.saturating_sub(2));
    let inside = window(look, "Keys", (78, height), screen, buffer);
    let ground = look.style(Role::Overlay);
    let on = |role: Role| look.style(role).bg(ground.bg.unwrap_or_default());
    let rows = usize::from(inside.height);
    let offset = offset.min(lines.len().saturating_sub(rows));
    for (y, line) in (inside.y..).zip(lines.iter().skip(offset).take(rows)) {
        match line {
            HelpLine::Title(title) => {
                put(buffer, inside.x, y, title, inside.width.into(), on(Role::Title));
            }
            HelpLine::Keys(keys, text) => {
                put(buffer, inside.x + 1, y, keys, 16, on(Role::Key));
                put(buffer, inside.x + 16, y, text, usize::from(inside.width.saturating_sub(16)), ground);
            }
            HelpLine::Blank => {}
        }
    }
    let more = lines.len().saturating_sub(offset + rows);
    if more > 0 {
        let text = format!(" {more} more below ");
        put(buffer, inside.x, inside.bottom(), &text, inside.width.into(), on(Role::Muted));
    }
}

fn prompt(look: Look<'_>, input: &Input, screen: Rect, buffer: &mut Buffer) -> Option<Position> {
    let width = screen.width.saturating_sub(4).min(110);
    let inside = window(look, "Prompt", (width, 5), screen, buffer);
    let style = look.style(Role::Input);
    let room = usize::from(inside.width);
    let y = inside.y + inside.height / 2;
    put(buffer, inside.x, y, &" ".repeat(room), room, style);
    let glyphs = glyph::plain(input.value(), look.charset);
    let before: String = input.value().chars().take(input.cursor()).collect();
    let cursor = glyph::width(&glyph::plain(&before, look.charset));
    // The text slides left just far enough that the cursor shows.
    let skipped = skip(&glyphs, (cursor + 1).saturating_sub(room));
    let hidden = glyph::width(&glyphs[..skipped]);
    put_glyphs(buffer, inside.x, y, &glyphs[skipped..], room, look, style);
    let x = inside.x + (cursor.saturating_sub(hidden)) as u16;
    (x < inside.right()).then_some(Position { x, y })
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

fn picker(look: Look<'_>, selected: usize, screen: Rect, buffer: &mut Buffer) {
    let rows: Vec<_> = Knobs::addable().collect();
    let height = (rows.len() as u16 + 2).min(screen.height.saturating_sub(2));
    let inside = window(look, "Add a stage", (96, height), screen, buffer);
    let ground = look.style(Role::Overlay);
    let room = usize::from(inside.height);
    let first = (selected + 1).saturating_sub(room);
    for (y, (index, row)) in (inside.y..).zip(rows.iter().enumerate().skip(first).take(room)) {
        let style = if index == selected { look.style(Role::Selected) } else { ground };
        put(buffer, inside.x, y, &" ".repeat(inside.width.into()), inside.width.into(), style);
        put(buffer, inside.x + 1, y, row.name, 22, style);
        let room = usize::from(inside.width.saturating_sub(24));
        put_glyphs(buffer, inside.x + 24, y, &glyph::plain(row.summary, look.charset), room, look, style);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_lists_every_action() {
        let listed = help_lines(Charset::Unicode).into_iter().filter(|line| matches!(line, HelpLine::Keys(..))).count();
        assert_eq!(listed, ACTIONS.len());
    }
}
