//! The footer: what can be done now, from the table of actions; or what there is to tell.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::glyph;
use crate::ui::action::{Action, entries};
use crate::ui::app::{App, Notice};
use crate::ui::paint::{put, put_glyphs, wipe};
use crate::ui::panels::text::lines;
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
    for hint in fitting(hints(app), width.saturating_sub(1)) {
        x = put(buffer, x, area.y, &hint.keys, width, look.style(Role::Key));
        x = put(buffer, x + 1, area.y, hint.label, width, look.style(Role::Hint)) + 2;
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
    let lines = lines(&glyphs, room);
    let shown = lines.len().min(MESSAGE_LINES);
    let top = area.y.saturating_sub(shown as u16 - 1);
    let style = look.style(role);
    for (y, line) in (top..).zip(lines.into_iter().take(shown)) {
        wipe(buffer, Rect { y, ..area }, style);
        put_glyphs(buffer, area.x + 1, y, &glyphs[line], room, look, style);
    }
}

/// What can be done, in a word, and on which keys.
struct Hint {
    action: Action,
    keys: String,
    label: &'static str,
}

impl Hint {
    /// Cells with the gap behind it.
    fn cells(&self) -> usize {
        glyph::cells(&self.keys) + glyph::cells(self.label) + 3
    }

    /// The way out, and the ways to everything else.
    fn is_always_there(&self) -> bool {
        matches!(self.action, Action::Palette | Action::Help | Action::Quit | Action::Close)
    }
}

/// All hints in the order of the table; neighbours with the same label are one: `t/T temp`.
fn hints(app: &App) -> Vec<Hint> {
    let mut hints: Vec<Hint> = Vec::new();
    for entry in app.contexts().into_iter().flat_map(entries).filter(|entry| !entry.label.is_empty()) {
        let Some(key) = app.keymap().keys(entry).first().map(|key| key.name(app.look().charset)) else { continue };
        match hints.last_mut().filter(|hint| hint.label == entry.label) {
            Some(hint) => hint.keys = format!("{}/{key}", hint.keys),
            None => hints.push(Hint { action: entry.action, keys: key, label: entry.label }),
        }
    }
    hints
}

/// As many hints as fit, the first ones first.
fn fitting(hints: Vec<Hint>, width: usize) -> impl Iterator<Item = Hint> {
    let always: usize = hints.iter().filter(|hint| hint.is_always_there()).map(Hint::cells).sum();
    let mut room = width.saturating_sub(always);
    let mut full = false;
    hints.into_iter().filter(move |hint| {
        if hint.is_always_there() {
            return true;
        }
        full |= hint.cells() > room;
        if !full {
            room -= hint.cells();
        }
        !full
    })
}

#[cfg(test)]
mod tests {
    use crate::ui::app::tests::{rows, scene_of, setup};
    use crate::ui::theme::ColourDepth;

    /// What a newcomer has to find at 80 columns, view by view.
    const FOUND: [(&str, &[&str]); 9] = [
        ("1", &["→/← step", "Enter force", "/ find", "t/T temp", "Tab filter"]),
        ("2", &["→/← step", "/ find", "t/T temp", "Tab filter"]),
        ("3", &["→/← step", "↑/↓ select", "e optimum", "v type"]),
        ("4", &["→/← step", "Tab column", "s strategy", "t/T temp"]),
        ("5", &["↑/↓ select", "Enter edit", "n new", "a audit"]),
        ("6", &["→/← step", "l scale"]),
        ("7", &["↑/↓ select", "Enter open"]),
        ("7 Enter", &["←/→ page", "Enter answer", "r reveal", "Backspace list"]),
        ("1 s", &["→/← step", "t/T temp"]),
    ];

    #[test]
    fn a_newcomer_finds_the_way_from_the_screen_alone() {
        for (keys, found) in FOUND {
            let mut scene = scene_of(setup("dark", ColourDepth::True), 80, 24, 60);
            scene.press(keys).unwrap();
            let footer = rows(&scene.buffer()).pop().unwrap_or_default();
            for hint in found.iter().chain(&[": more", "? help", "q leave"]) {
                assert!(footer.contains(hint), "{hint} after {keys}: {footer}");
            }
        }
    }

    #[test]
    fn the_list_of_lessons_shows_no_keys_of_a_page() {
        let mut scene = scene_of(setup("dark", ColourDepth::True), 200, 24, 60);
        scene.press("7").unwrap();
        let footer = rows(&scene.buffer()).pop().unwrap_or_default();
        assert!(!["page", "answer", "reveal", "list"].iter().any(|word| footer.contains(word)), "{footer}");
    }
}
