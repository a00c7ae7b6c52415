//! The footer: what can be done now, from the table of actions; or what there is to tell.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::glyph;
use crate::ui::action::{Action, Entry, entries};
use crate::ui::app::{App, Notice};
use crate::ui::paint::{put, put_glyphs, wipe};
use crate::ui::panels::text::wrap;
use crate::ui::theme::Role;

/// Lines that a long message may take, upwards from the footer.
const MESSAGE_LINES: usize = 4;

/// Draws the footer into one line; a long message takes more, over what is above.
pub fn render(app: &App, area: Rect, buffer: &mut Buffer) {
    let look = app.look();
    let width = usize::from(area.width);
    if let Some(notice) = app.notice() {
        return message(app, notice, area, buffer);
    }
    let mut x = area.x + 1;
    for entry in fitting(app, width.saturating_sub(1)) {
        x = put(buffer, x, area.y, &key(app, entry), width, look.style(Role::Key));
        x = put(buffer, x + 1, area.y, entry.label, width, look.style(Role::Hint)) + 2;
    }
}

fn message(app: &App, notice: &Notice, area: Rect, buffer: &mut Buffer) {
    let look = app.look();
    let (text, role) = match notice {
        Notice::Info(text) => (text, Role::Info),
        Notice::Error(text) => (text, Role::Error),
    };
    let glyphs = glyph::plain(text, look.charset);
    let room = usize::from(area.width.saturating_sub(2));
    let lines = wrap(&glyphs, room);
    let shown = lines.len().min(MESSAGE_LINES);
    let top = area.y.saturating_sub(shown as u16 - 1);
    let style = look.style(role);
    for (y, line) in (top..).zip(lines.into_iter().take(shown)) {
        wipe(buffer, Rect { y, ..area }, style);
        put_glyphs(buffer, area.x + 1, y, &glyphs[line], room, look, style);
    }
}

fn key(app: &App, entry: &'static Entry) -> String {
    app.keymap().keys(entry).first().map(|key| key.name(app.look().charset)).unwrap_or_default()
}

/// As many entries as fit, in the order of the table; the way out and the way to all others always among them.
fn fitting(app: &App, width: usize) -> Vec<&'static Entry> {
    let always = |entry: &Entry| matches!(entry.action, Action::Help | Action::Quit | Action::Close);
    let cells = |entry: &'static Entry| glyph::cells(&key(app, entry)) + glyph::cells(entry.label) + 3;
    let all: Vec<_> = app.contexts().into_iter().flat_map(entries).filter(|entry| !entry.label.is_empty()).collect();
    let mut room = width.saturating_sub(all.iter().filter(|entry| always(entry)).map(|entry| cells(entry)).sum());
    let mut full = false;
    let keep = |entry: &&'static Entry| {
        if always(entry) {
            return true;
        }
        full |= cells(entry) > room;
        if !full {
            room -= cells(entry);
        }
        !full
    };
    all.into_iter().filter(keep).collect()
}
